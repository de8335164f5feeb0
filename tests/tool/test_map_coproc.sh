#!/bin/bash
# SPDX-License-Identifier: MIT
# One process kept alive for each worker, a line in and a line out.
. "$(dirname "$0")/lib.sh"

records=20000
seq "$records" > "$work/in"
run "$weir" map -j 8 --coproc -- cat < "$work/in" > "$work/got"
same "answers in order" "$work/in" "$work/got"
is "exit 0" 0 "$status"
is "ledger" "$records $records 0 0 0" "$(ledger "$work/err")"

sed 's/.*/<&>/' "$work/in" > "$work/want"
run "$weir" map -j 3 --unordered --coproc -- sed -u 's/.*/<&>/' \
    < "$work/in" | sort > "$work/got"
sort "$work/want" > "$work/sorted"
same "--unordered: the same answers" "$work/sorted" "$work/got"

seq 300 | run "$weir" map -j 3 --coproc -- sh -c '
    while read -r r; do echo "$$"; done' > "$work/got"
check "one process a worker" [ "$(sort -u "$work/got" | wc -l)" -le 3 ]

run "$weir" map -j 2 --coproc -- sed -u 's/{}/[]/' > "$work/got" \
    <<< 'a {} b'
is "{} means nothing" 'a [] b' "$(cat "$work/got")"

printf 'a\n\nb' | run "$weir" map -j 1 --coproc -- sed -u 's/.*/<&>/' \
    > "$work/got"
is "empty lines, and a last one without an end" '<a> <> <b> ' \
    "$(tr '\n' ' ' < "$work/got")"

printf 'a\nb\0c\0' | run "$weir" map -j 1 --null --coproc -- \
    sed -uz 's/.*/<&>/' > "$work/got"
printf '<a\nb>\0<c>\0' > "$work/want"
same "--null: questions and answers end in NUL" "$work/want" "$work/got"

# More than the pipes hold, echoed while it is still being written.
for i in 1 2 3 4; do head -c 3000000 /dev/zero | tr '\0' "$i"; echo; done \
    > "$work/large"
run "$weir" map -j 2 --coproc -- cat < "$work/large" > "$work/got"
same "records of megabytes" "$work/large" "$work/got"

# One that dies fails the record it had; the next has a new one.
seq 9 | run "$weir" map -j 1 --coproc -- sh -c '
    while read -r r; do
        case $r in
        3) exit 5 ;;
        6) kill -9 $$ ;;
        esac
        echo "$r"
    done' > "$work/got"
is "one that dies: the others" "1 2 4 5 7 8 9 " \
    "$(tr '\n' ' ' < "$work/got")"
has "one that dies: by its exit status" "$work/err" \
    'record 3 failed: exit status 5, and no answer'
has "one that dies: by its signal" "$work/err" \
    'record 6 failed: killed by signal 9'
is "one that dies: exit 4" 4 "$status"
is "one that dies: ledger" "9 7 0 2 0" "$(ledger "$work/err")"

seq 5 | run "$weir" map -j 1 --retries 1 --coproc -- sh -c '
    while read -r r; do
        if [ "$r" = 3 ] && ! [ -e "$0/once" ]; then : > "$0/once"; exit 1; fi
        echo "$r"
    done' "$work" > "$work/got"
is "one that dies, tried again" "1 2 3 4 5 " "$(tr '\n' ' ' < "$work/got")"

seq 3 | run "$weir" map -j 1 --coproc -- sh -c '
    while read -r r; do
        if [ "$r" = 2 ]; then echo "bad two" >&2; exit 1; fi
        echo "$r"
    done' > "$work/got"
has "its standard error is in the report" "$work/err" 'record 2: bad two'

# More tries for those whom a busy machine keeps from answering in time.
seq 3 | run "$weir" map -j 1 --timeout 1s --retries 3 --coproc -- sh -c '
    while read -r r; do
        [ "$r" != 2 ] || sleep 1000
        echo "$r"
    done' > "$work/got"
is "--timeout: exit 124" 124 "$status"
is "--timeout: the others" "1 3 " "$(tr '\n' ' ' < "$work/got")"

seq 3 | run "$weir" map -j 1 --coproc -- sh -c '
    while read -r r; do printf "%s\nmore\n" "$r"; done' > "$work/got"
is "two answers to one record: exit 4" 4 "$status"
has "two answers to one record: said" "$work/err" 'record 1 failed.*answer'
balanced "two answers to one record: ledger" "$work/err"

seq 2 | run "$weir" map -j 1 --coproc -- sh -c '
    read -r r; echo "$r"; read -r r; exec >&-; sleep 1000' > "$work/got"
has "one that closes its output: said, and not how we ended it" "$work/err" \
    'record 2 failed: the coprocess closed its input or output'

# One that ends while weir stands still has ended, though weir comes to look
# when its time is over. Stopped too late, weir is right not to wait: again.
for try in 1 2 3; do
    echo 1 | run "$weir" map -j 1 --coproc -- sh -c '
        is() { grep -q "^State:.$2" "/proc/$1/status"; }
        read -r r
        (
            exec >&- 2>&-
            sleep 0.2
            kill -s STOP $PPID
            until is $$ Z; do sleep 0.05; done
            sleep 1
            kill -s CONT $PPID
        ) &
        exec >&-
        until is $PPID T; do sleep 0.05; done
        exit 5'
    grep -q 'exit status 5' "$work/err" && break
done
has "one that ends while nobody looks: by its exit status" "$work/err" \
    'record 1 failed: exit status 5, and no answer'

for try in 1 2 3; do
    echo 1 | run "$weir" map -j 1 --timeout 2s --coproc -- sh -c '
        read -r r
        (
            exec >&- 2>&-
            kill -s STOP $PPID
            sleep 2
            kill -s CONT $PPID
        ) &
        until grep -q "^State:.T" "/proc/$PPID/status"; do sleep 0.05; done
        echo "$r"
        read -r r' > "$work/got"
    [ -s "$work/got" ] && break
done
is "--timeout: an answer that comes while nobody looks" 1 "$(cat "$work/got")"

seq 3 | run "$weir" map -j 1 --grace 300ms --coproc -- sh -c '
    while read -r r; do echo "$r"; done; sleep 1000' > "$work/got"
is "one that does not end: exit 4" 4 "$status"
is "one that does not end: the answers" 3 "$(wc -l < "$work/got")"

seq 3 | run "$weir" map -j 1 --coproc -- sh -c '
    while read -r r; do echo "$r"; done; kill -9 $$' > "$work/got"
is "one that ends badly: exit 4" 4 "$status"
is "one that ends badly: the answers" 3 "$(wc -l < "$work/got")"
has "one that ends badly: said" "$work/err" 'ended badly: killed by signal 9'

run "$weir" map -j 4 --coproc -- "$work/nosuch" < "$work/in" > "$work/got"
is "no such command: exit 4" 4 "$status"
is "no such command: one error" 1 "$(grep -c nosuch "$work/err")"
finish
