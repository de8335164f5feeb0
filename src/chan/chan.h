/* SPDX-License-Identifier: MIT */
/*
 * The inside of a channel.
 *
 * A buffered channel is a ring of stamped slots (after Vyukov's bounded
 * queue) with two ends, each a count and flags in one word:
 *
 *   tail:  elements that ever entered | CLOSED | SLOW    line of the senders
 *   head:  elements that ever left    |          SLOW    line of the receivers
 *
 * Fast: while SLOW is clear, an operation claims its place by one
 * compare-and-swap on its end, copies, and stamps the slot. Neither side
 * writes the other's line; each keeps a copy of the other's count and looks
 * again only when that says full or empty.
 *
 * The claim begins with a hint of the end's word, not with the word: a load of
 * a word that a locked instruction has just written waits for that to end,
 * and costs as much again. A wrong hint costs a failed compare-and-swap, which
 * brings the word. A hint is never ahead of its word, so the other side may
 * use it too; that a slot is really full or free its stamp says.
 *
 * Slow: who must wait, or finds SLOW set, takes the lock. SLOW is set in both
 * words while anybody waits. The compare-and-swaps of the fast side compare
 * the flags too, so once SLOW is set in both, the counts are changed under the
 * lock only and everything is plain sequential code ("frozen"). Frozen for
 * life are a rendezvous and a channel with clocks, a limit in bytes or
 * watermarks (flow.h).
 *
 * Why no wake-up is lost: a party queues itself after it has frozen the
 * channel and seen, frozen, that it must wait. Whoever changes that state
 * later either failed its compare-and-swap because of SLOW or read SLOW, and
 * comes through the lock, where it finds the queue.
 *
 * Invariants (frozen, under the lock; "live" nodes can still be won)
 *   1. 0 <= tail - head <= cap
 *   2. a live receiver is queued  =>  tail = head, no live sender, open
 *   3. a live sender is queued    =>  the first one's element has no room,
 *                                     open, the policy is to block
 *   4. SLOW is clear  =>  both queues are empty, not frozen for life
 *   5. CLOSED never clears; nothing enters after it
 *
 * The account, at any instant: an element enters by tail or by a hand-off and
 * leaves by head or by that hand-off. Of those that left by head `evicted`
 * were dropped to make room; who is dropped as new never enters.
 *   entered  = tail + handoffs         sent     = entered + dropped as new
 *   received = head + handoffs - evicted          (stats.c)
 */
#ifndef WR_CHAN_CHAN_H
#define WR_CHAN_CHAN_H

#include <string.h>
#include <weir/chan.h>
#include "port/atomic.h"
#include "port/lock.h"
#include "sched/wait.h"

enum { WR_SLOW = 1, WR_CHAN_CLOSED = 2, WR_COUNT_SHIFT = 2 };
#define WR_ONE ((uint64_t)1 << WR_COUNT_SHIFT)

/* Counts that the two ends do not give. Under the lock, but for refused. */
struct wr_counts {
    uint64_t dropped[WEIR_DROPS];
    uint64_t evicted; /* of those dropped: left the buffer by head          */
    uint64_t timed_out, canceled;
    uint64_t refused; /* atomic */
    uint64_t blocked_sends, blocked_recvs;
};

struct wr_flow;

struct weir_chan {
    /* All that a rendezvous touches, in one line. Constant, or under the lock;
     * glances read closed, the heads of the queues and handoffs. */
    WR_ALIGNED uint32_t lock;
    bool rendezvous;
    bool frozen; /* for life: no fast side                                  */
    bool closed;
    uint8_t policy; /* enum weir_policy                                     */
    bool flowing;   /* flow is there                                        */
    bool quiet;     /* what it drops nobody hears of: policy.c              */
    uint32_t elem_size;
    struct wr_queue senders, receivers;
    uint64_t handoffs; /* elements that went from hand to hand              */
    uint64_t waits;    /* parties that ever queued                          */

    /* The ring: constant. */
    WR_ALIGNED char *slots;
    size_t elem_offset; /* of the element in its slot, after the stamp      */
    size_t stride;
    size_t cap;
    uint64_t mask; /* slots - 1, slots a power of two >= cap                */
    uint32_t log2_slots;
    uint32_t refs; /* not constant, but seldom changed                      */
    struct wr_flow *flow; /* NULL: it blocks, and has nothing of flow.h     */

    WR_ALIGNED uint64_t tail; /* senders                                    */
    uint64_t tail_hint;       /* what tail was made last                    */
    uint64_t head_seen;       /* head's count when a sender last looked     */
    uint64_t highest;         /* length ever; INT64_MAX: not kept          */
    WR_ALIGNED uint64_t head; /* receivers                                  */
    uint64_t head_hint;
    uint64_t tail_seen;

