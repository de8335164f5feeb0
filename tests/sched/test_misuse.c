/* SPDX-License-Identifier: MIT */
/*
 * Arguments that a call does not take: WEIR_EINVAL in every build, and in a
 * debug build one line that names the call and what it found.
 */
#include <weir.h>
#include "child.h"

static void nothing(void *arg)
{
    (void)arg;
}

static void (*const no_function)(void *) = NULL;
static weir_mutex unlocked;

static int go(void)
{
    return weir_go(no_function, NULL);
}

static int go_with(void)
{
    const weir_task_opts o = {.stack_size = SIZE_MAX};
    return weir_go_with(&o, nothing, NULL);
}

static int start(void)
{
    const weir_opts o = {.workers = -1};
    return weir_start(&o);
}

static int stop(void)
{
    return weir_stop(-1);
}

static int run_once(void)
{
    return weir_run_once(0);
}

static int set_local(void)
{
    return weir_local_set(NULL, NULL);
}

static int chan_send(void)
{
    return weir_chan_send(NULL, NULL, NULL);
}

static int select_cases(void)
{
    return weir_select(NULL, -1, NULL);
}

static int mutex_unlock(void)
{
    return weir_mutex_unlock(&unlocked);
}

static int wg_wait(void)
{
    return weir_wg_wait(NULL, NULL);
}

static int sem_acquire(void)
{
    return weir_sem_acquire(NULL, 1, NULL);
}

static const struct {
    int (*call)(void);
    const char *words;
} misuses[] = {
    {go, "refuses: no function"},
    {go_with, "weir: weir_go_with refuses: a stack size out of range"},
    {start, "refuses: workers out of range"},
    {stop, "weir: weir_stop refuses: a call from a task, or a negative time"},
    {run_once, "weir: weir_run_once refuses: no hosted runtime"},
    {set_local, "weir: weir_local_set refuses: no key"},
    {chan_send, "weir: weir_chan_send refuses: no channel"},
    {select_cases, "refuses: no cases"},
    {mutex_unlock, "refuses: a mutex that is not locked"},
    {wg_wait, "weir: weir_wg_wait refuses: no wait group"},
    {sem_acquire, "refuses: no semaphore"},
};

enum { MISUSES = sizeof misuses / sizeof misuses[0] };

static int misuse(void *arg)
{
    int (*call)(void) = *(int (**)(void))arg;
    return call() == WEIR_EINVAL ? 0 : 1;
}

START_TEST(is_refused_and_told)
{
    int (*call)(void) = misuses[_i].call;
    struct child c;

    child_run(&c, misuse, &call);
    ck_assert_int_eq(child_exit(&c), 0);
#if defined(WEIR_DEBUG)
    child_says(&c, misuses[_i].words);
#else
    ck_assert_str_eq(c.text, "");
#endif
}
END_TEST

CHECK_MAIN(CHECK_LOOP(is_refused_and_told, MISUSES))
