/* SPDX-License-Identifier: MIT */
/*
 * One output of `weir tee`: a file, a command, or standard output, with a
 * queue and a ledger of its own, brought to its end by a task of its own.
 *
 * It ends well when all is written and its command, if it is one, has exited
 * with 0. It is gone when nobody reads it any more, which is a failure of one
 * that is required and of no other. Else it has failed.
 *
 * One that is late gets what is kept in place of what is read, and all of it
 * again: a FIFO when its reader has gone before the end, for the next one; a
 * command that has failed, a number of times.
 */
#ifndef WEIR_TOOL_BRANCH_H
#define WEIR_TOOL_BRANCH_H

#include <stdbool.h>
#include <weir.h>

#include "child.h"
#include "late.h"
#include "ledger.h"
#include "outlet.h"
#include "queue.h"

struct branch {
    const char *name; /* as it was written: "FILE", "|command", "-"         */
    bool append;
    bool required;
    weir_ctx *work;
    struct queue queue;
    struct ledger ledger;
    struct outlet outlet;
    struct late late;

    /* The branch's own. */
    struct child child;  /* of a command                                     */
    int fd;              /* -1: not open                                     */
    bool command_failed; /* what it did not get has failed                  */
};

/* Opens it, writes what the queue gives and waits for the command. The exit
 * status that its end calls for is in ledger.status. */
void branch_run(struct branch *b);

/* One that no task could be had for. */
void branch_fail(struct branch *b, int code);

/* When the input and every branch have ended: closes its account. */
void branch_settle(struct branch *b);

#endif
