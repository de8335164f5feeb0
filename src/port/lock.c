/* SPDX-License-Identifier: MIT */
#include "port/lock.h"

#include "port/futex.h"

enum {
    PLACES = 64,         /* of sleepers_at */
    SPINS = 1000,        /* some ten microseconds: to sleep costs as much   */
    BLIND_SLEEP = 100000 /* ns, only where the system has no membarrier     */
};

WR_ALIGNED uint32_t wr_lock_sleepers;
/* The same by lock, roughly: while somebody sleeps on one lock, unlocking the
 * others is no system call. */
static WR_ALIGNED uint32_t sleepers_at[PLACES];

static uint32_t *place_of(const uint32_t *lock)
{
    uintptr_t line = (uintptr_t)lock / WR_CACHE_LINE;
    return &sleepers_at[(line ^ line / PLACES) % PLACES];
}

static bool spin(uint32_t *lock)
{
    for (int i = 0; i < SPINS; i++) {
        if (wr_load_rlx(lock) == 0 && wr_try_lock(lock))
            return true;
        wr_pause();
    }
    return false;
}

void wr_lock_slow(uint32_t *lock)
{
    if (spin(lock))
        return;
    wr_add(place_of(lock), 1);
    wr_add(&wr_lock_sleepers, 1);
    int64_t limit = wr_barrier_others() ? -1 : BLIND_SLEEP;
    while (!wr_try_lock(lock))
        wr_futex_wait(lock, 1, limit);
    wr_sub(&wr_lock_sleepers, 1);
    wr_sub(place_of(lock), 1);
}

void wr_lock_wake(uint32_t *lock)
{
    if (wr_load_rlx(place_of(lock)) != 0)
        wr_futex_wake(lock, 1);
}
