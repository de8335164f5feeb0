/* SPDX-License-Identifier: MIT */
/*
 * Elements in place. The one producer's next place is the slot at tail, which
 * nobody else touches until tail has passed it; the one consumer's element is
 * the slot at head. So reserving and peeking only look, and committing and
 * releasing are a send and a receive without the copy: the end moves on, and
 * the stamp comes last, for who has seen it may free the channel.
 */
#include <weir/inplace.h>

#include "base/misuse.h"
#include "chan/flow.h"

char wr_only_room;

static char *elem_at(const weir_chan *c, uint64_t n)
{
    return wr_slot_at(c, n) + c->elem_offset;
}

/* The n-th slot, once its stamp is as wanted. */
static void *slot_when(weir_chan *c, uint64_t n, uint32_t want)
{
    uint32_t *stamp = (uint32_t *)(void *)wr_slot_at(c, n);
    wr_stamp_await(stamp, want);
    return elem_at(c, n);
}

/* ---- the producer -------------------------------------------------------- */

/* WEIR_FULL: no room, or it must be looked at under the lock. */
static int reserve_fast(weir_chan *c, void **place)
{
    uint64_t tail = wr_load_rlx(&c->tail), n = wr_count(tail);
    if (tail & (WR_SLOW | WR_CHAN_CLOSED) || wr_room(c, tail) <= 0)
        return WEIR_FULL;
    *place = slot_when(c, n, wr_stamp_free(c, n));
    return 0;
}

static int reserve_slow(weir_chan *c, void **place, weir_ctx *ctx, bool wait)
{
    struct wr_wakes none = {0};
    wr_lock(&c->lock);
    wr_chan_freeze(c);
    uint64_t n = wr_count(c->tail);
    if (c->closed)
        return wr_chan_done(c, WEIR_CLOSED, &none);
    if (wr_chan_may_enter(c, 0)) {
        (void)wr_chan_done(c, 0, &none);
        *place = slot_when(c, n, wr_stamp_free(c, n));
        return 0;
    }
    if (!wait || c->policy != WEIR_BLOCK)
        return wr_chan_done(c, WEIR_FULL, &none);
    int rc = wr_chan_wait_room(c, ctx);
    return rc ? rc : WEIR_BUSY;
}

/* Whoever made room only says so: the producer looks again. */
static int reserve(weir_chan *c, void **place, weir_ctx *ctx, bool wait)
{
    int rc = reserve_fast(c, place);
    while (rc == WEIR_FULL || rc == WEIR_BUSY) {
        rc = reserve_slow(c, place, ctx, wait);
        if (rc == WEIR_FULL)
            break;
    }
    return rc;
}

static int reserve_limited(weir_chan *c, void **place, weir_ctx *ctx)
{
    struct wr_limit limit;
    int rc = reserve(c, place, NULL, false);
    if (rc != WEIR_FULL || c->policy != WEIR_BLOCK)
        return rc;
    if (c->flow)
        wr_flow_blocks(c);
    rc = wr_limit_open(&limit, c->flow ? c->flow->send_timeout : 0, &ctx);
    if (rc == 0)
        rc = reserve(c, place, ctx, true);
    wr_limit_close(&limit);
    return rc;
}

static bool may_produce(const weir_chan *c, void **place)
{
    return c && place && c->single_producer;
}

#define NOT_PRODUCER "no channel made with single_producer, or no place"
#define NOT_CONSUMER "no channel made with single_consumer, or no place"

int weir_chan_reserve(weir_chan *c, void **place, weir_ctx *ctx)
{
    if (!may_produce(c, place))
        return WR_MISUSE(NOT_PRODUCER);
    struct wr_sole sole = wr_producer(c);
    if (!wr_sole_enter(sole))
        return WR_MISUSE("a second producer");
    int rc = reserve_limited(c, place, ctx);
    wr_sole_leave(sole);
    return rc;
}

int weir_chan_try_reserve(weir_chan *c, void **place)
{
    if (!may_produce(c, place))
        return WR_MISUSE(NOT_PRODUCER);
    return reserve(c, place, NULL, false);
}

/* Somebody waits, or it was closed. A receiver that waits gets the element
 * from its place, which then is free as before. */
