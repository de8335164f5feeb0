/* SPDX-License-Identifier: MIT */
/* Sleeping on a word of memory and waking who sleeps there. All of it leaves
 * errno alone: it serves calls that cannot fail. */
#ifndef WR_PORT_FUTEX_H
#define WR_PORT_FUTEX_H

#include <stdbool.h>
#include <stdint.h>

/* Sleeps while *word is expected, at most timeout ns (negative: no limit).
 * May return early: the caller looks again. */
void wr_futex_wait(uint32_t *word, uint32_t expected, int64_t timeout);

/* Wakes up to count sleepers. Harmless when the word is gone. */
void wr_futex_wake(uint32_t *word, int count);

/*
 * Makes every other thread of the process pass a full memory barrier before
 * it returns. The heavy half of asymmetric protocols whose light half is a
 * compiler barrier. False where the system has no such call.
 */
bool wr_barrier_others(void);

/* For tests, before anything else: as a system without it. */
void wr_barrier_refuse(void);

#endif
