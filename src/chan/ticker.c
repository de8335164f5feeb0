/* SPDX-License-Identifier: MIT */
/* Time as channel values: weir_after and tickers. */
#include <weir/time.h>
#include "base/mem.h"
#include "chan/chan.h"
#include "port/clock.h"
#include "port/lock.h"
#include "sched/runtime.h"
#include "sched/timer.h"

/* Late is late: a channel that still holds the last time keeps it. */
static void send_now(weir_chan *c)
{
    int64_t now = wr_clock();
    (void)weir_chan_try_send(c, &now);
}

static int64_t later(int64_t now, int64_t ns)
{
    return ns > INT64_MAX - now ? INT64_MAX : now + ns;
}

/* ---- after --------------------------------------------------------------- */

/* Lives as long as its channel, which frees it. */
struct after {
    struct weir_timer_ timer;
    weir_chan *chan;
};

static void after_fire(struct weir_timer_ *t)
{
    send_now(((struct after *)(void *)t)->chan);
}

static void after_free(void *arg)
{
    struct after *a = arg;
    wr_timer_cancel(&a->timer);
    wr_free(a);
}

weir_chan *weir_after(int64_t ns)
{
    if (wr_runtime_need())
        return NULL;
    struct after *a = wr_alloc(sizeof(*a));
    weir_chan *c = a ? weir_chan_new(sizeof(int64_t), 1) : NULL;
    if (!c) {
        wr_free(a);
        return NULL;
    }
    a->chan = c;
    c->on_free = after_free;
    c->on_free_arg = a;
    wr_timer_set(&a->timer, later(wr_clock(), ns > 0 ? ns : 0), after_fire);
    return c;
}

/* ---- tickers ------------------------------------------------------------- */

struct weir_ticker {
    struct weir_timer_ timer;
    weir_chan *chan;
    uint32_t lock;
    bool stopped;   /* under the lock */
    int64_t period; /* under the lock */
    int64_t next;   /* under the lock: the tick the timer is set for */
};

static void tick(struct weir_timer_ *timer);

/* Under the lock. */
static void set_next(weir_ticker *t, int64_t now)
{
    t->next = later(t->next, t->period);
    if (t->next <= now) /* merged with the one just sent */
        t->next = later(now - (now - t->next) % t->period, t->period);
    wr_timer_set(&t->timer, t->next, tick);
}

static void tick(struct weir_timer_ *timer)
{
    weir_ticker *t = (weir_ticker *)(void *)timer;
    send_now(t->chan);
    wr_lock(&t->lock);
    if (!t->stopped)
        set_next(t, wr_clock());
    wr_unlock(&t->lock);
}

weir_ticker *weir_ticker_new(int64_t ns)
{
    if (ns <= 0 || wr_runtime_need())
        return NULL;
    weir_ticker *t = wr_alloc(sizeof(*t));
    if (!t || !(t->chan = weir_chan_new(sizeof(int64_t), 1))) {
        wr_free(t);
        return NULL;
    }
    t->period = ns;
    t->next = later(wr_clock(), ns);
    wr_timer_set(&t->timer, t->next, tick);
    return t;
}

weir_chan *weir_ticker_chan(weir_ticker *t)
{
    return t ? t->chan : NULL;
}

int weir_ticker_reset(weir_ticker *t, int64_t ns)
{
    if (!t || ns <= 0)
        return WEIR_EINVAL;
    wr_timer_cancel(&t->timer); /* a tick on its way counts as unread */
    (void)weir_chan_try_recv(t->chan, NULL);
    wr_lock(&t->lock);
    t->period = ns;
    t->next = later(wr_clock(), ns);
    wr_timer_set(&t->timer, t->next, tick);
    wr_unlock(&t->lock);
    return 0;
}

void weir_ticker_free(weir_ticker *t)
{
    if (!t)
        return;
    wr_lock(&t->lock);
    t->stopped = true;
    wr_unlock(&t->lock);
    wr_timer_cancel(&t->timer);
    weir_chan_close(t->chan);
    weir_chan_unref(t->chan);
    wr_free(t);
}
