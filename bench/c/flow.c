/* SPDX-License-Identifier: MIT */
/*
 * Flow control: sends into a full channel that drops, and what the account
 * costs. The latter is the same work on a channel that counts and on one that
 * does not, in turn, as a percentage of the medians.
 */
#include "bench.h"

enum { CAPACITY = 1024, TURNS = 9 };

static weir_chan *new_chan_with(weir_chan_opts o)
{
    o.elem_size = sizeof(int64_t);
    o.capacity = CAPACITY;
    weir_chan *c = weir_chan_new_with(&o);
    if (c == NULL)
        bench_fail("weir_chan_new_with", 0, 1);
    return c;
}

/* row->a: the policy. All are sent, a bufferful stays. */
static void overflow(const struct row *row, int64_t ops)
{
    weir_chan_opts o = {.policy = (enum weir_policy)row->a};
    weir_chan *c = new_chan_with(o);
    weir_chan_stats s;
    for (int64_t i = 0; i < ops; i++)
        chan_send(c, i);
    must(weir_chan_get_stats(c, &s));
    expect("dropped", (int64_t)s.dropped, ops - CAPACITY);
    weir_chan_unref(c);
}

/* ---- the price of counting ----------------------------------------------- */

static void pairs(weir_chan *c, int64_t ops)
{
    int64_t v;
    for (int64_t i = 0; i < ops; i++) {
        must(weir_chan_try_send(c, &i));
        must(weir_chan_try_recv(c, &v));
    }
}

struct feed {
    weir_chan *c;
    int64_t ops;
};

static void feed(void *arg)
{
    const struct feed *f = arg;
    for (int64_t i = 0; i < f->ops; i++)
        chan_send(f->c, i);
}

static void flow(weir_chan *c, int64_t ops)
{
    struct feed f = {c, ops};
    weir_wg done = WEIR_WG_INIT;
    must(weir_wg_go(&done, feed, &f));
    for (int64_t i = 0; i < ops; i++)
        expect("next", chan_recv(c), i);
    must(weir_wg_wait(&done, NULL));
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double median(int64_t *v)
{
    qsort(v, TURNS, sizeof(*v), by_value);
    return (double)v[TURNS / 2];
}

static int64_t timed(void (*work)(weir_chan *, int64_t), weir_chan *c,
                     int64_t ops)
{
    int64_t start = bench_clock();
    work(c, ops);
    return bench_clock() - start;
}

static double percent(void (*work)(weir_chan *, int64_t), weir_chan_opts more,
                      weir_chan_opts less, int64_t ops)
{
    int64_t with[TURNS], without[TURNS];
    weir_chan *a = new_chan_with(more), *b = new_chan_with(less);
    work(a, ops);
    for (int i = 0; i < TURNS; i++) {
        with[i] = timed(work, a, ops);
        without[i] = timed(work, b, ops);
    }
    weir_chan_unref(a);
    weir_chan_unref(b);
    return 100 * (median(with) / median(without) - 1);
}

static void price(const struct row *row, int64_t ops)
{
    (void)row;
    const weir_chan_opts counted = {0}, uncounted = {.uncounted = true};
    const weir_chan_opts clocks = {.timed_every = 64};
    int64_t n = ops / (2 * TURNS);
    bench_report("count-pair", percent(pairs, counted, uncounted, n));
    bench_report("count-flow", percent(flow, counted, uncounted, n));
    bench_report("clocks-flow", percent(flow, clocks, counted, n));
}

const struct row flow_rows[] = {
    {"drop-newest", overflow, WEIR_DROP, 0, FROM_TASK},
    {"drop-oldest", overflow, WEIR_DROP_OLDEST, 0, FROM_TASK},
    {"counting", price, 0, 0, REPORTS},
    {NULL, NULL, 0, 0, FROM_TASK},
};
