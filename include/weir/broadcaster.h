/* SPDX-License-Identifier: MIT */
/*
 * Broadcaster: each event to all of a set of sinks, which may change at any
 * time. The broadcaster of docker/go-events; here a sink has, unless it is
 * asked otherwise, a queue and a task of its own, so that one that is slow or
 * stuck holds up nobody else, and publishing waits for none of them.
 *
 *   write -> queue -> one task -> queue -> task -> sink
 *                              -> queue -> task -> sink
 *                              -> a direct sink
 *
 * Every sink gets the events in the same order: that in which the queue in
 * front took them. Any task or thread, also a sink that is being written to;
 * NULL for the broadcaster is WEIR_EINVAL, unless it is said to be allowed.
 */
#ifndef WEIR_BROADCASTER_H
#define WEIR_BROADCASTER_H

#include <weir/queue.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_broadcaster weir_broadcaster;

/* Options of a broadcaster. Zero means the default. */
typedef struct weir_broadcaster_opts {
    /* The queue in front, as in weir_queue_opts; without a bound, a write
     * never waits. A sink that writes to its own broadcaster must not meet
     * one with a bound and WEIR_BLOCK. */
    size_t capacity;
    enum weir_policy policy;
    uint32_t sample_every;

    /* Given each event that a sink did not get, as on_loss of a queue; s NULL:
     * no sink has got it. Outside every lock, by whoever found out. */
    void (*on_loss)(weir_sink *s, weir_event *e, int code, void *arg);
    /* A sink was removed without weir_broadcaster_remove, after this code. */
    void (*on_removed)(weir_sink *s, int code, void *arg);
    void *arg;
} weir_broadcaster_opts;

/* How one sink is treated. Zero means the default. */
typedef struct weir_broadcast_opts {
    /* Written to by the broadcaster's own task, one direct sink after the
     * other in the order of their adding: no queue and no task, but those
     * behind it wait for it. */
    bool direct;
    /* Of the sink's own queue. With a bound and WEIR_BLOCK it holds up the
     * others when it is full. */
    size_t capacity;
    enum weir_policy policy;
    uint32_t sample_every;

    uint32_t failures; /* so many in a row remove it; 0: no number does. A
                          WEIR_CLOSED always does, at once                   */
    bool keep_open;    /* it is not closed with the broadcaster              */
} weir_broadcast_opts;

/* Makes one with one reference: 0 and *b; o may be NULL. WEIR_EINVAL,
 * WEIR_ENOMEM, WEIR_FORKED, WEIR_STOPPED as weir_queue_new: *b is NULL. */
WEIR_API int weir_broadcaster_new(weir_broadcaster **b,
                                  const weir_broadcaster_opts *o);

/* The broadcaster as a sink: write publishes, with what weir_queue_enqueue
 * returns; close is a stop that drains. Not a reference of its own. NULL for
 * NULL. */
WEIR_API weir_sink *weir_broadcaster_sink(weir_broadcaster *b);

/* One reference less; the last one discards what no sink has got yet, as
 * weir_queue_unref. NULL is allowed. */
WEIR_API void weir_broadcaster_unref(weir_broadcaster *b);

/*
 * One sink more, behind those there; a reference is taken. It gets the events
 * that are broadcast from now on, those waiting in front included, but not
 * the one that is going round. o may be NULL. 0, also when it is there
 * already (nothing is changed); WEIR_CLOSED (stopped), WEIR_EINVAL (no sink;
 * options as weir_queue_new), WEIR_ENOMEM, WEIR_FORKED, WEIR_STOPPED.
 * Costs a step a sink, as remove and configure do.
 */
WEIR_API int weir_broadcaster_add(weir_broadcaster *b, weir_sink *s,
                                  const weir_broadcast_opts *o);

/* One sink less: it is not closed, and what waits in its queue is discarded.
 * Does not wait: a write that is under way, or about to be, may still reach
 * it. 0, also when it is not there; WEIR_EINVAL. */
WEIR_API int weir_broadcaster_remove(weir_broadcaster *b, weir_sink *s);

/* Other `failures` and `keep_open` for a sink that is there; it keeps its
 * place, and what it has of a queue. o may be NULL. 0; WEIR_EMPTY: it is not
 * there; WEIR_UNSUPPORTED: the rest of o is not as it was; WEIR_EINVAL. */
WEIR_API int weir_broadcaster_configure(weir_broadcaster *b, weir_sink *s,
                                        const weir_broadcast_opts *o);

/* Stops the queue in front, as weir_queue_stop; then every sink's own queue is
 * drained at the same time as the others, or discarded, and every sink
 * closed. When ctx ends first, what waits in them is discarded soon after the
 * return. The first error of a sink's close; WEIR_DEADLOCK: from a callback,
 * or a sink: it is as asked, only it was not waited for. */
WEIR_API int weir_broadcaster_stop(weir_broadcaster *b, enum weir_queue_end how,
                                   weir_ctx *ctx);

typedef struct weir_broadcaster_counts {
    weir_queue_counts front; /* delivered: went round                       */
    size_t sinks;            /* that are there now                          */
    uint64_t lost;           /* given to on_loss, of some sink              */
    uint64_t removed;        /* sinks that were, by themselves              */
} weir_broadcaster_counts;

/* 0, WEIR_EINVAL. */
WEIR_API int weir_broadcaster_get_counts(weir_broadcaster *b,
                                         weir_broadcaster_counts *out);

#ifdef __cplusplus
}
#endif
#endif
