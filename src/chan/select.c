/* SPDX-License-Identifier: MIT */
/*
 * Select. Pass 1, glance: look at every case without a lock, choose one of
 * the ready ones, and try it. Pass 2, register: under each channel's lock in
 * turn, one lock at a time, queue a node where the case still is not ready;
 * if one is, take all nodes back and glance again. Pass 3, park, and take the
 * nodes of the losers back.
 *
 * Rejected: locking all channels at once in address order, as Go does. It
 * makes the choice a snapshot, and makes 64 cases cost microseconds. The one
 * answer that needs a snapshot, "none is ready", gets it by looking twice.
 *
 * A select never meets itself: registering ignores its own nodes, and a
 * glance happens only while it has none.
 */
#include <weir/select.h>
#include <weir/time.h>
#include "base/mem.h"
#include "base/misuse.h"
#include "base/rand.h"
#include "chan/flow.h"
#include "port/clock.h"
#include "port/random.h"
#include "sched/runtime.h"
#include "sched/timer.h"
#include "sync/ctx.h"

enum { INLINE_CASES = 16, NONE = -1, UNSURE = -2 };

/* A select that waits: its nodes, one a case and one for the outer context
 * (index n). */
struct wait {
    struct wr_waiter waiter;
    struct wr_deadline deadline; /* of the earliest timeout case            */
    int timeout_case;            /* its index, or NONE                      */
    struct wr_node *nodes;
    int registered; /* cases before this one have been seen to              */
    bool outer;     /* the outer context's node is registered               */
    bool ordered;   /* the listed order counts                              */
};

static uint64_t *rng(void)
{
    static __thread uint64_t state;
    if (wr_unlikely(state == 0))
        state = wr_random_seed();
    return &state;
}

/* The state's address belongs to the thread: not to be kept over a wait. */
static WR_NOINLINE uint32_t random_below(uint32_t n)
{
    return wr_rand_below(rng(), n);
}

static bool is_chan(const weir_case *k)
{
    return k->kind == WEIR_CASE_RECV_ || k->kind == WEIR_CASE_SEND_;
}

static inline bool valid_case(const weir_case *k)
{
    if (wr_likely(k->kind == WEIR_CASE_RECV_))
        return true;
    if (k->kind == WEIR_CASE_SEND_ && k->object)
        return wr_elem_ok(k->object, k->elem);
    return k->kind >= WEIR_CASE_NONE_ && k->kind <= WEIR_CASE_TIMEOUT_;
}

static bool valid(const weir_case *cs, int n)
{
    for (int i = 0; i < n; i++)
        if (!valid_case(&cs[i]))
            return false;
    return true;
}

static bool valid_call(const weir_case *cs, int n, unsigned flags)
{
    return n >= 0 && (n == 0 || cs) &&
           !(flags & ~(unsigned)(WEIR_SELECT_ORDERED | WEIR_SELECT_TRY));
}

/* ---- pass 1: glance ------------------------------------------------------ */

/* With a limit in bytes it depends on the element; under another policy than
 * to block a send can always go. */
static WR_NOINLINE bool can_send_flow(weir_chan *c, const void *elem)
{
    const struct wr_flow *f = c->flow;
    if (c->policy != WEIR_BLOCK)
        return true;
    if (!f->max_bytes)
        return wr_chan_can_send(c);
    size_t bytes = wr_flow_size(c, elem);
    wr_lock(&c->lock);
    bool can = bytes > f->max_bytes || c->closed || c->receivers.head ||
               wr_chan_may_enter(c, bytes);
    wr_unlock(&c->lock);
    return can;
}

static inline bool can_send(weir_chan *c, const void *elem)
{
    return wr_unlikely(c->flowing) ? can_send_flow(c, elem)
                                   : wr_chan_can_send(c);
}

static bool ready_otherwise(const weir_case *k)
{
    if (k->kind == WEIR_CASE_SEND_)
        return k->object && can_send(k->object, k->elem);
    if (k->kind == WEIR_CASE_DONE_)
        return k->object && weir_ctx_err(k->object) != 0;
    return k->kind == WEIR_CASE_TIMEOUT_ && k->timeout <= 0;
}

static inline bool ready(const weir_case *k)
{
    if (wr_likely(k->kind == WEIR_CASE_RECV_))
        return k->object && wr_chan_can_recv(k->object);
    return ready_otherwise(k);
}

