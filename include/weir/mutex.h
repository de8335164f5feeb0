/* SPDX-License-Identifier: MIT */
/* Mutex for tasks and threads. May be unlocked by another than its locker,
 * as Go's. Not recursive. Waiters come in order; one who comes at the right
 * moment may pass them, but the first waiter three times at most. */
#ifndef WEIR_MUTEX_H
#define WEIR_MUTEX_H

#include <weir/ctx.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Caller-owned; all zero is unlocked. */
typedef struct weir_mutex {
    struct weir_queue_ queue_;
    uint32_t state_;
} weir_mutex;

#define WEIR_MUTEX_INIT                                                        \
    {                                                                          \
        {0, 0, NULL, NULL}, 0                                                  \
    }

/* Locks, waiting at most until ctx (may be NULL) ends. 0, WEIR_CANCELED,
 * WEIR_TIMEDOUT, WEIR_EINVAL. */
WEIR_API int weir_mutex_lock(weir_mutex *m, weir_ctx *ctx);
/* Without waiting: 0 or WEIR_BUSY. */
WEIR_API int weir_mutex_try_lock(weir_mutex *m);
/* Unlocks. WEIR_EINVAL when it is not locked. */
WEIR_API int weir_mutex_unlock(weir_mutex *m);

#ifdef __cplusplus
}
#endif
#endif
