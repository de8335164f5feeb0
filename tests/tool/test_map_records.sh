#!/bin/bash
# SPDX-License-Identifier: MIT
# What a record is, and where it goes in the command.
. "$(dirname "$0")/lib.sh"

map() { # INPUT ARGUMENTS...: the output in $work/got
    local input=$1
    shift
    printf -- "$input" > "$work/in"
    run "$weir" map "$@" < "$work/in" > "$work/got"
}

got() { # NAME WANTED
    printf -- "$2" > "$work/want"
    same "$1" "$work/want" "$work/got"
}

map 'a\nb\n' -- echo
got "the last argument" 'a\nb\n'
map 'a\nb\n' -- echo 1 {} 2
got "{} among the arguments" '1 a 2\n1 b 2\n'
map 'a\n' -- echo -{}-{}+ {}
got "{} within arguments, more than once" '-a-a+ a\n'
map '{}\n' -- echo {} x
got "a record that is {}" '{} x\n'
map 'echo\nprintf\n' -- {} hello
got "{} as the command" 'hello\nhello'
map 'a b\n  c\t\n*\n' -- printf '[%s]'
got "blanks and patterns are left alone" '[a b][  c\t][*]'
map 'a\n\nb\n' -- printf '[%s]'
got "an empty line is a record" '[a][][b]'
map 'a\nb' -- printf '[%s]'
got "the last line needs no newline" '[a][b]'
map '' -- echo
got "no input, no records" ''
is "no input: exit 0" 0 "$status"
is "no input: ledger" "0 0 0 0 0" "$(ledger "$work/err")"
map 'a\nb\0c\0' --null -- printf '[%s]'
got "--null" '[a\nb][c]'
map 'a\0\0b' --null -- printf '[%s]'
got "--null: empty records, no end mark" '[a][][b]'
map 'a\0b\nc\n' -- echo
is "a NUL cannot be in an argument: exit 4" 4 "$status"
got "a NUL cannot be in an argument: the rest goes on" 'c\n'
has "a NUL cannot be in an argument: said" "$work/err" 'record 1 failed.*NUL'

map 'a\n' -- cat
has "the command's standard input is not ours" "$work/err" 'record 1 failed'
map 'a\n' -- sh -c 'cat; echo "$0"'
got "the command's standard input is empty" 'a\n'

printf '1\n2\n' > "$work/one"
printf '3\n4' > "$work/two"
printf '6\n' > "$work/three"
run "$weir" map "$work/one" "$work/two" - "$work/three" -- echo \
    <<< 5 > "$work/got"
got "files one after the other, - is standard input" '1\n2\n3\n4\n5\n6\n'
run "$weir" map "$work/one" -j 2 --ordered "$work/three" -- echo > "$work/got"
got "options and files mixed" '1\n2\n6\n'
run "$weir" map "$work/one" -- echo -- > "$work/got"
got "a -- of the command's own" '-- 1\n-- 2\n'

# A script without an interpreter line is the shell's, as for execvp.
echo 'echo "script $1"' > "$work/script"
chmod +x "$work/script"
map 'a\n' -- "$work/script"
got "a script without an interpreter line" 'script a\n'

# The command's environment: SIGPIPE works, and its group is its own.
map 'a\n' -- sh -c 'yes | head -n 1'
got "SIGPIPE is what it was" 'y\n'
map 'x\n' -- sh -c 'trap "" TERM; kill -s PIPE $$; echo alive'
has "SIGPIPE kills" "$work/err" 'killed by signal 13'
map 'a\nb\n' -- sh -c 'echo "warn $0" >&2; echo "$0"'
got "standard error does not mix with results" 'a\nb\n'
has "standard error is passed on" "$work/err" '^warn a$'
is "both of them, in order" "warn a warn b" \
    "$(grep ^warn "$work/err" | tr '\n' ' ' | sed 's/ $//')"

# What a command leaves behind in the background is waited for, as by $(...).
map 'a\n' -- sh -c '(read x < /dev/null; echo late) & echo "$0"'
is "output that comes after the command's end" "a late" \
    "$(sort "$work/got" | tr '\n' ' ' | sed 's/ $//')"

sh -c 'ls /proc/self/fd' > "$work/want" < /dev/null 2> /dev/null
map 'a\n' -- sh -c 'ls /proc/self/fd'
same "no descriptor of ours leaks" "$work/want" "$work/got"
finish
