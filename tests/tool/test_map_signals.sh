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
wait_for "$pid" 'in 3 = '
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

# ---- a consumer that goes away -----------------------------------------------
timeout 120 "$weir" map -j 2 -- echo 2> "$work/err" < <(yes) | head -n 1 \
    > "$work/got"
statuses=("${PIPESTATUS[@]}")
is "EPIPE: exit 0" 0 "${statuses[0]}"
balanced "EPIPE: ledger" "$work/err"
is "EPIPE: nothing else is said" 1 "$(wc -l < "$work/err")"

timeout 120 "$weir" map --strict -j 2 -- echo 2> "$work/err" < <(yes) |
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
