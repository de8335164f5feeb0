/* SPDX-License-Identifier: MIT */
/* Channel operations under the lock: rendezvous, hand-offs between a running
 * and a waiting party, and waiting itself. */
#include "chan/chan.h"
#include "chan/flow.h"
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

void wr_ring_put_any(weir_chan *c, uint64_t n, const void *elem)
{
    char *slot = wr_slot_at(c, n);
    uint32_t *stamp = (uint32_t *)(void *)slot, want = wr_stamp_free(c, n);
    wr_stamp_await(stamp, want);
    wr_copy(slot + c->elem_offset, elem, c->elem_size);
    wr_store_rel(stamp, want + 1);
}

void wr_ring_get_any(weir_chan *c, uint64_t n, void *elem)
{
    char *slot = wr_slot_at(c, n);
    uint32_t *stamp = (uint32_t *)(void *)slot, want = wr_stamp_free(c, n) + 1;
    wr_stamp_await(stamp, want);
    if (elem)
        wr_copy(elem, slot + c->elem_offset, c->elem_size);
    wr_store_rel(stamp, want + 1);
}

void wr_chan_freeze_ring(weir_chan *c)
{
    if (wr_load_rlx(&c->tail) & WR_SLOW)
        return;
    wr_or(&c->tail, WR_SLOW);
    wr_or(&c->head, WR_SLOW);
}

/* Frozen, the words change under the lock only: plain stores will do. A party
 * that a context took away may find the channel thawed already, and in use. */
void wr_chan_thaw_ring(weir_chan *c)
{
    if (c->senders.head || c->receivers.head ||
        !(wr_load_rlx(&c->tail) & WR_SLOW))
        return;
    uint64_t head = wr_load_rlx(&c->head) & ~(uint64_t)WR_SLOW;
    uint64_t tail = wr_load_rlx(&c->tail) & ~(uint64_t)WR_SLOW;
    wr_store_rlx(&c->head_hint, head);
    wr_store_rlx(&c->tail_hint, tail);
    wr_store_rel(&c->head, head);
    wr_store_rel(&c->tail, tail);
}

void wr_note_highest(weir_chan *c, uint64_t tail)
{
    uint64_t head = wr_count(wr_load_acq(&c->head));
    uint64_t highest = wr_load_rlx(&c->highest);
    wr_store_rlx(&c->head_seen, head);
    while ((int64_t)(tail - head) > (int64_t)highest &&
           !wr_cas(&c->highest, &highest, tail - head))
        continue;
}

void wr_ring_put_high(weir_chan *c, uint64_t n, const void *elem)
{
    wr_note_highest(c, n + 1);
    wr_ring_put(c, n, elem);
}

/* ---- in and out, frozen -------------------------------------------------- */

static bool fits(const weir_chan *c, size_t bytes)
{
    if (wr_chan_len_frozen(c) >= c->cap)
        return false;
    const struct wr_flow *f = c->flowing ? c->flow : NULL;
    return !f || f->max_bytes == 0 || f->bytes + bytes <= f->max_bytes;
}

/* Nobody overtakes an element that waits because it is large. */
bool wr_chan_may_enter(const weir_chan *c, size_t bytes)
{
    bool by_bytes = c->flowing && c->flow->max_bytes > 0;
    return !c->rendezvous && fits(c, bytes) && !(by_bytes && c->senders.head);
}

void wr_chan_enter(weir_chan *c, const void *elem, size_t bytes)
{
    uint64_t tail = wr_load_rlx(&c->tail), n = wr_count(tail);
    if (elem || c->elem_size == 0)
        wr_ring_put(c, n, elem);
    else
        wr_ring_built(c, n);
    if (c->flowing)
        wr_flow_entered(c, n, bytes);
    wr_store_rel(&c->tail, tail + WR_ONE);
    /* One whose claim came before the freeze may be noting it as well. */
    if (wr_chan_len_frozen(c) > wr_load_rlx(&c->highest))
        wr_note_highest(c, n + 1);
}

static void leave(weir_chan *c, void *elem, bool received)
{
    uint64_t head = wr_load_rlx(&c->head), n = wr_count(head);
    if (c->flowing)
        wr_flow_left(c, n, received);
    wr_ring_get(c, n, elem);
    wr_store_rel(&c->head, head + WR_ONE);
}

bool wr_chan_evict(weir_chan *c, void *elem, enum weir_drop reason)
{
    uint64_t at;
    if (c->rendezvous)
        return false;
    if (wr_load_rlx(&c->head) & WR_SLOW) {
        if (wr_chan_len_frozen(c) == 0)
            return false;
        leave(c, elem, false);
    } else {
        if (!wr_claim_recv(c, 1, &at))
            return false;
        wr_ring_get(c, at, elem);
    }
    c->counts.dropped[reason]++;
    c->counts.evicted++;
    return true;
}

void wr_chan_hand_over(weir_chan *c, void *to, const void *from)
{
    if (to && c->elem_size > 0)
        wr_copy(to, from, c->elem_size);
    wr_store_rel(&c->handoffs, c->handoffs + 1);
    if (c->flowing)
        wr_flow_handed_over(c);
}

/* The element of the first waiting sender: into the place that has just
 * become free, or from hand to hand. */
static bool take_from_sender(weir_chan *c, void *elem, struct wr_wakes *wakes)
{
    struct wr_node *n = wr_queue_pop(&c->senders, wakes);
    if (!n)
        return false;
    if (c->rendezvous)
        wr_chan_hand_over(c, elem, n->elem);
    else if (n->elem != &wr_only_room)
        wr_chan_enter(c, n->elem, n->size);
    return true;
}

