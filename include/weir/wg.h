/* SPDX-License-Identifier: MIT */
/* Wait group: wait until a count of things has come to an end. After Go's
 * sync.WaitGroup, with 1.25's Go method. */
#ifndef WEIR_WG_H
#define WEIR_WG_H

#include <weir/ctx.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Caller-owned. Fields are private; all zero is a count of 0. */
typedef struct weir_wg {
    struct weir_queue_ queue_;
    uint64_t state_;
} weir_wg;

#define WEIR_WG_INIT                                                           \
    {                                                                          \
        {0, 0, NULL, NULL}, 0                                                  \
    }

/* Adds n, which may be negative; a count that reaches 0 wakes the waiters.
 * While somebody waits it must not rise from 0 again. 0; WEIR_EINVAL when the
 * count would fall below 0 or pass 2^31 - 1 (nothing is changed). */
WEIR_API int weir_wg_add(weir_wg *wg, int n);
/* weir_wg_add(wg, -1). After it the waiter may free wg. */
WEIR_API int weir_wg_done(weir_wg *wg);
/* Waits until the count is 0, or ctx ends. 0, WEIR_CANCELED, WEIR_TIMEDOUT,
 * WEIR_EINVAL. When it returns 0, nobody touches wg any more. */
WEIR_API int weir_wg_wait(weir_wg *wg, weir_ctx *ctx);
/* Counts one more, starts fn(arg) as a task and counts it off when fn has
 * returned. As weir_go; on failure the count is as before. */
WEIR_API int weir_wg_go(weir_wg *wg, void (*fn)(void *), void *arg);

#ifdef __cplusplus
}
#endif
#endif
