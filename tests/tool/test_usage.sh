#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage errors name the option and the form it takes, and exit with 1; help
# goes to standard output and exits with 0.
. "$(dirname "$0")/lib.sh"

# wrong PATTERN ARGUMENTS...
wrong() {
    local pattern=$1
    shift
    run "$weir" "$@" < /dev/null > "$work/got"
    is "weir $*: exit 1" 1 "$status"
    has "weir $*: said" "$work/err" "$pattern"
    is "weir $*: no output" 0 "$(wc -c < "$work/got")"
}

wrong 'Usage: weir'
wrong "unknown command 'frob'" frob
wrong "unknown command '--frob'" --frob

for n in 0 -1 4097 99999999999999999999999 eight 1.5 '' ' 1' 0x10 1e3; do
    wrong "option --jobs: .*a whole number from 1 to 4096" map -j "$n" -- true
    wrong "option --jobs: .*a whole number from 1 to 4096" \
        map "--jobs=$n" -- true
done
for option in window capacity; do
    for n in 0 -5 1000001 99999999999999999999999 x ''; do
        wrong "option --$option: .*a whole number from 1 to 1000000" \
            map --$option "$n" -- true
    done
done
for n in -1 1001 x ''; do
    wrong "option --retries: .*a whole number from 0 to 1000" \
        map --retries "$n" -- true
done
for d in 0 -1 x 5y 1.2.3 .5 '5 s' 1s1 99999999999999999999 ''; do
    wrong "option --timeout: .*a time above 0" map --timeout "$d" -- true
    wrong "option --stall: .*a time above 0" buf --stall "$d"
done
for d in -1 x 5y ''; do
    wrong "option --grace: .*a time, such as" map --grace "$d" -- true
    wrong "option --grace: .*a time, such as" buf --grace "$d"
done
for size in 0 -1 2T 1.5 10Q x 10kk ''; do
    wrong "option --max-record: .*a size from 1 to 1T" \
        map --max-record "$size" -- true
done
for policy in sometimes Never ''; do
    wrong "option --halt: .*one of never, soon, now" \
        map --halt "$policy" -- true
