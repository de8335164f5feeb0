/* SPDX-License-Identifier: MIT */
/* Members of a broadcaster: the list, and what stands before each sink. */
#include "event/broadcaster.h"

#include "base/mem.h"

/* ---- the list; under the lock -------------------------------------------- */

struct wr_member *wr_member_find(const weir_broadcaster *b, const weir_sink *s)
{
    struct wr_member *m = b->first;
    while (m && m->sink != s)
        m = m->next;
    return m;
}

void wr_member_attach(weir_broadcaster *b, struct wr_member *m)
{
    m->since = b->going ? b->turn : 0;
    m->listed = true;
    m->prev = b->last;
    *(b->last ? &b->last->next : &b->first) = m;
    b->last = m;
    b->sinks++;
}

/* Takes m off the list: its target, to be given back without the lock; NULL
 * if it is off already. */
weir_sink *wr_member_detach(struct wr_member *m)
{
    weir_broadcaster *b = m->b;
    if (!m->listed)
        return NULL;
    m->listed = false;
    if (b->cursor == m)
        b->cursor = m->next;
    *(m->prev ? &m->prev->next : &b->first) = m->next;
    *(m->next ? &m->next->prev : &b->last) = m->prev;
    b->sinks--;
    return m->target;
}

/* ---- a member ------------------------------------------------------------ */

/* Does this code remove it? Under the lock. */
static bool is_final(struct wr_member *m, int code)
{
    m->in_a_row = code ? m->in_a_row + 1 : 0;
    return code == WEIR_CLOSED ||
           (m->opts.failures && m->in_a_row >= m->opts.failures);
}

static int write_member(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    struct wr_member *m = (struct wr_member *)s;
    weir_broadcaster *b = m->b;
    weir_sink *target = NULL;
    const int code = weir_sink_write(m->sink, e, ctx);
    weir_mutex_lock(&b->lock, NULL);
    if (is_final(m, code))
        target = wr_member_detach(m);
    if (target) {
        m->removed = true;
        b->removed++;
    }
    weir_mutex_unlock(&b->lock);
    if (target && b->opts.on_removed)
        b->opts.on_removed(m->sink, code, b->opts.arg);
    weir_sink_unref(target);
    return code;
}

static int close_member(weir_sink *s, weir_ctx *ctx)
{
    struct wr_member *m = (struct wr_member *)s;
    weir_mutex_lock(&m->b->lock, NULL);
    const bool keep = m->removed || m->opts.keep_open;
    weir_mutex_unlock(&m->b->lock);
    return keep ? 0 : weir_sink_close(m->sink, ctx);
}

static void free_member(weir_sink *s)
{
    struct wr_member *m = (struct wr_member *)s;
    weir_broadcaster *b = m->b;
    weir_sink_unref(m->sink);
    weir_mutex_lock(&b->lock, NULL);
    *(m->before ? &m->before->after : &b->all) = m->after;
    if (m->after)
        m->after->before = m->before;
    if (!b->all)
        weir_cond_broadcast(&b->gone);
    weir_mutex_unlock(&b->lock);
    weir_sink_unref(&b->round);
    wr_free(m);
}

static const weir_sink_ops member_ops = {write_member, close_member,
                                         free_member};

static void lose_queued(weir_event *e, int code, void *arg)
{
    struct wr_member *m = arg;
    wr_broadcaster_lose(m->b, m->sink, e, code);
}

/* Puts a queue before a member. */
static int isolate(struct wr_member *m)
{
    const weir_queue_opts o = {
        .sink = &m->shim,
        .capacity = m->opts.capacity,
        .policy = m->opts.policy,
        .sample_every = m->opts.sample_every,
        .on_loss = lose_queued,
        .arg = m,
    };
    weir_queue *q;
    int err = weir_queue_new(&q, &o);
    if (err)
        return err;
    weir_mutex_lock(&m->b->lock, NULL);
    m->queue = q;
    m->target = weir_queue_sink(q);
    weir_mutex_unlock(&m->b->lock);
    weir_sink_unref(&m->shim); /* the queue has the member now */
    return 0;
}

int wr_member_new(struct wr_member **out, weir_broadcaster *b, weir_sink *s,
                  const weir_broadcast_opts *o)
{
    struct wr_member *m = wr_alloc(sizeof(*m));
    if (!m)
        return WEIR_ENOMEM;
    weir_sink_init(&m->shim, &member_ops);
    weir_sink_ref(&b->round);
    m->b = b;
    m->sink = weir_sink_ref(s);
    m->target = &m->shim;
    m->opts = *o;
    weir_mutex_lock(&b->lock, NULL);
    m->after = b->all;
    if (m->after)
        m->after->before = m;
    b->all = m;
    weir_mutex_unlock(&b->lock);
    int err = o->direct ? 0 : isolate(m);
    if (err)
        weir_sink_unref(&m->shim);
    else
        *out = m;
    return err;
}
