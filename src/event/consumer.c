/* SPDX-License-Identifier: MIT */
/* Consumers: the start and the end. See event/consumer.h. */
#include "event/consumer.h"

#include <weir/sink.h>
#include <weir/time.h>
#include "base/mem.h"
#include "base/misuse.h"

/* ---- for its tasks ------------------------------------------------------- */

void wr_consumer_enter(weir_consumer *c, struct wr_inside *me,
                       struct wr_inside *handler)
{
    weir_mutex_lock(&c->lock, NULL);
    wr_inside_enter(&c->inside, me);
    weir_mutex_unlock(&c->lock);
    wr_sub_enter(c->opts.sub, handler);
}

void wr_consumer_leave(weir_consumer *c, const struct wr_inside *me,
                       const struct wr_inside *handler)
{
    wr_sub_leave(c->opts.sub, handler);
    weir_mutex_lock(&c->lock, NULL);
    wr_inside_leave(&c->inside, me);
    weir_mutex_unlock(&c->lock);
}

void wr_consumer_error(const weir_consumer *c, const weir_message *m,
                       enum weir_consumer_step step, int code)
{
    if (c->opts.on_error)
        c->opts.on_error(m, step, code, c->opts.arg);
}

void wr_consumer_shut(weir_consumer *c, enum weir_consumer_end how, int code)
{
    if (how == WEIR_CONSUMER_DISCARD)
        weir_ctx_cancel(&c->work, code);
    weir_ctx_cancel(&c->intake, code);
}

/* ---- the start ----------------------------------------------------------- */

static const char *wrong(const weir_consumer_opts *o)
{
    if (!o || !o->sub || !o->fn)
        return "no options, no subscription, or no fn";
    if (o->workers < 0 || o->workers > WEIR_POOL_MAX_WORKERS)
        return "workers below 0 or above WEIR_POOL_MAX_WORKERS";
    return o->limit < 0 ? "a limit below 0" : NULL;
}

static void release(weir_consumer *c)
{
    weir_ctx_fini(&c->keep);
    weir_ctx_fini(&c->intake);
    weir_ctx_fini(&c->work);
    wr_sub_unref(c->opts.sub);
    wr_free(c->due);
    wr_free(c->codes);
    wr_free(c);
}

/* With n workers to come. */
static weir_consumer *make(const weir_consumer_opts *o, size_t n)
{
    weir_consumer *c = wr_alloc(sizeof(*c) + n * sizeof(c->workers[0]));
    if (!c)
        return NULL;
    c->opts = *o;
    c->count = n;
    wr_sub_ref(o->sub);
    weir_ctx_init(&c->work, o->ctx);
    weir_ctx_init(&c->intake, &c->work);
    weir_ctx_init(&c->keep, NULL);
    if (wr_consumer_has_keeper(c)) {
        c->due = wr_alloc(n * sizeof(*c->due));
        c->codes = wr_alloc(n * sizeof(*c->codes));
    }
    if (!wr_consumer_has_keeper(c) || (c->due && c->codes))
        return c;
    release(c);
    return NULL;
}

/* Locked. One task of it, which is counted. */
static int start_task(weir_consumer *c, void (*fn)(void *), void *arg)
{
    weir_wg_add(&c->ended, 1);
    const int err = weir_go_with(&c->opts.task, fn, arg);
    if (err)
        weir_wg_done(&c->ended);
    return err;
}

/* Its tasks begin by locking. */
static int start_all(weir_consumer *c)
{
    weir_mutex_lock(&c->lock, NULL);
    int err =
        wr_consumer_has_keeper(c) ? start_task(c, wr_consumer_keep, c) : 0;
    for (size_t i = 0; i < c->count && !err; i++) {
        c->workers[i].consumer = c;
        err = start_task(c, wr_consumer_work, &c->workers[i]);
        c->counts.workers += !err;
    }
    c->aborted = err != 0;
    if (c->counts.workers == 0)
        weir_ctx_cancel(&c->keep, 0);
    weir_mutex_unlock(&c->lock);
    if (err)
        weir_wg_wait(&c->ended, NULL);
    return err;
}

/* A thread that waits for the first time needs memory for that. It must have
 * it before there is a task to be waited for; and the runtime has to run, to
 * say how many workers it has. */
static int able_to_wait(void)
{
    return weir_in_task() ? 0 : weir_sleep(1, NULL);
}

int weir_consumer_start(weir_consumer **out, const weir_consumer_opts *o)
{
    const char *why = out ? wrong(o) : "nowhere to put the consumer";
    if (out)
        *out = NULL;
    if (why)
        return WR_MISUSE(why);
    if (o->limit && !o->sub->engine->caps.in_progress)
        return WEIR_UNSUPPORTED;
    weir_backoff backoff;
    int err = weir_backoff_init(&backoff, &o->retry);
    if (!err)
        err = able_to_wait();
    if (err)
        return err;
    const int some = o->workers ? o->workers : weir_workers();
    const int n = some > 0 ? some : 1;
    weir_consumer *c = make(o, (size_t)n);
    if (!c)
        return WEIR_ENOMEM;
    c->backoff = backoff;
    err = start_all(c);
    if (err)
        release(c);
    else
        *out = c;
    return err;
}

/* ---- the end ------------------------------------------------------------- */

static bool has_me(weir_consumer *c)
{
    if (weir_mutex_lock(&c->lock, NULL))
        return false;
    const bool mine = wr_inside_has_me(c->inside);
    weir_mutex_unlock(&c->lock);
    return mine;
}

int weir_consumer_close(weir_consumer *c, enum weir_consumer_end how)
{
    if (!c || (how != WEIR_CONSUMER_DRAIN && how != WEIR_CONSUMER_DISCARD))
        return WR_MISUSE("no consumer, or neither drain nor discard");
    wr_consumer_shut(c, how, 0);
    return 0;
}

static int join(weir_consumer *c, weir_ctx *ctx)
{
    if (has_me(c))
        return WEIR_DEADLOCK;
    const int err = weir_wg_wait(&c->ended, ctx);
    if (err && err == weir_ctx_err(ctx))
        wr_consumer_shut(c, WEIR_CONSUMER_DISCARD, err);
    return err ? err : c->cause;
}

int weir_consumer_stop(weir_consumer *c, enum weir_consumer_end how,
                       weir_ctx *ctx)
{
    const int err = weir_consumer_close(c, how);
    return err ? err : join(c, ctx);
}

int weir_consumer_join(weir_consumer *c)
{
    return c ? join(c, NULL) : WR_MISUSE("no consumer");
}

int weir_consumer_free(weir_consumer *c)
{
    if (!c)
        return 0;
    if (has_me(c))
        return WEIR_DEADLOCK;
    wr_consumer_shut(c, WEIR_CONSUMER_DISCARD, 0);
    const int err = weir_wg_wait(&c->ended, NULL);
    if (!err)
        release(c);
    return err;
}

/* ---- what is asked meanwhile --------------------------------------------- */

int weir_consumer_get_counts(weir_consumer *c, weir_consumer_counts *out)
{
    if (!c || !out)
        return WR_MISUSE("no consumer, or no place for the counts");
    const int err = weir_mutex_lock(&c->lock, NULL);
    if (err)
        return err;
    *out = c->counts;
    weir_mutex_unlock(&c->lock);
    return 0;
}

int weir_consumer_sink(const weir_message *m, weir_ctx *ctx, void *sink)
{
    return m ? weir_sink_write(sink, m->event, ctx) : WR_MISUSE("no message");
}
