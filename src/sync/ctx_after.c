/* SPDX-License-Identifier: MIT */
/*
 * Functions that run once a context has ended, each in a task of its own.
 *
 *   IDLE --after_func--> WAITS --end--> RUNS --(fn returned)--> gone
 *     ^--------stop--------/ ^---no memory for a task: DUE, again by timer
 *
 * A weir_ctx_after is written under the lock of its context; state_ also is
 * read without it, by stop. From DUE and RUNS on it holds the context, so
 * that weir_ctx_fini waits for the function.
 */
#include <weir/time.h>

#include "base/misuse.h"
#include "sched/runtime.h"
#include "sched/timer.h"
#include "sync/ctx.h"

enum { IDLE, WAITS, DUE, RUNS };

enum {
    RETRY = 1000000 /* ns until the next try for memory */
};

static void link_after(weir_ctx *ctx, weir_ctx_after *a, uint32_t state)
{
    a->prev_ = NULL;
    a->next_ = ctx->after_;
    if (a->next_)
        a->next_->prev_ = a;
    ctx->after_ = a;
    wr_store_rlx(&a->state_, state);
}

static void unlink_after(weir_ctx *ctx, weir_ctx_after *a, uint32_t state)
{
    if (a->prev_)
        a->prev_->next_ = a->next_;
    else
        ctx->after_ = a->next_;
    if (a->next_)
        a->next_->prev_ = a->prev_;
    wr_store_rlx(&a->state_, state);
}

/* The task. *a is the owner's again once fn is called. */
static void run(void *arg)
{
    weir_ctx_after *a = arg;
    weir_ctx *ctx = a->ctx_;
    void (*fn)(void *) = a->fn_;
    fn(a->arg_);
    wr_ctx_drop(ctx);
}

static weir_ctx_after *take(weir_ctx *ctx)
{
    wr_lock(&ctx->queue_.lock_);
    weir_ctx_after *a = ctx->after_;
    if (a) {
        if (a->state_ == WAITS)
            wr_ctx_hold(ctx);
        unlink_after(ctx, a, RUNS);
    }
    wr_unlock(&ctx->queue_.lock_);
    return a;
}

/* All that are linked hold the context. Locked. */
static void make_due(weir_ctx *ctx)
{
    for (weir_ctx_after *a = ctx->after_; a; a = a->next_) {
        if (a->state_ == WAITS)
            wr_ctx_hold(ctx);
        wr_store_rlx(&a->state_, DUE);
    }
}

/* No task for a: again in a moment, and the others with it. Without a runtime
 * there is no timer, and the caller is a plain thread: it may wait, so it may
 * run fn itself. */
static bool put_off(weir_ctx *ctx, weir_ctx_after *a)
{
    if (wr_runtime_need()) {
        run(a);
        return false;
    }
    wr_lock(&ctx->queue_.lock_);
    link_after(ctx, a, DUE);
    make_due(ctx);
    wr_unlock(&ctx->queue_.lock_);
    wr_timer_set(&ctx->timer_, weir_now() + RETRY, wr_ctx_fire);
    return true;
}

void wr_ctx_start_afters(weir_ctx *ctx)
{
    weir_ctx_after *a;
    while ((a = take(ctx)) != NULL) {
        if (wr_go_site(run, a, NULL, a->site_) && put_off(ctx, a))
            return;
    }
}

int weir_ctx_after_func(weir_ctx_after *a, weir_ctx *ctx, void (*fn)(void *),
                        void *arg)
{
    if (!a || !fn)
        return WR_MISUSE("no place for the call, or no function");
    int err = wr_runtime_need();
    if (err)
        return err;
    *a = (weir_ctx_after){.ctx_ = wr_ctx_live(ctx), .fn_ = fn, .arg_ = arg};
    a->site_ = __builtin_return_address(0);
    a->state_ = WAITS;
    if (!a->ctx_)
        return 0;
    wr_lock(&ctx->queue_.lock_);
    bool ended = ctx->err_ != 0;
    if (ended)
        wr_ctx_hold(ctx);
    link_after(ctx, a, WAITS);
    wr_unlock(&ctx->queue_.lock_);
    if (ended) {
        wr_ctx_start_afters(ctx);
        wr_ctx_drop(ctx);
    }
    return 0;
}

int weir_ctx_after_stop(weir_ctx_after *a)
{
    if (!a)
        return WR_MISUSE("no place for the call");
    uint32_t state = wr_load_rlx(&a->state_);
    if (state != WAITS && state != DUE)
        return 0;
    weir_ctx *ctx = a->ctx_;
    if (!ctx) {
        a->state_ = IDLE;
        return 1;
    }
    wr_lock(&ctx->queue_.lock_);
    state = a->state_;
    bool due = state == DUE;
    bool stopped = due || state == WAITS;
    if (stopped)
        unlink_after(ctx, a, IDLE);
    wr_unlock(&ctx->queue_.lock_);
    if (due)
        wr_ctx_drop(ctx);
    return stopped;
}
