/* SPDX-License-Identifier: MIT */
/*
 * Sleeping and waking. One of those who sleep does it in the poller, the
 * others each on a word of their own.
 *
 * Who sleeps says so (idle, state) before its last look for work; who brings
 * work queues it before it looks for sleepers. Both are sequentially
 * consistent, so one of the two sees the other.
 */
#include "port/clock.h"
#include "port/futex.h"
#include "sched/state.h"
#include "sched/timer.h"
#include "sched/worker.h"

enum { EVENTS = 128 }; /* of descriptors, taken at once */

void wr_worker_poll(struct wr_worker *w, int64_t timeout)
{
    struct wr_poll_event ev[EVENTS];
    struct wr_wakes wakes = {0};
    int n = wr_poller_wait(&wr_poller, timeout, ev, EVENTS);
    for (int i = 0; i < n; i++)
        wr_fd_event(ev[i].token, ev[i].events, &wakes);
    wr_wake(&wakes);
    wr_store_rlx(&w->now, wr_clock());
    w->polled = w->now;
}

bool wr_worker_wake(struct wr_worker *w)
{
    uint32_t seen = WR_ASLEEP;
    if (!wr_cas(&w->state, &seen, WR_NOTIFIED))
        return false;
    if (wr_load(&w->polling))
        wr_poller_kick(&wr_poller);
    wr_futex_wake(&w->state, 1);
    return true;
}

static bool wake_if(struct wr_worker *w, bool poller)
{
    return wr_load(&w->state) == WR_ASLEEP && wr_load(&w->polling) == poller &&
           wr_worker_wake(w);
}

/* The one in the poller last: somebody should stay there. */
void wr_worker_wake_one(void)
{
    if (wr_load(&wr_rt.idle) == 0)
        return;
    for (int poller = 0; poller < 2; poller++)
        for (int i = 0; i < wr_rt.nworkers; i++)
            if (wake_if(wr_rt.workers[i], poller))
                return;
}

static int64_t until_next_timer(struct wr_worker *w, int64_t limit)
{
    int64_t next = wr_timers_next();
    if (next == WEIR_FOREVER)
        return limit;
    int64_t wait = next > w->now ? next - w->now : 0;
    return limit < 0 || wait < limit ? wait : limit;
}

/* Publishes until when it sleeps before it looks at the timers once more; who
 * sets an earlier timer sees that and kicks. It never sleeps past what it
 * published: the timer of the first look may be gone at the second. */
static void sleep_in_poller(struct wr_worker *w, int64_t limit)
{
    wr_store(&w->polling, 1);
    wr_store(&wr_rt.poller_until, WEIR_FOREVER);
    wr_store_rlx(&w->now, wr_clock());
    int64_t wait = until_next_timer(w, limit);
    wr_store(&wr_rt.poller_until, wait < 0 ? WEIR_FOREVER : w->now + wait);
    if (wr_load(&w->state) == WR_ASLEEP)
        wr_worker_poll(w, until_next_timer(w, wait));
    wr_store(&wr_rt.poller_until, 0);
    wr_store(&w->polling, 0);
    wr_store(&wr_rt.poller_taken, 0);
}

static void sleep_here(struct wr_worker *w, int64_t limit)
{
    if (!wr_xchg(&wr_rt.poller_taken, 1))
        sleep_in_poller(w, limit);
    else
        wr_futex_wait(&w->state, WR_ASLEEP, limit);
}

void wr_worker_idle(struct wr_worker *w, int64_t limit)
{
    wr_store(&w->state, WR_ASLEEP);
    wr_add(&wr_rt.idle, 1);
    if (!wr_worker_elsewhere(w)) {
        wr_runtime_idle();
        sleep_here(w, limit);
    }
    wr_sub(&wr_rt.idle, 1);
    wr_store(&w->state, WR_AWAKE);
    if (wr_load_rlx(&wr_rt.monitor_asleep))
        wr_monitor_wake();
}
