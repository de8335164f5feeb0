/* SPDX-License-Identifier: MIT */
/* Signals as channel values. */
#include <signal.h>
#include <sys/wait.h>
#include "fds.h"
#include "sched/sanitize.h"
#include "sched/signal.h"

static int next_signal(weir_chan *c)
{
    int sig = 0;
    must_eq(weir_chan_recv(c, &sig, NULL), 0);
    return sig;
}

/* One that is still on its way at the end of a test kills nobody. */
static void ignore(int sig)
{
    signal(sig, SIG_IGN);
}

static void send_signals(void *arg)
{
    int i;
    (void)arg;
    for (i = 0; i < 3; i++) {
        must_eq(kill(getpid(), SIGUSR1), 0);
        must_eq(kill(getpid(), SIGUSR2), 0);
    }
}

BEHAVIOUR(each_signal_arrives_with_its_number)
{
    ignore(SIGUSR1);
    ignore(SIGUSR2);
    weir_chan *one = weir_signal_chan(SIGUSR1, 0);
    weir_chan *both = weir_signal_chan(SIGUSR2, SIGUSR1, 0);
    must(one && both);
    must_eq(weir_chan_cap(one), 16);
    must_eq(kill(getpid(), SIGUSR1), 0);
    must_eq(next_signal(one), SIGUSR1);
    must_eq(next_signal(both), SIGUSR1);
    must_eq(kill(getpid(), SIGUSR2), 0);
    must_eq(next_signal(both), SIGUSR2);
    must_eq(weir_chan_len(one), 0);
    crew_go(crew, send_signals, NULL);
    must_eq(next_signal(one), SIGUSR1);
    crew_wait(crew);
    must_eq(weir_signal_stop(one), 0);
    must_eq(weir_signal_stop(both), 0);
}

static void await_stop(void *arg)
{
    int sig, n = 0;
    while (weir_chan_recv(arg, &sig, NULL) == 0) {
        must_eq(sig, SIGHUP);
        n++;
    }
    must(n >= 1);
    weir_chan_unref(arg);
}

BEHAVIOUR(a_stop_closes_the_channel)
{
    weir_chan *c = weir_signal_chan(SIGHUP, 0), *marker;
    must(c != NULL);
    crew_go(crew, await_stop, weir_chan_ref(c));
    marker = weir_signal_chan(SIGHUP, 0); /* later: served after c */
    must_eq(kill(getpid(), SIGHUP), 0);
    must_eq(next_signal(marker), SIGHUP);
    must_eq(weir_signal_stop(c), 0);
    crew_wait(crew);
    must_eq(weir_signal_stop(marker), 0);
}

BEHAVIOUR(what_finds_it_full_is_merged)
{
    weir_chan *full = weir_signal_chan(SIGUSR1, 0);
    weir_chan *marker = weir_signal_chan(SIGUSR1, 0);
    int i;
    (void)crew;
    for (i = 0; i < 100; i++) {
        must_eq(kill(getpid(), SIGUSR1), 0);
        must_eq(next_signal(marker), SIGUSR1);
    }
    must_eq(weir_chan_len(full), 16);
    for (i = 0; i < 16; i++)
        must_eq(next_signal(full), SIGUSR1);
    must_eq(kill(getpid(), SIGUSR1), 0);
    must_eq(next_signal(full), SIGUSR1);
    must_eq(weir_signal_stop(full), 0);
    must_eq(weir_signal_stop(marker), 0);
}

BEHAVIOUR(a_burst_keeps_no_other_out)
{
    weir_chan *two = weir_signal_chan(SIGUSR1, SIGTERM, 0);
    weir_chan *marker = weir_signal_chan(SIGUSR1, SIGTERM, 0);
    int i;
    (void)crew;
    for (i = 0; i < 40; i++) {
        const int sig = i % 20 == 19 ? SIGTERM : SIGUSR1;
        must_eq(kill(getpid(), sig), 0);
        must_eq(next_signal(marker), sig);
    }
    for (i = 0; i < 16; i++)
        must_eq(next_signal(two), SIGUSR1);
    must_eq(next_signal(two), SIGTERM);
    must_eq(weir_chan_len(two), 0);
    must_eq(weir_signal_stop(two), 0);
    must_eq(weir_signal_stop(marker), 0);
}

