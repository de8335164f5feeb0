/* SPDX-License-Identifier: MIT */
/*
 * The lock around short critical sections: one atomic exchange to lock, a
 * plain store to unlock. All zero is unlocked. Never held across a switch.
 *
 * Why no sleeper is forgotten. A locker that has spun its bounded time counts
 * itself twice (by lock, roughly, and in wr_lock_sleepers), makes all other
 * threads pass a barrier, and only then looks once more and sleeps while the
 * word is 1. An unlocker stores 0 and then loads the counts. Either its loads
 * came after its barrier, and it sees the counts and wakes; or its store came
 * before it, and the sleeper's last look sees 0. The unlocker pays neither a
 * fence nor a read-modify-write; wr_lock_sleepers is one line that everybody
 * only reads.
 */
#ifndef WR_PORT_LOCK_H
#define WR_PORT_LOCK_H

#include "port/atomic.h"

extern uint32_t wr_lock_sleepers;

WR_NOINLINE void wr_lock_slow(uint32_t *lock);
WR_NOINLINE void wr_lock_wake(uint32_t *lock);

static inline bool wr_try_lock(uint32_t *lock)
{
    return wr_xchg_acq(lock, 1) == 0;
}

static inline void wr_lock(uint32_t *lock)
{
    if (wr_unlikely(!wr_try_lock(lock)))
        wr_lock_slow(lock);
}

static inline void wr_unlock(uint32_t *lock)
{
    wr_store_rel(lock, 0);
    wr_compiler_barrier();
    if (wr_unlikely(wr_load_rlx(&wr_lock_sleepers) != 0))
        wr_lock_wake(lock);
}

#endif
