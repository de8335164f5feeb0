/* SPDX-License-Identifier: MIT */
/*
 * A million tasks parked on one channel. The first round is cold and gives
 * the resident bytes; the second follows at once, while the stacks of the
 * first are cached, and gives the times. A release ends when each task has.
 */
#include "bench.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

struct lot {
    weir_chan *gate;
    weir_wg ready, ended;
};

static void wait_at_gate(void *arg)
{
    struct lot *lot = arg;
    int64_t v;
    must(weir_wg_done(&lot->ready));
    int rc = weir_chan_recv(lot->gate, &v, NULL);
    expect("receive after close", rc, WEIR_CLOSED);
}

static void park(struct lot *lot, int64_t n)
{
    must(weir_wg_add(&lot->ready, (int)n));
    for (int64_t i = 0; i < n; i++)
        must(weir_wg_go(&lot->ended, wait_at_gate, lot));
    must(weir_wg_wait(&lot->ready, NULL));
}

static void release(struct lot *lot)
{
    must(weir_chan_close(lot->gate));
    must(weir_wg_wait(&lot->ended, NULL));
    weir_chan_unref(lot->gate);
}

static int64_t resident_bytes(void)
{
    int64_t pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%*d %" SCNd64, &pages) != 1)
        bench_fail("/proc/self/statm", 0, 1);
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

static void parked(const struct row *row, int64_t ops)
{
    (void)row;
    double n = (double)ops;
    struct lot cold = {new_chan(0), WEIR_WG_INIT, WEIR_WG_INIT};
    struct lot warm = {new_chan(0), WEIR_WG_INIT, WEIR_WG_INIT};
    int64_t before = resident_bytes();
    park(&cold, ops);
    bench_report("park-bytes", (double)(resident_bytes() - before) / n);
    release(&cold);

    int64_t start = bench_clock();
    park(&warm, ops);
    int64_t full = bench_clock();
    release(&warm);
    int64_t end = bench_clock();
    bench_report("park-spawn", (double)(full - start) / n);
    bench_report("park-release", (double)(end - full) / n);
}

const struct row park_rows[] = {
    {"park", parked, 0, 0, REPORTS},
    {NULL, NULL, 0, 0, FROM_TASK},
};
