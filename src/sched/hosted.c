/* SPDX-License-Identifier: MIT */
/*
 * Between two calls of weir_run_once the worker counts as asleep in the
 * poller and the host as a plain thread, so whoever brings work, the host
 * included, kicks the poller, and the host's loop sees the descriptor
 * readable. A timer descriptor in the same poller stands for
 * the earliest timer.
 */
#include "sched/hosted.h"
#include "base/misuse.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "sched/state.h"
#include "sched/timer.h"

static const int64_t LONGEST = WEIR_FOREVER / 2; /* and beyond: for ever */

static const int64_t TRIM_EVERY = 100 * WEIR_MILLISECOND;

static int timer_fd = -1;
static int64_t trimmed;    /* when memory was last given back */
static uint32_t adopted;   /* the host's thread is known, and */
static __thread bool here; /* this is it */
static void *alt_stack;    /* of that thread, if we gave it one */

static struct wr_worker *the_worker(void)
{
    return wr_rt.workers[0];
}

/* Ready for a kick: from here on a bringer of work finds a sleeper. */
static void doze(struct wr_worker *w)
{
    wr_store(&w->polling, 1);
    wr_store(&w->state, WR_ASLEEP);
    wr_store(&wr_rt.idle, 1);
    wr_store(&wr_rt.poller_taken, 1);
    wr_store(&wr_rt.poller_until, wr_timers_next());
}

static void rise(struct wr_worker *w)
{
    wr_store(&wr_rt.poller_until, 0);
    wr_store(&wr_rt.poller_taken, 0);
    wr_store(&wr_rt.idle, 0);
    wr_store(&w->state, WR_AWAKE);
    wr_store(&w->polling, 0);
}

static void set_alarm(void)
{
    int64_t next = wr_timers_next();
    struct itimerspec at = {0};
    if (next != WEIR_FOREVER) {
        at.it_value.tv_sec = next / WEIR_SECOND;
        at.it_value.tv_nsec = next % WEIR_SECOND | 1;
    }
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void swallow_alarm(void)
{
    uint64_t count;
    ssize_t got = read(timer_fd, &count, sizeof(count));
    (void)got;
}

int wr_hosted_start(void)
{
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (timer_fd < 0)
        return -errno;
    adopted = 0;
    doze(the_worker());
    int err = wr_poller_watch(&wr_poller, timer_fd, EPOLLIN, WR_POLL_SILENT);
    if (err)
        wr_hosted_stop();
    return err;
}

void wr_hosted_stop(void)
{
    if (here) {
        here = false;
        wr_overflow_thread_leave(alt_stack);
        alt_stack = NULL;
    }
    wr_store(&wr_rt.idle, 0);
    wr_store(&wr_rt.poller_taken, 0);
    wr_store(&wr_rt.poller_until, 0);
    close(timer_fd);
    timer_fd = -1;
}

bool wr_hosted_is_host(void)
{
    if (!wr_xchg(&adopted, 1)) {
        here = true;
        wr_context_adopt(&the_worker()->base);
        alt_stack = wr_overflow_thread_enter();
    }
    return wr_hosted_here();
}

/* Not to be kept over a switch: asked on a thread's own stack only. */
bool wr_hosted_here(void)
{
    return here && !wr_task_self();
}

static void enter(struct wr_worker *w)
{
    wr_worker_set_self(w);
    rise(w);
    swallow_alarm();
}

static void leave(struct wr_worker *w)
{
    doze(w);
    set_alarm();
    wr_runtime_idle();
    if (wr_worker_has_work(w) || wr_global_len())
        wr_poller_kick(&wr_poller);
    wr_worker_set_self(NULL);
}

/* What the monitor does elsewhere, as far as it is cheap. */
static void trim(int64_t now)
{
    if (now - trimmed < TRIM_EVERY)
        return;
    trimmed = now;
    wr_global_trim(false);
}

int weir_run_once(int64_t timeout)
{
    if (!wr_load_acq(&wr_rt.running) || !wr_rt.hosted || timeout < 0)
        return WR_MISUSE("no hosted runtime, or a negative time");
    if (!wr_hosted_is_host())
        return WR_MISUSE("a task, or a thread that is not the host's");
    struct wr_worker *w = the_worker();
    enter(w);
    int n = wr_worker_once(w, timeout < LONGEST ? timeout : -1);
    int64_t now = w->now;
    leave(w);
    trim(now);
    return n;
}

void wr_hosted_until(const uint32_t *flag)
{
    struct wr_worker *w = the_worker();
    enter(w);
    while (!wr_load(flag))
        wr_worker_once(w, -1);
    leave(w);
}

int weir_poll_fd(void)
{
    if (!wr_load_acq(&wr_rt.running) || !wr_rt.hosted)
        return WR_MISUSE("no hosted runtime");
    return wr_poller.epoll_fd;
}
