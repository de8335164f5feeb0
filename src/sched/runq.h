/* SPDX-License-Identifier: MIT */
/*
 * What is ready to run.
 *
 * A worker's queue has three parts for three kinds of fairness:
 *   next    who was woken last: the partner in a conversation runs at once,
 *           but not more than CHAIN times in a row while others wait
 *   ready   who was woken or yielded, first in first out
 *   spawn   new tasks, as a cache line without a stack. The owner takes the
 *           newest, thieves take the oldest (after Chase and Lev, 2005).
 *           Newest first keeps a tree of a million tasks to some tens alive.
 * ready and spawn take turns. The queue is its owner's under a biased lock, so
 * that no operation of the owner's costs a locked instruction; thieves pay.
 * They leave next alone; the monitor takes it when a task holds the worker.
 * Half of a ring that is full goes to the global queue (sched/global.h).
 */
#ifndef WR_SCHED_RUNQ_H
#define WR_SCHED_RUNQ_H

#include <stddef.h>
#include "port/atomic.h"
#include "port/bias.h"
#include "sched/task.h"

enum {
    WR_RING = 256,
    WR_CHAIN = 3 /* next in a row; more would starve the queue */
};

/*
 * A new task, without a stack until it runs: the function, and its argument or
 * a copy of some bytes that it gets the address of. group, if any, is told
 * when it has ended. Where options or a large copy asked for a stack at once,
 * the task is there already: fn is NULL and arg is the task.
 */
enum { WR_SPAWN_COPY = 32 };

struct wr_spawn {
    void (*fn)(void *);
    const void *site;
    void *group;
    size_t size; /* of the copy, 0: none */
    union {
        void *arg;
        char copy[WR_SPAWN_COPY];
    };
};

/* A task, or else a new one that has no stack yet. The entry stays as it is
 * until the owner of its queue pushes the next one. */
struct wr_pick {
    struct wr_task *task;
    const struct wr_spawn *spawn;
};

static inline void wr_pick_entry(struct wr_pick *p, const struct wr_spawn *s)
{
    p->task = s->fn ? NULL : s->arg;
    p->spawn = s;
}

/* Counters run for ever, the slot is the count modulo WR_RING. Written inside
 * the lock; lengths are glanced at from outside. */
struct wr_runq {
    WR_ALIGNED struct wr_bias bias;
    struct wr_task *next;
    uint32_t chain; /* next taken in a row */
    uint32_t turn;
    uint32_t ready_head, ready_tail;
    uint32_t spawn_top, spawn_bottom;
    uint32_t drained; /* how often the owner emptied spawn                  */
    struct wr_task *ready[WR_RING];
    struct wr_spawn spawn[WR_RING];
};

void wr_runq_init(struct wr_runq *q);

/* ---- the two rings, inside the lock -------------------------------------- */

static inline uint32_t wr_ready_len(const struct wr_runq *q)
{
    return q->ready_tail - q->ready_head;
}

static inline uint32_t wr_spawn_len(const struct wr_runq *q)
{
    return q->spawn_bottom - q->spawn_top;
}

/* A task in line is cold more often than not: its record is fetched while the
 * ones before it run, and then the frames it comes back to. */
static inline void wr_ready_prefetch(const struct wr_runq *q)
{
    enum { RECORD = 4, FRAMES = 2, LINES = 8 };
    if (wr_ready_len(q) <= RECORD)
        return;
    __builtin_prefetch(q->ready[(q->ready_head + RECORD) % WR_RING]);
    const char *sp = wr_task_sp(q->ready[(q->ready_head + FRAMES) % WR_RING]);
    for (int i = 0; i < LINES; i++)
        __builtin_prefetch(sp + i * WR_CACHE_LINE);
}

static inline struct wr_task *wr_ready_pop(struct wr_runq *q)
{
    struct wr_task *t = q->ready[q->ready_head % WR_RING];
    wr_ready_prefetch(q);
    wr_store_rlx(&q->ready_head, q->ready_head + 1);
    return t;
}

static inline struct wr_spawn *wr_spawn_pop_oldest(struct wr_runq *q)
{
    struct wr_spawn *s = &q->spawn[q->spawn_top % WR_RING];
    wr_store_rlx(&q->spawn_top, q->spawn_top + 1);
    return s;
}

static inline struct wr_spawn *wr_spawn_pop_newest(struct wr_runq *q)
{
    wr_store_rlx(&q->spawn_bottom, q->spawn_bottom - 1);
    return &q->spawn[q->spawn_bottom % WR_RING];
}

/* The older half of a full one goes to the global queue (global.c). False: out
 * of memory, it stays. */
WR_NOINLINE void wr_ready_spill(struct wr_runq *q);
WR_NOINLINE bool wr_spawn_spill(struct wr_runq *q);

/* ---- the owner ----------------------------------------------------------- */

enum wr_pushed { WR_PUSHED, WR_PUSHED_AND_SPILLED, WR_NO_MEMORY };

