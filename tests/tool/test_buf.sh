#!/bin/bash
# SPDX-License-Identifier: MIT
# A buffer between two programs: what goes in comes out, and what it holds,
# drops and leaves is accounted for.
. "$(dirname "$0")/lib.sh"

# ---- what goes in comes out --------------------------------------------------
head -c 20000000 /dev/urandom > "$work/in"
for options in "" "--lines" "--null" "--capacity 1" "--capacity 100" \
    "--capacity 1000000" "--lines --capacity 3" "--start-fill 100" \
    "--start-fill 50% --capacity 1M" "--on-full drop --capacity 100M" \
    "--on-full drop-oldest --capacity 100M" \
    "--on-full error --capacity 100M --lines --capacity 100MB"; do
    input=$work/in
    if [ "$options" = "--capacity 1" ] || [ "$options" = "--capacity 100" ]
    then
        head -c 20000 "$work/in" > "$work/short"
        input=$work/short
    fi
    # shellcheck disable=SC2086,SC2002
    cat "$input" | run "$weir" buf $options | cat > "$work/got"
    same "from pipe to pipe: $options" "$input" "$work/got"
    # shellcheck disable=SC2086
    run "$weir" buf $options < "$input" > "$work/got"
    same "from file to file: $options" "$input" "$work/got"
    is "exit 0: $options" 0 "$status"
done

run "$weir" buf < "$work/in" > /dev/null
is "ledger in bytes" "20000000 20000000 0 0 0" "$(ledger "$work/err")"
printf 'a\nb\n\nc' | run "$weir" buf --lines > "$work/got"
is "ledger in lines" "4 4 0 0 0" "$(ledger "$work/err")"
has "ledger names the unit" "$work/err" 'records'
printf 'a\nb\0\0c' | run "$weir" buf --null > "$work/got"
is "ledger in NUL-ended records" "3 3 0 0 0" "$(ledger "$work/err")"
lines=$(wc -l < "$work/in")
run "$weir" buf --lines < <(cat "$work/in"; echo) > /dev/null
is "ledger in many lines" "$((lines + 1)) $((lines + 1)) 0 0 0" \
    "$(ledger "$work/err")"
run "$weir" buf < /dev/null > "$work/got"
is "no input: exit 0" 0 "$status"
is "no input: ledger" "0 0 0 0 0" "$(ledger "$work/err")"
printf 'a\nb' | run "$weir" buf --lines --on-full drop > "$work/got"
is "a last line without an end" "$(printf 'a\nb')" "$(cat "$work/got")"
is "a last line without an end: ledger" "2 2 0 0 0" "$(ledger "$work/err")"

# ---- how it holds ------------------------------------------------------------
# The consumer waits until the producer is done: all of it is in the buffer.
mkfifo "$work/done"
{
    head -c 10000000 "$work/in"
    echo x > "$work/done"
} | timeout $too_long "$weir" buf --capacity 16M 2> "$work/err" | {
    read -r x < "$work/done"
    cat
} > "$work/got"
head -c 10000000 "$work/in" > "$work/want"
same "it takes what the consumer does not" "$work/want" "$work/got"

# A producer that finds it full waits: the pipes and the buffer hold less than
# it has to give.
held --capacity 100k
head -c 1000000 "$work/in" > "$work/input" &
producer=$!
wait_for "$pid" 'fill (9[0-9]|100)%'
check "block: the producer waits" kill -0 "$producer"
release
wait "$producer"
head -c 1000000 "$work/in" > "$work/want"
same "block: and nothing is lost" "$work/want" "$work/got"
is "block: ledger" "1000000 1000000 0 0 0" "$(ledger "$work/err")"

# --start-fill: not a byte before half is there.
held --capacity 100k --start-fill 50
head -c 40000 "$work/in" >&4
wait_for "$pid" 'in 40000 = '
has "--start-fill: holds until then" "$work/err" 'in 40000 = out 0 '
head -c 20000 "$work/in" >&4
wait_for "$pid" 'in 60000 = out 60000'
has "--start-fill: then writes" "$work/err" 'in 60000 = out 60000'
release
is "--start-fill: ledger" "60000 60000 0 0 0" "$(ledger "$work/err")"

# ---- policies ----------------------------------------------------------------
# 30,000 numbered lines into 1,000 and a pipe; the producer never waits.
for policy in drop drop-oldest; do
    held --lines --capacity 1000 --on-full $policy
    seq 100000 130000 >&4
    wait_for "$pid" 'in 30001 = '
    release
    balanced "$policy: ledger" "$work/err"
    read -r in out dropped fail left <<< "$(ledger "$work/err")"
    is "$policy: all came in" 30001 "$in"
    check "$policy: some were dropped" [ "$dropped" -gt 0 ]
    is "$policy: what is not dropped comes out" "$out" \
        "$(wc -l < "$work/got")"
    check "$policy: whole lines, in order, none twice" \
        sort -n -c -u "$work/got"
    is "$policy: no line is cut" 0 "$(grep -Evc '^1[0-9]{5}$' "$work/got")"
    is "$policy: exit 0" 0 "$status"
    if [ $policy = drop ]; then
        check "drop: the first is there" grep -qx 100000 "$work/got"
        has "drop: by reason" "$work/err" 'dropped [0-9]+ \(newest [0-9]+\)'
    else
        is "drop-oldest: the last 750 are there" \
            "$(seq 129251 130000 | cksum)" "$(tail -n 750 "$work/got" | cksum)"
        has "drop-oldest: by reason" "$work/err" \
            'dropped [0-9]+ \(oldest [0-9]+\)'
    fi
