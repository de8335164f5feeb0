/* SPDX-License-Identifier: MIT */
/* Group: tasks that end together. The first error cancels the others, wait
 * joins them all. After errgroup and structured concurrency. */
#ifndef WEIR_GROUP_H
#define WEIR_GROUP_H

#include <weir/ctx.h>
#include <weir/sem.h>
#include <weir/wg.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Caller-owned. Fields are private; weir_group_init it, or WEIR_GROUP_INIT
 * for a group without parent and limit. */
typedef struct weir_group {
    weir_wg wg_;
    weir_ctx ctx_;
    weir_sem slots_;
    int limit_;
    int err_;
} weir_group;

#define WEIR_GROUP_INIT                                                        \
    {                                                                          \
        WEIR_WG_INIT, WEIR_CTX_INIT, WEIR_SEM_INIT(0), 0, 0                    \
    }

/* A group below parent (may be NULL) that runs at most limit tasks at once
 * (0: no limit). 0; WEIR_EINVAL (NULL, negative limit). */
WEIR_API int weir_group_init(weir_group *g, weir_ctx *parent, int limit);
/* Starts fn(arg, ctx), ctx being the group's; waits for a slot when the
 * limit is reached. A non-zero result is the task's error: the first one is
 * kept and cancels the group with it as the cause. 0, or as weir_go, or
 * WEIR_CANCELED / WEIR_TIMEDOUT when the group ended while it waited for a
 * slot: fn does not run then. */
WEIR_API int weir_group_go(weir_group *g, int (*fn)(void *, weir_ctx *),
                           void *arg);
/* The same without waiting: WEIR_BUSY at the limit. */
WEIR_API int weir_group_try_go(weir_group *g, int (*fn)(void *, weir_ctx *),
                               void *arg);
/* The group's context, to hand to the calls the tasks make. */
WEIR_API weir_ctx *weir_group_ctx(weir_group *g);
/* Cancels the group. */
WEIR_API int weir_group_cancel(weir_group *g, int cause);
/* Waits for every task, then ends the group's context: it may be
 * initialised anew or its memory freed. The first error, or 0. When all ended
 * well but the parent or a cancel ended the group first, that cause. */
WEIR_API int weir_group_wait(weir_group *g);

#ifdef __cplusplus
}
#endif
#endif
