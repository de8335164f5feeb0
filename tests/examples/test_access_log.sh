#!/bin/bash
# SPDX-License-Identifier: MIT
# The access log example: against a log whose counts are known, and against
# awk on one made here.
set -u

program=${WEIR_BUILD:?}/examples/access_log
log=${WEIR_SOURCE:?}/../shared/data/apache_access.log
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

ok() { echo "ok - $1"; }
not_ok() { echo "not ok - $1"; failed=1; }
same() { # NAME WANTED GOT
    if diff -u "$2" "$3"; then ok "$1"; else not_ok "$1"; fi
}

if ! [ -x "$program" ]; then
    echo "skip: $program is not built"
    exit 77
fi

section() { # the lines of a report from one heading to the next
    awk -v want="$1" '/^[^ ]/ { on = $0 == want; next } on' "$2"
}

check_against_awk() { # NAME LOG
    timeout 300 "$program" "$2" > "$work/report" || not_ok "$1: runs"
    awk '{ print $9 }' "$2" | sort -n | uniq -c |
        awk '{ print "  " $2 " " $1 }' > "$work/want"
    section "requests by status" "$work/report" > "$work/got"
    same "$1: requests by status" "$work/want" "$work/got"
    awk '{ print $7 }' "$2" | LC_ALL=C sort | uniq -c |
        LC_ALL=C sort -k1,1nr -k2,2 | head -n 10 |
        awk '{ print "  " $1 " " $2 }' > "$work/want"
    section "busiest paths" "$work/report" > "$work/got"
    same "$1: busiest paths" "$work/want" "$work/got"
    awk '{ sum[substr($4, 2, 14)] += $10 }
         END { for (h in sum) print "  " h " " sum[h] }' "$2" |
        sort > "$work/want"
    section "bytes by hour" "$work/report" | sort > "$work/got"
    same "$1: bytes by hour" "$work/want" "$work/got"
}

# A log of some blocks, with sizes that have no number and an odd quote.
awk 'BEGIN {
    for (i = 0; i < 20000; i++)
        printf "10.0.%d.%d - - [%02d/May/2015:%02d:%02d:00 +0000] " \
            "\"GET /page/%d HTTP/1.1\" %d %s \"-\" \"agent \\\"%d\\\"\"\n",
            i % 7, i % 251, 17 + i / 9000, i % 24, i % 60, i % 37,
            i % 11 ? 200 : 404, i % 13 ? i : "-", i
}' > "$work/log"
check_against_awk "made log" "$work/log"

timeout 300 "$program" < "$work/log" > "$work/again"
timeout 300 "$program" "$work/log" > "$work/report"
same "standard input" "$work/report" "$work/again"

printf 'not a log line\n' | timeout 300 "$program" | tail -n 1 > "$work/got"
echo "1 lines, 1 not understood" > "$work/want"
same "a line that is none" "$work/want" "$work/got"

timeout 300 "$program" /dev/null | tail -n 1 > "$work/got"
echo "0 lines, 0 not understood" > "$work/want"
same "an empty log" "$work/want" "$work/got"

if [ -r "$log" ]; then
    check_against_awk "apache_access.log" "$log"
    printf '  %s\n' "200 9126" "206 45" "301 164" "304 445" "403 2" \
        "404 213" "416 2" "500 3" > "$work/want"
    section "requests by status" "$work/report" > "$work/got"
    same "apache_access.log: the known counts" "$work/want" "$work/got"
else
    echo "skip - apache_access.log: $log is not there"
fi
exit $failed
