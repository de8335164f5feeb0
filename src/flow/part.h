/* SPDX-License-Identifier: MIT */
/* A part that works in a task of its own, until what it reads ends or it is
 * cancelled: what the batcher and the fans have in common. */
#ifndef WR_FLOW_PART_H
#define WR_FLOW_PART_H

#include <weir/ctx.h>
#include <weir/mutex.h>
#include <weir/wg.h>

struct wr_part {
    weir_ctx ctx;    /* of the work; ends with the caller's, or by cancel    */
    weir_wg running; /* 1 while the task runs                                */
    weir_mutex lock; /* over what follows, and the part's own counts         */
    uint64_t task;   /* its number                                           */
    int result;
    int (*run)(void *part);
    const char *name;
};

/*
 * Starts run(p) as a task, under a context below parent, in a record that
 * begins with p and is zeroed otherwise. 0 or as weir_go: nothing was
 * started, and nothing is to be ended.
 */
int wr_part_start(struct wr_part *p, weir_ctx *parent, const char *name,
                  int (*run)(void *part));

/* What run returned, once it has; WEIR_DEADLOCK when it is run that asks. */
int wr_part_join(struct wr_part *p);

/* Cancels, joins, and ends the context: 0, the memory is the caller's; or
 * WEIR_DEADLOCK, as join. */
int wr_part_end(struct wr_part *p);

/* The code for a work that ended with this one: the cause where its context
 * has ended. */
int wr_part_why(const struct wr_part *p, int code);

#endif
