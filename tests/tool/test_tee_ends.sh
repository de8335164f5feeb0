#!/bin/bash
# SPDX-License-Identifier: MIT
# How branches of weir tee end: failures, required ones, signals, usage.
. "$(dirname "$0")/lib.sh"

seq 100000 > "$work/in"

account() {
    grep -F "weir tee: $1: in " "$work/err" | tail -n 1 > "$work/line"
    ledger "$work/line"
}

every_balanced() { # NAME
    grep -E ': in [0-9]+ = out ' "$work/err" | while read -r line; do
        echo "$line" > "$work/line"
        balanced "$1: ledger" "$work/line"
    done
}

# fails NAME BRANCH PATTERN: the branch fails so, and the other has all.
fails() {
    run "$weir" tee --lines "$2" "$work/got1" < "$work/in" > "$work/got"
    is "$1: exit 4" 4 "$status"
    has "$1: said" "$work/err" "^weir tee: .*: $3"
    same "$1: the other has all" "$work/in" "$work/got1"
    every_balanced "$1"
    is "$1: two accounts" 2 "$(grep -c ' = out ' "$work/err")"
}
fails "a missing command" '|no-such-command' \
    'exit status 127 \(command not found\)'
fails "a command that fails" '|cat > /dev/null; exit 3' 'exit status 3'
fails "a command that is killed" '|kill -9 $$' 'killed by signal 9'
run "$weir" tee --lines '|exit 3' < "$work/in"
read -r in out dropped failed_ left <<< "$(ledger "$work/err")"
is "a command that fails: what it did not get has failed" \
    "$((in - out)) 0 0" "$failed_ $left $dropped"
fails "a missing folder" "$work/no/such" 'cannot open: No such file'
fails "a folder" "$work" 'cannot open: Is a directory'
fails "a full disk" /dev/full 'cannot write: .*space'
is "a full disk: what is not written has failed" "100000 0 0 100000 0" \
    "$(account /dev/full)"
if [ "$(id -u)" -ne 0 ]; then
    : > "$work/shut"
    chmod 0 "$work/shut"
    fails "an unwritable file" "$work/shut" 'cannot open: Permission denied'
fi

run "$weir" tee - "$work/got1" < "$work/in" > /dev/full
is "standard output on a full disk: exit 4" 4 "$status"
same "standard output on a full disk: the other has all" "$work/in" "$work/got1"
run "$weir" tee - "$work/got1" < "$work/in" >&-
is "no standard output: exit 4" 4 "$status"
same "no standard output: the other has all" "$work/in" "$work/got1"
run "$weir" tee "$work/got1" <&-
is "no standard input: exit 4" 4 "$status"
run "$weir" tee "$work/got1" < "$work"
is "an unreadable input: exit 4" 4 "$status"
has "an unreadable input: said" "$work/err" 'cannot read standard input: Is a'

timeout $too_long "$weir" tee --lines - "$work/got1" 2> "$work/err" < "$work/in" |
    head -n 1 > "$work/got"
statuses=("${PIPESTATUS[@]}")
is "EPIPE: exit 0" 0 "${statuses[0]}"
same "EPIPE: the other has all" "$work/in" "$work/got1"
every_balanced EPIPE

# A command whose own reader goes away is as one that stops to read.
run "$weir" tee '|kill -s PIPE $$' "$work/got1" < "$work/in"
is "a command ended by SIGPIPE: exit 0" 0 "$status"
run "$weir" tee --required '|kill -s PIPE $$' "$work/got1" < "$work/in"
is "a required command ended by SIGPIPE: exit 4" 4 "$status"

# When all have gone, an input without an end is no reason to go on.
timeout $too_long "$weir" tee - '|head -n 2 > /dev/null' 2> "$work/err" < <(yes) |
    head -n 1 > "$work/got"
statuses=("${PIPESTATUS[@]}")
is "all have gone: exit 0" 0 "${statuses[0]}"
every_balanced "all have gone"

# It reads no more when it says so.
mkfifo "$work/idle" "$work/gone"
: > "$work/err"
"$weir" tee "|exec 0<&-; echo x > $work/gone" "$work/no/such" \
    < "$work/idle" 2> "$work/err" &
pid=$!
exec 4> "$work/idle"
read -r x < "$work/gone"
echo x >&4
await "$pid"
exec 4>&-
is "all have gone: an input that says no more is not waited for" 4 "$status"

# ---- required ----------------------------------------------------------------
for branch in '|head -n 1' '|false' "$work/no/such" /dev/full; do
    timeout $too_long "$weir" tee --lines --required "$branch" --optional \
        "$work/got1" 2> "$work/err" < <(yes) > "$work/got"
    is "required $branch: exit 4" 4 "$?"
    has "required $branch: said" "$work/err" ' is required: ending'
    every_balanced "required $branch"
done
run "$weir" tee --lines --required --on-full error --capacity 10 --rate 100 - \
    < <(yes) > "$work/got"
