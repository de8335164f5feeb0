/* SPDX-License-Identifier: MIT */
/*
 * The jobs of `weir map` that have been read and not begun: a channel whose
 * policy says what happens when it is full. What is dropped goes to the
 * ledger. A job gets its turn when it is taken, so that turns have no gaps,
 * whatever is dropped before.
 */
#ifndef WEIR_TOOL_JOBS_H
#define WEIR_TOOL_JOBS_H

#include <weir.h>
#include <weir/bucket.h>

#include "job.h"
#include "ledger.h"
#include "rate.h"
#include "settings.h"

struct jobs {
    weir_chan *chan; /* struct job *                                        */
    struct ledger *ledger;
    unsigned high;
    weir_mutex taking;
    uint64_t turns; /* given; under taking                                  */
    weir_mutex lock;
    weir_cond lowered;
    _Atomic int64_t paused; /* ns the reader has waited for it              */
    bool overrun;           /* the policy was to end: the reader's          */

    struct rate rate; /* at which they are taken                            */
    weir_bucket bucket;
    bool early; /* the next is chosen when its time has come                */
    bool paid;  /* for one that is still to be chosen; under taking         */
};

/* 0, WEIR_ENOMEM. */
int jobs_init(struct jobs *j, uint64_t capacity, const struct flow_settings *s,
              const struct rate *rate, struct ledger *l);
void jobs_fini(struct jobs *j);

/* Hands the job over, waiting where the policy blocks. 0: it is taken, dropped
 * or refused, and in the ledger. WEIR_FULL: the same, and the policy is to
 * end. Otherwise ctx ended, and the job is the caller's. */
int jobs_put(struct jobs *j, struct job *job, weir_ctx *ctx);

/* No more will be put. */
void jobs_close(struct jobs *j);

/* The oldest, with its turn, no faster than the rate. 0, WEIR_CLOSED, or ctx
 * ended. */
int jobs_take(struct jobs *j, struct job **job, weir_ctx *ctx);

/* How it stands; arg is the jobs. */
struct flow_state jobs_look(void *arg);

#endif
