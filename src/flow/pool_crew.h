/* SPDX-License-Identifier: MIT */
/*
 * A crew: workers between two channels. What a pool and each stage of a
 * pipeline are made of.
 *
 *   in -> worker: fn(in, out) -> out        in NULL: fn is a source
 *                                           out NULL: fn is a sink
 *
 *   contexts: work -> intake -> each worker's take
 *     work    what fn gets; its end is the cancellation, its cause the error
 *     intake  its end means: take nothing more, discard what is queued
 *     take    its end sends that one worker home
 *
 * - A worker is on the list from its start until it goes; `staying` are those
 *   that have not been sent home. The last one to go ends the crew: it closes
 *   in, discards what is there, and closes out.
 * - When intake ends, a task of its own (the sweeper) closes and empties in at
 *   once, so that nobody waits for workers who are busy. It may run beside
 *   the last worker's end: each element is received, and so counted, once.
 * - `ended` counts the workers and the sweeper. While the list is not empty it
 *   is above 0, so it may rise then and only then.
 * - in = queued + running + done + failed + discarded in every snapshot:
 *   running is what the channel has given and what has come to no end yet. An
 *   end is counted under the lock, so while the channel is read under it no
 *   worker is more than one element ahead.
 */
#ifndef WR_FLOW_POOL_CREW_H
#define WR_FLOW_POOL_CREW_H

#include <weir/pool.h>
#include <weir/wg.h>
#include "flow/pool_order.h"

#define WR_CREW_MAX_SIZE     ((size_t)16 << 20)
#define WR_CREW_MAX_CAPACITY ((size_t)1 << 31)

struct wr_worker;

/* Who gets what is discarded. */
struct wr_crew_bin {
    void (*fn)(void *elem, void *arg);
    void *arg;
};

struct wr_crew {
    /* Written before the start. */
    weir_work_fn *fn;
    void *arg;
    weir_task_opts task;
    weir_chan *in, *out; /* the crew's references */
    size_t in_size, out_size;
    bool ordered;
    size_t window;     /* 0: 4 for each worker                */
    bool keep_open;    /* out is not closed at the end        */
    bool fail_fast;    /* fn's error ends work                */
    bool out_required; /* and so does one of sending to out   */
    struct wr_crew_bin in_bin, out_bin;
    weir_ctx *work;

    weir_ctx intake;
    weir_ctx_after sweep;
    struct wr_order *order;
    void *spare;   /* room for an element, the sweeper's  */
    uint64_t base; /* what in had given others before */
    weir_wg ended;
    int cause; /* of work, when the crew ended */

    weir_mutex lock; /* of all below */
    struct wr_worker *first;
    int live, staying;
    bool aborted;
    uint64_t sweeper, finisher; /* tasks that are in the crew, not listed */
    uint64_t made, done, failed, discarded, skipped, unsent;
};

/* in of a source: what it has made, filtered or failed to make. */
struct wr_crew_counts {
    uint64_t in, queued, running;
    uint64_t done, failed, discarded, skipped, unsent;
    int workers;
};

/* Starts a crew whose first part has been written, with that many workers (0:
 * as many as the runtime has). 0, WEIR_ENOMEM, WEIR_FORKED: then nothing was
 * taken from in and the channels were not closed. In any case wr_crew_free is
 * due. */
int wr_crew_start(struct wr_crew *c, int workers);

/* Ends it as if it had never been: before anything came in. Joins. */
void wr_crew_abort(struct wr_crew *c);

int wr_crew_resize(struct wr_crew *c, int workers);

/* No more comes in; with discard, nothing more is taken. Does not wait. */
void wr_crew_close(struct wr_crew *c, bool discard);

/* Waits for the end, at most until ctx ends. */
int wr_crew_join(struct wr_crew *c, weir_ctx *ctx);

/* Is the caller one of its tasks? */
bool wr_crew_has_me(struct wr_crew *c);

int wr_crew_count(struct wr_crew *c, struct wr_crew_counts *out);

/* After the end. Gives the channels back. */
void wr_crew_free(struct wr_crew *c);

#endif
