/* SPDX-License-Identifier: MIT */
/*
 * From the handler to a worker.
 *
 * The handler adds one to the signal's count and rings a bell that the
 * poller watches. The worker that hears it silences the bell first and then
 * takes the counts, so a signal that comes in between rings again: none is
 * left lying. The bell is opened once and never closed, for a handler may be
 * on its way to it at any time.
 *
 * The list of subscribers, who is wanted by how many, and the former
 * dispositions are under one lock, which the handler does not take.
 */
#include "sched/signal.h"

#include <errno.h>
#include <signal.h>
#include <weir/base.h>
#include <sys/epoll.h>
#include "base/mem.h"
#include "port/atomic.h"
#include "port/lock.h"
#include "sched/fd.h"
#include "sched/runtime.h"

enum { SIGNALS = 64 }; /* as many as fit a mask; Linux has them on x86, ARM */

struct hook {
    struct wr_signal_sub sub;
    void (*fn)(void);
};

static uint32_t lock;
static struct wr_signal_sub *subs; /* in the order of their ids */
static uint64_t last_id;
static uint32_t wanted[SIGNALS + 1];
static struct sigaction former[SIGNALS + 1]; /* constant while wanted */
static struct hook *hooks[SIGNALS + 1];
static bool listening; /* between start and stop */

static uint32_t arrived[SIGNALS + 1]; /* the handler adds, a worker takes */
static int bell = -1; /* set once, under the lock, before the first handler */

static uint64_t bit(int sig)
{
    return UINT64_C(1) << (sig - 1);
}

bool wr_signal_valid(int sig)
{
    struct sigaction now;
    return sig >= 1 && sig <= SIGNALS && sig != SIGKILL && sig != SIGSTOP &&
           sigaction(sig, NULL, &now) == 0;
}

/* ---- the handler --------------------------------------------------------- */

/* Raised by an instruction of the thread's own, not sent: going on would run
 * into it again. */
static bool is_fault(int sig, const siginfo_t *info)
{
    return info->si_code > 0 &&
           (sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL ||
            sig == SIGTRAP);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    int saved = errno;
    (void)context;
    if (is_fault(sig, info)) {
        sigaction(sig, &former[sig], NULL);
    } else if (wr_forked()) {
        sigaction(sig, &former[sig], NULL);
        raise(sig);
    } else {
        wr_add(&arrived[sig], 1);
        wr_bell_ring(wr_load_acq(&bell));
    }
    errno = saved;
}