static int commit_slow(weir_chan *c)
{
    struct wr_wakes wakes = {0};
    struct wr_node *n;
    wr_lock(&c->lock);
    wr_chan_freeze(c);
    if (c->closed)
        return wr_chan_done(c, WEIR_CLOSED, &wakes);
    if (!wr_chan_may_enter(c, 0))
        return wr_chan_done(c, WEIR_FULL, &wakes);
    if ((n = wr_queue_pop(&c->receivers, &wakes)) == NULL ||
        n->elem == &wr_only_room)
        wr_chan_enter(c, NULL, 0);
    else
        wr_chan_hand_over(c, n->elem, elem_at(c, wr_count(c->tail)));
    return wr_chan_done(c, 0, &wakes);
}

int weir_chan_commit(weir_chan *c)
{
    if (!c || !c->single_producer)
        return WR_MISUSE("no channel made with single_producer");
    uint64_t at;
    if (c->frozen || !wr_claim_send(c, 1, &at))
        return commit_slow(c);
    if (wr_new_high(c, at + 1))
        wr_note_highest(c, at + 1);
    wr_ring_built(c, at);
    return 0;
}

/* ---- the consumer -------------------------------------------------------- */

static int peek_fast(weir_chan *c, void **elem)
{
    uint64_t head = wr_load_rlx(&c->head), n = wr_count(head);
    if (wr_ready(c, head) <= 0)
        return WEIR_EMPTY;
    *elem = slot_when(c, n, wr_stamp_free(c, n) + 1);
    return 0;
}

static int peek_slow(weir_chan *c, weir_ctx *ctx, bool wait)
{
    struct wr_wakes none = {0};
    wr_lock(&c->lock);
    wr_chan_freeze(c);
    if (wr_chan_len_frozen(c) > 0)
        return wr_chan_done(c, WEIR_BUSY, &none);
    if (c->closed)
        return wr_chan_done(c, WEIR_CLOSED, &none);
    if (!wait)
        return wr_chan_done(c, WEIR_EMPTY, &none);
    int rc = wr_chan_wait_elem(c, ctx);
    return rc ? rc : WEIR_BUSY;
}

/* WEIR_BUSY of the slow side: there is one now. */
static int peek(weir_chan *c, void **elem, weir_ctx *ctx, bool wait)
{
    int rc;
    while ((rc = peek_fast(c, elem)) == WEIR_EMPTY)
        if ((rc = peek_slow(c, ctx, wait)) != WEIR_BUSY)
            break;
    return rc;
}

static int peek_limited(weir_chan *c, void **elem, weir_ctx *ctx)
{
    struct wr_limit limit;
    int rc = peek(c, elem, NULL, false);
    if (rc != WEIR_EMPTY)
        return rc;
    rc = wr_limit_open(&limit, c->flow ? c->flow->recv_timeout : 0, &ctx);
    if (rc == 0)
        rc = peek(c, elem, ctx, true);
    wr_limit_close(&limit);
    return rc;
}

static bool may_consume(const weir_chan *c, void **elem)
{
    return c && elem && c->single_consumer;
}

int weir_chan_peek(weir_chan *c, void **elem, weir_ctx *ctx)
{
    if (!may_consume(c, elem))
        return WR_MISUSE(NOT_CONSUMER);
    struct wr_sole sole = wr_consumer(c);
    if (!wr_sole_enter(sole))
        return WR_MISUSE("a second consumer");
    int rc = peek_limited(c, elem, ctx);
    wr_sole_leave(sole);
    return rc;
}

int weir_chan_try_peek(weir_chan *c, void **elem)
{
    if (!may_consume(c, elem))
        return WR_MISUSE(NOT_CONSUMER);
    return peek(c, elem, NULL, false);
}

static int release_slow(weir_chan *c)
{
    struct wr_wakes wakes = {0};
    wr_lock(&c->lock);
    wr_chan_freeze(c);
    if (wr_chan_len_frozen(c) == 0)
        return wr_chan_done(c, WEIR_EMPTY, &wakes);
    wr_chan_take(c, NULL, &wakes);
    return wr_chan_done(c, 0, &wakes);
}

int weir_chan_release(weir_chan *c)
{
    if (!c || !c->single_consumer)
        return WR_MISUSE("no channel made with single_consumer");
    return c->frozen || !wr_recv_fast(c, NULL) ? release_slow(c) : 0;
}
