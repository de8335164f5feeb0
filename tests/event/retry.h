/* SPDX-License-Identifier: MIT */
/* What the tests of the retrying sink share: a sink that fails so many times,
 * and delays that nobody would live to see, or that are a moment. */
#ifndef RETRY_H
#define RETRY_H

#include <weir/retry.h>
#include "events.h"

static inline weir_sink *retry_of(weir_retry_opts o)
{
    weir_sink *s = NULL;

    must_eq(weir_retry_new(&s, &o), 0);
    must(s != NULL);
    return s;
}

static inline weir_retry_counts counts_of(weir_sink *s)
{
    weir_retry_counts c;

    must_eq(weir_retry_get_counts(s, &c), 0);
    must_eq(c.writes, c.delivered + c.dead + c.failed + c.running);
    return c;
}

/* Fails the next so many tries with `code`, then passes on to a recorder. */
struct flaky {
    weir_sink sink;
    struct recorder *to;
    atomic_int fails, code, failed, freed;
};

static inline int flaky_write(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    struct flaky *f = (struct flaky *)s;

    if (atomic_fetch_sub(&f->fails, 1) > 0) {
        atomic_fetch_add(&f->failed, 1);
        return f->code;
    }
    atomic_store(&f->fails, 0);
    return weir_sink_write(&f->to->sink, e, ctx);
}

static inline int flaky_close(weir_sink *s, weir_ctx *ctx)
{
    return weir_sink_close(&((struct flaky *)s)->to->sink, ctx);
}

static inline void flaky_free(weir_sink *s)
{
    atomic_fetch_add(&((struct flaky *)s)->freed, 1);
}

static inline struct flaky *flaky_new(int fails, int code)
{
    static const weir_sink_ops ops = {flaky_write, flaky_close, flaky_free};
    struct flaky *f = calloc(1, sizeof *f);

    must(f != NULL);
    must_eq(weir_sink_init(&f->sink, &ops), 0);
    f->to = recorder_new();
    f->fails = fails;
    f->code = code;
    return f;
}

static inline void flaky_end(struct flaky *f)
{
    weir_sink_unref(&f->sink);
    await(&f->freed, 1);
    recorder_end(f->to);
    free(f);
}

/* An hour after each failure. */
static const weir_backoff_opts an_hour = {.base = 60 * WEIR_MINUTE,
                                          .max = 60 * WEIR_MINUTE,
                                          .jitter = WEIR_JITTER_NONE};
/* No longer than a moment. */
static const weir_backoff_opts a_moment = {.factor = 1000, .max = 50000};

#endif