    WR_ALIGNED void (*destroy)(void *);
    void (*on_free)(void *); /* a timer that feeds the channel ends with it */
    void *on_free_arg;
    struct wr_counts counts;
    struct wr_counts before;         /* those of the last reset,         */
    uint64_t received_before;        /* and what it had received         */
    struct weir_chan *older, *newer; /* in the registry, if it has a name */
    uint64_t id;
    bool single_producer, single_consumer;
    uint32_t producing, consuming; /* debug builds: such a call is under way */
    char name[64];
};

/* ---- the ring ------------------------------------------------------------ */

static inline uint64_t wr_count(uint64_t word)
{
    return word >> WR_COUNT_SHIFT;
}

static inline char *wr_slot_at(const weir_chan *c, uint64_t n)
{
    return c->slots + (n & c->mask) * c->stride;
}

/* A slot's stamp when the n-th element may enter it; one more once it is in,
 * two more once it has left. Zeroed memory is a ring of free slots. */
static inline uint32_t wr_stamp_free(const weir_chan *c, uint64_t n)
{
    return (uint32_t)(n >> c->log2_slots) * 2;
}

void wr_stamp_await(uint32_t *stamp, uint32_t want);

static inline void wr_copy(void *to, const void *from, size_t size)
{
    if (wr_likely(size == 8))
        memcpy(to, from, 8);
    else if (size > 0)
        memcpy(to, from, size);
}

/*
 * The n-th element enters a slot claimed for it. The slot's last user may not
 * have stamped it yet: it is between its claim and its copy's end. That, and
 * elements of other sizes than a word's, are left to a call in the end, so
 * that the usual way has none and saves no registers.
 */
WR_NOINLINE void wr_ring_put_any(weir_chan *c, uint64_t n, const void *elem);
WR_NOINLINE void wr_ring_get_any(weir_chan *c, uint64_t n, void *elem);

static inline void wr_ring_put(weir_chan *c, uint64_t n, const void *elem)
{
    char *slot = wr_slot_at(c, n);
    uint32_t *stamp = (uint32_t *)(void *)slot, want = wr_stamp_free(c, n);
    if (wr_unlikely(c->elem_size != 8 || wr_load_acq(stamp) != want)) {
        wr_ring_put_any(c, n, elem);
        return;
    }
    memcpy(slot + c->elem_offset, elem, 8);
    wr_store_rel(stamp, want + 1);
}

/* The same for an element that was built in its slot. */
static inline void wr_ring_built(weir_chan *c, uint64_t n)
{
    uint32_t *stamp = (uint32_t *)(void *)wr_slot_at(c, n);
    wr_store_rel(stamp, wr_stamp_free(c, n) + 1);
}

/* What lies beside an element of a channel with clocks or bytes. */
struct wr_beside {
    int64_t entered; /* when; 0: not timed */
    uint64_t bytes;
};

enum { WR_BESIDE_AT = 8 }; /* in its slot, after the stamp */

static inline struct wr_beside *wr_slot_beside(const weir_chan *c, uint64_t n)
{
    return (struct wr_beside *)(void *)(wr_slot_at(c, n) + WR_BESIDE_AT);
}

static inline void wr_ring_get(weir_chan *c, uint64_t n, void *elem)
{
    char *slot = wr_slot_at(c, n);
    uint32_t *stamp = (uint32_t *)(void *)slot, want = wr_stamp_free(c, n) + 1;
    if (wr_unlikely(c->elem_size != 8 || !elem || wr_load_acq(stamp) != want)) {
        wr_ring_get_any(c, n, elem);
        return;
    }
    memcpy(elem, slot + c->elem_offset, 8);
    wr_store_rel(stamp, want + 1);
}

/* ---- the fast side ------------------------------------------------------- */

/* Elements that go in (out) at most, at this end's word; 0 when it is full
 * (empty) at this instant. Signed: the copy may be ahead of a stale word. */
static inline int64_t wr_room(weir_chan *c, uint64_t tail)
{
    int64_t n = (int64_t)wr_count(tail), cap = (int64_t)c->cap;
    int64_t room = cap - (n - (int64_t)wr_load_rlx(&c->head_seen));
    if (wr_likely(room > 0))
        return room < cap ? room : cap;
    int64_t head = (int64_t)wr_count(wr_load_rlx(&c->head_hint));
    if (n - head >= cap)
        head = (int64_t)wr_count(wr_load_acq(&c->head));
    wr_store_rlx(&c->head_seen, (uint64_t)head);
    room = cap - (n - head);
    return room < cap ? room : cap;
}

