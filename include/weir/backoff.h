/* SPDX-License-Identifier: MIT */
/*
 * Exponential back-off: how long to wait before the next try, when the last
 * ones have failed. The bounds are those of docker/go-events, the jitter is
 * from Marc Brooker's "Exponential Backoff and Jitter" (2015): tries that
 * failed together must not come back together.
 *
 * After n failures in a row the bound is
 *
 *     base + factor * 2^(n-1), but at most max
 *
 * for any n: it never overflows. Any task or thread; no lock. NULL is
 * WEIR_EINVAL everywhere.
 */
#ifndef WEIR_BACKOFF_H
#define WEIR_BACKOFF_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_jitter {
    WEIR_JITTER_FULL, /* anything from 0 to below the bound                  */
    WEIR_JITTER_HALF, /* from half the bound to below it                     */
    WEIR_JITTER_NONE  /* the bound itself                                    */
};

/* Options of a back-off; times are ns. Zero means the default. */
typedef struct weir_backoff_opts {
    int64_t base;
    int64_t factor; /* 0: 1 s                                               */
    int64_t max;    /* 0: 20 s                                              */
    enum weir_jitter jitter;
    uint64_t seed; /* of the jitter; 0: from the clock                      */
} weir_backoff_opts;

/* Caller-owned. Fields are private; weir_backoff_init it. Nothing is to be
 * given back. */
typedef struct weir_backoff {
    weir_backoff_opts opts_;
    uint64_t failures_;
    uint64_t random_;
} weir_backoff;

/* One without failures; o may be NULL. 0, WEIR_EINVAL (a time below 0, an
 * unknown jitter). */
WEIR_API int weir_backoff_init(weir_backoff *b, const weir_backoff_opts *o);

/* How long to wait before the next try, ns; 0 after a success. Each call draws
 * anew. */
WEIR_API int64_t weir_backoff_delay(weir_backoff *b);

/* The same after so many failures in a row, whoever has counted them. */
WEIR_API int64_t weir_backoff_after(weir_backoff *b, uint64_t failures);

/* A try failed: one failure more in a row; it succeeded: none. 0. */
WEIR_API int weir_backoff_failure(weir_backoff *b);
WEIR_API int weir_backoff_success(weir_backoff *b);

#ifdef __cplusplus
}
#endif
#endif
