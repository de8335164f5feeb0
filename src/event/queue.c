/* SPDX-License-Identifier: MIT */
/* Making a queue, and its end: losses, closing, and waiting for all. */
#include "event/queue.h"

#include "base/mem.h"
#include "base/misuse.h"

enum { DEFAULT_SAMPLE = 10, DEFAULT_BATCH = 100 };
#define MAX_BATCH    ((size_t)1 << 20)
#define MAX_CAPACITY ((size_t)1 << 31)

void wr_queue_let_go(weir_queue *q)
{
    if (__atomic_sub_fetch(&q->holds, 1, __ATOMIC_ACQ_REL))
        return;
    weir_ctx_fini(&q->ctx);
    weir_sink_unref(q->opts.sink);
    wr_line_free(&q->line);
    wr_free(q->batch);
    wr_free(q);
}

/* ---- losses -------------------------------------------------------------- */

void wr_queue_report(weir_queue *q, weir_event *const *events, size_t n,
                     int code, const struct wr_inside *me)
{
    for (size_t i = 0; i < n; i++) {
        if (q->opts.on_loss)
            q->opts.on_loss(events[i], code, q->opts.arg);
        weir_event_unref(events[i]);
    }
    weir_mutex_lock(&q->lock, NULL);
    wr_inside_leave(&q->reporters, me);
    weir_cond_broadcast(&q->ended);
    weir_mutex_unlock(&q->lock);
}

/* What is under way is cancelled only with a code: nothing new begins after
 * it. */
void wr_queue_shut(weir_queue *q, int code)
{
    struct wr_inside me;
    weir_mutex_lock(&q->lock, NULL);
    q->closed = true;
    q->discards |= code != 0;
    weir_cond_broadcast(&q->there);
    weir_cond_broadcast(&q->room);
    weir_cond_broadcast(&q->ended);
    if (code)
        weir_ctx_cancel(&q->ctx, code);
    while (code && q->line.count) {
        weir_event *e = wr_line_pop(&q->line);
        q->counts.discarded++;
        wr_inside_enter(&q->reporters, &me);
        weir_mutex_unlock(&q->lock);
        wr_queue_report(q, &e, 1, code, &me);
        weir_mutex_lock(&q->lock, NULL);
    }
    weir_mutex_unlock(&q->lock);
}

/* ---- as a sink ----------------------------------------------------------- */

static int write_event(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    return weir_queue_enqueue((weir_queue *)s, e, ctx);
}

static int close_queue(weir_sink *s, weir_ctx *ctx)
{
    return weir_queue_stop((weir_queue *)s, WEIR_QUEUE_DRAIN, ctx);
}

static void free_queue(weir_sink *s)
{
    weir_queue *q = (weir_queue *)s;
    wr_queue_shut(q, WEIR_CANCELED);
    wr_queue_let_go(q);
}

static const weir_sink_ops sink_ops = {write_event, close_queue, free_queue};

/* ---- the calls ----------------------------------------------------------- */

static bool valid(const weir_queue_opts *o)
{
    const unsigned policy = o->policy;
    if (policy >= WEIR_POLICIES || o->capacity > MAX_CAPACITY ||
        o->batch > MAX_BATCH || o->linger < 0 || (o->sink && o->flush))
        return false;
    return policy == WEIR_BLOCK || policy == WEIR_LATEST || o->capacity;
}

static void set_up(weir_queue *q, const weir_queue_opts *o)
{
    q->opts = *o;
    if (o->policy == WEIR_LATEST)
        q->opts.capacity = 1;
    if (o->sample_every == 0)
        q->opts.sample_every = DEFAULT_SAMPLE;
    if (o->flush && o->batch == 0)
        q->opts.batch = DEFAULT_BATCH;
    weir_sink_ref(o->sink);
    weir_sink_init(&q->sink, &sink_ops);
    weir_ctx_init(&q->ctx, NULL);
    q->holds = 1;
}

int weir_queue_new(weir_queue **out, const weir_queue_opts *o)
{
    static const weir_queue_opts defaults;
    if (out)
        *out = NULL;
    o = o ? o : &defaults;
    if (!out || !valid(o))
        return WR_MISUSE("no place for it, or options that do not fit");
    weir_queue *q = wr_alloc(sizeof(*q));
    if (!q)
        return WEIR_ENOMEM;
    set_up(q, o);
    int err = wr_queue_is_served(q) ? wr_queue_serve(q) : 0;
    if (err) {
        wr_queue_let_go(q);
        return err;
    }
    *out = q;
    return 0;
}

weir_sink *weir_queue_sink(weir_queue *q)
{
    return q ? &q->sink : NULL;
}

void weir_queue_unref(weir_queue *q)
{
    if (q)
        weir_sink_unref(&q->sink);
}

static bool has_ended(const weir_queue *q)
{
    return !q->runners && !q->reporters && !(q->discards && q->line.count);
}

bool wr_queue_has_me(weir_queue *q)
{
    weir_mutex_lock(&q->lock, NULL);
    const bool mine =
        wr_inside_has_me(q->runners) || wr_inside_has_me(q->reporters);
    weir_mutex_unlock(&q->lock);
    return mine;
}

int weir_queue_close(weir_queue *q, enum weir_queue_end how)
{
    if (!q || (how != WEIR_QUEUE_DRAIN && how != WEIR_QUEUE_DISCARD))
        return WR_MISUSE("no queue, or an unknown end");
    wr_queue_shut(q, how == WEIR_QUEUE_DISCARD ? WEIR_CANCELED : 0);
    return 0;
}

int weir_queue_stop(weir_queue *q, enum weir_queue_end how, weir_ctx *ctx)
{
    int err = weir_queue_close(q, how);
    if (err)
        return err;
    if (wr_queue_has_me(q))
        return WEIR_DEADLOCK;
    err = weir_mutex_lock(&q->lock, NULL);
    if (err)
        return err;
    while (!has_ended(q) && !err)
        err = weir_cond_wait(&q->ended, &q->lock, ctx);
    const bool over = has_ended(q);
    const int result = q->result;
    weir_mutex_unlock(&q->lock);
    if (over)
        return result;
    wr_queue_shut(q, err);
    return err;
}

int weir_queue_get_counts(weir_queue *q, weir_queue_counts *out)
{
    if (!q || !out)
        return WR_MISUSE("no queue, or no place for the counts");
    int err = weir_mutex_lock(&q->lock, NULL);
    if (err)
        return err;
    *out = q->counts;
    out->queued = q->line.count;
    weir_mutex_unlock(&q->lock);
    return 0;
}
