/* SPDX-License-Identifier: MIT */
/*
 * Unlocking pays no fence, because whoever is about to sleep lets the others
 * pass one. The moment in which that counts is too short to be met by chance
 * (a store must outlast a system call), so the call itself is looked for:
 * after the sleeper has counted himself, before he sleeps.
 */
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include "port/futex.h"
#include "port/lock.h"
#include "syscalls.h"
#include "weir_check.h"

enum { OTHERS = 200 };

static uint32_t lock;
static WR_ALIGNED char other[OTHERS][WR_CACHE_LINE];
static atomic_int sleeps, unbarred, wakes;
static __thread bool barred;

static void look_at(long number, const long *args)
{
    if (number == SYS_membarrier && args[0] == MEMBARRIER_CMD_PRIVATE_EXPEDITED)
        barred = wr_load_rlx(&wr_lock_sleepers) > 0;
    else if (number == SYS_futex && args[0] == (long)(intptr_t)&lock &&
             args[1] == FUTEX_WAIT_PRIVATE) {
        if (!barred)
            atomic_fetch_add(&unbarred, 1);
        atomic_fetch_add(&sleeps, 1);
    } else if (number == SYS_futex && args[1] == FUTEX_WAKE_PRIVATE) {
        atomic_fetch_add(&wakes, 1);
    }
}

static void *lock_it(void *arg)
{
    (void)arg;
    barred = false;
    wr_lock(&lock);
    wr_unlock(&lock);
    return NULL;
}

START_TEST(who_sleeps_has_passed_the_barrier)
{
    pthread_t thread;

    if (!wr_barrier_others())
        return; /* a kernel without: nobody sleeps for long */
    for (int round = 1; round <= 20; round++) {
        wr_lock(&lock);
        ck_assert_int_eq(pthread_create(&thread, NULL, lock_it, NULL), 0);
        while (atomic_load(&sleeps) < round)
            sched_yield();
        wr_unlock(&lock);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert(unbarred == 0);
    }
    ck_assert_uint_eq(wr_load_rlx(&wr_lock_sleepers), 0);
}
END_TEST

/* Two locks in many may look alike. */
START_TEST(a_sleeper_makes_other_locks_no_dearer)
{
    pthread_t thread;
    int before = atomic_load(&sleeps), woken = atomic_load(&wakes);

    if (!wr_barrier_others())
        return;
    wr_lock(&lock);
    ck_assert_int_eq(pthread_create(&thread, NULL, lock_it, NULL), 0);
    while (atomic_load(&sleeps) == before)
        sched_yield();
    for (int i = 0; i < OTHERS; i++) {
        uint32_t *l = (uint32_t *)(void *)other[i];
        wr_lock(l);
        wr_unlock(l);
    }
    ck_assert_int_le(atomic_load(&wakes) - woken, OTHERS / 10);
    wr_unlock(&lock);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

CHECK_MAIN(CHECK_TEST(who_sleeps_has_passed_the_barrier),
           CHECK_TEST(a_sleeper_makes_other_locks_no_dearer))
