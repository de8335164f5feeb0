#!/bin/bash
# SPDX-License-Identifier: MIT
# Limits of the process: an error that says which, nothing lost that was
# accepted, no hang.
. "$(dirname "$0")/lib.sh"

# The leak check at the end would need descriptors and a process of its own.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0

seq 300 > "$work/in"

all_there() { # NAME
    same "$1: every record" "$work/in" "$work/got"
    is "$1: ledger" "300 300 0 0 0" "$(ledger "$work/err")"
    is "$1: exit 0" 0 "$status"
}

# Either all of it, or an error that names the limit and an account.
all_or_said() { # NAME PATTERN
    if [ "$status" -eq 127 ]; then
        skip "$1: the program cannot even be loaded"
        return
    fi
    if [ "$status" -eq 0 ]; then
        all_there "$1"
        return
    fi
    is "$1: exit 4" 4 "$status"
    has "$1: the limit is named" "$work/err" "$2"
    if grep -q ': in [0-9]' "$work/err"; then
        balanced "$1: ledger" "$work/err"
    fi
}

# ---- descriptors -------------------------------------------------------------
# None ends before that has been said.
run bash -c 'ulimit -n 32; exec "$@"' - "$weir" map -j 64 -- sh -c '
    until grep -q "at once" "$0/err"; do sleep 0.05; done
    echo "$1"' "$work" < "$work/in" > "$work/got"
all_there "ulimit -n 32"
has "ulimit -n 32: said" "$work/err" 'limit of open files.*ulimit -n is 32'

run bash -c 'ulimit -n 32; exec "$@"' - "$weir" map -j 64 --coproc -- cat \
    < "$work/in" > "$work/got"
all_there "ulimit -n 32, coprocesses"
# Nor does the input come to its end before.
run bash -c 'ulimit -n 32; exec "$@"' - "$weir" map -j 64 --coproc -- cat \
    < <(seq 49999
    for ((i = 0; i < 2000; i++)); do
        grep -q 'at once' "$work/err" && break
        sleep 0.05
    done
    echo 50000) > "$work/many"
seq 50000 > "$work/want"
same "ulimit -n 32, coprocesses, more records" "$work/want" "$work/many"
has "ulimit -n 32, coprocesses: said" "$work/err" 'ulimit -n is 32'

for n in 4 5 6 7 8 9 10 11 12 14 16; do
    run bash -c 'ulimit -n '$n'; exec "$@"' - "$weir" map -j 8 -- \
        sh -c 'echo "$0"' < "$work/in" > "$work/got"
    all_or_said "ulimit -n $n" 'open files|ulimit'
    run bash -c 'ulimit -n '$n'; exec "$@"' - "$weir" buf --lines \
        < "$work/in" > "$work/got"
    all_or_said "ulimit -n $n, buf" 'open files|ulimit'
done

# ---- processes ---------------------------------------------------------------
as_nobody() {
    setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}
if [ "$(id -u)" -eq 0 ] && command -v setpriv > /dev/null &&
    as_nobody test -x "$weir" 2> /dev/null &&
    as_nobody "$weir" --version > /dev/null 2>&1; then
    for n in 1 2 3 4 5 8; do
        run setpriv --reuid=65534 --regid=65534 --clear-groups \
            bash -c 'ulimit -u '$n'; exec "$@"' - "$weir" map -j 16 -- \
            echo < "$work/in" > "$work/got"
        all_or_said "ulimit -u $n" 'ulimit -u|processes|threads'
        run setpriv --reuid=65534 --regid=65534 --clear-groups \
            bash -c 'ulimit -u '$n'; exec "$@"' - "$weir" buf --lines \
            < "$work/in" > "$work/got"
        all_or_said "ulimit -u $n, buf" 'ulimit -u|processes|threads'
    done
else
    skip "ulimit -u: not root, or no setpriv"
fi

# ---- memory ------------------------------------------------------------------
if grep -aqE '__(asan|tsan)_init' "$weir"; then
    skip "ulimit -v: a sanitizer reserves terabytes"
else
    for kib in 4000 8000 16000 32000 64000 128000 256000 1000000; do
        run bash -c 'ulimit -v '$kib'; exec "$@"' - "$weir" map -j 8 -- \
            echo < "$work/in" > "$work/got"
        all_or_said "ulimit -v $kib" 'ulimit -v'
        run bash -c 'ulimit -v '$kib'; exec "$@"' - "$weir" buf --lines \
            < "$work/in" > "$work/got"
        all_or_said "ulimit -v $kib, buf" 'ulimit -v'
    done

    # A result that memory does not hold fails its record alone.
    run bash -c 'ulimit -v 1000000; exec "$@"' - "$weir" map -j 1 -- sh -c '
        if [ "$0" = 2 ]; then head -c 2000000000 /dev/zero; fi
        echo "$0"' < <(seq 3) > "$work/got"
    is "a result too large: the others" "1 3 " "$(tr '\n' ' ' < "$work/got")"
    has "a result too large: said" "$work/err" \
        'record 2 failed: .*ulimit -v is 1000000'
    is "a result too large: exit 4" 4 "$status"

    # So does a record.
    { echo a; head -c 2000000000 /dev/zero; echo; echo b; } |
        run bash -c 'ulimit -v 1000000; exec "$@"' - "$weir" map -j 1 \
            --max-record 4G --coproc -- cat > "$work/got"
    is "a record too large: the others" "a b " "$(tr '\n' ' ' < "$work/got")"
    has "a record too large: said" "$work/err" \
        'record 2 failed: .*ulimit -v is 1000000'
fi
finish
