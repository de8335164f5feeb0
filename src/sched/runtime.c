/* SPDX-License-Identifier: MIT */
/*
 * The life of the runtime: off -> running -> stopping -> off, any number of
 * times. Starting and stopping are under one mutex; everybody else only
 * looks at the flags.
 *
 *   running   tasks are accepted from everywhere
 *   stopping  the workers are called back; a task that holds one up leaves it
 *             at that until another weir_stop. What a task starts meanwhile
 *             is left with it; threads are turned away.
 */
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/misuse.h"
#include "base/mem.h"
#include "port/clock.h"
#include "port/futex.h"
#include "port/switch.h"
#include "sched/blocking.h"
#include "sched/fd.h"
#include "sched/hosted.h"
#include "sched/signal.h"
#include "sched/state.h"
#include "sched/timer.h"

struct wr_runtime wr_rt;
uint32_t wr_process_is_fork;
struct wr_poller wr_poller = {-1, -1};

static pthread_mutex_t life = PTHREAD_MUTEX_INITIALIZER;

static const int64_t STOP_GRACE = WEIR_SECOND; /* for workers to come back */

/* ---- starting ------------------------------------------------------------ */

static void *worker_main(void *arg)
{
    struct wr_worker *w = arg;
    void *alt = wr_overflow_thread_enter();
    wr_worker_set_self(w);
    wr_context_adopt(&w->base);
    wr_worker_loop(w);
    wr_worker_set_self(NULL);
    wr_overflow_thread_leave(alt);
    wr_store(&w->exited, 1);
    wr_futex_wake(&w->exited, INT_MAX);
    return NULL;
}

/* Once made a worker stays, so that who counts tasks needs no lock. */
static int workers_alloc(void)
{
    for (int i = 0; i < wr_rt.nworkers; i++) {
        if (wr_rt.workers[i])
            continue;
        struct wr_worker *w = wr_alloc_line(sizeof(*w));
        if (!w)
            return WEIR_ENOMEM;
        wr_store_rel(&wr_rt.workers[i], w);
    }
    return 0;
}

static void workers_join(int n)
{
    wr_store(&wr_rt.stopping, 1);
    for (int i = 0; i < n; i++)
        wr_worker_wake(wr_rt.workers[i]);
    for (int i = 0; i < n; i++)
        wr_thread_join(wr_rt.workers[i]->thread);
    wr_store(&wr_rt.stopping, 0);
}

/* An earlier start may have had more of them. */
static void share_inboxes(void)
{
    int n = wr_rt.nworkers;
    for (int i = 0; i < WR_WORKERS_MAX && wr_rt.workers[i]; i++)
        wr_worker_inherit(wr_rt.workers[i],
                          i < n ? NULL : wr_rt.workers[i % n]);
}

static int workers_start(void)
{
    for (int i = 0; i < wr_rt.nworkers; i++)
        wr_worker_open(wr_rt.workers[i], i, wr_rt.stack_class);
    share_inboxes();
    for (int i = 0; i < wr_rt.nworkers && !wr_rt.hosted; i++) {
        struct wr_worker *w = wr_rt.workers[i];
        wr_store(&w->exited, 0);
        int err = wr_thread_start(&w->thread, "weir-worker", worker_main, w);
        if (err) {
            workers_join(i);
            return err;
        }
    }
    return 0;
}

static void workers_close(void)
{
    for (int i = 0; i < wr_rt.nworkers; i++)
        wr_worker_close(wr_rt.workers[i]);
}

static int start_machinery(const weir_opts *o)
{
    int err = wr_poller_open(&wr_poller);
    if (err)
        return WEIR_ENOMEM;
    if ((err = wr_signals_start()) != 0)
        goto close_poller;
    wr_fds_start();
    if ((err = workers_start()) != 0)
        goto close_workers;
    if (!wr_rt.hosted && (err = wr_monitor_start()) != 0)
        goto join_workers;
    if (wr_rt.hosted && (err = wr_hosted_start()) != 0)
        goto close_workers;
    if (!o->no_segv)
        wr_overflow_install();
    return 0;

join_workers:
    workers_join(wr_rt.nworkers);
close_workers:
    workers_close();
    wr_fds_stop();
    wr_signals_stop();
close_poller:
    wr_poller_close(&wr_poller);
    return err;
}

static void dump_to_stderr(void)
{
    weir_dump(stderr);
}

static int stop_machinery(int64_t until);

/* Under the mutex. */
static int start(const weir_opts *o)
{
    static const weir_opts defaults;
    int err = wr_options_take(o ? o : &defaults);
    wr_switch_adopt();
    if (!err)
        err = workers_alloc();
    if (!err)
        err = start_machinery(o ? o : &defaults);
    if (err)
        return err;
    wr_store(&wr_rt.running, 1);
    if (o && o->dump_signal)
        err = wr_signal_hook(o->dump_signal, dump_to_stderr);
    if (err)
        stop_machinery(INT64_MAX);
    return err;
}

static void forked_child(void)
{
    wr_store(&wr_process_is_fork, 1);
    wr_worker_set_self(NULL);
    wr_self_task = NULL;
}

static void at_fork_once(void)
{
    pthread_atfork(NULL, NULL, forked_child);
}

static void watch_forks(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, at_fork_once);
}

bool wr_forked(void)
{
    return wr_load_rlx(&wr_process_is_fork);
}

int weir_start(const weir_opts *o)
{
    if (wr_forked())
        return WEIR_FORKED;
    watch_forks();
    pthread_mutex_lock(&life);
    int err = wr_load_rlx(&wr_rt.running)    ? WEIR_BUSY
              : wr_load_rlx(&wr_rt.stopping) ? WEIR_STOPPED
                                             : start(o);
    pthread_mutex_unlock(&life);
    return err;
}

