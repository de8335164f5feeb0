/* SPDX-License-Identifier: MIT */
/*
 * Contexts: cancellation, deadlines and values that a call hands to the
 * calls it makes. After Go's package context; here a context lives where the
 * caller puts it and allocates nothing.
 *
 * An operation that need not wait succeeds even when its context is already
 * cancelled; one that waits ends with WEIR_CANCELED or WEIR_TIMEDOUT.
 */
#ifndef WEIR_CTX_H
#define WEIR_CTX_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_ctx weir_ctx;

/* A context. Fields are private. All zero (WEIR_CTX_INIT) is a root context
 * without a deadline, which may be cancelled. */
struct weir_ctx {
    struct weir_queue_ queue_;
    weir_ctx *parent_;
    weir_ctx *children_, *next_, *prev_;
    struct weir_after_ *after_;
    const void *key_;
    void *value_;
    int64_t deadline_; /* 0: none */
    int err_;
    int cause_;
    uint32_t flags_;
    uint32_t users_;
    struct weir_timer_ timer_;
};

#define WEIR_CTX_INIT                                                          \
    {                                                                          \
        {0, 0, NULL, NULL}, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, \
            0, 0,                                                              \
        {                                                                      \
            NULL, NULL, 0, NULL, NULL, 0, 0                                    \
        }                                                                      \
    }

/* The root of all: never cancelled, no deadline, no value. Wherever a
 * weir_ctx * is taken, NULL means the same. */
WEIR_API weir_ctx *weir_ctx_background(void);

/*
 * Makes ctx a child of parent (NULL: background): it ends when the parent
 * does, at once if it has. parent must stay valid until weir_ctx_fini(ctx).
 * 0, or WEIR_EINVAL (ctx is NULL). Each init that returns 0 needs one fini.
 */
WEIR_API int weir_ctx_init(weir_ctx *ctx, weir_ctx *parent);

/* The same with an instant on weir_now's clock after which ctx ends with
 * WEIR_TIMEDOUT; the parent's deadline holds where it is earlier. Also
 * WEIR_ENOMEM, WEIR_FORKED: the runtime, which keeps the time, cannot start. */
WEIR_API int weir_ctx_init_deadline(weir_ctx *ctx, weir_ctx *parent,
                                    int64_t deadline);

/* The same with a duration from now in ns; zero or less ends it at once. */
WEIR_API int weir_ctx_init_timeout(weir_ctx *ctx, weir_ctx *parent,
                                   int64_t timeout);

/* As weir_ctx_init, with one value under key, which is compared by address.
 * Neither is owned by the context. WEIR_EINVAL also for a NULL key. */
WEIR_API int weir_ctx_init_value(weir_ctx *ctx, weir_ctx *parent,
                                 const void *key, void *value);

/*
 * Ends ctx and all below it with WEIR_CANCELED: their waiters return. The
 * first cause is kept; 0 stands for WEIR_CANCELED. Idempotent, any thread or
 * task. WEIR_EINVAL when ctx is NULL or the background. Costs O(1) for each
 * waiter, child and after-function, without recursion or allocation.
 */
WEIR_API int weir_ctx_cancel(weir_ctx *ctx, int cause);

/*
 * Cancels ctx, takes it from its parent and waits until no canceller, timer
 * or running after-function touches it; then its memory is the caller's
 * again. Its children have had their fini, nobody waits on it any more, and
 * no new call on it may begin; a cancel that has ended it may still be on its
 * way out. Not from one of its own after-functions. 0, WEIR_EINVAL,
 * WEIR_FORKED. Idempotent.
 */
WEIR_API int weir_ctx_fini(weir_ctx *ctx);

/* 0 while ctx lives, then WEIR_CANCELED or WEIR_TIMEDOUT. No lock. */
WEIR_API int weir_ctx_err(const weir_ctx *ctx);

/* 0 while ctx lives, then what cancel was given (an ancestor's for a child
 * that ended with it), or WEIR_TIMEDOUT. */
WEIR_API int weir_ctx_cause(const weir_ctx *ctx);

/* The earliest deadline that holds for ctx, WEIR_FOREVER without one. */
WEIR_API int64_t weir_ctx_deadline(const weir_ctx *ctx);

/* The value of the nearest context upwards that has the key, or NULL. */
WEIR_API void *weir_ctx_value(const weir_ctx *ctx, const void *key);

/* Waits until ctx ends, or until by does: returns weir_ctx_err(ctx), or
 * by's error while ctx lives. by may be NULL. */
WEIR_API int weir_ctx_wait(weir_ctx *ctx, weir_ctx *by);

/* A function to be called when a context ends. Caller-owned. */
typedef struct weir_after_ {
    struct weir_after_ *next_, *prev_;
    weir_ctx *ctx_;
    void (*fn_)(void *);
    void *arg_;
    const void *site_;
    uint32_t state_;
} weir_ctx_after;

/*
 * Arranges that fn(arg) runs in a task of its own once ctx has ended (at
 * once if it has). a must stay valid until weir_ctx_after_stop(a) or until
 * fn has been called. 0, WEIR_EINVAL; WEIR_ENOMEM, WEIR_FORKED: the runtime
 * cannot start. When there is no memory for a task at the end of ctx, fn
 * runs as soon as there is.
 */
WEIR_API int weir_ctx_after_func(weir_ctx_after *a, weir_ctx *ctx,
                                 void (*fn)(void *), void *arg);

/* Takes it back, while ctx is valid or after fn was called. 1: fn will not
 * run; 0: it runs, ran, or was stopped. WEIR_EINVAL. */
WEIR_API int weir_ctx_after_stop(weir_ctx_after *a);

#ifdef __cplusplus
}
#endif
#endif
