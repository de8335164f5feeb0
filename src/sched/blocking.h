/* SPDX-License-Identifier: MIT */
/*
 * The elastic pool of threads for calls that block: see weir_blocking, which
 * is all that most need of it.
 */
#ifndef WR_SCHED_BLOCKING_H
#define WR_SCHED_BLOCKING_H

#include "sched/wait.h"

/* A call for the pool. All zero but run. */
struct wr_job {
    int (*run)(struct wr_job *);  /* on a thread of the pool                 */
    void (*end)(struct wr_job *); /* after it: the pool is through with the
                                     job; may be NULL                       */
    int result;              /* run's, or WEIR_ENOMEM: no thread, not run   */
    bool done;               /* result holds; under the pool's lock         */
    struct wr_queue waiters; /* popped when done; under the pool's lock     */
    struct wr_job *next;
};

/* Gives the job to the pool, with n, whose queue is the job's waiters, queued
 * (NULL: none). Does not wait. */
void wr_blocking_post(struct wr_job *j, struct wr_node *n);

/* The pool's lock, the one of all jobs' queues. */
uint32_t *wr_blocking_lock(void);

/* ---- the runtime's side -------------------------------------------------- */

/* The bound on the threads; sched/options.c. */
int wr_blocking_max(void);

/*
 * Ends and joins the threads that have no call to do, once the workers are
 * joined. A thread that is in a call of a task that was left over ends by
 * itself when nothing is queued any more. The pool needs no start.
 */
void wr_blocking_stop(void);

/* Its threads that live, with a job or without: a glance. */
int wr_blocking_threads(void);

#endif
