/* SPDX-License-Identifier: MIT */
#include "flow/shutdown.h"

#include <signal.h>
#include <weir/select.h>
#include <weir/signal.h>
#include <weir/time.h>
#include "base/mem.h"
#include "base/misuse.h"

#define DEADLINE (10 * WEIR_SECOND)
#define GRACE    WEIR_SECOND

enum { GO = 1 }; /* the cause of a turn's end */

/* ---- making one ---------------------------------------------------------- */

static void set_defaults(weir_shutdown_opts *o)
{
    if (o->signals[0] == 0) {
        o->signals[0] = SIGINT;
        o->signals[1] = SIGTERM;
    }
    o->deadline = o->deadline ? o->deadline : DEADLINE;
    o->grace = o->grace ? o->grace : GRACE;
}

/* The kernel's numbers: a signal that cannot be had is a mistake, all else a
 * want of memory. */
static bool can_be_had(const int *signals)
{
    for (int i = 0; i < 4 && signals[i] != 0; i++)
        if (signals[i] < 1 || signals[i] > SIGRTMAX || signals[i] == SIGKILL ||
            signals[i] == SIGSTOP)
            return false;
    return true;
}

static int take_signals(weir_shutdown *s)
{
    const int *g = s->opts.signals;
    if (s->opts.no_signals)
        return 0;
    s->signals = weir_signal_chan(g[0], g[1], g[2], g[3], 0);
    return s->signals ? 0 : WEIR_ENOMEM;
}

int weir_shutdown_new(weir_shutdown **out, const weir_shutdown_opts *o)
{
    static const weir_shutdown_opts none;
    o = o ? o : &none;
    if (out)
        *out = NULL;
    if (!out || o->deadline < 0 || o->grace < 0 || !can_be_had(o->signals))
        return WR_MISUSE("nowhere to put it, a negative time, or a signal "
                         "that cannot be had");
    weir_shutdown *s = wr_alloc(sizeof(*s));
    if (!s)
        return WEIR_ENOMEM;
    s->opts = *o;
    set_defaults(&s->opts);
    weir_ctx_init(&s->drain, &s->cut);
    int err = take_signals(s);
    if (err) {
        weir_ctx_fini(&s->drain);
        wr_free(s);
    } else {
        *out = s;
    }
    return err;
}

/* ---- its parts ----------------------------------------------------------- */

static void drain_part(void *arg)
{
    struct wr_part *p = arg;
    weir_shutdown *s = p->shutdown;
    weir_ctx_wait(&p->turn, NULL);
    if (weir_ctx_cause(&p->turn) == GO) {
        p->result = p->is.drain(p->is.arg, &s->drain);
        p->in_time = weir_ctx_err(&s->drain) == 0;
        p->ended = weir_now();
    }
    weir_ctx_cancel(&p->done, 0);
    weir_wg_done(&s->tasks);
}

static int start_task(weir_shutdown *s, struct wr_part *p)
{
    if (!p->is.drain) {
        p->in_time = true;
        return weir_ctx_cancel(&p->done, 0);
    }
    const weir_task_opts o = {.name = p->is.name};
    weir_wg_add(&s->tasks, 1);
    int err = weir_go_with(&o, drain_part, p);
    if (err)
        weir_wg_done(&s->tasks);
    return err;
}

/* Locked. */
static int append(weir_shutdown *s, struct wr_part *p)
{
    int err = s->state == WR_IDLE ? start_task(s, p) : WEIR_BUSY;
    if (err)
        return err;
    if (s->last)
        s->last->next = p;
    else
        s->first = p;
    s->last = p;
    return 0;
}

int wr_shutdown_add(weir_shutdown *s, const weir_shutdown_part *is,
                    void *object)
{
    struct wr_part *p = wr_alloc(sizeof(*p));
    if (!p)
        return WEIR_ENOMEM;
    p->shutdown = s;
    p->is = *is;
    p->object = object;
    p->is.arg = object ? p : is->arg;
    int err = weir_mutex_lock(&s->lock, NULL);
    if (!err) {
        err = append(s, p);
        weir_mutex_unlock(&s->lock);
    }
    if (err)
        wr_free(p);
    return err;
}

