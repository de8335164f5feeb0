/* SPDX-License-Identifier: MIT */
/*
 * The reader of `weir buf`: standard input into the queue.
 *
 * With the policy to block it reads what there is room for, and records may
 * lie across chunks. With the others it never waits for room; it cuts at
 * records, so that a drop takes whole ones, and carries a record's beginning
 * over to the next chunk.
 */
#ifndef WEIR_TOOL_INTAKE_H
#define WEIR_TOOL_INTAKE_H

#include <stdbool.h>
#include <weir.h>

#include "ledger.h"
#include "queue.h"

struct intake {
    struct queue *queue;
    struct ledger *ledger;
    weir_ctx *input; /* ended: read no more                                 */
    int error;       /* why it could not read on; 0: it could               */
    bool overrun;    /* the queue was full, and its policy is to end        */
};

/* Reads to the end, then closes the queue. */
void intake_run(struct intake *t);

#endif
