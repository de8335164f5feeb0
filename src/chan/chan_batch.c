/* SPDX-License-Identifier: MIT */
/* Batches: one claim for many elements, one by one where that does not go. */
#include <weir/select.h>

#include "base/misuse.h"
#include "chan/flow.h"
#include "port/clock.h"

static size_t put_many(weir_chan *c, const char *elems, size_t n)
{
    uint64_t at;
    size_t k = c->frozen ? 0 : wr_claim_send(c, n, &at);
    if (k > 0 && wr_new_high(c, at + k))
        wr_note_highest(c, at + k);
    for (size_t i = 0; i < k; i++)
        wr_ring_put(c, at + i, elems ? elems + i * c->elem_size : NULL);
    return k;
}

static size_t get_many(weir_chan *c, char *elems, size_t n)
{
    uint64_t at;
    size_t k = c->frozen ? 0 : wr_claim_recv(c, n, &at);
    for (size_t i = 0; i < k; i++)
        wr_ring_get(c, at + i, elems ? elems + i * c->elem_size : NULL);
    return k;
}

/* What a batch has come to: elements so far, and why it ended. */
struct batch {
    size_t n;
    int err;
};

/* On to max elements, in this way; whatever was sent before stays. */
static void send_up_to(weir_chan *c, const char *elems, size_t max,
                       weir_ctx *ctx, enum wr_way way, struct batch *b)
{
    while (b->n < max && !b->err) {
        const char *rest = elems ? elems + b->n * c->elem_size : NULL;
        size_t k = put_many(c, rest, max - b->n);
        if (k == 0 && (b->err = wr_send(c, rest, ctx, way)) == 0)
            k = 1;
        b->n += k;
    }
}

/* On to max elements, waiting while there are fewer than min. */
static void recv_up_to(weir_chan *c, char *elems, size_t min, size_t max,
                       weir_ctx *ctx, struct batch *b)
{
    while (b->n < max && !b->err) {
        char *rest = elems ? elems + b->n * c->elem_size : NULL;
        size_t k = get_many(c, rest, max - b->n);
        enum wr_way way = b->n < min ? WR_WAIT : WR_TRY;
        if (k == 0 && (b->err = wr_recv(c, rest, ctx, way)) == 0)
            k = 1;
        b->n += k;
    }
}

static ptrdiff_t result(const struct batch *b)
{
    return b->n > 0 ? (ptrdiff_t)b->n : b->err;
}

/* ---- the public calls ---------------------------------------------------- */

#define NO_ELEMENTS "no channel, or no elements, or a count beyond all memory"

static bool can_send(const weir_chan *c, const void *elems, size_t n)
{
    return c && (n == 0 || wr_elem_ok(c, elems)) && n <= PTRDIFF_MAX;
}

static ptrdiff_t send_many(weir_chan *c, const void *elems, size_t n,
                           weir_ctx *ctx, enum wr_way way)
{
    struct batch b = {0};
    struct wr_sole sole = wr_producer(c);
    if (!wr_sole_enter(sole))
        return WR_MISUSE("a second producer on a single_producer channel");
    send_up_to(c, elems, n, ctx, way, &b);
    wr_sole_leave(sole);
    return result(&b);
}

ptrdiff_t weir_chan_send_n(weir_chan *c, const void *elems, size_t n,
                           weir_ctx *ctx)
{
    if (!can_send(c, elems, n))
        return WR_MISUSE(NO_ELEMENTS);
    return send_many(c, elems, n, ctx, WR_WAIT);
}

ptrdiff_t weir_chan_try_send_n(weir_chan *c, const void *elems, size_t n)
{
    if (!can_send(c, elems, n))
        return WR_MISUSE(NO_ELEMENTS);
    return send_many(c, elems, n, NULL, WR_TRY);
}