int weir_shutdown_add(weir_shutdown *s, const weir_shutdown_part *p)
{
    if (!s || !p || !p->name)
        return WR_MISUSE("no shutdown, no part, or no name");
    return wr_shutdown_add(s, p, NULL);
}

/* ---- the beginning ------------------------------------------------------- */

static void begun_by(weir_shutdown *s, int signal)
{
    weir_mutex_lock(&s->lock, NULL);
    s->signal = signal;
    weir_mutex_unlock(&s->lock);
    weir_ctx_cancel(&s->begun, 0);
}

static int await_beginning(weir_shutdown *s, weir_ctx *ctx)
{
    int signal = 0;
    weir_case cs[] = {WEIR_DONE(&s->begun), WEIR_RECV(s->signals, &signal)};
    int i = weir_select_with(cs, 2, ctx, WEIR_SELECT_ORDERED);
    if (i == 1)
        begun_by(s, signal);
    return i < 0 ? i : 0;
}

static void stop_all(weir_shutdown *s)
{
    for (struct wr_part *p = s->first; p; p = p->next) {
        p->report.name = p->is.name;
        p->report.stopped = p->is.stop ? p->is.stop(p->is.arg) : 0;
    }
}

/* ---- the drains ---------------------------------------------------------- */

/* A part's turn, and that of those beside it; the first part behind them. */
static struct wr_part *give_turn(struct wr_part *p)
{
    do {
        p->began = p->ended = weir_now();
        weir_ctx_cancel(&p->turn, GO);
        p = p->next;
    } while (p && p->is.beside);
    return p;
}

/* Waits for p, or until the drains are to end. A signal is a reason. */
static bool ended_before_cut(weir_shutdown *s, struct wr_part *p)
{
    int signal;
    for (;;) {
        weir_case cs[] = {WEIR_DONE(&p->done), WEIR_DONE(&s->drain),
                          WEIR_RECV(s->signals, &signal)};
        int i = weir_select_with(cs, 3, NULL, WEIR_SELECT_ORDERED);
        if (i != 2)
            return i == 0;
        weir_ctx_cancel(&s->cut, 0);
    }
}

/* In turns. The first part that had not ended when the drains were cut
 * short, and, in *waiting, the first that had no turn; NULL: none. */
static struct wr_part *drain_in_turn(weir_shutdown *s, struct wr_part **waiting)
{
    struct wr_part *p = s->first;
    *waiting = p;
    for (; p; p = p->next) {
        if (p == *waiting)
            *waiting = give_turn(p);
        if (!ended_before_cut(s, p))
            return p;
    }
    return NULL;
}

/* What the grace gives is for all of them together; one more signal ends it. */
static void await_in_grace(weir_shutdown *s, struct wr_part *p)
{
    int signal;
    int64_t left = s->grace_ends - weir_now();
    weir_case cs[] = {WEIR_DONE(&p->done), WEIR_RECV(s->signals, &signal),
                      WEIR_TIMEOUT(left > 0 ? left : 0)};
    if (weir_select_with(cs, 3, NULL, WEIR_SELECT_ORDERED) == 1)
        s->grace_ends = 0;
}

/* Their context has ended, so the order is of no use any more. */
static void end_all(weir_shutdown *s, struct wr_part *p,
                    struct wr_part *waiting)
{
    int64_t now = weir_now();
    s->grace_ends =
        s->opts.grace < WEIR_FOREVER - now ? now + s->opts.grace : WEIR_FOREVER;
    while (waiting)
        waiting = give_turn(waiting);
    for (; p; p = p->next)
        await_in_grace(s, p);
}

