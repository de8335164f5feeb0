/* SPDX-License-Identifier: MIT */
/* Debug builds: a task that parks with a pthread mutex held is reported. */
#ifndef WR_SCHED_HELD_H
#define WR_SCHED_HELD_H

#include "sched/task.h"

#if defined(WEIR_DEBUG)
/* The calling task is about to give its worker away. */
void wr_held_check(const struct wr_task *t);
#else
static inline void wr_held_check(const struct wr_task *t)
{
    (void)t;
}
#endif

#endif
