/* SPDX-License-Identifier: MIT */
/* Condition variable on a weir_mutex. Waiters wake in the order they came;
 * a wake-up is never spurious. */
#ifndef WEIR_COND_H
#define WEIR_COND_H

#include <weir/mutex.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Caller-owned; all zero is ready. */
typedef struct weir_cond {
    struct weir_queue_ queue_;
} weir_cond;

#define WEIR_COND_INIT                                                         \
    {                                                                          \
        {                                                                      \
            0, 0, NULL, NULL                                                   \
        }                                                                      \
    }

/* Unlocks m, waits for a signal or for ctx's end, locks m again (always).
 * 0, WEIR_CANCELED, WEIR_TIMEDOUT; WEIR_EINVAL (m is not locked). A signal
 * that chose this waiter is reported as 0 even when ctx has ended too. */
WEIR_API int weir_cond_wait(weir_cond *c, weir_mutex *m, weir_ctx *ctx);
/* Wakes the first waiter, or all; with the mutex held or not. */
WEIR_API int weir_cond_signal(weir_cond *c);
WEIR_API int weir_cond_broadcast(weir_cond *c);

#ifdef __cplusplus
}
#endif
#endif
