/* SPDX-License-Identifier: MIT */
/* The elastic pool of threads for calls that block: see weir_blocking. */
#ifndef WR_SCHED_BLOCKING_H
#define WR_SCHED_BLOCKING_H

/* The bound on its threads; sched/runtime.c. */
int wr_blocking_max(void);

/*
 * Ends and joins its idle threads, once the workers are joined. Threads that
 * are still in a call of a task that was left over end by themselves when
 * nothing is queued any more. The pool needs no start: the next call fills it.
 */
void wr_blocking_stop(void);

#endif