static void drain_all(weir_shutdown *s)
{
    struct wr_part *waiting;
    weir_ctx_fini(&s->drain);
    weir_ctx_init_timeout(&s->drain, &s->cut, s->opts.deadline);
    struct wr_part *p = drain_in_turn(s, &waiting);
    if (p)
        end_all(s, p, waiting);
}

/* ---- the report ---------------------------------------------------------- */

static void report(struct wr_part *p)
{
    weir_shutdown_report *r = &p->report;
    r->ended = weir_ctx_err(&p->done) != 0;
    r->in_time = r->ended && p->in_time;
    r->drained = r->ended ? p->result : 0;
    r->took = (r->ended ? p->ended : weir_now()) - p->began;
    r->left = p->is.left ? p->is.left(p->is.arg) : 0;
}

static int first_error(const struct wr_part *p)
{
    int err = 0;
    for (; p && !err; p = p->next)
        err = p->report.stopped ? p->report.stopped : p->report.drained;
    return err;
}

static int report_all(weir_shutdown *s)
{
    bool in_time = true;
    for (struct wr_part *p = s->first; p; p = p->next) {
        report(p);
        in_time = in_time && p->report.in_time;
    }
    return in_time ? first_error(s->first) : weir_ctx_err(&s->drain);
}

/* ---- waiting for it ------------------------------------------------------ */

static int enter(weir_shutdown *s)
{
    int err = weir_mutex_lock(&s->lock, NULL);
    if (err)
        return err;
    int state = s->state;
    if (state == WR_IDLE)
        s->state = WR_WAITED;
    weir_mutex_unlock(&s->lock);
    return state == WR_WAITED ? WEIR_BUSY : state;
}

static int leave(weir_shutdown *s, bool over, int result)
{
    weir_mutex_lock(&s->lock, NULL);
    s->state = over ? WR_OVER : WR_IDLE;
    s->result = result;
    weir_mutex_unlock(&s->lock);
    return result;
}

int weir_shutdown_wait(weir_shutdown *s, weir_ctx *ctx)
{
    if (!s)
        return WR_MISUSE("no shutdown");
    /* A thread's first wait takes memory: now, not amid the shutdown. */
    int err = weir_in_task() ? 0 : weir_sleep(1, NULL);
    if (!err)
        err = enter(s);
    if (err)
        return err == WR_OVER ? s->result : err;
    err = await_beginning(s, ctx);
    if (err)
        return leave(s, false, err);
    stop_all(s);
    drain_all(s);
    return leave(s, true, report_all(s));
}

int weir_shutdown_request(weir_shutdown *s)
{
    return s ? weir_ctx_cancel(&s->begun, 0) : WR_MISUSE("no shutdown");
}

int weir_shutdown_cut(weir_shutdown *s)
{
    if (!s)
        return WR_MISUSE("no shutdown");
    weir_ctx_cancel(&s->cut, 0);
    return weir_ctx_cancel(&s->begun, 0);
}

weir_ctx *weir_shutdown_ctx(weir_shutdown *s)
{
    return s ? &s->begun : NULL;
}

/* ---- the end ------------------------------------------------------------- */

static void free_parts(weir_shutdown *s)
{
    struct wr_part *next;
    for (struct wr_part *p = s->first; p; p = next) {
        next = p->next;
        weir_ctx_fini(&p->turn);
        weir_ctx_fini(&p->done);
        wr_free(p);
    }
}

int weir_shutdown_free(weir_shutdown *s)
{
    if (!s)
        return 0;
    if (s->signals)
        weir_signal_stop(s->signals);
    s->signals = NULL;
    weir_ctx_cancel(&s->cut, 0);
    for (struct wr_part *p = s->first; p; p = p->next)
        weir_ctx_cancel(&p->turn, 0);
    int err = weir_wg_wait(&s->tasks, NULL);
    if (err)
        return err;
    free_parts(s);
    weir_ctx_fini(&s->drain);
    weir_ctx_fini(&s->cut);
    weir_ctx_fini(&s->begun);
    wr_free(s);
    return 0;
}
