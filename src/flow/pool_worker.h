/* SPDX-License-Identifier: MIT */
/* The workers of a crew: what one does from its start until it goes. */
#ifndef WR_FLOW_POOL_WORKER_H
#define WR_FLOW_POOL_WORKER_H

#include "flow/pool_crew.h"

/* On the stack of none: elements may be large. */
struct wr_worker {
    struct wr_crew *crew;
    struct wr_worker *next; /* on the crew's list; under its lock */
    weir_ctx take;
    bool sent_home; /* under the crew's lock */
    uint64_t task;  /* its number, once it runs; under the crew's lock */
    void *in, *out; /* its elements, behind it */
};

/* One more; under the crew's lock. 0, WEIR_ENOMEM, WEIR_FORKED. */
int wr_worker_start(struct wr_crew *c);

/* Gives an element of in away that no worker does, and counts it. */
void wr_crew_discard(struct wr_crew *c, void *elem);

/* The last worker has gone. elem: room for an element of in. */
void wr_crew_finish(struct wr_crew *c, void *elem);

#endif
