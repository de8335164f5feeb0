/* SPDX-License-Identifier: MIT */
/*
 * Pipelines when memory runs out, at each place where it can: a start that
 * fails has taken nothing and closed nothing; one that has succeeded needs no
 * more.
 */
#include "../chan/parties.h"
#include "base/mem.h"

static int pass(void *in, void *out, weir_ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    *(int *)out = *(int *)in;
    return 0;
}

static int start_with(int n, weir_pipeline **p, const weir_pipeline_opts *o)
{
    int err;

    wr_mem_fail_after(n);
    err = weir_pipeline_start(p, o);
    wr_mem_fail_after(-1);
    must(err == 0 || err == WEIR_ENOMEM);
    must((err == 0) == (*p != NULL));
    return err;
}

BEHAVIOUR(a_start_is_whole_or_none)
{
    enum { QUEUED = 4 };
    ints *in = ints_new(QUEUED), *out = ints_new(QUEUED);
    const weir_stage stages[] = {
        {.fn = pass, .workers = 2, .out_size = sizeof(int), .ordered = true},
        {.fn = pass, .workers = 3, .out_size = sizeof(int)},
        {.fn = pass, .workers = 2, .ordered = true}};
    const weir_pipeline_opts o = {
        .stages = stages, .n = 3, .in = ints_base(in), .out = ints_base(out)};
    weir_pipeline *p;
    int i, n = 0, failed = 0, sum = 0;

    for (i = 1; i <= QUEUED; i++)
        put(in, i);
    while (start_with(n++, &p, &o) != 0) {
        must(!weir_chan_is_closed(ints_base(in)));
        must(!weir_chan_is_closed(ints_base(out)));
        must_eq(ints_len(in), QUEUED);
        failed++;
    }
    must(failed >= 10);
    for (i = 1; i <= QUEUED; i++)
        sum += get(out);
    must_eq(sum, QUEUED * (QUEUED + 1) / 2);
    wr_mem_fail_after(0);
    must_eq(weir_pipeline_stop(p, NULL), 0);
    wr_mem_fail_after(-1);
    must_eq(weir_pipeline_free(p), 0);
    ints_unref(in);
    ints_unref(out);
    (void)crew;
}

static atomic_int thrown;

static void throw_away(void *elem, void *arg)
{
    (void)elem, (void)arg;
    atomic_fetch_add(&thrown, 1);
}

/* Full from end to end, as nobody reads. */
BEHAVIOUR(it_is_cancelled_without_memory)
{
    enum { MANY = 12 };
    ints *in = ints_new(MANY), *out = ints_new(1);
    const weir_stage stages[] = {
        {.fn = pass, .out_size = sizeof(int), .discard = throw_away},
        {.fn = pass, .discard = throw_away}};
    weir_pipeline *p;
    weir_pipeline_counts n;
    int i;

    must_eq(weir_sleep(1, NULL), 0); /* a thread's first wait takes memory */
    must_eq(weir_pipeline_start(&p,
                                &(weir_pipeline_opts){
                                    .stages = stages,
                                    .n = 2,
                                    .in = ints_base(in),
                                    .out = ints_base(out),
                                    .discard = throw_away,
                                }),
            0);
    for (i = 0; i < MANY; i++)
        put(in, i);
    settle();
    wr_mem_fail_after(0);
    must_eq(weir_pipeline_cancel(p, -2), 0);
    must_eq(weir_pipeline_wait(p), -2);
    must_eq(weir_pipeline_get_counts(p, -1, &n), 0);
    must_eq(n.in, MANY);
    must_eq(n.left, atomic_load(&thrown));
    must_eq(n.left + n.out, MANY);
    must_eq(n.out, ints_len(out));
    must_eq(weir_pipeline_free(p), 0);
    wr_mem_fail_after(-1);
    ints_unref(in);
    ints_unref(out);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(a_start_is_whole_or_none),
           CHECK_MODES(it_is_cancelled_without_memory))
