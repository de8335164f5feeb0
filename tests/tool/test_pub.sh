#!/bin/bash
# SPDX-License-Identifier: MIT
# weir pub: lines and bodies into a topic, its ends, and what is wrong with it.
. "$(dirname "$0")/lib.sh"
cd "$work" || exit
need_file
fast='&sync=off'
lines=${WEIR_RECORDS:-5000}

# all TOPIC: its messages, from the first on.
all() { # TOPIC OPTIONS...
    local topic=$1
    shift
    "$weir" sub "file:q.db?topic=$topic" --until-empty "$@" 2> suberr
}

# ---- what is published -------------------------------------------------------
seq "$lines" > in
run "$weir" pub "file:q.db?topic=a$fast" < in
is "standard input: exit 0" 0 "$status"
is "standard input: ledger" "$lines $lines 0 0 0" "$(ledger err)"
all a > got
same "standard input: a line is a message" in got

printf '1\n\n3' > one
printf '4\n' > two
run "$weir" pub "file:q.db?topic=files$fast" one two
all files > got
printf '1\n\n3\n4\n' > want
same "files, an empty line, a last line without an end" want got

printf 'a\nb\0c\0' > one
run "$weir" pub --null "file:q.db?topic=null$fast" one
all null --null > got
printf 'a\nb\0c\0' > want
same "--null" want got

run "$weir" pub "file:q.db?topic=keyed$fast" --keyed << 'END'
k1	one
k2	two	more
END
all keyed --keyed > got
printf 'k1\tone\nk2\ttwo\tmore\n' > want
same "--keyed: the key, a tab, the message" want got

run "$weir" pub "file:q.db?topic=meta$fast" -k key -t kind -H a=1 \
    --header b-c=x=y -m text
# shellcheck disable=SC2016
all meta --exec 'echo $WEIR_KEY $WEIR_TYPE $WEIR_HEADER_A $WEIR_HEADER_B_C
    cat' > got
printf 'key kind 1 x=y\ntext' > want
same "--key, --type, --header, --body" want got

{
    run "$weir" pub "file:q.db?topic=body$fast" -m one --body 'two words' -m ''
    cat > rest
} < in
all body > got
printf 'one\ntwo words\n\n' > want
same "--body: each a message" want got
same "--body: nothing is read from standard input" in rest

# While the input pauses nothing is held back.
mkfifo input
"$weir" pub "file:q.db?topic=live$fast" < input 2> err &
pid=$!
exec 4> input
for word in one two; do
    echo $word >&4
    timeout $too_long "$weir" sub "file:q.db?topic=live" -g g -n 1 > got 2> suberr
    is "a line is published while the input pauses: $word" $word "$(cat got)"
done
exec 4>&-
await "$pid"

# ---- ids ---------------------------------------------------------------------
run "$weir" pub "file:q.db?topic=id$fast" --id job < in
run "$weir" pub "file:q.db?topic=id$fast" --id job < in
has "--id: the second time they were there" err "$lines were there already"
all id > got
same "--id: nothing is stored twice" in got
run "$weir" pub "file:q.db?topic=id1$fast" --id order -m text
# shellcheck disable=SC2016
all id1 --exec 'echo $WEIR_ID' > got
is "--id: of a single body as it is" order "$(cat got)"

# Killed in the middle, and done again.
: > err
"$weir" pub "file:q.db?topic=killed" --id job < <(cat in; cat input) 2> err &
pid=$!
wait_for "$pid" ' = out [1-9]'
kill -9 "$pid"
await "$pid"
: > input & # its reader, and so the substitution, ends
wait $!
run "$weir" pub "file:q.db?topic=killed" --id job < in
all killed > got
same "killed in the middle, and done again: each once, in order" in got

# ---- signals -----------------------------------------------------------------
: > err
"$weir" pub "file:q.db?topic=term$fast" < input 2> err &
pid=$!
exec 4> input
cat in >&4
wait_for "$pid" "in $lines = "
kill -TERM "$pid"
await "$pid"
exec 4>&-
is "SIGTERM: exit 143" 143 "$status"
all term > got
same "SIGTERM: what was read is published" in got

