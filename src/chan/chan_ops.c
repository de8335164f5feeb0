/* SPDX-License-Identifier: MIT */
/* The public operations: the fast side first, the slow side where it must. */
#include "chan/chan.h"
#include "base/misuse.h"

int weir_chan_send(weir_chan *c, const void *elem, weir_ctx *ctx)
{
    if (wr_unlikely(!wr_elem_ok(c, elem)))
        return WR_MISUSE("no channel, or no element");
    if (wr_likely(wr_send_fast(c, elem)))
        return 0;
    return wr_send_slow(c, elem, ctx, true);
}

int weir_chan_recv(weir_chan *c, void *elem, weir_ctx *ctx)
{
    if (wr_unlikely(!c))
        return WR_MISUSE("no channel");
    if (wr_likely(wr_recv_fast(c, elem)))
        return 0;
    return wr_recv_slow(c, elem, ctx, true);
}

/* Full, and nobody waits to take it: a glance decides. */
static bool plainly_full(const weir_chan *c)
{
    return !wr_chan_can_send(c);
}

static bool plainly_empty(const weir_chan *c)
{
    return !wr_chan_can_recv(c);
}

int weir_chan_try_send(weir_chan *c, const void *elem)
{
    if (wr_unlikely(!wr_elem_ok(c, elem)))
        return WR_MISUSE("no channel, or no element");
    if (wr_likely(wr_send_fast(c, elem)))
        return 0;
    return plainly_full(c) ? WEIR_FULL : wr_send_slow(c, elem, NULL, false);
}

int weir_chan_try_recv(weir_chan *c, void *elem)
{
    if (wr_unlikely(!c))
        return WR_MISUSE("no channel");
    if (wr_likely(wr_recv_fast(c, elem)))
        return 0;
    return plainly_empty(c) ? WEIR_EMPTY : wr_recv_slow(c, elem, NULL, false);
}

/* ---- batches: one claim for many ----------------------------------------- */

static size_t put_many(weir_chan *c, const char *elems, size_t n)
{
    uint64_t at;
    size_t k = wr_claim_send(c, n, &at);
    for (size_t i = 0; i < k; i++)
        wr_ring_put(c, at + i, elems ? elems + i * c->elem_size : NULL);
    return k;
}

static size_t get_many(weir_chan *c, char *elems, size_t n)
{
    uint64_t at;
    size_t k = wr_claim_recv(c, n, &at);
    for (size_t i = 0; i < k; i++)
        wr_ring_get(c, at + i, elems ? elems + i * c->elem_size : NULL);
    return k;
}

/* Sends one after the other where many at once do not go; may say no. */
typedef int (*send_one)(weir_chan *c, const void *elem, weir_ctx *ctx);
typedef int (*recv_one)(weir_chan *c, void *elem, weir_ctx *ctx);

static int try_send_one(weir_chan *c, const void *elem, weir_ctx *ctx)
{
    (void)ctx;
    return weir_chan_try_send(c, elem);
}

static int try_recv_one(weir_chan *c, void *elem, weir_ctx *ctx)
{
    (void)ctx;
    return weir_chan_try_recv(c, elem);
}

static ptrdiff_t send_many(weir_chan *c, const char *elems, size_t n,
                           weir_ctx *ctx, send_one one)
{
    if (!c || (n > 0 && !wr_elem_ok(c, elems)) || n > PTRDIFF_MAX)
        return WR_MISUSE(
            "no channel, or no elements, or a count beyond all memory");
    size_t sent = 0;
    int err = 0;
    while (sent < n && !err) {
        const char *rest = elems ? elems + sent * c->elem_size : NULL;
        size_t k = put_many(c, rest, n - sent);
        if (k == 0 && (err = one(c, rest, ctx)) == 0)
            k = 1;
        sent += k;
    }
    return sent > 0 ? (ptrdiff_t)sent : err;
}

/* The first may be waited for, the others are what is there. */
static ptrdiff_t recv_many(weir_chan *c, char *elems, size_t n, weir_ctx *ctx,
                           recv_one first)
{
    if (!c || n > PTRDIFF_MAX)
        return WR_MISUSE("no channel, or a count beyond all memory");
    size_t got = 0;
    int err = 0;
    while (got < n && !err) {
        char *rest = elems ? elems + got * c->elem_size : NULL;
        size_t k = get_many(c, rest, n - got);
        recv_one one = got == 0 ? first : try_recv_one;
        if (k == 0 && (err = one(c, rest, ctx)) == 0)
            k = 1;
        got += k;
    }
    return got > 0 ? (ptrdiff_t)got : err;
}

ptrdiff_t weir_chan_send_n(weir_chan *c, const void *elems, size_t n,
                           weir_ctx *ctx)
{
    return send_many(c, elems, n, ctx, weir_chan_send);
}

ptrdiff_t weir_chan_try_send_n(weir_chan *c, const void *elems, size_t n)
{
    return send_many(c, elems, n, NULL, try_send_one);
}

ptrdiff_t weir_chan_recv_n(weir_chan *c, void *elems, size_t n, weir_ctx *ctx)
{
    return recv_many(c, elems, n, ctx, weir_chan_recv);
}

ptrdiff_t weir_chan_try_recv_n(weir_chan *c, void *elems, size_t n)
{
    return recv_many(c, elems, n, NULL, try_recv_one);
}
