/* SPDX-License-Identifier: MIT */
/* Sleep, and timers that call back. */
#include <weir/time.h>
#include "base/misuse.h"
#include "port/clock.h"
#include "sched/runtime.h"
#include "sched/timer.h"
#include "sync/ctx.h"

enum { BY_TIME, BY_CTX };

static int64_t from_now(int64_t ns)
{
    int64_t now = wr_clock();
    return ns > INT64_MAX - now ? INT64_MAX : now + ns;
}

static int sleep_until(int64_t when, weir_ctx *ctx)
{
    struct wr_waiter w;
    struct wr_deadline d;
    struct wr_node end;
    wr_waiter_init(&w);
    wr_deadline_set(&d, &w, BY_TIME, when);
    int err = ctx ? wr_ctx_watch(ctx, &end, &w, BY_CTX) : 0;
    bool ended = err && wr_abort(&w);
    uint32_t who = ended ? BY_CTX : wr_park(&w, WR_ON_SLEEP, NULL);
    wr_deadline_leave(&d, who);
    if (ctx && !err)
        wr_node_leave(&end, who);
    return who == BY_TIME ? 0 : err ? err : end.status;
}

int weir_sleep(int64_t ns, weir_ctx *ctx)
{
    if (ns <= 0)
        return 0;
    int err = wr_runtime_need();
    if (!err)
        err = wr_can_wait();
    return err ? err : sleep_until(from_now(ns), wr_ctx_live(ctx));
}

/* ---- timers -------------------------------------------------------------- */

static void fire(struct weir_timer_ *t)
{
    weir_timer *timer = (weir_timer *)(void *)t;
    timer->fn_(timer->arg_);
}

int weir_timer_set(weir_timer *t, int64_t ns, void (*fn)(void *), void *arg)
{
    if (!t || !fn)
        return WR_MISUSE("no timer, or no function");
    int err = wr_runtime_need();
    if (err)
        return err;
    int64_t when = from_now(ns > 0 ? ns : 0);
    if (wr_likely(t->fn_ == fn && t->arg_ == arg))
        return wr_timer_set(&t->timer_, when, fire);
    bool was = wr_timer_cancel(&t->timer_);
    t->fn_ = fn;
    t->arg_ = arg;
    wr_timer_set(&t->timer_, when, fire);
    return was;
}

int weir_timer_stop(weir_timer *t)
{
    return t ? wr_timer_cancel(&t->timer_) : WR_MISUSE("no timer");
}
