#!/bin/bash
# SPDX-License-Identifier: MIT
# weir sub: messages as lines; groups, positions, acks, and how it ends.
. "$(dirname "$0")/lib.sh"
cd "$work" || exit
need_file
lines=${WEIR_RECORDS:-5000}

# fill TOPIC: the numbers to $lines.
fill() {
    seq "$lines" > in
    "$weir" pub "file:q.db?topic=$1&sync=off" < in 2> puberr
}

# rest TOPIC GROUP: what the group has not had.
rest() {
    "$weir" sub "file:q.db?topic=$1" --group "$2" --until-empty 2> suberr
}

# ---- groups and positions ----------------------------------------------------
fill a
for i in 1 2; do
    run "$weir" sub 'file:q.db?topic=a' --until-empty > got
    is "without a group, $i: exit 0" 0 "$status"
    same "without a group, $i: all of it" in got
    is "without a group, $i: ledger" "$lines $lines 0 0 0" "$(ledger err)"
done
run "$weir" sub 'file:q.db?topic=a' --group g --count 3 > got
is "--count: exit 0" 0 "$status"
seq 3 > want
same "--count: so many" want got
rest a g > got
seq 4 "$lines" > want
same "a group goes on where it was" want got
rest a g > got
is "a group gets no message twice" 0 "$(wc -c < got)"

fill shared
"$weir" sub 'file:q.db?topic=shared' -g g --until-empty > got1 2> err1 &
pid=$!
"$weir" sub 'file:q.db?topic=shared' -g g --until-empty > got2 2> err
await "$pid"
sort -n got1 got2 > got
same "two of a group: each message goes to one" in got

# ---- --from ------------------------------------------------------------------
"$weir" sub 'file:q.db?topic=a' --from $((lines - 1)) --until-empty \
    > got 2> err
seq $((lines - 1)) "$lines" > want
same "--from a number" want got
for from in 1h @1 2020-01-01 '2020-01-01 10:00' 2020-01-01T10:00:00Z; do
    "$weir" sub 'file:q.db?topic=a' --from "$from" --until-empty > got 2> err
    same "--from $from: all that came since" in got
done
for from in end @99999999999 2200-01-01; do
    "$weir" sub 'file:q.db?topic=a' --from "$from" --until-empty > got 2> err
    is "--from $from: nothing that is there" 0 "$(wc -c < got)"
done

# What is published while it waits.
: > err
"$weir" sub 'file:q.db?topic=live' --from end -n 2 > got 2> err &
pid=$!
wait_for "$pid" 'in 0 = '
"$weir" pub 'file:q.db?topic=live' -m one 2> puberr
wait_for "$pid" 'in 1 = out 1 '
is "each message is written as it comes" one "$(cat got)"
"$weir" pub 'file:q.db?topic=live' -m two 2> puberr
await "$pid"
is "and the last ends --count" 0 "$status"

printf 'a\nb\0c\0' | "$weir" pub --null 'file:q.db?topic=null' -k k 2> puberr
"$weir" sub 'file:q.db?topic=null' --until-empty --null --keyed > got 2> err
printf 'k\ta\nb\0k\tc\0' > want
same "--null, --keyed" want got

# ---- what is not written is not acked ----------------------------------------
fill full
run "$weir" sub 'file:q.db?topic=full' -g g > /dev/full
is "a full disk: exit 4" 4 "$status"
has "a full disk: said" err 'cannot write standard output: .*space'
balanced "a full disk: ledger" err
rest full g > got
same "a full disk: nothing of it was acked" in got

fill pipe
"$weir" sub 'file:q.db?topic=pipe' -g g 2> err | head -n 1 > got
is "a consumer that goes: exit 0" 0 "${PIPESTATUS[0]}"
balanced "a consumer that goes: ledger" err
out=$(ledger err | cut -d' ' -f2)
rest pipe g > got
check "a consumer that goes: what was written counts, and no more" \
    [ "$(wc -l < got)" -eq $((lines - out)) ]
: > err
"$weir" sub 'file:q.db?topic=pipe' --from end 2> err | true
is "a consumer that goes while nothing comes: exit 0" 0 "${PIPESTATUS[0]}"

# stuck TOPIC OPTIONS...: one whose consumer reads nothing. Sets $pid, $reader.
mkfifo stuck
stuck() {
    local topic=$1
    shift
    sh -c 'exec 5< stuck; exec sleep 1000' &
    reader=$!
    : > err
    "$weir" sub "file:q.db?topic=$topic" "$@" > stuck 2> err &
    pid=$!
    wait_for "$pid" 'in [1-9]'
}

