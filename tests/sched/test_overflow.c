/* SPDX-License-Identifier: MIT */
/*
 * A task that runs off its stack is named, with its spawn site and the size of
 * the stack; then the process dies by SIGSEGV as it would have anyway, or the
 * handler that was there before has its say. Other faults are left alone.
 */
#include <sched.h>
#include <stdatomic.h>
#include <weir.h>
#include "child.h"
#include "sched/sanitize.h"
#include "sched/stack.h"

static volatile char sink;

/* Not a tail call, and every frame is touched. */
static __attribute__((noinline)) int deeper(int n)
{
    volatile char room[256];

    room[0] = (char)n;
    sink = room[0];
    if (n < 0)
        return 0;
    return deeper(n + 1) + room[0];
}

static void dive(void *arg)
{
    (void)arg;
    sink = (char)deeper(0);
}

static int run_main(void *arg)
{
    return weir_go_with(arg, dive, NULL);
}

static int dive_with(void *arg)
{
    signal(SIGSEGV, SIG_DFL);
    return weir_run(run_main, arg);
}

static const struct {
    weir_task_opts o;
    const char *size;
} sizes[] = {
    {{.name = "diver"}, "65536"},
    {{.name = "diver", .stack_size = 1}, "16384"},
    {{.name = "diver", .stack_size = 16384}, "16384"},
    {{.name = "diver", .stack_size = 100000}, "131072"},
    {{.name = "diver", .stack_size = 8 << 20}, "8388608"},
    {{.name = "diver", .pinned = true}, "65536"},
};

enum { SIZES = sizeof sizes / sizeof sizes[0] };

START_TEST(name_site_and_size_are_told)
{
    weir_task_opts o = sizes[_i].o;
    char words[64];
    struct child c;

    child_run(&c, dive_with, &o);
    ck_assert(WIFSIGNALED(c.status) && WTERMSIG(c.status) == SIGSEGV);
    child_says(&c, "weir: stack overflow in task \"diver\", "
                   "spawned at run_main+0x");
    snprintf(words, sizeof words, ", stack size %s bytes;", sizes[_i].size);
    child_says(&c, words);
}
END_TEST

static int dive_nameless(void *arg)
{
    signal(SIGSEGV, SIG_DFL);
    if (weir_go(dive, arg) != 0)
        return 1;
    return weir_stop(WEIR_FOREVER);
}

START_TEST(a_task_without_a_name)
{
    struct child c;

    child_run(&c, dive_nameless, NULL);
    ck_assert(WIFSIGNALED(c.status) && WTERMSIG(c.status) == SIGSEGV);
    child_says(&c, "in task unnamed, spawned at dive_nameless+0x");
}
END_TEST

/* ---- where no guard is to be had ----------------------------------------- */

/* Some bytes too deep, which nobody stops; and back again. */
static __attribute__((noinline)) void dip(void)
{
    volatile char room[(64 << 10) + 512];

    memset((char *)room, 1, sizeof room);
    sink = room[0];
}

static void dip_and_wait(void *arg)
{
    dip();
    weir_sleep(WEIR_MILLISECOND, NULL);
    (void)arg;
}

static int dip_unguarded(void *arg)
{
    static const weir_task_opts diver = {.name = "diver"};

    signal(SIGABRT, SIG_DFL);
    wr_stack_limit_guards(0);
    if (weir_go_with(&diver, dip_and_wait, arg) != 0)
        return 1;
    return weir_stop(WEIR_FOREVER);
}

START_TEST(a_canary_stands_for_a_guard)
{
    struct child c;

#if defined(WR_ASAN)
    printf("skipped: the sanitizer is faster\n");
    return;
#endif
    child_run(&c, dip_unguarded, NULL);
    ck_assert(WIFSIGNALED(c.status) && WTERMSIG(c.status) == SIGABRT);
    child_says(&c, "weir: stack overflow in task \"diver\"");
}
END_TEST

/* ---- who had the signal before ------------------------------------------- */

static void old_simple(int sig)
{
    static const char words[] = "the old handler\n";
    (void)!write(STDERR_FILENO, words, sizeof words - 1);
    _exit(sig == SIGSEGV ? 40 : 1);
}

static void old_with_info(int sig, siginfo_t *info, void *context)
{
    (void)context;
    _exit(sig == SIGSEGV && info->si_addr ? 41 : 1);
}

static int chain_simple(void *arg)
{
    signal(SIGSEGV, old_simple);
    return weir_run(run_main, arg);
}

static int chain_with_info(void *arg)
{
    struct sigaction sa = {.sa_sigaction = old_with_info,
                           .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &sa, NULL);
    return weir_run(run_main, arg);
}

START_TEST(the_handler_before_has_its_say)
{
    weir_task_opts o = {.name = "diver"};
    struct child c;

    child_run(&c, chain_simple, &o);
    ck_assert_int_eq(child_exit(&c), 40);
    child_says(&c, "stack overflow in task \"diver\"");
    child_says(&c, "the old handler\n");
    child_run(&c, chain_with_info, &o);
    ck_assert_int_eq(child_exit(&c), 41);
    child_says(&c, "stack overflow in task \"diver\"");
}
END_TEST

static struct sigaction below;

