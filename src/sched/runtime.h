/* SPDX-License-Identifier: MIT */
/*
 * The runtime: what there is one of in a process, and its life.
 */
#ifndef WR_SCHED_RUNTIME_H
#define WR_SCHED_RUNTIME_H

#include <weir/task.h>
#include "port/atomic.h"
#include "port/poller.h"
#include "sched/wait.h"

/*
 * Makes sure that the runtime runs: starts it with the defaults if need be.
 * 0, WEIR_ENOMEM, WEIR_EINVAL (bad WEIR_WORKERS), WEIR_FORKED. Cheap when it
 * runs. Needed before tasks are started, timers are set, descriptors waited.
 */
int wr_runtime_need(void);

/* The one poller; open while the runtime runs. */
extern struct wr_poller wr_poller;

/*
 * Things outside the tasks that may yet wake one: descriptor waits, blocking
 * calls, signal channels. While the count is above 0, sleeping tasks are no
 * deadlock.
 */
void wr_outside_enter(void);
void wr_outside_leave(void);

/* Called by a worker for each event of the poller (sched/fd.c). The token is
 * what was given to wr_poller_arm; wakes are woken by the caller. */
void wr_fd_event(uint64_t token, uint32_t events, struct wr_wakes *wakes);

/* Starts fn(arg) as a task and calls wr_task_joined(group) when it has ended
 * (sync/wg.c). As weir_go. */
int wr_go_in(void *group, void (*fn)(void *), void *arg, const void *site);
void wr_task_joined(void *group);

/* As weir_go_copy, for a caller somewhere else. */
int wr_go_copy(void (*fn)(void *), const void *args, size_t size,
               const void *site);

/* Runs fn(arg) as a new task, from any place that may not wait. As weir_go. */
int wr_go_site(void (*fn)(void *), void *arg, const char *name,
               const void *site);

/* After a fork, in the child: nothing of the runtime lives on. */
bool wr_forked(void);

#endif
