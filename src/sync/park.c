/* SPDX-License-Identifier: MIT */
#include "sync/park.h"

enum { BY_QUEUE = 0, BY_CTX = 1 };

/* Takes the node back, if it still is in the queue, and keeps the lock. */
static void withdraw(struct wr_node *n)
{
    wr_lock(n->lock);
    wr_queue_remove(n);
}

/*
 * The context had ended before the party slept. If its node still is in the
 * queue nobody has won it, and unlinked it cannot be; else a waker has it.
 */
static int end_early(struct wr_wait *p, int err, enum wr_reason reason,
                     const void *on)
{
    wr_lock(p->node.lock);
    if (p->node.linked) {
        wr_queue_remove(&p->node);
        wr_waiter_unname(&p->waiter);
        return err;
    }
    wr_unlock(p->node.lock);
    wr_park(&p->waiter, reason, on);
    return 0;
}

int wr_wait_park_ctx(struct wr_wait *p, weir_ctx *live, enum wr_reason reason,
                     const void *on)
{
    struct wr_node end;
    int err = wr_ctx_watch(live, &end, &p->waiter, BY_CTX);
    if (err)
        return end_early(p, err, reason, on);
    uint32_t won = wr_park(&p->waiter, reason, on);
    wr_node_leave(&end, won);
    if (won == BY_QUEUE)
        return 0;
    withdraw(&p->node);
    return end.status;
}

int wr_wait_in(struct wr_queue *q, uint32_t *lock, void *elem, weir_ctx *ctx,
               enum wr_reason reason, const void *on)
{
    struct wr_wait p;
    int err = wr_can_wait();
    if (err)
        return err;
    wr_wait_init(&p, q, lock, elem);
    p.waiter.alone = !wr_ctx_live(ctx);
    wr_queue_push(&p.node);
    wr_unlock(lock);
    return wr_wait_park(&p, ctx, reason, on);
}
