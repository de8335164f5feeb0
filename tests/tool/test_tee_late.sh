#!/bin/bash
# SPDX-License-Identifier: MIT
# weir tee --late: branches that come late, or again, get all from the start.
. "$(dirname "$0")/lib.sh"
cd "$work" || exit
lines=100000 # more than a pipe holds
seq $lines > in
mkfifo late go

# account BRANCH
account() {
    grep -F "weir tee: $1" err | grep ': in ' | tail -n 1 > line
    ledger line
}

# ---- a FIFO ------------------------------------------------------------------
: > err
"$weir" tee --lines got1 --late late < in 2> err &
pid=$!
wait_for "$pid" "got1: in $lines = out $lines .*done"
same "nobody waits for a branch that is late" in got1
cat late > got
await "$pid"
is "a late reader: exit 0" 0 "$status"
same "a late reader gets all" in got
is "a late reader: ledger" "$lines $lines 0 0 0" "$(account late)"

# The first one leaves; the next one gets all, though it comes when the input
# has ended.
: > err
"$weir" tee --late late < in 2> err &
pid=$!
head -n 1 late > got1
wait_for "$pid" 'late: its reader has gone; for the next one, from the start'
cat late > got
await "$pid"
is "a reader that leaves: exit 0" 0 "$status"
is "a reader that leaves: what it got" 1 "$(cat got1)"
same "a reader that leaves: the next one gets all" in got
is "a reader that leaves: ledger" "$(wc -c < in)" "$(account late | cut -d' ' -f2)"

: > err
"$weir" tee --grace 100ms got1 --late late < in 2> err &
pid=$!
wait_for "$pid" 'got1: in .*done'
kill -TERM "$pid"
await "$pid"
is "nobody comes, SIGTERM: exit 143" 143 "$status"
is "nobody comes, SIGTERM: all of it is left" "$(wc -c < in)" \
    "$(account late | cut -d' ' -f5)"

# One that is late, and follows an input that is not at its end.
mkfifo input
: > err
"$weir" tee --lines got1 --late late < input 2> err &
pid=$!
exec 4> input
seq 5 >&4
wait_for "$pid" 'got1: in 5 = out 5 '
cat late > got 4>&- &
reader=$!
wait_for "$pid" 'late: in 5 = out 5 '
seq 6 10 >&4
wait_for "$pid" 'late: in 10 = out 10 '
printf 'no end' >&4
exec 4>&-
await "$pid"
wait "$reader"
{ seq 10; printf 'no end'; } > want
same "what comes after it has come, too" want got
is "what comes after it has come: ledger" "11 11 0 0 0" "$(account late)"

# ---- a command ---------------------------------------------------------------
run "$weir" tee --lines got1 --late \
    '|echo x >> tries; cat > got; [ $(wc -l < tries) = 3 ]' < in
is "a command that fails twice: exit 0" 0 "$status"
same "a command that fails twice: all from the start" in got
same "a command that fails twice: the other has all, once" in got1
is "a command that fails twice: said" 2 \
    "$(grep -c 'exit status 1, from the start again' err)"
is "a command that fails twice: ledger" "$lines $lines 0 0 0" \
    "$(account '|echo')"

rm -f tries
run "$weir" tee --late --retries 1 '|echo x >> tries; exit 3' < in
is "one that always fails: exit 4" 4 "$status"
is "one that always fails: so many tries" 2 "$(wc -l < tries)"
grep -F ': in ' err > line
balanced "one that always fails: ledger" line
rm -f tries
run "$weir" tee --late --retries 0 '|echo x >> tries; exit 3' < in
is "--retries 0" 1 "$(wc -l < tries)"
run "$weir" tee --lines --late '|head -n 1 > got' < in
is "one that has enough: exit 0" 0 "$status"
balanced "one that has enough: ledger" err
run "$weir" tee --late '|kill -s PIPE $$' < in
is "one whose own reader has gone: exit 0" 0 "$status"

# ---- what is kept ------------------------------------------------------------
run "$weir" tee --lines --keep 1000 got1 --late got < in
is "--keep: exit 3" 3 "$status"
has "--keep: said" err 'got: in .*; more came than --keep holds'
same "--keep: the other has all" in got1
head -n "$(wc -l < got)" in > want
same "--keep: whole lines, from the first on" want got
check "--keep: as many as fit" [ "$(wc -c < got)" -gt 990 ]
check "--keep: and no more" [ "$(wc -c < got)" -le 1000 ]
balanced "--keep: ledger" err
run "$weir" tee --keep 1000 --late got < in
head -c 1000 in > want
same "--keep: bytes" want got

# More than stays in memory, and a file without a place for it.
if [ "${WEIR_RECORDS:-5000}" -ge 5000 ]; then
    : > err
    head -c 100000000 /dev/zero | "$weir" tee --late late got1 2> err &
    pid=$!
    wait_for "$pid" 'got1: in .*; done'
    is "the older part is in a file" 1 \
        "$(find "/proc/$pid/fd" -lname '*deleted*' 2> /dev/null |
            head -n 1 | wc -l)"
    cat late > got
    await "$pid"
    check "and comes back from there" cmp got got1
    head -c 100000000 /dev/zero |
        TMPDIR=$work/none run "$weir" tee --late got --optional got1
    is "no place for it: exit 4" 4 "$status"
    has "no place for it: said" err 'cannot be kept .* /.*/none: No such'
    is "no place for it: the input is not held up" 2 "$(grep -c ' = out ' err)"
    rm -f got got1
fi

# ---- usage -------------------------------------------------------------------
wrong() { # PATTERN ARGUMENTS...
    local pattern=$1
    shift
    run "$weir" tee "$@" < /dev/null
    is "weir tee $*: exit 1" 1 "$status"
    has "weir tee $*: said" err "$pattern"
}
wrong 'option --late needs --on-full block for got' --late --on-full drop got
wrong 'option --keep: .*a size from 1' --keep 0 --late got
for n in -1 1001 x ''; do
    wrong 'option --retries: .*from 0 to 1000' --retries "$n" --late got
done
finish
