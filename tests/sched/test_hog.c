/* SPDX-License-Identifier: MIT */
/*
 * A task that holds its worker for longer than was set is named, once; from
 * the options or from the environment; values that are none are refused.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <weir.h>
#include "child.h"

/* Standard error is a pipe that the task itself reads: it holds the worker
 * until the warning has come, and hands it on. */
static int ends[2], parent;

static void hold_until_warned(void *arg)
{
    char text[4096];
    ssize_t n = 0;

    (void)arg;
    do
        n += read(ends[0], text + n, sizeof text - 1 - (size_t)n);
    while (!memchr(text, '\n', (size_t)n));
    if (write(parent, text, (size_t)n) != n)
        abort();
}

static int hog(const weir_opts *o)
{
    const weir_task_opts named = {.name = "glutton"};

    parent = dup(STDERR_FILENO);
    if (pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0)
        return 1;
    if (weir_start(o) != 0 || weir_go_with(&named, hold_until_warned, NULL))
        return 2;
    return weir_stop(WEIR_FOREVER);
}

static int hog_by_option(void *arg)
{
    const weir_opts o = {.hog_after = 5 * WEIR_MILLISECOND};
    (void)arg;
    return hog(&o);
}

static int hog_by_environment(void *arg)
{
    (void)arg;
    setenv("WEIR_HOG", "5", 1);
    return hog(NULL);
}

START_TEST(a_hog_is_named)
{
    struct child c;

    child_run(&c, _i == 0 ? hog_by_option : hog_by_environment, NULL);
    ck_assert_int_eq(child_exit(&c), 0);
    child_says(&c, "weir: task \"glutton\", spawned at hog+0x");
    child_says(&c, ", has held worker ");
    child_says(&c, " ms\n");
    /* Since it began, not since the machine did. */
    ck_assert_int_lt(atoll(strstr(c.text, " for ") + 5), 60000);
}
END_TEST

static int bad_environment(void *arg)
{
    setenv("WEIR_HOG", arg, 1);
    return weir_start(NULL) == WEIR_EINVAL ? 0 : 1;
}

static const char *const wrong[] = {
    "soon", "0", "-1", "5ms", "1.5", "99999999999999999999", " "};

enum { WRONG = sizeof wrong / sizeof wrong[0] };

START_TEST(what_is_no_number_is_refused)
{
    struct child c;
    char words[64];

    child_run(&c, bad_environment, (void *)(uintptr_t)wrong[_i]);
    ck_assert_int_eq(child_exit(&c), 0);
    snprintf(words, sizeof words,
             "weir: WEIR_HOG is \"%s\": want a whole number from 1 to ",
             wrong[_i]);
    child_says(&c, words);
}
END_TEST

/* Work that waits behind a task which does not yield is done by others. */
static atomic_int served;

static void serve(void *arg)
{
    (void)arg;
    atomic_store(&served, 1);
}

static void hold_until_served(void *arg)
{
    (void)arg;
    if (weir_go(serve, NULL) != 0)
        abort();
    while (atomic_load(&served) == 0)
        sched_yield();
}

START_TEST(who_waits_behind_a_hog_is_relieved)
{
    const weir_opts two = {.workers = 2};

    ck_assert_int_eq(weir_start(&two), 0);
    ck_assert_int_eq(weir_go(hold_until_served, NULL), 0);
    ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

static int polite(void *arg)
{
    int i;

    for (i = 0; i < 100; i++) {
        weir_yield();
        if (weir_sleep(WEIR_MICROSECOND, NULL) != 0)
            return 1;
    }
    (void)arg;
    return 0;
}

static int run_polite(void *arg)
{
    const weir_opts o = {.hog_after = WEIR_MINUTE};

    if (weir_start(&o) != 0)
        return 1;
    return weir_run(polite, arg);
}

START_TEST(others_are_not)
{
    struct child c;

    child_run(&c, run_polite, NULL);
    ck_assert_int_eq(child_exit(&c), 0);
    ck_assert_str_eq(c.text, "");
}
END_TEST

CHECK_MAIN(CHECK_LOOP(a_hog_is_named, 2),
           CHECK_LOOP(what_is_no_number_is_refused, WRONG),
           CHECK_TEST(who_waits_behind_a_hog_is_relieved),
           CHECK_TEST(others_are_not))
