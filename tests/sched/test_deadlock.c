/* SPDX-License-Identifier: MIT */
/*
 * Under weir_run a program whose tasks can never run again is told so, with
 * what each of them waits on; and never is it told while a timer, a
 * descriptor, a blocking call, a signal channel or a thread could wake one.
 */
#include <pthread.h>
#include <sched.h>
#include <weir.h>
#include "child.h"
#include "sched/state.h"

WEIR_CHAN(ints, int);

/* What a child exits with when weir_run said WEIR_DEADLOCK. */
enum { TOLD = 77 };

/* For a thread: comes back when there is nobody left to run. */
static void until_all_are_idle(void)
{
    while (wr_load(&wr_rt.idle) != (uint32_t)weir_workers())
        sched_yield();
}

static int run(int (*fn)(void *))
{
    const weir_opts two = {.workers = 2};
    int result;

    if (weir_start(&two) != 0)
        return 99;
    result = weir_run(fn, NULL);
    return result == WEIR_DEADLOCK ? TOLD : result;
}

static int run_in_child(void *arg)
{
    return run(*(int (**)(void *))arg);
}

static void check_told(int (*fn)(void *), const char *waits_on)
{
    struct child c;

    child_run(&c, run_in_child, &fn);
    ck_assert_int_eq(child_exit(&c), TOLD);
    child_says(&c, "weir: all tasks are asleep\n");
    child_says(&c, waits_on);
}

/* ---- deadlocks ----------------------------------------------------------- */

static int receive_from_nobody(void *arg)
{
    const weir_chan_opts o = {.elem_size = sizeof(int), .name = "orders"};
    weir_chan *c = weir_chan_new_with(&o);
    int v;

    (void)arg;
    return weir_chan_recv(c, &v, NULL);
}

static int send_to_nobody(void *arg)
{
    const weir_chan_opts o = {
        .elem_size = sizeof(int), .capacity = 1, .name = "results"};
    weir_chan *c = weir_chan_new_with(&o);
    int v = 1;

    (void)arg;
    if (weir_chan_send(c, &v, NULL) != 0)
        return 1;
    return weir_chan_send(c, &v, NULL);
}

static int select_without_cases(void *arg)
{
    (void)arg;
    return weir_select(NULL, 0, NULL);
}

static int select_of_nothing(void *arg)
{
    int v = 0;
    weir_case cases[] = {WEIR_RECV(NULL, &v), WEIR_SEND(NULL, &v)};

    (void)arg;
    return weir_select(cases, 2, NULL);
}

static weir_wg never_done;

static int wait_for_wg(void *arg)
{
    (void)arg;
    weir_wg_add(&never_done, 1);
    return weir_wg_wait(&never_done, NULL);
}

static weir_mutex mutex;

static int lock_twice(void *arg)
{
    (void)arg;
    if (weir_mutex_lock(&mutex, NULL) != 0)
        return 1;
    return weir_mutex_lock(&mutex, NULL);
}

static void wait_for_other(void *arg)
{
    int v;
    weir_task_name("the other");
    (void)ints_recv(arg, &v, NULL);
}

static int each_waits_for_the_other(void *arg)
{
    ints *c = ints_new(0), *d = ints_new(0);
    int v;

    (void)arg;
    if (weir_go(wait_for_other, c) != 0)
        return 1;
    return ints_recv(d, &v, NULL);
}

static void block_for_ever(void *arg)
{
    int v;
    (void)ints_recv(arg, &v, NULL);
}

/* The main task has returned; what it left behind is a deadlock all the
 * same. */
static int leave_one_behind(void *arg)
{
    (void)arg;
    return weir_go(block_for_ever, ints_new(0));
}

