#!/bin/bash
# SPDX-License-Identifier: MIT
# Records that fail: reports, retries, timeouts, --halt, exit codes.
. "$(dirname "$0")/lib.sh"

# ---- reports -----------------------------------------------------------------
seq 5 | run "$weir" map -j 2 -- sh -c '
    if [ "$0" = 3 ]; then echo "bad thing" >&2; echo half; exit 7; fi
    echo "$0"' > "$work/got"
printf '1\n2\n4\n5\n' > "$work/want"
is "a failed record: exit 4" 4 "$status"
same "a failed record: no half result" "$work/want" "$work/got"
has "a failed record: its number and status" "$work/err" \
    'record 3 failed: exit status 7'
has "a failed record: its standard error" "$work/err" 'bad thing'
has "a failed record: what was held back" "$work/err" '5 bytes of output'
is "a failed record: ledger" "5 4 0 1 0" "$(ledger "$work/err")"

echo x | run "$weir" map -- sh -c 'kill -9 $$'
has "a killed command: its signal" "$work/err" \
    'record 1 failed: killed by signal 9'
is "a killed command: exit 4" 4 "$status"

# ---- retries -----------------------------------------------------------------
seq 3 | run "$weir" map -j 1 --retries 2 -- sh -c '
    echo x >> "$0/tries.$1"
    [ "$(wc -l < "$0/tries.$1")" -gt "$1" ] || exit 1
    echo "$1"' "$work" > "$work/got"
printf '1\n2\n' > "$work/want"
same "--retries 2: what needs two or three tries" "$work/want" "$work/got"
is "--retries 2: the fourth is not made" 3 "$(wc -l < "$work/tries.3")"
has "--retries 2: tries in the report" "$work/err" 'record 3 failed.*3 tries'
is "--retries 2: ledger" "3 2 0 1 0" "$(ledger "$work/err")"

# ---- timeouts ----------------------------------------------------------------
# More tries for those whom a busy machine keeps from being done in time.
mkfifo "$work/never"
seq 3 | run "$weir" map -j 3 --timeout 1s --retries 3 -- sh -c '
    [ "$1" != 2 ] || read -r x < "$0/never"
    echo "$1"' "$work" > "$work/got"
printf '1\n3\n' > "$work/want"
is "--timeout: exit 124" 124 "$status"
same "--timeout: the others are there" "$work/want" "$work/got"
has "--timeout: said" "$work/err" 'record 2 failed: timed out'
is "--timeout: ledger" "3 2 0 1 0" "$(ledger "$work/err")"

# One that is done while weir stands still is done in time, though weir comes
# to look when that is over. Stopped too late, weir is right: again.
for try in 1 2 3; do
    echo x | run "$weir" map --timeout 2s -- sh -c '
        is() { grep -q "^State:.$2" "/proc/$1/status"; }
        (
            exec >&- 2>&-
            kill -s STOP $PPID
            until is $$ Z; do sleep 0.05; done
            sleep 2
            kill -s CONT $PPID
        ) &
        until is $PPID T; do sleep 0.05; done
        echo "$0"' > "$work/got"
    [ "$status" -ne 0 ] || break
done
is "--timeout: one that is done while nobody looks" "0 x" \
    "$status $(cat "$work/got")"

echo x | run "$weir" map --timeout 200ms -- sh -c '
    trap "" TERM; sleep 1000 & sleep 1001' > "$work/got"
is "--timeout: one that ignores SIGTERM, and its children" 124 "$status"

echo 1000 | run "$weir" map --timeout 200ms --retries 1 -- sleep
has "--timeout and --retries: tried twice" "$work/err" \
    'record 1 failed: timed out.*, 2 tries'
is "--timeout and --retries: exit 124" 124 "$status"

# The second cannot be an argument, however long that takes.
printf '1000\n1\0\n' | run "$weir" map --timeout 200ms -- sleep
is "a timeout and a failure: exit 4" 4 "$status"
is "a timeout and a failure: ledger" "2 0 0 2 0" "$(ledger "$work/err")"

# ---- halt --------------------------------------------------------------------
seq 100 | run "$weir" map -j 1 --halt never -- sh -c '[ "$0" != 3 ]'
is "--halt never: ledger" "100 99 0 1 0" "$(ledger "$work/err")"

# Record 3 fails while 1 and 2 run; these go on when that has been said.
mkfifo "$work/ran1" "$work/ran2" "$work/go1" "$work/go2" "$work/said"
seq 1000 | timeout -k 5 $too_long "$weir" map -j 3 --capacity 10 --halt soon \
    --unordered -- sh -c '
    case $1 in
    1|2) echo x > "$0/ran$1"; read -r x < "$0/go$1" ;;
    3) read -r x < "$0/ran1"; read -r x < "$0/ran2"; exit 1 ;;
    esac
    echo "$1"' "$work" > "$work/got" 2> "$work/said" &
pid=$!
{
    read -r line
    echo "$line" > "$work/err"
    echo x > "$work/go1"
    echo x > "$work/go2"
    cat >> "$work/err"
} < "$work/said"
await "$pid"
is "--halt soon: exit 4" 4 "$status"
balanced "--halt soon: ledger" "$work/err"
read -r in out dropped fail left <<< "$(ledger "$work/err")"
check "--halt soon: what ran is finished" grep -qx 2 "$work/got"
is "--halt soon: one failed" 1 "$fail"
check "--halt soon: the rest is left" [ "$in" -lt 1000 ]
is "--halt soon: all results are there" "$out" "$(wc -l < "$work/got")"

seq 1000 | run "$weir" map -j 3 --capacity 10 --halt now -- sh -c '
    case $0 in
    1|2) exec sleep 1000 ;;
    3) exit 1 ;;
    esac' > "$work/got"
is "--halt now: exit 4" 4 "$status"
balanced "--halt now: ledger" "$work/err"
read -r in out dropped fail left <<< "$(ledger "$work/err")"
is "--halt now: one failed" 1 "$fail"
check "--halt now: what ran is left" [ "$left" -ge 2 ]
finish
