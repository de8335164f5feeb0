#!/bin/bash
# SPDX-License-Identifier: MIT
# Policies, rates, watermarks and lingering of weir buf and weir map, and what
# the account says of them. (tests/tool/test_buf.sh has the first policies.)
. "$(dirname "$0")/lib.sh"

seq 20000 > "$work/in"

seconds() { sed -n 's/.*(records, \([0-9.]*\) s).*/\1/p' "$work/err"; }
at_least() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }'; }

# ---- weir buf: policies ------------------------------------------------------
# More than the pipe holds has come, and the consumer has read nothing.
for policy in latest sample=5 sample; do
    held --lines --capacity 100 --on-full $policy
    seq 30000 60000 >&4
    wait_for "$pid" 'in 30001 = '
    release
    balanced "buf $policy: ledger" "$work/err"
    read -r in out dropped fail left <<< "$(ledger "$work/err")"
    is "buf $policy: what is not dropped comes out" "$out" \
        "$(wc -l < "$work/got")"
    check "buf $policy: some were dropped" [ "$dropped" -gt 0 ]
    check "buf $policy: whole lines, in order, none twice" \
        sort -n -c -u "$work/got"
    is "buf $policy: no line is cut" 0 "$(grep -Evc '^[3-6][0-9]{4}$' \
        "$work/got")"
    is "buf $policy: exit 0" 0 "$status"
done
has "buf sample: by reason" "$work/err" 'dropped [0-9]+ \(sampled [0-9]+\)'
held --null --on-full latest
tr '\n' '\0' < "$work/in" >&4
wait_for "$pid" 'in 20000 = '
release
is "buf latest: the last is there" 20000 \
    "$(tr '\0' '\n' < "$work/got" | tail -n 1)"
has "buf latest: by reason" "$work/err" 'dropped [0-9]+ \(latest [0-9]+\)'

# sample=1 always takes the newcomer: as drop-oldest, in the end.
held --lines --capacity 100 --on-full sample=1
seq 30000 60000 >&4
wait_for "$pid" 'in 30001 = '
release
is "buf sample=1: the last 50 are there" "$(seq 59951 60000 | cksum)" \
    "$(tail -n 50 "$work/got" | cksum)"

# ---- weir buf: bounds and watermarks -----------------------------------------
held --lines --max-bytes 10k --on-full drop
seq 1000000 2000000 >&4
wait_for "$pid" 'in 1000001 = '
has "--max-bytes: bounds the bytes" "$work/err" 'fill (9[0-9]|100)%'
release
balanced "--max-bytes: ledger" "$work/err"
check "--max-bytes: some were dropped" grep -q 'newest' "$work/err"

for options in "--high 50 --low 10" "--high 50%" "--low 20"; do
    # shellcheck disable=SC2086
    held --capacity 100k $options
    head -c 1000000 /dev/zero > "$work/input" &
    producer=$!
    wait_for "$pid" 'blocked ([1-9]|[0-9.]+ m?s)'
    release
    wait "$producer"
    is "$options: nothing is lost" "1000000 1000000 0 0 0" \
        "$(ledger "$work/err")"
    most=$(sed -n 's/.*at most \([0-9]*\)%.*/\1/p' "$work/err" | tail -n 1)
    if [ "$options" = "--low 20" ]; then
        is "$options: high is 100" 100 "$most"
    else
        check "$options: no more than the mark and a read" \
            [ "$most" -ge 50 -a "$most" -le 75 ]
    fi
done

# ---- weir buf: linger --------------------------------------------------------
held --lines --linger 1h
printf 'a\nb\n' >&4
wait_for "$pid" 'in 2 = '
has "--linger: a little waits" "$work/err" 'in 2 = out 0 '
head -c 70000 /dev/zero | tr '\0' '\n' >&4
wait_for "$pid" 'in 70002 = out [67]'
has "--linger: enough does not" "$work/err" 'in 70002 = out [67]'
printf 'c\n' >&4
release
is "--linger: nor does the rest at the end" "70003 70003 0 0 0" \
    "$(ledger "$work/err")"
held --linger 10ms
printf 'a\n' >&4
wait_for "$pid" 'in 2 = out 2'
has "--linger: no longer than that" "$work/err" 'in 2 = out 2 '
release

# ---- weir map: linger --------------------------------------------------------
seq 300 | run "$weir" map --linger 1h -j 4 -- echo > "$work/got"
is "map --linger: neither the rest at the end waits nor a full window" \
    "$(seq 300 | cksum)" "$(cksum < "$work/got")"
run "$weir" map --linger 1h --window 1 -j 1 -- echo < <(seq 20) > "$work/got"
is "map --linger: nor what fills the window" \
    "$(seq 20 | cksum)" "$(cksum < "$work/got")"

# ---- rates -------------------------------------------------------------------
# Never faster; how much slower depends on the machine.
run "$weir" buf --lines --rate 100 --burst 1 < <(seq 31) > "$work/got"
check "--rate 100: 31 records, 0.3 s at least" at_least "$(seconds)" 0.3
is "--rate: all of them" "$(seq 31 | cksum)" "$(cksum < "$work/got")"
run "$weir" buf --lines --rate 100/h --burst 100 < <(seq 100) > "$work/got"
is "--burst: the first hundred at once, and not in an hour" 0 "$status"
run "$weir" buf --lines --rate 1kB --burst 100B < <(seq 120) > "$work/got"
check "--rate 1kB: 372 bytes, 0.26 s at least" at_least "$(seconds)" 0.26
is "--rate 1kB: all of them" "$(seq 120 | cksum)" "$(cksum < "$work/got")"
run "$weir" buf --rate 2000/s --burst 10 < <(seq 120) > "$work/got"
is "--rate in bytes: all of them" "372 372 0 0 0" "$(ledger "$work/err")"
run "$weir" buf --lines --rate 50 --capacity 10 --on-full drop < <(seq 1000) \
    > "$work/got"
