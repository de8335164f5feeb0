/* SPDX-License-Identifier: MIT */
/* Parking: a task gives its worker away, a thread sleeps on its parker. */
#include <pthread.h>
#include <stdio.h>
#include "base/mem.h"
#include "port/futex.h"
#include "sched/hosted.h"
#include "sched/state.h"
#include "sched/wait.h"

/*
 * Where a thread sleeps. Kept for the next thread when its thread ends and
 * never freed: a waker may still be on its way to the futex.
 */
struct wr_parker {
    WR_ALIGNED uint32_t token; /* the enum below; a futex */
    uint32_t hosting;          /* it sleeps in the poller, if at all */
    bool uncounted;            /* the owner's; not while it may be woken */
    struct wr_parker *free;
};

enum { NO_TOKEN, TOKEN, SLEEPS };

enum { THREAD_SPINS = 50 }; /* a microsecond or two before the futex */

static __thread struct wr_parker *my_parker;
static struct wr_parker *free_parkers;
static uint32_t free_lock;
static pthread_key_t parker_key;
static pthread_once_t parker_once = PTHREAD_ONCE_INIT;

static void parker_put_back(void *arg)
{
    struct wr_parker *p = arg;
    my_parker = NULL;
    wr_lock(&free_lock);
    p->free = free_parkers;
    free_parkers = p;
    wr_unlock(&free_lock);
}

static void parker_key_make(void)
{
    pthread_key_create(&parker_key, parker_put_back);
}

static struct wr_parker *parker_take(void)
{
    wr_lock(&free_lock);
    struct wr_parker *p = free_parkers;
    if (p)
        free_parkers = p->free;
    wr_unlock(&free_lock);
    return p ? p : wr_alloc_line(sizeof(*p));
}

struct wr_parker *wr_thread_parker(void)
{
    if (wr_likely(my_parker != NULL))
        return my_parker;
    pthread_once(&parker_once, parker_key_make);
    my_parker = parker_take();
    if (my_parker) {
        my_parker->token = 0;
        pthread_setspecific(parker_key, my_parker);
    }
    return my_parker;
}

/* ---- tasks --------------------------------------------------------------- */

void wr_waiter_set_name(struct wr_waiter *w, const char *name)
{
    w->named = w->task != NULL;
    if (w->named)
        snprintf(w->task->on_name, sizeof(w->task->on_name), "%s", name);
}

void wr_waiter_clear_name(struct wr_waiter *w)
{
    wr_store_rlx(&w->task->on_name[0], 0);
    w->named = false;
}

/* ---- threads ------------------------------------------------------------- */

static bool spin_for_token(struct wr_parker *p)
{
    for (int i = 0; i < THREAD_SPINS; i++) {
        if (wr_load_acq(&p->token) == TOKEN)
            return true;
        wr_pause();
    }
    return false;
}

static void await_token(struct wr_parker *p)
{
    uint32_t seen = NO_TOKEN;
    if (spin_for_token(p) || !wr_cas(&p->token, &seen, SLEEPS))
        return;
    if (!p->uncounted)
        wr_add(&wr_rt.threads_slept, 1);
    while (wr_load_acq(&p->token) != TOKEN)
        wr_futex_wait(&p->token, SLEEPS, -1);
}

/* The thread that hosts the runtime runs it while it waits. */
static void await_token_hosting(struct wr_parker *p)
{
    wr_store(&p->hosting, 1);
    wr_hosted_until(&p->token);
    wr_store(&p->hosting, 0);
}

void wr_park_thread(struct wr_parker *p)
{
    if (wr_load_rlx(&wr_rt.hosted) && wr_hosted_here())
        await_token_hosting(p);
    else
        await_token(p);
    wr_store_rlx(&p->token, NO_TOKEN);
}

/* Counted by the waker, who is awake himself: there is no instant at which
 * all seem to be asleep. */
static void wake_thread(struct wr_parker *p)
{
    bool counted = !p->uncounted;
    if (wr_xchg(&p->token, TOKEN) == SLEEPS) {
        if (counted)
            wr_add(&wr_rt.threads_woken, 1);
        wr_futex_wake(&p->token, 1);
    } else if (wr_unlikely(wr_load(&p->hosting)) && !wr_worker_self()) {
        wr_poller_kick(&wr_poller);
    }
}

void wr_thread_uncounted(bool yes)
{
    wr_thread_parker()->uncounted = yes;
}

/* ---- both ---------------------------------------------------------------- */

static void wake(struct wr_waiter *w, bool soon)
{
    if (wr_likely(w->task != NULL))
        wr_task_ready(w->task, soon);
    else
        wake_thread(w->parker);
}

void wr_wake_list(struct wr_waiter *head)
{
    bool alone = head->next == NULL;
    while (head) {
        struct wr_waiter *next = head->next;
        wake(head, alone);
        head = next;
    }
}

void wr_queue_pop_all(struct wr_queue *q, int status, struct wr_wakes *wakes)
{
    struct wr_node *n;
    while ((n = q->head) != NULL) {
        __builtin_prefetch(n->next);
        wr_queue_remove(n);
        n->status = status;
        wr_win(n->waiter, n->index, wakes);
    }
}

void weir_yield(void)
{
    struct wr_worker *w = wr_worker_self();
    if (w && w->current)
        wr_worker_yield(w);
    else
        wr_thread_yield();
}
