#!/bin/bash
# SPDX-License-Identifier: MIT
# weir follow: files that grow, rotate, are truncated, come late or never.
. "$(dirname "$0")/lib.sh"
cd "$work" || exit

# Starts to follow; sets $pid.
follow() { # ARGUMENTS...
    : > err
    "$weir" follow "$@" > got 2> err &
    pid=$!
}

# Waits until so many lines have been written.
until_out() { # N
    wait_for "$pid" "in $1 = out $1 "
}

# Waits until it has the file open, at that byte or behind it.
until_at() { # FILE BYTE
    local i fd at
    for ((i = 0; i < 12000; i++)); do
        [ -e "/proc/$pid/exe" ] || return
        for fd in "/proc/$pid"/fd/*; do
            [ "$fd" -ef "$1" ] || continue
            at=$(sed -n 's/^pos:[[:space:]]*//p' \
                "/proc/$pid/fdinfo/${fd##*/}" 2> /dev/null)
            [ "${at:-0}" -ge "$2" ] && return
        done
        sleep 0.05
    done
    echo "    waited in vain for: $1, byte $2"
}

end() { # NAME: ends it and compares what came with ./want
    kill -TERM "$pid"
    await "$pid"
    is "$1: exit 143" 143 "$status"
    same "$1: the lines" want got
    balanced "$1: ledger" err
}

# ---- growing -----------------------------------------------------------------
printf '1\n2\n' > log
follow log
until_out 2
echo 3 >> log
until_out 3
printf 'half' >> log
echo 4 > other && until_out 3
echo ' whole' >> log
until_out 4
printf '1\n2\n3\nhalf whole\n' > want
end "a file that grows"

printf '1\n2' > log
follow --from end log
until_at log 2
printf '22\n3\n' >> log
until_out 2
printf 'unfinished' >> log
printf '222\n3\n' > want
end "--from end: the line that is being written comes whole"

seq 3 > a && seq 4 6 > b
follow a b
until_out 6
echo 7 >> a
until_out 7
kill -TERM "$pid"
await "$pid"
printf '1\n2\n3\n7\n' | sed 's/^/a: /' > want
seq 4 6 | sed 's/^/b: /' >> want
sort got > sorted
same "several files: each line whole, with its name" want sorted

# ---- rotation, truncation, absence -------------------------------------------
echo 1 > log
follow log
until_out 1
mv log log.1
echo 2 >> log.1 # the writer has it open still
until_out 2
: > log
echo 3 >> log.1 # there is a new one, but its writer has not come over
until_out 3
echo 4 > log
until_out 4
seq 4 > want
end "rotation: nothing of the old or the new file is lost"

printf '1\n2\n3' > log
follow log
until_out 2
: > log
until_out 3
echo 4 >> log
until_out 4
seq 4 > want
has "truncation: said" err 'log: truncated; reading it from its start'
end "truncation: from the start, and the last line is ended"

echo 1 > log
follow log
until_out 1
echo 2 > new && mv new log
until_out 2
rm log
wait_for "$pid" 'log: has gone; waiting'
echo 3 > log
until_out 3
seq 3 > want
end "replaced, removed, made again"

rm -rf log deep
follow deep/down/log
wait_for "$pid" 'log: is not there yet; waiting'
mkdir deep && mkdir deep/down && echo 1 > deep/down/log
until_out 1
mv deep away && mkdir -p deep/down && echo 2 > deep/down/log
until_out 2
seq 2 > want
end "a file that appears later, as do its directories"

mkdir place
follow place
wait_for "$pid" 'place: cannot be followed: Is a directory'
rmdir place && echo 1 > place
until_out 1
kill -TERM "$pid"
await "$pid"
is "a directory whose name becomes a file's" 1 "$(cat got)"

echo 1 > log
follow log
until_out 1
rm log && mkdir log
wait_for "$pid" 'log: cannot be followed: Is a directory'
rmdir log && echo 2 > log
until_out 2
seq 2 > want
end "a file whose name becomes a directory's, and a file's again"

