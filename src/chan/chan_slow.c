/* SPDX-License-Identifier: MIT */
/* Channel operations under the lock: rendezvous, hand-offs between a running
 * and a waiting party, and waiting itself. */
#include "chan/chan.h"
#include "port/thread.h"
#include "sync/park.h"

enum { STAMP_SPINS = 200 };

/*
 * Somebody claimed the slot and has not ended its copy. That takes as long as
 * a memcpy unless the system has put it off its processor, so after a bounded
 * spin the processor is offered to it.
 */
void wr_stamp_await(uint32_t *stamp, uint32_t want)
{
    for (int spins = 0; wr_load_acq(stamp) != want; spins++) {
        if (spins < STAMP_SPINS)
            wr_pause();
        else
            wr_thread_yield();
    }
}

void wr_chan_freeze(weir_chan *c)
{
    if (c->rendezvous || wr_load_rlx(&c->tail) & WR_SLOW)
        return;
    wr_or(&c->tail, WR_SLOW);
    wr_or(&c->head, WR_SLOW);
}

/* Frozen, the words change under the lock only: plain stores will do. A party
 * that a context took away may find the channel thawed already, and in use. */
void wr_chan_thaw(weir_chan *c)
{
    if (c->rendezvous || c->senders.head || c->receivers.head ||
        !(wr_load_rlx(&c->tail) & WR_SLOW))
        return;
    uint64_t head = wr_load_rlx(&c->head) & ~(uint64_t)WR_SLOW;
    uint64_t tail = wr_load_rlx(&c->tail) & ~(uint64_t)WR_SLOW;
    wr_store_rlx(&c->head_hint, head);
    wr_store_rlx(&c->tail_hint, tail);
    wr_store_rel(&c->head, head);
    wr_store_rel(&c->tail, tail);
}

/* Frozen, and there is room. */
static void enter(weir_chan *c, const void *elem)
{
    uint64_t tail = wr_load_rlx(&c->tail);
    wr_ring_put(c, wr_count(tail), elem);
    wr_store_rel(&c->tail, tail + WR_ONE);
}

/* Frozen, and there is an element. */
static void take(weir_chan *c, void *elem)
{
    uint64_t head = wr_load_rlx(&c->head);
    wr_ring_get(c, wr_count(head), elem);
    wr_store_rel(&c->head, head + WR_ONE);
}

static void count_handoff(weir_chan *c)
{
    wr_store_rel(&c->handoffs, c->handoffs + 1);
}

static int done(weir_chan *c, int result, const struct wr_wakes *wakes)
{
    wr_chan_thaw(c);
    wr_unlock(&c->lock);
    wr_wake(wakes);
    return result;
}

/* Under the lock: queues the party and waits; 0, the closer's CLOSED, or the
 * context's error. */
static int wait_in(weir_chan *c, struct wr_queue *q, void *elem, weir_ctx *ctx,
                   enum wr_reason reason)
{
    static const struct wr_wakes none;
    struct wr_wait p;
    int err = wr_can_wait();
    if (err)
        return done(c, err, &none);
    wr_wait_init(&p, q, &c->lock, elem);
    p.waiter.alone = !wr_ctx_live(ctx);
    wr_chan_queue(c, &p.node);
    /* Once unlocked, who serves the party may free the channel. */
    wr_waiter_name(&p.waiter, c->name);
    wr_unlock(&c->lock);
    err = wr_wait_park(&p, ctx, reason, c);
    return err ? done(c, err, &none) : p.node.status;
}

int wr_send_slow(weir_chan *c, const void *elem, weir_ctx *ctx, bool wait)
{
    struct wr_wakes wakes = {0};
    struct wr_node *n;
    wr_lock(&c->lock);
    wr_chan_freeze(c);
    if (c->closed)
        return done(c, WEIR_CLOSED, &wakes);
    if ((n = wr_queue_pop(&c->receivers, &wakes)) != NULL) {
        if (n->elem)
            wr_copy(n->elem, elem, c->elem_size);
        count_handoff(c);
        return done(c, 0, &wakes);
    }
    if (!c->rendezvous && wr_chan_len_frozen(c) < c->cap) {
        enter(c, elem);
        return done(c, 0, &wakes);
    }
    if (!wait)
        return done(c, WEIR_FULL, &wakes);
    return wait_in(c, &c->senders, (void *)(uintptr_t)elem, ctx, WR_ON_SEND);
}

/* The element of the first waiting sender: into the place that has just
 * become free, or from hand to hand. */
static bool take_from_sender(weir_chan *c, void *elem, struct wr_wakes *wakes)
{
    struct wr_node *n = wr_queue_pop(&c->senders, wakes);
    if (!n)
        return false;
    if (!c->rendezvous) {
        enter(c, n->elem);
    } else {
        if (elem)
            wr_copy(elem, n->elem, c->elem_size);
        count_handoff(c);
    }
    return true;
}

int wr_recv_slow(weir_chan *c, void *elem, weir_ctx *ctx, bool wait)
{
    struct wr_wakes wakes = {0};
    wr_lock(&c->lock);
    wr_chan_freeze(c);
    if (!c->rendezvous && wr_chan_len_frozen(c) > 0) {
        take(c, elem);
        take_from_sender(c, NULL, &wakes);
        return done(c, 0, &wakes);
    }
    if (c->rendezvous && take_from_sender(c, elem, &wakes))
        return done(c, 0, &wakes);
    if (c->closed)
        return done(c, WEIR_CLOSED, &wakes);
    if (!wait)
        return done(c, WEIR_EMPTY, &wakes);
    return wait_in(c, &c->receivers, elem, ctx, WR_ON_RECV);
}
