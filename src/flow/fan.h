/* SPDX-License-Identifier: MIT */
/* What the fans share: the channels, the places for elements, the account. */
#ifndef WR_FLOW_FAN_H
#define WR_FLOW_FAN_H

#include <weir/fan.h>
#include <weir/select.h>

#include "flow/part.h"

/*
 * The wide side of a fan is an array of select cases, of which the first
 * `live` are in use: those of channels that are not closed. Each place holds
 * one element. Everything but counts belongs to the task.
 */
struct weir_fan {
    struct wr_part part;
    weir_fan_opts opts;
    weir_chan **wide; /* n of them                                          */
    weir_chan *one;
    size_t n, live, size;
    weir_case *cases;   /* of the wide side, n                              */
    weir_case *waiting; /* of copy, n                                       */
    struct lane *lanes; /* of fan_in, n                                     */
    char *places;       /* n of copy, else 1; stride bytes each             */
    size_t stride;
    bool outward;            /* one is the in, and wide are the outs        */
    bool drained;            /* the ins have ended                          */
    uint64_t clock;          /* of fan_in                                   */
    int (*step)(weir_fan *); /* carries one element; not 0: the last        */
    weir_fan_counts counts;  /* held aside; under the part's lock           */
};

/* What kind of fan; each has its step and its extra arrays. */
struct wr_fan_kind {
    const char *name;
    int (*step)(weir_fan *);
    bool outward, copies, lanes;
};

/* A share of fan_in. */
struct lane {
    uint64_t finish, stride;
};

int wr_fan_start(weir_fan **f, const struct wr_fan_kind *kind, weir_chan *one,
                 weir_chan *const *wide, size_t n, const weir_fan_opts *o);

/* Waits for one of n cases: its index, or the code of the fan's context. */
int wr_fan_choose(weir_fan *f, weir_case *cases, size_t n, unsigned flags);

/* Receives from the one in: 0, or why not. */
int wr_fan_receive(weir_fan *f, void *elem);

/* Adds to the counts. */
void wr_fan_received(weir_fan *f);
void wr_fan_copied(weir_fan *f, size_t n);
void wr_fan_sent(weir_fan *f);
void wr_fan_discard(weir_fan *f, void *elem);

#endif
