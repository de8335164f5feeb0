/* SPDX-License-Identifier: MIT */
/*
 * What is ready to run: three queues for three kinds of fairness.
 *
 * Ready ring (one a worker): tasks that were woken or that yielded, first in
 * first out. The owner pushes; the owner and thieves take from the head.
 *
 * Spawn deque (one a worker): new tasks, as three words without a stack. The
 * owner pushes and takes the newest at the bottom, thieves take the oldest at
 * the top (after Chase and Lev, 2005). Newest first keeps a tree of a million
 * tasks to some tens that are alive; without a stack until it runs, a task
 * that only waits for its turn costs 24 bytes.
 *
 * Global queue: what comes from threads, and half of a ring or deque that
 * overflows. Under a lock; its length can be glanced at.
 */
#ifndef WR_SCHED_RUNQ_H
#define WR_SCHED_RUNQ_H

#include <stddef.h>
#include "port/atomic.h"

struct wr_task;

enum { WR_RING = 256 };

struct wr_spawn {
    void (*fn)(void *);
    void *arg;
    const void *site;
};

/* head and tail count up for ever; the slot is the count modulo WR_RING. */
struct wr_ready_ring {
    WR_ALIGNED uint32_t head; /* CAS by takers                              */
    WR_ALIGNED uint32_t tail; /* owner                                      */
    struct wr_task *slots[WR_RING];
};

struct wr_spawn_deque {
    WR_ALIGNED int64_t top;    /* CAS by thieves, and by the owner for the
                                  last one                                  */
    WR_ALIGNED int64_t bottom; /* owner                                     */
    struct wr_spawn slots[WR_RING];
};

/* ---- ready ring ---------------------------------------------------------- */

static inline uint32_t wr_ready_len(const struct wr_ready_ring *r)
{
    uint32_t tail = wr_load_acq(&r->tail);
    uint32_t n = tail - wr_load_acq(&r->head);
    return n > WR_RING ? 0 : n;
}

/* Owner. False: it is full. */
static inline bool wr_ready_push(struct wr_ready_ring *r, struct wr_task *t)
{
    uint32_t tail = wr_load_rlx(&r->tail);
    if (tail - wr_load_acq(&r->head) >= WR_RING)
        return false;
    wr_store_rlx(&r->slots[tail % WR_RING], t);
    wr_store_rel(&r->tail, tail + 1);
    return true;
}

/* Anyone. The slot is read before the compare-and-swap that takes it: the
 * owner cannot have written it anew while head stood still. */
static inline struct wr_task *wr_ready_pop(struct wr_ready_ring *r)
{
    uint32_t head = wr_load_acq(&r->head);
    for (;;) {
        if (wr_load_acq(&r->tail) == head)
            return NULL;
        struct wr_task *t = wr_load_rlx(&r->slots[head % WR_RING]);
        if (wr_cas(&r->head, &head, head + 1))
            return t;
    }
}

/* Anyone: up to max of the oldest half; how many. */
uint32_t wr_ready_grab(struct wr_ready_ring *r, struct wr_task **out,
                       uint32_t max);

/* ---- spawn deque --------------------------------------------------------- */

static inline int64_t wr_spawn_len(const struct wr_spawn_deque *d)
{
    int64_t n = wr_load_rlx(&d->bottom) - wr_load_rlx(&d->top);
    return n > 0 ? n : 0;
}

/* Owner. False: it is full. */
static inline bool wr_spawn_push(struct wr_spawn_deque *d, struct wr_spawn s)
{
    int64_t b = wr_load_rlx(&d->bottom);
    if (b - wr_load_acq(&d->top) >= WR_RING)
        return false;
    struct wr_spawn *slot = &d->slots[b % WR_RING];
    wr_store_rlx(&slot->fn, s.fn);
    wr_store_rlx(&slot->arg, s.arg);
    wr_store_rlx(&slot->site, s.site);
    wr_store_rel(&d->bottom, b + 1);
    return true;
}

static inline struct wr_spawn wr_spawn_read(struct wr_spawn_deque *d, int64_t i)
{
    struct wr_spawn *slot = &d->slots[i % WR_RING];
    return (struct wr_spawn){wr_load_rlx(&slot->fn), wr_load_rlx(&slot->arg),
                             wr_load_rlx(&slot->site)};
}

/* Owner: the newest. Lowering bottom before looking at top, both in one total
 * order, is what keeps a thief and the owner from taking the same one. */
static inline bool wr_spawn_pop(struct wr_spawn_deque *d, struct wr_spawn *out)
{
    int64_t b = wr_load_rlx(&d->bottom) - 1;
    if (wr_load_rlx(&d->top) > b)
        return false;
    wr_store(&d->bottom, b);
    int64_t t = wr_load(&d->top);
    if (t < b) {
        *out = wr_spawn_read(d, b);
        return true;
    }
    bool won = false;
    if (t == b) {
        *out = wr_spawn_read(d, b);
        won = wr_cas(&d->top, &t, t + 1);
    }
    wr_store_rlx(&d->bottom, b + 1);
    return won;
}

/* Anyone: the oldest. */
bool wr_spawn_steal(struct wr_spawn_deque *d, struct wr_spawn *out);

/* ---- global queue -------------------------------------------------------- */

/* A chain of tasks, linked by next, of n from first to last. */
void wr_global_push(struct wr_task *first, struct wr_task *last, uint32_t n);
struct wr_task *wr_global_pop(void);

/* One new task. False: out of memory; nothing was queued. */
bool wr_global_spawn(struct wr_spawn s);
/* Moves the oldest half of a deque here. Its owner. False: out of memory. */
bool wr_global_spill(struct wr_spawn_deque *d);
/* Up to max of the oldest; how many. */
uint32_t wr_global_take(struct wr_spawn *out, uint32_t max);

/* How many of both, a glance in the total order of sleepers and wakers. */
uint64_t wr_global_len(void);

/* Calls fn for each new task in the global queue (for dumps). */
void wr_global_each_spawn(void (*fn)(const struct wr_spawn *, void *),
                          void *arg);

#endif
