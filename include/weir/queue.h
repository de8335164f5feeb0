/* SPDX-License-Identifier: MIT */
/*
 * Queue of events: in front of a sink, so that writing never waits for it, or
 * free-standing between those who enqueue and those who dequeue or process.
 * Order is kept. The queue of docker/go-events, with a bound and a policy, a
 * stop that drains or discards before a deadline, and an account.
 *
 *   enqueue, or write -> queue -> the sink, by a task of the queue's own
 *                              -> a function, with several at a time
 *                              -> dequeue, process
 *
 * No event is lost unsaid: one that was taken in and reaches nobody goes to
 * on_loss. Any task or thread; NULL for the queue is WEIR_EINVAL everywhere,
 * except where it is said to be allowed. Every call that waits may also
 * return WEIR_FORKED, and from a thread that has never waited WEIR_ENOMEM.
 */
#ifndef WEIR_QUEUE_H
#define WEIR_QUEUE_H

#include <weir/policy.h>
#include <weir/sink.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_queue weir_queue;

/* Options of a queue. Zero means the default. */
typedef struct weir_queue_opts {
    /* Where events go, one at a time, or with `batch` so many: a batch is one
     * event, of weir_event_batch. A reference is taken. Closed when the queue
     * has stopped, unless keep_open. */
    weir_sink *sink;
    bool keep_open;

    /* Or where they go in batches: to this function, one batch at a time, in
     * the queue's own task. The events and the array are lent; ctx ends when
     * the queue is cancelled. Anything but 0 is a loss of them all, with that
     * code; WEIR_CLOSED closes the queue. With neither it is free-standing. */
    int (*flush)(weir_event *const *events, size_t n, weir_ctx *ctx, void *arg);
    size_t batch;   /* events of one at most, up to 2^20; 0: 100 for flush,
                       no batches for a sink                                */
    int64_t linger; /* how long one that is not full waits for more, ns; 0:
                       what is there is a batch. A queue that is full, or
                       closed, does not wait                                */

    size_t capacity;         /* events, at most 2^31; 0: no bound            */
    enum weir_policy policy; /* when it is full; LATEST: capacity is 1       */
    uint32_t sample_every;   /* WEIR_SAMPLE: N; 0: 10                        */

    /* Given each event that was taken in and did not arrive, and why: what
     * the sink or the function of process returned; WEIR_FULL: the policy
     * dropped it; WEIR_CANCELED: discarded by a stop, WEIR_TIMEDOUT: at its
     * deadline; WEIR_CLOSED: the sink was closed. The event is lent. Outside
     * every lock, by the party that found out; several may run at the same
     * time. It may use the queue; what it enqueues to a full one is refused
     * with WEIR_FULL where something would have to be dropped. */
    void (*on_loss)(weir_event *e, int code, void *arg);
    void *arg; /* for both                                                  */
} weir_queue_opts;

/*
 * Makes a queue with one reference, and its task unless it is free-standing: 0
 * and *q. o may be NULL. WEIR_EINVAL (an unknown policy or one without a
 * capacity, a number out of range, both a sink and a flush), WEIR_ENOMEM,
 * WEIR_FORKED, WEIR_STOPPED: nothing was made, *q is NULL. An event more costs
 * a pointer; the memory grows and shrinks with the length.
 */
WEIR_API int weir_queue_new(weir_queue **q, const weir_queue_opts *o);

/* The queue as a sink: write is enqueue, close is a stop that drains. Not a
 * reference of its own. NULL for NULL. */
WEIR_API weir_sink *weir_queue_sink(weir_queue *q);

/* One reference less; the last one discards what is queued and cancels what
 * is under way, without waiting. Stop it first to know that it has ended.
 * NULL is allowed. */
WEIR_API void weir_queue_unref(weir_queue *q);