static void on_top(int sig, siginfo_t *info, void *context)
{
    static atomic_int calls;

    if (atomic_fetch_add(&calls, 1) > 0)
        _exit(3);
    below.sa_sigaction(sig, info, context);
}

/* A handler on top of ours that calls it, and a second start: each is asked
 * once. */
static int restart_below_another(void *arg)
{
    struct sigaction sa = {.sa_sigaction = on_top,
                           .sa_flags = SA_SIGINFO | SA_ONSTACK};

    signal(SIGSEGV, old_simple);
    if (weir_start(NULL) != 0)
        return 1;
    sigaction(SIGSEGV, &sa, &below);
    if (weir_stop(0) != 0)
        return 2;
    return weir_run(run_main, arg);
}

START_TEST(a_handler_on_top_stays_on_top)
{
    weir_task_opts o = {.name = "diver"};
    struct child c;

    child_run(&c, restart_below_another, &o);
    ck_assert_int_eq(child_exit(&c), 40);
    child_says(&c, "stack overflow in task \"diver\"");
}
END_TEST

static bool is_handled(void)
{
    struct sigaction now;
    sigaction(SIGSEGV, NULL, &now);
    return now.sa_flags & SA_SIGINFO || now.sa_handler != SIG_DFL;
}

static int handlers_come_and_go(void *arg)
{
    const weir_opts leave_it = {.no_segv = true};

    (void)arg;
    signal(SIGSEGV, SIG_DFL);
    if (weir_start(NULL) != 0 || !is_handled())
        return 1;
    if (weir_stop(0) != 0 || is_handled())
        return 2;
    if (weir_start(&leave_it) != 0 || is_handled())
        return 3;
    if (weir_stop(0) != 0 || weir_start(NULL) != 0 || !is_handled())
        return 4;
    return weir_stop(0);
}

START_TEST(the_disposition_is_given_back)
{
    struct child c;

    child_run(&c, handlers_come_and_go, NULL);
    ck_assert_int_eq(child_exit(&c), 0);
}
END_TEST

static int dive_unwatched(void *arg)
{
    const weir_opts leave_it = {.no_segv = true};

    if (weir_start(&leave_it) != 0)
        return 1;
    return dive_with(arg);
}

START_TEST(not_told_where_that_is_asked)
{
    weir_task_opts o = {.name = "diver"};
    struct child c;

    child_run(&c, dive_unwatched, &o);
    ck_assert(WIFSIGNALED(c.status) && WTERMSIG(c.status) == SIGSEGV);
    child_does_not_say(&c, "weir:");
}
END_TEST

/* ---- other faults -------------------------------------------------------- */

static void touch_null(void *arg)
{
    *(volatile int *)((uintptr_t)arg + 64) = 1;
}

static int task_touches_null(void *arg)
{
    signal(SIGSEGV, SIG_DFL);
    if (weir_go(touch_null, arg) != 0)
        return 1;
    return weir_stop(WEIR_FOREVER);
}

static int thread_touches_null(void *arg)
{
    signal(SIGSEGV, SIG_DFL);
    if (weir_start(NULL) != 0)
        return 1;
    touch_null(arg);
    return 2;
}

static int signal_is_sent(void *arg)
{
    (void)arg;
    signal(SIGSEGV, SIG_DFL);
    if (weir_start(NULL) != 0)
        return 1;
    raise(SIGSEGV);
    return 2;
}

START_TEST(other_faults_are_no_overflow)
{
    static int (*const faults[])(void *) = {
        task_touches_null, thread_touches_null, signal_is_sent};
    struct child c;

    child_run(&c, faults[_i], NULL);
    ck_assert(WIFSIGNALED(c.status) && WTERMSIG(c.status) == SIGSEGV);
    child_does_not_say(&c, "weir:");
}
END_TEST

/* ---- on the host's thread ------------------------------------------------ */

static int dive_hosted(void *arg)
{
    const weir_opts hosted = {.hosted = true};

    signal(SIGSEGV, SIG_DFL);
    if (weir_start(&hosted) != 0 || weir_go_with(arg, dive, NULL) != 0)
        return 1;
    while (weir_run_once(WEIR_FOREVER) >= 0)
        ;
    return 2;
}

START_TEST(told_in_a_hosts_thread_too)
{
    weir_task_opts o = {.name = "diver"};
    struct child c;

    child_run(&c, dive_hosted, &o);
    ck_assert(WIFSIGNALED(c.status) && WTERMSIG(c.status) == SIGSEGV);
    child_says(&c, "stack overflow in task \"diver\", spawned at dive_hosted+");
}
END_TEST

CHECK_MAIN(CHECK_LOOP(name_site_and_size_are_told, SIZES),
           CHECK_TEST(a_task_without_a_name),
           CHECK_TEST(a_canary_stands_for_a_guard),
           CHECK_TEST(the_handler_before_has_its_say),
           CHECK_TEST(a_handler_on_top_stays_on_top),
           CHECK_TEST(the_disposition_is_given_back),
           CHECK_TEST(not_told_where_that_is_asked),
           CHECK_LOOP(other_faults_are_no_overflow, 3),
           CHECK_TEST(told_in_a_hosts_thread_too))
