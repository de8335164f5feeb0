#!/bin/sh
# SPDX-License-Identifier: MIT
# The way that processors without a switch of their own take: the library
# builds with ucontext, and tasks of each size of stack park and go on. With
# link-time optimisation, too: it sees the whole program, but not what assembly
# reads, and dropped the variables by which a task knows itself.
set -eu
source=${WEIR_SOURCE:-$(dirname "$0")/../..}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/smoke.c" <<'C'
#include <stdio.h>
#include <weir.h>

static void echo(void *arg)
{
    int v;

    while (weir_chan_recv(arg, &v, NULL) == 0)
        if (weir_chan_send(arg, &v, NULL) != 0)
            return;
}

static int body(void *arg)
{
    size_t size;
    int i, v, sum = 0;

    for (size = 16384; size <= 1 << 20; size *= 4) {
        const weir_task_opts o = {.stack_size = size};
        weir_chan *c = weir_chan_new(sizeof(int), 0);

        if (weir_go_with(&o, echo, c) != 0)
            return 1;
        for (i = 0; i < 1000; i++) {
            if (weir_chan_send(c, &i, NULL) != 0 ||
                weir_chan_recv(c, &v, NULL) != 0)
                return 2;
            sum += v;
        }
        (void)weir_chan_close(c);
    }
    (void)arg;
    return sum == 4 * 499500 ? 0 : 3;
}

int main(void)
{
    return weir_run(body, NULL);
}
C

cmake -S "$source" -B "$folder/build" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON -DWEIR_UCONTEXT=ON \
    -DWEIR_TESTS=OFF -DWEIR_TOOL=OFF -DWEIR_FILE=OFF -DWEIR_EXAMPLES=OFF \
    >"$folder/log" 2>&1 &&
    cmake --build "$folder/build" --target weir_static >>"$folder/log" 2>&1 || {
    cat "$folder/log"
    echo "not ok - the library builds with ucontext"
    exit 1
}
echo "ok - the library builds with ucontext"
if nm "$folder/build/libweir.a" 2>/dev/null | grep -q 'wr_switch_entry'; then
    echo "not ok - the other switch is not in it"
    exit 1
fi
${CC:-cc} -O2 -flto -w -I"$source/include" "$folder/smoke.c" \
    "$folder/build/libweir.a" -pthread -o "$folder/smoke"
for workers in 1 2; do
    WEIR_WORKERS=$workers timeout 60 "$folder/smoke"
done
echo "ok - tasks park and go on"
