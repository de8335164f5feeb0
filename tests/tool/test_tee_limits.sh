#!/bin/bash
# SPDX-License-Identifier: MIT
# Limits of the process: an error that says which, or all of it; each account
# balances, no hang.
. "$(dirname "$0")/lib.sh"

# The leak check at the end would need descriptors and a process of its own.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0

seq 300 > "$work/in"

# limited NAME LIMITS PATTERN BRANCHES...: exit 0 and both copies, or exit 4
# and the limit's name.
limited() {
    local name=$1 limits=$2 pattern=$3
    shift 3
    rm -f "$work"/got*
    run bash -c "$limits"'; exec "$@"' - "$weir" tee --lines "$@" \
        < "$work/in" > "$work/got"
    if [ "$status" -eq 127 ]; then
        skip "$name: the program cannot even be loaded"
    elif [ "$status" -eq 0 ]; then
        same "$name: one has all" "$work/in" "$work/got1"
        same "$name: the other has all" "$work/in" "$work/got2"
    else
        is "$name: exit 4" 4 "$status"
        has "$name: the limit is named" "$work/err" "$pattern"
    fi
    grep -E ': in [0-9]+ = out ' "$work/err" | while read -r line; do
        echo "$line" > "$work/line"
        balanced "$name: ledger" "$work/line"
    done
}

for n in 4 5 6 7 8 9 10 11 12 14 16 32; do
    limited "ulimit -n $n" "ulimit -n $n" 'open files|ulimit|exit status' \
        "$work/got1" "|cat > $work/got2"
done

if grep -aqE '__(asan|tsan)_init' "$weir"; then
    skip "ulimit -v: a sanitizer reserves terabytes"
else
    for kib in 4000 8000 16000 32000 64000 128000 1000000; do
        limited "ulimit -v $kib" "ulimit -v $kib" 'ulimit -v|exit status' \
            "$work/got1" "|cat > $work/got2"
    done
fi

# Many branches.
many=()
for ((i = 0; i < 200; i++)); do many+=("$work/branch$i"); done
run "$weir" tee --lines --capacity 10 "${many[@]}" < "$work/in"
is "200 branches: exit 0" 0 "$status"
is "200 branches: each has all" 1 \
    "$(cksum "$work"/branch* | cut -d' ' -f1,2 | sort -u | wc -l)"
same "200 branches: the last" "$work/in" "$work/branch199"
finish
