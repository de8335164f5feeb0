/* SPDX-License-Identifier: MIT */
/*
 * How many commands run at once. Starts at the number that was asked for and
 * shrinks when the machine refuses one more, so that a limit of descriptors
 * or processes costs speed and no record.
 */
#ifndef WEIR_TOOL_GATE_H
#define WEIR_TOOL_GATE_H

#include <stdbool.h>
#include <weir.h>

struct gate {
    weir_mutex lock;
    weir_cond freed;
    unsigned limit;   /* under the lock: at least 1                         */
    unsigned running; /* under the lock                                     */
};

void gate_init(struct gate *g, unsigned limit);

/* Waits for a place. *alone: nobody else can be inside until gate_leave. 0,
 * or WEIR_CANCELED: ctx ended. */
int gate_enter(struct gate *g, bool *alone, weir_ctx *ctx);

void gate_leave(struct gate *g);

/* Leaves, for want of something the others inside hold, and lets no more in
 * than these. True: the limit has become smaller. */
bool gate_leave_narrower(struct gate *g);

unsigned gate_running(struct gate *g);

#endif
