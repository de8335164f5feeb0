/* SPDX-License-Identifier: MIT */
/*
 * Waiting: the one mechanism under every blocking operation.
 *
 * A waiter is one blocking operation of one party, a task or a thread; it
 * lives on that party's stack. It registers nodes, one for each queue it
 * waits on (a channel's senders, a context, a timer, ...), and parks. Of all
 * the wakers that find its nodes exactly one wins the waiter by a single
 * compare-and-swap, and its node's index tells the party what happened.
 *
 * Invariants
 *   1. A node is linked and unlinked only under the lock of its queue.
 *   2. A waiter is won only under the lock of a queue that one of its nodes
 *      was linked in; the winner unlinks that node and hands over what there
 *      is to hand over (elements, results) before it unlocks.
 *   3. Who won it must wake it, after unlocking. The party comes back from
 *      wr_park only then, so until then its frame stays valid.
 *   4. A party that has registered either parks, or wins itself (wr_abort)
 *      and then nobody wakes it.
 *   5. A party leaves with none of its nodes linked.
 *
 * A waiter with one node only (`alone`) is won by unlinking it: the lock makes
 * that the single atomic step, and the compare-and-swap is left out.
 *
 * Why no wake-up is lost: the win is one atomic step, whatever the party is
 * doing, and waking leaves a mark that the party cannot miss: a task is put
 * into a run queue, once, even while it still is on its way off its stack
 * (sched/worker.h says who waits for that); a thread gets a token that stays
 * until it is taken.
 */
#ifndef WR_SCHED_WAIT_H
#define WR_SCHED_WAIT_H

#include <weir/base.h>
#include "port/atomic.h"
#include "port/lock.h"

#include "sched/self.h"

struct wr_parker;

/* What a party waits for: the word in a dump. */
enum wr_reason {
    WR_ON_NOTHING,
    WR_ON_SEND,
    WR_ON_RECV,
    WR_ON_SELECT,
    WR_ON_CTX,
    WR_ON_WG,
    WR_ON_GROUP,
    WR_ON_ONCE,
    WR_ON_MUTEX,
    WR_ON_RWMUTEX,
    WR_ON_COND,
    WR_ON_SEM,
    WR_ON_BARRIER,
    WR_ON_SLEEP,
    WR_ON_TIMER,
    WR_ON_FD_READ,
    WR_ON_FD_WRITE,
    WR_ON_BLOCKING,
    WR_REASONS
};

struct wr_waiter {
    uint32_t state;           /* WR_ARMED, or WR_WON | index << 1           */
    bool alone;               /* constant: it never has a second node       */
    bool named;               /* the task shows what it waits on by name    */
    struct wr_task *task;     /* the party: a task, or                      */
    struct wr_parker *parker; /* a thread                                   */
    struct wr_waiter *next;   /* a wake list's link; the winner's           */
};

enum { WR_ARMED = 0, WR_WON = 1 };

struct wr_node {
    struct wr_node *next, *prev; /* under the queue's lock                  */
    struct wr_queue *queue;      /* constant while registered               */
    uint32_t *lock;              /* that queue's lock; constant             */
    struct wr_waiter *waiter;
    void *elem;     /* the operation's own data                */
    size_t size;    /* and how much that is, where it counts   */
    uint32_t index; /* what the owner learns when it wins      */
    bool linked;    /* under the lock                          */
    int status;     /* written by the winner before it unlocks */
};

/* Nodes in the order of their coming. All zero is empty. Written under the
 * lock; head atomically, for those who only glance at it. */
struct wr_queue {
    struct wr_node *head, *tail;
};

/* The two halves of the queue inside a caller-owned public object. */
static inline uint32_t *wr_queue_lock(struct weir_queue_ *q)
{
    return &q->lock_;
}

static inline struct wr_queue *wr_queue_of(struct weir_queue_ *q)
{
    return (struct wr_queue *)(void *)&q->head_;
}

_Static_assert(sizeof(struct wr_queue) == 2 * sizeof(void *) &&
                   offsetof(struct weir_queue_, tail_) ==
                       offsetof(struct weir_queue_, head_) + sizeof(void *),
               "weir_queue_ ends in a wr_queue");

/* ---- the party's side --------------------------------------------------- */

struct wr_parker *wr_thread_parker(void);

/* A fresh waiter for the calling task or thread. Starts nothing. */
static inline void wr_waiter_init(struct wr_waiter *w)
{
    w->state = WR_ARMED;
    w->alone = w->named = false;
    w->task = wr_task_self();
    w->parker = w->task ? NULL : wr_thread_parker();
}

static inline void wr_node_init(struct wr_node *n, struct wr_waiter *w,
                                struct wr_queue *q, uint32_t *lock,
                                uint32_t index, void *elem)
{
    n->queue = q;
    n->lock = lock;
    n->waiter = w;
    n->elem = elem;
    n->size = 0;
    n->index = index;
    n->linked = false;
    n->status = 0;
}

/* Links at the tail, or at the head (for one who had its turn and lost what
 * it was woken for). Under the lock. */
static inline void wr_queue_push(struct wr_node *n)
{
    struct wr_queue *q = n->queue;
    n->next = NULL;
    n->prev = q->tail;
    if (q->tail)
        q->tail->next = n;
    else
        wr_store_rlx(&q->head, n);
    q->tail = n;
    n->linked = true;
}

static inline void wr_queue_push_front(struct wr_node *n)
{
    struct wr_queue *q = n->queue;
    n->prev = NULL;
    n->next = q->head;
    if (q->head)
        q->head->prev = n;
    else
        q->tail = n;
    wr_store_rlx(&q->head, n);
    n->linked = true;
}