static ptrdiff_t recv_many(weir_chan *c, void *elems, size_t min, size_t n,
                           weir_ctx *ctx)
{
    struct batch b = {0};
    if (!c || n > PTRDIFF_MAX)
        return WR_MISUSE(NO_ELEMENTS);
    struct wr_sole sole = wr_consumer(c);
    if (!wr_sole_enter(sole))
        return WR_MISUSE("a second consumer on a single_consumer channel");
    recv_up_to(c, elems, min, n, ctx, &b);
    wr_sole_leave(sole);
    return result(&b);
}

ptrdiff_t weir_chan_recv_n(weir_chan *c, void *elems, size_t n, weir_ctx *ctx)
{
    return recv_many(c, elems, 1, n, ctx);
}

ptrdiff_t weir_chan_try_recv_n(weir_chan *c, void *elems, size_t n)
{
    return recv_many(c, elems, 0, n, NULL);
}

/* ---- with a minimum, and time for more ----------------------------------- */

/* One more before the end, by select: there it is nobody's failure when none
 * comes. What else ended the batch is found by the next call. */
static void linger_for(weir_case one, int64_t end, weir_ctx *ctx,
                       struct batch *b)
{
    weir_case cs[] = {one, WEIR_TIMEOUT(end - wr_clock())};
    int at = weir_select(cs, 2, ctx);
    b->err = at == 0 ? cs[0].status : at < 0 ? at : WEIR_TIMEDOUT;
    b->n += b->err == 0;
}

static int64_t end_of(int64_t linger)
{
    int64_t now = wr_clock();
    return linger < INT64_MAX - now ? now + linger : INT64_MAX;
}

static void send_lingering(weir_chan *c, const char *elems, size_t max,
                           int64_t linger, weir_ctx *ctx, struct batch *b)
{
    int64_t end = 0;
    while (!b->err && b->n < max) {
        send_up_to(c, elems, max, NULL, WR_CASE, b);
        if (b->err != WEIR_FULL || linger <= 0 || c->policy != WEIR_BLOCK)
            return;
        const char *rest = elems ? elems + b->n * c->elem_size : NULL;
        end = end ? end : end_of(linger);
        linger_for(WEIR_SEND(c, rest), end, ctx, b);
    }
}

static void recv_lingering(weir_chan *c, char *elems, size_t max,
                           int64_t linger, weir_ctx *ctx, struct batch *b)
{
    int64_t end = 0;
    while (!b->err && b->n < max) {
        recv_up_to(c, elems, 0, max, NULL, b);
        if (b->err != WEIR_EMPTY || linger <= 0)
            return;
        char *rest = elems ? elems + b->n * c->elem_size : NULL;
        end = end ? end : end_of(linger);
        linger_for(WEIR_RECV(c, rest), end, ctx, b);
    }
}

static bool is_range(size_t min, size_t max)
{
    return min >= 1 && min <= max && max <= PTRDIFF_MAX;
}

ptrdiff_t weir_chan_send_batch(weir_chan *c, const void *elems, size_t min,
                               size_t max, int64_t linger, weir_ctx *ctx)
{
    struct batch b = {0};
    if (!can_send(c, elems, max) || !is_range(min, max))
        return WR_MISUSE("no channel or elements, or not 1 <= min <= max");
    struct wr_sole sole = wr_producer(c);
    if (!wr_sole_enter(sole))
        return WR_MISUSE("a second producer on a single_producer channel");
    send_up_to(c, elems, min, ctx, WR_WAIT, &b);
    if (!b.err)
        send_lingering(c, elems, max, linger, ctx, &b);
    wr_sole_leave(sole);
    return result(&b);
}

ptrdiff_t weir_chan_recv_batch(weir_chan *c, void *elems, size_t min,
                               size_t max, int64_t linger, weir_ctx *ctx)
{
    struct batch b = {0};
    if (!c || !is_range(min, max))
        return WR_MISUSE("no channel, or not 1 <= min <= max");
    struct wr_sole sole = wr_consumer(c);
    if (!wr_sole_enter(sole))
        return WR_MISUSE("a second consumer on a single_consumer channel");
    recv_up_to(c, elems, min, min, ctx, &b);
    if (!b.err)
        recv_lingering(c, elems, max, linger, ctx, &b);
    wr_sole_leave(sole);
    return result(&b);
}
