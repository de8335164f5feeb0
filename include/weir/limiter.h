/* SPDX-License-Identifier: MIT */
/*
 * Limiter: so many operations at the same time, and so many that wait for
 * their turn. Dijkstra's semaphore with a ceiling that may be moved, and the
 * bulkhead of Nygard's "Release It!", which turns callers away rather than
 * let them pile up.
 *
 * Permits are given in the order of coming; nobody passes one who waits. Any
 * task or thread. NULL for anything but a context, and n < 0, are
 * WEIR_EINVAL; in a fork a call that would have to wait is WEIR_FORKED.
 */
#ifndef WEIR_LIMITER_H
#define WEIR_LIMITER_H

#include <weir/cond.h>
#include <weir/ctx.h>
#include <weir/mutex.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Options of a limiter. Zero means the default. */
typedef struct weir_limiter_opts {
    int64_t limit;   /* permits; 0: nobody gets one until resize             */
    int64_t waiting; /* callers that may wait at a time; 0: any number       */
} weir_limiter_opts;

/* Caller-owned. Fields are private; weir_limiter_init it. Nothing is to be
 * given back, but no call may be under way when its memory goes. */
typedef struct weir_limiter {
    weir_mutex lock_;
    struct weir_turn_ *first_, *last_;
    int64_t limit_, used_;
    int64_t waiting_, room_;
} weir_limiter;

/* 0, WEIR_EINVAL (a negative number). */
WEIR_API int weir_limiter_init(weir_limiter *l, const weir_limiter_opts *o);

/*
 * Takes n permits, waiting for them at most until ctx (may be NULL) ends. More
 * than the limit are waited for, too: they may come by a resize. 0;
 * WEIR_CANCELED, WEIR_TIMEDOUT (none was taken); WEIR_FULL (as many wait as
 * may).
 */
WEIR_API int weir_limiter_acquire(weir_limiter *l, int64_t n, weir_ctx *ctx);
/* Without waiting: 0, or WEIR_BUSY (too few, or others wait for them). */
WEIR_API int weir_limiter_try_acquire(weir_limiter *l, int64_t n);
/* Gives n permits back, by whomever. 0; WEIR_EINVAL (more than are out:
 * nothing was done). */
WEIR_API int weir_limiter_release(weir_limiter *l, int64_t n);

/* A new limit. A higher one lets waiters in at once; under a lower one those
 * who are in stay, and nobody follows until there are fewer than it says. 0,
 * WEIR_EINVAL. */
WEIR_API int weir_limiter_resize(weir_limiter *l, int64_t limit);

/* How it stands. */
typedef struct weir_limiter_state {
    int64_t limit;   /* permits there are                                   */
    int64_t used;    /* permits that are out; above limit after a resize    */
    int64_t waiting; /* callers that wait                                   */
} weir_limiter_state;

/* A consistent snapshot. 0, WEIR_EINVAL. */
WEIR_API int weir_limiter_get_state(weir_limiter *l, weir_limiter_state *out);

#ifdef __cplusplus
}
#endif
#endif
