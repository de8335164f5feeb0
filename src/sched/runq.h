/* SPDX-License-Identifier: MIT */
/*
 * What is ready to run.
 *
 * A worker's queue has three parts for three kinds of fairness:
 *   next    who was woken last: the partner in a conversation runs at once,
 *           but not more than CHAIN times in a row while others wait
 *   ready   who was woken or yielded, first in first out
 *   spawn   new tasks, as four words without a stack. The owner takes the
 *           newest, thieves take the oldest (after Chase and Lev, 2005).
 *           Newest first keeps a tree of a million tasks to some tens alive.
 * ready and spawn take turns. The queue is its owner's under a biased lock, so
 * that no operation of the owner's costs a locked instruction; thieves pay.
 * They leave next alone; the monitor takes it when a task holds the worker.
 *
 * The global queue holds what comes from threads, and half of a queue that
 * overflows. Under a lock; its length can be glanced at.
 */
#ifndef WR_SCHED_RUNQ_H
#define WR_SCHED_RUNQ_H

#include <stddef.h>
#include "port/atomic.h"
#include "port/bias.h"

struct wr_task;

enum { WR_RING = 256 };

/* A new task. group, if any, is told when it has ended. */
struct wr_spawn {
    void (*fn)(void *);
    void *arg;
    const void *site;
    void *group;
};

/* A task, or else a new one that has no stack yet. */
struct wr_pick {
    struct wr_task *task;
    struct wr_spawn spawn;
};

/* Counters run for ever, the slot is the count modulo WR_RING. Written inside
 * the lock; lengths are glanced at from outside. */
struct wr_runq {
    WR_ALIGNED struct wr_bias bias;
    struct wr_task *next;
    uint32_t chain; /* next taken in a row */
    uint32_t turn;
    uint32_t ready_head, ready_tail;
    uint32_t spawn_top, spawn_bottom;
    struct wr_task *ready[WR_RING];
    struct wr_spawn spawn[WR_RING];
};

void wr_runq_init(struct wr_runq *q);

/* ---- the owner ----------------------------------------------------------- */

/* At the end; half of a full ring goes to the global queue: true then. */
bool wr_runq_push(struct wr_runq *q, struct wr_task *t);
/* Before all others; who was there goes to the end. */
bool wr_runq_push_next(struct wr_runq *q, struct wr_task *t);

enum wr_pushed { WR_PUSHED, WR_PUSHED_AND_SPILLED, WR_NO_MEMORY };
enum wr_pushed wr_runq_push_spawn(struct wr_runq *q, const struct wr_spawn *s);

/* False: it is empty. */
bool wr_runq_pick(struct wr_runq *q, struct wr_pick *p);
/* The oldest of the new ones: so that none is hidden for ever. */
bool wr_runq_pick_oldest(struct wr_runq *q, struct wr_pick *p);

/* ---- others -------------------------------------------------------------- */

/* Takes up to max of the older half; how many. */
uint32_t wr_runq_steal(struct wr_runq *q, struct wr_pick *out, uint32_t max);
/* Takes next, or NULL. */
struct wr_task *wr_runq_steal_next(struct wr_runq *q);

/* How many are ready and new, next not counted: a glance. */
static inline uint32_t wr_runq_len(const struct wr_runq *q)
{
    uint32_t ready = wr_load_rlx(&q->ready_tail) - wr_load_rlx(&q->ready_head);
    uint32_t spawn = wr_load_rlx(&q->spawn_bottom) - wr_load_rlx(&q->spawn_top);
    return (ready <= WR_RING ? ready : 0) + (spawn <= WR_RING ? spawn : 0);
}

/* Calls fn for the new ones: a glance for a dump. */
void wr_runq_each_spawn(const struct wr_runq *q,
                        void (*fn)(const struct wr_spawn *, void *), void *arg);

/* ---- global -------------------------------------------------------------- */

void wr_global_push(struct wr_task *t);
/* False: out of memory; nothing was queued. */
bool wr_global_spawn(const struct wr_spawn *s);
/* Up to max, tasks before new ones, each kind oldest first; how many. */
uint32_t wr_global_take(struct wr_pick *out, uint32_t max);
/* How many, in the total order of sleepers and wakers. */
uint64_t wr_global_len(void);
void wr_global_each_spawn(void (*fn)(const struct wr_spawn *, void *),
                          void *arg);

#endif
