/* SPDX-License-Identifier: MIT */
/*
 * Sends and receives under flow control: what a full channel does, the
 * channel's own time limits, its clocks, and who is told.
 *
 * Dropping never holds the lock over more than the move of one element. An
 * element that somebody is to hear of is copied out of the ring first, so that
 * its place is free while the hook runs.
 */
#include "base/mem.h"
#include "base/rand.h"
#include "chan/flow.h"
#include "port/clock.h"

static const char *const policy_names[WEIR_POLICIES] = {
    "block", "drop", "drop-oldest", "error", "latest", "sample"};
static const char *const drop_names[WEIR_DROPS] = {"newest", "oldest", "latest",
                                                   "sampled", "left"};

const char *weir_policy_name(enum weir_policy policy)
{
    return (unsigned)policy < WEIR_POLICIES ? policy_names[policy] : "?";
}

const char *weir_drop_name(enum weir_drop reason)
{
    return (unsigned)reason < WEIR_DROPS ? drop_names[reason] : "?";
}

int weir_policy_parse(const char *name, enum weir_policy *out)
{
    for (int i = 0; name && out && i < WEIR_POLICIES; i++)
        if (strcmp(name, policy_names[i]) == 0) {
            *out = (enum weir_policy)i;
            return 0;
        }
    return WEIR_EINVAL;
}

/* ---- dropping ------------------------------------------------------------ */

/* Room for an element outside the ring. Large ones are allocated: such a copy
 * costs more than that. */
struct copy {
    _Alignas(16) char small[256];
    void *elem; /* NULL: nobody is to hear of it */
    struct copy *next;
};

static bool copy_open(struct copy *k, const weir_chan *c)
{
    bool heard = c->flow->hooks.on_drop || c->destroy;
    bool fits = c->elem_size <= sizeof(k->small);
    k->elem = !heard ? NULL : fits ? k->small : wr_alloc(c->elem_size);
    return k->elem || !heard;
}

static void copy_close(struct copy *k)
{
    if (k->elem != k->small)
        wr_free(k->elem);
}

/* From inside a hook nothing is dropped: nobody would hear of it. */
static bool may_drop(const weir_chan *c, const struct copy *k)
{
    return !k->elem || !wr_hook_inside(c);
}

static int drop_new(weir_chan *c, const void *elem, enum weir_drop reason)
{
    struct copy k;
    if (!copy_open(&k, c))
        return WEIR_ENOMEM;
    wr_lock(&c->lock);
    int rc = c->closed ? WEIR_CLOSED : may_drop(c, &k) ? 0 : WEIR_FULL;
    if (rc == 0)
        c->counts.dropped[reason]++;
    wr_unlock(&c->lock);
    if (rc == 0 && k.elem) {
        wr_copy(k.elem, elem, c->elem_size);
        wr_hook_dropped(c, k.elem, reason);
    }
    copy_close(&k);
    return rc;
}

/* A place has just become free: is the new element in it? Under the lock. */
static bool enter_freed(weir_chan *c, const void *elem, size_t bytes)
{
    if (wr_send_fast(c, elem))
        return true;
    if (!(wr_load_rlx(&c->tail) & WR_SLOW) || !wr_chan_may_enter(c, bytes))
        return false;
    wr_chan_enter(c, elem, bytes);
    return true;
}

/* The oldest is dropped into k, if there still is one, and the new element
 * enters if that was enough. WEIR_BUSY: there is still no room. */
static int drop_oldest(weir_chan *c, struct copy *k, const void *elem,
                       size_t bytes, enum weir_drop reason, bool *dropped)
{
    struct wr_wakes none = {0};
    *dropped = false;
    wr_lock(&c->lock);
    int rc = c->closed ? WEIR_CLOSED : may_drop(c, k) ? WEIR_BUSY : WEIR_FULL;
    if (rc == WEIR_BUSY)
        *dropped = wr_chan_evict(c, k->elem, reason);
    if (*dropped && enter_freed(c, elem, bytes))
        rc = 0;
    return wr_chan_done(c, rc, &none);
}

