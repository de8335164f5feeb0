#!/bin/bash
# SPDX-License-Identifier: MIT
# The progress line: on a terminal, and only there.
. "$(dirname "$0")/lib.sh"

seq 200 > "$work/in"

run "$weir" map -- true < "$work/in"
is "none in a file" 0 "$(grep -c $'\r' "$work/err")"
"$weir" map -- true < "$work/in" 2>&1 | cat > "$work/err"
is "none in a pipe" 0 "$(grep -c $'\r' "$work/err")"
"$weir" buf < "$work/in" 2>&1 > /dev/null | cat > "$work/err"
is "none in a pipe, buf" 0 "$(grep -c $'\r' "$work/err")"

if ! command -v script > /dev/null; then
    skip "on a terminal: no script(1)"
    finish
fi

# Standard error is a terminal of its own; its text in $work/seen.
on_terminal() { # SHELL-COMMAND
    timeout $too_long script -qec "$1" "$work/seen" < /dev/null > /dev/null
    status=$?
    tr '\r' '\n' < "$work/seen" > "$work/lines"
}

on_terminal "'$weir' map -j 2 -- echo < '$work/in' > '$work/got'"
is "on a terminal: exit 0" 0 "$status"
has "on a terminal: a line" "$work/lines" \
    'weir map: [0-9]+ records [0-9.]+/s fill [0-9]+%'
has "on a terminal: drops and failures" "$work/lines" \
    'dropped [0-9]+ failed [0-9]+'
has "on a terminal: ETA, as the input's size is known" "$work/lines" \
    'ETA [0-9]+:[0-9][0-9]'
same "on a terminal: the results are as ever" "$work/in" "$work/got"
check "on a terminal: the line is taken away at the end" \
    grep -q $'\r\033\\[K.*in 200 = out 200' "$work/seen"

on_terminal "cat '$work/in' | '$weir' map -j 2 -- echo > '$work/got'"
has "size not known: a line" "$work/lines" 'weir map: [0-9]+ records'
is "size not known: no ETA" 0 "$(grep -c ETA "$work/lines")"

on_terminal "cat '$work/in' | '$weir' buf --lines > '$work/got'"
has "buf: a line" "$work/lines" \
    'weir buf: [0-9]+ records .*/s fill [0-9]+% dropped [0-9]+ failed 0'
on_terminal "'$weir' buf < '$work/in' > '$work/got'"
has "buf: ETA" "$work/lines" 'ETA'

on_terminal "'$weir' follow --once '$work/in' > '$work/got'"
has "follow: a line" "$work/lines" 'weir follow: [0-9]+ lines .*/s failed 0'
if [ -e "$(dirname "$weir")/libweir-file.so.0" ]; then
    need_file
    on_terminal "'$weir' pub 'file:$work/q.db' '$work/in'"
    has "pub: a line" "$work/lines" 'weir pub: [0-9]+ messages .*/s failed 0'
    on_terminal "'$weir' sub 'file:$work/q.db' --until-empty > '$work/got'"
    has "sub: a line" "$work/lines" 'weir sub: [0-9]+ messages .*/s running'
fi

# A narrow terminal is not wrapped.
on_terminal "stty cols 20; '$weir' map -- echo < '$work/in' > '$work/got'"
is "a narrow terminal: nothing longer" 0 \
    "$(grep -a 'weir map: [0-9]* rec' "$work/lines" | sed 's/\x1b\[K//g' |
        grep -Ec '.{21}')"

# Messages stand on lines of their own.
on_terminal "'$weir' map -j 1 -- sh -c 'echo bad >&2; exit 1' < '$work/in'"
is "messages are not mixed into the line" 200 \
    "$(sed 's/\x1b\[K//g' "$work/lines" |
        grep -Ec '^weir map: record [0-9]+ failed: exit status 1$')"
finish