done
for option in -j --jobs --window --capacity --retries --timeout --halt \
    --max-record --grace --stats; do
    long=${option/#-j/--jobs}
    wrong "option $long needs a value: $long " map $option -- true
done
wrong 'unknown option --frob' map --frob -- true
wrong 'unknown option --frob=3' map --frob=3 -- true
wrong 'unknown option -x' map -x -- true
wrong 'option --ordered takes no value' map --ordered=1 -- true
wrong 'no command: .*-- COMMAND' map
wrong 'no command: .*-- COMMAND' map -j 2
wrong 'no command: .*-- COMMAND' map --
wrong 'no command: .*-- COMMAND' map file --
wrong 'option --stats: cannot write .*No such' \
    map --stats "$work/no/such" -- true

for size in 0 -1 x 5y 1.5 99999999999T 2T '' ' 5'; do
    wrong "option --capacity: .*a size from 1 to 1T" buf --capacity "$size"
done
for count in 0 -1 x 1.5 ''; do
    wrong "option --capacity: .*a size" buf --lines --capacity "$count"
done
for policy in burn BLOCK drop_oldest ''; do
    wrong "option --on-full: .*one of block, drop, drop-oldest, error" \
        buf --on-full "$policy"
done
for share in -1 101 50%% x 5.5 ''; do
    wrong "option --start-fill: .*a share from 0 to 100" \
        buf --start-fill "$share"
done
for option in --capacity --on-full --start-fill --stall --grace --stats; do
    wrong "option $option needs a value: $option " buf $option
done
wrong 'unknown option --frob' buf --frob
wrong "'file' is not an option" buf file
wrong 'option --stats: cannot write' buf --stats "$work/no/such"

# What several commands share.
for command in "buf --lines" "tee --lines -" "map"; do
    tail=
    [ "$command" != map ] || tail="-- true"
    # shellcheck disable=SC2086
    shared() { # PATTERN OPTIONS...
        local pattern=$1
        shift
        if [ "$command" = "tee --lines -" ]; then
            wrong "$pattern" tee --lines "$@" -
        else
            wrong "$pattern" $command "$@" $tail
        fi
    }
    for policy in burn '' sample= sample=0 sample=1000001 latest=1; do
        shared 'option --on-full: .*drop-oldest, error, latest, sample' \
            --on-full "$policy"
    done
    for size in 0 -1 x 1.5 2T ''; do
        shared 'option --max-bytes: .*a size from 1 to 1T' --max-bytes "$size"
    done
    for share in 0 -1 101 x ''; do
        shared 'option --high: .*a share from 1 to 100' --high "$share"
    done
    for share in -1 100 x ''; do
        shared 'option --low: .*a share from 0 to 99' --low "$share"
    done
    shared 'option --low: 50 is not below --high, which is 50' \
        --high 50 --low 50
    shared 'options --high and --low need --on-full block: with drop ' \
        --high 50 --on-full drop
    for rate in 0 -1 x 1/d 1/ /s 1/sx '' 9999999999999999; do
        shared 'option --rate: .*a number above 0' --rate "$rate"
    done
    for burst in 0 -1 x 1/s ''; do
        shared 'option --burst: .*a number above 0' --rate 5 --burst "$burst"
    done
    shared 'option --burst needs --rate' --burst 5
done
for policy in latest sample sample=4; do
    wrong "option --on-full: ${policy%=*} needs --lines or --null" \
        buf --on-full "$policy"
done
for d in -1 x 5y ''; do
    wrong "option --linger: .*a time, such as" buf --linger "$d"
    wrong "option --linger: .*a time, such as" map --linger "$d" -- true
done

# right NAME ARGUMENTS...: accepted.
right() {
    run "$weir" "$@" < /dev/null > "$work/got"
    is "weir $*: exit 0" 0 "$status"
}
right map -j 4096 -- true
right map --jobs=2 --window 1000000 --capacity 1M -- true
right map --timeout 1.5h --grace 100ms --retries 0 --max-record 1.5k -- true
right map --win 3 --null --ordered --unordered --strict --halt soon -- true
right buf --capacity 64M --on-full block --start-fill 50% --stall 10m --lines
right buf --capacity 10k --null --bytes
right buf --capacity 64MiB --lines --start-fill 100 --grace 0

right buf --rate 1.5MB --burst 64kB --high 80% --low 20 --linger 5ms
right buf --lines --rate 6/m --on-full sample=3 --max-bytes 1M
right map --rate 5/h --burst 2 --on-full latest --max-bytes 10k -- true
right tee --required --capacity 10 --rate 1GB/s - --optional --append -

for command in "" map buf tee follow pub sub; do
    # shellcheck disable=SC2086
    run "$weir" $command --help > "$work/got"
    is "weir $command --help: exit 0" 0 "$status"
    has "weir $command --help: on standard output" "$work/got" '^Usage: weir'
    is "weir $command --help: nothing else" 0 "$(wc -c < "$work/err")"
done

# Every option is in the help and in the manual page.
flow=on-full,max-bytes,high,low,rate,burst
stream=capacity,linger,lines,null,bytes
run=grace,stats,strict,help
for pair in map:jobs,ordered,unordered,window,capacity,retries,timeout,halt,null,coproc,max-record,$flow,$run \
    buf:start-fill,stall,$flow,$stream,$run \
    tee:required,optional,append,late,retries,keep,$flow,$stream,$run \
    follow:from,once,names,no-names,null,max-record,max-bytes,$run \
    pub:key,keyed,type,header,body,id,null,max-record,$run \
    sub:group,from,count,until-empty,exec,jobs,timeout,backoff,ack-wait,max-deliveries,dead-letter,keyed,null,$run
do
    command=${pair%%:*}
    "$weir" "$command" --help > "$work/help"
    tr -d '\\' < "$WEIR_SOURCE/man/weir-$command.1" > "$work/page"
    IFS=, read -ra names <<< "${pair#*:}"
    for name in "${names[@]}"; do
        has "weir $command --help has --$name" "$work/help" "--$name"
        has "weir-$command(1) has --$name" "$work/page" "--$name"
    done
done
right --version
has "weir --version" "$work/got" '^weir [0-9]+\.[0-9]+\.[0-9]+$'
finish
