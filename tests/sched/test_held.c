/* SPDX-License-Identifier: MIT */
/*
 * Debug builds tell of a task that waits with a pthread mutex held: which
 * task, and where it took the mutex. Who holds none, or is a thread, is left
 * alone. Skipped by name in other builds.
 */
#include <pthread.h>
#include <weir.h>
#include "child.h"

WEIR_CHAN(ints, int);

#if defined(WEIR_DEBUG)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int sleep_with_it(void *arg)
{
    int i;

    (void)arg;
    for (i = 0; i < 3; i++) {
        pthread_mutex_lock(&mutex);
        if (weir_sleep(WEIR_MICROSECOND, NULL) != 0)
            return 1;
        pthread_mutex_unlock(&mutex);
    }
    return 0;
}

static int try_and_yield(void *arg)
{
    (void)arg;
    if (pthread_mutex_trylock(&mutex) != 0)
        return 1;
    weir_yield();
    return pthread_mutex_unlock(&mutex);
}

static int run(void *arg)
{
    return weir_run(*(int (**)(void *))arg, NULL);
}

static size_t times(const char *text, const char *words)
{
    size_t n = 0;

    for (; (text = strstr(text, words)) != NULL; text++)
        n++;
    return n;
}

START_TEST(a_task_that_waits_with_one)
{
    int (*fn)(void *) = _i == 0 ? sleep_with_it : try_and_yield;
    char words[64];
    struct child c;

    child_run(&c, run, &fn);
    ck_assert_int_eq(child_exit(&c), 0);
    child_says(&c, "weir: task \"main\", spawned at ");
    child_says(&c, "waits with a pthread mutex held (0x");
    snprintf(words, sizeof words, "locked at %s+0x",
             _i == 0 ? "sleep_with_it" : "try_and_yield");
    child_says(&c, words);
    ck_assert_uint_eq(times(c.text, "mutex held"), 1);
}
END_TEST

static int lock_between(void *arg)
{
    int i;

    (void)arg;
    for (i = 0; i < 100; i++) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
        if (weir_sleep(1, NULL) != 0)
            return 1;
    }
    return 0;
}

static void send_one(void *arg)
{
    (void)ints_send(arg, 1, NULL);
}

static int thread_waits(void *arg)
{
    ints *c = ints_new(0);
    int v, err;

    (void)arg;
    pthread_mutex_lock(&mutex);
    if (weir_go(send_one, c) != 0)
        return 1;
    err = ints_recv(c, &v, NULL);
    pthread_mutex_unlock(&mutex);
    return err != 0 ? err : weir_stop(WEIR_FOREVER);
}

START_TEST(others_are_left_alone)
{
    int (*fn)(void *) = lock_between;
    struct child c;

    child_run(&c, run, &fn);
    ck_assert_int_eq(child_exit(&c), 0);
    ck_assert_str_eq(c.text, "");
    child_run(&c, thread_waits, NULL);
    ck_assert_int_eq(child_exit(&c), 0);
    ck_assert_str_eq(c.text, "");
}
END_TEST

CHECK_MAIN(CHECK_LOOP(a_task_that_waits_with_one, 2),
           CHECK_TEST(others_are_left_alone))

#else

START_TEST(only_in_debug_builds)
{
    printf("skipped: mutexes are watched in debug builds\n");
}
END_TEST

CHECK_MAIN(CHECK_TEST(only_in_debug_builds))

#endif
