/* SPDX-License-Identifier: MIT */
/* No deadlock is told while what could wake a task is just doing it: the look
 * whether all are asleep takes time, and who was there at its beginning may
 * have woken somebody and be gone at its end. */
#include "../chan/parties.h"
#include "child.h"

enum { WAKERS = 20, SPREAD = 60000 };

static ints *woken;

static void *wake_and_end(void *turns)
{
    for (volatile intptr_t i = (intptr_t)turns; i > 0; i--) {
    }
    put(woken, 1);
    return NULL;
}

static int wait_for_threads(void *arg)
{
    intptr_t round = *(int *)arg;
    pthread_attr_t attr;
    pthread_t t;
    intptr_t i;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    for (i = 0; i < WAKERS; i++) {
        intptr_t turns = (round * 37 + i * 1009) % SPREAD;
        must_eq(pthread_create(&t, &attr, wake_and_end, (void *)turns), 0);
        must_eq(get(woken), 1);
    }
    pthread_attr_destroy(&attr);
    return 0;
}

static int rounds(void *arg)
{
    int round;

    (void)arg;
    woken = ints_new(1);
    for (round = 0; round < check_scale(100); round++) {
        const weir_opts o = {.workers = 1 + round % 2};
        if (weir_start(&o) != 0 || weir_run(wait_for_threads, &round) != 0)
            return 1;
    }
    ints_unref(woken);
    return 0;
}

START_TEST(a_thread_that_wakes_and_ends_is_no_deadlock)
{
    struct child c;

    child_run(&c, rounds, NULL);
    ck_assert_int_eq(child_exit(&c), 0);
}
END_TEST

CHECK_MAIN(CHECK_TEST(a_thread_that_wakes_and_ends_is_no_deadlock))
