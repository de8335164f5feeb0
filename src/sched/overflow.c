/* SPDX-License-Identifier: MIT */
/*
 * The message for a stack overflow. A fault in the guard of the running
 * task's stack is told apart from any other; then, and for every other fault,
 * the disposition that was there before takes over. Everything here is safe
 * in a signal handler: it formats by hand and writes.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "port/pages.h"
#include "sched/state.h"

enum { ALT_STACK = 32 << 10 };

static struct sigaction before;
static bool installed;

struct line {
    char text[512];
    size_t len;
};

static void put(struct line *l, const char *s)
{
    while (*s && l->len < sizeof(l->text) - 1)
        l->text[l->len++] = *s++;
}

static void put_number(struct line *l, uint64_t v, unsigned base)
{
    char digits[24];
    int i = sizeof(digits) - 1;
    digits[i] = 0;
    do
        digits[--i] = "0123456789abcdef"[v % base];
    while ((v /= base) > 0);
    put(l, digits + i);
}

static void report(const struct wr_task *t)
{
    struct line l = {.len = 0};
    put(&l, "weir: stack overflow in task ");
    put(&l, t->name ? t->name : "(unnamed)");
    put(&l, ", spawned at 0x");
    put_number(&l, (uintptr_t)t->site, 16);
    put(&l, ", stack size ");
    put_number(&l, wr_stack_size(wr_slot_class(t->slot)), 10);
    put(&l, " bytes; start it by weir_go_with and a larger stack_size\n");
    ssize_t put_out = write(STDERR_FILENO, l.text, l.len);
    (void)put_out;
}

static void on_fault(int sig, siginfo_t *info, void *ucontext)
{
    struct wr_worker *w = wr_worker_self();
    struct wr_task *t = w ? w->current : NULL;
    if (t && wr_slot_guard_hit(t->slot, info->si_addr))
        report(t);
    if (before.sa_flags & SA_SIGINFO && before.sa_sigaction) {
        before.sa_sigaction(sig, info, ucontext);
        return;
    }
    if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(sig);
        return;
    }
    /* The faulting instruction runs again, and ends the process as it would
     * have without us. */
    signal(sig, SIG_DFL);
}

void wr_overflow_install(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault,
                           .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&sa.sa_mask);
    installed = sigaction(SIGSEGV, &sa, &before) == 0;
}

/* Only if nobody has put another handler on top. */
void wr_overflow_remove(void)
{
    struct sigaction now;
    if (!installed || sigaction(SIGSEGV, NULL, &now))
        return;
    if (now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_fault)
        sigaction(SIGSEGV, &before, NULL);
    installed = false;
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