/* The k-th ready case replaces the choice with probability 1/k: uniform among
 * the ready, and no random number while there is one. */
static inline int choose(const weir_case *cs, int n, bool ordered)
{
    int chosen = NONE;
    uint32_t seen = 0;
    for (int i = 0; i < n; i++) {
        if (!ready(&cs[i]))
            continue;
        if (ordered)
            return i;
        if (++seen == 1 || random_below(seen) == 0)
            chosen = i;
    }
    return chosen;
}

/*
 * The whole glance of most selects, without a call: all cases are receives,
 * and one of them is ready, or none. Otherwise UNSURE.
 */
static inline int glance_at_receives(const weir_case *cs, int n)
{
    int chosen = NONE;
    for (int i = 0; i < n; i++) {
        if (cs[i].kind != WEIR_CASE_RECV_)
            return UNSURE;
        if (!cs[i].object || !wr_chan_can_recv(cs[i].object))
            continue;
        if (chosen != NONE)
            return UNSURE;
        chosen = i;
    }
    return chosen;
}

/* Full is the answer of a channel that does not block. */
static bool attempt_send(weir_case *k)
{
    weir_chan *c = k->object;
    bool blocks = c->policy == WEIR_BLOCK;
    k->status = wr_send(c, k->elem, NULL, WR_CASE);
    return k->status != WEIR_FULL || !blocks;
}

/* Does the case if it can go now: false, somebody was faster. */
static bool attempt(weir_case *k)
{
    if (k->kind == WEIR_CASE_SEND_)
        return attempt_send(k);
    if (k->kind == WEIR_CASE_RECV_)
        k->status = wr_recv(k->object, k->elem, NULL, WR_CASE);
    else if (k->kind == WEIR_CASE_DONE_)
        k->status = weir_ctx_err(k->object);
    else
        k->status = 0;
    return k->status != WEIR_EMPTY;
}

static int glance(weir_case *cs, int n, bool ordered)
{
    int i;
    while ((i = choose(cs, n, ordered)) != NONE)
        if (attempt(&cs[i]))
            return i;
    return NONE;
}

/* Grows whenever a case may have become ready. */
static uint64_t chances(const weir_case *cs, int n)
{
    uint64_t sum = 0;
    for (int i = 0; i < n; i++)
        if (is_chan(&cs[i]) && cs[i].object)
            sum += wr_chan_chances(cs[i].object, cs[i].kind == WEIR_CASE_RECV_);
    return sum;
}

/*
 * For a select that does not wait and whose first glance found none: NONE only
 * if at one instant no case was ready. A glance sees one case after the other,
 * and meanwhile one may become ready behind it while another ceases to be
 * before it. So it looks again until nothing has become ready from before a
 * glance to after it: the counts only grow, and their sum tells.
 */
static int glance_at_once(weir_case *cs, int n, bool ordered)
{
    if (n < 2)
        return NONE;
    int i;
    uint64_t before, after = chances(cs, n);
    do {
        before = after;
        if ((i = glance(cs, n, ordered)) != NONE)
            return i;
        after = chances(cs, n);
    } while (after != before);
    return NONE;
}

/* ---- pass 2: register ---------------------------------------------------- */

/* Another party waits there, not only this select itself. */
static bool others_in(const struct wr_queue *q, const struct wr_waiter *me)
{
    const struct wr_node *n = q->head;
    while (n && n->waiter == me)
        n = n->next;
    return n != NULL;
}

/* Under the lock, frozen: must the case wait? bytes: of its element. */
static bool must_wait(const weir_case *k, size_t bytes,
                      const struct wr_waiter *me)
{
    const weir_chan *c = k->object;
    if (c->closed)
        return false;
    if (k->kind == WEIR_CASE_SEND_)
        return c->policy == WEIR_BLOCK && !others_in(&c->receivers, me) &&
               !wr_chan_may_enter(c, bytes);
    return !others_in(&c->senders, me) &&
           (c->rendezvous || wr_chan_len_frozen(c) == 0);
}

static bool is_own(const struct wr_node *n, const struct wr_waiter *me)
{
    return n && n->waiter == me;
}

/* With the same channel in several cases, a party that comes makes all of
 * them ready and wins the first: which one that is, is left to chance. Each
 * new node of ours goes before the k - 1 others with probability 1/k. */
