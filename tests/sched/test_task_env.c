/* SPDX-License-Identifier: MIT */
/*
 * How many workers there are: as many as the process may use, else what
 * WEIR_WORKERS says, else what the options say; and what wrong values get.
 */
#include <sched.h>
#include "../chan/parties.h"

static void nothing(void *arg)
{
    (void)arg;
}

static int workers_with(const char *value)
{
    int n;

    must_eq(setenv("WEIR_WORKERS", value, 1), 0);
    must_eq(weir_start(NULL), 0);
    n = weir_workers();
    must_eq(weir_stop(0), 0);
    return n;
}

START_TEST(the_environment_says)
{
    must_eq(workers_with("1"), 1);
    must_eq(workers_with("5"), 5);
    must_eq(workers_with("64"), 64);
}
END_TEST

START_TEST(wrong_values_are_refused)
{
    static const char *const wrong[] = {
        "0",  "-1",  "1025",       "two",
        "3x", "1.5", "4294967297", "99999999999999999999999"};
    size_t i;

    for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        must_eq(setenv("WEIR_WORKERS", wrong[i], 1), 0);
        must_eq(weir_start(NULL), WEIR_EINVAL);
        must_eq(weir_go(nothing, NULL), WEIR_EINVAL);
        must_eq(weir_workers(), 0);
        must_eq(weir_tasks(), 0);
    }
    must_eq(workers_with("2"), 2);
}
END_TEST

/* Channels between threads need no runtime, so a wrong value is no harm. */
START_TEST(threads_go_on_without_a_runtime)
{
    ints *c = ints_new(1);

    must_eq(setenv("WEIR_WORKERS", "none", 1), 0);
    put(c, 1);
    must_eq(get(c), 1);
    must_eq(weir_workers(), 0);
    ints_unref(c);
}
END_TEST

START_TEST(options_come_first)
{
    const weir_opts o = {.workers = 3};

    must_eq(setenv("WEIR_WORKERS", "7", 1), 0);
    must_eq(weir_start(&o), 0);
    must_eq(weir_workers(), 3);
    must_eq(weir_stop(0), 0);
}
END_TEST

/* Without either, the affinity mask bounds it. */
START_TEST(no_more_than_the_process_may_use)
{
    cpu_set_t all, one;
    size_t cpu = 0;
    int n;

    must_eq(unsetenv("WEIR_WORKERS"), 0);
    must_eq(sched_getaffinity(0, sizeof all, &all), 0);
    must_eq(weir_start(NULL), 0);
    n = weir_workers();
    must(n >= 1 && n <= CPU_COUNT(&all));
    must_eq(weir_stop(0), 0);
    while (!CPU_ISSET(cpu, &all))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    must_eq(sched_setaffinity(0, sizeof one, &one), 0);
    must_eq(weir_start(NULL), 0);
    must_eq(weir_workers(), 1);
    must_eq(weir_stop(0), 0);
}
END_TEST

CHECK_MAIN(CHECK_TEST(the_environment_says),
           CHECK_TEST(wrong_values_are_refused),
           CHECK_TEST(threads_go_on_without_a_runtime),
           CHECK_TEST(options_come_first),
           CHECK_TEST(no_more_than_the_process_may_use))
