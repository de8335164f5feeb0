/* SPDX-License-Identifier: MIT */
/*
 * The limiter: two numbers and a queue under a mutex.
 *
 * Not a weir_sem, whose permits cannot be fewer than none: a limiter that is
 * made smaller while permits are out must wait for them to come back, without
 * giving any to those who wait.
 *
 * Invariant, whenever the mutex is free: the queue is empty, or its first
 * wants more than limit_ - used_, or it is on its way to look.
 */
#include <weir/limiter.h>

#include "base/misuse.h"
#include "flow/turn.h"

int weir_limiter_init(weir_limiter *l, const weir_limiter_opts *o)
{
    if (!l || !o || o->limit < 0 || o->waiting < 0)
        return WR_MISUSE("no limiter or options, or a negative number");
    *l = (weir_limiter){
        .limit_ = o->limit,
        .room_ = o->waiting ? o->waiting : INT64_MAX,
    };
    return 0;
}

/* The rest is under the lock. used_ may be above limit_. */
static bool fits(const weir_limiter *l, int64_t n)
{
    return n <= l->limit_ - l->used_;
}

static bool take(weir_limiter *l, int64_t n)
{
    if (l->first_ || !fits(l, n))
        return false;
    l->used_ += n;
    return true;
}

static int wait_turn(weir_limiter *l, int64_t n, weir_ctx *ctx)
{
    struct weir_turn_ t = {.n = n};
    int err = 0;
    bool served;
    if (l->waiting_ == l->room_)
        return WEIR_FULL;
    l->waiting_++;
    wr_turn_join(&l->first_, &l->last_, &t);
    while (!(served = l->first_ == &t && fits(l, n)) && !err)
        err = weir_cond_wait(&t.cond, &l->lock_, ctx);
    if (served)
        l->used_ += n;
    l->waiting_--;
    wr_turn_leave(&l->first_, &l->last_, &t);
    return served ? 0 : err;
}

int weir_limiter_acquire(weir_limiter *l, int64_t n, weir_ctx *ctx)
{
    if (!l || n < 0)
        return WR_MISUSE("no limiter, or a negative count");
    int err = weir_mutex_lock(&l->lock_, NULL);
    if (err)
        return err;
    if (!take(l, n))
        err = wait_turn(l, n, ctx);
    weir_mutex_unlock(&l->lock_);
    return err;
}

int weir_limiter_try_acquire(weir_limiter *l, int64_t n)
{
    if (!l || n < 0)
        return WR_MISUSE("no limiter, or a negative count");
    int err = weir_mutex_lock(&l->lock_, NULL);
    if (err)
        return err;
    const bool taken = take(l, n);
    weir_mutex_unlock(&l->lock_);
    return taken ? 0 : WEIR_BUSY;
}

int weir_limiter_release(weir_limiter *l, int64_t n)
{
    if (!l || n < 0)
        return WR_MISUSE("no limiter, or a negative count");
    int err = weir_mutex_lock(&l->lock_, NULL);
    if (err)
        return err;
    const bool out = n <= l->used_;
    if (out) {
        l->used_ -= n;
        wr_turn_signal(l->first_);
    }
    weir_mutex_unlock(&l->lock_);
    return out ? 0 : WR_MISUSE("more permits than are out");
}

int weir_limiter_resize(weir_limiter *l, int64_t limit)
{
    if (!l || limit < 0)
        return WR_MISUSE("no limiter, or a negative limit");
    int err = weir_mutex_lock(&l->lock_, NULL);
    if (err)
        return err;
    l->limit_ = limit;
    wr_turn_signal(l->first_);
    weir_mutex_unlock(&l->lock_);
    return 0;
}

int weir_limiter_get_state(weir_limiter *l, weir_limiter_state *out)
{
    if (!l || !out)
        return WR_MISUSE("no limiter, or no place for its state");
    int err = weir_mutex_lock(&l->lock_, NULL);
    if (err)
        return err;
    *out = (weir_limiter_state){l->limit_, l->used_, l->waiting_};
    weir_mutex_unlock(&l->lock_);
    return 0;
}
