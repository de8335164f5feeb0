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

/* How many parties are in the queue, which is under this lock. */
static inline int queued_under(uint32_t *lock, struct weir_queue_ *q)
{
    const struct wr_node *n;
    int count = 0;

    wr_lock(lock);
    for (n = wr_queue_of(q)->head; n != NULL; n = n->next)
        count++;
    wr_unlock(lock);
    return count;
}

static inline int queued(struct weir_queue_ *q)
{
    return queued_under(wr_queue_lock(q), q);
}

static inline void await_queued(struct weir_queue_ *q, int n)
{
    while (queued(q) != n)
        weir_yield();
}

#endif
