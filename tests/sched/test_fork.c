/* SPDX-License-Identifier: MIT */
/*
 * A fork by a task: the child is on the task's stack with no worker beneath.
 * It may exec or exit; if its function returns, the child ends. The parent's
 * tasks, timers and channels go on.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <weir.h>
#include "child.h"

WEIR_CHAN(ints, int);

static int status_of(pid_t pid)
{
    int status = -1;

    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int wait_for(void *arg)
{
    return status_of(*(pid_t *)arg);
}

/* Returns twice; the child's return is its end. */
static void fork_and_return(void *arg)
{
    pid_t pid = fork();

    if (pid == 0)
        return;
    if (weir_blocking(wait_for, &pid) != EXIT_FAILURE)
        abort();
    atomic_fetch_add((atomic_int *)arg, 1);
}

START_TEST(a_child_that_returns_ends)
{
    const weir_task_opts pinned = {.pinned = true};
    atomic_int parents = 0;
    int i;

    for (i = 0; i < 5; i++) {
        ck_assert_int_eq(weir_go(fork_and_return, &parents), 0);
        ck_assert_int_eq(weir_go_with(&pinned, fork_and_return, &parents), 0);
    }
    ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
    ck_assert_int_eq(atomic_load(&parents), 10);
}
END_TEST

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void never(void *arg)
{
    (void)arg;
}

/* What waits says so instead of waiting; what need not wait may work. The
 * number of the first wrong answer. */
static int first_wrong_answer(ints *c)
{
    struct {
        int want, got;
    } answers[] = {
        {WEIR_FORKED, weir_go(never, NULL)},
        {WEIR_FORKED, weir_start(NULL)},
        {WEIR_FORKED, weir_stop(0)},
        {WEIR_FORKED, weir_run(nothing, NULL)},
        {WEIR_FORKED, ints_send(c, 1, NULL)},
        {WEIR_FORKED, ints_recv(c, &(int){0}, NULL)},
        {WEIR_FORKED, weir_sleep(WEIR_SECOND, NULL)},
        {0, weir_in_task()},
    };
    size_t i;

    for (i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (answers[i].got != answers[i].want)
            return (int)i + 1;
    weir_yield();
    weir_dump(stderr);
    return 0;
}

struct forker {
    ints *c;
    int wrong;
};

static void fork_and_ask(void *arg)
{
    struct forker *f = arg;
    pid_t pid = fork();

    if (pid == 0)
        _exit(first_wrong_answer(f->c));
    f->wrong = weir_blocking(wait_for, &pid);
}

START_TEST(a_childs_calls_say_so)
{
    struct forker f = {ints_new(0), -1};

    ck_assert_int_eq(weir_go(fork_and_ask, &f), 0);
    ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
    ck_assert_int_eq(f.wrong, 0);
    ints_unref(f.c);
}
END_TEST

static void exec_true(void *arg)
{
    pid_t pid = fork();

    if (pid == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(9);
    }
    if (weir_blocking(wait_for, &pid) != 0)
        abort();
    atomic_fetch_add((atomic_int *)arg, 1);
}

START_TEST(exec_from_tasks_and_threads)
{
    atomic_int ran = 0;
    int i;

    for (i = 0; i < 10; i++)
        ck_assert_int_eq(weir_go(exec_true, &ran), 0);
    for (i = 0; i < 10; i++)
        exec_true(&ran);
    ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
    ck_assert_int_eq(atomic_load(&ran), 20);
}
END_TEST

CHECK_MAIN(CHECK_TEST(a_child_that_returns_ends),
           CHECK_TEST(a_childs_calls_say_so),
           CHECK_TEST(exec_from_tasks_and_threads))
