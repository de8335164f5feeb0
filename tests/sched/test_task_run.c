/* SPDX-License-Identifier: MIT */
/*
 * The runtime's life: weir_run, weir_start, weir_stop, and all of them again;
 * what is reported of tasks that are left, and that those go on when they are
 * woken after a restart.
 */
#include <sched.h>
#include <signal.h>
#include <time.h>
#include "../chan/parties.h"
#include "sched/sanitize.h"
#include "sched/state.h"

static int (*const no_main)(void *) = NULL;

static void add_one(void *arg)
{
    weir_yield();
    atomic_fetch_add((atomic_int *)arg, 1);
}

static int start_some(void *arg)
{
    int i;

    must(weir_in_task());
    for (i = 0; i < 20; i++)
        must_eq(weir_go(add_one, arg), 0);
    return 42;
}

START_TEST(run_returns_the_result_after_all_ended)
{
    atomic_int ran = 0;
    int i;

    for (i = 1; i <= 30; i++) {
        must_eq(weir_run(start_some, &ran), 42);
        must_eq(ran, 20 * i);
        must_eq(weir_workers(), 0);
        must_eq(weir_tasks(), 0);
    }
    must_eq(weir_run(no_main, NULL), WEIR_EINVAL);
}
END_TEST

static int run_in_a_run(void *arg)
{
    must_eq(weir_run(start_some, arg), WEIR_EINVAL);
    must_eq(weir_stop(0), WEIR_EINVAL);
    must_eq(weir_start(NULL), WEIR_BUSY);
    return -3;
}

START_TEST(run_is_for_plain_threads)
{
    must_eq(weir_run(run_in_a_run, NULL), -3);
}
END_TEST

static int wait_for_one(void *arg)
{
    must_eq(ints_recv(arg, NULL, NULL), 0);
    return 0;
}

static void *run_meanwhile(void *arg)
{
    must_eq(weir_run(wait_for_one, arg), WEIR_EINVAL);
    put(arg, 1);
    return NULL;
}

static int while_running(void *arg)
{
    pthread_t thread;

    must_eq(pthread_create(&thread, NULL, run_meanwhile, arg), 0);
    must_eq(ints_recv(arg, NULL, NULL), 0);
    must_eq(pthread_join(thread, NULL), 0);
    return 5;
}

START_TEST(one_run_at_a_time)
{
    ints *c = ints_new(0);

    must_eq(weir_run(while_running, c), 5);
    ints_unref(c);
}
END_TEST

/* ---- start -------------------------------------------------------------- */

START_TEST(start_takes_options_once)
{
    const weir_opts three = {.workers = 3};
    int i;

    for (i = 0; i < 20; i++) {
        must_eq(weir_workers(), 0);
        must_eq(weir_start(&three), 0);
        must_eq(weir_workers(), 3);
        must_eq(weir_start(&three), WEIR_BUSY);
        must_eq(weir_start(NULL), WEIR_BUSY);
        must_eq(weir_stop(0), 0);
    }
    must_eq(weir_start(NULL), 0);
    must(weir_workers() >= 1);
    must_eq(weir_stop(0), 0);
}
END_TEST

START_TEST(options_out_of_range)
{
    const weir_opts bad[] = {
        {.workers = -1},
        {.workers = 1025},
        {.stack_size = ((size_t)1 << 30) + 1},
        {.blocking_max = -1},
        {.hog_after = -1},
        {.dump_signal = -1},
        {.dump_signal = 100000},
    };
    size_t i;

    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        must_eq(weir_start(&bad[i]), WEIR_EINVAL);
        must_eq(weir_workers(), 0);
    }
    must_eq(weir_start(NULL), 0);
    must_eq(weir_stop(0), 0);
}
END_TEST

/* ---- stop --------------------------------------------------------------- */

struct bed {
    ints *c;
    atomic_int woken;
};

static void wait_and_count(void *arg)
{
    struct bed *b = arg;

    (void)ints_recv(b->c, NULL, NULL);
    atomic_fetch_add(&b->woken, 1);
}

