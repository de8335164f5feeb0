/* SPDX-License-Identifier: MIT */
/*
 * Workers: the threads that run tasks.
 *
 * A worker stands either on its base context, where it looks for work, or on
 * the stack of the task it runs. A task that parks, yields or ends picks the
 * next task itself and switches straight to it when one is at hand; else to
 * the base. Every TICKS-th switch goes through the base anyway, where the
 * clock, the timers, the poller and the global queue get their look.
 *
 * A context that was just left may not be touched until its stack is. What
 * is still to be done for it (say that it is off its stack, queue it again,
 * free its stack) is noted in the worker and done by the context that comes
 * next (settle). So no waker ever waits for a sleeper to be off its stack: it
 * queues the task, and whoever picks it looks at on_stack before it runs it.
 *
 * An inbox holds pinned tasks: only its owner takes them. A worker that the
 * next start of the runtime leaves out has an heir who gets them.
 */
#ifndef WR_SCHED_WORKER_H
#define WR_SCHED_WORKER_H

#include "port/thread.h"
#include "sched/runq.h"
#include "sched/self.h"
#include "sched/task.h"

enum wr_after {
    WR_AFTER_NOTHING,
    WR_AFTER_PARK,
    WR_AFTER_YIELD,
    WR_AFTER_EXIT
};

enum {
    WR_GRAB = 32,          /* taken at once from the global queue or a victim */
    WR_SPARE_AFTER = 50000 /* ns of backlog after which another is woken      */
};

enum wr_worker_state { WR_AWAKE, WR_ASLEEP, WR_NOTIFIED };

/* What one who looks for work has seen of another's queue. */
struct wr_watch {
    struct wr_worker *victim;
    uint32_t drained;
    int64_t since;
};

struct wr_worker {
    /* owner only */
    struct wr_context base;
    struct wr_task *left; /* the context just left, and                */
    enum wr_after after;  /* what is to be done for it                 */
    uint64_t rng;
    uint64_t id_next, id_end; /* task numbers in hand                      */
    int64_t backlog_since;    /* since when there is more than it can run, */
    uint32_t backlog_drained; /* and how often it had emptied its queue    */
    uint32_t visited;         /* tick of the last visit of the base        */
    struct wr_watch watch;
    int64_t polled;   /* last look at the poller                   */
    bool others_turn; /* a pinned task had the last one            */
    struct wr_stack_cache stacks;
    struct wr_spawn got[WR_GRAB]; /* on their way from another queue       */

    /* owner writes, others glance */
    struct wr_task *current;
    uint64_t started, ended; /* tasks                                      */
    int64_t now;             /* coarse clock                               */
    uint32_t tick;           /* switches                                   */

    WR_ALIGNED uint32_t inbox_lock;
    uint32_t inbox_len;
    struct wr_task_list inbox;
    struct wr_worker *heir;    /* NULL: it runs itself                        */
    WR_ALIGNED uint32_t state; /* enum wr_worker_state; a futex            */
    uint32_t polling;          /* asleep in the poller                     */

    uint32_t exited;  /* a futex */
    int *errno_place; /* of its thread */
    int index;
    wr_thread thread;
    struct wr_runq runq;
};

/* Makes the calling thread the worker's, NULL: a plain one again. */
void wr_worker_set_self(struct wr_worker *w);

/* Everything of a worker's own, before its thread starts. */
int wr_worker_open(struct wr_worker *w, int index, int stack_class);
void wr_worker_close(struct wr_worker *w);

/* While the runtime is off: from now on the heir has the pinned tasks of w,
 * also those that still wait to run. NULL: w has its own. */
void wr_worker_inherit(struct wr_worker *w, struct wr_worker *heir);

/* Runs tasks until the runtime stops. */
void wr_worker_loop(struct wr_worker *w);

/* Runs what is ready, waiting at most timeout ns for the first; how many
 * switches. For a host with its own loop. */
int wr_worker_once(struct wr_worker *w, int64_t timeout);

/* The calling task lets others run, which the worker has at hand. */
void wr_worker_yield(struct wr_worker *w);

/* Makes a task ready that nobody else can make ready. soon: it goes before
 * what is queued, for the caller is about to wait for it. */
void wr_task_ready(struct wr_task *t, bool soon);

/* A new task; the credit for its stack is taken here. As weir_go. */
int wr_task_spawn(const struct wr_spawn *s);

/* A task that has its stack already is as new as those: w, the caller's own
 * worker or NULL, queues it among them. */
void wr_task_new(struct wr_worker *w, struct wr_task *t);

/* ---- the base: looking for work (look.c) --------------------------------- */

/* One round of looking; true: p is to be run. */
bool wr_worker_look(struct wr_worker *w, struct wr_pick *p);

/* The longer look of one who found nothing; true: it is worth another round. */
bool wr_worker_search(struct wr_worker *w);

/* Is there anything for w to do, but for what may be on its own queue? */
bool wr_worker_elsewhere(struct wr_worker *w);

/* What the worker has at hand (worker.c). */
bool wr_worker_pick(struct wr_worker *w, struct wr_pick *p);

/* Of the n entries in got the first is to be run, if it can; the others are
 * queued (worker.c). */
bool wr_worker_keep(struct wr_worker *w, uint32_t n, struct wr_pick *p);

/* ---- the base: sleeping (idle.c) ----------------------------------------- */

/* Takes descriptors' events, and waits at most timeout ns for the first. */
void wr_worker_poll(struct wr_worker *w, int64_t timeout);

/* Sleeps until it is woken, or for limit ns, unless there is work. */
void wr_worker_idle(struct wr_worker *w, int64_t limit);

/* Wakes one sleeping worker, if any. */
void wr_worker_wake_one(void);
/* Wakes this one. False: it did not sleep, or another woke it. */
bool wr_worker_wake(struct wr_worker *w);

/* Is there anything in its queues? A glance. */
static inline bool wr_worker_has_work(const struct wr_worker *w)
{
    return wr_load_rlx(&w->runq.next) || wr_runq_len(&w->runq) ||
           wr_load_rlx(&w->inbox_len);
}

#endif