/* ---- dispositions -------------------------------------------------------- */

static void (*handler_of(int sig))(int)
{
    struct sigaction now;
    must_eq(sigaction(sig, NULL, &now), 0);
    return now.sa_handler;
}

static void mine(int sig)
{
    (void)sig;
}

START_TEST(the_last_stop_restores_the_disposition)
{
    weir_chan *a, *b;
    signal(SIGUSR1, mine);
    signal(SIGUSR2, SIG_IGN);
    a = weir_signal_chan(SIGUSR1, SIGUSR2, 0);
    b = weir_signal_chan(SIGUSR1, 0);
    must(handler_of(SIGUSR1) != mine && handler_of(SIGUSR2) != SIG_IGN);
    must_eq(weir_signal_stop(a), 0);
    must(handler_of(SIGUSR1) != mine && handler_of(SIGUSR2) == SIG_IGN);
    must_eq(weir_signal_stop(b), 0);
    must(handler_of(SIGUSR1) == mine);
}
END_TEST

START_TEST(what_the_program_set_meanwhile_stays)
{
    weir_chan *c = weir_signal_chan(SIGUSR1, 0);
    signal(SIGUSR1, mine);
    must_eq(weir_signal_stop(c), 0);
    must(handler_of(SIGUSR1) == mine);
}
END_TEST

START_TEST(what_cannot_be_asked_for)
{
    static const int bad[] = {0, -1, 65, 1000, 32, SIGKILL, SIGSTOP, INT32_MIN};
    weir_chan *c;
    size_t i;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        must(weir_signal_chan(bad[i], 0) == NULL);
    must(weir_signal_chan(SIGUSR1, SIGKILL, 0) == NULL);
    must(handler_of(SIGUSR1) == SIG_DFL);
    must_eq(weir_signal_stop(NULL), WEIR_EINVAL);
    c = weir_chan_new(sizeof(int), 1);
    must_eq(weir_signal_stop(c), WEIR_EINVAL);
    weir_chan_unref(c);
    must(weir_signal_chan(SIGRTMAX, SIGRTMIN, 0) != NULL);
}
END_TEST

START_TEST(a_fault_stays_a_fault)
{
    volatile int *volatile here = (volatile int *)(uintptr_t)64;
    signal(SIGFPE, SIG_DFL);
    must(weir_signal_chan(SIGFPE, SIGSEGV, SIGBUS, 0) != NULL);
    *here = 1;
}
END_TEST

START_TEST(a_fault_that_was_sent_arrives)
{
    weir_chan *c = weir_signal_chan(SIGFPE, 0);
    must_eq(kill(getpid(), SIGFPE), 0);
    must_eq(next_signal(c), SIGFPE);
    must_eq(weir_signal_stop(c), 0);
}
END_TEST

/* ---- with the runtime ---------------------------------------------------- */

/* A child that sends SIGTERM once it is told to. */
static int start_sender(pid_t *child)
{
    int fd[2];
    char c;
    must_eq(pipe(fd), 0);
    *child = fork();
    must(*child >= 0);
    if (*child == 0) {
        close(fd[1]);
        _exit(read(fd[0], &c, 1) == 1 && kill(getppid(), SIGTERM) == 0 ? 0 : 1);
    }
    close(fd[0]);
    return fd[1];
}

static int only_a_signal_can_wake(void *arg)
{
    weir_chan *c = weir_signal_chan(SIGTERM, 0);
    must(c != NULL);
    must_eq(write(*(int *)arg, "x", 1), 1);
    must_eq(next_signal(c), SIGTERM);
    return weir_signal_stop(c);
}

START_TEST(waiting_for_a_signal_is_no_deadlock)
{
    pid_t child;
    int status, fd = start_sender(&child);
    must_eq(weir_run(only_a_signal_can_wake, &fd), 0);
    must_eq(waitpid(child, &status, 0), child);
    must_eq(status, 0);
}
END_TEST