if [ "$(id -u)" -ne 0 ]; then
    echo 1 > shut && chmod 0 shut
    follow shut
    wait_for "$pid" 'shut: .*Permission denied'
    chmod 600 shut
    until_out 1
    echo 1 > want
    end "a file that may be read later"
fi

# A writer that appends while its file is rotated many times.
rm -f log log.*
follow log
wait_for "$pid" 'waiting'
for ((i = 1; i <= 20; i++)); do
    seq $((i * 100 - 99)) $((i * 100)) >> log
    until_out $((i * 100))
    mv log log.$i
done
seq 2000 > want
end "twenty rotations"

# ---- its end -----------------------------------------------------------------
printf '1\n2\n3' > log
run "$weir" follow --once log > got
is "--once: exit 0" 0 "$status"
seq 3 > want
same "--once: the last line needs no end" want got
is "--once: ledger" "3 3 0 0 0" "$(ledger err)"
run "$weir" follow --once --null --names log > got
printf 'log: 1\n2\n3\0' > want
same "--null --names" want got

run "$weir" follow --once none log > got
is "--once, a missing file: exit 4" 4 "$status"
has "--once, a missing file: said" err 'none: cannot be followed: No such file'
is "--once, a missing file: the other has all" "log: 3" "$(tail -n 1 got)"
mkfifo fifo
run "$weir" follow --once fifo > got
is "a FIFO: exit 4" 4 "$status"
has "a FIFO: said" err 'fifo: is no regular file'
if [ "$(id -u)" -ne 0 ]; then
    : > shut && chmod 0 shut
    run "$weir" follow --once shut > got
    has "an unreadable file: said" err 'shut: .*Permission denied'
fi

seq 3 > log && printf '%01000d\n' 0 >> log && echo 4 >> log
run "$weir" follow --once --max-record 999 log > got
is "a line that is too long: exit 4" 4 "$status"
seq 4 > want
same "a line that is too long: the others" want got
is "a line that is too long: ledger" "5 4 0 1 0" "$(ledger err)"

seq 2000 > log
run "$weir" follow --once --max-bytes 1 log > got
same "--max-bytes: as little as one" log got
seq 200000 > log

timeout $too_long "$weir" follow log 2> err | head -n 1 > got
is "a consumer that goes while there is more: exit 0" 0 "${PIPESTATUS[0]}"
balanced "a consumer that goes: ledger" err
timeout $too_long "$weir" follow --from end log 2> err | true
is "a consumer that goes while nothing comes: exit 0" 0 "${PIPESTATUS[0]}"
run "$weir" follow log > /dev/full
is "a full disk: exit 4" 4 "$status"
has "a full disk: said" err 'cannot write standard output: .*space'
balanced "a full disk: ledger" err

# The output holds nothing back, and takes nothing: two signals end it.
mkfifo stuck
sh -c 'exec 5< stuck; exec sleep 1000' &
reader=$!
: > err
"$weir" follow --grace 100ms log > stuck 2> err &
pid=$!
wait_for "$pid" 'in [1-9]'
kill -TERM "$pid"
await "$pid"
kill "$reader"
is "the grace is over: exit 143" 143 "$status"
balanced "the grace is over: ledger" err

# ---- usage -------------------------------------------------------------------
wrong() { # PATTERN ARGUMENTS...
    local pattern=$1
    shift
    run "$weir" follow "$@" > got
    is "weir follow $*: exit 1" 1 "$status"
    has "weir follow $*: said" err "$pattern"
}
wrong 'no file: .*FILE'
wrong "'-' cannot be followed" -
wrong "'' cannot be followed" ''
wrong "option --from: 'now' is not begin or end" --from now log
wrong 'option --max-record: .*a size from 1 to 1T' --max-record 0 log
wrong 'option --max-bytes: .*a size from 1 to 1T' --max-bytes x log
finish
