/* SPDX-License-Identifier: MIT */
/*
 * The retrying sink. Each write has a context of its own below its caller's,
 * on a list, so that a close can end them all: whether they wait for their
 * turn, for the next try, or in the sink.
 *
 * Invariant: whoever has `turn`, to write or to close, is `holder`; it alone
 * is in the strategy and in the sink behind, but for a close that could not
 * wait. `lock` is held for a few steps only, and never while a callback runs.
 */
#include "event/retry.h"

#include <weir/time.h>
#include "base/inside.h"
#include "base/mem.h"
#include "base/misuse.h"

/* One write. */
struct trial {
    struct trial *next, *prev;
    weir_ctx *by, ctx; /* the caller's, and its own */
    uint32_t tries;
    bool gave_up;
};

struct retry {
    weir_sink sink; /* first */
    weir_retry_opts opts;
    struct wr_strategy strategy;

    weir_mutex turn;
    weir_mutex lock; /* of all below */
    struct trial *trials;
    struct wr_inside *holder;
    bool closed; /* by a close                  */
    bool over;   /* the sink behind has said so */
    weir_retry_counts counts;
};

static void count(struct retry *r, uint64_t *what)
{
    weir_mutex_lock(&r->lock, NULL);
    ++*what;
    weir_mutex_unlock(&r->lock);
}

/* ---- coming and going ---------------------------------------------------- */

static int enter(struct retry *r, struct trial *t, weir_ctx *ctx)
{
    int err = weir_mutex_lock(&r->lock, NULL);
    if (err)
        return err;
    if (r->closed || r->over)
        err = WEIR_CLOSED;
    else if (wr_inside_has_me(r->holder))
        err = WEIR_DEADLOCK;
    if (!err) {
        *t = (struct trial){.next = r->trials, .by = ctx};
        weir_ctx_init(&t->ctx, ctx);
        if (t->next)
            t->next->prev = t;
        r->trials = t;
        r->counts.writes++;
        r->counts.running++;
    }
    weir_mutex_unlock(&r->lock);
    return err;
}

static void leave(struct retry *r, struct trial *t, int code)
{
    weir_mutex_lock(&r->lock, NULL);
    *(t->prev ? &t->prev->next : &r->trials) = t->next;
    if (t->next)
        t->next->prev = t->prev;
    r->counts.running--;
    if (code)
        r->counts.failed++;
    else if (t->gave_up)
        r->counts.dead++;
    else
        r->counts.delivered++;
    weir_mutex_unlock(&r->lock);
    weir_ctx_fini(&t->ctx);
}

/* Waits for the turn. */
static int take_turn(struct retry *r, struct wr_inside *me, weir_ctx *ctx)
{
    int err = weir_mutex_lock(&r->turn, ctx);
    if (err)
        return err;
    weir_mutex_lock(&r->lock, NULL);
    wr_inside_enter(&r->holder, me);
    weir_mutex_unlock(&r->lock);
    return 0;
}

static void give_turn(struct retry *r, const struct wr_inside *me)
{
    weir_mutex_lock(&r->lock, NULL);
    wr_inside_leave(&r->holder, me);
    weir_mutex_unlock(&r->lock);
    weir_mutex_unlock(&r->turn);
}

/* ---- trying -------------------------------------------------------------- */

static int wait_for_leave(const weir_retry_strategy *way, weir_event *e,
                          weir_ctx *ctx)
{
    int64_t ns;
    int err = 0;
    for (bool waited = false; !err; waited = true) {
        ns = way->proceed ? way->proceed(e, waited, way->arg) : 0;
        if (ns <= 0)
            return 0;
        err = weir_sleep(ns, ctx);
    }
    return err;
}

static int try_once(struct retry *r, struct trial *t, weir_event *e)
{
    count(r, &r->counts.tries);
    t->tries++;
    const int code = weir_sink_write(r->opts.sink, e, &t->ctx);
    weir_mutex_lock(&r->lock, NULL);
    r->counts.failures += code != 0;
    r->over |= code == WEIR_CLOSED;
    weir_mutex_unlock(&r->lock);
    return code;
}

static bool is_over(struct retry *r)
{
    weir_mutex_lock(&r->lock, NULL);
    const bool over = r->closed || r->over;
    weir_mutex_unlock(&r->lock);
    return over;
}