/* With bytes to count, one that left may have made room for several, or for
 * none; and a sender that went away may have held up those behind it. */
static void admit_by_bytes(weir_chan *c, struct wr_wakes *wakes)
{
    struct wr_node *n;
    while ((n = c->senders.head) != NULL && fits(c, n->size)) {
        wr_queue_remove(n);
        if (wr_win(n->waiter, n->index, wakes))
            wr_chan_enter(c, n->elem, n->size);
    }
}

void wr_chan_take(weir_chan *c, void *elem, struct wr_wakes *wakes)
{
    leave(c, elem, true);
    if (!c->flowing || c->flow->max_bytes == 0)
        take_from_sender(c, NULL, wakes);
}

static WR_NOINLINE int done_flowing(weir_chan *c, int result,
                                    struct wr_wakes *wakes)
{
    if (c->flow->max_bytes > 0)
        admit_by_bytes(c, wakes);
    enum wr_level level = wr_flow_level(c);
    if (level != WR_LEVEL_SAME)
        weir_chan_ref(c);
    wr_chan_thaw(c);
    wr_unlock(&c->lock);
    wr_wake(wakes);
    if (level != WR_LEVEL_SAME) {
        wr_hook_level(c, level == WR_LEVEL_HIGH);
        weir_chan_unref(c);
    }
    return result;
}

static inline int done(weir_chan *c, int result, struct wr_wakes *wakes)
{
    if (wr_unlikely(c->flowing))
        return done_flowing(c, result, wakes);
    wr_chan_thaw(c);
    wr_unlock(&c->lock);
    wr_wake(wakes);
    return result;
}

int wr_chan_done(weir_chan *c, int result, struct wr_wakes *wakes)
{
    return done(c, result, wakes);
}

/* ---- waiting ------------------------------------------------------------- */

static void count_end(weir_chan *c, int err)
{
    if (err == WEIR_TIMEDOUT)
        c->counts.timed_out++;
    else if (err == WEIR_CANCELED)
        c->counts.canceled++;
}

static inline struct wr_queue *queue_for(weir_chan *c, enum wr_reason reason)
{
    return reason == WR_ON_SEND ? &c->senders : &c->receivers;
}

/* Flow control counts its sends before it tells of them. */
static inline void count_blocked(weir_chan *c, enum wr_reason reason)
{
    if (reason == WR_ON_RECV)
        c->counts.blocked_recvs++;
    else if (!c->flowing)
        c->counts.blocked_sends++;
}

static inline int wait_in(weir_chan *c, enum wr_reason reason, void *elem,
                          size_t bytes, weir_ctx *ctx)
{
    struct wr_wakes none = {0};
    struct wr_wait p;
    int err = wr_can_wait();
    if (err)
        return done(c, err, &none);
    wr_wait_init(&p, queue_for(c, reason), &c->lock, elem);
    p.node.size = bytes;
    p.waiter.alone = !wr_ctx_live(ctx);
    count_blocked(c, reason);
    wr_chan_queue(c, &p.node);
    /* Once unlocked, who serves the party may free the channel. */
    wr_waiter_name(&p.waiter, c->name);
    wr_unlock(&c->lock);
    err = wr_wait_park(&p, ctx, reason, c);
    if (!err)
        return p.node.status;
    count_end(c, err);
    return done(c, err, &none);
}

int wr_chan_wait_room(weir_chan *c, weir_ctx *ctx)
{
    return wait_in(c, WR_ON_SEND, &wr_only_room, 0, ctx);
}

int wr_chan_wait_elem(weir_chan *c, weir_ctx *ctx)
{
    return wait_in(c, WR_ON_RECV, &wr_only_room, 0, ctx);
}

/* ---- the operations ------------------------------------------------------ */

int wr_send_slow(weir_chan *c, const void *elem, size_t bytes, weir_ctx *ctx,
                 bool wait)
{
    struct wr_wakes wakes = {0};
    struct wr_node *n;
    wr_lock(&c->lock);
    wr_chan_freeze(c);
    if (c->closed)
        return done(c, WEIR_CLOSED, &wakes);
    if ((n = wr_queue_pop(&c->receivers, &wakes)) != NULL) {
        if (n->elem == &wr_only_room)
            wr_chan_enter(c, elem, bytes);
        else
            wr_chan_hand_over(c, n->elem, elem);
        return done(c, 0, &wakes);
    }
    if (wr_chan_may_enter(c, bytes)) {
        wr_chan_enter(c, elem, bytes);
        return done(c, 0, &wakes);
    }
    if (!wait)
        return done(c, WEIR_FULL, &wakes);
    return wait_in(c, WR_ON_SEND, (void *)(uintptr_t)elem, bytes, ctx);
}

int wr_recv_slow(weir_chan *c, void *elem, weir_ctx *ctx, bool wait)
{
    struct wr_wakes wakes = {0};
    wr_lock(&c->lock);
    wr_chan_freeze(c);
    if (!c->rendezvous && wr_chan_len_frozen(c) > 0) {
        wr_chan_take(c, elem, &wakes);
        return done(c, 0, &wakes);
    }
    if (c->rendezvous && take_from_sender(c, elem, &wakes))
        return done(c, 0, &wakes);
    if (c->closed)
        return done(c, WEIR_CLOSED, &wakes);
    if (!wait)
        return done(c, WEIR_EMPTY, &wakes);
    return wait_in(c, WR_ON_RECV, elem, 0, ctx);
}
