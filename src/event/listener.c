/* SPDX-License-Identifier: MIT */
/* A sink that calls a function, and counts by result. Those inside are on a
 * list, so that a close waits for all but itself. */
#include <weir/listener.h>

#include <weir/cond.h>
#include "base/inside.h"
#include "base/mem.h"
#include "base/misuse.h"

struct listener {
    weir_sink sink; /* first */
    weir_listener_opts opts;

    weir_mutex lock;          /* of all below */
    weir_cond empty;          /* nobody is inside */
    struct wr_inside *inside; /* of a write, or of the close of `to` */
    bool closed, closes;
    weir_listener_counts counts;
};

/* ---- the account; under the lock ----------------------------------------- */

static void count_failure(weir_listener_counts *c, int code)
{
    c->failed++;
    for (int i = 0; i < WEIR_LISTENER_CODES; i++) {
        if (c->by_code[i].code == 0)
            c->by_code[i].code = code;
        if (c->by_code[i].code == code) {
            c->by_code[i].n++;
            return;
        }
    }
    c->others++;
}

static void count(weir_listener_counts *c, const weir_event *e, int code,
                  int result)
{
    c->running--;
    if (code) {
        count_failure(c, code);
        c->forgiven += result == 0;
    } else {
        c->taken++;
        c->bytes += e ? e->size : 0;
    }
}

/* ---- the sink ------------------------------------------------------------ */

static int enter(struct listener *l, struct wr_inside *me)
{
    int err = weir_mutex_lock(&l->lock, NULL);
    if (err)
        return err;
    if (l->closed) {
        l->counts.refused++;
        err = WEIR_CLOSED;
    } else {
        wr_inside_enter(&l->inside, me);
        l->counts.events++;
        l->counts.running++;
    }
    weir_mutex_unlock(&l->lock);
    return err;
}

/* Under the lock. */
static void leave(struct listener *l, const struct wr_inside *me)
{
    wr_inside_leave(&l->inside, me);
    if (!l->inside)
        weir_cond_broadcast(&l->empty);
}

static int listener_write(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    struct listener *l = (struct listener *)s;
    const weir_listener_opts *o = &l->opts;
    struct wr_inside me;
    int code = enter(l, &me);
    if (code)
        return code;
    if (o->fn)
        code = o->fn(e, ctx, o->arg);
    if (!code && o->to)
        code = weir_sink_write(o->to, e, ctx);
    const int result =
        code && o->on_error ? o->on_error(e, code, o->arg) : code;
    weir_mutex_lock(&l->lock, NULL);
    l->closed |= result == WEIR_CLOSED && o->on_error;
    count(&l->counts, e, code, result);
    leave(l, &me);
    weir_mutex_unlock(&l->lock);
    return result;
}

/* Closes it, waits for those inside, and if this is the first close goes
 * inside. Whether it was that, and *err: how the wait ended. */
static bool close_door(struct listener *l, struct wr_inside *me, weir_ctx *ctx,
                       int *err)
{
    weir_mutex_lock(&l->lock, NULL);
    const bool first = !l->closes;
    l->closed = l->closes = true;
    *err = wr_inside_has_me(l->inside) ? WEIR_DEADLOCK : 0;
    while (l->inside && !*err)
        *err = weir_cond_wait(&l->empty, &l->lock, ctx);
    if (first)
        wr_inside_enter(&l->inside, me);
    weir_mutex_unlock(&l->lock);
    return first;
}

static int listener_close(weir_sink *s, weir_ctx *ctx)
{
    struct listener *l = (struct listener *)s;
    struct wr_inside me;
    int err, result = 0;
    if (!close_door(l, &me, ctx, &err))
        return err;
    if (l->opts.to)
        result = weir_sink_close(l->opts.to, ctx);
    weir_mutex_lock(&l->lock, NULL);
    leave(l, &me);
    weir_mutex_unlock(&l->lock);
    return err ? err : result;
}

static void listener_free(weir_sink *s)
{
    struct listener *l = (struct listener *)s;
    weir_sink_unref(l->opts.to);
    wr_free(l);
}

static const weir_sink_ops ops = {listener_write, listener_close,
                                  listener_free};

int weir_listener_new(weir_sink **out, const weir_listener_opts *o)
{
    if (out)
        *out = NULL;
    if (!out || !o || !(o->fn || o->to))
        return WR_MISUSE("no place for it, or neither a function nor a sink");
    struct listener *l = wr_alloc(sizeof(*l));
    if (!l)
        return WEIR_ENOMEM;
    weir_sink_init(&l->sink, &ops);
    l->opts = *o;
    weir_sink_ref(o->to);
    *out = &l->sink;
    return 0;
}

int weir_listener_get_counts(weir_sink *s, weir_listener_counts *out)
{
    struct listener *l = (struct listener *)s;
    if (!s || s->ops_ != &ops || !out)
        return WR_MISUSE("no listener, or no place for the counts");
    int err = weir_mutex_lock(&l->lock, NULL);
    if (err)
        return err;
    *out = l->counts;
    weir_mutex_unlock(&l->lock);
    return 0;
}
