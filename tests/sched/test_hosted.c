/* SPDX-License-Identifier: MIT */
/*
 * A host with its own poll() loop: whatever gives the runtime something to do
 * (a task, a timer, a descriptor, another thread) makes its descriptor
 * readable; weir_run_once does it, on one thread only.
 */
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir.h>
#include "weir_check.h"

WEIR_CHAN(ints, int);

static const weir_opts hosted = {.hosted = true};

/* The host's loop: sleeps in poll alone, until *done is as wanted. */
static void loop_until(atomic_int *done, int wanted)
{
    struct pollfd p = {.fd = weir_poll_fd(), .events = POLLIN};

    ck_assert_int_ge(p.fd, 0);
    while (atomic_load(done) != wanted) {
        ck_assert_int_eq(poll(&p, 1, -1), 1);
        ck_assert_int_ge(weir_run_once(0), 0);
    }
}

static void start(void)
{
    ck_assert_int_eq(weir_start(&hosted), 0);
    ck_assert_int_eq(weir_workers(), 1);
    ck_assert_int_eq(weir_run_once(0), 0);
}

static void stop(void)
{
    ck_assert_int_eq(weir_stop(0), 0);
    ck_assert_int_eq(weir_workers(), 0);
}

static atomic_int done;

static void count(void *arg)
{
    (void)arg;
    atomic_fetch_add(&done, 1);
}

static void count_after_yields(void *arg)
{
    int i;
    for (i = 0; i < 1000; i++)
        weir_yield();
    count(arg);
}

START_TEST(tasks_of_the_hosts_own)
{
    int i;

    start();
    for (i = 0; i < 300; i++)
        ck_assert_int_eq(weir_go(count_after_yields, NULL), 0);
    loop_until(&done, 300);
    stop();
}
END_TEST

START_TEST(tasks_from_before_the_first_call)
{
    ck_assert_int_eq(weir_start(&hosted), 0);
    ck_assert_int_eq(weir_go(count, NULL), 0);
    loop_until(&done, 1);
    stop();
}
END_TEST

/* ---- what brings work ---------------------------------------------------- */

static void sleep_then_count(void *arg)
{
    ck_assert_int_eq(weir_sleep(*(int64_t *)arg, NULL), 0);
    count(NULL);
}

START_TEST(a_timer)
{
    int64_t ns[] = {30 * WEIR_MILLISECOND, WEIR_MILLISECOND, 1};
    size_t i;

    start();
    for (i = 0; i < 3; i++)
        ck_assert_int_eq(weir_go(sleep_then_count, &ns[i]), 0);
    loop_until(&done, 3);
    stop();
}
END_TEST

static void read_then_count(void *arg)
{
    char c;
    ck_assert_int_eq(weir_read(*(int *)arg, &c, 1, NULL), 1);
    count(NULL);
}

static void *write_one(void *arg)
{
    return write(*(int *)arg, "x", 1) == 1 ? NULL : arg;
}

START_TEST(a_descriptor)
{
    int ends[2], i;
    pthread_t t;

    start();
    ck_assert_int_eq(pipe(ends), 0);
    for (i = 1; i <= 100; i++) {
        ck_assert_int_eq(weir_go(read_then_count, &ends[0]), 0);
        ck_assert_int_eq(pthread_create(&t, NULL, write_one, &ends[1]), 0);
        loop_until(&done, i);
        ck_assert_int_eq(pthread_join(t, NULL), 0);
    }
    stop();
}
END_TEST

static int one_more(void *arg)
{
    return *(int *)arg + 1;
}

static void call_then_count(void *arg)
{
    ck_assert_int_eq(weir_blocking(one_more, arg), *(int *)arg + 1);
    count(NULL);
}

START_TEST(a_blocking_call)
{
    int i;

    start();
    for (i = 1; i <= 100; i++) {
        ck_assert_int_eq(weir_go(call_then_count, &i), 0);
        loop_until(&done, i);
    }
    stop();
}
END_TEST

static void *start_tasks(void *arg)
{
    int i;
    for (i = 0; i < *(int *)arg; i++)
        if (weir_go(count, NULL) != 0)
            abort();
    return NULL;
}

START_TEST(another_thread)
{
    int n = check_scale(20000);
    pthread_t t;

    start();
    ck_assert_int_eq(pthread_create(&t, NULL, start_tasks, &n), 0);
    loop_until(&done, n);
    ck_assert_int_eq(pthread_join(t, NULL), 0);
    stop();
}
END_TEST

static void *send_some(void *arg)
{
    int i;
    for (i = 1; i <= 1000; i++)
        if (ints_send(arg, i, NULL) != 0)
            abort();
    return NULL;
}

static void receive_all(void *arg)
{
    int v, sum = 0;
    while (sum < 1000 * 1001 / 2 && ints_recv(arg, &v, NULL) == 0)
        sum += v;
    count(NULL);
}

START_TEST(a_channel_from_a_thread)
{
    ints *c = ints_new(0);
    pthread_t t;

    start();
    ck_assert_int_eq(weir_go(receive_all, c), 0);
    ck_assert_int_eq(pthread_create(&t, NULL, send_some, c), 0);
    loop_until(&done, 1);
    ck_assert_int_eq(pthread_join(t, NULL), 0);
    ints_unref(c);
    stop();
}
END_TEST

/* A call that waits, made by the host itself, runs the tasks meanwhile. */
static void send_one(void *arg)
{
    ck_assert_int_eq(ints_send(arg, 7, NULL), 0);
}

