/* SPDX-License-Identifier: MIT */
/* The broadcaster's face: a sink, and the calls. */
#include "event/broadcaster.h"

#include "base/mem.h"
#include "base/misuse.h"
#include "event/queue.h"

static int publish(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    return weir_queue_enqueue(((weir_broadcaster *)s)->front, e, ctx);
}

static int close_face(weir_sink *s, weir_ctx *ctx)
{
    return weir_broadcaster_stop((weir_broadcaster *)s, WEIR_QUEUE_DRAIN, ctx);
}

static void free_face(weir_sink *s)
{
    weir_queue_unref(((weir_broadcaster *)s)->front);
}

static const weir_sink_ops face_ops = {publish, close_face, free_face};

static void lose_in_front(weir_event *e, int code, void *arg)
{
    wr_broadcaster_lose(arg, NULL, e, code);
}

/* ---- the calls ----------------------------------------------------------- */

int weir_broadcaster_new(weir_broadcaster **out, const weir_broadcaster_opts *o)
{
    static const weir_broadcaster_opts defaults;
    o = o ? o : &defaults;
    if (!out)
        return WR_MISUSE("no place for it");
    *out = NULL;
    weir_broadcaster *b = wr_alloc(sizeof(*b));
    if (!b)
        return WEIR_ENOMEM;
    b->opts = *o;
    weir_sink_init(&b->face, &face_ops);
    weir_sink_init(&b->round, &wr_broadcaster_round);
    int err = weir_queue_new(&b->front,
                             &(weir_queue_opts){.sink = &b->round,
                                                .capacity = o->capacity,
                                                .policy = o->policy,
                                                .sample_every = o->sample_every,
                                                .on_loss = lose_in_front,
                                                .arg = b});
    if (!err)
        *out = b;
    weir_sink_unref(&b->round); /* the queue has it, or nobody */
    return err;
}

weir_sink *weir_broadcaster_sink(weir_broadcaster *b)
{
    return b ? &b->face : NULL;
}

void weir_broadcaster_unref(weir_broadcaster *b)
{
    if (b)
        weir_sink_unref(&b->face);
}

int weir_broadcaster_add(weir_broadcaster *b, weir_sink *s,
                         const weir_broadcast_opts *o)
{
    static const weir_broadcast_opts defaults;
    struct wr_member *m = NULL;
    if (!b || !s)
        return WR_MISUSE("no broadcaster, or no sink");
    int err = wr_member_new(&m, b, s, o ? o : &defaults);
    if (err)
        return err;
    weir_sink *unused = m->target;
    weir_mutex_lock(&b->lock, NULL);
    if (b->closed) {
        err = WEIR_CLOSED;
    } else if (!wr_member_find(b, s)) {
        wr_member_attach(b, m);
        unused = NULL;
    }
    m->removed = unused != NULL;
    weir_mutex_unlock(&b->lock);
    weir_sink_unref(unused);
    return err;
}

int weir_broadcaster_remove(weir_broadcaster *b, weir_sink *s)
{
    weir_sink *target = NULL;
    if (!b || !s)
        return WR_MISUSE("no broadcaster, or no sink");
    int err = weir_mutex_lock(&b->lock, NULL);
    if (err)
        return err;
    struct wr_member *m = wr_member_find(b, s);
    if (m) {
        m->removed = true;
        target = wr_member_detach(m);
    }
    weir_mutex_unlock(&b->lock);
    weir_sink_unref(target);
    return 0;
}

int weir_broadcaster_configure(weir_broadcaster *b, weir_sink *s,
                               const weir_broadcast_opts *o)
{
    static const weir_broadcast_opts defaults;
    o = o ? o : &defaults;
    if (!b || !s)
        return WR_MISUSE("no broadcaster, or no sink");
    int err = weir_mutex_lock(&b->lock, NULL);
    if (err)
        return err;
    struct wr_member *m = wr_member_find(b, s);
    if (!m)
        err = WEIR_EMPTY;
    else if (o->direct != m->opts.direct || o->policy != m->opts.policy ||
             o->capacity != m->opts.capacity ||
             o->sample_every != m->opts.sample_every)
        err = WEIR_UNSUPPORTED;
    else
        m->opts = *o;
    weir_mutex_unlock(&b->lock);
    return err;
}

/* Is the caller in a member's sink, or in on_loss or on_removed for one? */
static bool has_me(weir_broadcaster *b)
{
    bool mine = false;
    weir_mutex_lock(&b->lock, NULL);
    for (struct wr_member *m = b->all; m && !mine; m = m->after)
        mine = m->queue && wr_queue_has_me(m->queue);
    weir_mutex_unlock(&b->lock);
    return mine;
}

int weir_broadcaster_stop(weir_broadcaster *b, enum weir_queue_end how,
                          weir_ctx *ctx)
{
    if (!b)
        return WR_MISUSE("no broadcaster");
    int err = weir_queue_close(b->front, how);
    if (err)
        return err;
    return has_me(b) ? WEIR_DEADLOCK : weir_queue_stop(b->front, how, ctx);
}

int weir_broadcaster_get_counts(weir_broadcaster *b,
                                weir_broadcaster_counts *out)
{
    if (!b || !out)
        return WR_MISUSE("no broadcaster, or no place for the counts");
    int err = weir_queue_get_counts(b->front, &out->front);
    if (err)
        return err;
    weir_mutex_lock(&b->lock, NULL);
    out->sinks = b->sinks;
    out->lost = b->lost;
    out->removed = b->removed;
    weir_mutex_unlock(&b->lock);
    return 0;
}