balanced "--rate with drop: ledger" "$work/err"
check "--rate with drop: the first is there" grep -qx 1 "$work/got"
run "$weir" map -j 4 --rate 100 --burst 1 -- echo < <(seq 21) > "$work/got"
check "map --rate 100: 21 records, 0.2 s at least" at_least "$(seconds)" 0.2
is "map --rate: all of them, in order" "$(seq 21 | cksum)" \
    "$(cksum < "$work/got")"
run "$weir" map -j 4 --rate 1kB --burst 10B -- echo < <(seq 60) > "$work/got"
is "map --rate 1kB: all of them, in order" "$(seq 60 | cksum)" \
    "$(cksum < "$work/got")"

# ---- weir map: policies ------------------------------------------------------
# One worker, which waits at the first record; then the rest has come.
stuck() { # OPTIONS...
    rm -f "$work/begun" "$work/go" "$work/input"
    mkfifo "$work/begun" "$work/go" "$work/input"
    : > "$work/err"
    # shellcheck disable=SC2016
    "$weir" map -j 1 "$@" -- sh -c '
        if [ "$1" = 1 ]; then
            echo x > "$0/begun"
            read -r x < "$0/go"
        fi
        echo "$1"' "$work" < "$work/input" > "$work/got" 2> "$work/err" &
    pid=$!
    exec 4> "$work/input"
    echo 1 >&4
    read -r x < "$work/begun"
    seq 2 1000 >&4
}

unstuck() {
    exec 4>&-
    echo x > "$work/go"
    await "$pid"
}

for policy in drop drop-oldest latest sample=10 sample; do
    stuck --capacity 5 --on-full $policy
    wait_for "$pid" 'in 1000 = .*queued [15] of [15]'
    has "map $policy: a snapshot tells of the oldest" "$work/err" \
        'fill [0-9]+%, oldest [0-9.]+ m?u?s'
    unstuck
    balanced "map $policy: ledger" "$work/err"
    is "map $policy: exit 0" 0 "$status"
    check "map $policy: in order, none twice" sort -n -c -u "$work/got"
    results=$(tr '\n' ' ' < "$work/got")
    case $policy in
    drop) is "map drop: the first" "1 2 3 4 5 6 " "$results" ;;
    drop-oldest)
        is "map drop-oldest: the last" "1 996 997 998 999 1000 " "$results" ;;
    latest) is "map latest: the last" "1 1000 " "$results" ;;
    *) is "map $policy: as many as there is room for" 6 \
        "$(wc -l < "$work/got")" ;;
    esac
done
has "map sample: by reason" "$work/err" 'dropped 994 \(sampled 994\)'

stuck --capacity 5 --on-full error
wait_for "$pid" 'refused 1'
unstuck
is "map error: exit 3" 3 "$status"
is "map error: what was taken is done" "1 2 3 4 5 6 " \
    "$(tr '\n' ' ' < "$work/got")"
balanced "map error: ledger" "$work/err"
has "map error: said" "$work/err" 'the queue was full'

stuck --max-bytes 20 --capacity 500 --on-full drop
wait_for "$pid" 'in 1000 = .*queued'
unstuck
is "map --max-bytes: ten records of a digit and its end" \
    "1 2 3 4 5 6 7 8 9 " "$(head -n 9 "$work/got" | tr '\n' ' ')"
check "map --max-bytes: and no more" [ "$(wc -l < "$work/got")" -le 10 ]
{ echo a; printf '%0100d\n' 1; echo b; } |
    run "$weir" map --max-bytes 50 -- echo > "$work/got"
is "map --max-bytes: one that is larger is dropped" "a b " \
    "$(tr '\n' ' ' < "$work/got")"
has "map --max-bytes: by reason" "$work/err" 'too-big 1'

stuck --capacity 100 --high 50 --low 10
wait_for "$pid" 'queued 5[01] of 100'
has "map --high: the input is paused" "$work/err" 'queued 5[01] of 100'
unstuck
is "map --high: and goes on" "$(seq 1000 | cksum)" "$(cksum < "$work/got")"
has "map --high: no more than the mark" "$work/err" 'at most 5[01]%, blocked'

# ---- the account -------------------------------------------------------------
if command -v jq > /dev/null; then
    for command in "buf --lines" "map -j 2"; do
        tail=
        [ "$command" = "buf --lines" ] || tail="-- true"
        # shellcheck disable=SC2086
        seq 50 | run "$weir" $command --stats "$work/stats" $tail > "$work/got"
        for key in fill highest_fill blocked oldest residence_p99; do
            is "$command --stats: $key" number \
                "$(jq -r ".$key | type" "$work/stats")"
        done
        check "$command --stats: they waited for some time" \
            jq -e '.residence_p99 > 0' "$work/stats" > /dev/null
    done
fi
finish
