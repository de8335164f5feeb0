#!/bin/bash
# SPDX-License-Identifier: MIT
# Commands that are killed while they work: those records are reported, none
# is lost, none comes twice. WEIR_RECORDS (3000) and WEIR_ROUNDS (1).
. "$(dirname "$0")/lib.sh"

records=${WEIR_RECORDS:-3000}
rounds=${WEIR_ROUNDS:-1}
seq "$records" > "$work/in"

# Records in the output or in a report: each of them exactly once.
account() { # NAME
    sed -nE 's/.*record ([0-9]+) failed: .*/\1/p' "$work/err" > "$work/reported"
    sort -n "$work/got" "$work/reported" > "$work/all"
    same "$1: each record once" "$work/in" "$work/all"
    check "$1: in order" sort -n -c "$work/got"
    balanced "$1: ledger balances" "$work/err"
    is "$1: ledger" \
        "$records $(wc -l < "$work/got") 0 $(wc -l < "$work/reported") 0" \
        "$(ledger "$work/err")"
}

# Some kill themselves, before, amid and after their output.
run "$weir" map -j 8 -- sh -c '
    case $0 in
    *13) kill -9 $$ ;;
    *29) printf half; kill -9 $$ ;;
    *31) echo "$0"; kill -9 $$ ;;
    esac
    echo "$0"' < "$work/in" > "$work/got"
account "killed by themselves"
is "killed by themselves: exit 4" 4 "$status"

# Kills whatever children of $1 it meets, one at a time, until $1 ends. A leak
# checker looks with the help of a child, too, and would wait for it for ever.
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"
killer() {
    local child
    while kill -0 "$1" 2> /dev/null; do
        for child in $(cat /proc/"$1"/task/*/children 2> /dev/null); do
            ((RANDOM % 4 == 0)) && kill -9 "$child" 2> /dev/null
        done
    done
}

kill_at_random() { # NAME COMMAND...
    local name=$1
    shift
    "$@" < "$work/in" > "$work/got" 2> "$work/err" &
    local pid=$!
    killer "$pid" &
    local killer=$!
    await "$pid"
    kill "$killer" 2> /dev/null
    wait "$killer" 2> /dev/null
    account "$name"
    # A coprocess may be met between its last answer and its end.
    if [ -s "$work/reported" ] ||
        grep -q 'a coprocess ended badly' "$work/err"; then
        is "$name: exit 4" 4 "$status"
    else
        is "$name: exit 0" 0 "$status"
    fi
}

for ((i = 1; i <= rounds; i++)); do
    kill_at_random "killed at random, round $i" "$weir" map -j 8 -- echo
    kill_at_random "coprocesses killed at random, round $i" \
        "$weir" map -j 8 --coproc -- cat
done

# With retries, those who are killed once come all the same.
run "$weir" map -j 4 --retries 1 -- sh -c '
    case $1 in
    *7) [ -e "$0/$1" ] || { : > "$0/$1"; kill -9 $$; } ;;
    esac
    echo "$1"' "$work" < "$work/in" > "$work/got"
same "killed once, tried again: all are there" "$work/in" "$work/got"
is "killed once, tried again: exit 0" 0 "$status"
finish
