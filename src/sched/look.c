/* SPDX-License-Identifier: MIT */
/*
 * Looking for work, from a worker's base: clock, timers and poller first, then
 * the global queue, the worker's own, and those of others.
 */
#include "base/rand.h"
#include "port/clock.h"
#include "port/cpu.h"
#include "sched/state.h"
#include "sched/timer.h"
#include "sched/worker.h"

enum {
    SEARCHES = 40,      /* looks of the one worker that spins             */
    POLL_EVERY = 20000, /* ns between looks at the poller under load      */
    RIPE_AFTER = 10000  /* ns in a queue after which work may be stolen   */
};

/* ---- what is due --------------------------------------------------------- */

/* Without sleeping there. The kick that it may have swallowed was meant for
 * one who sleeps there since: it is passed on. */
static void peek_poller(struct wr_worker *w)
{
    wr_worker_poll(w, 0);
    if (wr_load(&wr_rt.poller_taken))
        wr_poller_kick(&wr_poller);
}

/* Clock, timers, and the poller when its look is due. */
static void look_around(struct wr_worker *w)
{
    w->visited = w->tick;
    wr_store_rlx(&w->now, wr_clock());
    if (wr_timers_next() <= w->now)
        wr_timers_run(w->now);
    if (wr_load_rlx(&wr_rt.outside) > 0 && w->now - w->polled > POLL_EVERY &&
        !wr_load_rlx(&wr_rt.poller_taken))
        peek_poller(w);
}

/* More than it can run for a while: another worker is worth its wake-up. New
 * tasks that it got through in between are no backlog. last: the visit before
 * this one. */
static void share_backlog(struct wr_worker *w, int64_t last)
{
    const struct wr_runq *q = &w->runq;
    bool drained = wr_runq_ready(q) == 0 && q->drained != w->backlog_drained;
    w->backlog_drained = q->drained;
    if (wr_runq_len(q) == 0)
        w->backlog_since = INT64_MAX;
    else if (w->backlog_since == INT64_MAX || drained)
        w->backlog_since = last;
    if (w->now - w->backlog_since > WR_SPARE_AFTER) {
        w->backlog_since = w->now;
        wr_worker_wake_one();
    }
}

/* ---- others' work -------------------------------------------------------- */

/* Never more than the queue takes without a spill. */
static bool pick_global(struct wr_worker *w, struct wr_pick *p)
{
    uint64_t len = wr_global_len();
    if (len == 0)
        return false;
    uint32_t max = wr_runq_len(&w->runq) > WR_RING - WR_GRAB ? 1 : WR_GRAB;
    uint64_t share = len / (uint64_t)wr_rt.nworkers + 1;
    max = share < max ? (uint32_t)share : max;
    return wr_worker_keep(w, wr_global_take(w->got, max), p);
}

/*
 * A theft costs both sides about as much as RIPE_AFTER: a barrier in all
 * threads, and the lines of what was stolen. So new tasks may be stolen from a
 * queue that its owner has not emptied of them for that long; bursts that it
 * gets through sooner stay with it.
 */
static bool still_new(const struct wr_watch *watch)
{
    const struct wr_worker *v = watch->victim;
    return v && wr_runq_new(&v->runq) > 0 &&
           wr_load_rlx(&v->runq.drained) == watch->drained;
}

/* One that is not watched yet is from now on, unless another ripens. */
static bool is_ripe(struct wr_worker *w, struct wr_worker *victim)
{
    uint32_t drained = wr_load_rlx(&victim->runq.drained);
    if (wr_runq_new(&victim->runq) == 0)
        return false;
    if (w->watch.victim == victim && w->watch.drained == drained)
        return wr_clock() - w->watch.since >= RIPE_AFTER;
    if (!still_new(&w->watch))
        w->watch = (struct wr_watch){victim, drained, wr_clock()};
    return false;
}

/* One who has something that may be stolen, or NULL. */
static struct wr_worker *find_victim(struct wr_worker *w)
{
    uint32_t n = (uint32_t)wr_rt.nworkers;
    uint32_t start = wr_rand_below(&w->rng, n);
    for (uint32_t i = 0; i < n; i++) {
        struct wr_worker *v = wr_rt.workers[(start + i) % n];
        if (v != w && (wr_runq_ready(&v->runq) > 0 || is_ripe(w, v)))
            return v;
    }
    return NULL;
}

static bool steal(struct wr_worker *w, struct wr_pick *p)
{
    struct wr_worker *v = find_victim(w);
    if (!v)
        return false;
    uint32_t n = wr_runq_steal(&v->runq, w->got, WR_GRAB, is_ripe(w, v));
    return wr_worker_keep(w, n, p);
}

/* New tasks that are not ripe are no reason to stay up: they are their owner's
 * to run, or to call for help with (share_backlog, and the monitor when a task
 * holds it). */
bool wr_worker_elsewhere(struct wr_worker *w)
{
    return wr_global_len() > 0 || wr_load(&w->inbox_len) > 0 ||
           wr_load(&wr_rt.stopping) || find_victim(w);
}

/* At most one worker spins, and briefly: it saves a sleep when partners on
 * threads answer at once, and lets it see something ripen. */
bool wr_worker_search(struct wr_worker *w)
{
    if (wr_load_rlx(&wr_rt.searching) || wr_xchg(&wr_rt.searching, 1))
        return wr_worker_elsewhere(w);
    bool found = false;
    int64_t until = wr_clock() + 2 * RIPE_AFTER;
    for (int i = 0; !found && (i < SEARCHES || still_new(&w->watch)); i++) {
        found = wr_worker_elsewhere(w);
        wr_pause();
        if (i >= SEARCHES && wr_clock() > until)
            break;
    }
    wr_store_rel(&wr_rt.searching, 0);
    return found;
}

bool wr_worker_look(struct wr_worker *w, struct wr_pick *p)
{
    int64_t last = w->now;
    look_around(w);
    share_backlog(w, last);
    return pick_global(w, p) || wr_worker_pick(w, p) || steal(w, p);
}