static WR_NOINLINE void shuffle_in(struct wr_node *n)
{
    struct wr_node *first = n;
    uint32_t k = 1;
    for (; is_own(first->prev, n->waiter); k++)
        first = first->prev;
    if (random_below(k) != 0)
        return;
    wr_queue_remove(n);
    wr_queue_push_before(n, first);
}

static bool register_chan(weir_case *k, struct wait *s, uint32_t index)
{
    weir_chan *c = k->object;
    struct wr_queue *q =
        k->kind == WEIR_CASE_SEND_ ? &c->senders : &c->receivers;
    struct wr_node *n = &s->nodes[index];
    wr_node_init(n, &s->waiter, q, &c->lock, index, k->elem);
    if (c->flowing && k->kind == WEIR_CASE_SEND_)
        n->size = wr_flow_size(c, k->elem);
    wr_lock(&c->lock);
    wr_chan_freeze(c);
    bool waits = must_wait(k, n->size, &s->waiter);
    if (waits)
        wr_chan_queue(c, n);
    else
        wr_chan_thaw(c);
    if (waits && wr_unlikely(is_own(n->prev, &s->waiter)) && !s->ordered)
        shuffle_in(n);
    wr_unlock(&c->lock);
    return waits;
}

static bool register_ctx(weir_ctx *ctx, struct wait *s, uint32_t index)
{
    struct wr_node *n = &s->nodes[index];
    n->lock = NULL;
    weir_ctx *live = wr_ctx_live(ctx);
    return !live || wr_ctx_watch(live, n, &s->waiter, index) == 0;
}

/* False: the case is ready after all. */
static bool register_case(weir_case *k, struct wait *s, uint32_t index)
{
    s->nodes[index].lock = NULL;
    if (!k->object)
        return true;
    if (is_chan(k))
        return register_chan(k, s, index);
    return k->kind != WEIR_CASE_DONE_ || register_ctx(k->object, s, index);
}

/* All cases, the outer context and the deadline. False: one is ready. */
static bool register_all(weir_case *cs, int n, weir_ctx *ctx, int64_t start,
                         struct wait *s)
{
    s->outer = false;
    for (s->registered = 0; s->registered < n; s->registered++) {
        uint32_t i = (uint32_t)s->registered;
        if (wr_waiter_won(&s->waiter))
            return true;
        if (!register_case(&cs[i], s, i))
            return false;
    }
    if (!register_ctx(ctx, s, (uint32_t)n))
        return false;
    s->outer = true;
    if (s->timeout_case != NONE) {
        int64_t ns = cs[s->timeout_case].timeout;
        int64_t when = ns > INT64_MAX - start ? INT64_MAX : start + ns;
        wr_deadline_set(&s->deadline, &s->waiter, (uint32_t)s->timeout_case,
                        when);
    }
    return true;
}

/* ---- pass 3: leave ------------------------------------------------------- */

static void leave_chan(weir_case *k, struct wr_node *n, uint32_t winner)
{
    weir_chan *c = k->object;
    struct wr_wakes wakes = {0};
    if (n->index == winner)
        return;
    wr_lock(&c->lock);
    wr_queue_remove(n);
    (void)wr_chan_done(c, 0, &wakes);
}

static void leave_all(weir_case *cs, int n, struct wait *s, uint32_t winner)
{
    for (int i = 0; i < s->registered; i++) {
        struct wr_node *node = &s->nodes[i];
        if (!node->lock)
            continue;
        if (is_chan(&cs[i]))
            leave_chan(&cs[i], node, winner);
        else
            wr_node_leave(node, winner);
    }
    if (s->outer && s->nodes[n].lock)
        wr_node_leave(&s->nodes[n], winner);
    if (s->outer && s->timeout_case != NONE)
        wr_deadline_leave(&s->deadline, winner);
}

/* ---- the whole ----------------------------------------------------------- */

static int earliest_timeout(const weir_case *cs, int n)
{
    int best = NONE;
    for (int i = 0; i < n; i++)
        if (cs[i].kind == WEIR_CASE_TIMEOUT_ && cs[i].timeout != WEIR_FOREVER &&
            (best == NONE || cs[i].timeout < cs[best].timeout))
            best = i;
    return best;
}

/* What a dump shows: the first channel's name. Before registering: who serves
 * the party may free the channel. */
