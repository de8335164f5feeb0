/* SPDX-License-Identifier: MIT */
/*
 * Token bucket: so many tokens a second on the average, at most so many at
 * once. The token bucket of traffic shaping (Turner 1986, RFC 2697), with the
 * three ways in of Go's x/time/rate; here the waiters queue, so one that
 * gives up makes way for those behind it.
 *
 * No thread and no timer of its own: tokens are counted when somebody asks,
 * in whole numbers, without drift. Waiters are served in the order of their
 * coming, and nobody passes one who waits. Any task or thread. NULL for
 * anything but a context, and n < 0, are WEIR_EINVAL; in a fork, a call that
 * would have to wait is WEIR_FORKED.
 */
#ifndef WEIR_BUCKET_H
#define WEIR_BUCKET_H

#include <weir/cond.h>
#include <weir/ctx.h>
#include <weir/mutex.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The most tokens a bucket holds, and the most it may owe. */
#define WEIR_BUCKET_MAX (INT64_C(1) << 62)

/* Options of a bucket. Zero means the default. */
typedef struct weir_bucket_opts {
    int64_t rate;  /* tokens for each period; 0: none come until set_rate    */
    int64_t per;   /* the period in ns; 0: WEIR_SECOND                       */
    int64_t burst; /* tokens it holds at most, up to WEIR_BUCKET_MAX; 0: as
                      many as rate, and at least 1                           */
    bool empty;    /* starts empty instead of full                           */
    /* Another clock than weir_now, in ns, for tests and simulations. A wait
     * sleeps as long as this clock says, in real time, and asks it again. It
     * is called under the bucket's lock: it must not use the bucket. */
    int64_t (*now)(void);
} weir_bucket_opts;

/* Caller-owned. Fields are private; weir_bucket_init it. Nothing is to be
 * given back, but no call may be under way when its memory goes. */
typedef struct weir_bucket {
    weir_mutex lock_;
    struct weir_turn_ *first_, *last_;
    int64_t (*now_)(void);
    int64_t rate_, per_, burst_;
    int64_t tokens_;
    int64_t part_;
    int64_t seen_;
    int64_t wanted_;
    uint64_t reserved_, promised_, order_;
} weir_bucket;

/* 0, WEIR_EINVAL (a negative number, or a burst, given or by default, beyond
 * WEIR_BUCKET_MAX). */
WEIR_API int weir_bucket_init(weir_bucket *b, const weir_bucket_opts *o);

/*
 * Takes n tokens, waiting for them and for those who came before at most
 * until ctx (may be NULL) ends. 0; WEIR_CANCELED, WEIR_TIMEDOUT (nothing was
 * taken); WEIR_LIMIT (n is more than the burst, or those who wait want more
 * than WEIR_BUCKET_MAX in all); WEIR_ENOMEM (the runtime, which keeps the
 * time, cannot start).
 */
WEIR_API int weir_bucket_wait(weir_bucket *b, int64_t n, weir_ctx *ctx);

/* Takes n tokens at once or not at all: 0; WEIR_EMPTY (too few, or others
 * wait for them); WEIR_LIMIT (n is more than the burst). */
WEIR_API int weir_bucket_allow(weir_bucket *b, int64_t n);

/* A promise of n tokens. Caller-owned; may be copied and forgotten. */
typedef struct weir_bucket_reservation {
    int64_t delay; /* ns from the call until the tokens are there; 0: they
                      are, WEIR_FOREVER: never at this rate                 */
    int64_t due;   /* the same as an instant on the bucket's clock          */
    int64_t n_;
    uint64_t order_, promised_;
} weir_bucket_reservation;

/*
 * Takes n tokens in any case, as the last of those who wait and of those who
 * reserved before, and says in *r from when on they may be used. A later
 * change of the rate or a waiter's leaving does not move that. 0; WEIR_LIMIT
 * (n is more than the burst, or the bucket would owe more than
 * WEIR_BUCKET_MAX); WEIR_EINVAL.
 */
WEIR_API int weir_bucket_reserve(weir_bucket *b, int64_t n,
                                 weir_bucket_reservation *r);

/*
 * Takes a reservation back before it is due: as many of its tokens as have
 * not been promised again behind it return to the bucket. That number; 0 when
 * it is due, has been cancelled before, or all were; WEIR_EINVAL. Costs a step
 * for each waiter behind it.
 */
WEIR_API int64_t weir_bucket_cancel(weir_bucket *b, weir_bucket_reservation *r);

/* From now on rate tokens come each period of per ns (0: WEIR_SECOND); rate 0
 * stops them. What is in the bucket and the burst stay. Waiters are timed
 * anew. 0, WEIR_EINVAL. */
WEIR_API int weir_bucket_set_rate(weir_bucket *b, int64_t rate, int64_t per);

/* A glance: whole tokens in the bucket now; below 0 when reservations are
 * ahead of the time. 0 on NULL. */
WEIR_API int64_t weir_bucket_tokens(weir_bucket *b);

#ifdef __cplusplus
}
#endif
#endif
