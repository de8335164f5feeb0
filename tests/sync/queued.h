/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the synchronisation objects share: the parties of the
 * channel tests, and a look into an object's queue. A test that needs a party
 * to wait first asks for that here instead of hoping for it.
 */
#ifndef QUEUED_H
#define QUEUED_H

#include "../chan/parties.h"
#include "sched/wait.h"

/* How many parties are in the object's queue. */
static inline int queued(struct weir_queue_ *q)
{
    const struct wr_node *n;
    int count = 0;

    wr_lock(wr_queue_lock(q));
    for (n = wr_queue_of(q)->head; n != NULL; n = n->next)
        count++;
    wr_unlock(wr_queue_lock(q));
    return count;
}

static inline void await_queued(struct weir_queue_ *q, int n)
{
    while (queued(q) != n)
        weir_yield();
}

#endif
