/* SPDX-License-Identifier: MIT */
/* Once: do a thing one time, however many ask at once. After Go's sync.Once. */
#ifndef WEIR_ONCE_H
#define WEIR_ONCE_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Caller-owned; all zero is "not yet". */
typedef struct weir_once {
    struct weir_queue_ queue_;
    const void *owner_;
    uint32_t state_;
} weir_once;

#define WEIR_ONCE_INIT                                                         \
    {                                                                          \
        {0, 0, NULL, NULL}, NULL, 0                                            \
    }

/* Calls fn(arg) if nobody has; everyone returns after fn has. Recursion from
 * fn is WEIR_DEADLOCK. 0, WEIR_EINVAL; WEIR_FORKED, WEIR_ENOMEM: it runs and
 * the caller cannot wait for it. */
WEIR_API int weir_once_do(weir_once *o, void (*fn)(void *), void *arg);
/* Has it been done? No lock. */
WEIR_API bool weir_once_done(const weir_once *o);

#ifdef __cplusplus
}
#endif
#endif