START_TEST(stop_without_a_runtime)
{
    must_eq(weir_stop(0), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(weir_stop(-1), WEIR_EINVAL);
    must_eq(weir_workers(), 0);
}
END_TEST

START_TEST(negative_time_is_refused)
{
    must_eq(weir_start(NULL), 0);
    must_eq(weir_stop(-1), WEIR_EINVAL);
    must(weir_workers() > 0);
    must_eq(weir_stop(0), 0);
}
END_TEST

/* The tasks that are left are counted, stay, and go on after a restart. */
START_TEST(what_is_left_is_told_and_goes_on)
{
    struct bed bed = {ints_new(0), 0};
    int i;

    for (i = 0; i < 3; i++)
        must_eq(weir_go(wait_and_count, &bed), 0);
    must_eq(stop_leaving(WEIR_MILLISECOND), 3);
    must_eq(weir_workers(), 0);
    must_eq(weir_tasks(), 3);
    must_eq(bed.woken, 0);
    must_eq(weir_start(NULL), 0);
    put(bed.c, 1);
    while (weir_tasks() > 2)
        sched_yield();
    must_eq(stop_leaving(WEIR_MILLISECOND), 2);
    must_eq(bed.woken, 1);
    must_eq(ints_close(bed.c), 0);
    must_eq(weir_start(NULL), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(bed.woken, 3);
    must_eq(weir_tasks(), 0);
    ints_unref(bed.c);
}
END_TEST

static atomic_int hold;

/* What it starts before it gives the worker back is left with the others. */
static void hold_the_worker(void *arg)
{
    atomic_store(&hold, 1);
    while (atomic_load(&hold) != 2)
        sched_yield();
    must_eq(weir_go(wait_and_count, arg), 0);
}

/* Until the stop is through, nothing that would need a worker is accepted. */
static void nothing_is_accepted(struct bed *bed)
{
    const weir_task_opts pinned = {.pinned = true};
    weir_timer timer = WEIR_TIMER_INIT;
    weir_wg wg = WEIR_WG_INIT;

    must_eq(weir_go(wait_and_count, bed), WEIR_STOPPED);
    must_eq(weir_go_copy(wait_and_count, bed, sizeof *bed), WEIR_STOPPED);
    must_eq(weir_go_with(&pinned, wait_and_count, bed), WEIR_STOPPED);
    must_eq(weir_wg_go(&wg, wait_and_count, bed), WEIR_STOPPED);
    must_eq(weir_wg_wait(&wg, NULL), 0);
    must_eq(weir_run(wait_for_one, bed->c), WEIR_STOPPED);
    must_eq(weir_start(NULL), WEIR_STOPPED);
    must_eq(weir_sleep(1, NULL), WEIR_STOPPED);
    must_eq(weir_timer_set(&timer, 1, add_one, bed), WEIR_STOPPED);
    must_eq(weir_workers(), 0);
    must_eq(weir_tasks(), 2);
}

/* The time of a stop comes also when nobody but the task's worker is there. */
START_TEST(a_task_that_keeps_its_worker)
{
    static const weir_opts of[] = {{.workers = 1}, {.workers = 2}};
    struct bed bed = {ints_new(0), 0};

    must_eq(weir_start(&of[_i]), 0);
    must_eq(weir_go(wait_and_count, &bed), 0);
    must_eq(weir_go(hold_the_worker, &bed), 0);
    while (atomic_load(&hold) == 0)
        sched_yield();
    must_eq(weir_stop(WEIR_MILLISECOND), WEIR_TIMEDOUT);
    nothing_is_accepted(&bed);
    must_eq(weir_stop(0), WEIR_TIMEDOUT);
    nothing_is_accepted(&bed);
    atomic_store(&hold, 2);
    must_eq(stop_leaving(WEIR_FOREVER), 2);
    must_eq(ints_close(bed.c), 0);
    must_eq(weir_start(NULL), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(bed.woken, 2);
    ints_unref(bed.c);
}
END_TEST

#if !defined(WR_TSAN) /* it would call the handler later, in the next task */

static pthread_t worker;
static atomic_bool told, stands;

/* Workers leave signals to other threads. */
static void tell_the_worker(void *arg)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    must_eq(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
    worker = pthread_self();
    atomic_store(&told, true);
    wait_and_count(arg);
}

/* For longer than a task may keep it. */
static void stand_still(int sig)
{
    struct timespec left = {1, 500000000};

    (void)sig;
    atomic_store(&stands, true);
    while (nanosleep(&left, &left) != 0)
        ;
}

/* The machine keeps the worker, and no task. */
START_TEST(a_worker_that_stands_still_is_waited_for)
{
    const weir_opts one = {.workers = 1};
    struct bed bed = {ints_new(0), 0};

    signal(SIGUSR1, stand_still);
    must_eq(weir_start(&one), 0);
    must_eq(weir_go(tell_the_worker, &bed), 0);
    while (!atomic_load(&told) || wr_load(&wr_rt.idle) == 0)
        sched_yield();
    must_eq(pthread_kill(worker, SIGUSR1), 0);
    while (!atomic_load(&stands))
        sched_yield();
    must_eq(weir_stop(0), 1);
    must_eq(ints_close(bed.c), 0);
    must_eq(weir_start(NULL), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    ints_unref(bed.c);
}
END_TEST

#else

START_TEST(a_worker_that_stands_still_is_waited_for)
{
    printf("skipped: handlers on the thread sanitizer's threads\n");
}
END_TEST

#endif

/* As host: the first look makes this thread the worker. */
static void start_with(const weir_opts *o)
{
    must_eq(weir_start(o), 0);
    if (o->hosted)
        must(weir_run_once(0) >= 0);
}

/* Who is pinned to a worker that is there no more goes on on another; woken
 * before that one is started, or after. */
START_TEST(pinned_ones_go_on_with_fewer_workers)
{
    static const weir_opts four = {.workers = 4};
    static const weir_opts fewer[] = {
        {.workers = 1}, {.workers = 3}, {.hosted = true}};
    const weir_task_opts pinned = {.pinned = true};
    struct bed bed = {ints_new(4), 0};
    int i;

    must_eq(weir_start(&four), 0);
    for (i = 0; i < 8; i++)
        must_eq(weir_go_with(&pinned, wait_and_count, &bed), 0);
    must_eq(stop_leaving(WEIR_MILLISECOND), 8);
    for (i = 0; i < 4; i++)
        put(bed.c, i);
    start_with(&fewer[_i]);
    while (weir_tasks() > 4)
        must_eq(weir_sleep(WEIR_MILLISECOND, NULL), 0);
    must_eq(stop_leaving(0), 4);
    must_eq(bed.woken, 4);
    start_with(&fewer[_i]);
    must_eq(ints_close(bed.c), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(bed.woken, 8);
    ints_unref(bed.c);
}
END_TEST

static void sleep_a_little(void *arg)
{
    must_eq(weir_sleep(5 * WEIR_MILLISECOND, NULL), 0);
    add_one(arg);
}

START_TEST(stop_waits_for_sleepers)
{
    atomic_int ran = 0;
    int i;

    for (i = 0; i < 10; i++)
        must_eq(weir_go(sleep_a_little, &ran), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(ran, 10);
}
END_TEST

/* It starts again by itself, from whatever needs it. */
START_TEST(starts_again_by_itself)
{
    atomic_int ran = 0;
    int i;

    for (i = 0; i < check_scale(100); i++) {
        must_eq(weir_go(add_one, &ran), 0);
        must(weir_workers() > 0);
        must_eq(weir_stop(WEIR_FOREVER), 0);
        must_eq(ran, i + 1);
    }
}
END_TEST

/* ---- no deadlock -------------------------------------------------------- */

/* A thread that weir knows nothing of may yet do something. */
static void *send_late(void *arg)
{
    while (weir_tasks() == 0)
        sched_yield();
    settle();
    put(arg, 1);
    return NULL;
}

START_TEST(another_thread_is_no_deadlock)
{
    ints *c = ints_new(0);
    pthread_t thread;
    int i;

    for (i = 0; i < 20; i++) {
        must_eq(pthread_create(&thread, NULL, send_late, c), 0);
        must_eq(weir_run(wait_for_one, c), 0);
        must_eq(pthread_join(thread, NULL), 0);
    }
    ints_unref(c);
}
END_TEST

/* A sleeper, or a context with a deadline, will wake: that is none. */
static int wait_for_time(void *arg)
{
    weir_ctx ctx;

    must_eq(weir_sleep(WEIR_MILLISECOND, NULL), 0);
    must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MILLISECOND), 0);
    must_eq(ints_recv(arg, NULL, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_ctx_fini(&ctx), 0);
    return 7;
}

START_TEST(a_timer_is_no_deadlock)
{
    ints *c = ints_new(0);
    int i;

    for (i = 0; i < 5; i++)
        must_eq(weir_run(wait_for_time, c), 7);
    ints_unref(c);
}
END_TEST

/* ---- stopped by somebody else -------------------------------------------- */

struct stage {
    ints *c;
    atomic_bool ended;
};

static int wait_on_stage(void *arg)
{
    struct stage *stage = arg;

    put(stage->c, 1);
    must_eq(ints_recv(stage->c, NULL, NULL), 0);
    stage->ended = true;
    return 7;
}

/* The main task is inside its receive soon after, or about to be. */
static void *stop_it(void *arg)
{
    struct stage *stage = arg;

    must_eq(ints_recv(stage->c, NULL, NULL), 0);
    must_eq(stop_leaving(0), 1);
    return NULL;
}

/* The run ends with the runtime; the main task goes on in the next one. */
START_TEST(a_run_that_another_thread_stops)
{
    struct stage stage = {ints_new(0), false};
    pthread_t thread;

    must_eq(pthread_create(&thread, NULL, stop_it, &stage), 0);
    must_eq(weir_run(wait_on_stage, &stage), WEIR_STOPPED);
    must_eq(pthread_join(thread, NULL), 0);
    must_eq(weir_tasks(), 1);
    put(stage.c, 2);
    must_eq(weir_start(NULL), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must(stage.ended);
    ints_unref(stage.c);
}
END_TEST

CHECK_MAIN(CHECK_TEST(run_returns_the_result_after_all_ended),
           CHECK_TEST(run_is_for_plain_threads), CHECK_TEST(one_run_at_a_time),
           CHECK_TEST(start_takes_options_once),
           CHECK_TEST(options_out_of_range), CHECK_TEST(stop_without_a_runtime),
           CHECK_TEST(negative_time_is_refused),
           CHECK_TEST(what_is_left_is_told_and_goes_on),
           CHECK_LOOP(a_task_that_keeps_its_worker, 2),
           CHECK_TEST(a_worker_that_stands_still_is_waited_for),
           CHECK_LOOP(pinned_ones_go_on_with_fewer_workers, 3),
           CHECK_TEST(stop_waits_for_sleepers),
           CHECK_TEST(starts_again_by_itself),
           CHECK_TEST(a_run_that_another_thread_stops),
           CHECK_TEST(another_thread_is_no_deadlock),
           CHECK_TEST(a_timer_is_no_deadlock))
