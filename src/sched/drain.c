/* SPDX-License-Identifier: MIT */
/* How many tasks there are, and waiting for the last: for its end, or for the
 * moment when all are asleep for good. */
#include "port/clock.h"
#include "sched/state.h"
#include "sched/timer.h"

/* ---- counting ------------------------------------------------------------ */

/* Of those that were ever made; NULL behind the last. */
static struct wr_worker *worker_at(int i)
{
    return i < WR_WORKERS_MAX ? wr_load_acq(&wr_rt.workers[i]) : NULL;
}

/* Ended first, then started: a task that ends in between is still counted, so
 * 0 means that at some instant there was none. */
size_t weir_tasks(void)
{
    uint64_t ended = 0, started = 0;
    struct wr_worker *w;
    for (int i = 0; (w = worker_at(i)) != NULL; i++)
        ended += wr_load_acq(&w->ended);
    for (int i = 0; (w = worker_at(i)) != NULL; i++)
        started += wr_load_acq(&w->started);
    started += wr_load(&wr_rt.thread_started);
    return started - ended;
}

int weir_workers(void)
{
    return wr_load_acq(&wr_rt.running) ? wr_rt.nworkers : 0;
}

void wr_outside_enter(void)
{
    wr_add(&wr_rt.outside, 1);
}

void wr_outside_leave(void)
{
    wr_sub(&wr_rt.outside, 1);
}

/* ---- waiting for the last task ------------------------------------------- */

static uint32_t drain_lock;
static struct wr_queue drain_queue;

enum { DRAINED, GAVE_UP };

void wr_drain_answer(int status)
{
    struct wr_wakes wakes = {0};
    wr_lock(&drain_lock);
    wr_queue_pop_all(&drain_queue, status, &wakes);
    wr_unlock(&drain_lock);
    wr_wake(&wakes);
    if (wr_rt.hosted) /* the host drains while it sleeps in the poller */
        wr_poller_kick(&wr_poller);
}

/* A worker that was woken counts as idle until it gets up, and what waits in
 * an inbox waits for that one alone. */
static bool is_called(struct wr_worker *w)
{
    return wr_load(&w->state) == WR_NOTIFIED || wr_load(&w->inbox_len) > 0;
}

/* The idle are counted last: who took what was called for in between is not
 * among them. */
static bool nobody_is_up(void)
{
    if (wr_global_len() > 0)
        return false;
    for (int i = 0; i < wr_rt.nworkers; i++)
        if (is_called(wr_rt.workers[i]))
            return false;
    return wr_load(&wr_rt.idle) == (uint32_t)wr_rt.nworkers;
}

/* Grows with every task that ran, before its worker counts as idle again. */
static uint64_t switches(void)
{
    uint64_t n = 0;
    for (int i = 0; i < wr_rt.nworkers; i++)
        n += wr_load_rlx(&wr_rt.workers[i]->tick);
    return n;
}

/*
 * Nobody runs, and nothing could change that. A look takes time, and what was
 * seen first may be over: a thread wakes a task and ends, a timer fires. What
 * they woke has run meanwhile or is about to, which a second look tells.
 */
static bool all_asleep(void)
{
    uint64_t before = switches();
    return nobody_is_up() && wr_foreign_threads() == 0 &&
           !wr_timers_pending() && wr_load(&wr_rt.outside) == 0 &&
           nobody_is_up() && switches() == before;
}

void wr_runtime_idle(void)
{
    if (wr_load(&wr_rt.draining) == 0)
        return;
    if (weir_tasks() == 0)
        wr_drain_answer(0);
    else if (wr_load(&wr_rt.watch_deadlock) && all_asleep())
        wr_drain_answer(WEIR_DEADLOCK);
}

int wr_drain(int64_t timeout)
{
    struct wr_waiter me;
    struct wr_node n;
    struct wr_deadline d;
    wr_thread_uncounted(true);
    wr_waiter_init(&me);
    wr_node_init(&n, &me, &drain_queue, &drain_lock, DRAINED, NULL);
    wr_lock(&drain_lock);
    wr_queue_push(&n);
    wr_unlock(&drain_lock);
    bool limited = timeout != WEIR_FOREVER;
    if (limited)
        wr_deadline_set(&d, &me, GAVE_UP, wr_clock() + timeout);
    wr_add(&wr_rt.draining, 1);
    if (weir_tasks() == 0)
        wr_drain_answer(0);
    else if (!wr_load(&wr_rt.running))
        wr_drain_answer(WEIR_STOPPED);
    for (int i = 0; i < wr_rt.nworkers; i++)
        wr_worker_wake(wr_rt.workers[i]);
    uint32_t who = wr_park(&me, WR_ON_NOTHING, NULL);
    wr_sub(&wr_rt.draining, 1);
    wr_node_leave(&n, who);
    if (limited)
        wr_deadline_leave(&d, who);
    wr_thread_uncounted(false);
    return who == DRAINED ? n.status : WEIR_TIMEDOUT;
}