static const struct {
    int (*fn)(void *);
    const char *waits_on;
} deadlocks[] = {
    {receive_from_nobody, "\"main\": waits on channel receive \"orders\" for "},
    {send_to_nobody, "\"main\": waits on channel send \"results\" for "},
    {select_without_cases, "\"main\": waits on select"},
    {select_of_nothing, "\"main\": waits on select"},
    {wait_for_wg, "\"main\": waits on wait group"},
    {lock_twice, "\"main\": waits on mutex"},
    {each_waits_for_the_other, "\"the other\": waits on channel receive"},
    {leave_one_behind, "waits on channel receive"},
};

enum { DEADLOCKS = sizeof deadlocks / sizeof deadlocks[0] };

START_TEST(all_asleep_is_told_with_the_reason)
{
    check_told(deadlocks[_i].fn, deadlocks[_i].waits_on);
}
END_TEST

START_TEST(the_dump_names_the_place)
{
    int (*fn)(void *) = each_waits_for_the_other;
    struct child c;

    child_run(&c, run_in_child, &fn);
    ck_assert_int_eq(child_exit(&c), TOLD);
    child_says(&c, "spawned at each_waits_for_the_other+0x");
    child_says(&c, "weir: 2 tasks left at the stop:\n");
    ck_assert(strstr(c.text, "weir: all tasks are asleep\n") == c.text);
}
END_TEST

/* The runtime serves on after a deadlock. */
static int ended(void *arg)
{
    (void)arg;
    return 3;
}

static int deadlock_then_run(void *arg)
{
    ints *c;

    (void)arg;
    if (run(receive_from_nobody) != TOLD)
        return 1;
    c = ints_new(1);
    if (ints_send(c, 1, NULL) != 0 || weir_tasks() != 1)
        return 2;
    ints_unref(c);
    return 0;
}

START_TEST(a_deadlock_ends_the_run_only)
{
    struct child c;

    child_run(&c, deadlock_then_run, NULL);
    ck_assert_int_eq(child_exit(&c), 0);
}
END_TEST

/* ---- no deadlocks -------------------------------------------------------- */

static int sleep_a_little(void *arg)
{
    (void)arg;
    return weir_sleep(20 * WEIR_MILLISECOND, NULL);
}

static int receive_with_timeout(void *arg)
{
    ints *c = ints_new(0);
    weir_ctx ctx;
    int v;

    (void)arg;
    if (weir_ctx_init_timeout(&ctx, NULL, 20 * WEIR_MILLISECOND) != 0)
        return 1;
    if (ints_recv(c, &v, &ctx) != WEIR_TIMEDOUT)
        return 2;
    weir_ctx_fini(&ctx);
    ints_unref(c);
    return 0;
}

static int write_later(void *arg)
{
    until_all_are_idle();
    return (int)write(*(int *)arg, "x", 1) - 1;
}

static void call_blocking(void *arg)
{
    if (weir_blocking(write_later, arg) != 0)
        abort();
}

/* The reader waits on the descriptor, the other in a blocking call. */
static int read_what_comes_late(void *arg)
{
    int ends[2];
    char byte;

    (void)arg;
    if (pipe(ends) != 0 || weir_go(call_blocking, &ends[1]) != 0)
        return 1;
    return (int)weir_read(ends[0], &byte, 1, NULL) - 1;
}

static int send_signal_later(void *arg)
{
    (void)arg;
    until_all_are_idle();
    return kill(getpid(), SIGUSR2);
}

static void signal_later(void *arg)
{
    (void)arg;
    (void)weir_blocking(send_signal_later, NULL);
}

static int wait_for_signal(void *arg)
{
    weir_chan *c = weir_signal_chan(SIGUSR2, 0);
    int sig = 0;

    (void)arg;
    if (!c || weir_go(signal_later, NULL) != 0)
        return 1;
    if (weir_chan_recv(c, &sig, NULL) != 0)
        return 2;
    weir_signal_stop(c);
    return 0;
}

static void *send_from_thread(void *arg)
{
    until_all_are_idle();
    return ints_send(arg, 1, NULL) == 0 ? NULL : arg;
}