START_TEST(the_host_itself_may_wait)
{
    ints *c = ints_new(0);
    int v = 0;

    start();
    ck_assert_int_eq(weir_go(send_one, c), 0);
    ck_assert_int_eq(ints_recv(c, &v, NULL), 0);
    ck_assert_int_eq(v, 7);
    ck_assert_int_eq(weir_sleep(WEIR_MILLISECOND, NULL), 0);
    ints_unref(c);
    stop();
}
END_TEST

START_TEST(with_a_timeout)
{
    int64_t ns = WEIR_MILLISECOND;

    start();
    ck_assert_int_eq(weir_run_once(WEIR_MILLISECOND), 0);
    ck_assert_int_eq(weir_go(sleep_then_count, &ns), 0);
    while (atomic_load(&done) == 0)
        ck_assert_int_ge(weir_run_once(WEIR_FOREVER), 0);
    stop();
}
END_TEST

/* ---- who may call -------------------------------------------------------- */

static void calls_from_a_task(void *arg)
{
    ck_assert_int_eq(weir_run_once(0), WEIR_EINVAL);
    ck_assert_int_eq(weir_stop(0), WEIR_EINVAL);
    count(arg);
}

static int main_task(void *arg)
{
    (void)arg;
    return 0;
}

static void *calls_from_a_thread(void *arg)
{
    ck_assert_int_eq(weir_run_once(0), WEIR_EINVAL);
    ck_assert_int_eq(weir_stop(0), WEIR_EINVAL);
    ck_assert_int_eq(weir_workers(), 1);
    return arg;
}

START_TEST(on_one_thread_outside_tasks)
{
    pthread_t t;

    start();
    ck_assert_int_eq(weir_run_once(-1), WEIR_EINVAL);
    ck_assert_int_eq(weir_run(main_task, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_go(calls_from_a_task, NULL), 0);
    loop_until(&done, 1);
    ck_assert_int_eq(pthread_create(&t, NULL, calls_from_a_thread, NULL), 0);
    ck_assert_int_eq(pthread_join(t, NULL), 0);
    ck_assert_int_eq(weir_run_once(0), 0);
    stop();
}
END_TEST

START_TEST(not_without_a_host)
{
    ck_assert_int_eq(weir_run_once(0), WEIR_EINVAL);
    ck_assert_int_eq(weir_poll_fd(), WEIR_EINVAL);
    ck_assert_int_eq(weir_start(NULL), 0);
    ck_assert_int_eq(weir_run_once(0), WEIR_EINVAL);
    ck_assert_int_eq(weir_poll_fd(), WEIR_EINVAL);
    ck_assert_int_eq(weir_stop(0), 0);
}
END_TEST

/* ---- the end ------------------------------------------------------------- */

static void receive_one(void *arg)
{
    int v;
    (void)ints_recv(arg, &v, NULL);
    count(NULL);
}

START_TEST(a_stop_drains)
{
    int64_t ns = 10 * WEIR_MILLISECOND;
    int i;

    for (i = 1; i <= 3; i++) {
        start();
        ck_assert_int_eq(weir_go(sleep_then_count, &ns), 0);
        ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
        ck_assert_int_eq(atomic_load(&done), i);
    }
}
END_TEST

START_TEST(what_is_left_goes_on_after_a_restart)
{
    ints *c = ints_new(0);

    start();
    ck_assert_int_eq(weir_go(receive_one, c), 0);
    ck_assert_int_eq(weir_stop(WEIR_MILLISECOND), 1);
    start();
    ck_assert_int_eq(ints_send(c, 1, NULL), 0);
    loop_until(&done, 1);
    stop();
    ints_unref(c);
}
END_TEST

/* Another thread may be the host the next time. */
static void *host_once(void *arg)
{
    start();
    if (weir_go(count, NULL) != 0)
        abort();
    loop_until(&done, atomic_load(&done) + 1);
    stop();
    return arg;
}

START_TEST(each_run_has_a_host_of_its_own)
{
    pthread_t t;
    int i;

    for (i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_create(&t, NULL, host_once, NULL), 0);
        ck_assert_int_eq(pthread_join(t, NULL), 0);
        (void)host_once(NULL);
    }
    ck_assert_int_eq(weir_go(count, NULL), 0);
    ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
    ck_assert_int_eq(atomic_load(&done), 7);
}
END_TEST

static void nothing(void *arg)
{
    (void)arg;
}

static void burst(void *arg)
{
    int i;

    for (i = 0; i < 100000; i++)
        if (weir_go(nothing, NULL) != 0)
            abort();
    atomic_fetch_add(&done, 1);
    (void)arg;
}

/* Sanitizers' allocators do not tell. */
START_TEST(memory_of_a_burst_comes_back)
{
    start();
    size_t before = mallinfo2().uordblks;
    ck_assert_int_eq(weir_go(burst, NULL), 0);
    loop_until(&done, atomic_load(&done) + 1);
    while (weir_tasks() > 0 || mallinfo2().uordblks > before + (1 << 20))
        (void)weir_run_once(WEIR_MILLISECOND);
    stop();
}
END_TEST

CHECK_MAIN(CHECK_TEST(tasks_of_the_hosts_own),
           CHECK_TEST(tasks_from_before_the_first_call), CHECK_TEST(a_timer),
           CHECK_TEST(a_descriptor), CHECK_TEST(a_blocking_call),
           CHECK_TEST(another_thread), CHECK_TEST(a_channel_from_a_thread),
           CHECK_TEST(the_host_itself_may_wait), CHECK_TEST(with_a_timeout),
           CHECK_TEST(on_one_thread_outside_tasks),
           CHECK_TEST(not_without_a_host), CHECK_TEST(a_stop_drains),
           CHECK_TEST(what_is_left_goes_on_after_a_restart),
           CHECK_TEST(each_run_has_a_host_of_its_own),
           CHECK_TEST(memory_of_a_burst_comes_back))
