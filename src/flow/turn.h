/* SPDX-License-Identifier: MIT */
/*
 * The queue of those who must wait for a number of something: records on
 * their callers' stacks in the order of coming, under the object's mutex. Each
 * waits on a condition of its own, so exactly the one that has reason to look
 * again is woken; one that leaves costs those behind it nothing.
 *
 * No wake-up is lost: a party is in the queue, and registered at its
 * condition, before it lets go of the mutex, and looks again after it has it
 * back. A record is signalled under the mutex only, so it may go once its
 * owner has left the queue.
 */
#ifndef WR_FLOW_TURN_H
#define WR_FLOW_TURN_H

#include <weir/cond.h>

struct weir_turn_ {
    struct weir_turn_ *next, *prev;
    weir_cond cond; /* it became the first, or there may be more for it     */
    int64_t n;
};

static inline void wr_turn_join(struct weir_turn_ **first,
                                struct weir_turn_ **last, struct weir_turn_ *t)
{
    t->prev = *last;
    if (*last)
        (*last)->next = t;
    else
        *first = t;
    *last = t;
}

/* Lets the first one look again. */
static inline void wr_turn_signal(struct weir_turn_ *first)
{
    if (first)
        weir_cond_signal(&first->cond);
}

/* Who is the first then, looks. */
static inline void wr_turn_leave(struct weir_turn_ **first,
                                 struct weir_turn_ **last, struct weir_turn_ *t)
{
    if (t->prev)
        t->prev->next = t->next;
    else
        *first = t->next;
    if (t->next)
        t->next->prev = t->prev;
    else
        *last = t->prev;
    if (!t->prev)
        wr_turn_signal(*first);
}

#endif
