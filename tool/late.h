/* SPDX-License-Identifier: MIT */
/*
 * The source of a branch of `weir tee` that may come late, and again: what is
 * kept, from its start, into the branch's queue. The account of the branch is
 * that of its last pass.
 *
 *     keep --> reader --> queue --> the branch's outlet
 */
#ifndef WEIR_TOOL_LATE_H
#define WEIR_TOOL_LATE_H

#include <weir.h>

#include "intake.h"
#include "keep.h"
#include "queue.h"

struct late {
    struct keep *keep; /* NULL: the branch is not late                      */
    unsigned retries;  /* of a command that fails                           */

    /* The pass's own. */
    unsigned passes;
    weir_reader *reader;
    struct queue *queue;
    struct intake intake;
    weir_ctx over; /* ends with the outlet                                  */
    weir_wg done;
};

/* Begins a pass: what is kept goes to the queue. 0, or why it cannot be. */
int late_begin(struct late *l, struct queue *q, weir_ctx *work);

/* The outlet has ended. 0, or why not all that is kept could be read. */
int late_end(struct late *l);

/* When the input has ended, and the branch, too: the account gets what no pass
 * has read. failed: that has failed, else it is left. */
void late_settle(const struct late *l, struct ledger *ledger, bool failed);

#endif