static int receive_from_thread(void *arg)
{
    ints *c = ints_new(0);
    pthread_t t;
    int v;

    (void)arg;
    if (pthread_create(&t, NULL, send_from_thread, c) != 0)
        return 1;
    if (ints_recv(c, &v, NULL) != 0)
        return 2;
    pthread_join(t, NULL);
    ints_unref(c);
    return 0;
}

/* Wakes of pinned tasks go through the inbox of one worker. */
static void pong(void *arg)
{
    ints **c = arg;
    int v;

    while (ints_recv(c[0], &v, NULL) == 0)
        if (ints_send(c[1], v, NULL) != 0)
            abort();
}

static int pinned_rally(void *arg)
{
    const weir_task_opts pinned = {.pinned = true};
    static ints *c[2];
    int i, v;

    (void)arg;
    c[0] = ints_new(0);
    c[1] = ints_new(0);
    if (weir_go_with(&pinned, pong, c) != 0)
        return 1;
    for (i = 0; i < check_scale(20000); i++)
        if (ints_send(c[0], i, NULL) != 0 || ints_recv(c[1], &v, NULL) != 0)
            return 2;
    return ints_close(c[0]);
}

static int (*const sound[])(void *) = {
    sleep_a_little,  receive_with_timeout, read_what_comes_late,
    wait_for_signal, receive_from_thread,  pinned_rally,
};

enum { SOUND = sizeof sound / sizeof sound[0] };

START_TEST(who_can_be_woken_is_no_deadlock)
{
    int (*fn)(void *) = sound[_i];
    struct child c;

    child_run(&c, run_in_child, &fn);
    child_does_not_say(&c, "asleep");
    ck_assert_int_eq(child_exit(&c), 0);
}
END_TEST

/* ---- a thread that could have, and did not ------------------------------- */

static void *end_later(void *arg)
{
    until_all_are_idle();
    return arg;
}

static int outlive_a_thread(void *arg)
{
    ints *c = ints_new(0);
    pthread_t t;
    int v;

    (void)arg;
    if (pthread_create(&t, NULL, end_later, NULL) != 0 || pthread_detach(t))
        return 1;
    return ints_recv(c, &v, NULL);
}

START_TEST(told_after_the_last_thread_has_ended)
{
    check_told(outlive_a_thread, "\"main\": waits on channel receive");
}
END_TEST

static void *receive_too(void *arg)
{
    return ints_recv(arg, &(int){0}, NULL) == 0 ? arg : NULL;
}

static int sleep_beside_a_thread(void *arg)
{
    ints *c = ints_new(0);
    pthread_t t;

    (void)arg;
    if (pthread_create(&t, NULL, receive_too, c) != 0)
        return 1;
    return ints_recv(c, &(int){0}, NULL);
}

START_TEST(told_when_the_last_thread_sleeps_itself)
{
    check_told(sleep_beside_a_thread, "\"main\": waits on channel receive");
}
END_TEST

static int sound_run(void *arg)
{
    (void)arg;
    return weir_run(ended, NULL);
}

START_TEST(a_run_that_ends_says_nothing)
{
    struct child c;

    child_run(&c, sound_run, NULL);
    ck_assert_int_eq(child_exit(&c), 3);
    ck_assert_str_eq(c.text, "");
}
END_TEST

CHECK_MAIN(CHECK_LOOP(all_asleep_is_told_with_the_reason, DEADLOCKS),
           CHECK_TEST(the_dump_names_the_place),
           CHECK_TEST(a_deadlock_ends_the_run_only),
           CHECK_LOOP(who_can_be_woken_is_no_deadlock, SOUND),
           CHECK_TEST(told_after_the_last_thread_has_ended),
           CHECK_TEST(told_when_the_last_thread_sleeps_itself),
           CHECK_TEST(a_run_that_ends_says_nothing))
