/* SPDX-License-Identifier: MIT */
/* Timers that never fire: made and cancelled, and set anew while pending. */
#include "bench.h"

static void must_not_fire(void *arg)
{
    (void)arg;
    bench_fail("timers fired", 1, 0);
}

static void create_cancel(const struct row *row, int64_t ops)
{
    (void)row;
    int64_t stopped = 0;
    for (int64_t i = 0; i < ops; i++) {
        weir_timer t = WEIR_TIMER_INIT;
        must(weir_timer_set(&t, 60 * WEIR_MINUTE, must_not_fire, NULL));
        stopped += weir_timer_stop(&t);
    }
    expect("stopped", stopped, ops);
}

static void reset(const struct row *row, int64_t ops)
{
    (void)row;
    weir_timer t = WEIR_TIMER_INIT;
    must(weir_timer_set(&t, 60 * WEIR_MINUTE, must_not_fire, NULL));
    int64_t moved = 0;
    for (int64_t i = 0; i < ops; i++)
        moved += weir_timer_set(&t, 60 * WEIR_MINUTE, must_not_fire, NULL);
    expect("moved", moved, ops);
    expect("stopped", weir_timer_stop(&t), 1);
}

const struct row timer_rows[] = {
    {"timer-cancel", create_cancel, 0, 0, FROM_TASK},
    {"timer-reset", reset, 0, 0, FROM_TASK},
    {NULL, NULL, 0, 0, FROM_TASK},
};