static int install(int sig)
{
    struct sigaction ours = {.sa_sigaction = on_signal,
                             .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    sigfillset(&ours.sa_mask);
    wr_store(&arrived[sig], 0);
    if (sigaction(sig, NULL, &former[sig]) || sigaction(sig, &ours, NULL))
        return -errno;
    return 0;
}

/* Unless the program has set another one meanwhile. */
static void uninstall(int sig)
{
    struct sigaction now;
    if (sigaction(sig, NULL, &now) == 0 && now.sa_flags & SA_SIGINFO &&
        now.sa_sigaction == on_signal)
        sigaction(sig, &former[sig], NULL);
}

/* ---- subscribers, under the lock ----------------------------------------- */

static void unwant(uint64_t mask)
{
    for (int sig = 1; sig <= SIGNALS; sig++)
        if (mask & bit(sig) && --wanted[sig] == 0)
            uninstall(sig);
}

static int want(uint64_t mask)
{
    for (int sig = 1; sig <= SIGNALS; sig++) {
        if (!(mask & bit(sig)))
            continue;
        int err = wanted[sig] == 0 ? install(sig) : 0;
        if (err) {
            unwant(mask & (bit(sig) - 1));
            return err;
        }
        wanted[sig]++;
    }
    return 0;
}

static int watch_bell(void)
{
    return wr_poller_watch(&wr_poller, bell, EPOLLIN | EPOLLET,
                           WR_TOKEN_SIGNALS);
}

static int open_bell(void)
{
    if (bell >= 0)
        return 0;
    int fd = wr_bell_open();
    if (fd < 0)
        return fd;
    wr_store_rel(&bell, fd);
    return listening ? watch_bell() : 0;
}

static struct wr_signal_sub **place_after(uint64_t id)
{
    struct wr_signal_sub **p = &subs;
    while (*p && (*p)->id <= id)
        p = &(*p)->next;
    return p;
}

/* ---- subscribers --------------------------------------------------------- */

int wr_signal_add(struct wr_signal_sub *s)
{
    wr_lock(&lock);
    int err = open_bell();
    if (!err)
        err = want(s->mask);
    if (!err) {
        s->id = ++last_id;
        s->users = 1;
        s->next = NULL;
        *place_after(s->id) = s;
    }
    wr_unlock(&lock);
    return err;
}

static void let_go(struct wr_signal_sub *s)
{
    wr_lock(&lock);
    bool over = --s->users == 0;
    wr_unlock(&lock);
    if (over)
        s->release(s);
}

void wr_signal_remove(struct wr_signal_sub *s)
{
    wr_lock(&lock);
    *place_after(s->id - 1) = s->next;
    unwant(s->mask);
    wr_unlock(&lock);
    let_go(s);
}

/* The next one after id that wants sig, held against its release. */
static struct wr_signal_sub *hold_next(int sig, uint64_t id)
{
    wr_lock(&lock);
    struct wr_signal_sub *s = *place_after(id);
    while (s && !(s->mask & bit(sig)))
        s = s->next;
    if (s)
        s->users++;
    wr_unlock(&lock);
    return s;
}

static void deliver(int sig, uint32_t count)
{
    struct wr_signal_sub *s;
    for (uint64_t id = 0; (s = hold_next(sig, id)) != NULL; let_go(s)) {
        id = s->id;
        s->deliver(s, sig, count);
    }
}

/* ---- hooks --------------------------------------------------------------- */

static void hook_deliver(struct wr_signal_sub *s, int sig, uint32_t count)
{
    (void)sig, (void)count;
    ((struct hook *)s)->fn();
}

static void hook_release(struct wr_signal_sub *s)
{
    wr_free(s);
}

static struct hook *swap_hook(int sig, struct hook *h)
{
    wr_lock(&lock);
    struct hook *old = hooks[sig];
    hooks[sig] = h;
    wr_unlock(&lock);
    return old;
}

static int hook_new(int sig, void (*fn)(void), struct hook **out)
{
    struct hook *h = *out = wr_alloc(sizeof(*h));
    if (!h)
        return WEIR_ENOMEM;
    h->sub.mask = bit(sig);
    h->sub.deliver = hook_deliver;
    h->sub.release = hook_release;
    h->fn = fn;
    int err = wr_signal_add(&h->sub);
    if (err)
        wr_free(h);
    return err;
}

int wr_signal_hook(int sig, void (*fn)(void))
{
    struct hook *h = NULL;
    if (!wr_signal_valid(sig))
        return WEIR_EINVAL;
    int err = fn ? hook_new(sig, fn, &h) : 0;
    if (err)
        return err;
    struct hook *old = swap_hook(sig, h);
    if (old)
        wr_signal_remove(&old->sub);
    return 0;
}

/* ---- the runtime's side -------------------------------------------------- */

void wr_signals_event(void)
{
    wr_bell_silence(wr_load_acq(&bell));
    for (int sig = 1; sig <= SIGNALS; sig++) {
        uint32_t count =
            wr_load_rlx(&arrived[sig]) ? wr_xchg(&arrived[sig], 0) : 0;
        if (count)
            deliver(sig, count);
    }
}

int wr_signals_start(void)
{
    wr_lock(&lock);
    listening = true;
    int err = bell >= 0 ? watch_bell() : 0;
    wr_unlock(&lock);
    return err;
}

void wr_signals_stop(void)
{
    wr_lock(&lock);
    listening = false;
    wr_unlock(&lock);
}