is "required, and its buffer full: exit 3" 3 "$status"
has "required, and its buffer full: said" "$work/err" 'the buffer was full'
every_balanced "required, and its buffer full"
is "required, and its buffer full: what was taken comes out" \
    "$(account - | cut -d' ' -f2)" "$(wc -l < "$work/got")"

# ---- signals -----------------------------------------------------------------
# Starts one whose input stays open and whose first branch reads nothing before
# $work/go. Sets $pid.
start() { # OPTIONS...
    rm -f "$work/input" "$work/go" "$work"/got*
    mkfifo "$work/input" "$work/go"
    : > "$work/err"
    "$weir" tee "$@" --lines "|read -r x < $work/go; cat > $work/got1" \
        "$work/got2" < "$work/input" 2> "$work/err" &
    pid=$!
    exec 4> "$work/input"
    cat "$work/in" >&4
    wait_for "$pid" 'got2: in 100000 = out 100000 '
}

for sig in INT TERM HUP; do
    start
    has "SIGUSR1: each branch has a line" "$work/err" \
        'cat > .*got1: in .* fill [0-9]+%, oldest '
    kill -s $sig "$pid"
    wait_for "$pid" "SIG$sig"
    echo x > "$work/go"
    await "$pid"
    exec 4>&-
    is "SIG$sig: exit" "$((128 + $(kill -l $sig)))" "$status"
    same "SIG$sig: what was read is written" "$work/in" "$work/got1"
done

start --grace 100ms
kill -TERM "$pid"
await "$pid"
exec 4>&-
is "the grace is over: exit 143" 143 "$status"
every_balanced "the grace is over"
same "the grace is over: the other has all" "$work/in" "$work/got2"
check "the grace is over: the rest is left" [ "$(account \
    "|read -r x < $work/go; cat > $work/got1" | cut -d' ' -f5)" -gt 0 ]

start --grace 1h
kill -TERM "$pid"
wait_for "$pid" SIGTERM
kill -TERM "$pid"
await "$pid"
exec 4>&-
is "a second signal: exit 143" 143 "$status"
every_balanced "a second signal"

# A FIFO that nobody reads holds nobody up, and not the end either.
mkfifo "$work/fifo"
: > "$work/err"
"$weir" tee --grace 100ms "$work/fifo" "$work/got2" < "$work/in" \
    2> "$work/err" &
pid=$!
bytes=$(wc -c < "$work/in")
wait_for "$pid" "got2: in $bytes = out $bytes "
kill -TERM "$pid"
await "$pid"
is "a FIFO without a reader: exit 143" 143 "$status"
same "a FIFO without a reader: the other has all" "$work/in" "$work/got2"
every_balanced "a FIFO without a reader"
"$weir" tee "$work/fifo" "$work/got2" < "$work/in" 2> "$work/err" &
pid=$!
cat "$work/fifo" > "$work/got"
await "$pid"
is "a FIFO whose reader comes late: exit 0" 0 "$status"
same "a FIFO whose reader comes late" "$work/in" "$work/got"

# ---- statistics --------------------------------------------------------------
if command -v jq > /dev/null; then
    run "$weir" tee --lines --stats "$work/stats" "$work/got1" '|false' - \
        < "$work/in" > "$work/got"
    value() { jq -r "$1" "$work/stats"; }
    is "--stats: the branches" "$work/got1 |false -" \
        "$(value '[.branches[].branch] | join(" ")')"
    is "--stats: each balances" true "$(value \
        '[.branches[] | .in == .out + .dropped + .failed + .left] | all')"
    is "--stats: their exits, and the whole" "0 4 0 4" \
        "$(value '"\([.branches[].exit] | join(" ")) \(.exit)"')"
    is "--stats: their ends" "done, exit status 1" \
        "$(value '[.branches[0:2][].end] | join(", ")')"
    is "--stats: the flow" number \
        "$(value '.branches[0].residence_p99 | type')"
fi

# ---- usage -------------------------------------------------------------------
wrong() { # PATTERN ARGUMENTS...
    local pattern=$1
    shift
    run "$weir" tee "$@" < /dev/null > "$work/got"
    is "weir tee $*: exit 1" 1 "$status"
    has "weir tee $*: said" "$work/err" "$pattern"
}
wrong 'no branch: .*BRANCH'
wrong 'no branch: .*BRANCH' --lines
wrong "'' is not a branch" ''
wrong "'\\| ' is not a branch" '| '
for policy in burn sample= sample=0 sample=x sample=1000001; do
    wrong 'option --on-full: .*one of block, drop, drop-oldest, error, latest' \
        --lines --on-full "$policy" -
done
for policy in latest sample sample=3; do
    wrong 'needs --lines or --null' --on-full "$policy" -
done
wrong 'unknown option --frob' --frob -
wrong 'option --required takes no value' --required=1 -
finish