static void note_name(struct wait *s, const weir_case *cs, int n)
{
    for (int i = 0; i < n; i++)
        if (is_chan(&cs[i]) && cs[i].object) {
            wr_waiter_name(&s->waiter, ((weir_chan *)cs[i].object)->name);
            return;
        }
}

/* Registers and parks. The winner's index, or NONE: a case was ready. */
static int wait_once(weir_case *cs, int n, weir_ctx *ctx, int64_t start,
                     struct wait *s)
{
    wr_waiter_init(&s->waiter);
    note_name(s, cs, n);
    uint32_t winner = (uint32_t)n + 1;
    if (register_all(cs, n, ctx, start, s) || !wr_abort(&s->waiter))
        winner = wr_park(&s->waiter, WR_ON_SELECT, n > 0 ? cs[0].object : NULL);
    else
        wr_waiter_unname(&s->waiter);
    leave_all(cs, n, s, winner);
    return winner <= (uint32_t)n ? (int)winner : NONE;
}

static int finish(weir_case *cs, int n, struct wait *s, int winner)
{
    if (winner == n)
        return s->nodes[n].status;
    if (cs[winner].kind == WEIR_CASE_TIMEOUT_)
        cs[winner].status = 0;
    else
        cs[winner].status = s->nodes[winner].status;
    return winner;
}

static int wait_for(weir_case *cs, int n, weir_ctx *ctx, bool ordered,
                    struct wr_node *nodes)
{
    /* By field: a compiler clears the whole by a string instruction, which
     * takes longer than all the rest. */
    struct wait s;
    s.nodes = nodes;
    s.timeout_case = earliest_timeout(cs, n);
    s.ordered = ordered;
    int err = s.timeout_case == NONE ? 0 : wr_runtime_need();
    if (err)
        return err;
    int64_t start = s.timeout_case == NONE ? 0 : wr_clock();
    for (;;) {
        int winner = wait_once(cs, n, ctx, start, &s);
        if (winner != NONE)
            return finish(cs, n, &s, winner);
        if ((winner = glance(cs, n, ordered)) != NONE)
            return winner;
        if ((err = weir_ctx_err(ctx)) != 0)
            return err;
    }
}

/* One frame for all of it, with room for as many nodes as there are cases: a
 * parked task's page is precious, and so is each return after a switch. */
static int wait_any(weir_case *cs, int n, weir_ctx *ctx, bool ordered)
{
    int few = n <= INLINE_CASES ? n : 0;
    struct wr_node own[few + 1], *nodes = own;
    int err = weir_ctx_err(ctx);
    if (!err)
        err = wr_can_wait();
    if (err)
        return err;
    if (n > few && !(nodes = wr_alloc(((size_t)n + 1) * sizeof(*nodes))))
        return WEIR_ENOMEM;
    int result = wait_for(cs, n, ctx, ordered, nodes);
    if (nodes != own)
        wr_free(nodes);
    return result;
}

/* seen: by a glance at receives, which are always valid; if it is a case, that
 * is the only one that was ready. */
static WR_NOINLINE int select_further(weir_case *cs, int n, weir_ctx *ctx,
                                      unsigned flags, int seen)
{
    if (seen == UNSURE && !valid(cs, n))
        return WR_MISUSE("a case without element, or of no kind");
    if (seen >= 0 && attempt(&cs[seen]))
        return seen;
    bool ordered = (flags & WEIR_SELECT_ORDERED) != 0;
    int i = seen == NONE ? NONE : glance(cs, n, ordered);
    if (i == NONE && flags & WEIR_SELECT_TRY)
        i = glance_at_once(cs, n, ordered);
    if (i != NONE)
        return i;
    return flags & WEIR_SELECT_TRY ? WEIR_EMPTY : wait_any(cs, n, ctx, ordered);
}

int weir_select_with(weir_case *cs, int n, weir_ctx *ctx, unsigned flags)
{
    if (wr_unlikely(!valid_call(cs, n, flags)))
        return WR_MISUSE("no cases, or unknown flags");
    int i = glance_at_receives(cs, n);
    if (wr_unlikely(i < 0 || !wr_recv_fast(cs[i].object, cs[i].elem)))
        return select_further(cs, n, ctx, flags, i);
    cs[i].status = 0;
    return i;
}
