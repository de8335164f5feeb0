/* SPDX-License-Identifier: MIT */
/*
 * Once: NEW -> RUNNING -> DONE under the queue's lock. DONE is released, so
 * who sees it without the lock sees what fn did.
 */
#include <weir/once.h>

#include "sync/park.h"
#include "base/misuse.h"

enum { NEW, RUNNING, DONE };

/* Names the calling task or, on a thread, the thread. */
static WR_NOINLINE const void *party(void)
{
    static __thread char here;
    struct wr_waiter me;
    wr_waiter_init(&me);
    const void *p = me.task ? (const void *)me.task : &here;
    __asm__ volatile("" : "+r"(p));
    return p;
}

static void finish(weir_once *o)
{
    struct wr_wakes wakes = {0};
    wr_lock(wr_queue_lock(&o->queue_));
    wr_store_rel(&o->state_, DONE);
    o->owner_ = NULL;
    wr_queue_pop_all(wr_queue_of(&o->queue_), 0, &wakes);
    wr_unlock(wr_queue_lock(&o->queue_));
    wr_wake(&wakes);
}

/* Somebody runs fn. Locked; unlocks. */
static int await_done(weir_once *o)
{
    uint32_t *lock = wr_queue_lock(&o->queue_);
    int err = WEIR_DEADLOCK;
    if (o->owner_ != party())
        err = wr_wait_in(wr_queue_of(&o->queue_), lock, NULL, NULL, WR_ON_ONCE,
                         o);
    if (err)
        wr_unlock(lock);
    return err;
}

static WR_NOINLINE int do_slow(weir_once *o, void (*fn)(void *), void *arg)
{
    uint32_t *lock = wr_queue_lock(&o->queue_);
    wr_lock(lock);
    if (o->state_ == RUNNING)
        return await_done(o);
    bool mine = o->state_ == NEW;
    if (mine) {
        wr_store_rlx(&o->state_, RUNNING);
        o->owner_ = party();
    }
    wr_unlock(lock);
    if (mine) {
        fn(arg);
        finish(o);
    }
    return 0;
}

int weir_once_do(weir_once *o, void (*fn)(void *), void *arg)
{
    if (!o || !fn)
        return WR_MISUSE("no once, or no function");
    return weir_once_done(o) ? 0 : do_slow(o, fn, arg);
}

bool weir_once_done(const weir_once *o)
{
    return o && wr_load_acq(&o->state_) == DONE;
}
