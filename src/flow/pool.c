/* SPDX-License-Identifier: MIT */
/*
 * Pools: a crew (pool_crew.h) whose input is a channel of the pool's own, and
 * a context for it, below the one that the user gave.
 */
#include <weir/pool.h>

#include "base/mem.h"
#include "base/misuse.h"
#include "flow/pool_crew.h"

enum { CAPACITY = 64 };

struct weir_pool {
    struct wr_crew crew;
    weir_ctx ctx; /* the crew's work */
};

/* ---- the start ----------------------------------------------------------- */

static const char *wrong(const weir_pool_opts *o)
{
    if (!o || !o->fn)
        return "no options, or no fn";
    if (o->job_size > WR_CREW_MAX_SIZE || o->capacity > WR_CREW_MAX_CAPACITY)
        return "a job or a queue beyond the limits";
    if (o->workers < 0 || o->workers > WEIR_POOL_MAX_WORKERS)
        return "workers below 0 or above WEIR_POOL_MAX_WORKERS";
    if (o->ordered && !o->results)
        return "ordered without results";
    if (o->window > WR_CREW_MAX_CAPACITY)
        return "a window beyond the limits";
    return NULL;
}

static weir_chan *ref(weir_chan *c)
{
    return c ? weir_chan_ref(c) : NULL;
}

static void set_up(weir_pool *pool, const weir_pool_opts *o)
{
    pool->crew = (struct wr_crew){
        .fn = o->fn,
        .arg = o->arg,
        .task = o->task,
        .out = ref(o->results),
        .in_size = o->job_size,
        .out_size = o->results ? weir_chan_elem_size(o->results) : 0,
        .ordered = o->ordered,
        .window = o->window,
        .keep_open = o->keep_open,
        .fail_fast = o->fail_fast,
        .in_bin = {o->discard, o->arg},
        .out_bin = {o->discard_result, o->arg},
        .work = &pool->ctx,
    };
}

static int start(weir_pool *pool, const weir_pool_opts *o)
{
    struct wr_crew *c = &pool->crew;
    weir_ctx_init(&pool->ctx, o->ctx);
    c->in = weir_chan_new(o->job_size, o->capacity ? o->capacity : CAPACITY);
    return c->in ? wr_crew_start(c, o->workers) : WEIR_ENOMEM;
}

static void release(weir_pool *pool)
{
    wr_crew_free(&pool->crew);
    weir_ctx_fini(&pool->ctx);
    wr_free(pool);
}

int weir_pool_start(weir_pool **out, const weir_pool_opts *o)
{
    const char *why = out ? wrong(o) : "nowhere to put the pool";
    if (out)
        *out = NULL;
    if (why)
        return WR_MISUSE(why);
    weir_pool *pool = wr_alloc(sizeof(*pool));
    if (!pool)
        return WEIR_ENOMEM;
    set_up(pool, o);
    int err = start(pool, o);
    if (err)
        release(pool);
    else
        *out = pool;
    return err;
}

/* ---- while it runs ------------------------------------------------------- */

int weir_pool_submit(weir_pool *pool, const void *job, weir_ctx *ctx)
{
    return pool ? weir_chan_send(pool->crew.in, job, ctx)
                : WR_MISUSE("no pool");
}

int weir_pool_try_submit(weir_pool *pool, const void *job)
{
    return pool ? weir_chan_try_send(pool->crew.in, job) : WR_MISUSE("no pool");
}

int weir_pool_resize(weir_pool *pool, int workers)
{
    if (!pool || workers < 1 || workers > WEIR_POOL_MAX_WORKERS)
        return WR_MISUSE("no pool, or a number of workers out of range");
    return wr_crew_resize(&pool->crew, workers);
}

int weir_pool_get_counts(weir_pool *pool, weir_pool_counts *out)
{
    struct wr_crew_counts n;
    if (!pool || !out)
        return WR_MISUSE("no pool, or nowhere to put the counts");
    int err = wr_crew_count(&pool->crew, &n);
    if (err)
        return err;
    *out = (weir_pool_counts){
        .submitted = n.in,
        .queued = n.queued,
        .running = n.running,
        .done = n.done,
        .failed = n.failed,
        .discarded = n.discarded,
        .skipped = n.skipped,
        .unsent = n.unsent,
        .workers = n.workers,
    };
    return 0;
}

weir_ctx *weir_pool_ctx(weir_pool *pool)
{
    return pool ? &pool->ctx : NULL;
}

/* ---- the end ------------------------------------------------------------- */

int weir_pool_close(weir_pool *pool, enum weir_pool_end how)
{
    if (!pool || (how != WEIR_POOL_DRAIN && how != WEIR_POOL_DISCARD))
        return WR_MISUSE("no pool, or neither drain nor discard");
    wr_crew_close(&pool->crew, how == WEIR_POOL_DISCARD);
    return 0;
}

int weir_pool_cancel(weir_pool *pool, int cause)
{
    if (!pool)
        return WR_MISUSE("no pool");
    int err = weir_ctx_cancel(&pool->ctx, cause);
    wr_crew_close(&pool->crew, true);
    return err;
}

static int join(weir_pool *pool, weir_ctx *ctx)
{
    if (wr_crew_has_me(&pool->crew))
        return WEIR_DEADLOCK;
    int err = wr_crew_join(&pool->crew, ctx);
    if (err && err == weir_ctx_err(ctx))
        weir_pool_cancel(pool, err);
    return err ? err : pool->crew.cause;
}

int weir_pool_stop(weir_pool *pool, enum weir_pool_end how, weir_ctx *ctx)
{
    int err = weir_pool_close(pool, how);
    return err ? err : join(pool, ctx);
}

int weir_pool_join(weir_pool *pool)
{
    return pool ? join(pool, NULL) : WR_MISUSE("no pool");
}

int weir_pool_free(weir_pool *pool)
{
    if (!pool)
        return 0;
    if (wr_crew_has_me(&pool->crew))
        return WEIR_DEADLOCK;
    weir_pool_cancel(pool, 0);
    int err = wr_crew_join(&pool->crew, NULL);
    if (!err)
        release(pool);
    return err;
}
