#!/bin/bash
# SPDX-License-Identifier: MIT
# Each example that expected/ has a file for prints what is in it. Where the order is open, the
# lines are those, and what must hold of any order is looked at.
set -u

programs=${WEIR_BUILD:?}/examples
expected=${WEIR_SOURCE:?}/tests/examples/expected
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

ok() { echo "ok - $1"; }
not_ok() { echo "not ok - $1"; failed=1; }

if ! [ -x "$programs/flow_basic" ]; then
    echo "skip: the examples are not built"
    exit 77
fi

order_is_open() {
    case $1 in
    flow_producer_consumer | flow_rate_limiting | flow_worker_pool) true ;;
    *) false ;;
    esac
}

# What came when, on standard input: "" or what is wrong with it.

# Each side in order, and nothing is consumed that is not yet produced, but
# for the one that is sent and not yet printed.
order_flow_producer_consumer() {
    awk '{ n[$1]++ }
        $2 < last[$1] { print "out of order: " $0 }
        { last[$1] = $2 }
        n["Consumed:"] > n["Produced:"] + 1 { print "too early: " $0 }'
}

# At most two at a time; each starts before it completes; the end is last.
order_flow_rate_limiting() {
    awk '$3 == "started" { on[$2] = 1; if (++running > 2) print "third: " $0 }
        $1 == "Operation" && $3 == "completed" {
            if (!on[$2]) print "not started: " $0
            running-- }
        $1 == "All" { if (running) print running " still running"; ended = NR }
        END { if (ended != NR) print "the end is not last" }'
}

# Jobs are submitted in order, before their result comes; a job is held back
# while five are queued and three in work; workers are 0, 1, 2.
order_flow_worker_pool() {
    awk '$1 == "Submitting" { if ($3 != submitted++) print "order: " $0
            if (submitted > processed + 9) print "early: " $0 }
        $1 == "Worker" { processed++; if ($2 !~ /^[012]$/) print "who? " $0 }
        $1 == "Result:" && $2 / 2 >= submitted { print "early: " $0 }
        $1 == "All" { ended = NR }
        END { if (ended != NR) print "the end is not last" }'
}

lines_of() { # NAME FILE
    if order_is_open "$1"; then
        sed 's/^Worker [0-9]* /Worker N /' "$2" | LC_ALL=C sort
    else
        cat "$2"
    fi
}

check() { # NAME WORKERS
    local out=$work/$1.out err=$work/$1.err wrong=
    WEIR_WORKERS=$2 timeout 300 "$programs/$1" > "$out" 2> "$err" ||
        wrong="exit status $?; "
    ! [ -s "$err" ] || wrong+="standard error: $(cat "$err"); "
    wrong+=$(diff <(lines_of "$1" "$expected/$1.txt") \
        <(lines_of "$1" "$out"))
    ! order_is_open "$1" || wrong+=$("order_$1" < "$out")
    if [ -z "$wrong" ]; then
        ok "$1, $2 workers"
    else
        not_ok "$1, $2 workers: $wrong"
    fi
}

for text in "$expected"/*.txt; do
    name=$(basename "$text" .txt)
    for workers in 1 2 4; do
        check "$name" $workers
    done
done

if [ -w /dev/full ]; then
    if "$programs/flow_basic" > /dev/full 2> "$work/err"; then
        not_ok "an output that cannot be written is a failure"
    else
        ok "an output that cannot be written is a failure"
    fi
fi
exit $failed