START_TEST(a_channel_lives_on_over_a_restart)
{
    weir_chan *c = weir_signal_chan(SIGUSR1, 0);
    int i;
    for (i = 0; i < 5; i++) {
        must_eq(weir_stop(WEIR_FOREVER), 0);
        must_eq(kill(getpid(), SIGUSR1), 0);
        must_eq(weir_start(NULL), 0);
        must_eq(next_signal(c), SIGUSR1);
        must_eq(kill(getpid(), SIGUSR1), 0);
        must_eq(next_signal(c), SIGUSR1);
    }
    must_eq(weir_signal_stop(c), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

/* The thread sanitizer calls no handlers in the child of a program with
 * threads. */
#if defined(WR_TSAN)
enum { HANDLERS_IN_A_CHILD = 0 };
#else
enum { HANDLERS_IN_A_CHILD = 1 };
#endif

START_TEST(a_forked_child_dies_of_it)
{
    signal(SIGTERM, SIG_DFL);
    weir_chan *c = weir_signal_chan(SIGTERM, 0);
    int status;
    pid_t child = fork();
    must(child >= 0);
    if (child == 0) {
        must_eq(weir_signal_stop(c), WEIR_FORKED);
        raise(HANDLERS_IN_A_CHILD ? SIGTERM : SIGKILL);
        _exit(1);
    }
    must_eq(waitpid(child, &status, 0), child);
    must(WIFSIGNALED(status) &&
         (WTERMSIG(status) == SIGTERM || !HANDLERS_IN_A_CHILD));
    must_eq(weir_signal_stop(c), 0);
}
END_TEST

/* ---- many come and go ---------------------------------------------------- */

static void subscribe(void *arg)
{
    int i, n = check_scale(300);
    (void)arg;
    for (i = 0; i < n; i++) {
        weir_chan *c = weir_signal_chan(SIGUSR1, SIGUSR2, 0);
        int sig;
        must(c != NULL);
        must_eq(kill(getpid(), SIGUSR1), 0);
        must_eq(weir_chan_recv(c, &sig, NULL), 0);
        must(sig == SIGUSR1);
        must_eq(weir_signal_stop(c), 0);
    }
}

BEHAVIOUR(channels_come_and_go_while_signals_do)
{
    ignore(SIGUSR1);
    weir_chan *always = weir_signal_chan(SIGUSR1, 0);
    int i;
    for (i = 0; i < 4; i++)
        crew_go(crew, subscribe, NULL);
    crew_wait(crew);
    must_eq(weir_signal_stop(always), 0);
}

static weir_wg hooked;

static void hook(void)
{
    weir_wg_done(&hooked);
}

START_TEST(a_hook_is_called_on_a_worker)
{
    weir_chan *c;
    int i;
    must_eq(weir_start(NULL), 0);
    must_eq(wr_signal_hook(SIGUSR2, hook), 0);
    must_eq(wr_signal_hook(SIGUSR2, hook), 0);
    for (i = 0; i < 10; i++) {
        must_eq(weir_wg_add(&hooked, 1), 0);
        must_eq(kill(getpid(), SIGUSR2), 0);
        must_eq(weir_wg_wait(&hooked, NULL), 0);
    }
    c = weir_signal_chan(SIGUSR2, 0);
    must_eq(wr_signal_hook(SIGUSR2, NULL), 0);
    must_eq(kill(getpid(), SIGUSR2), 0);
    must_eq(next_signal(c), SIGUSR2);
    must_eq(weir_signal_stop(c), 0);
    must(handler_of(SIGUSR2) == SIG_DFL);
    must_eq(wr_signal_hook(0, hook), WEIR_EINVAL);
}
END_TEST

CHECK_MAIN(CHECK_MODES(each_signal_arrives_with_its_number),
           CHECK_MODES(a_stop_closes_the_channel),
           CHECK_MODES(what_finds_it_full_is_merged),
           CHECK_MODES(a_burst_keeps_no_other_out),
           CHECK_TEST(the_last_stop_restores_the_disposition),
           CHECK_TEST(what_the_program_set_meanwhile_stays),
           CHECK_TEST(what_cannot_be_asked_for),
           CHECK_DIES(a_fault_stays_a_fault, SIGSEGV),
           CHECK_TEST(a_fault_that_was_sent_arrives),
           CHECK_TEST(waiting_for_a_signal_is_no_deadlock),
           CHECK_TEST(a_channel_lives_on_over_a_restart),
           CHECK_TEST(a_forked_child_dies_of_it),
           CHECK_MODES(channels_come_and_go_while_signals_do),
           CHECK_TEST(a_hook_is_called_on_a_worker))