/* Full, open, and nobody waits. Under the lock. */
static bool plainly_full(const weir_chan *c)
{
    uint64_t tail = wr_load_acq(&c->tail), head = wr_load_acq(&c->head);
    return !(tail & (WR_SLOW | WR_CHAN_CLOSED)) &&
           (int64_t)(wr_count(tail) - wr_count(head)) >= (int64_t)c->cap;
}

/* The short ways where nobody hears of what is dropped, nothing is timed, and
 * the channel is just full. False: not so, or another sender took the room. */
static bool drop_new_quietly(weir_chan *c)
{
    wr_lock(&c->lock);
    bool full = plainly_full(c);
    if (full)
        c->counts.dropped[WEIR_DROP_NEWEST]++;
    wr_unlock(&c->lock);
    return full;
}

/* The new element's place is claimed under the lock, so that the channel is
 * not closed in between, and filled after it, so that the channel is not
 * touched when somebody may have received the element. */
static bool replace_quietly(weir_chan *c, const void *elem,
                            enum weir_drop reason)
{
    uint64_t at;
    wr_lock(&c->lock);
    bool in = plainly_full(c) && wr_chan_evict(c, NULL, reason) &&
              wr_claim_send(c, 1, &at) == 1;
    wr_unlock(&c->lock);
    if (in)
        wr_ring_put(c, at, elem);
    return in;
}

void wr_flow_drop_left(weir_chan *c)
{
    struct wr_wakes none = {0};
    bool more = !c->rendezvous;
    while (more) {
        char *elem = wr_slot_at(c, wr_count(c->head)) + c->elem_offset;
        wr_lock(&c->lock);
        more = wr_chan_evict(c, NULL, WEIR_DROP_LEFT);
        wr_chan_done(c, 0, &none);
        if (more)
            wr_hook_dropped(c, elem, WEIR_DROP_LEFT);
    }
}

/* ---- sending ------------------------------------------------------------- */

static int try_send(weir_chan *c, const void *elem, size_t bytes)
{
    return c->frozen ? wr_send_slow(c, elem, bytes, NULL, false)
                     : wr_try_send(c, elem);
}

/* Those that made room for one element, to be told of. The first stays with
 * the call; with a limit in bytes there may be more. */
struct victims {
    struct copy first, *list, **end;
};

static struct copy *next_victim(struct victims *v, const weir_chan *c)
{
    struct copy *k = v->list ? wr_alloc(sizeof(*k)) : &v->first;
    if (k && copy_open(k, c))
        return k;
    if (k != &v->first)
        wr_free(k);
    return NULL;
}

static void end_victim(struct victims *v, struct copy *k)
{
    copy_close(k);
    if (k != &v->first)
        wr_free(k);
}

static void tell_of(struct victims *v, weir_chan *c, enum weir_drop reason)
{
    for (struct copy *k = v->list, *next; k; k = next) {
        next = k->next;
        wr_hook_dropped(c, k->elem, reason);
        end_victim(v, k);
    }
}

/* One more is dropped. WEIR_BUSY: still no room. */
static int make_room(weir_chan *c, struct victims *v, const void *elem,
                     size_t bytes, enum weir_drop reason)
{
    bool dropped;
    struct copy *k = next_victim(v, c);
    if (!k)
        return WEIR_ENOMEM;
    int rc = drop_oldest(c, k, elem, bytes, reason, &dropped);
    if (dropped && k->elem) {
        k->next = NULL;
        *v->end = k;
        v->end = &k->next;
    } else {
        end_victim(v, k);
    }
    if (rc == WEIR_BUSY && (rc = try_send(c, elem, bytes)) == WEIR_FULL)
        return WEIR_BUSY;
    return rc;
}

/* The oldest make room until it is in. Only then does anybody hear of them: a
 * hook that sends would take that room each time. */