done

held --capacity 10k --on-full drop --strict
head -c 300000 "$work/in" >&4
wait_for "$pid" 'in 300000 = '
release
balanced "drop in bytes: ledger" "$work/err"
is "drop in bytes, --strict: exit 3" 3 "$status"
read -r in out dropped fail left <<< "$(ledger "$work/err")"
is "drop in bytes: what is not dropped comes out" "$out" \
    "$(wc -c < "$work/got")"

held --lines --capacity 100 --on-full error
seq 100000 > "$work/input" 2> /dev/null &
producer=$!
wait_for "$pid" 'refused [0-9]+'
release
kill "$producer" 2> /dev/null
wait "$producer" 2> /dev/null
is "error: exit 3" 3 "$status"
balanced "error: ledger" "$work/err"
has "error: said" "$work/err" 'the buffer was full'
read -r in out dropped fail left <<< "$(ledger "$work/err")"
is "error: what was taken comes out" "$(seq "$out" | cksum)" \
    "$(cksum < "$work/got")"

# A record larger than the whole buffer.
{ echo a; head -c 100000 /dev/zero | tr '\0' x; echo; echo b; } |
    run "$weir" buf --lines --capacity 10kB --on-full drop > "$work/got"
is "a line larger than the buffer: the others" "a b " \
    "$(tr '\n' ' ' < "$work/got")"
is "a line larger than the buffer: ledger" "3 2 1 0 0" "$(ledger "$work/err")"

# ---- ends --------------------------------------------------------------------
held --stall 200ms --capacity 1M
head -c 500000 "$work/in" >&4
await "$pid"
is "--stall: exit 124" 124 "$status"
has "--stall: said" "$work/err" 'stalled'
balanced "--stall: ledger" "$work/err"
release
read -r in out dropped fail left <<< "$(ledger "$work/err")"
is "--stall: what is out is out" "$out" "$(wc -c < "$work/got")"

held --stall 100ms
sleep 0.5
head -c 10 "$work/in" >&4
release
is "--stall: a producer with nothing to say is none" 0 "$status"

for sig in INT TERM; do
    held
    head -c 300000 "$work/in" >&4
    wait_for "$pid" 'in 300000 = '
    kill -s $sig "$pid"
    wait_for "$pid" "SIG$sig"
    echo x > "$work/go"
    await "$pid"
    exec 4>&-
    wait "$consumer"
    is "SIG$sig: exit" "$((128 + $(kill -l $sig)))" "$status"
    is "SIG$sig: what was read is written" "300000 300000 0 0 0" \
        "$(ledger "$work/err")"
done

held --grace 100ms --lines
seq 100000 >&4
wait_for "$pid" 'in 100000 = '
kill -TERM "$pid"
await "$pid"
is "the grace is over: exit 143" 143 "$status"
balanced "the grace is over: ledger" "$work/err"
release
read -r in out dropped fail left <<< "$(ledger "$work/err")"
check "the grace is over: some is left" [ "$left" -gt 0 ]

held --grace 1h
head -c 300000 "$work/in" >&4
wait_for "$pid" 'in 300000 = '
kill -TERM "$pid"
wait_for "$pid" 'SIGTERM'
kill -TERM "$pid"
await "$pid"
is "a second signal: exit 143" 143 "$status"
balanced "a second signal: ledger" "$work/err"
release

for options in "" "--lines" "--lines --on-full drop"; do
    # shellcheck disable=SC2086
    timeout $too_long "$weir" buf $options 2> "$work/err" < <(yes) | head -n 1 \
        > "$work/got"
    statuses=("${PIPESTATUS[@]}")
    is "EPIPE: exit 0 $options" 0 "${statuses[0]}"
    balanced "EPIPE: ledger $options" "$work/err"
done

run "$weir" buf < "$work/in" > /dev/full
is "a full disk: exit 4" 4 "$status"
has "a full disk: said" "$work/err" 'cannot write standard output: .*space'
balanced "a full disk: ledger" "$work/err"
run "$weir" buf < "$work" > "$work/got"
is "an unreadable input: exit 4" 4 "$status"
has "an unreadable input: said" "$work/err" 'Is a directory'
run "$weir" buf <&- > "$work/got"
is "no standard input: exit 4" 4 "$status"
finish