/* Until it is taken, given up, or ended. */
static int try_on(struct retry *r, struct trial *t, weir_event *e)
{
    const weir_retry_strategy *way = &r->strategy.way;
    int code = 0;
    while (!t->gave_up) {
        int err = is_over(r) ? WEIR_CLOSED : wait_for_leave(way, e, &t->ctx);
        if (err)
            return err;
        code = try_once(r, t, e);
        if (code == 0 && way->success)
            way->success(e, way->arg);
        if (code == 0 || code == WEIR_CLOSED)
            return code;
        if (way->failure)
            t->gave_up = way->failure(e, code, way->arg);
        err = weir_ctx_err(&t->ctx);
        if (err) {
            t->gave_up = false;
            return err;
        }
        t->gave_up |= r->opts.tries && t->tries >= r->opts.tries;
    }
    return code;
}

/* What becomes of an event that was given up with code. */
static int bury(struct retry *r, struct trial *t, weir_event *e, int code)
{
    const weir_retry_opts *o = &r->opts;
    if (o->on_dead)
        o->on_dead(e, code, t->tries, o->arg);
    if (o->dead)
        return weir_sink_write(o->dead, e, t->by) ? code : 0;
    return o->on_dead ? 0 : code;
}

/* ---- the sink ------------------------------------------------------------ */

static int retry_write(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    struct retry *r = (struct retry *)s;
    struct wr_inside me;
    struct trial t;
    int code = enter(r, &t, ctx);
    if (code)
        return code;
    code = take_turn(r, &me, &t.ctx);
    if (!code) {
        code = try_on(r, &t, e);
        give_turn(r, &me);
    }
    if (t.gave_up)
        code = bury(r, &t, e, code);
    else if (code && weir_ctx_cause(&t.ctx) == WEIR_CLOSED &&
             !weir_ctx_err(ctx))
        code = WEIR_CLOSED;
    leave(r, &t, code);
    return code;
}

/* Ends all writes. Is it the first close? */
static bool end_all(struct retry *r, bool *inside)
{
    weir_mutex_lock(&r->lock, NULL);
    const bool first = !r->closed;
    r->closed = true;
    *inside = wr_inside_has_me(r->holder);
    for (struct trial *t = r->trials; t; t = t->next)
        weir_ctx_cancel(&t->ctx, WEIR_CLOSED);
    weir_mutex_unlock(&r->lock);
    return first;
}

static int retry_close(weir_sink *s, weir_ctx *ctx)
{
    struct retry *r = (struct retry *)s;
    struct wr_inside me;
    bool inside;
    int result = 0;
    const bool first = end_all(r, &inside);
    const int err = inside ? WEIR_DEADLOCK : take_turn(r, &me, ctx);
    if (first)
        result = weir_sink_close(r->opts.sink, ctx);
    if (!err)
        give_turn(r, &me);
    return err ? err : result;
}

static void retry_free(weir_sink *s)
{
    struct retry *r = (struct retry *)s;
    weir_sink_unref(r->opts.sink);
    weir_sink_unref(r->opts.dead);
    wr_free(r);
}

static const weir_sink_ops ops = {retry_write, retry_close, retry_free};

int weir_retry_new(weir_sink **out, const weir_retry_opts *o)
{
    if (out)
        *out = NULL;
    if (!out || !o || !o->sink)
        return WR_MISUSE("no place for it, or no sink");
    struct retry *r = wr_alloc(sizeof(*r));
    if (!r)
        return WEIR_ENOMEM;
    int err = wr_strategy_init(&r->strategy, o);
    if (err) {
        wr_free(r);
        return err;
    }
    weir_sink_init(&r->sink, &ops);
    r->opts = *o;
    weir_sink_ref(o->sink);
    weir_sink_ref(o->dead);
    *out = &r->sink;
    return 0;
}

int weir_retry_get_counts(weir_sink *s, weir_retry_counts *out)
{
    struct retry *r = (struct retry *)s;
    if (!s || s->ops_ != &ops || !out)
        return WR_MISUSE("no retrying sink, or no place for the counts");
    int err = weir_mutex_lock(&r->lock, NULL);
    if (err)
        return err;
    *out = r->counts;
    weir_mutex_unlock(&r->lock);
    return 0;
}
