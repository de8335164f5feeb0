/* SPDX-License-Identifier: MIT */
/*
 * The global queue: what comes from threads, half of a worker's queue that
 * overflows, and what a worker leaves behind. Tasks that exist are linked by
 * their records; new ones lie in blocks. Its length can be glanced at.
 */
#ifndef WR_SCHED_GLOBAL_H
#define WR_SCHED_GLOBAL_H

#include "sched/runq.h"

void wr_global_push(struct wr_task *t);
/* False: out of memory; nothing was queued. */
bool wr_global_spawn(const struct wr_spawn *s);

/* Up to max, tasks before new ones, each kind oldest first; how many. 0 does
 * not mean that it is empty: others may have been quicker. */
uint32_t wr_global_take(struct wr_spawn *out, uint32_t max);
/* How many, in the total order of sleepers and wakers. */
uint64_t wr_global_len(void);
/* Calls fn for the new ones, under the lock. */
void wr_global_each_spawn(void (*fn)(const struct wr_spawn *, void *),
                          void *arg);

/* Gives back the blocks that have lain unused since the last call; all that
 * nobody uses if asked. True while there is more to come. */
bool wr_global_trim(bool all);

#endif