static inline int64_t wr_ready(weir_chan *c, uint64_t head)
{
    int64_t n = (int64_t)wr_count(head);
    int64_t ready = (int64_t)wr_load_rlx(&c->tail_seen) - n;
    if (wr_likely(ready > 0))
        return ready;
    int64_t tail = (int64_t)wr_count(wr_load_rlx(&c->tail_hint));
    if (tail <= n)
        tail = (int64_t)wr_count(wr_load_acq(&c->tail));
    wr_store_rlx(&c->tail_seen, (uint64_t)tail);
    return tail - n;
}

/* Is the length greater than ever with the tail-th element in, by a copy of
 * head's count that may be old? */
static inline bool wr_new_high(weir_chan *c, uint64_t tail)
{
    int64_t highest = (int64_t)wr_load_rlx(&c->highest);
    if (wr_likely((int64_t)(tail - wr_load_rlx(&c->head_seen)) <= highest))
        return false;
    uint64_t head = wr_count(wr_load_rlx(&c->head_hint));
    wr_store_rlx(&c->head_seen, head);
    return (int64_t)(tail - head) > highest;
}

/* Looks closer, and keeps what it finds. */
WR_NOINLINE void wr_note_highest(weir_chan *c, uint64_t tail);

/* Claims up to n places: how many (first at *at), 0: none, or flags are set.
 * Whoever claims to send notes a new high before the first element is in. */
static inline size_t wr_claim_send(weir_chan *c, size_t n, uint64_t *at)
{
    uint64_t tail = wr_load_rlx(&c->tail_hint);
    for (;;) {
        if (wr_unlikely(tail & (WR_SLOW | WR_CHAN_CLOSED)))
            return 0;
        int64_t room = wr_room(c, tail);
        if (wr_unlikely(room <= 0)) {
            uint64_t now = wr_load_rlx(&c->tail);
            if (now == tail)
                return 0;
            tail = now;
            continue;
        }
        size_t k = (uint64_t)room < n ? (size_t)room : n;
        if (wr_likely(wr_cas(&c->tail, &tail, tail + k * WR_ONE))) {
            wr_store_rlx(&c->tail_hint, tail + k * WR_ONE);
            *at = wr_count(tail);
            return k;
        }
    }
}

static inline size_t wr_claim_recv(weir_chan *c, size_t n, uint64_t *at)
{
    uint64_t head = wr_load_rlx(&c->head_hint);
    for (;;) {
        if (wr_unlikely(head & WR_SLOW))
            return 0;
        int64_t ready = wr_ready(c, head);
        if (wr_unlikely(ready <= 0)) {
            uint64_t now = wr_load_rlx(&c->head);
            if (now == head)
                return 0;
            head = now;
            continue;
        }
        size_t k = (uint64_t)ready < n ? (size_t)ready : n;
        if (wr_likely(wr_cas(&c->head, &head, head + k * WR_ONE))) {
            wr_store_rlx(&c->head_hint, head + k * WR_ONE);
            *at = wr_count(head);
            return k;
        }
    }
}

WR_NOINLINE void wr_ring_put_high(weir_chan *c, uint64_t n, const void *elem);

static inline bool wr_send_fast(weir_chan *c, const void *elem)
{
    uint64_t at;
    if (c->frozen || !wr_claim_send(c, 1, &at))
        return false;
    if (wr_unlikely(wr_new_high(c, at + 1)))
        wr_ring_put_high(c, at, elem);
    else
        wr_ring_put(c, at, elem);
    return true;
}

static inline bool wr_recv_fast(weir_chan *c, void *elem)
{
    uint64_t at;
    if (c->frozen || !wr_claim_recv(c, 1, &at))
        return false;
    wr_ring_get(c, at, elem);
    return true;
}

/* ---- glances, without the lock ------------------------------------------- */

static inline bool wr_chan_closed(const weir_chan *c)
{
    return wr_load_acq(&c->closed);
}

/* Head before tail: the difference is never below 0, and at most cap at the
 * instant of the first look plus what came in since. */
static inline uint64_t wr_chan_queued(const weir_chan *c)
{
    uint64_t head = wr_count(wr_load_acq(&c->head));
    uint64_t n = wr_count(wr_load_acq(&c->tail)) - head;
    return n < c->cap ? n : c->cap;
}

/* Full at the instant of the last look: what has left until then is counted,
 * what entered after the first is not. */
static inline bool wr_chan_full(const weir_chan *c)
{
    uint64_t tail = wr_count(wr_load_acq(&c->tail));
    uint64_t head = wr_count(wr_load_acq(&c->head));
    return (int64_t)(tail - head) >= (int64_t)c->cap;
}

/* False only if there was an instant at which it was so. Closed is looked at
 * last: if it is not closed then, it was not when the rest was seen. */
static inline bool wr_chan_can_send(const weir_chan *c)
{
    return wr_load_acq(&c->receivers.head) ||
           (!c->rendezvous && !wr_chan_full(c)) || wr_chan_closed(c);
}

