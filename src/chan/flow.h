/* SPDX-License-Identifier: MIT */
/*
 * Flow control: what a channel with hooks, clocks, a limit in bytes,
 * watermarks or time limits has beside its ring. A plain channel has none of
 * it and pays for none of it.
 *
 * Who calls a hook holds a reference, as the other side of the channel may
 * already have done with it, and no lock. It says first that it is inside: a
 * party that comes back into the same channel from a hook is found in that
 * list and gets no second one.
 */
#ifndef WR_CHAN_FLOW_H
#define WR_CHAN_FLOW_H

#include "base/histogram.h"
#include "base/inside.h"
#include "chan/chan.h"

/* One direction's times. Under the lock. */
struct wr_timing {
    uint64_t calls; /* timed ones */
    int64_t total, last, blocked;
};

struct wr_flow {
    /* Constant. */
    weir_chan_hooks hooks;
    int64_t send_timeout, recv_timeout;
    size_t max_bytes;
    size_t (*size_of)(const void *elem, void *arg);
    uint32_t high, low; /* percent; high 0: no watermarks */
    uint32_t timed_every;
    uint32_t sample_every;

    /* Under the lock. */
    uint64_t rng;
    uint64_t bytes, highest_bytes;
    struct wr_inside *inside; /* parties in a hook                          */
    struct wr_timing send, recv;
    struct wr_histogram *residence; /* NULL: no clocks */
    bool above;                     /* high was reached, low not yet */
};

/* What the options ask for, if anything; false: out of memory. */
bool wr_flow_open(weir_chan *c, const weir_chan_opts *o);
void wr_flow_close(weir_chan *c);

/* How many bytes the element counts for: 0 without a limit. No lock. */
size_t wr_flow_size(const weir_chan *c, const void *elem);

/* ---- what elements do to it; under the lock ------------------------------ */

void wr_flow_entered(weir_chan *c, uint64_t n, size_t bytes);
void wr_flow_left(weir_chan *c, uint64_t n, bool received);
void wr_flow_handed_over(weir_chan *c);

/* Has the level crossed a watermark? */
enum wr_level { WR_LEVEL_SAME, WR_LEVEL_HIGH, WR_LEVEL_LOW };
enum wr_level wr_flow_level(weir_chan *c);

/* ---- sends and receives (policy.c) --------------------------------------- */

enum wr_way {
    WR_WAIT,
    WR_TRY,
    WR_CASE /* of a select: that it is not ready is nobody's failure */
};

/* Of a channel with flow control; and of any channel, in any way. */
int wr_send_policy(weir_chan *c, const void *elem, weir_ctx *ctx,
                   enum wr_way way);
int wr_recv_policy(weir_chan *c, void *elem, weir_ctx *ctx, enum wr_way way);

/* The same when the fast side said no, but for a plain wait. */
int wr_send_hard(weir_chan *c, const void *elem, weir_ctx *ctx,
                 enum wr_way way);
int wr_recv_hard(weir_chan *c, void *elem, weir_ctx *ctx, enum wr_way way);

static inline int wr_send(weir_chan *c, const void *elem, weir_ctx *ctx,
                          enum wr_way way)
{
    if (wr_likely(wr_send_fast(c, elem)))
        return 0;
    if (way == WR_WAIT && wr_likely(!c->flowing))
        return wr_send_slow(c, elem, 0, ctx, true);
    return wr_send_hard(c, elem, ctx, way);
}

static inline int wr_recv(weir_chan *c, void *elem, weir_ctx *ctx,
                          enum wr_way way)
{
    if (wr_likely(wr_recv_fast(c, elem)))
        return 0;
    if (way == WR_WAIT && wr_likely(!c->flowing))
        return wr_recv_slow(c, elem, ctx, true);
    return wr_recv_hard(c, elem, ctx, way);
}

/* Is the caller inside a hook of the channel? No lock. */
bool wr_hook_around(weir_chan *c);

/* ---- debug builds: is a declared single party single? -------------------- */

/* A party on a channel that declares it to be the only one; else c is NULL.
 * Taken before the call, as a hook may give back the channel itself. */
struct wr_sole {
    weir_chan *c;
    uint32_t *busy;
};

#if defined(WEIR_DEBUG)
/* From a hook of the channel it is the same party once more. */
static inline struct wr_sole wr_sole_of(weir_chan *c, bool sole, uint32_t *busy)
{
    return (struct wr_sole){sole && !wr_hook_around(c) ? c : NULL, busy};
}

#define wr_producer(c) wr_sole_of((c), (c)->single_producer, &(c)->producing)
#define wr_consumer(c) wr_sole_of((c), (c)->single_consumer, &(c)->consuming)

static inline bool wr_sole_enter(struct wr_sole s)
{
    if (!s.c)
        return true;
    if (wr_xchg(s.busy, 1) != 0)
        return false;
    weir_chan_ref(s.c);
    return true;
}

static inline void wr_sole_leave(struct wr_sole s)
{
    if (!s.c)
        return;
    wr_store(s.busy, 0);
    weir_chan_unref(s.c);
}
#else
#define wr_producer(c)   ((struct wr_sole){(c), NULL})
#define wr_consumer(c)   ((struct wr_sole){(c), NULL})
#define wr_sole_enter(s) ((void)(s), true)
#define wr_sole_leave(s) ((void)0)
#endif

/* A send is about to wait: it is counted, and the hook is told. No lock. */
void wr_flow_blocks(weir_chan *c);

/* A context for a wait under the channel's own time limit. */
struct wr_limit {
    weir_ctx ctx;
    bool on;
};

/* The context to wait with: l's, or ctx itself without a limit. 0 or an
 * error; in either case wr_limit_close ends it. */
int wr_limit_open(struct wr_limit *l, int64_t timeout, weir_ctx **ctx);
void wr_limit_close(struct wr_limit *l);

/* ---- hooks (hooks.c) ----------------------------------------------------- */

/* Is the caller inside a hook of this channel? Under the lock. */
bool wr_hook_inside(const weir_chan *c);

/* Calls the hook, if it is there. No lock. */
void wr_hook_block(weir_chan *c);
void wr_hook_error(weir_chan *c, int code);
void wr_hook_level(weir_chan *c, bool high);

/* Tells of the dropped element and destroys it. No lock. */
void wr_hook_dropped(weir_chan *c, void *elem, enum weir_drop reason);

/* At the end of the channel: drops what is left. */
void wr_flow_drop_left(weir_chan *c);

#endif