/* Takes in an event, and a reference. Waits only with WEIR_BLOCK and a
 * capacity, at most until ctx (may be NULL) ends. 0; WEIR_CLOSED
 * (stopped, also while it waits), WEIR_FULL (WEIR_ERROR), WEIR_CANCELED,
 * WEIR_TIMEDOUT, WEIR_ENOMEM: then the event is the caller's. */
WEIR_API int weir_queue_enqueue(weir_queue *q, weir_event *e, weir_ctx *ctx);

/* The first event, and its reference: the caller's. Waits for one at most
 * until ctx ends. 0; WEIR_CLOSED: stopped, and nothing is left; WEIR_CANCELED,
 * WEIR_TIMEDOUT; WEIR_UNSUPPORTED: it is not free-standing. *e is written on
 * success only. */
WEIR_API int weir_queue_dequeue(weir_queue *q, weir_event **e, weir_ctx *ctx);

/*
 * Calls fn with one event after the other, which are lent, until the queue is
 * stopped and nothing is left, or ctx ends while it waits. fn's ctx ends when
 * the queue is cancelled. Anything but 0 from fn is a loss, with that code;
 * WEIR_CLOSED ends the processing, too. Several parties may process. 0: it
 * was stopped; WEIR_CLOSED: fn said so; WEIR_CANCELED, WEIR_TIMEDOUT,
 * WEIR_UNSUPPORTED: it is not free-standing.
 */
WEIR_API int weir_queue_process(weir_queue *q,
                                int (*fn)(weir_event *e, weir_ctx *ctx,
                                          void *arg),
                                void *arg, weir_ctx *ctx);

/* The events of a batch that a queue has made, and in *n (may be NULL) their
 * number; NULL, and 0, for any other event. They live as long as the batch. It
 * goes through sinks as any event, a retry, a broadcaster, but not out of the
 * process: its type is "batch", its payload that array. */
WEIR_API weir_event *const *weir_event_batch(const weir_event *e, size_t *n);

enum weir_queue_end {
    WEIR_QUEUE_DRAIN,  /* what is queued arrives first                       */
    WEIR_QUEUE_DISCARD /* what is queued is discarded, and the context of the
                          write or function under way ends                   */
};

/* Takes no more from now on, and does not wait; also from a callback. A discard
 * may follow a drain; the other way round nothing changes. 0, WEIR_EINVAL. */
WEIR_API int weir_queue_close(weir_queue *q, enum weir_queue_end how);

/*
 * Closes it, and waits until the sink has been written to and closed, or
 * every process call has returned, at most until ctx ends: then discards what
 * is left, ends the context of what is under way, and returns ctx's error. Of
 * a free-standing queue that nobody processes, what is queued stays to be
 * dequeued. Whoever comes later waits, too. 0; what the sink's close
 * returned; WEIR_DEADLOCK: from on_loss, the sink or a process function: it
 * is as asked, only it was not waited for.
 */
WEIR_API int weir_queue_stop(weir_queue *q, enum weir_queue_end how,
                             weir_ctx *ctx);

/* The account. In every snapshot
 *     enqueued = delivered + failed + dropped + discarded + queued + running
 */
typedef struct weir_queue_counts {
    uint64_t enqueued;  /* events taken in                                  */
    uint64_t delivered; /* that the sink or a party has taken               */
    uint64_t failed;    /* that it refused                                  */
    uint64_t dropped;   /* by the policy                                    */
    uint64_t discarded; /* by a stop                                        */
    uint64_t queued;    /* that wait                                        */
    uint64_t running;   /* that are being written or processed              */
    uint64_t blocked;   /* enqueues that wait now                           */
    uint64_t refused;   /* enqueues that did not succeed                    */
    uint64_t highest;   /* the greatest number ever queued                  */
} weir_queue_counts;

/* 0, WEIR_EINVAL. */
WEIR_API int weir_queue_get_counts(weir_queue *q, weir_queue_counts *out);

#ifdef __cplusplus
}
#endif
#endif
