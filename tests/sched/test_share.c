/* SPDX-License-Identifier: MIT */
/*
 * Long tasks that are started together are not left to the worker that
 * started them: while they run, another one is called and takes its part. How
 * many it takes is counted, not how long that lasts.
 */
#include "../chan/parties.h"

/* Three in a round is what it comes to on an idle machine, and two on one that
 * has more to do; one that is stopped in the middle has another chance. */
enum { LONG_ONES = 8, ROUNDS = 20, ENOUGH = 30, TRIES = 3 };

static void work(void *arg)
{
    pthread_t *thread = arg;
    const int64_t end = weir_now() + WEIR_MILLISECOND;

    *thread = pthread_self();
    while (weir_now() < end)
        continue;
}

/* How many ran beside the thread that ran most. */
static int shared(void)
{
    pthread_t ran[LONG_ONES];
    weir_wg wg = WEIR_WG_INIT;
    int i, first = 0;

    for (i = 0; i < LONG_ONES; i++)
        must_eq(weir_wg_go(&wg, work, &ran[i]), 0);
    must_eq(weir_wg_wait(&wg, NULL), 0);
    for (i = 0; i < LONG_ONES; i++)
        first += pthread_equal(ran[i], ran[0]) != 0;
    return first < LONG_ONES - first ? first : LONG_ONES - first;
}

static int play(void *arg)
{
    int i, sum = 0;

    (void)arg;
    for (i = 0; i < ROUNDS; i++)
        sum += shared();
    return sum;
}

START_TEST(long_tasks_are_shared)
{
    const weir_opts two = {.workers = 2};
    int tries = 0;

    do {
        must_eq(weir_start(&two), 0);
        must(tries++ < TRIES);
    } while (weir_run(play, NULL) < ENOUGH);
}
END_TEST

CHECK_MAIN(CHECK_TEST(long_tasks_are_shared))
