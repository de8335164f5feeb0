/* SPDX-License-Identifier: MIT */
/*
 * Contexts: making them, asking them, waiting on them. How they end is in
 * ctx_end.c.
 *
 * Who writes what in a weir_ctx:
 *   queue_          its lock guards err_, cause_, children_, after_ and the
 *                   queue: those who wait for the end; after the end, those
 *                   who wait in weir_ctx_fini
 *   parent_, key_, value_, deadline_, flags_
 *                   by init; constant (fini clears parent_)
 *   next_, prev_    under the parent's lock: its place among the children
 *   cause_, err_    once, under the lock, in this order; err_ is released, so
 *                   who reads it acquired may read cause_
 *   users_          atomically; taken by cancellers and after-functions,
 *                   given back under the lock
 *   timer_          the deadline, if it is earlier than the parent's
 */
#include "sync/ctx.h"
#include "base/misuse.h"

#include <weir/time.h>

#include "sched/runtime.h"
#include "sched/timer.h"
#include "sync/park.h"

static weir_ctx background = {.flags_ = WR_CTX_BACKGROUND};

weir_ctx *weir_ctx_background(void)
{
    return &background;
}

/* Links the child, or lets it share the end that its parent has had. */
static void adopt(weir_ctx *parent, weir_ctx *child)
{
    wr_lock(&parent->queue_.lock_);
    if (parent->err_) {
        child->cause_ = parent->cause_;
        child->err_ = parent->err_;
    } else {
        child->next_ = parent->children_;
        if (child->next_)
            child->next_->prev_ = child;
        parent->children_ = child;
    }
    wr_unlock(&parent->queue_.lock_);
}

static int init(weir_ctx *ctx, weir_ctx *parent, const void *key, void *value)
{
    if (!ctx || ctx == &background)
        return WR_MISUSE("no context, or the background context");
    *ctx = (weir_ctx)WEIR_CTX_INIT;
    ctx->key_ = key;
    ctx->value_ = value;
    ctx->parent_ = wr_ctx_live(parent);
    if (ctx->parent_) {
        ctx->deadline_ = ctx->parent_->deadline_;
        adopt(ctx->parent_, ctx);
    }
    return 0;
}

int weir_ctx_init(weir_ctx *ctx, weir_ctx *parent)
{
    return init(ctx, parent, NULL, NULL);
}

int weir_ctx_init_value(weir_ctx *ctx, weir_ctx *parent, const void *key,
                        void *value)
{
    return key ? init(ctx, parent, key, value) : WR_MISUSE("no key");
}

/* The parent's timer serves a child that would end later. */
int weir_ctx_init_deadline(weir_ctx *ctx, weir_ctx *parent, int64_t deadline)
{
    if (deadline >= weir_ctx_deadline(parent))
        return weir_ctx_init(ctx, parent);
    bool past = deadline <= weir_now();
    int err = past ? 0 : wr_runtime_need();
    if (!err)
        err = weir_ctx_init(ctx, parent);
    if (err)
        return err;
    ctx->deadline_ = deadline > 0 ? deadline : 1;
    if (past)
        wr_ctx_end(ctx, WEIR_TIMEDOUT, WEIR_TIMEDOUT);
    else if (weir_ctx_err(ctx) == 0)
        wr_timer_set(&ctx->timer_, deadline, wr_ctx_fire);
    return 0;
}

int weir_ctx_init_timeout(weir_ctx *ctx, weir_ctx *parent, int64_t timeout)
{
    int64_t now = weir_now();
    if (timeout >= WEIR_FOREVER - now)
        return weir_ctx_init(ctx, parent);
    return weir_ctx_init_deadline(ctx, parent, timeout > 0 ? now + timeout : 0);
}

int weir_ctx_err(const weir_ctx *ctx)
{
    return ctx ? wr_load_acq(&ctx->err_) : 0;
}

int weir_ctx_cause(const weir_ctx *ctx)
{
    return weir_ctx_err(ctx) ? ctx->cause_ : 0;
}

int64_t weir_ctx_deadline(const weir_ctx *ctx)
{
    return ctx && ctx->deadline_ ? ctx->deadline_ : WEIR_FOREVER;
}

void *weir_ctx_value(const weir_ctx *ctx, const void *key)
{
    if (!key)
        return NULL;
    while (ctx && ctx->key_ != key)
        ctx = ctx->parent_;
    return ctx ? ctx->value_ : NULL;
}

int wr_ctx_watch(weir_ctx *ctx, struct wr_node *n, struct wr_waiter *w,
                 uint32_t index)
{
    uint32_t *lock = wr_queue_lock(&ctx->queue_);
    int err = wr_load_acq(&ctx->err_);
    if (err)
        return err;
    wr_node_init(n, w, wr_queue_of(&ctx->queue_), lock, index, NULL);
    wr_lock(lock);
    err = ctx->err_;
    if (!err)
        wr_queue_push(n);
    wr_unlock(lock);
    return err;
}

int weir_ctx_wait(weir_ctx *ctx, weir_ctx *by)
{
    weir_ctx *c = ctx ? ctx : &background;
    uint32_t *lock = wr_queue_lock(&c->queue_);
    wr_lock(lock);
    int err = c->err_;
    if (err) {
        wr_unlock(lock);
        return err;
    }
    err = wr_wait_in(wr_queue_of(&c->queue_), lock, NULL, by, WR_ON_CTX, c);
    if (err)
        wr_unlock(lock);
    return err ? err : weir_ctx_err(c);
}
