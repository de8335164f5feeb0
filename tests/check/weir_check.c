/* SPDX-License-Identifier: MIT */
/*
 * The limit has three lines of defence, each for the failure of the one
 * before: the watchdog thread dumps and fails the test; an alarm ends the
 * process when the dump hangs; Check's parent kills it a little later still.
 */
#include "weir_check.h"
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <weir.h>

#if defined(WR_HAVE_VALGRIND)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#if defined(__has_feature)
#define CHECK_FEATURE(name) __has_feature(name)
#else
#define CHECK_FEATURE(name) 0
#endif

#if defined(__SANITIZE_THREAD__) || CHECK_FEATURE(thread_sanitizer)
#define BUILD_SPEED 0.1
#elif defined(__SANITIZE_ADDRESS__) || CHECK_FEATURE(address_sanitizer)
#define BUILD_SPEED 0.2
#elif defined(WR_COVERAGE) /* each step counts, by a locked operation */
#define BUILD_SPEED 0.2
#else
#define BUILD_SPEED 1.0
#endif
#define VALGRIND_SPEED 0.02

enum { DEFAULT_LIMIT = 60, DUMP_SECONDS = 10, LEAST_ROUNDS = 10 };

/* The case that runs. Check's fixtures have no argument, so the parent counts
 * the cases off as it comes to each, and the test's process inherits it. */
static const struct check_entry *current, *upcoming;

static double number_from(const char *variable)
{
    const char *text = getenv(variable);
    double value = text != NULL ? strtod(text, NULL) : 0;

    return value > 0 ? value : 1;
}

static double speed(void)
{
    return RUNNING_ON_VALGRIND ? VALGRIND_SPEED : BUILD_SPEED;
}

bool check_is_slow(void)
{
    return speed() < 1;
}

int check_scale(int n)
{
    double scaled = n * speed() * number_from("WEIR_TEST_SCALE");
    int least = n < LEAST_ROUNDS ? n : LEAST_ROUNDS;

    if (scaled >= INT32_MAX)
        return INT32_MAX;
    return scaled > least ? (int)scaled : least;
}

/* The limit in seconds of this build under this environment. */
static double limit_of(const struct check_entry *e)
{
    double limit = e->limit > 0 ? e->limit : DEFAULT_LIMIT;
    double scale = number_from("WEIR_TEST_SCALE");

    if (check_is_slow())
        limit *= 3;
    return scale > 1 ? limit * scale : limit;
}

static void sleep_for(double seconds)
{
    struct timespec left;

    left.tv_sec = (time_t)seconds;
    left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

/* From here on SIGALRM ends the process, whatever the test made of it. */
static void arm_alarm(void)
{
    sigset_t set;

    signal(SIGALRM, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    alarm(DUMP_SECONDS);
}

/* A test that forks must not do so while the watchdog starts: the locks that
 * a sanitizer's allocator holds then would stay locked in the child. */
static sem_t watching;

static void *watch(void *arg)
{
    const double limit = limit_of(current);

    (void)arg;
    sem_post(&watching);
    sleep_for(limit);
    arm_alarm();
    fprintf(stderr, "%s: still running after %g s; its tasks:\n",
            current->test->name, limit);
    weir_dump(stderr);
    fflush(stderr);
    ck_abort_msg("hung: no end after %g s", limit);
    return NULL;
}

/* Fixtures; they run in the test's process, before the test. */

/* A sanitizer's handler would turn the expected signal into an exit. */
static void let_signal_kill(void)
{
    signal(current->signal, SIG_DFL);
}

static void start_watchdog(void)
{
    sigset_t all, old;
    pthread_attr_t attr;
    pthread_t thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    ck_assert_int_eq(sem_init(&watching, 0, 0), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, watch, NULL), 0);
    while (sem_wait(&watching) != 0)
        ;
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static bool is_wanted(const struct check_entry *e)
{
    const char *only = getenv("CK_RUN_CASE");

    return only == NULL || strcmp(only, e->test->name) == 0;
}

/* Runs in the parent, before the rounds of each case that is wanted. */
static void next_case(void)
{
    while (!is_wanted(upcoming))
        upcoming++;
    current = upcoming++;
}

static TCase *case_of(const struct check_entry *e, bool forks)
{
    TCase *tc = tcase_create(e->test->name);

    tcase_set_timeout(tc, limit_of(e) + 2 * DUMP_SECONDS);
    tcase_add_unchecked_fixture(tc, next_case, NULL);
    if (forks)
        tcase_add_checked_fixture(tc, start_watchdog, NULL);
    if (e->signal != 0)
        tcase_add_checked_fixture(tc, let_signal_kill, NULL);
    _tcase_add_test(tc, e->test, e->signal, e->exit_code, 0, e->rounds);
    return tc;
}

int check_main(const struct check_entry *entries, size_t n)
{
    Suite *suite = suite_create(program_invocation_short_name);
    SRunner *runner = srunner_create(suite);
    bool forks = srunner_fork_status(runner) == CK_FORK;
    int failed;
    size_t i;

    upcoming = entries;
    for (i = 0; i < n; i++)
        if (is_wanted(&entries[i]))
            suite_add_tcase(suite, case_of(&entries[i], forks));
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
