/* SPDX-License-Identifier: MIT */
/*
 * The monitor: a thread that looks at the workers now and then and does what
 * a worker cannot do for itself while a task holds it: give its work to
 * another, look at timers and descriptors, end the waits that are overdue when
 * tasks hold all of them, warn about the task, and give unused memory back. It
 * sleeps while all workers do.
 */
#include <stdio.h>
#include "port/clock.h"
#include "port/futex.h"
#include "port/symbol.h"
#include "sched/state.h"
#include "sched/timer.h"

static const int64_t TICK = WEIR_MILLISECOND;
static const int64_t TRIM_IDLE = 100 * WEIR_MILLISECOND;
static const int64_t TRIM_BUSY = 4 * WEIR_SECOND;
static const int64_t STUCK_AFTER = 2 * WEIR_MILLISECOND;
static const int64_t ASK_AGAIN = 500 * WEIR_MILLISECOND;

/* What the monitor remembers of a worker. */
struct seen {
    uint32_t tick;
    int64_t since; /* when the tick was first seen */
    bool warned;
    bool backlog; /* there was something in its queue, and         */
    uint32_t drained;
};

static struct {
    wr_thread thread;
    uint32_t stop; /* a futex */
    int64_t trimmed;
    struct seen seen[WR_WORKERS_MAX];
} monitor;

static void warn(struct wr_worker *w, struct seen *s, int64_t now)
{
    if (!wr_rt.hog_after || s->warned || now - s->since < wr_rt.hog_after)
        return;
    s->warned = true;
    struct wr_task *t = wr_load_rlx(&w->current);
    if (!t)
        return;
    const char *name = wr_load_rlx(&t->name);
    char site[WR_SYMBOL_MAX];
    wr_symbol(wr_load_rlx(&t->site), site, sizeof(site));
    fprintf(
        stderr,
        "weir: task %s%s%s, spawned at %s, has held worker %d for %lld ms\n",
        name ? "\"" : "", name ? name : "unnamed", name ? "\"" : "", site,
        w->index, (long long)((now - s->since) / WEIR_MILLISECOND));
}

/* The worker has been in one task for long: others get what waits behind. */
static void relieve(struct wr_worker *w)
{
    struct wr_task *t = wr_runq_steal_next(&w->runq);
    if (t)
        wr_global_push(t);
    if (t || wr_runq_len(&w->runq))
        wr_worker_wake_one();
}

/* What waited at the last look still does, as far as one can tell: tasks that
 * take long between two visits of the base. */
static void look_at_backlog(const struct wr_runq *q, struct seen *s)
{
    uint32_t drained = wr_load_rlx(&q->drained);
    bool any = wr_runq_len(q) > 0;
    if (any && s->backlog && (wr_runq_ready(q) > 0 || drained == s->drained))
        wr_worker_wake_one();
    s->backlog = any;
    s->drained = drained;
}

static void look_at(struct wr_worker *w, struct seen *s, int64_t now)
{
    uint32_t tick = wr_load_rlx(&w->tick);
    look_at_backlog(&w->runq, s);
    if (tick != s->tick || !wr_load_rlx(&w->current)) {
        s->tick = tick;
        s->since = now;
        s->warned = false;
        return;
    }
    if (now - s->since >= STUCK_AFTER)
        relieve(w);
    warn(w, s, now);
}

/* Nobody sleeps in the poller: its events wait for a busy worker's look. */
static void look_at_poller(int64_t now)
{
    bool due = wr_timers_next() <= now || wr_load_rlx(&wr_rt.outside) > 0;
    if (due && !wr_load_rlx(&wr_rt.poller_taken))
        wr_worker_wake_one();
}

/* No worker has looked for a while, and none is there to be woken. What waits
 * no more and is not yet awake counts as outside, so that nobody takes this
 * moment for a deadlock. */
static void look_at_timers(int64_t now)
{
    if (wr_load(&wr_rt.idle) > 0 || wr_timers_next() > now - STUCK_AFTER)
        return;
    wr_outside_enter();
    wr_timers_end_waits(now);
    wr_outside_leave();
}

static bool all_idle(void)
{
    return wr_load(&wr_rt.idle) == (uint32_t)wr_rt.nworkers;
}

/* Memory that a busy program did not need for seconds, or an idle one for a
 * moment, is not needed. True: there may be more to give back. */
static bool trim(int64_t now)
{
    int64_t period = all_idle() ? TRIM_IDLE : TRIM_BUSY;
    if (now - monitor.trimmed < period)
        return true;
    monitor.trimmed = now;
    bool stacks = wr_stack_trim(false), queue = wr_global_trim(false);
    return stacks || queue;
}

/*
 * All workers sleep and no memory is to be given back: so does the monitor,
 * until a worker that gets up wakes it. A thread that might have woken a task
 * tells nobody when it ends without doing so; under weir_run the monitor
 * therefore asks again now and then whether anybody is left.
 */
static void sleep_with_them(void)
{
    bool watch = wr_load(&wr_rt.watch_deadlock) != 0;
    wr_store(&wr_rt.monitor_asleep, 1);
    if (all_idle() && !wr_load(&monitor.stop))
        wr_futex_wait(&wr_rt.monitor_asleep, 1, watch ? ASK_AGAIN : -1);
    wr_store(&wr_rt.monitor_asleep, 0);
    if (watch)
        wr_runtime_idle();
}

static void *monitor_main(void *arg)
{
    (void)arg;
    while (!wr_load(&monitor.stop)) {
        wr_futex_wait(&monitor.stop, 0, TICK);
        int64_t now = wr_clock();
        for (int i = 0; i < wr_rt.nworkers; i++)
            look_at(wr_rt.workers[i], &monitor.seen[i], now);
        look_at_poller(now);
        look_at_timers(now);
        if (!trim(now) && all_idle())
            sleep_with_them();
    }
    return NULL;
}

void wr_monitor_wake(void)
{
    wr_store(&wr_rt.monitor_asleep, 0);
    wr_futex_wake(&wr_rt.monitor_asleep, 1);
}

int wr_monitor_start(void)
{
    wr_store(&monitor.stop, 0);
    monitor.trimmed = wr_clock();
    for (int i = 0; i < wr_rt.nworkers; i++)
        monitor.seen[i] = (struct seen){.since = monitor.trimmed};
    return wr_thread_start(&monitor.thread, "weir-monitor", monitor_main, NULL);
}

void wr_monitor_stop(void)
{
    wr_store(&monitor.stop, 1);
    wr_futex_wake(&monitor.stop, 1);
    wr_monitor_wake();
    wr_thread_join(monitor.thread);
}
