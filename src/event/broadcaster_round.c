/* SPDX-License-Identifier: MIT */
/* The round: each event to one member after the other, and their end. */
#include "base/mem.h"
#include "event/broadcaster.h"

static weir_broadcaster *of_round(weir_sink *round)
{
    return (weir_broadcaster *)((char *)round -
                                offsetof(weir_broadcaster, round));
}

void wr_broadcaster_lose(weir_broadcaster *b, weir_sink *s, weir_event *e,
                         int code)
{
    weir_mutex_lock(&b->lock, NULL);
    b->lost++;
    weir_mutex_unlock(&b->lock);
    if (b->opts.on_loss)
        b->opts.on_loss(s, e, code, b->opts.arg);
}

/* The next member and a reference to its target, or NULL. Under the lock. */
static struct wr_member *step(weir_broadcaster *b)
{
    struct wr_member *m = b->cursor;
    if (!m)
        return NULL;
    b->cursor = m->next;
    weir_sink_ref(m->target);
    return m;
}

static int go_round(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    weir_broadcaster *b = of_round(s);
    struct wr_member *m;
    weir_mutex_lock(&b->lock, NULL);
    b->turn++;
    b->going = true;
    b->cursor = b->first;
    while (b->cursor && b->cursor->since != b->turn) {
        m = step(b);
        weir_mutex_unlock(&b->lock);
        const int code = weir_sink_write(m->target, e, ctx);
        if (code)
            wr_broadcaster_lose(b, m->sink, e, code);
        weir_sink_unref(m->target);
        weir_mutex_lock(&b->lock, NULL);
    }
    b->cursor = NULL;
    b->going = false;
    weir_mutex_unlock(&b->lock);
    return 0;
}

static int drain(struct wr_member *m, weir_ctx *ctx)
{
    return m->queue ? weir_queue_stop(m->queue, WEIR_QUEUE_DRAIN, ctx) : 0;
}

/* What has a queue has been drained, or cut short: it only has to be waited
 * for. */
static int finish(struct wr_member *m, weir_ctx *ctx)
{
    return m->queue ? weir_queue_stop(m->queue, WEIR_QUEUE_DRAIN, NULL)
                    : weir_sink_close(m->target, ctx);
}

/* fn for each member, without the lock, and then off the list with it if
 * `off`. The first error. Under the lock. */
static int each(weir_broadcaster *b, int (*fn)(struct wr_member *, weir_ctx *),
                weir_ctx *ctx, bool off)
{
    struct wr_member *m;
    int result = 0;
    b->cursor = b->first;
    while ((m = step(b))) {
        weir_mutex_unlock(&b->lock);
        const int err = fn(m, ctx);
        result = result ? result : err;
        weir_mutex_lock(&b->lock, NULL);
        weir_sink *const target = m->target;
        weir_sink *const listed = off ? wr_member_detach(m) : NULL;
        weir_mutex_unlock(&b->lock);
        weir_sink_unref(listed);
        weir_sink_unref(target);
        weir_mutex_lock(&b->lock, NULL);
    }
    return result;
}

/* All queues are told first, and so are drained at the same time; each closes
 * its sink itself. Those who were removed are waited for, too: no callback
 * comes after the end. */
static int close_all(weir_sink *s, weir_ctx *ctx)
{
    weir_broadcaster *b = of_round(s);
    weir_mutex_lock(&b->lock, NULL);
    b->closed = true;
    for (struct wr_member *m = b->first; m; m = m->next)
        if (m->queue)
            weir_queue_close(m->queue, WEIR_QUEUE_DRAIN);
    (void)each(b, drain, ctx, false);
    const int result = each(b, finish, ctx, true);
    while (b->all)
        weir_cond_wait(&b->gone, &b->lock, NULL);
    weir_mutex_unlock(&b->lock);
    return result;
}

static void free_all(weir_sink *s)
{
    wr_free(of_round(s));
}

const weir_sink_ops wr_broadcaster_round = {go_round, close_all, free_all};
