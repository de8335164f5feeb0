/* SPDX-License-Identifier: MIT */
/*
 * Consumers: a number of tasks that take the messages of a subscription and
 * settle each by what a function returns. The worker pool (weir/pool.h) for
 * what a topic keeps; what a job of a pool loses when it fails comes again
 * here.
 *
 *   subscription -> fn, by `workers` tasks -> 0:         ack
 *                                             WEIR_TERM: the dead letters
 *                                             failed:    nak, with a back-off
 *
 * Any task or thread; NULL for the consumer is WEIR_EINVAL everywhere, except
 * where it is said to be allowed. Every call may also return WEIR_FORKED, and
 * from a thread that has never waited before WEIR_ENOMEM.
 */
#ifndef WEIR_CONSUMER_H
#define WEIR_CONSUMER_H

#include <weir/backoff.h>
#include <weir/pool.h>
#include <weir/pub.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Handles one message, which is lent, in a task. ctx ends when the message is
 * no longer wanted here, or after `limit`: hand it to the calls that wait.
 *
 * 0 or more: it has been dealt with, ack. WEIR_TERM: nobody can ever handle
 * it, term. WEIR_CLOSED: what it is handled with takes nothing any more; it is
 * given back at once, and the consumer closes. Anything else negative: it
 * failed; nak, with a delay that grows with its deliveries; given back at once
 * if the consumer was told to discard.
 */
typedef int weir_message_fn(const weir_message *m, weir_ctx *ctx, void *arg);

/* Where something failed. */
enum weir_consumer_step {
    WEIR_CONSUMER_RECV,   /* receiving, tried again after a back-off; or
                             WEIR_LAGGED: messages were lost before it      */
    WEIR_CONSUMER_HANDLE, /* fn: what it returned                            */
    WEIR_CONSUMER_SETTLE, /* what fn returned could not be carried out: the
                             message will come again                        */
    WEIR_CONSUMER_RENEW   /* the message's time could not be extended; or
                             WEIR_EXPIRED: it is somebody else's now         */
};

typedef struct weir_consumer weir_consumer;

/* Options of a consumer. Zero means the default. */
typedef struct weir_consumer_opts {
    weir_sub *sub;       /* required; others may receive from it as well     */
    weir_message_fn *fn; /* required                                         */
    void *arg;           /* for fn and on_error                              */
    int workers;         /* 1..WEIR_POOL_MAX_WORKERS; 0: weir_workers()      */
    weir_task_opts task; /* how they are started: name, stack, pin           */
    weir_ctx *ctx;       /* its end discards                                 */

    /* The delay of a nak, by how often the message has been delivered, and of
     * a receive, by how often it has failed in a row. Where the engine has no
     * delays (weir_caps), a message that failed comes again at once. */
    weir_backoff_opts retry;

    /* How long fn may take, ns. Until then the message's ack_wait is begun
     * anew each third of it; then ctx ends and the time is no longer extended,
     * so that a handler that hangs keeps its message from nobody. WEIR_FOREVER:
     * extended as long as fn runs. 0: never extended, no limit to ctx. */
    int64_t limit;

    /* Told of each failure, in a task of the consumer, outside every lock; m
     * is NULL in the step RECV, and for a failure of RENEW that is not of one
     * message. May be NULL. */
    void (*on_error)(const weir_message *m, enum weir_consumer_step step,
                     int code, void *arg);
} weir_consumer_opts;

/*
 * Starts the workers: 0 and *c, which weir_consumer_free ends; *o is copied,
 * the subscription is kept alive, ctx must stay valid until the free.
 * WEIR_EINVAL (no subscription or fn, a number out of range), WEIR_UNSUPPORTED
 * (a limit, and the engine cannot extend the time), WEIR_ENOMEM: nothing was
 * received, *c is NULL.
 */
WEIR_API int weir_consumer_start(weir_consumer **c,
                                 const weir_consumer_opts *o);

enum weir_consumer_end {
    WEIR_CONSUMER_DRAIN,  /* what was received is handled and settled        */
    WEIR_CONSUMER_DISCARD /* the context of handlers ends; what they do not
                             finish is given back, to be delivered at once   */
};

/* Receives nothing more, and does not wait. A discard may follow a drain; the
 * other way round nothing changes. Also from a handler. The subscription stays
 * open; its own close ends a consumer as a drain does. 0, WEIR_EINVAL. */
WEIR_API int weir_consumer_close(weir_consumer *c, enum weir_consumer_end how);

/*
 * Closes and waits for the workers, at most until ctx (may be NULL) ends: then
 * discards with ctx's error and returns it; handlers that run are not waited
 * for. Otherwise as join.
 */
WEIR_API int weir_consumer_stop(weir_consumer *c, enum weir_consumer_end how,
                                weir_ctx *ctx);

/* Waits until every worker has ended, because the consumer or its subscription
 * was closed or the topic removed. 0; the cause, if its handlers' context was
 * ended before that (WEIR_CANCELED: a discard); WEIR_CLOSED, if a handler
 * returned that; WEIR_DEADLOCK from one of its own handlers or on_error: it is
 * as asked, only it was not waited for. */
WEIR_API int weir_consumer_join(weir_consumer *c);

/* The account. In every snapshot
 *     received = running + acked + naked + termed + expired + returned */
typedef struct weir_consumer_counts {
    uint64_t received; /* messages                                          */
    uint64_t running;  /* that are being handled or settled                 */
    uint64_t acked;
    uint64_t naked;
    uint64_t termed;
    uint64_t expired;  /* settled too late: they come or came again         */
    uint64_t returned; /* given back, not as a failure; or not to be settled */
    uint64_t renewed;  /* times that a message's time was extended          */
    int workers;       /* that have not ended                               */
} weir_consumer_counts;

/* 0, WEIR_EINVAL. */
WEIR_API int weir_consumer_get_counts(weir_consumer *c,
                                      weir_consumer_counts *out);

/* Discards, joins and frees. No other call may be under way or follow. NULL is
 * allowed. 0; WEIR_DEADLOCK (from one of its own handlers: nothing was
 * done). */
WEIR_API int weir_consumer_free(weir_consumer *c);

/* A ready-made fn: writes the message's event to the sink that is arg, such as
 * handlers by type (weir/handlers.h), with all that sinks can be put together
 * from. What the sink returns. */
WEIR_API int weir_consumer_sink(const weir_message *m, weir_ctx *ctx,
                                void *sink);

#ifdef __cplusplus
}
#endif
#endif
