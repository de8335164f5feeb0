/* SPDX-License-Identifier: MIT */
/*
 * How many commands run at once. Starts at the number that was asked for and
 * shrinks when the machine refuses one more, so that a limit of descriptors
 * or processes costs speed and no record.
 */
#ifndef WEIR_TOOL_GATE_H
#define WEIR_TOOL_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <weir.h>

#include "capture.h"

struct gate {
    weir_mutex lock;
    weir_cond freed;
    unsigned asked;
    unsigned limit;   /* under the lock: at least 1                         */
    unsigned running; /* under the lock                                     */
    atomic_bool said; /* that fewer run at once                             */
};

void gate_init(struct gate *g, unsigned limit);

/* Runs it when there is a place. A start that the machine refused is tried
 * again when others have ended; its code is the result when there are none.
 * Otherwise as capture_run. */
int gate_run(struct gate *g, struct capture *c, const char *path,
             char *const *args, int64_t timeout, weir_ctx *work);

/* Says, once, that fewer run than were asked for; how many fewer shows in
 * time. */
void gate_say_fewer(struct gate *g, int code);

unsigned gate_running(struct gate *g);

#endif
