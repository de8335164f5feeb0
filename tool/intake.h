/* SPDX-License-Identifier: MIT */
/*
 * The reader of `weir buf` and `weir tee`: standard input, or another source,
 * into each of the queues, without a copy. First each gets what it takes at
 * once; then those that block are waited for, and only then is more read. When
 * no queue takes anything any more, and nobody wants it kept, it is over.
 */
#ifndef WEIR_TOOL_INTAKE_H
#define WEIR_TOOL_INTAKE_H

#include <stdbool.h>
#include <weir.h>

#include "block.h"
#include "keep.h"
#include "queue.h"

struct intake {
    struct queue **queues; /* each with a ledger of its own                 */
    int count;
    struct pool *pool;
    int mark;          /* of all of them                                      */
    weir_ctx *input;   /* ended: read no more                                 */
    weir_ctx *work;    /* ended: wait for no queue                            */
    int error;         /* why it could not read on; 0: it could               */
    struct keep *keep; /* gets all of it, too; may be NULL                  */
    /* As weir_read; NULL: standard input. */
    ssize_t (*read)(void *arg, char *data, size_t n, weir_ctx *ctx);
    void *arg;

    struct span *rests; /* the intake's own: what each has not taken yet    */
};

/* Reads to the end, then closes the queues and what is kept. */
void intake_run(struct intake *t);

/* Closes them without reading. */
void intake_cancel(struct intake *t);

#endif
