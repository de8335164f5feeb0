#!/bin/sh
# SPDX-License-Identifier: MIT
# valgrind is told of every stack: a program of tasks, channels, timers and
# copies of arguments runs without a word from it.
set -eu
source=${WEIR_SOURCE:-$(dirname "$0")/../..}
library=${WEIR_BUILD:?}/libweir.a
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

skip() {
    echo "skipped: $1"
    exit 77
}
command -v valgrind >/dev/null || skip "no valgrind"
if nm "$library" 2>/dev/null | grep -q -e __asan_init -e __tsan_init -e __ubsan \
    -e __gcov_init; then
    skip "a sanitizer or gcov is there already"
fi

cat >"$folder/small.c" <<'C'
#include <string.h>
#include <weir.h>

static int deep(int n)
{
    char room[100];

    memset(room, n, sizeof room);
    if (n > 0)
        return deep(n - 1) + room[n % 100];
    weir_yield();
    return room[0];
}

static void work(void *arg)
{
    weir_chan *c = *(weir_chan **)arg;
    int v = 0;

    (void)deep(50);
    (void)weir_sleep(1000, NULL);
    while (weir_chan_recv(c, &v, NULL) == 0 && v < 5) {
        v++;
        (void)weir_chan_send(c, &v, NULL);
    }
    (void)weir_chan_close(c);
    weir_chan_unref(c);
}

static int body(void *arg)
{
    int i, one = 1;

    (void)arg;
    for (i = 0; i < 20; i++) {
        weir_chan *c = weir_chan_new(sizeof(int), 2);

        (void)weir_chan_ref(c);
        if (weir_go_copy(work, &c, sizeof c) != 0 ||
            weir_chan_send(c, &one, NULL) != 0)
            return 1;
        while (!weir_chan_is_closed(c))
            weir_yield();
        weir_chan_unref(c);
    }
    return 0;
}

int main(void)
{
    const weir_opts two = {.workers = 2};

    return weir_start(&two) != 0 || weir_run(body, NULL) != 0;
}
C
${CC:-cc} -g -I"$source/include" "$folder/small.c" "$library" -pthread \
    ${WEIR_LINK:-} -o "$folder/small"
if ! valgrind --error-exitcode=9 --fair-sched=yes "$folder/small" \
    >"$folder/log" 2>&1; then
    cat "$folder/log"
    echo "not ok - valgrind finds errors"
    exit 1
fi
if grep -q -e 'switching stacks' -e 'Invalid' "$folder/log"; then
    cat "$folder/log"
    echo "not ok - valgrind does not know the stacks"
    exit 1
fi
grep 'ERROR SUMMARY' "$folder/log"
echo "ok - valgrind is content"
