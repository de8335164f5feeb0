/* SPDX-License-Identifier: MIT */
/*
 * Pipelines: a crew (pool_crew.h) for each stage, the output of one being the
 * input of the next, and one context that the first error ends.
 *
 * No step joins another: a crew that has come to its end closes the channel
 * behind it, which is the end of the next one's input. Crews are started from
 * the last to the first, so nothing comes in before all of them are there.
 */
#include <weir/pipeline.h>

#include "base/mem.h"
#include "base/misuse.h"
#include "flow/pool_crew.h"

enum { CAPACITY = 16 };

struct weir_pipeline {
    weir_ctx ctx; /* the crews' work */
    size_t n;
    struct wr_crew crews[];
};

/* ---- the options --------------------------------------------------------- */

static const char *wrong_stage(const weir_stage *s, bool source, bool sink)
{
    if (!s->fn)
        return "a stage without fn";
    if (s->workers < 0 || s->workers > WEIR_POOL_MAX_WORKERS)
        return "workers below 0 or above WEIR_POOL_MAX_WORKERS";
    if (!sink && s->out_size > WR_CREW_MAX_SIZE)
        return "elements beyond the limit";
    if (s->capacity > WR_CREW_MAX_CAPACITY || s->window > WR_CREW_MAX_CAPACITY)
        return "a capacity or a window beyond the limits";
    if (s->ordered && (source || sink))
        return "order in a source or in a sink";
    return NULL;
}

static const char *wrong(const weir_pipeline_opts *o)
{
    if (!o || !o->stages || o->n == 0 || o->n > WEIR_PIPELINE_MAX_STAGES)
        return "no options, no stages or too many";
    if (o->in && o->in == o->out)
        return "in and out are the same channel";
    const char *why = NULL;
    for (size_t i = 0; i < o->n && !why; i++)
        why = wrong_stage(&o->stages[i], i == 0 && !o->in,
                          i == o->n - 1 && !o->out);
    return why;
}

/* ---- the start ----------------------------------------------------------- */

static weir_chan *ref(weir_chan *c)
{
    return c ? weir_chan_ref(c) : NULL;
}

static void set_up(weir_pipeline *p, size_t i, const weir_stage *s)
{
    p->crews[i] = (struct wr_crew){
        .fn = s->fn,
        .arg = s->arg,
        .task = s->task,
        .out_size = s->out_size,
        .ordered = s->ordered,
        .window = s->window,
        .fail_fast = true,
        .out_required = true,
        .out_bin = {s->discard, s->arg},
        .work = &p->ctx,
    };
}

static void set_ends(weir_pipeline *p, const weir_pipeline_opts *o)
{
    struct wr_crew *first = &p->crews[0], *last = &p->crews[p->n - 1];
    first->in = ref(o->in);
    first->in_size = o->in ? weir_chan_elem_size(o->in) : 0;
    first->in_bin = (struct wr_crew_bin){o->discard, o->arg};
    last->out = ref(o->out);
    last->out_size = o->out ? weir_chan_elem_size(o->out) : 0;
    last->keep_open = o->keep_open;
}

static int connect(weir_pipeline *p, const weir_stage *stages)
{
    for (size_t i = 0; i + 1 < p->n; i++) {
        struct wr_crew *from = &p->crews[i], *to = from + 1;
        size_t capacity = stages[i].capacity ? stages[i].capacity : CAPACITY;
        from->out = weir_chan_new(from->out_size, capacity);
        if (!from->out)
            return WEIR_ENOMEM;
        to->in = weir_chan_ref(from->out);
        to->in_size = from->out_size;
        to->in_bin = from->out_bin;
    }
    return 0;
}

static int start_crews(weir_pipeline *p, const weir_stage *stages)
{
    int err = 0;
    size_t i = p->n;
    while (i > 0 && !err) {
        i--;
        err = wr_crew_start(&p->crews[i],
                            stages[i].workers ? stages[i].workers : 1);
    }
    for (size_t k = i + 1; err && k < p->n; k++)
        wr_crew_abort(&p->crews[k]);
    return err;
}

static void release(weir_pipeline *p)
{
    for (size_t i = 0; i < p->n; i++)
        wr_crew_free(&p->crews[i]);
    weir_ctx_fini(&p->ctx);
    wr_free(p);
}

static int start(weir_pipeline *p, const weir_pipeline_opts *o)
{
    p->n = o->n;
    for (size_t i = 0; i < o->n; i++)
        set_up(p, i, &o->stages[i]);
    set_ends(p, o);
    weir_ctx_init(&p->ctx, o->ctx);
    int err = connect(p, o->stages);
    return err ? err : start_crews(p, o->stages);
}

