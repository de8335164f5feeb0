/* SPDX-License-Identifier: MIT */
/*
 * Graceful shutdown: on a signal or on request the parts of a program stop
 * their intake, in order; what they still hold is drained, in order, before
 * one deadline for all; then it is said what became of each. A second signal
 * cuts the drain short. The signal, http.Server.Shutdown, WaitGroup dance of
 * Go programs, as one thing.
 *
 *   WAITS -signal, request-> STOPS -hooks called-> DRAINS -all ended,
 *                                          deadline, second signal-> DONE
 *
 * A shutdown takes no memory and starts no task: all that it needs is there
 * when weir_shutdown_add has returned. Parts are to be added before somebody
 * waits; the other calls are for any task or thread. NULL for the shutdown is
 * WEIR_EINVAL everywhere, except where it is said to be allowed. Every call
 * may also return WEIR_FORKED.
 */
#ifndef WEIR_SHUTDOWN_H
#define WEIR_SHUTDOWN_H

#include <stdio.h>
#include <weir/pipeline.h>
#include <weir/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_shutdown weir_shutdown;

/* Options of a shutdown. Zero means the default. */
typedef struct weir_shutdown_opts {
    /* The signals that begin it, up to the first 0; none: SIGINT, SIGTERM.
     * They are taken over from weir_shutdown_new to weir_shutdown_free. */
    int signals[4];
    bool no_signals;  /* on request alone                                   */
    int64_t deadline; /* ns for all drains together, from the last stop hook
                         on; 0: 10 s, WEIR_FOREVER: none                    */
    /* How long, once the drains have been told to end, those that do not are
     * waited for in all, in ns; 0: 1 s. One more signal ends that, too. */
    int64_t grace;
} weir_shutdown_opts;

/* A part of the program that can be shut down. */
typedef struct weir_shutdown_part {
    const char *name; /* for the report; kept by reference                  */
    void *arg;
    /* Stops the intake, without waiting for what is in work; called on the
     * task or thread that waits for the shutdown. 0 or an error; may be
     * NULL. */
    int (*stop)(void *arg);
    /* Waits until the part has come to its end; ends early when ctx ends: at
     * the deadline, or cut short. 0 or an error. Called in a task of its own
     * when the parts before it have ended or once ctx has; NULL: nothing to
     * drain. */
    int (*drain)(void *arg, weir_ctx *ctx);
    /* How much was left undone; called when the drain has returned, or when
     * it is given up, while it may still run. NULL: 0. */
    uint64_t (*left)(void *arg);
    bool beside; /* drains at the same time as the part added before it     */
} weir_shutdown_part;

/* What became of a part. */
typedef struct weir_shutdown_report {
    const char *name;
    bool in_time;  /* the drain returned before it was told to end          */
    bool ended;    /* it returned in the grace at least; else it still runs */
    int stopped;   /* what stop returned                                    */
    int drained;   /* what drain returned; 0 while it runs                  */
    int64_t took;  /* ns of the drain, or until it was given up             */
    uint64_t left; /* what is left                                          */
} weir_shutdown_report;

/* 0 and *s; o may be NULL. WEIR_EINVAL (a signal that cannot be had, a
 * negative number), WEIR_ENOMEM. */
WEIR_API int weir_shutdown_new(weir_shutdown **s, const weir_shutdown_opts *o);

/* Adds a part (copied) behind those there. 0; WEIR_EINVAL (no part or name);
 * WEIR_BUSY (the shutdown is waited for, or over); WEIR_ENOMEM. */
WEIR_API int weir_shutdown_add(weir_shutdown *s, const weir_shutdown_part *p);

/* Ready-made parts: the intake is closed; the drain is weir_pool_stop and
 * weir_pipeline_stop; left is what they discarded while draining and what
 * still runs. A channel is closed, and left is what is queued in it. Each
 * must outlive s. As weir_shutdown_add. */
WEIR_API int weir_shutdown_add_pool(weir_shutdown *s, const char *name,
                                    weir_pool *pool);
WEIR_API int weir_shutdown_add_pipeline(weir_shutdown *s, const char *name,
                                        weir_pipeline *p);
WEIR_API int weir_shutdown_add_chan(weir_shutdown *s, const char *name,
                                    weir_chan *c);

/*
 * Waits for the beginning, at most until ctx (may be NULL) ends, and then
 * does it all, for which ctx is of no account. From one task or thread at a
 * time.
 * 0: every part ended in time and well. WEIR_TIMEDOUT: the deadline passed
 * first; WEIR_CANCELED: it was cut short; otherwise the first error of a
 * hook, in the order of the parts. Once it is over, that result again.
 * weir_ctx_err(ctx) when ctx ended first, WEIR_ENOMEM when a thread that has
 * never waited cannot: nothing was begun, and it may be waited for again.
 * WEIR_BUSY: somebody else does.
 */
WEIR_API int weir_shutdown_wait(weir_shutdown *s, weir_ctx *ctx);

/* Begins it, as a signal does. Does not wait. Idempotent. 0, WEIR_EINVAL. */
WEIR_API int weir_shutdown_request(weir_shutdown *s);

/* Begins it if need be, and cuts the drains short, as a second signal does:
 * their context ends, and they have the grace. Does not wait. 0. */
WEIR_API int weir_shutdown_cut(weir_shutdown *s);

/* A context that ends when the shutdown begins, for loops that have no other
 * end. NULL for NULL. */
WEIR_API weir_ctx *weir_shutdown_ctx(weir_shutdown *s);

/* The signal that began it; 0: none did, or not yet. */
WEIR_API int weir_shutdown_signal(weir_shutdown *s);

/* The report of the i-th part, from 0. 0; WEIR_EINVAL (behind the last part);
 * WEIR_BUSY (it is not over). */
WEIR_API int weir_shutdown_get_report(weir_shutdown *s, size_t i,
                                      weir_shutdown_report *out);

/* Writes a line for each part. 0; WEIR_BUSY (it is not over); the negated
 * errno of a write that failed. */
WEIR_API int weir_shutdown_print(weir_shutdown *s, FILE *out);

/* Gives the signals back, waits for drains that still run, and frees. No
 * other call may be under way or follow, so not from a hook. NULL is allowed.
 * 0; WEIR_ENOMEM (a thread that has never waited: nothing was freed). */
WEIR_API int weir_shutdown_free(weir_shutdown *s);

#ifdef __cplusplus
}
#endif
#endif
