/* SPDX-License-Identifier: MIT */
/* Reader-writer mutex: many readers or one writer. A waiting writer holds
 * later readers back; a writer that leaves lets the readers in that waited,
 * so neither side starves: a reader waits for one writer at most. Writers
 * come in the order of their coming. A reader must not lock again. */
#ifndef WEIR_RWMUTEX_H
#define WEIR_RWMUTEX_H

#include <weir/ctx.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Caller-owned; all zero is unlocked. */
typedef struct weir_rwmutex {
    struct weir_queue_ queue_, writers_;
    uint32_t state_;
} weir_rwmutex;

#define WEIR_RWMUTEX_INIT                                                      \
    {                                                                          \
        {0, 0, NULL, NULL}, {0, 0, NULL, NULL}, 0                              \
    }

/* Each waits at most until ctx (may be NULL) ends: 0, WEIR_CANCELED,
 * WEIR_TIMEDOUT, WEIR_EINVAL. The try forms: 0 or WEIR_BUSY. The unlocks: 0,
 * or WEIR_EINVAL when it is not so locked. */
WEIR_API int weir_rwmutex_lock(weir_rwmutex *m, weir_ctx *ctx);
WEIR_API int weir_rwmutex_try_lock(weir_rwmutex *m);
WEIR_API int weir_rwmutex_unlock(weir_rwmutex *m);
WEIR_API int weir_rwmutex_rlock(weir_rwmutex *m, weir_ctx *ctx);
WEIR_API int weir_rwmutex_try_rlock(weir_rwmutex *m);
WEIR_API int weir_rwmutex_runlock(weir_rwmutex *m);

#ifdef __cplusplus
}
#endif
#endif
