/* SPDX-License-Identifier: MIT */
/*
 * The message for a stack overflow. A fault in the guard of the running
 * task's stack is told apart from any other; then, and for every other fault,
 * the disposition that was there before takes over. Everything here is safe
 * in a signal handler: it formats by hand and writes.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/line.h"
#include "port/symbol.h"
#include "sched/state.h"

enum { ALT_STACK = 32 << 10 };

static struct sigaction before;
static bool installed;

static void report(const struct wr_task *t)
{
    char text[512], site[WR_SYMBOL_MAX];
    struct wr_line l = wr_line_in(text, sizeof(text));
    const char *quote = t->name ? "\"" : "";
    wr_symbol(t->site, site, sizeof(site));
    wr_line_put(&l, "weir: stack overflow in task ");
    wr_line_put(&l, quote);
    wr_line_put(&l, t->name ? t->name : "unnamed");
    wr_line_put(&l, quote);
    wr_line_put(&l, ", spawned at ");
    wr_line_put(&l, site);
    wr_line_put(&l, ", stack size ");
    wr_line_put_number(&l, wr_stack_size(wr_slot_class(t->slot)), 10);
    wr_line_put(&l, " bytes; weir_go_with takes a larger stack_size\n");
    ssize_t written = write(STDERR_FILENO, l.text, l.len);
    (void)written;
}

void wr_overflow_check(const struct wr_task *t)
{
    if (wr_slot_intact(t->slot))
        return;
    report(t);
    abort();
}

static void on_fault(int sig, siginfo_t *info, void *ucontext)
{
    int saved = errno;
    struct wr_worker *w = wr_worker_self();
    struct wr_task *t = w ? w->current : NULL;
    if (info->si_code > 0 && t && wr_slot_guard_hit(t->slot, info->si_addr))
        report(t);
    errno = saved;
    if (before.sa_flags & SA_SIGINFO && before.sa_sigaction) {
        before.sa_sigaction(sig, info, ucontext);
    } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(sig);
    } else if (info->si_code > 0 || before.sa_handler == SIG_DFL) {
        /* A faulting instruction runs again, a signal that was sent is sent
         * again; either ends the process as it would have without us. */
        signal(sig, SIG_DFL);
        if (info->si_code <= 0)
            raise(sig);
    }
}

/* Ours may be there already, below a handler that was put on top and calls
 * it: installed a second time the two would call each other. */
void wr_overflow_install(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault,
                           .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&sa.sa_mask);
    if (!installed)
        installed = sigaction(SIGSEGV, &sa, &before) == 0;
}

/* Only if nobody has put another handler on top. */
void wr_overflow_remove(void)
{
    struct sigaction now;
    if (!installed || sigaction(SIGSEGV, NULL, &now))
        return;
    if (now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_fault)
        installed = sigaction(SIGSEGV, &before, NULL) != 0;
}

void *wr_overflow_thread_enter(void)
{
    stack_t old;
    if (sigaltstack(NULL, &old) == 0 && !(old.ss_flags & SS_DISABLE))
        return NULL;
    stack_t ss = {.ss_size = ALT_STACK, .ss_sp = malloc(ALT_STACK)};
    if (ss.ss_sp && sigaltstack(&ss, NULL)) {
        free(ss.ss_sp);
        ss.ss_sp = NULL;
    }
    return ss.ss_sp;
}

void wr_overflow_thread_leave(void *stack)
{
    stack_t off = {.ss_flags = SS_DISABLE};
    if (!stack)
        return;
    sigaltstack(&off, NULL);
    free(stack);
}