static int replace(weir_chan *c, const void *elem, size_t bytes,
                   enum weir_drop reason)
{
    struct victims v;
    int rc;
    v.list = NULL;
    v.end = &v.list;
    do
        rc = make_room(c, &v, elem, bytes, reason);
    while (rc == WEIR_BUSY);
    tell_of(&v, c, reason);
    return rc;
}

static bool chosen(weir_chan *c)
{
    wr_lock(&c->lock);
    bool yes = wr_rand_below(&c->flow->rng, c->flow->sample_every) == 0;
    wr_unlock(&c->lock);
    return yes;
}

int wr_limit_open(struct wr_limit *l, int64_t timeout, weir_ctx **ctx)
{
    l->on = false;
    if (timeout <= 0)
        return 0;
    int err = weir_ctx_init_timeout(&l->ctx, *ctx, timeout);
    if (err)
        return err;
    l->on = true;
    *ctx = &l->ctx;
    return 0;
}

void wr_limit_close(struct wr_limit *l)
{
    if (l->on)
        weir_ctx_fini(&l->ctx);
}

/* The time from since on was spent waiting. */
static void count_wait(weir_chan *c, struct wr_timing *t, int64_t since)
{
    if (!since)
        return;
    int64_t now = wr_clock();
    wr_lock(&c->lock);
    t->blocked += now - since;
    wr_unlock(&c->lock);
}

static int64_t clock_if_timed(const weir_chan *c)
{
    return c->flow->timed_every ? wr_clock() : 0;
}

void wr_flow_blocks(weir_chan *c)
{
    wr_lock(&c->lock);
    c->counts.blocked_sends++;
    wr_unlock(&c->lock);
    wr_hook_block(c);
}

static int wait_to_send(weir_chan *c, const void *elem, size_t bytes,
                        weir_ctx *ctx)
{
    struct wr_limit limit;
    wr_flow_blocks(c);
    int rc = wr_limit_open(&limit, c->flow->send_timeout, &ctx);
    if (rc)
        return rc;
    int64_t since = clock_if_timed(c);
    rc = wr_send_slow(c, elem, bytes, ctx, true);
    count_wait(c, &c->flow->send, since);
    wr_limit_close(&limit);
    return rc;
}

/* It was full a moment ago. */
static int send_full(weir_chan *c, const void *elem, size_t bytes,
                     weir_ctx *ctx, enum wr_way way)
{
    switch ((enum weir_policy)c->policy) {
    case WEIR_BLOCK:
        return way == WR_WAIT ? wait_to_send(c, elem, bytes, ctx) : WEIR_FULL;
    case WEIR_DROP:
        return drop_new(c, elem, WEIR_DROP_NEWEST);
    case WEIR_DROP_OLDEST:
        return c->rendezvous ? drop_new(c, elem, WEIR_DROP_NEWEST)
                             : replace(c, elem, bytes, WEIR_DROP_FIRST);
    case WEIR_LATEST:
        return replace(c, elem, bytes, WEIR_DROP_STALE);
    case WEIR_SAMPLE:
        return c->rendezvous || !chosen(c)
                   ? drop_new(c, elem, WEIR_DROP_SAMPLED)
                   : replace(c, elem, bytes, WEIR_DROP_SAMPLED);
    case WEIR_ERROR:
    case WEIR_POLICIES:
        break;
    }
    return WEIR_FULL;
}

/* One call in so many is timed: now, or 0. */
static int64_t start_timing(const weir_chan *c, const uint64_t *end)
{
    uint32_t every = c->flow->timed_every;
    bool due =
        every &&
        (wr_count(wr_load_rlx(end)) + wr_load_rlx(&c->handoffs)) % every == 0;
    return due ? wr_clock() : 0;
}

static void end_timing(weir_chan *c, struct wr_timing *t, int64_t since)
{
    if (!since)
        return;
    int64_t now = wr_clock();
    wr_lock(&c->lock);
    t->calls++;
    t->total += now - since;
    t->last = now;
    wr_unlock(&c->lock);
}

