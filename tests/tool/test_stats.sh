#!/bin/bash
# SPDX-License-Identifier: MIT
# --stats FILE: the account as JSON, equal to the ledger line.
. "$(dirname "$0")/lib.sh"

command -v jq > /dev/null || { echo "skip: no jq"; exit 77; }

value() { jq -r "$1" "$work/stats"; }

agrees() { # NAME: the file says what the line says, and balances
    is "$1: as the ledger line" "$(ledger "$work/err")" \
        "$(value '"\(.in) \(.out) \(.dropped) \(.failed) \(.left)"')"
    is "$1: balances" true \
        "$(value '.in == .out + .dropped + .failed + .left')"
    is "$1: reasons add up" true \
        "$(value '.dropped == ([.dropped_by_reason[]] | add)')"
    is "$1: exit" "$status" "$(value .exit)"
}

seq 20 | run "$weir" map -j 4 --retries 1 --stats "$work/stats" -- \
    sh -c '[ "$0" != 7 ] && echo "$0"' > "$work/got"
agrees "map"
is "map: command and unit" "map records" "$(value '"\(.command) \(.unit)"')"
is "map: retried" 1 "$(value .retried)"
is "map: bytes in" 51 "$(value .bytes_in)"
is "map: bytes out" "$(wc -c < "$work/got")" "$(value .bytes_out)"
is "map: seconds" number "$(value '.seconds | type')"

echo x | run "$weir" map --timeout 100ms --stats "$work/stats" -- \
    sh -c 'exec sleep 1000'
agrees "map, timed out"
is "map, timed out: counted" 1 "$(value .timed_out)"

seq 1000 | run "$weir" buf --lines --stats="$work/stats" > "$work/got"
agrees "buf"
is "buf: command and unit" "buf records" "$(value '"\(.command) \(.unit)"')"
is "buf: bytes" "$(wc -c < "$work/got")" "$(value .bytes_out)"

# The consumer begins when the producer, which never waits, is done.
mkfifo "$work/done"
{
    seq 100000
    echo x > "$work/done"
} | timeout $too_long "$weir" buf --lines --capacity 10 --on-full drop \
    --stats "$work/stats" 2> "$work/err" | {
    read -r x < "$work/done"
    cat
} > "$work/got"
status=${PIPESTATUS[1]}
agrees "buf, dropped"
check "buf, dropped: some" [ "$(value .dropped)" -gt 0 ]
is "buf, dropped: by reason" true \
    "$(value '.dropped_by_reason.newest == .dropped')"

seq 20 > "$work/in"
run "$weir" follow --once --stats "$work/stats" "$work/in" > "$work/got"
agrees "follow"
is "follow: bytes" "51 51" "$(value '"\(.bytes_in) \(.bytes_out)"')"

if [ -e "$(dirname "$weir")/libweir-file.so.0" ]; then
    need_file
    run "$weir" pub "file:$work/q.db" --stats "$work/stats" "$work/in"
    agrees "pub"
    is "pub: bytes" "51 31" "$(value '"\(.bytes_in) \(.bytes_out)"')"
    run "$weir" sub "file:$work/q.db" --until-empty --stats "$work/stats" \
        > "$work/got"
    agrees "sub"
    is "sub: bytes" "51 51" "$(value '"\(.bytes_in) \(.bytes_out)"')"
fi

run "$weir" map --stats /dev/full -- true <<< x
is "statistics that cannot be written: exit 4" 4 "$status"
has "statistics that cannot be written: said" "$work/err" '--stats /dev/full'
finish