int wr_runtime_need(void)
{
    if (wr_unlikely(wr_forked()))
        return WEIR_FORKED;
    if (wr_likely(wr_load_acq(&wr_rt.running)) || wr_worker_self())
        return 0;
    int err = weir_start(NULL);
    return err == WEIR_BUSY ? 0 : err;
}

/* ---- stopping ------------------------------------------------------------ */

/* The time is a task's: a worker that is in none comes back, however long the
 * machine keeps it from that. */
static bool came_back(struct wr_worker *w, int64_t until)
{
    while (!wr_load(&w->exited)) {
        int64_t left = until - wr_clock();
        if (left <= 0 && wr_load(&w->current))
            return false;
        wr_futex_wait(&w->exited, 0, left > 0 ? left : WEIR_MILLISECOND);
    }
    return true;
}

static bool workers_came_back(int64_t until)
{
    for (int i = 0; i < wr_rt.nworkers; i++)
        if (!came_back(wr_rt.workers[i], until))
            return false;
    return true;
}

static int stop_machinery(int64_t until)
{
    wr_store(&wr_rt.stopping, 1);
    wr_store(&wr_rt.running, 0);
    for (int i = 0; i < wr_rt.nworkers; i++)
        wr_worker_wake(wr_rt.workers[i]);
    if (!wr_rt.hosted && !workers_came_back(until))
        return WEIR_TIMEDOUT;
    if (wr_rt.hosted) {
        wr_hosted_stop();
    } else {
        wr_monitor_stop();
        for (int i = 0; i < wr_rt.nworkers; i++)
            wr_thread_join(wr_rt.workers[i]->thread);
    }
    wr_drain_answer(weir_tasks() > 0 ? WEIR_STOPPED : 0);
    wr_blocking_stop();
    wr_signals_stop();
    wr_fds_stop();
    workers_close();
    wr_poller_close(&wr_poller);
    wr_overflow_remove();
    wr_stack_trim(true);
    wr_global_trim(true);
    wr_store(&wr_rt.stopping, 0);
    return 0;
}

static int report_left(void)
{
    size_t left = weir_tasks();
    if (left > 0) {
        fprintf(stderr, "weir: %zu task%s left at the stop:\n", left,
                left == 1 ? "" : "s");
        weir_dump(stderr);
    }
    return left > INT_MAX ? INT_MAX : (int)left;
}

/* Only a task that runs can keep its worker: without one they all come. */
static int64_t grace(void)
{
    return weir_tasks() > 0 ? wr_clock() + STOP_GRACE : INT64_MAX;
}

/* Under the mutex. After a stop that a task held up there is nobody left to
 * drain: it goes on where it was. */
static int stop(int64_t timeout)
{
    if (wr_rt.hosted && !wr_hosted_is_host())
        return WR_MISUSE("a thread that is not the host's");
    bool drains = timeout > 0 && !wr_load(&wr_rt.stopping);
    int err = drains ? wr_can_wait() : 0;
    if (err)
        return err;
    if (drains)
        wr_drain(timeout);
    err = stop_machinery(grace());
    int left = report_left();
    return err ? err : left;
}

/* Under the mutex. */
static bool is_off(void)
{
    return !wr_load(&wr_rt.running) && !wr_load(&wr_rt.stopping);
}

int weir_stop(int64_t timeout)
{
    if (wr_forked())
        return WEIR_FORKED;
    if (wr_task_self() || timeout < 0)
        return WR_MISUSE("a call from a task, or a negative time");
    pthread_mutex_lock(&life);
    int result = is_off() ? 0 : stop(timeout);
    pthread_mutex_unlock(&life);
    return result;
}

/* ---- weir_run ------------------------------------------------------------ */

/* On the heap: a main task that is left may outlive its weir_run. The second
 * of the two frees it. */
struct main_task {
    int (*fn)(void *);
    void *arg;
    int result;
    uint32_t holders;
};

static void let_go(struct main_task *m)
{
    if (wr_sub(&m->holders, 1) == 1)
        wr_free(m);
}

static void run_main(void *arg)
{
    struct main_task *m = arg;
    m->result = m->fn(m->arg);
    let_go(m);
}

static uint32_t run_taken;

static int drain_and_stop(void)
{
    wr_store(&wr_rt.watch_deadlock, 1);
    int err = wr_drain(WEIR_FOREVER);
    wr_store(&wr_rt.watch_deadlock, 0);
    if (err == WEIR_DEADLOCK)
        fprintf(stderr, "weir: all tasks are asleep\n");
    int left = weir_stop(0);
    return err || left >= 0 ? err : left;
}

static int run_taken_over(int (*fn)(void *), void *arg)
{
    struct main_task *m = wr_alloc(sizeof(*m));
    if (!m)
        return WEIR_ENOMEM;
    *m = (struct main_task){fn, arg, 0, 2};
    int err = wr_go_site(run_main, m, "main", (const void *)(uintptr_t)fn);
    if (err)
        let_go(m);
    else
        err = drain_and_stop();
    int result = err ? err : m->result;
    let_go(m);
    return result;
}

int weir_run(int (*fn)(void *), void *arg)
{
    if (wr_forked())
        return WEIR_FORKED;
    int err = fn && !wr_task_self() ? wr_can_wait() : WEIR_EINVAL;
    if (!err)
        err = wr_runtime_need();
    if (err)
        return err;
    if (wr_rt.hosted || wr_xchg(&run_taken, 1))
        return WR_MISUSE("a hosted runtime, or a run beside another");
    int result = run_taken_over(fn, arg);
    wr_store(&run_taken, 0);
    return result;
}
