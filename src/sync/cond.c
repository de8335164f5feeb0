/* SPDX-License-Identifier: MIT */
/*
 * Condition variables: nothing but a queue. A waiter is in it before it gives
 * the mutex away, so whoever then changes what it waits for finds it there; a
 * signal wins exactly one waiter, or none if none can be won any more, and
 * only a signal or the context does, so there are no other wake-ups.
 */
#include <weir/cond.h>

#include "sync/mutex.h"
#include "base/misuse.h"
#include "sync/park.h"

int weir_cond_wait(weir_cond *c, weir_mutex *m, weir_ctx *ctx)
{
    if (!c || !m || !wr_mutex_locked(m))
        return WR_MISUSE(
            "no condition, or no mutex, or a mutex that is not locked");
    int err = wr_can_wait();
    if (err)
        return err;
    struct wr_wait p;
    uint32_t *lock = wr_queue_lock(&c->queue_);
    wr_wait_init(&p, wr_queue_of(&c->queue_), lock, NULL);
    p.waiter.alone = !wr_ctx_live(ctx);
    wr_lock(lock);
    wr_queue_push(&p.node);
    wr_unlock(lock);

    weir_mutex_unlock(m);
    err = wr_wait_park(&p, ctx, WR_ON_COND, c);
    if (err)
        wr_unlock(lock);
    weir_mutex_lock(m, NULL);
    return err;
}

int weir_cond_signal(weir_cond *c)
{
    if (!c)
        return WR_MISUSE("no condition");
    struct wr_wakes wakes = {0};
    wr_lock(wr_queue_lock(&c->queue_));
    wr_queue_pop(wr_queue_of(&c->queue_), &wakes);
    wr_unlock(wr_queue_lock(&c->queue_));
    wr_wake(&wakes);
    return 0;
}

int weir_cond_broadcast(weir_cond *c)
{
    if (!c)
        return WR_MISUSE("no condition");
    struct wr_wakes wakes = {0};
    wr_lock(wr_queue_lock(&c->queue_));
    wr_queue_pop_all(wr_queue_of(&c->queue_), 0, &wakes);
    wr_unlock(wr_queue_lock(&c->queue_));
    wr_wake(&wakes);
    return 0;
}
