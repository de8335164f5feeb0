/* SPDX-License-Identifier: MIT */
/*
 * Timers: hierarchical timing wheels, one for each few workers (after Varghese
 * and Lauck, 1987). Setting and cancelling are O(1), without a system call
 * unless somebody sleeping must now wake earlier.
 *
 * A timer is a struct weir_timer_ (weir/base.h) embedded by its owner. All
 * zero is idle. Two kinds:
 *   - a wait timer wins a waiter, under the wheel's lock, which is the lock
 *     of its "queue" for the rules of sched/wait.h;
 *   - a call timer calls fire_(timer) on a worker, outside every lock.
 */
#ifndef WR_SCHED_TIMER_H
#define WR_SCHED_TIMER_H

#include "sched/wait.h"

/* ---- call timers --------------------------------------------------------- */

/*
 * Sets t to fire at the instant when (weir_now's clock), moving it if it is
 * pending. True if it was pending. The runtime must run (wr_runtime_need).
 */
bool wr_timer_set(struct weir_timer_ *t, int64_t when,
                  void (*fire)(struct weir_timer_ *));

/* Takes it back: true if it was pending and will not fire. If its callback
 * runs on another worker or thread, waits until that has returned. */
bool wr_timer_cancel(struct weir_timer_ *t);

/* ---- wait timers --------------------------------------------------------- */

/* A deadline as one of the wakers of a waiter. */
struct wr_deadline {
    struct weir_timer_ timer;
    struct wr_waiter *waiter;
    uint32_t index;
};

/* Registers: w is won with index at the instant when. */
void wr_deadline_set(struct wr_deadline *d, struct wr_waiter *w, uint32_t index,
                     int64_t when);

/* After wr_park, as wr_node_leave. */
void wr_deadline_leave(struct wr_deadline *d, uint32_t winner);

/* ---- the workers' side --------------------------------------------------- */

/* Fires what is due at now. */
void wr_timers_run(int64_t now);

/* Of what is due at now only the waits, and no calls: for a thread that is no
 * worker. */
void wr_timers_end_waits(int64_t now);

/* The earliest instant at which wr_timers_run has something to do,
 * WEIR_FOREVER if none: a glance. */
int64_t wr_timers_next(void);

/* Live timers or callbacks that run, a glance. */
bool wr_timers_pending(void);

#endif
