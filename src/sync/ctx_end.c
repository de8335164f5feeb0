/* SPDX-License-Identifier: MIT */
/*
 * How a context ends: by cancel, by its deadline, by its parent, by fini.
 *
 * Whoever sets err_ first, ends it: it wins the waiters, starts the
 * after-functions and takes the children off one by one, to do the same with
 * each. The tree is walked down and up along parent_, one lock at a time, so
 * its depth costs no stack.
 *
 * What keeps the contexts on that way alive. A canceller holds (users_) each
 * context from the one it began with down to the one it is at: a child is
 * held under its parent's lock, in the step that takes it off the parent's
 * list. fini takes the context off that list under the same lock, so after
 * that nobody new can come from above, and waits until users_ is 0. The last
 * holder finds that out under the context's own lock, and unlocking is its
 * last touch; fini looks under that lock too, so it leaves after that.
 * A parent outlives its children by contract, so going up is safe as well.
 */
#include <weir/base.h>

#include "base/misuse.h"
#include "sched/timer.h"
#include "sync/ctx.h"
#include "sync/park.h"

enum {
    WINS = 64 /* waiters won in one critical section: others want the lock */
};

/* True: there are more. */
static bool win_some(weir_ctx *ctx, struct wr_wakes *wakes)
{
    struct wr_queue *q = wr_queue_of(&ctx->queue_);
    for (int i = 0; i < WINS; i++) {
        struct wr_node *n = wr_queue_pop(q, wakes);
        if (!n)
            return false;
        n->status = ctx->err_;
    }
    return true;
}

/* Ends this one alone; false: it has ended before. Held. */
static bool end_one(weir_ctx *ctx, int err, int cause)
{
    struct wr_wakes wakes = {0};
    wr_lock(&ctx->queue_.lock_);
    bool first = ctx->err_ == 0;
    if (first) {
        ctx->cause_ = cause;
        wr_store_rel(&ctx->err_, err);
    }
    bool more = first && win_some(ctx, &wakes);
    wr_unlock(&ctx->queue_.lock_);
    wr_wake(&wakes);

    while (more) {
        wakes = (struct wr_wakes){0};
        wr_lock(&ctx->queue_.lock_);
        more = win_some(ctx, &wakes);
        wr_unlock(&ctx->queue_.lock_);
        wr_wake(&wakes);
    }
    if (first)
        wr_ctx_start_afters(ctx);
    return first;
}

/* Takes a child off its parent's list, if it is on it. Parent locked. */
static void disown(weir_ctx *parent, weir_ctx *child)
{
    if (child->prev_)
        child->prev_->next_ = child->next_;
    else if (parent->children_ == child)
        parent->children_ = child->next_;
    if (child->next_)
        child->next_->prev_ = child->prev_;
    child->next_ = child->prev_ = NULL;
}

static weir_ctx *take_child(weir_ctx *ctx)
{
    wr_lock(&ctx->queue_.lock_);
    weir_ctx *child = ctx->children_;
    if (child) {
        disown(ctx, child);
        wr_ctx_hold(child);
    }
    wr_unlock(&ctx->queue_.lock_);
    return child;
}

void wr_ctx_drop(weir_ctx *ctx)
{
    struct wr_wakes wakes = {0};
    wr_lock(&ctx->queue_.lock_);
    if (wr_sub(&ctx->users_, 1) == 1 && ctx->err_)
        wr_queue_pop_all(wr_queue_of(&ctx->queue_), 0, &wakes);
    wr_unlock(&ctx->queue_.lock_);
    wr_wake(&wakes);
}

/* Ends all below top, depth first. A child that had its own end is left to
 * whoever ended it. top is held. */
static void end_below(weir_ctx *top, int err, int cause)
{
    weir_ctx *at = top;
    for (;;) {
        weir_ctx *child = take_child(at);
        if (child && end_one(child, err, cause)) {
            at = child;
        } else if (child) {
            wr_ctx_drop(child);
        } else if (at == top) {
            return;
        } else {
            weir_ctx *up = at->parent_;
            wr_ctx_drop(at);
            at = up;
        }
    }
}

void wr_ctx_end(weir_ctx *ctx, int err, int cause)
{
    wr_ctx_hold(ctx);
    if (end_one(ctx, err, cause))
        end_below(ctx, err, cause);
    wr_ctx_drop(ctx);
}

int weir_ctx_cancel(weir_ctx *ctx, int cause)
{
    if (!wr_ctx_live(ctx))
        return WR_MISUSE("no context, or the background");
    if (weir_ctx_err(ctx) == 0)
        wr_ctx_end(ctx, WEIR_CANCELED, cause ? cause : WEIR_CANCELED);
    return 0;
}

void wr_ctx_fire(struct weir_timer_ *t)
{
    weir_ctx *ctx =
        (weir_ctx *)(void *)((char *)t - offsetof(weir_ctx, timer_));
    wr_ctx_hold(ctx);
    if (end_one(ctx, WEIR_TIMEDOUT, WEIR_TIMEDOUT))
        end_below(ctx, WEIR_TIMEDOUT, WEIR_TIMEDOUT);
    else
        wr_ctx_start_afters(ctx);
    wr_ctx_drop(ctx);
}

/* Waits until nobody holds ctx. A canceller that is at it may wake us once
 * for nothing, as one of the waiters. */
static int join(weir_ctx *ctx)
{
    uint32_t *lock = wr_queue_lock(&ctx->queue_);
    struct wr_queue *q = wr_queue_of(&ctx->queue_);
    int err = 0;
    wr_lock(lock);
    while (!err && wr_load(&ctx->users_) != 0) {
        err = wr_wait_in(q, lock, NULL, NULL, WR_ON_CTX, ctx);
        if (!err)
            wr_lock(lock);
    }
    wr_unlock(lock);
    return err;
}

int weir_ctx_fini(weir_ctx *ctx)
{
    if (weir_ctx_cancel(ctx, 0))
        return WEIR_EINVAL;
    weir_ctx *parent = ctx->parent_;
    if (parent) {
        wr_lock(&parent->queue_.lock_);
        disown(parent, ctx);
        wr_unlock(&parent->queue_.lock_);
    }
    int err = join(ctx);
    wr_timer_cancel(&ctx->timer_);
    ctx->parent_ = NULL;
    return err;
}
