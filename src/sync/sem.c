/* SPDX-License-Identifier: MIT */
/*
 * The weighted semaphore. Permits go to waiters in the order of the queue, and
 * to nobody past it: a large request at the head holds the small ones behind
 * it back until it is served or leaves.
 *
 * Invariant, whenever the lock is free: the queue is empty, or the first
 * waiter wants more than there is.
 */
#include <weir/sem.h>

#include "sync/park.h"
#include "base/misuse.h"

static int64_t wants(const struct wr_node *n)
{
    return *(const int64_t *)n->elem;
}

/* Restores the invariant, under the lock. */
static void grant(weir_sem *s, struct wr_wakes *wakes)
{
    struct wr_queue *q = wr_queue_of(&s->queue_);
    struct wr_node *n;
    while ((n = q->head) != NULL && wants(n) <= s->permits_) {
        wr_queue_remove(n);
        if (wr_win(n->waiter, n->index, wakes))
            s->permits_ -= wants(n);
    }
}

/* Under the lock. */
static bool take(weir_sem *s, int64_t n)
{
    if (n > s->permits_ || wr_queue_of(&s->queue_)->head)
        return false;
    s->permits_ -= n;
    return true;
}

static int acquire_slow(weir_sem *s, int64_t n, weir_ctx *ctx)
{
    uint32_t *lock = wr_queue_lock(&s->queue_);
    int err = wr_wait_in(wr_queue_of(&s->queue_), lock, &n, ctx, WR_ON_SEM, s);
    if (!err)
        return 0;
    struct wr_wakes wakes = {0};
    grant(s, &wakes);
    wr_unlock(lock);
    wr_wake(&wakes);
    return err;
}

int weir_sem_acquire(weir_sem *s, int64_t n, weir_ctx *ctx)
{
    if (!s || n < 0)
        return WR_MISUSE("no semaphore, or a negative count");
    wr_lock(wr_queue_lock(&s->queue_));
    if (!take(s, n))
        return acquire_slow(s, n, ctx);
    wr_unlock(wr_queue_lock(&s->queue_));
    return 0;
}

int weir_sem_try_acquire(weir_sem *s, int64_t n)
{
    if (!s || n < 0)
        return WR_MISUSE("no semaphore, or a negative count");
    wr_lock(wr_queue_lock(&s->queue_));
    bool taken = take(s, n);
    wr_unlock(wr_queue_lock(&s->queue_));
    return taken ? 0 : WEIR_BUSY;
}

int weir_sem_release(weir_sem *s, int64_t n)
{
    if (!s || n < 0)
        return WR_MISUSE("no semaphore, or a negative count");
    struct wr_wakes wakes = {0};
    wr_lock(wr_queue_lock(&s->queue_));
    bool fits = s->permits_ <= INT64_MAX - n;
    if (fits) {
        s->permits_ += n;
        grant(s, &wakes);
    }
    wr_unlock(wr_queue_lock(&s->queue_));
    wr_wake(&wakes);
    return fits ? 0 : WEIR_EINVAL;
}
