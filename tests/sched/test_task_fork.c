/* SPDX-License-Identifier: MIT */
/*
 * After a fork the child has no workers: every call that would need them
 * says WEIR_FORKED instead of waiting for ever. The parent notices nothing,
 * and a child that becomes another program is well.
 */
#include <sys/wait.h>
#include <unistd.h>
#include "../chan/parties.h"

static void nothing(void *arg)
{
    (void)arg;
}

static int main_task(void *arg)
{
    (void)arg;
    return 0;
}

static int wait_for_child(pid_t child)
{
    int status = -1;

    must(child > 0);
    must_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* In the child no assertion may be used: the number of the first call that
 * answered otherwise is the exit status. */
static int first_wrong_answer(ints *c)
{
    int v = 1;

    if (weir_go(nothing, NULL) != WEIR_FORKED)
        return 1;
    if (weir_start(NULL) != WEIR_FORKED)
        return 2;
    if (weir_run(main_task, NULL) != WEIR_FORKED)
        return 3;
    if (weir_stop(0) != WEIR_FORKED)
        return 4;
    if (ints_recv(c, &v, NULL) != WEIR_FORKED)
        return 5;
    if (weir_sleep(1, NULL) != WEIR_FORKED && weir_sleep(1, NULL) != 0)
        return 6;
    return 0;
}

START_TEST(child_of_a_running_runtime)
{
    ints *c = ints_new(0);
    pid_t child;
    int i;

    must_eq(weir_start(NULL), 0);
    for (i = 0; i < 3; i++) {
        must_eq(weir_go(nothing, NULL), 0);
        child = fork();
        if (child == 0)
            _exit(first_wrong_answer(c));
        must_eq(wait_for_child(child), 0);
    }
    must_eq(weir_go(nothing, NULL), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    ints_unref(c);
}
END_TEST

static void fork_and_exec(void *arg)
{
    pid_t child = fork();

    if (child == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(9);
    }
    must_eq(wait_for_child(child), 0);
    atomic_fetch_add((atomic_int *)arg, 1);
}

START_TEST(exec_from_a_task)
{
    const weir_task_opts roomy = {.stack_size = (size_t)1 << 20};
    atomic_int ran = 0;
    int i;

    for (i = 0; i < 5; i++)
        must_eq(weir_go_with(&roomy, fork_and_exec, &ran), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(ran, 5);
}
END_TEST

/* Where no runtime was, there is none to be dead. The thread sanitizer lets
 * no child of a process with threads (one watches this test) start its own. */
START_TEST(child_before_the_first_start)
{
    pid_t child = fork();

#if defined(__SANITIZE_THREAD__)
    if (child == 0)
        _exit(0);
#endif
    if (child == 0)
        _exit(weir_run(main_task, NULL) == 0 ? 0 : 1);
    must_eq(wait_for_child(child), 0);
}
END_TEST

CHECK_MAIN(CHECK_TEST(child_of_a_running_runtime), CHECK_TEST(exec_from_a_task),
           CHECK_TEST(child_before_the_first_start))