# Lines of which 256 are more than a pipe holds.
seq -f '%01000.0f' 300 | "$weir" pub 'file:q.db?topic=long&sync=off' 2> puberr
stuck long -g g --grace 100ms
kill -TERM "$pid"
await "$pid"
kill "$reader"
is "SIGTERM, a consumer that is stuck: exit 143" 143 "$status"
balanced "SIGTERM, a consumer that is stuck: ledger" err
out=$(ledger err | cut -d' ' -f2)
rest long g > got
is "SIGTERM: what was not written comes again at once" $((300 - out)) \
    "$(wc -l < got)"

stuck long -g h --ack-wait 500ms
kill -9 "$pid"
await "$pid"
kill "$reader"
rest long h > got
is "kill -9: what was not acked comes again" 300 "$(wc -l < got)"
has "kill -9: as a redelivery" suberr '[1-9][0-9]* delivered again'

: > err
"$weir" sub 'file:q.db?topic=a' > got 2> err &
pid=$!
wait_for "$pid" "in $lines = out $lines "
kill -INT "$pid"
await "$pid"
is "SIGINT while it waits: exit 130" 130 "$status"
same "SIGINT while it waits: all of it" in got

# ---- other ends --------------------------------------------------------------
# One that lags behind a topic that drops is told.
run "$weir" sub 'file:q.db?topic=lag' -g g --until-empty > got
seq 10 | "$weir" pub 'file:q.db?topic=lag&max_messages=3&on_full=drop-oldest' \
    2> puberr
run "$weir" sub 'file:q.db?topic=lag' -g g --until-empty > got
seq 8 10 > want
same "a topic that drops: the rest" want got
has "a topic that drops: said" err 'has taken 7 messages before this group had them'

run "$weir" sub 'file:q.db?topic=none' --until-empty > got
is "an empty topic: exit 0" 0 "$status"
run "$weir" sub 'file:q.db?topic=none' --until-empty --strict > got
is "--strict, and nothing left: exit 0" 0 "$status"

# What is read from the file for longer than --until-empty waits.
if [ "${WEIR_RECORDS:-5000}" -ge 5000 ]; then
    head -c 48000000 /dev/zero | tr '\0' x |
        "$weir" pub 'file:big.db?sync=off' 2> err
    run "$weir" sub file:big.db --until-empty | wc -c > got
    is "--until-empty: a large message" 48000001 "$(cat got)"
    rm -f big.db*
fi

# ---- usage -------------------------------------------------------------------
wrong() { # PATTERN ARGUMENTS...
    local pattern=$1
    shift
    run "$weir" sub "$@"
    is "weir sub $*: exit 1" 1 "$status"
    has "weir sub $*: said" err "$pattern"
}
url=file:q.db
wrong 'no topic: .*URL'
wrong 'engine for nope: URLs' nope:x
wrong 'mem:x: its messages never leave a process.*file:PATH' mem:x
wrong 'unknown option "depth"' 'file:q.db?depth=3'
wrong 'b: there is one topic, file:a' file:a b
wrong "option --group: '' is not a name of 1 to 255" $url --group ''
wrong "option --group: .* of 1 to 255" $url --group "$(printf '%0256d' 0)"
for from in '' now -1 12x @x 2026-13-01 2026-02-30 '10:00'; do
    wrong "option --from: '$from' is not begin, end, a message's number" \
        $url --from "$from"
done
for n in 0 -1 x ''; do
    wrong 'option --count: .*a whole number from 1' $url --count "$n"
    wrong 'option --max-deliveries: .*a whole number from 1' $url \
        --max-deliveries "$n"
    wrong 'option --ack-wait: .*a time above 0' $url --ack-wait "$n"
    wrong 'option --jobs: .*from 1 to 4096' $url --exec true --jobs "$n"
    wrong 'option --timeout: .*a time above 0' $url --exec true --timeout "$n"
done
wrong 'option --backoff: .*a time' $url --exec true --backoff x
wrong "option --exec: '' is not a command" $url --exec ''
wrong "option --dead-letter: '' is not a topic" $url --dead-letter ''
for option in '--jobs 2' '--timeout 1s' '--backoff 1s'; do
    # shellcheck disable=SC2086
    wrong 'need --exec' $url $option
done
wrong 'are for lines, not for --exec' $url --exec true --keyed
finish
