/* SPDX-License-Identifier: MIT */
/*
 * The barrier: the last party to arrive releases the queue.
 *
 * arrived_ is the length of the queue. Whether a party took part is decided
 * under the lock alone: by its node being released or withdrawn, not by who
 * woke it. So a party whose context ended, but whom the last to arrive still
 * found in the queue, has met the others and returns 0; else fewer than all
 * would have met.
 */
#include <weir/barrier.h>

#include "sync/park.h"
#include "base/misuse.h"

static void release(weir_barrier *b, struct wr_wakes *wakes)
{
    struct wr_queue *q = wr_queue_of(&b->queue_);
    for (struct wr_node *n = q->head; n; n = n->next)
        *(bool *)n->elem = true;
    wr_queue_pop_all(q, 0, wakes);
    b->arrived_ = 0;
}

static int wait_for_last(weir_barrier *b, weir_ctx *ctx)
{
    uint32_t *lock = wr_queue_lock(&b->queue_);
    bool released = false;
    b->arrived_++;
    int err = wr_wait_in(wr_queue_of(&b->queue_), lock, &released, ctx,
                         WR_ON_BARRIER, b);
    if (!err)
        return 0;
    if (!released)
        b->arrived_--;
    wr_unlock(lock);
    return released ? 0 : err;
}

int weir_barrier_wait(weir_barrier *b, weir_ctx *ctx)
{
    if (!b || b->parties_ == 0)
        return WR_MISUSE("no barrier, or a barrier of nobody");
    struct wr_wakes wakes = {0};
    wr_lock(wr_queue_lock(&b->queue_));
    if (b->arrived_ + 1 < b->parties_)
        return wait_for_last(b, ctx);
    release(b, &wakes);
    wr_unlock(wr_queue_lock(&b->queue_));
    wr_wake(&wakes);
    return 1;
}
