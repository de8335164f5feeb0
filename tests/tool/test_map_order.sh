#!/bin/bash
# SPDX-License-Identifier: MIT
# Results come out in input order, each whole, byte for byte what a loop that
# runs one command after another puts out. WEIR_ROUNDS (1) repeats it.
. "$(dirname "$0")/lib.sh"

records=${WEIR_RECORDS:-10000}
rounds=${WEIR_ROUNDS:-1}

seq "$records" > "$work/in"
while IFS= read -r r; do
    printf 'record %s\nof %s\n' "$r" "$records"
done < "$work/in" > "$work/want"

for ((i = 1; i <= rounds; i++)); do
    run "$weir" map --ordered -j 8 -- \
        printf 'record %s\nof '"$records"'\n' < "$work/in" > "$work/got"
    is "$records records, -j 8, round $i: exit 0" 0 "$status"
    same "$records records, -j 8, round $i: as the loop" "$work/want" \
        "$work/got"
    is "$records records, -j 8, round $i: ledger" \
        "$records $records 0 0 0" "$(ledger "$work/err")"
done

# The first to start is the last to end: all the others wait for it.
mkfifo "$work/last"
seq 40 > "$work/in"
run "$weir" map -j 4 -- sh -c '
    case $1 in
    1) read -r x < "$0/last" ;;
    30) echo go > "$0/last" ;;
    esac
    echo "$1"' "$work" < "$work/in" > "$work/got"
same "a slow first record: order holds" "$work/in" "$work/got"

run "$weir" map -j 4 --unordered -- sh -c '
    case $1 in
    1) read -r x < "$0/last" ;;
    30) echo go > "$0/last" ;;
    esac
    echo "$1"' "$work" < "$work/in" > "$work/got"
sort -n "$work/got" > "$work/sorted"
same "--unordered: the same records" "$work/in" "$work/sorted"
check "--unordered: the slow one comes later" \
    [ "$(head -n 1 "$work/got")" != 1 ]

# The window is bounded: with record 1 stuck, no more than --window records
# are ever begun, however many wait.
mkfifo "$work"/begun{1,2,3,4,5} "$work/go"
seq 200 > "$work/in"
"$weir" map -j 3 --window 5 --capacity 2 -- sh -c '
    echo "$1" >> "$0/started"
    [ "$1" -gt 5 ] || echo x > "$0/begun$1"
    [ "$1" != 1 ] || read -r x < "$0/go"
    echo "$1"' "$work" < "$work/in" > "$work/got" 2> "$work/err" &
pid=$!
for i in 1 2 3 4 5; do read -r x < "$work/begun$i"; done
# Whatever else could begin would do so before this one has its turn.
for ((i = 0; i < 20; i++)); do sh -c :; done
is "a stuck record holds the input back" 5 "$(wc -l < "$work/started")"
echo x > "$work/go"
await "$pid"
same "and it goes on in order" "$work/in" "$work/got"

for options in "-j 1" "-j 16 --window 1" "-j 2 --capacity 1" "-j 64"; do
    # shellcheck disable=SC2086
    run "$weir" map $options -- echo < "$work/in" > "$work/got"
    same "$options" "$work/in" "$work/got"
done

# Results of more than a pipe holds stay whole.
seq 20 | run "$weir" map -j 8 -- sh -c 'yes "line $0" | head -n 50000' \
    > "$work/got"
for ((i = 1; i <= 20; i++)); do yes "line $i" | head -n 50000; done \
    > "$work/want"
same "large results are whole" "$work/want" "$work/got"
finish