static inline bool wr_ready_push(struct wr_runq *q, struct wr_task *t)
{
    bool full = wr_ready_len(q) == WR_RING;
    if (wr_unlikely(full))
        wr_ready_spill(q);
    q->ready[q->ready_tail % WR_RING] = t;
    wr_store_rlx(&q->ready_tail, q->ready_tail + 1);
    return full;
}

/* At the end. True: half of it went to the global queue. */
static inline bool wr_runq_push(struct wr_runq *q, struct wr_task *t)
{
    wr_bias_enter(&q->bias);
    bool spilled = wr_ready_push(q, t);
    wr_bias_leave(&q->bias);
    return spilled;
}

/* Before all others; who was there goes to the end. */
static inline bool wr_runq_push_next(struct wr_runq *q, struct wr_task *t)
{
    bool spilled = false;
    wr_bias_enter(&q->bias);
    struct wr_task *old = q->next;
    wr_store_rlx(&q->next, t);
    if (old)
        spilled = wr_ready_push(q, old);
    wr_bias_leave(&q->bias);
    return spilled;
}

static inline enum wr_pushed wr_runq_push_spawn(struct wr_runq *q,
                                                const struct wr_spawn *s)
{
    wr_bias_enter(&q->bias);
    bool full = wr_spawn_len(q) == WR_RING;
    enum wr_pushed result = full ? WR_PUSHED_AND_SPILLED : WR_PUSHED;
    if (wr_unlikely(full) && !wr_spawn_spill(q)) {
        result = WR_NO_MEMORY;
    } else {
        q->spawn[q->spawn_bottom % WR_RING] = *s;
        wr_store_rlx(&q->spawn_bottom, q->spawn_bottom + 1);
    }
    wr_bias_leave(&q->bias);
    return result;
}

static inline bool wr_pick_ready(struct wr_runq *q, struct wr_pick *p)
{
    if (wr_ready_len(q) == 0)
        return false;
    p->task = wr_ready_pop(q);
    return true;
}

static inline bool wr_pick_spawn(struct wr_runq *q, struct wr_pick *p)
{
    if (wr_spawn_len(q) == 0)
        return false;
    wr_pick_entry(p, wr_spawn_pop_newest(q));
    if (wr_spawn_len(q) == 0)
        wr_store_rlx(&q->drained, q->drained + 1);
    return true;
}

static inline bool wr_pick_queued(struct wr_runq *q, struct wr_pick *p)
{
    if (q->turn++ & 1)
        return wr_pick_ready(q, p) || wr_pick_spawn(q, p);
    return wr_pick_spawn(q, p) || wr_pick_ready(q, p);
}

/* After WR_CHAIN in a row the queue gets its turn, and next goes behind it. */
static inline bool wr_pick(struct wr_runq *q, struct wr_pick *p)
{
    struct wr_task *next = q->next;
    if (!next) {
        q->chain = 0;
        return wr_pick_queued(q, p);
    }
    wr_store_rlx(&q->next, NULL);
    if (q->chain++ < WR_CHAIN || wr_ready_len(q) + wr_spawn_len(q) == 0) {
        p->task = next;
        return true;
    }
    q->chain = 0;
    wr_pick_queued(q, p);
    wr_ready_push(q, next);
    return true;
}

/* False: it is empty. */
static inline bool wr_runq_pick(struct wr_runq *q, struct wr_pick *p)
{
    wr_bias_enter(&q->bias);
    bool found = wr_pick(q, p);
    wr_bias_leave(&q->bias);
    return found;
}

/* The oldest of the new ones, so that none is hidden for ever. */
static inline bool wr_runq_pick_oldest(struct wr_runq *q, struct wr_pick *p)
{
    wr_bias_enter(&q->bias);
    bool found = wr_spawn_len(q) > 0;
    if (found)
        wr_pick_entry(p, wr_spawn_pop_oldest(q));
    wr_bias_leave(&q->bias);
    return found;
}

/* ---- others -------------------------------------------------------------- */

/* Takes up to max of the older half, new ones too if so said; how many. */
uint32_t wr_runq_steal(struct wr_runq *q, struct wr_spawn *out, uint32_t max,
                       bool spawns);
/* Takes next, or NULL. */
struct wr_task *wr_runq_steal_next(struct wr_runq *q);

/* How many are ready, next not counted, and how many are new: glances. */
static inline uint32_t wr_runq_ready(const struct wr_runq *q)
{
    uint32_t n = wr_load_rlx(&q->ready_tail) - wr_load_rlx(&q->ready_head);
    return n <= WR_RING ? n : 0;
}

static inline uint32_t wr_runq_new(const struct wr_runq *q)
{
    uint32_t n = wr_load_rlx(&q->spawn_bottom) - wr_load_rlx(&q->spawn_top);
    return n <= WR_RING ? n : 0;
}

static inline uint32_t wr_runq_len(const struct wr_runq *q)
{
    return wr_runq_ready(q) + wr_runq_new(q);
}

/* Calls fn for the new ones: a glance for a dump. */
void wr_runq_each_spawn(const struct wr_runq *q,
                        void (*fn)(const struct wr_spawn *, void *), void *arg);

#endif
