#!/bin/bash
# SPDX-License-Identifier: MIT
# SIGINT, SIGTERM, --grace, the second signal, SIGUSR1, a consumer that goes.
. "$(dirname "$0")/lib.sh"

# Starts weir with its input held open; record 1 tells that it runs and waits
# for $work/go. Sets $pid.
start() { # OPTIONS...
    rm -f "$work/begun" "$work/go" "$work/input" "$work/got"
    mkfifo "$work/begun" "$work/go" "$work/input"
    # shellcheck disable=SC2016
    "$weir" map -j 2 "$@" -- sh -c '
        if [ "$1" = 1 ]; then
            echo x > "$0/begun"
            read -r x < "$0/go"
        fi
        echo "$1"' "$work" < "$work/input" > "$work/got" 2> "$work/err" &
    pid=$!
    exec 3> "$work/input"
    printf '1\n2\n3\n' >&3
    read -r x < "$work/begun"
}

for sig in INT TERM HUP; do
    start
    wait_for "$pid" 'in 3 = '
    kill -s "$sig" "$pid"
    echo x > "$work/go"
    await "$pid"
    exec 3>&-
    is "SIG$sig: exit 128 + signal" "$((128 + $(kill -l $sig)))" "$status"
    printf '1\n2\n3\n' > "$work/want"
    same "SIG$sig: what was read is finished" "$work/want" "$work/got"
    is "SIG$sig: ledger" "3 3 0 0 0" "$(ledger "$work/err")"
done

start --grace 200ms
wait_for "$pid" 'in 3 = .*running 1, waiting for their turn 2'
kill -TERM "$pid"
await "$pid"
exec 3>&-
is "the grace is over: exit 143" 143 "$status"
is "the grace is over: what was not finished is left" "3 2 0 0 1" \
    "$(ledger "$work/err")"

start --grace 0
kill -TERM "$pid"
await "$pid"
exec 3>&-
is "--grace 0: exit 143" 143 "$status"
balanced "--grace 0: ledger" "$work/err"

start --grace 1h
kill -INT "$pid"
wait_for "$pid" 'SIGINT: finishing'
kill -INT "$pid"
await "$pid"
exec 3>&-
is "a second signal: exit 130" 130 "$status"
balanced "a second signal: ledger" "$work/err"

start
wait_for "$pid" 'in 3 = out [0-9]+ \+ dropped 0 \+ failed 0 \+ left [0-9]+'
has "SIGUSR1: a snapshot while it runs" "$work/err" \
    'in 3 = .*running [12], waiting for their turn'
echo x > "$work/go"
exec 3>&-
await "$pid"
is "SIGUSR1: and it goes on" 0 "$status"

# A FIFO that nobody has opened for writing holds up nothing.
mkfifo "$work/fifo"
"$weir" map "$work/fifo" -- echo > "$work/got" 2> "$work/err" &
pid=$!
wait_for "$pid" 'in 0 = '
kill -TERM "$pid"
await "$pid"
is "a FIFO without a writer: exit 143" 143 "$status"
"$weir" map "$work/fifo" -- echo > "$work/got" 2> "$work/err" &
pid=$!
wait_for "$pid" 'in 0 = '
echo late > "$work/fifo"
await "$pid"
is "a FIFO whose writer comes late" late "$(cat "$work/got")"

# Standard error that nobody reads, and that is full, holds up neither signal.
rm -f "$work/begun" "$work/go"
mkfifo "$work/stuck" "$work/begun" "$work/go"
sh -c 'exec 5< "$0"; exec sleep 1000' "$work/stuck" &
reader=$!
dd if=/dev/zero of="$work/stuck" bs=65536 count=1 2> /dev/null
seq 2 | "$weir" map --grace 1h -j 2 --unordered -- sh -c '
    [ "$1" = 1 ] || exit 1
    echo x > "$0/begun"
    read -r x < "$0/go"' "$work" > "$work/got" 2> "$work/stuck" &
pid=$!
read -r x < "$work/begun"
kill -TERM "$pid"
kill -INT "$pid"
await "$pid"
kill "$reader"
wait "$reader" 2> /dev/null
check "standard error is stuck: two signals end it" [ "$status" -gt 128 ]

# ---- a consumer that goes away -----------------------------------------------
timeout $too_long "$weir" map -j 2 -- echo 2> "$work/err" < <(yes) | head -n 1 \
    > "$work/got"
statuses=("${PIPESTATUS[@]}")
is "EPIPE: exit 0" 0 "${statuses[0]}"
balanced "EPIPE: ledger" "$work/err"
is "EPIPE: nothing else is said" 1 "$(wc -l < "$work/err")"

timeout $too_long "$weir" map --strict -j 2 -- echo 2> "$work/err" < <(yes) |
    head -n 1 > "$work/got"
statuses=("${PIPESTATUS[@]}")
is "EPIPE with --strict: exit 3" 3 "${statuses[0]}"

seq 5 > "$work/in"
run "$weir" map -- echo < "$work/in" > /dev/full
is "a full disk: exit 4" 4 "$status"
has "a full disk: said" "$work/err" 'cannot write standard output: .*space'
balanced "a full disk: ledger" "$work/err"

run "$weir" map -- echo < "$work/in" >&-
is "no standard output: exit 4" 4 "$status"
balanced "no standard output: ledger" "$work/err"
run "$weir" map -- echo <&-
is "no standard input: exit 4" 4 "$status"
finish
