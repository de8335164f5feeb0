/* SPDX-License-Identifier: MIT */
/* Weighted semaphore: permits taken and given back n at a time, in the order
 * of coming, so that a large request is not starved by small ones. */
#ifndef WEIR_SEM_H
#define WEIR_SEM_H

#include <weir/ctx.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Caller-owned; WEIR_SEM_INIT(permits). */
typedef struct weir_sem {
    struct weir_queue_ queue_;
    int64_t permits_;
} weir_sem;

#define WEIR_SEM_INIT(permits)                                                 \
    {                                                                          \
        {0, 0, NULL, NULL}, (permits)                                          \
    }

/* Takes n permits (n >= 0), waiting at most until ctx ends. 0, WEIR_CANCELED,
 * WEIR_TIMEDOUT, WEIR_EINVAL. */
WEIR_API int weir_sem_acquire(weir_sem *s, int64_t n, weir_ctx *ctx);
/* Without waiting, and not past one who waits: 0 or WEIR_BUSY. */
WEIR_API int weir_sem_try_acquire(weir_sem *s, int64_t n);
/* Gives n permits back (or adds them). 0, WEIR_EINVAL (negative, overflow). */
WEIR_API int weir_sem_release(weir_sem *s, int64_t n);

#ifdef __cplusplus
}
#endif
#endif
