/* SPDX-License-Identifier: MIT */
/*
 * A worker that falls asleep while another takes the timer that it was about
 * to wait for is still there for the next one.
 */
#include <weir/time.h>
#include "../chan/parties.h"

enum { BEATS = 100 };

static weir_timer timer = WEIR_TIMER_INIT;
static int beats;
static ints *last;

static void beat(void *arg)
{
    if (--beats == 0)
        must_eq(ints_try_send(last, 1), 0);
    else
        must_eq(weir_timer_set(&timer, 1, beat, arg), 0);
}

static int wait_for_the_last(void *arg)
{
    beats = BEATS;
    must_eq(weir_timer_set(&timer, 1, beat, arg), 0);
    return get(last) == 1 ? 0 : -1;
}

START_TEST(a_timer_set_anew_fires_each_time)
{
    const weir_opts o = {.workers = 2};
    int round;

    last = ints_new(1);
    for (round = 0; round < check_scale(500); round++) {
        must_eq(weir_start(&o), 0);
        must_eq(weir_run(wait_for_the_last, NULL), 0);
    }
    ints_unref(last);
}
END_TEST

CHECK_MAIN(CHECK_TEST(a_timer_set_anew_fires_each_time))
