/* SPDX-License-Identifier: MIT */
/*
 * Pools when memory runs out, at each place where it can: nothing is started,
 * or what was there goes on; and without any, the end is still to be had.
 */
#include "../chan/parties.h"
#include "base/mem.h"

static int same(void *in, void *out, weir_ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    *(int *)out = *(int *)in;
    return 0;
}

/* A thread's first wait takes memory; these tests are about others. */
static void wait_once(void)
{
    must_eq(weir_sleep(1, NULL), 0);
}

/* With n allocations granted. 0 or the error of the start. */
static int start_with(int n, weir_pool **pool, const weir_pool_opts *o)
{
    int err;

    wr_mem_fail_after(n);
    err = weir_pool_start(pool, o);
    wr_mem_fail_after(-1);
    must(err == 0 || err == WEIR_ENOMEM);
    must((err == 0) == (*pool != NULL));
    return err;
}

BEHAVIOUR(a_start_is_whole_or_none)
{
    ints *results = ints_new(3);
    weir_pool_opts o = {.fn = same,
                        .job_size = sizeof(int),
                        .workers = 5,
                        .results = ints_base(results),
                        .ordered = true};
    weir_pool *pool;
    int n = 0, failed = 0;

    while (start_with(n++, &pool, &o) != 0) {
        must(!weir_chan_is_closed(ints_base(results)));
        failed++;
    }
    must(failed >= 5);
    must_eq(weir_pool_submit(pool, &(int){5}, NULL), 0);
    must_eq(get(results), 5);
    must_eq(weir_pool_stop(pool, WEIR_POOL_DRAIN, NULL), 0);
    must(weir_chan_is_closed(ints_base(results)));
    must_eq(weir_pool_free(pool), 0);
    ints_unref(results);
    (void)crew;
}

BEHAVIOUR(growing_keeps_what_it_has)
{
    ints *results = ints_new(1);
    weir_pool_opts o = {.fn = same,
                        .job_size = sizeof(int),
                        .workers = 2,
                        .results = ints_base(results)};
    weir_pool_counts n;
    weir_pool *pool;

    wait_once();
    must_eq(weir_pool_start(&pool, &o), 0);
    wr_mem_fail_after(3);
    must_eq(weir_pool_resize(pool, 1000), WEIR_ENOMEM);
    wr_mem_fail_after(0);
    must_eq(weir_pool_resize(pool, 1000), WEIR_ENOMEM);
    must_eq(weir_pool_get_counts(pool, &n), 0);
    must(n.workers >= 2 && n.workers < 1000);
    must_eq(weir_pool_submit(pool, &(int){6}, NULL), 0);
    must_eq(get(results), 6);
    must_eq(weir_pool_resize(pool, 1), 0);
    must_eq(weir_pool_submit(pool, &(int){7}, NULL), 0);
    must_eq(get(results), 7);
    must_eq(weir_pool_free(pool), 0);
    wr_mem_fail_after(-1);
    ints_unref(results);
    (void)crew;
}

/* Work and every way to end need no memory. */
BEHAVIOUR(it_ends_without_memory)
{
    ints *results = ints_new(100);
    weir_pool_opts o = {.fn = same,
                        .job_size = sizeof(int),
                        .workers = 2,
                        .results = ints_base(results),
                        .keep_open = true};
    weir_pool *pool;
    int i, way;

    wait_once();
    for (way = 0; way < 3; way++) {
        must_eq(weir_pool_start(&pool, &o), 0);
        wr_mem_fail_after(0);
        for (i = 0; i < 10; i++)
            must_eq(weir_pool_submit(pool, &i, NULL), 0);
        if (way == 0)
            must_eq(weir_pool_stop(pool, WEIR_POOL_DRAIN, NULL), 0);
        if (way == 1)
            must_eq(weir_pool_stop(pool, WEIR_POOL_DISCARD, NULL), 0);
        must_eq(weir_pool_free(pool), 0);
        wr_mem_fail_after(-1);
    }
    ints_unref(results);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(a_start_is_whole_or_none),
           CHECK_MODES(growing_keeps_what_it_has),
           CHECK_MODES(it_ends_without_memory))