/* Empty and open are seen at one instant, that of tail. Who waits to send into
 * a buffer found it full, so there is nobody when it is empty. */
static inline bool wr_chan_can_recv(const weir_chan *c)
{
    uint64_t head = wr_load_acq(&c->head), tail = wr_load_acq(&c->tail);
    return wr_count(tail ^ head) || tail & WR_CHAN_CLOSED ||
           (tail & WR_SLOW && wr_load_acq(&c->senders.head));
}

/* Grows each time a receive (or a send) that could not go may have become
 * possible, closing apart: for who must know that it was not so in between. */
static inline uint64_t wr_chan_chances(const weir_chan *c, bool to_recv)
{
    if (c->cap == 0)
        return wr_load_acq(&c->waits);
    return wr_count(wr_load_acq(to_recv ? &c->tail : &c->head));
}

/* Queues a party's node. Under the lock, frozen. */
static inline void wr_chan_queue(weir_chan *c, struct wr_node *n)
{
    wr_store_rel(&c->waits, c->waits + 1);
    wr_queue_push(n);
}

/* ---- the slow side (chan_slow.c) ----------------------------------------- */

/* Sets SLOW in both words, so that only the lock's holder changes them; and
 * clears it when nobody waits. Under the lock. A rendezvous is always frozen.
 */
void wr_chan_freeze_ring(weir_chan *c);
void wr_chan_thaw_ring(weir_chan *c);

static inline void wr_chan_freeze(weir_chan *c)
{
    if (!c->frozen)
        wr_chan_freeze_ring(c);
}

static inline void wr_chan_thaw(weir_chan *c)
{
    if (!c->frozen)
        wr_chan_thaw_ring(c);
}

/* The number of queued elements, exactly. Frozen. */
static inline uint64_t wr_chan_len_frozen(const weir_chan *c)
{
    return wr_count(wr_load_rlx(&c->tail)) - wr_count(wr_load_rlx(&c->head));
}

/* May an element of so many bytes enter the buffer? Frozen. */
bool wr_chan_may_enter(const weir_chan *c, size_t bytes);

/* The whole operation under the lock; wait says whether it may wait. Full is
 * WEIR_FULL, whatever the policy. bytes: of the element (flow.h), else 0. */
int wr_send_slow(weir_chan *c, const void *elem, size_t bytes, weir_ctx *ctx,
                 bool wait);
int wr_recv_slow(weir_chan *c, void *elem, weir_ctx *ctx, bool wait);

/* As an element to send, or a place to receive into: only wait until there is
 * room, or an element (inplace.c). */
extern char wr_only_room;

/* Under the lock: waits until there is room, or an element. 0: look again; the
 * closer's CLOSED, or an error. Unlocks. */
int wr_chan_wait_room(weir_chan *c, weir_ctx *ctx);
int wr_chan_wait_elem(weir_chan *c, weir_ctx *ctx);

/* From hand to hand; to may be NULL. Frozen. */
void wr_chan_hand_over(weir_chan *c, void *to, const void *from);

/* Ends a party's part under the lock: lets waiting senders in where there is
 * room now, thaws, unlocks, wakes, and tells of the watermarks. Returns
 * result. */
int wr_chan_done(weir_chan *c, int result, struct wr_wakes *wakes);

/* Takes the oldest element into elem (may be NULL) if there is one; it counts
 * as dropped for this reason. Under the lock. */
bool wr_chan_evict(weir_chan *c, void *elem, enum weir_drop reason);

/* An element enters. Frozen, and there is room. elem NULL: it was built in its
 * place. */
void wr_chan_enter(weir_chan *c, const void *elem, size_t bytes);

/* The oldest element is received into elem, or nowhere; a waiting sender's
 * takes its place. Frozen, and there is one. */
void wr_chan_take(weir_chan *c, void *elem, struct wr_wakes *wakes);

/* Is the element pointer fit for this channel? */
static inline bool wr_elem_ok(const weir_chan *c, const void *elem)
{
    return c && (elem || c->elem_size == 0);
}

/* Full, or empty, and nobody waits to change that: a glance decides. */
static inline int wr_try_send(weir_chan *c, const void *elem)
{
    if (wr_likely(wr_send_fast(c, elem)))
        return 0;
    return wr_chan_can_send(c) ? wr_send_slow(c, elem, 0, NULL, false)
                               : WEIR_FULL;
}

static inline int wr_try_recv(weir_chan *c, void *elem)
{
    if (wr_likely(wr_recv_fast(c, elem)))
        return 0;
    return wr_chan_can_recv(c) ? wr_recv_slow(c, elem, NULL, false)
                               : WEIR_EMPTY;
}

#endif
