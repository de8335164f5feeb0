/* SPDX-License-Identifier: MIT */
/*
 * Waiting on one queue and, beside it, on a context: the one way in which
 * every synchronisation object blocks.
 *
 * The object's state and queue are guarded by one lock. A party that must
 * wait is queued under that lock, in the critical section that found that it
 * must; whoever changes the state pops it (wr_queue_pop) under the same lock.
 * So there is no instant at which the state lets the party go and nobody sees
 * it.
 *
 * When a context takes a party away, the party unlinks its node under the
 * object's lock and comes back holding it: leaving the queue and what the
 * object does about that (let the next ones go, count one less) are one step.
 */
#ifndef WR_SYNC_PARK_H
#define WR_SYNC_PARK_H

#include "sched/wait.h"
#include "sync/ctx.h"

/* One wait of one party; on its stack. */
struct wr_wait {
    struct wr_waiter waiter;
    struct wr_node node; /* in the object's queue */
};

/* Makes the caller a waiter in q; to be queued with wr_queue_push(&p->node).
 * Under q's lock or before. elem is what the object's wakers find there. */
static inline void wr_wait_init(struct wr_wait *p, struct wr_queue *q,
                                uint32_t *lock, void *elem)
{
    wr_waiter_init(&p->waiter);
    wr_node_init(&p->node, &p->waiter, q, lock, 0, elem);
}

/*
 * With p->node queued and the lock free: waits until the node is popped, or
 * ctx (may be NULL) ends. 0: it was popped; the lock is not held. Else ctx's
 * error: the node is off the queue and THE LOCK IS HELD.
 */
int wr_wait_park_ctx(struct wr_wait *p, weir_ctx *live, enum wr_reason reason,
                     const void *on);

static inline int wr_wait_park(struct wr_wait *p, weir_ctx *ctx,
                               enum wr_reason reason, const void *on)
{
    weir_ctx *live = wr_ctx_live(ctx);
    if (live)
        return wr_wait_park_ctx(p, live, reason, on);
    wr_park(&p->waiter, reason, on);
    return 0;
}

/* Under the lock: queues at the tail, unlocks and waits as wr_wait_park does,
 * with its result. Also WEIR_FORKED, the lock held. */
int wr_wait_in(struct wr_queue *q, uint32_t *lock, void *elem, weir_ctx *ctx,
               enum wr_reason reason, const void *on);

#endif