int weir_pipeline_start(weir_pipeline **out, const weir_pipeline_opts *o)
{
    const char *why = out ? wrong(o) : "nowhere to put the pipeline";
    if (out)
        *out = NULL;
    if (why)
        return WR_MISUSE(why);
    weir_pipeline *p = wr_alloc(sizeof(*p) + o->n * sizeof(p->crews[0]));
    if (!p)
        return WEIR_ENOMEM;
    int err = start(p, o);
    if (err)
        release(p);
    else
        *out = p;
    return err;
}

/* ---- the end ------------------------------------------------------------- */

int weir_pipeline_close(weir_pipeline *p)
{
    if (!p)
        return WR_MISUSE("no pipeline");
    wr_crew_close(&p->crews[0], false);
    return 0;
}

int weir_pipeline_cancel(weir_pipeline *p, int cause)
{
    if (!p)
        return WR_MISUSE("no pipeline");
    int err = weir_ctx_cancel(&p->ctx, cause);
    wr_crew_close(&p->crews[0], true);
    return err;
}

static bool has_me(weir_pipeline *p)
{
    bool found = false;
    for (size_t i = 0; i < p->n && !found; i++)
        found = wr_crew_has_me(&p->crews[i]);
    return found;
}

/* The context remembers its first cause, so a crew that ended after that
 * has seen it. */
static int join(weir_pipeline *p, weir_ctx *ctx)
{
    if (has_me(p))
        return WEIR_DEADLOCK;
    int err = 0, cause = 0;
    for (size_t i = 0; i < p->n && !err; i++) {
        err = wr_crew_join(&p->crews[i], ctx);
        if (!err && !cause)
            cause = p->crews[i].cause;
    }
    if (err && err == weir_ctx_err(ctx))
        weir_pipeline_cancel(p, err);
    return err ? err : cause;
}

int weir_pipeline_wait(weir_pipeline *p)
{
    return p ? join(p, NULL) : WR_MISUSE("no pipeline");
}

int weir_pipeline_stop(weir_pipeline *p, weir_ctx *ctx)
{
    int err = weir_pipeline_close(p);
    return err ? err : join(p, ctx);
}

int weir_pipeline_free(weir_pipeline *p)
{
    if (!p)
        return 0;
    if (has_me(p))
        return WEIR_DEADLOCK;
    int err = weir_pipeline_cancel(p, 0);
    for (size_t i = 0; i < p->n && !err; i++)
        err = wr_crew_join(&p->crews[i], NULL);
    if (!err)
        release(p);
    return err;
}

/* ---- the account --------------------------------------------------------- */

static int count(weir_pipeline *p, size_t i, weir_pipeline_counts *out)
{
    struct wr_crew_counts n;
    int err = wr_crew_count(&p->crews[i], &n);
    if (err)
        return err;
    *out = (weir_pipeline_counts){
        .in = n.in,
        .out = n.done - n.skipped - n.unsent,
        .filtered = n.skipped,
        .failed = n.failed,
        .left = n.discarded + n.unsent,
        .inside = n.queued + n.running,
        .workers = n.workers,
    };
    return 0;
}

/* From the last to the first: what an element comes to later is counted
 * before what it came from. */
static int count_all(weir_pipeline *p, weir_pipeline_counts *out)
{
    weir_pipeline_counts sum = {0}, one = {0};
    int err = 0;
    for (size_t i = p->n; i-- > 0 && !err;) {
        err = count(p, i, &one);
        sum.out = i == p->n - 1 ? one.out : sum.out;
        sum.filtered += one.filtered;
        sum.failed += one.failed;
        sum.left += one.left;
        sum.workers += one.workers;
    }
    sum.in = one.in;
    sum.inside = sum.in - sum.out - sum.filtered - sum.failed - sum.left;
    *out = sum;
    return err;
}

int weir_pipeline_get_counts(weir_pipeline *p, int stage,
                             weir_pipeline_counts *out)
{
    if (!p || !out || stage < -1 || (stage >= 0 && (size_t)stage >= p->n))
        return WR_MISUSE("no pipeline, no such stage, or nowhere to put it");
    return stage < 0 ? count_all(p, out) : count(p, (size_t)stage, out);
}

weir_ctx *weir_pipeline_ctx(weir_pipeline *p)
{
    return p ? &p->ctx : NULL;
}
