/* SPDX-License-Identifier: MIT */
/* Who is inside of a call: parties on a list, each by a record on its own
 * stack. So an object can tell a call from one of its own callbacks from any
 * other. The list is under the object's lock, and short. */
#ifndef WR_BASE_INSIDE_H
#define WR_BASE_INSIDE_H

#include <pthread.h>
#include <weir/task.h>

struct wr_inside {
    struct wr_inside *next;
    uint64_t task; /* 0: a thread */
    pthread_t thread;
};

static inline void wr_inside_enter(struct wr_inside **list,
                                   struct wr_inside *me)
{
    *me = (struct wr_inside){*list, weir_task_id(), pthread_self()};
    *list = me;
}

static inline void wr_inside_leave(struct wr_inside **list,
                                   const struct wr_inside *me)
{
    while (*list != me)
        list = &(*list)->next;
    *list = me->next;
}

static inline bool wr_inside_has_me(const struct wr_inside *list)
{
    const uint64_t task = weir_task_id();
    for (; list; list = list->next)
        if (list->task == task &&
            (task || pthread_equal(list->thread, pthread_self())))
            return true;
    return false;
}

#endif
