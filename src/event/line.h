/* SPDX-License-Identifier: MIT */
/* A line of events: a ring that grows and shrinks with its length. Whoever
 * has it keeps the others out; the references in it are its owner's. */
#ifndef WR_EVENT_LINE_H
#define WR_EVENT_LINE_H

#include <weir/event.h>

struct wr_line {
    weir_event **slots; /* size is 0 or a power of two */
    size_t size, first, count;
};

/* Adds e at the end. 0, WEIR_ENOMEM. */
int wr_line_push(struct wr_line *l, weir_event *e);

/* Takes the first; there is one. */
weir_event *wr_line_pop(struct wr_line *l);

/* Gives the ring back; no event is in it. */
void wr_line_free(struct wr_line *l);

#endif
