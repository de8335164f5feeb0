/* SPDX-License-Identifier: MIT */
/*
 * The writer of `weir buf` and of each branch of `weir tee`: a queue into a
 * descriptor, no faster than asked. It ends when the queue does, when the
 * descriptor takes no more, or when the run is broken off; the ledger has in
 * every case what became of each record.
 */
#ifndef WEIR_TOOL_OUTLET_H
#define WEIR_TOOL_OUTLET_H

#include <stdbool.h>
#include <weir.h>
#include <weir/bucket.h>

#include "queue.h"
#include "rate.h"

enum outlet_end {
    OUTLET_WELL,   /* all that was queued is written                        */
    OUTLET_GONE,   /* nobody reads any more                                 */
    OUTLET_BROKEN, /* it could not be written; the code is in error         */
    OUTLET_STALLED,
    OUTLET_ENDED /* the run was broken off                                  */
};

struct outlet {
    struct queue *queue;
    int fd;
    weir_ctx *work; /* ended: write no more                                 */
    int64_t stall;  /* ns the consumer may take nothing; WEIR_FOREVER       */
    struct rate rate;

    /* The outlet's own. */
    weir_bucket bucket;
    uint64_t credit; /* tokens taken and not used                           */
    int error;
};

/* What is held and what is still put when nobody reads, or the run is broken
 * off, is left; when the descriptor is broken, it has failed. */
enum outlet_end outlet_run(struct outlet *o);

#endif
