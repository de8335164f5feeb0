#!/bin/bash
# SPDX-License-Identifier: MIT
# weir sub --exec: a command for each message; acks, tries, dead letters.
. "$(dirname "$0")/lib.sh"
cd "$work" || exit
need_file

# fill TOPIC MESSAGE...
fill() {
    local topic=$1
    shift
    printf '%s\n' "$@" |
        "$weir" pub "file:q.db?topic=$topic&sync=off" --keyed 2> puberr
}

sub() { # TOPIC OPTIONS...
    local topic=$1
    shift
    run "$weir" sub "file:q.db?topic=$topic" -g g --backoff 10ms "$@" > got
}

for i in {1..5}; do printf 'k%s\t%s\n' $i $i; done > keyed
"$weir" pub 'file:q.db?topic=a' --keyed < keyed 2> puberr

# ---- what a command gets -----------------------------------------------------
# shellcheck disable=SC2016
sub a --until-empty --exec \
    'echo "$WEIR_SEQ $WEIR_KEY $WEIR_DELIVERIES $(cat)"; echo said >&2'
is "a command for each: exit 0" 0 "$status"
for i in {1..5}; do echo "$i k$i 1 $i"; done > want
same "a command for each: its input and environment" want got
is "a command for each: ledger" "5 5 0 0 0" "$(ledger err)"
is "a command for each: its standard error" 5 "$(grep -c '^said$' err)"
sub a --until-empty --exec cat
is "and each is acked" "0 0 0 0 0" "$(ledger err)"

# shellcheck disable=SC2016
WEIR_KEY=stale WEIR_ID=stale WEIR_HEADER_X=stale WEIR_WORKERS=2 \
    run "$weir" sub 'file:q.db?topic=a' -n 1 \
    --exec 'echo "$WEIR_KEY,$WEIR_ID,$WEIR_HEADER_X,$WEIR_WORKERS"' > got
is "what our own environment says of a message is not passed on" "k1,,,2" \
    "$(cat got)"

head -c 300000 /dev/urandom | base64 -w 0 > big
"$weir" pub 'file:q.db?topic=big' < big 2> puberr
sub big --until-empty --exec cat
same "a message larger than a pipe" big got
"$weir" pub 'file:q.db?topic=big' < big 2> puberr
sub big --until-empty --exec 'exec < /dev/null; echo unread'
is "one that is not read: exit 0" 0 "$status"
is "one that is not read" unread "$(cat got)"

# ---- several at once ---------------------------------------------------------
# Each of the two waits for the other.
mkfifo there back
fill pair 'a	there' 'b	back'
# shellcheck disable=SC2016
sub pair --until-empty -j 2 --exec 'read -r name
    if [ "$name" = there ]; then echo x > there; read -r x < back
    else read -r x < there; echo x > back; fi; echo "$name"'
is "-j 2: exit 0" 0 "$status"
is "-j 2: two at once" "back there" "$(sort got | paste -sd ' ')"

# Of one key each waits for the one before, whatever -j says.
: > log
fill keys 'k	1' 'k	2' 'k	3' 'k	4'
# shellcheck disable=SC2016
sub keys --until-empty -j 4 --exec \
    'x=$(cat); echo "begin $x" >> log; sleep 0.02; echo "end $x" >> log'
for i in 1 2 3 4; do printf 'begin %s\nend %s\n' $i $i; done > want
same "-j 4: the messages of a key come one after the other" want log

# ---- tries and the dead ------------------------------------------------------
fill fail 'a	1' 'b	bad' 'c	3'
# shellcheck disable=SC2016
sub fail --until-empty --max-deliveries 3 --exec \
    'read -r x; echo "$x $WEIR_DELIVERIES" >> tries
     [ "$x" != bad ] || { echo why >&2; exit 7; }; echo "$x"'
is "a command that fails: exit 4" 4 "$status"
printf '1\n3\n' > want
same "a command that fails: the others" want got
has "a command that fails: said" err 'message 2 failed: exit status 7; delivery 1'
has "a command that fails: its standard error" err '^message 2: why'
has "a command that fails: its last try" err 'delivery 3, the last: .*dead'
is "a command that fails: so many tries" "bad 1 bad 2 bad 3" \
    "$(grep bad tries | paste -sd ' ')"
is "a command that fails: ledger" "5 2 0 3 0" "$(ledger err)"
# shellcheck disable=SC2016
run "$weir" sub 'file:q.db?topic=fail.dead' --until-empty --exec \
    'echo "$(cat) $WEIR_HEADER_WEIR_DEAD_TOPIC $WEIR_HEADER_WEIR_DEAD_SEQ" \
        "$WEIR_HEADER_WEIR_DEAD_DELIVERIES $WEIR_HEADER_WEIR_DEAD_REASON"' \
    > got
