/* SPDX-License-Identifier: MIT */
/*
 * A thread that has never waited, when there is no memory for what a thread
 * sleeps on: its calls fail or do without.
 */
#include <sched.h>
#include <weir/time.h>
#include "../chan/parties.h"
#include "base/mem.h"

static void receive(void *arg)
{
    (void)ints_recv(arg, NULL, NULL);
}

static int never(void *arg)
{
    (void)arg;
    must(false);
    return 0;
}

/* ---- the runtime's end --------------------------------------------------- */

static void *wait_for_the_end(void *arg)
{
    (void)arg;
    wr_mem_fail_after(0);
    must_eq(weir_stop(WEIR_FOREVER), WEIR_ENOMEM);
    must_eq(weir_stop(1), WEIR_ENOMEM);
    must_eq(weir_run(never, NULL), WEIR_ENOMEM);
    wr_mem_fail_after(-1);
    return NULL;
}

START_TEST(the_end_is_not_waited_for)
{
    ints *c = ints_new(0);
    pthread_t thread;

    must_eq(weir_start(NULL), 0);
    must_eq(weir_go(receive, c), 0);
    must_eq(pthread_create(&thread, NULL, wait_for_the_end, NULL), 0);
    must_eq(pthread_join(thread, NULL), 0);
    must(weir_workers() > 0);
    must_eq(weir_tasks(), 1);
    put(c, 1);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    ints_unref(c);
}
END_TEST

static void *stop_at_once(void *arg)
{
    wr_mem_fail_after(0);
    *(int *)arg = weir_stop(0);
    wr_mem_fail_after(-1);
    return NULL;
}

START_TEST(a_stop_that_does_not_wait)
{
    pthread_t thread;
    int result = -1;

    must_eq(weir_start(NULL), 0);
    must_eq(pthread_create(&thread, NULL, stop_at_once, &result), 0);
    must_eq(pthread_join(thread, NULL), 0);
    must_eq(result, 0);
    must_eq(weir_workers(), 0);
}
END_TEST

/* ---- a timer's end ------------------------------------------------------- */

static weir_timer timer = WEIR_TIMER_INIT;
static atomic_int at;

enum { CALLED = 1, GO_ON, THROUGH };

static void call(void *arg)
{
    (void)arg;
    atomic_store(&at, CALLED);
    while (atomic_load(&at) != GO_ON)
        sched_yield();
    weir_yield();
    atomic_store(&at, THROUGH);
}

static void *stop_the_timer(void *arg)
{
    wr_mem_fail_after(0);
    atomic_store((atomic_int *)arg, 1);
    must_eq(weir_timer_stop(&timer), 0);
    must_eq(atomic_load(&at), THROUGH);
    wr_mem_fail_after(-1);
    return NULL;
}

START_TEST(a_timer_is_stopped_all_the_same)
{
    atomic_int stops = 0;
    pthread_t thread;

    must_eq(weir_timer_set(&timer, 1, call, NULL), 0);
    while (atomic_load(&at) != CALLED)
        sched_yield();
    must_eq(pthread_create(&thread, NULL, stop_the_timer, &stops), 0);
    while (!atomic_load(&stops))
        sched_yield();
    settle();
    atomic_store(&at, GO_ON);
    must_eq(pthread_join(thread, NULL), 0);
    must_eq(weir_stop(0), 0);
}
END_TEST

CHECK_MAIN(CHECK_TEST(the_end_is_not_waited_for),
           CHECK_TEST(a_stop_that_does_not_wait),
           CHECK_TEST(a_timer_is_stopped_all_the_same))
