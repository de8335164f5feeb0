/* SPDX-License-Identifier: MIT */
/*
 * Retry: a sink that writes each event to the one behind it until that takes
 * it. The RetryingSink of docker/go-events and its two strategies; here it
 * gives up when it is asked to, and says so, and its waits can be ended.
 *
 *   write -> one at a time -> try -> the sink
 *              ^               | failed
 *              +--- wait ------+--> after so many tries: a dead letter
 *
 * One write is at work at a time, until its event has come to its end; so
 * with one who writes, such as a queue in front, order is kept. The try after
 * a wait is the only one: it is the probe that says whether the sink is back.
 */
#ifndef WEIR_RETRY_H
#define WEIR_RETRY_H

#include <weir/backoff.h>
#include <weir/breaker.h>
#include <weir/sink.h>

#ifdef __cplusplus
extern "C" {
#endif

/* When to try, and when to give up. Its functions are called by one party at
 * a time, and must not use the sink that they are of. */
typedef struct weir_retry_strategy {
    /* How long to wait before the next try of e, ns; 0: it is made now. It is
     * asked again, with waited, when that time is over. NULL: now. */
    int64_t (*proceed)(weir_event *e, bool waited, void *arg);
    /* The try failed with code: give e up? NULL: no. */
    bool (*failure)(weir_event *e, int code, void *arg);
    /* The try succeeded. May be NULL. */
    void (*success)(weir_event *e, void *arg);
    void *arg;
} weir_retry_strategy;

/* Options of a retrying sink. Zero means the default. */
typedef struct weir_retry_opts {
    weir_sink *sink; /* required; a reference is taken                      */

    /* At most one of the two; both are copied. breaker: no try is made while
     * it is open, and one when it is half open; its `failures` and `open_for`
     * are the threshold and the backoff of go-events; `probes` is 1, and each
     * try that fails is a failure. Without them: a back-off, as `backoff`
     * says. */
    const weir_breaker_opts *breaker;
    const weir_retry_strategy *strategy;
    weir_backoff_opts backoff;

    uint32_t tries; /* of an event; then it is given up. 0: no number is too
                       many                                                 */
    /* What is given up is told to on_dead, with the code of its last try, and
     * written to `dead`, to which a reference is taken and which is not
     * closed; then the write has succeeded. With neither, or if `dead` fails,
     * the write fails with that code. Outside every lock; on_dead may use
     * the sink. */
    weir_sink *dead;
    void (*on_dead)(weir_event *e, int code, uint32_t tries, void *arg);
    void *arg;
} weir_retry_opts;

/*
 * Makes one with one reference, which weir_sink_unref gives back. A write
 * waits its turn, and between tries, at most until ctx ends; the tries have
 * that context, too. 0: the event was taken, or is a dead letter; WEIR_CLOSED:
 * the sink behind said so, which is final, or this one was closed, also
 * meanwhile; WEIR_CANCELED, WEIR_TIMEDOUT: ctx ended, after a failure or
 * before its turn; the last code of an event that was given up;
 * WEIR_DEADLOCK: from the sink behind it, in the course of a write.
 *
 * A close ends all writes, waits at most until ctx ends for the one at work,
 * and closes the sink behind it in any case. What that returned, or ctx's
 * error; WEIR_DEADLOCK: from that sink, in the course of a write: it is closed,
 * only it was not waited for. A second one waits, too.
 *
 * 0 and *s; WEIR_EINVAL (no sink, both a breaker and a strategy, options as
 * weir_breaker_init or weir_backoff_init), WEIR_ENOMEM: *s is NULL.
 */
WEIR_API int weir_retry_new(weir_sink **s, const weir_retry_opts *o);

/* The account. In every snapshot
 *     writes = delivered + dead + failed + running
 *     tries = delivered + failures + those under way */
typedef struct weir_retry_counts {
    uint64_t writes;    /* events that were not refused at once             */
    uint64_t delivered; /* that the sink has taken                          */
    uint64_t dead;      /* that were dead letters                           */
    uint64_t failed;    /* whose write failed                               */
    uint64_t running;   /* that wait, or are tried                          */
    uint64_t tries;
    uint64_t failures; /* of tries                                          */
} weir_retry_counts;

/* 0; WEIR_EINVAL: NULL, or a sink of another kind. */
WEIR_API int weir_retry_get_counts(weir_sink *s, weir_retry_counts *out);

#ifdef __cplusplus
}
#endif
#endif
