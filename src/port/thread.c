/* SPDX-License-Identifier: MIT */
#include "port/thread.h"

#include <sched.h>
#include <signal.h>
#include <weir/base.h>

static void block_signals(sigset_t *old)
{
    sigset_t all;
    sigfillset(&all);
    /* Faults of the thread's own stay deliverable: the overflow report. */
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGABRT);
    sigdelset(&all, SIGTRAP);
    sigdelset(&all, SIGPROF);
    pthread_sigmask(SIG_SETMASK, &all, old);
}

int wr_thread_start(wr_thread *t, const char *name, void *(*fn)(void *),
                    void *arg)
{
    sigset_t old;
    block_signals(&old);
    int err = pthread_create(t, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (err)
        return WEIR_ENOMEM;
    if (name)
        pthread_setname_np(*t, name);
    return 0;
}

void wr_thread_join(wr_thread t)
{
    pthread_join(t, NULL);
}

void wr_thread_detach(wr_thread t)
{
    pthread_detach(t);
}

wr_thread wr_thread_self(void)
{
    return pthread_self();
}

void wr_thread_name(const char *name)
{
    pthread_setname_np(pthread_self(), name);
}

void wr_thread_yield(void)
{
    sched_yield();
}