static int end_send(weir_chan *c, int rc, enum wr_way way)
{
    bool not_ready = way == WR_CASE && c->policy == WEIR_BLOCK;
    if (rc == 0 || (rc == WEIR_FULL && not_ready))
        return rc;
    if (rc == WEIR_FULL || rc == WEIR_LIMIT)
        wr_add(&c->counts.refused, 1);
    wr_hook_error(c, rc);
    return rc;
}

int wr_send_policy(weir_chan *c, const void *elem, weir_ctx *ctx,
                   enum wr_way way)
{
    weir_chan_ref(c);
    int64_t since = start_timing(c, &c->tail);
    size_t bytes = wr_flow_size(c, elem), limit = c->flow->max_bytes;
    int rc = limit && bytes > limit ? WEIR_LIMIT : try_send(c, elem, bytes);
    if (rc == WEIR_FULL)
        rc = send_full(c, elem, bytes, ctx, way);
    if (rc == 0)
        end_timing(c, &c->flow->send, since);
    rc = end_send(c, rc, way);
    weir_chan_unref(c);
    return rc;
}

/* ---- receiving ----------------------------------------------------------- */

static int wait_to_recv(weir_chan *c, void *elem, weir_ctx *ctx)
{
    struct wr_limit limit;
    int rc = wr_limit_open(&limit, c->flow->recv_timeout, &ctx);
    if (rc)
        return rc;
    int64_t since = clock_if_timed(c);
    rc = wr_recv_slow(c, elem, ctx, true);
    count_wait(c, &c->flow->recv, since);
    wr_limit_close(&limit);
    return rc;
}

static int try_recv(weir_chan *c, void *elem)
{
    return c->frozen ? wr_recv_slow(c, elem, NULL, false)
                     : wr_try_recv(c, elem);
}

int wr_recv_policy(weir_chan *c, void *elem, weir_ctx *ctx, enum wr_way way)
{
    weir_chan_ref(c);
    int64_t since = start_timing(c, &c->head);
    int rc = try_recv(c, elem);
    if (rc == WEIR_EMPTY && way == WR_WAIT)
        rc = wait_to_recv(c, elem, ctx);
    if (rc == 0)
        end_timing(c, &c->flow->recv, since);
    else if (rc == WEIR_TIMEDOUT || rc == WEIR_CANCELED)
        wr_hook_error(c, rc);
    weir_chan_unref(c);
    return rc;
}

/* ---- whatever the fast side did not do ----------------------------------- */

static WR_NOINLINE int send_harder(weir_chan *c, const void *elem,
                                   weir_ctx *ctx, enum wr_way way)
{
    if (c->quiet && c->policy == WEIR_DROP_OLDEST &&
        replace_quietly(c, elem, WEIR_DROP_FIRST))
        return 0;
    if (c->quiet && c->policy == WEIR_LATEST &&
        replace_quietly(c, elem, WEIR_DROP_STALE))
        return 0;
    if (wr_unlikely(c->flowing))
        return wr_send_policy(c, elem, ctx, way);
    int rc =
        wr_chan_can_send(c) ? wr_send_slow(c, elem, 0, NULL, false) : WEIR_FULL;
    if (rc == WEIR_FULL && way == WR_TRY)
        wr_add(&c->counts.refused, 1);
    return rc;
}

/* A few steps under the lock, or much more. */
int wr_send_hard(weir_chan *c, const void *elem, weir_ctx *ctx, enum wr_way way)
{
    if (c->quiet && c->policy == WEIR_DROP && drop_new_quietly(c))
        return 0;
    return send_harder(c, elem, ctx, way);
}

int wr_recv_hard(weir_chan *c, void *elem, weir_ctx *ctx, enum wr_way way)
{
    if (wr_unlikely(c->flowing))
        return wr_recv_policy(c, elem, ctx, way);
    return wr_chan_can_recv(c) ? wr_recv_slow(c, elem, NULL, false)
                               : WEIR_EMPTY;
}
