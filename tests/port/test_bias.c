/* SPDX-License-Identifier: MIT */
/*
 * The owner of a biased lock enters without a fence, for others pay a barrier
 * for him: never are both inside.
 */
#include <pthread.h>
#include <stdatomic.h>
#include "port/bias.h"
#include "port/futex.h"
#include "weir_check.h"

enum { NOBODY, OWNER, OTHER };

static struct wr_bias bias;
static uint32_t inside; /* who came in last, by his own words */
static atomic_bool both, over;

static void claim(uint32_t who, int stay)
{
    wr_store_rlx(&inside, who);
    for (int i = 0; i < stay; i++)
        wr_pause();
    if (wr_load_rlx(&inside) != who)
        atomic_store(&both, true);
}

static void *seize(void *arg)
{
    int left = *(int *)arg;

    while (left > 0 && !atomic_load(&both)) {
        if (!wr_bias_try_seize(&bias))
            continue;
        claim(OTHER, 20);
        wr_bias_release(&bias);
        left--;
    }
    atomic_store(&over, true);
    return NULL;
}

/* With the barrier, and as on a kernel that has none. */
START_TEST(never_both_inside)
{
    int n = check_scale(300000);
    pthread_t thread;

    if (_i == 1)
        wr_barrier_refuse();
    wr_bias_init(&bias);
    ck_assert_int_eq(pthread_create(&thread, NULL, seize, &n), 0);
    while (!atomic_load_explicit(&over, memory_order_relaxed)) {
        wr_bias_enter(&bias);
        claim(OWNER, 0);
        wr_bias_leave(&bias);
    }
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert(!atomic_load(&both));
}
END_TEST

CHECK_MAIN(CHECK_LOOP(never_both_inside, 2))
