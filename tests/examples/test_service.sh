#!/bin/bash
# SPDX-License-Identifier: MIT
# The service: several clients send it events, in their midst it is told to
# end. Whatever it answered with ok was handled once: by itself where the topic
# lives in its process, by it or by the next one where it lives in a file.
set -u

programs=${WEIR_BUILD:?}/examples
: "${WEIR_SOURCE:?}"
events=${WEIR_RECORDS:-10000}
clients=4
work=$(mktemp -d)
service=
trap '[ -z "$service" ] || kill -9 "$service"; rm -rf "$work"' EXIT
failed=0

# A sanitizer loads libraries on behalf of others, which takes the place they
# lie in from them.
export LD_LIBRARY_PATH=$WEIR_BUILD${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

ok() { echo "ok - $1"; }
not_ok() { echo "not ok - $1"; failed=1; }

if ! [ -x "$programs/service" ]; then
    echo "skip: the examples are not built"
    exit 77
fi

until_there_is() { # FILE LINES: waits for so many; ends with the service
    while [ "$(wc -l < "$1")" -lt "$2" ]; do
        kill -0 "$service" 2> /dev/null || return 1
        sleep 0.01
    done
}

start() { # DIRECTORY URL
    "$programs/service" "$1/socket" "$2" > "$1/handled" 2> "$1/report" &
    service=$!
    # One that is there may not listen yet.
    until "$programs/service_client" "$1/socket" < /dev/null 2> /dev/null; do
        kill -0 $service 2> /dev/null || break
        sleep 0.01
    done
}

await_end() { # DIRECTORY: it ends by itself, and says so by its exit status
    wait "$service"
    echo $? > "$1/status"
    service=
}

stop() { # DIRECTORY
    kill -TERM "$service"
    await_end "$1"
}

event() { # lines of numbers: as events
    sed 's/.*/created & &/; 0~3s/^created/updated/'
}

wait_for_file() { # FILE; ends with the service
    while ! [ -e "$1" ] && kill -0 $service 2> /dev/null; do
        sleep 0.01
    done
}

# A client's events: half of them at once, a quarter when that is well under
# way, and while these are on their way the service is told to end; the last
# ones come after that.
feed() { # CLIENT DIRECTORY
    local mine=$((events / clients))
    seq $(($1 * mine + 1)) $((($1 + 1) * mine)) | event > "$2/events.$1"
    head -n $((mine / 2)) "$2/events.$1"
    wait_for_file "$2/half"
    tail -n +$((mine / 2 + 1)) "$2/events.$1" | head -n $((mine / 4))
    wait_for_file "$2/told"
    tail -n +$((mine / 2 + mine / 4 + 1)) "$2/events.$1"
}

send_all() { # DIRECTORY
    local client pids=()
    for ((client = 0; client < clients; client++)); do
        feed $client "$1" | "$programs/service_client" "$1/socket" \
            > "$1/answers.$client" &
        pids+=($!)
    done
    until_there_is "$1/handled" $((events / 4))
    touch "$1/half"
    until_there_is "$1/handled" $((events / 2 + 1))
    kill -TERM "$service"
    touch "$1/told"
    await_end "$1"
    wait "${pids[@]}"
}

answered() { # DIRECTORY: the IDs, sorted
    sed -n 's/^ok //p' "$1"/answers.* | sort -u
}

handled() { # DIRECTORY...: the IDs, sorted
    local dir
    for dir; do cat "$dir/handled"; done | sed 's/.* //' | sort
}

check_once() { # NAME IDS-ANSWERED IDS-HANDLED
    local lost twice
    lost=$(comm -23 "$2" <(sort -u "$3") | wc -l)
    twice=$(uniq -d "$3" | wc -l)
    if [ "$(wc -l < "$2")" -lt $((events / 4)) ]; then
        not_ok "$1: only $(wc -l < "$2") of $events answered"
    elif [ "$lost" -gt 0 ] || [ "$twice" -gt 0 ]; then
        not_ok "$1: $lost lost, $twice handled twice"
    else
        ok "$1: $(wc -l < "$2") of $events answered, none lost, none twice"
    fi
}

check_status() { # NAME DIRECTORY
    if [ "$(cat "$2/status")" = 0 ] && grep -q 'left 0$' "$2/report" &&
        ! [ -e "$2/socket" ]; then
        ok "$1: ends in order"
    else
        not_ok "$1: exit status $(cat "$2/status"), $(cat "$2/report")"
    fi
}

# The topic ends with the service.
mkdir "$work/mem"
start "$work/mem" mem:service
send_all "$work/mem"
answered "$work/mem" > "$work/mem.answered"
handled "$work/mem" > "$work/mem.handled"
check_once "mem" "$work/mem.answered" "$work/mem.handled"
check_status "mem" "$work/mem"

# The same with another URL; what was not answered is sent again to the next
# one, and in the end each event was handled once.
two_lives() {
    local one=$work/one two=$work/two url=file:$work/events.db client
    mkdir "$one" "$two"
    start "$one" "$url"
    if ! kill -0 $service 2> /dev/null; then
        wait $service
        service=
        if grep -q 'no engine' "$one/report"; then
            echo "skip - file: is not built"
        else
            not_ok "file: $(cat "$one/report")"
        fi
        return
    fi
    send_all "$one"
    answered "$one" > "$work/one.answered"
    handled "$one" > "$work/one.handled"
    check_once "file, its first service" "$work/one.answered" \
        "$work/one.handled"
    check_status "file, its first service" "$one"

    start "$two" "$url"
    for ((client = 0; client < clients; client++)); do
        grep -vxFf <(sed -n 's/^ok \(.*\)/created \1 \1\nupdated \1 \1/p' \
            "$one/answers.$client") "$one/events.$client" |
            "$programs/service_client" "$two/socket" \
                > "$two/answers.$client" || not_ok "client $client was cut off"
    done
    stop "$two"
    seq "$events" | sort > "$work/all"
    handled "$one" "$two" > "$work/both.handled"
    answered "$one" "$two" > "$work/both.answered"
    check_status "file, its second service" "$two"
    if cmp -s "$work/all" "$work/both.handled"; then
        ok "file: each of $events events was handled once by one of two"
    else
        not_ok "file: $(diff "$work/all" "$work/both.handled" | head -n 5)"
    fi
}
two_lives

# The publisher of the guide, with one string changed.
"$programs/guide_publisher" "file:$work/guide.db" > "$work/guide" 2>&1
if diff "$WEIR_SOURCE/tests/examples/expected/guide_publisher.txt" \
    "$work/guide" > "$work/diff"; then
    ok "guide_publisher prints the same with file:"
elif grep -q 'no engine' "$work/guide"; then
    echo "skip - guide_publisher with file:"
else
    not_ok "guide_publisher with file: $(cat "$work/diff")"
fi

# What nobody handles and what is none is answered and ends in no crash.
mkdir "$work/odd"
start "$work/odd" mem:odd
printf '%s\n' "created 1 one" "unknown 2 two" "created" "" "created 3" \
    "created 1 again" | "$programs/service_client" "$work/odd/socket" \
    > "$work/odd/answers"
stop "$work/odd"
printf '%s\n' "ok 1" "ok 2" "error ? WEIR_EINVAL" "error ? WEIR_EINVAL" \
    "ok 3" "ok 1" > "$work/odd/wanted"
printf '%s\n' "created " "created one" > "$work/odd/once"
if diff "$work/odd/wanted" "$work/odd/answers" &&
    diff "$work/odd/once" <(sort "$work/odd/handled") &&
    grep -q 'no handler for unknown' "$work/odd/report" &&
    grep -q 'handled 2, of no use 1, left 0$' "$work/odd/report"; then
    ok "what is no event is answered, what nobody handles is told"
else
    not_ok "odd events: $(cat "$work/odd/report")"
fi

if "$programs/service" "$work/socket" nosuch:thing 2> "$work/err"; then
    not_ok "an unknown engine is refused"
elif grep -q nosuch "$work/err"; then
    ok "an unknown engine is refused"
else
    not_ok "an unknown engine is refused: $(cat "$work/err")"
fi
exit $failed