/* Links before a node of the same queue. Under the lock. */
static inline void wr_queue_push_before(struct wr_node *n, struct wr_node *at)
{
    n->next = at;
    n->prev = at->prev;
    if (at->prev)
        at->prev->next = n;
    else
        wr_store_rlx(&n->queue->head, n);
    at->prev = n;
    n->linked = true;
}

/* Unlinks, if it is linked. Under the lock. */
static inline void wr_queue_remove(struct wr_node *n)
{
    struct wr_queue *q = n->queue;
    if (!n->linked)
        return;
    if (n->prev)
        n->prev->next = n->next;
    else
        wr_store_rlx(&q->head, n->next);
    if (n->next)
        n->next->prev = n->prev;
    else
        q->tail = n->prev;
    n->linked = false;
}

WR_NOINLINE void wr_waiter_set_name(struct wr_waiter *w, const char *name);
WR_NOINLINE void wr_waiter_clear_name(struct wr_waiter *w);

/* What a dump shows beside the object: copied, cut to 31 bytes; "" is none.
 * Before wr_park, which clears it when it returns, and before another could
 * win w and free the name. */
static inline void wr_waiter_name(struct wr_waiter *w, const char *name)
{
    if (wr_unlikely(name[0] != 0))
        wr_waiter_set_name(w, name);
}

/* For one who does not park after all. */
static inline void wr_waiter_unname(struct wr_waiter *w)
{
    if (wr_unlikely(w->named))
        wr_waiter_clear_name(w);
}

void wr_park_task(struct wr_task *t, enum wr_reason reason, const void *on);
void wr_park_thread(struct wr_parker *p);

/*
 * Sleeps until somebody has won w, and returns the winner's index. on is the
 * object waited for, shown in a dump (of a channel: its name). No lock may be
 * held. The caller then takes its other nodes back with wr_node_leave.
 */
static inline uint32_t wr_park(struct wr_waiter *w, enum wr_reason reason,
                               const void *on)
{
    if (wr_likely(w->task != NULL))
        wr_park_task(w->task, reason, on);
    else
        wr_park_thread(w->parker);
    wr_waiter_unname(w);
    return wr_load_acq(&w->state) >> 1;
}

/* After wr_park or wr_abort: takes the node back. Needed for each registered
 * node; the winner's own costs nothing, it is unlinked. */
static inline void wr_node_leave(struct wr_node *n, uint32_t winner)
{
    if (n->index == winner)
        return;
    wr_lock(n->lock);
    wr_queue_remove(n);
    wr_unlock(n->lock);
}

/* Has somebody won it? For an owner between registrations. */
static inline bool wr_waiter_won(const struct wr_waiter *w)
{
    return (wr_load_acq(&w->state) & WR_WON) != 0;
}

/* In place of wr_park, when there is nothing to wait for after all: true, no
 * waker will come; false, one has won and the caller must park. */
static inline bool wr_abort(struct wr_waiter *w)
{
    uint32_t seen = WR_ARMED;
    return wr_cas(&w->state, &seen, WR_WON);
}

/* ---- the waker's side, under the lock of the node's queue ---------------- */

/* Waiters that were won; to be woken after unlocking, in order. */
struct wr_wakes {
    struct wr_waiter *head, *tail;
};

static inline void wr_wakes_add(struct wr_wakes *wakes, struct wr_waiter *w)
{
    w->next = NULL;
    if (wakes->tail)
        wakes->tail->next = w;
    else
        wakes->head = w;
    wakes->tail = w;
}

/*
 * Tries to win w with this index. True: it is won and appended to wakes.
 * False: somebody else has it; the node is to be unlinked and forgotten.
 */
static inline bool wr_win(struct wr_waiter *w, uint32_t index,
                          struct wr_wakes *wakes)
{
    uint32_t seen = WR_ARMED, won = WR_WON | index << 1;
    if (wr_likely(w->alone))
        wr_store_rel(&w->state, won);
    else if (wr_load_rlx(&w->state) != WR_ARMED ||
             !wr_cas(&w->state, &seen, won))
        return false;
    wr_wakes_add(wakes, w);
    return true;
}

/* Unlinks and wins the first node that can be won; NULL if there is none. */
static inline struct wr_node *wr_queue_pop(struct wr_queue *q,
                                           struct wr_wakes *wakes)
{
    struct wr_node *n;
    while ((n = q->head) != NULL) {
        wr_queue_remove(n);
        if (wr_win(n->waiter, n->index, wakes))
            return n;
    }
    return NULL;
}

/* Wins all nodes with this status. */
void wr_queue_pop_all(struct wr_queue *q, int status, struct wr_wakes *wakes);

/* Wakes the list. No lock may be held. A single task goes to the worker's
 * next slot; of several all queue up in order. */
void wr_wake_list(struct wr_waiter *head);

static inline void wr_wake(const struct wr_wakes *wakes)
{
    if (wakes->head)
        wr_wake_list(wakes->head);
}

/* ---- what more than one blocking operation needs ------------------------- */

extern uint32_t wr_process_is_fork;

/*
 * May the caller wait? 0; WEIR_FORKED in the child of a fork; WEIR_ENOMEM: no
 * memory for what a thread sleeps on. Every blocking path asks before it
 * registers.
 */
static inline int wr_can_wait(void)
{
    if (wr_unlikely(wr_load_rlx(&wr_process_is_fork)))
        return WEIR_FORKED;
    return wr_task_self() || wr_thread_parker() ? 0 : WEIR_ENOMEM;
}

#endif