: > err
"$weir" pub "file:q.db?topic=full&max_messages=3$fast" --grace 100ms < input \
    2> err &
pid=$!
exec 4> input
seq 3 >&4
wait_for "$pid" 'in 3 = out 3 '
seq 4 9 >&4
wait_for "$pid" 'in 9 = out 3 '
kill -TERM "$pid"
await "$pid"
exec 4>&-
is "a full topic, SIGTERM: exit 143" 143 "$status"
balanced "a full topic, SIGTERM: ledger" err
is "a full topic, SIGTERM: three are in" "3" "$(ledger err | cut -d' ' -f2)"

# ---- failures ----------------------------------------------------------------
run "$weir" pub "file:q.db?topic=error&max_messages=3&on_full=error" < in
is "on_full=error: exit 3" 3 "$status"
has "on_full=error: said" err 'the topic is full: ended'
balanced "on_full=error: ledger" err

printf 'k\ta\nno key\n\tempty\nk\tb\n' |
    run "$weir" pub "file:q.db?topic=bad$fast" --keyed
is "lines without a key: exit 4" 4 "$status"
has "lines without a key: said" err 'message 2 failed: no key'
is "lines without a key: the others are published" "4 2 0 2 0" "$(ledger err)"
printf 'abc\nabcd\nab\n' |
    run "$weir" pub "file:q.db?topic=bad$fast" --max-record 3
is "--max-record: exit 4" 4 "$status"
is "--max-record: the others are published" "3 2 0 1 0" "$(ledger err)"
printf 'abc\n%01000d\nab\n' 0 |
    run "$weir" pub "file:q.db?topic=bytes&max_bytes=500$fast"
is "larger than the topic: exit 4" 4 "$status"
has "larger than the topic: said" err 'message 2 failed: .*too large'
is "larger than the topic: the others are published" "3 2 0 1 0" \
    "$(ledger err)"
run "$weir" pub "file:q.db?topic=files$fast" none one
is "a file that is not there: exit 4" 4 "$status"
has "a file that is not there: said" err 'cannot read none: No such file'

echo 'no database, but long enough to be looked at as one' > text.db
run "$weir" pub file:text.db -m x
is "no database: exit 4" 4 "$status"
has "no database: said" err 'text\.db'
run "$weir" pub file:no/such/q.db -m x
is "no directory: exit 4" 4 "$status"
has "no directory: said" err 'no/such/q\.db'

# ---- usage -------------------------------------------------------------------
wrong() { # PATTERN ARGUMENTS...
    local pattern=$1
    shift
    run "$weir" pub "$@" < /dev/null
    is "weir pub $*: exit 1" 1 "$status"
    has "weir pub $*: said" err "$pattern"
}
wrong 'no topic: .*URL'
wrong '"q.db" is no URL: .*scheme' q.db -m x
wrong 'engine for nope: URLs' nope:x -m x
wrong 'mem:x: its messages never leave a process.*file:PATH' mem:x -m x
wrong 'unknown option "depth": .*max_messages' 'file:q.db?depth=3' -m x
wrong 'max_messages=lots' 'file:q.db?max_messages=lots' -m x
wrong 'on_full=burn' 'file:q.db?on_full=burn' -m x
wrong 'sync=maybe' 'file:q.db?sync=maybe' -m x
wrong "option --key: '' is not a key" file:q.db -k ''
wrong "option --header: 'a' is not a name" file:q.db -H a
wrong "option --header: '=a' is not a name" file:q.db -H =a
wrong 'option --id: .*1 to 234 bytes' file:q.db --id ''
wrong 'option --id: .*1 to 234 bytes' file:q.db --id "$(printf '%0235d' 0)"
wrong 'options --key and --keyed' file:q.db -k a --keyed
wrong 'option --body and in: one of them' file:q.db -m a in
wrong 'option --max-record: .*a size' file:q.db --max-record 0
finish
