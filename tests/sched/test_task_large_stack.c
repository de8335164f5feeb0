/* SPDX-License-Identifier: MIT */
/* A task that was accepted has a stack, also when every other of its size is
 * in use or has just been left. */
#include "../chan/parties.h"

enum { MOST = 400, SIZE = 16 << 20 };

static atomic_int live;

static void leave_after(void *turns)
{
    for (volatile intptr_t i = 0; i < (intptr_t)turns; i++) {
    }
    atomic_fetch_sub(&live, 1);
}

/* Each number of live tasks needs a stack more than the one before it. */
START_TEST(a_stack_that_is_left_is_promised_once)
{
    const weir_opts two_workers = {.workers = 2};
    const weir_task_opts large = {.stack_size = SIZE};
    unsigned seed = 1;
    int most, i;

    must_eq(weir_start(&two_workers), 0);
    for (most = 1; most < MOST; most++)
        for (i = 0; i < check_scale(300); i++) {
            seed = seed * 1103515245 + 12345;
            while (atomic_load(&live) >= most)
                weir_yield();
            atomic_fetch_add(&live, 1);
            must_eq(weir_go_with(&large, leave_after,
                                 (void *)(intptr_t)((seed >> 16) % 500)),
                    0);
        }
    must_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

CHECK_MAIN(CHECK_TEST(a_stack_that_is_left_is_promised_once))
