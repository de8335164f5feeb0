/* SPDX-License-Identifier: MIT */
/*
 * The queue of events from within: a line under a mutex, and three conditions.
 *
 *   queue_in.c    taking events in, and what the policies drop
 *   queue_out.c   taking them off, alone or in batches, and their end
 *   queue.c       making, closing, and waiting for the end of all
 *
 * Not a channel: one without a bound would have to have all its memory at
 * once. The policies are those of channels.
 *
 * Invariants, whenever the mutex is free:
 * - enqueued = delivered + failed + dropped + discarded + queued + running.
 * - Those who wait for room are `blocked`, and who comes then waits, too. If
 *   one of them waits while there is room, one has been signalled and is on
 *   its way; each that leaves signals the next if there is still room. So no
 *   room is left unused, and none of them starves.
 * - `runners` are the process calls, and the task that serves the sink from
 *   the making of the queue on; `reporters` are the calls of on_loss. Whoever
 *   takes an event off the line is on one of them before it lets the lock go,
 *   until the event has come to its end (one that is dequeued has at once).
 *
 * The memory goes with the last of `holds`: one stands for all references,
 * one for the task.
 */
#ifndef WR_EVENT_QUEUE_H
#define WR_EVENT_QUEUE_H

#include <weir/cond.h>
#include <weir/queue.h>
#include "base/inside.h"
#include "event/line.h"

struct weir_queue {
    weir_sink sink; /* first: the queue is one                              */
    weir_queue_opts opts;
    weir_ctx ctx; /* of what is under way                                   */
    uint32_t holds;

    weir_mutex lock; /* of all below */
    weir_cond there, room, ended;
    struct wr_line line;
    bool closed;
    bool discards; /* what is left in the line goes to nobody               */
    struct wr_inside *runners, *reporters;
    struct wr_inside server; /* the task's, in runners                      */
    weir_event **batch;      /* the task's own                              */
    uint32_t sampled;
    int result; /* of closing the sink                                      */
    weir_queue_counts counts;
};

/* Does it go somewhere by a task of its own? */
static inline bool wr_queue_is_served(const weir_queue *q)
{
    return q->opts.sink || q->opts.flush;
}

/* Under the lock: no more fit in. */
static inline bool wr_queue_is_full(const weir_queue *q)
{
    return q->opts.capacity && q->line.count >= q->opts.capacity;
}

/* Under the lock: signals one who waits for room, if there is any. */
void wr_queue_let_in(weir_queue *q);

/* Starts the task that serves it. As weir_go. */
int wr_queue_serve(weir_queue *q);

/* Reports n events to on_loss and gives their references back. `me` has been
 * entered among the reporters when they left the line; the lock is free. */
void wr_queue_report(weir_queue *q, weir_event *const *events, size_t n,
                     int code, const struct wr_inside *me);

/* Takes no more. With a code: discards what is left, for that reason. */
void wr_queue_shut(weir_queue *q, int code);

/* One of `holds` less. */
void wr_queue_let_go(weir_queue *q);

/* Is the caller in the queue's on_loss, sink or process function? */
bool wr_queue_has_me(weir_queue *q);

#endif
