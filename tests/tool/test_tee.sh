#!/bin/bash
# SPDX-License-Identifier: MIT
# One input, many outputs: each gets all of it, at its own pace, and has an
# account and an end of its own.
. "$(dirname "$0")/lib.sh"

records=${WEIR_RECORDS:-10000}
lines=$((records * 10))
seq "$lines" > "$work/in"

# account NAME: the numbers of that branch: in out dropped failed left.
account() {
    grep -F "weir tee: $1: in " "$work/err" | tail -n 1 > "$work/line"
    ledger "$work/line"
}

every_balanced() { # NAME
    grep -E ': in [0-9]+ = out ' "$work/err" | while read -r line; do
        echo "$line" > "$work/line"
        balanced "$1: ledger of $(cut -d: -f2 <<< "$line")" "$work/line"
    done
}

# ---- all of it, everywhere ---------------------------------------------------
head -c 3000000 /dev/urandom > "$work/bytes"
for options in "" --lines --null "--capacity 1000" "--lines --capacity 3" \
    "--max-bytes 10k --lines" "--high 50 --low 10 --capacity 100k" \
    "--linger 5ms" "--on-full drop" "--lines --on-full drop-oldest" \
    "--rate 1GB" "--lines --rate 100M"; do
    rm -f "$work"/got*
    # shellcheck disable=SC2086
    run "$weir" tee $options "$work/got1" "|cat > $work/got2" - "$work/got3" \
        < "$work/bytes" > "$work/got"
    is "exit 0: $options" 0 "$status"
    for got in got got1 got2 got3; do
        same "$got has all: $options" "$work/bytes" "$work/$got"
    done
done
run "$weir" tee --lines "$work/got1" "|cat > $work/got2" - < "$work/in" \
    > "$work/got"
is "exit 0 with lines" 0 "$status"
for name in "$work/got1" "|cat > $work/got2" -; do
    is "ledger of $name" "$lines $lines 0 0 0" "$(account "$name")"
done
every_balanced "with lines"

printf 'a\nb' | run "$weir" tee --lines - "$work/got1" > "$work/got"
is "a last line without an end" "$(printf 'a\nb')" "$(cat "$work/got1")"
is "a last line without an end: ledger" "2 2 0 0 0" "$(account -)"
run "$weir" tee - "$work/got1" < /dev/null > "$work/got"
is "no input: ledger" "0 0 0 0 0" "$(account "$work/got1")"
check "no input: the file is there, and empty" [ ! -s "$work/got1" ]
echo one > "$work/got1"
echo two | run "$weir" tee --append "$work/got1"
is "--append" "one two" "$(tr '\n' ' ' < "$work/got1" | sed 's/ $//')"
echo two | run "$weir" tee "$work/got1"
is "a file is written anew" two "$(cat "$work/got1")"
echo x | run "$weir" tee '|cat' '|cat >&2' > "$work/got"
is "a command's output is ours" x "$(cat "$work/got")"
has "a command's standard error is ours" "$work/err" '^x$'

# More than one block, and the beginning of a record in each read.
i=0
while [ $i -lt 200 ]; do
    printf 'line %s' $i
    printf ' of the input\n'
    i=$((i + 1))
done > "$work/want"
{
    while IFS= read -r -n 7 -d '' x; do printf %s "$x"; done
    printf %s "$x"
} < "$work/want" | run "$weir" tee --lines --on-full drop "$work/got1" \
    --on-full block "$work/got2"
same "a record in pieces: drop" "$work/want" "$work/got1"
same "a record in pieces: block" "$work/want" "$work/got2"

# ---- slow and dead branches --------------------------------------------------
# The slow branch reads nothing, and wakes when the quick one is at its end.
mkfifo "$work/done"
for options in "" "--lines" "--on-full drop"; do
    # shellcheck disable=SC2086
    run "$weir" tee $options "|read -r x < $work/done" \
        "|cat > $work/got1; echo x > $work/done" < "$work/in"
    is "one sleeps: the other is done before it wakes $options" 0 "$status"
    same "one sleeps: the other has all $options" "$work/in" "$work/got1"
done

run "$weir" tee --lines '|head -n 1' "$work/got1" "|cat > $work/got2" \
    < "$work/in" > "$work/got"
is "head -n 1: exit 0" 0 "$status"
is "head -n 1: its line" 1 "$(cat "$work/got")"
same "head -n 1: the file has all lines" "$work/in" "$work/got1"
same "head -n 1: the command has all lines" "$work/in" "$work/got2"
every_balanced "head -n 1"

seq 100000 > "$work/many"
run "$weir" tee --lines '|head -n 1' "|cat > $work/got2" < "$work/many" \
    > "$work/got"
same "head -n 1 of 100,000 lines: the other has all" "$work/many" "$work/got2"
read -r in out dropped fail left <<< "$(account '|head -n 1')"
is "head -n 1 of 100,000 lines: all are accounted for" 100000 "$in"
check "head -n 1 of 100,000 lines: some are left" [ "$left" -gt 0 ]
has "head -n 1 of 100,000 lines: said" "$work/err" \
    'head -n 1: in .*takes no more, before the end'
run "$weir" tee --strict '|head -n 1' "$work/got1" < "$work/many" > "$work/got"
is "head -n 1 with --strict: exit 3" 3 "$status"

# A branch that reads nothing, with a small buffer and a policy that drops,
# until the other has all.
for policy in drop drop-oldest latest sample=7 error; do
    rm -f "$work"/got*
    run "$weir" tee --lines --on-full "$policy" --capacity 100 \
        "|read -r x < $work/done; cat > $work/got1" \
        --on-full block --capacity 64MB \
        "|cat > $work/got2; echo x > $work/done" < "$work/many"
    same "$policy: the other has all" "$work/many" "$work/got2"
    every_balanced "$policy"
    name="|read -r x < $work/done; cat > $work/got1"
    read -r in out dropped fail left <<< "$(account "$name")"
    is "$policy: all came in" 100000 "$in"
    check "$policy: some were dropped" [ "$dropped" -gt 0 ]
    is "$policy: nothing has failed or is left" "0 0" "$fail $left"
    is "$policy: the rest is there" "$out" "$(wc -l < "$work/got1")"
    check "$policy: whole lines, in order, none twice" \
        sort -n -c -u "$work/got1"
    case $policy in
    drop) reason='newest' ;;
    drop-oldest) reason='oldest' ;;
    latest) reason='latest' ;;
    sample*) reason='sampled' ;;
    error) reason='refused' ;;
    esac
    has "$policy: by reason" "$work/err" "dropped $dropped \\($reason $dropped\\)"
    case $policy in
    drop-oldest | latest)
        is "$policy: the last is there" 100000 "$(tail -n 1 "$work/got1")" ;;
    esac
    wanted=0
    [ "$policy" != error ] || wanted=3
    is "$policy: exit $wanted" "$wanted" "$status"
done

# One that blocks by choice holds the others up, and nothing is lost.
rm -f "$work/go"
mkfifo "$work/go"
: > "$work/err"
"$weir" tee --capacity 1000 "|read -r x < $work/go; cat > $work/got1" \
    "$work/got2" < "$work/many" 2> "$work/err" &
pid=$!
wait_for "$pid" 'fill (9[0-9]|100)%.*blocked [1-9]'
check "block: the other has not got all" \
    [ "$(wc -c < "$work/got2")" -lt "$(wc -c < "$work/many")" ]
echo x > "$work/go"
await "$pid"
same "block: then each has all" "$work/many" "$work/got1"
same "block: the other, too" "$work/many" "$work/got2"
finish
