/* SPDX-License-Identifier: MIT */
/*
 * The broadcaster: a queue in front, whose sink is the round over a list of
 * members.
 *
 *   face -> front queue -> round -> target of each member
 *     target of a direct member:  member -> its sink
 *     target of another:          its queue -> member -> its sink
 *
 * Ownership: the user has the face, which has the front queue, which has the
 * round. The list has the targets; a queue has its member, and a member has
 * its sink and the round. The front queue always closes the round when it
 * ends, and that empties the list, so nothing is held in a circle. The memory
 * goes with the last reference to the round.
 *
 * Invariants:
 * - There is one round at a time, by the front queue's task, and one cursor:
 *   the member it comes to next. Whoever takes that member off the list moves
 *   the cursor on. So members come and go between two steps, and none is
 *   skipped or met twice.
 * - Who is added while an event goes round has `since` set to its number, and
 *   stands behind all who have not: there the round ends.
 */
#include <weir/broadcaster.h>

#include <weir/cond.h>
#include "base/mem.h"
#include "base/misuse.h"
#include "event/queue.h"

struct member {
    weir_sink shim; /* first: what stands before the sink                   */
    weir_broadcaster *b;
    weir_sink *sink, *target;
    weir_queue *queue; /* the target, if that is one                        */
    /* Under b's lock. */
    struct member *next, *prev;    /* on the list of those that get events    */
    struct member *after, *before; /* among all that have not been freed      */
    weir_broadcast_opts opts;
    uint64_t since;
    uint32_t in_a_row; /* failures                                          */
    bool listed;
    bool removed; /* its sink is not ours to close                          */
};

struct weir_broadcaster {
    weir_sink face;  /* first: what the user writes to                      */
    weir_sink round; /* what the front queue writes to                      */
    weir_queue *front;
    weir_broadcaster_opts opts;

    weir_mutex lock; /* of all below, and of the members                    */
    struct member *first, *last, *cursor;
    struct member *all;
    weir_cond gone; /* all is empty                                         */
    uint64_t turn;  /* the event that goes round, or did last                */
    bool going, closed;
    size_t sinks;
    uint64_t lost, removed;
};

static weir_broadcaster *of_round(weir_sink *round)
{
    return (weir_broadcaster *)((char *)round -
                                offsetof(weir_broadcaster, round));
}

static void lose(weir_broadcaster *b, weir_sink *s, weir_event *e, int code)
{
    weir_mutex_lock(&b->lock, NULL);
    b->lost++;
    weir_mutex_unlock(&b->lock);
    if (b->opts.on_loss)
        b->opts.on_loss(s, e, code, b->opts.arg);
}

/* ---- the list; under the lock -------------------------------------------- */

static struct member *find(const weir_broadcaster *b, const weir_sink *s)
{
    struct member *m = b->first;
    while (m && m->sink != s)
        m = m->next;
    return m;
}

static void attach(weir_broadcaster *b, struct member *m)
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
static weir_sink *detach(struct member *m)
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
static bool is_final(struct member *m, int code)
{
    m->in_a_row = code ? m->in_a_row + 1 : 0;
    return code == WEIR_CLOSED ||
           (m->opts.failures && m->in_a_row >= m->opts.failures);
}

static int write_member(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    struct member *m = (struct member *)s;
    weir_broadcaster *b = m->b;
    weir_sink *target = NULL;
    const int code = weir_sink_write(m->sink, e, ctx);
    weir_mutex_lock(&b->lock, NULL);
    if (is_final(m, code))
        target = detach(m);
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
    struct member *m = (struct member *)s;
    weir_mutex_lock(&m->b->lock, NULL);
    const bool keep = m->removed || m->opts.keep_open;
    weir_mutex_unlock(&m->b->lock);
    return keep ? 0 : weir_sink_close(m->sink, ctx);
}

static void free_member(weir_sink *s)
{
    struct member *m = (struct member *)s;
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
    struct member *m = arg;
    lose(m->b, m->sink, e, code);
}

/* Puts a queue before a member. */
static int isolate(struct member *m)
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

static int member_new(struct member **out, weir_broadcaster *b, weir_sink *s,
                      const weir_broadcast_opts *o)
{
    struct member *m = wr_alloc(sizeof(*m));
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

/* ---- the round ----------------------------------------------------------- */

/* The next member and a reference to its target, or NULL. Under the lock. */
static struct member *step(weir_broadcaster *b)
{
    struct member *m = b->cursor;
    if (!m)
        return NULL;
    b->cursor = m->next;
    weir_sink_ref(m->target);
    return m;
}

static int go_round(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    weir_broadcaster *b = of_round(s);
    struct member *m;
    weir_mutex_lock(&b->lock, NULL);
    b->turn++;
    b->going = true;
    b->cursor = b->first;
    while (b->cursor && b->cursor->since != b->turn) {
        m = step(b);
        weir_mutex_unlock(&b->lock);
        const int code = weir_sink_write(m->target, e, ctx);
        if (code)
            lose(b, m->sink, e, code);
        weir_sink_unref(m->target);
        weir_mutex_lock(&b->lock, NULL);
    }
    b->cursor = NULL;
    b->going = false;
    weir_mutex_unlock(&b->lock);
    return 0;
}

static int drain(struct member *m, weir_ctx *ctx)
{
    return m->queue ? weir_queue_stop(m->queue, WEIR_QUEUE_DRAIN, ctx) : 0;
}

/* What has a queue has been drained, or cut short: it only has to be waited
 * for. */
static int finish(struct member *m, weir_ctx *ctx)
{
    return m->queue ? weir_queue_stop(m->queue, WEIR_QUEUE_DRAIN, NULL)
                    : weir_sink_close(m->target, ctx);
}

/* fn for each member, without the lock, and then off the list with it if
 * `off`. The first error. Under the lock. */
static int each(weir_broadcaster *b, int (*fn)(struct member *, weir_ctx *),
                weir_ctx *ctx, bool off)
{
    struct member *m;
    int result = 0;
    b->cursor = b->first;
    while ((m = step(b))) {
        weir_mutex_unlock(&b->lock);
        const int err = fn(m, ctx);
        result = result ? result : err;
        weir_mutex_lock(&b->lock, NULL);
        weir_sink *const target = m->target;
        weir_sink *const listed = off ? detach(m) : NULL;
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
    for (struct member *m = b->first; m; m = m->next)
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

static const weir_sink_ops round_ops = {go_round, close_all, free_all};

/* ---- the face ------------------------------------------------------------ */

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
    lose(arg, NULL, e, code);
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
    weir_sink_init(&b->round, &round_ops);
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
    struct member *m = NULL;
    if (!b || !s)
        return WR_MISUSE("no broadcaster, or no sink");
    int err = member_new(&m, b, s, o ? o : &defaults);
    if (err)
        return err;
    weir_sink *unused = m->target;
    weir_mutex_lock(&b->lock, NULL);
    if (b->closed) {
        err = WEIR_CLOSED;
    } else if (!find(b, s)) {
        attach(b, m);
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
    struct member *m = find(b, s);
    if (m) {
        m->removed = true;
        target = detach(m);
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
    struct member *m = find(b, s);
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
    for (struct member *m = b->all; m && !mine; m = m->after)
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
