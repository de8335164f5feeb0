/* SPDX-License-Identifier: MIT */
/*
 * The elastic pool of threads for calls that block: what the runtime needs of
 * it beside weir_blocking.
 */
#ifndef WR_SCHED_BLOCKING_H
#define WR_SCHED_BLOCKING_H

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
