/* SPDX-License-Identifier: MIT */
/*
 * Listener: a sink that calls a function with each event, or counts what goes
 * to the sink behind it and comes back, or both. Put one before a queue and
 * one behind it, and the difference is what is on its way.
 *
 *   write -> fn -> the sink behind -> counted by result -> on_error -> result
 */
#ifndef WEIR_LISTENER_H
#define WEIR_LISTENER_H

#include <weir/sink.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Options of a listener: one of `fn` and `to`, or both. */
typedef struct weir_listener_opts {
    /* Called with each event, which is lent, by those who write. 0: it goes
     * on to `to`, or has arrived; anything else is the result. */
    int (*fn)(weir_event *e, weir_ctx *ctx, void *arg);
    weir_sink *to; /* a reference is taken                                  */
    /* An error policy: what a write returns in place of a code that is not
     * 0. 0: it is forgiven; WEIR_CLOSED: the listener takes no more from now
     * on. NULL: the code itself. */
    int (*on_error)(weir_event *e, int code, void *arg);
    void *arg; /* for both functions, which run outside every lock          */
} weir_listener_opts;

/*
 * Makes one with one reference, which weir_sink_unref gives back. A write is
 * WEIR_CLOSED after a close.
 *
 * A close waits, at most until ctx ends, until the functions under way have
 * returned, and closes `to` in any case. What that returned, or ctx's error;
 * WEIR_DEADLOCK: from one of the functions, or from `to`: it is closed, only
 * it was not waited for. A second one waits, too.
 *
 * 0 and *s; WEIR_EINVAL (neither of the two), WEIR_ENOMEM: *s is NULL.
 */
WEIR_API int weir_listener_new(weir_sink **s, const weir_listener_opts *o);

enum { WEIR_LISTENER_CODES = 8 };

/* The account. In every snapshot
 *     events = taken + failed + running
 *     failed = the sum of all by_code + others */
typedef struct weir_listener_counts {
    uint64_t events;   /* written, and not refused as it was closed         */
    uint64_t taken;    /* with the result 0                                 */
    uint64_t bytes;    /* of their payloads                                 */
    uint64_t failed;   /* with another, before on_error                     */
    uint64_t forgiven; /* of those, that on_error made a success            */
    uint64_t running;  /* that are being written                            */
    uint64_t refused;  /* writes after a close                              */
    struct {
        int code; /* 0: unused                                              */
        uint64_t n;
    } by_code[WEIR_LISTENER_CODES]; /* in the order of their first times    */
    uint64_t others;                /* failures with yet other codes        */
} weir_listener_counts;

/* 0; WEIR_EINVAL: NULL, or a sink of another kind. */
WEIR_API int weir_listener_get_counts(weir_sink *s, weir_listener_counts *out);

#ifdef __cplusplus
}
#endif
#endif
