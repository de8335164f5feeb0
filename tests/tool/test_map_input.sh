#!/bin/bash
# SPDX-License-Identifier: MIT
# Bad input: commands, files and records that are not as they should be.
. "$(dirname "$0")/lib.sh"

seq 1000 > "$work/in"

# ---- commands ----------------------------------------------------------------
one_error() { # NAME PATTERN
    is "$1: exit 4" 4 "$status"
    is "$1: one error" 1 "$(grep -Evc ': in [0-9]+ = out' "$work/err")"
    has "$1: which one, and why" "$work/err" "$2"
}

run "$weir" map -j 4 -- no-such-command < "$work/in"
one_error "no such command" 'no-such-command.*No such file'
run "$weir" map -j 4 -- "$work/nosuch" < "$work/in"
one_error "no such file" 'nosuch: .*No such file'
echo 'echo x' > "$work/plain"
run "$weir" map -j 4 -- "$work/plain" < "$work/in"
one_error "a file that is not executable" 'plain: .*Permission denied'
run "$weir" map -j 4 -- "$work" < "$work/in"
one_error "a directory" 'Permission denied'
run "$weir" map -j 4 -- "" < "$work/in"
one_error "an empty name" 'No such file'
printf '#!/no/such/interpreter\n' > "$work/script"
chmod +x "$work/script"
run "$weir" map -j 4 -- "$work/script" < "$work/in"
one_error "an interpreter that is not there" 'script: .*No such file'
balanced "an interpreter that is not there: ledger" "$work/err"

# One that a record names is that record's matter.
printf 'true\nno-such-command\ntrue\n' | run "$weir" map -- {}
is "a command named by a record: ledger" "3 2 0 1 0" "$(ledger "$work/err")"
has "a command named by a record: reported" "$work/err" \
    'record 2 failed: its command cannot be run: No such file'

# ---- files -------------------------------------------------------------------
seq 3 > "$work/a"
seq 4 6 > "$work/b"
run "$weir" map "$work/a" "$work/missing" "$work" "$work/b" -- echo \
    > "$work/got"
seq 6 > "$work/want"
is "unreadable files among several: exit 4" 4 "$status"
same "unreadable files among several: the others" "$work/want" "$work/got"
has "a missing file is reported" "$work/err" 'missing: No such file'
has "a directory is reported" "$work/err" 'Is a directory'
is "unreadable files: ledger" "6 6 0 0 0" "$(ledger "$work/err")"
run "$weir" map "$work/missing" -- echo > "$work/got"
is "no readable file at all: exit 4" 4 "$status"

# ---- records -----------------------------------------------------------------
{
    echo short
    head -c 5000 /dev/zero | tr '\0' x
    echo
    echo fits
    head -c 100 /dev/zero | tr '\0' y
    echo
    head -c 101 /dev/zero | tr '\0' z
} > "$work/long"
run "$weir" map --max-record 100 -- sh -c 'echo "${#0}"' < "$work/long" \
    > "$work/got"
is "--max-record: exit 4" 4 "$status"
is "--max-record: the rest goes on" "5 4 100 " "$(tr '\n' ' ' < "$work/got")"
has "--max-record: reported by number" "$work/err" 'record 2 failed: .*too long'
has "--max-record: the last, without an end" "$work/err" 'record 5 failed'
is "--max-record: ledger" "5 3 0 2 0" "$(ledger "$work/err")"

{
    echo a
    head -c $((66 * 1024 * 1024)) /dev/zero | tr '\0' x
    echo
    echo b
} | run "$weir" map --coproc -j 1 -- cat > "$work/got"
is "64 MiB unless said: the others" "a b " "$(tr '\n' ' ' < "$work/got")"
is "64 MiB unless said: ledger" "3 2 0 1 0" "$(ledger "$work/err")"

# Longer than the system lets an argument be.
{
    echo a
    head -c 300000 /dev/zero | tr '\0' x
    echo
    echo b
} | run "$weir" map -- sh -c 'echo "${#0}"' > "$work/got"
is "too long for an argument: the others" "1 1 " "$(tr '\n' ' ' < "$work/got")"
has "too long for an argument: reported" "$work/err" \
    'record 2 failed: .*argument'
is "too long for an argument: ledger" "3 2 0 1 0" "$(ledger "$work/err")"

# Binary input has no lines to speak of, and does no harm.
head -c 100000 /dev/urandom > "$work/binary"
run "$weir" map --coproc -j 2 -- cat < "$work/binary" > "$work/got"
{ cat "$work/binary"; [ "$(tail -c 1 "$work/binary" | wc -l)" -eq 1 ] ||
    echo; } > "$work/want"
same "binary input through a coprocess" "$work/want" "$work/got"
finish
