/* SPDX-License-Identifier: MIT */
/*
 * A consumer from within.
 *
 *   consumer.c          the start, the end, and what is asked meanwhile
 *   consumer_worker.c   a worker: receive, handle, settle
 *   consumer_keeper.c   the task that extends the time of what is handled
 *
 *   contexts: work -> intake       work    of handlers; its end is a discard
 *             keep                 intake  of receives; its end is a drain
 *                                  keep    ends when the last worker has gone
 *
 * - received = running + its ends in every snapshot: a message is counted as
 *   running in the step that puts it into its worker, and off in the step that
 *   counts its end.
 * - The keeper asks the engine about messages outside the lock. A worker whose
 *   message is with the keeper (`renewing`) waits for it to come back before
 *   it settles it: so a message is renewed only while it is neither settled
 *   nor freed.
 * - `ended` counts the workers and the keeper; all of them are counted before
 *   there is a consumer to wait for.
 * - Workers and keeper are on the list of `inside`, and of the subscription's
 *   handlers, for as long as they live: what would wait for them tells.
 */
#ifndef WR_EVENT_CONSUMER_H
#define WR_EVENT_CONSUMER_H

#include <weir/cond.h>
#include <weir/consumer.h>
#include <weir/wg.h>
#include "event/sub.h"

struct wr_consumer_worker {
    weir_consumer *consumer;
    struct wr_inside inside, handler;
    uint64_t troubles; /* receives that failed in a row; its own             */

    /* Under the lock. */
    weir_message *message; /* that it handles                                */
    int64_t until;         /* its time is extended so long                   */
    bool renewing;
};

struct weir_consumer {
    weir_consumer_opts opts;
    weir_backoff backoff;
    weir_ctx work, intake, keep;
    weir_wg ended;
    struct wr_inside keeper, keeping; /* on the two lists                    */
    weir_message **due;               /* the keeper's own: room for what all */
    int *codes;                       /* workers have                        */

    weir_mutex lock; /* of all below */
    weir_cond renewed;
    struct wr_inside *inside;
    weir_consumer_counts counts;
    int cause;
    bool aborted;

    size_t count;
    struct wr_consumer_worker workers[];
};

/* The bodies of their tasks. */
void wr_consumer_work(void *worker);
void wr_consumer_keep(void *consumer);

/* Is time to be extended? */
static inline bool wr_consumer_has_keeper(const weir_consumer *c)
{
    return c->opts.limit > 0;
}

/* A task of the consumer is there, and goes. */
void wr_consumer_enter(weir_consumer *c, struct wr_inside *me,
                       struct wr_inside *handler);
void wr_consumer_leave(weir_consumer *c, const struct wr_inside *me,
                       const struct wr_inside *handler);

void wr_consumer_error(const weir_consumer *c, const weir_message *m,
                       enum weir_consumer_step step, int code);

/* Ends the contexts: of handlers too, with a code. */
void wr_consumer_shut(weir_consumer *c, enum weir_consumer_end how, int code);

#endif