is "the dead letters say where they come from" "bad fail 2 3 deliveries" \
    "$(cat got)"

fill named 'a	x'
sub named --until-empty --max-deliveries 1 --dead-letter grave --exec false
run "$weir" sub 'file:q.db?topic=grave' --until-empty > got
is "--dead-letter" x "$(cat got)"

# Fails first, then does not.
fill second 'a	x'
# shellcheck disable=SC2016
sub second --until-empty --exec 'cat; [ "$WEIR_DELIVERIES" -gt 1 ]'
is "the second try: its output, and not that of the first" x "$(cat got)"
has "the second try: said" err '1 delivered again'

fill slow 'a	x'
sub slow --until-empty --max-deliveries 1 --timeout 100ms --exec 'sleep 1000'
is "--timeout: exit 4" 4 "$status"
has "--timeout: said" err 'message 1 failed: timed out'

fill killed 'a	x'
# shellcheck disable=SC2016
sub killed -n 1 --exec 'kill -9 $$'
has "a command that is killed" err 'message 1 failed: killed by signal 9'
sub killed -n 1 --exec no-such-command
has "a command that is not there" err 'message 1 failed: exit status 127'
sub killed --until-empty --exec cat
is "and then it is well" x "$(cat got)"

# One that takes longer than --ack-wait keeps its message, unless the machine
# stands still for so long; that will not be so each time.
for topic in long1 long2 long3; do
    fill $topic 'a	x'
    sub $topic --until-empty --ack-wait 3s --max-deliveries 2 \
        --exec 'sleep 3.5; cat'
    grep -q again err || break
done
is "--ack-wait is extended while the command runs" "1 1 0 0 0" "$(ledger err)"
check "--ack-wait is extended: nothing came again" \
    [ "$(grep -c again err)" = 0 ]

# ---- how it ends -------------------------------------------------------------
fill count 'a	1' 'b	2' 'c	3'
sub count -n 2 -j 3 --exec cat
is "--count takes no more than that" "2 2 0 0 0" "$(ledger err)"
sub count --until-empty --exec 'cat; echo " $WEIR_DELIVERIES"'
is "--count: the next one is new" "3 1" "$(cat got)"

fill out 'a	1' 'b	2'
run "$weir" sub 'file:q.db?topic=out' -g g --exec cat > /dev/full
is "a full disk: exit 4" 4 "$status"
balanced "a full disk: ledger" err
sub out --until-empty --exec cat
is "a full disk: what was not written was not acked" 12 "$(cat got)"

# begin TOPIC OPTIONS...: one whose command has begun. Sets $pid.
mkfifo begun go
begin() {
    local topic=$1
    shift
    : > err
    "$weir" sub "file:q.db?topic=$topic" -g g "$@" --exec \
        'echo x > begun; read -r x < go; cat' > got 2> err &
    pid=$!
    read -r x < begun
}

fill term 'a	1' 'b	2'
begin term
kill -TERM "$pid"
wait_for "$pid" SIGTERM
echo x > go
await "$pid"
is "SIGTERM: exit 143" 143 "$status"
is "SIGTERM: the command that runs is finished" 1 "$(cat got)"
sub term --until-empty --exec cat
is "SIGTERM: and acked, the next one not begun" 2 "$(cat got)"

fill grace 'a	1'
begin grace --grace 100ms
kill -TERM "$pid"
await "$pid"
is "the grace is over: exit 143" 143 "$status"
is "the grace is over: ledger" "1 0 0 0 1" "$(ledger err)"
# shellcheck disable=SC2016
sub grace --until-empty --exec 'echo "$(cat) $WEIR_DELIVERIES"'
is "the grace is over: it comes again at once" "1 2" "$(cat got)"

fill crash 'a	1' 'b	2'
begin crash --ack-wait 300ms
kill -9 "$pid"
echo x > go
await "$pid"
# shellcheck disable=SC2016
sub crash --until-empty --exec 'echo "$(cat) $WEIR_DELIVERIES"'
is "kill -9: it comes again after --ack-wait" "1 2 2 1" \
    "$(sort got | paste -sd ' ')"
# ---- a limit of the machine is no message's fault ----------------------------
seq 30 | "$weir" pub 'file:q.db?topic=limit&sync=off' 2> puberr
# None ends before that has been said.
run bash -c 'ulimit -n 40; exec "$@"' - "$weir" sub 'file:q.db?topic=limit' \
    -g g --until-empty -j 50 --max-deliveries 1 \
    --exec 'cat; echo; until grep -q "at once" err; do sleep 0.05; done' > got
is "few descriptors: all is handled" "30 30 0 0 0" "$(ledger err)"
has "few descriptors: said" err 'cannot run 50 at once: .*ulimit -n is 40'

finish
