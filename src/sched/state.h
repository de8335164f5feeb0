/* SPDX-License-Identifier: MIT */
/*
 * The state that the files of this directory share: what there is one of.
 * Writers are named with each field; everything is atomic unless said.
 */
#ifndef WR_SCHED_STATE_H
#define WR_SCHED_STATE_H

#include "sched/global.h"
#include "sched/runtime.h"
#include "sched/worker.h"

enum { WR_WORKERS_MAX = 1024 };

struct wr_runtime {
    /* runtime.c, under its lock; constant while workers run */
    struct wr_worker *workers[WR_WORKERS_MAX]; /* kept for the next start */
    int nworkers;
    bool hosted;
    int64_t hog_after;
    int blocking_max;
    int stack_class;

    WR_ALIGNED uint32_t running; /* runtime.c */
    uint32_t stopping;           /* runtime.c */
    uint32_t draining;           /* somebody waits for the last task */
    uint32_t watch_deadlock;     /* weir_run wants to be told */

    WR_ALIGNED uint32_t idle; /* workers asleep or about to be */
    uint32_t searching;       /* 1 while a worker spins for work */
    uint32_t poller_taken;    /* 1 while a worker sleeps in the poller */
    uint32_t monitor_asleep;  /* futex of the monitor */
    int64_t poller_until;     /* when that worker wakes by itself */

    WR_ALIGNED int64_t outside; /* things that may wake a task from outside */
    uint64_t thread_started;    /* tasks started by threads */
    uint64_t ids;               /* task numbers given out */
    uint64_t round_robin;       /* homes of pinned tasks */
    uint64_t threads_slept;     /* in calls of weir, so far; park.c */
    uint64_t threads_woken;
};

extern struct wr_runtime wr_rt;

/* Checks the options and takes them over (options.c). 0 or WEIR_EINVAL. */
int wr_options_take(const weir_opts *o);

/* Waits for the last task to end: 0, WEIR_TIMEDOUT, WEIR_DEADLOCK if that is
 * watched for, WEIR_STOPPED when somebody else stops the workers first. A
 * thread only, which can wait (drain.c). */
int wr_drain(int64_t timeout);
/* What those who wait get. */
void wr_drain_answer(int status);

/* A worker found nothing to do: tells who waits for that (drain.c). */
void wr_runtime_idle(void);

/* Threads of the process that are neither ours nor the caller of weir_run nor
 * asleep in a call of weir: they may yet wake a task (deadlock.c). */
int wr_foreign_threads(void);

/* The calling thread, which has what it needs to sleep, is ours for a while:
 * its sleep counts as nobody's (park.c). */
void wr_thread_uncounted(bool yes);

/* The monitor thread (monitor.c). */
int wr_monitor_start(void);
void wr_monitor_stop(void);
void wr_monitor_wake(void);

/* The message for a stack overflow (overflow.c). */
void wr_overflow_install(void);
void wr_overflow_remove(void);
/* Ends the process with that message if the canary of t's stack is gone. */
void wr_overflow_check(const struct wr_task *t);
/* An alternate stack for the calling thread's handlers, and back. */
void *wr_overflow_thread_enter(void);
void wr_overflow_thread_leave(void *stack);

#endif
