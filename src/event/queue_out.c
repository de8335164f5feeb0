/* SPDX-License-Identifier: MIT */
/*
 * The queue's way out. Whoever works on events takes some at a time, one or a
 * batch, and says how they went; who dequeues takes one, which has arrived
 * then. Events stay in the line until their batch is complete, so that until
 * then a stop, and a policy, can still have them.
 */
#include "base/mem.h"
#include "base/misuse.h"
#include "event/batch.h"
#include "event/queue.h"

/* What is done with events, and how many at a time. */
struct work {
    int (*fn)(weir_event *const *events, size_t n, weir_ctx *ctx, void *arg);
    void *arg;
    size_t max;
    int64_t linger;
};

/* ---- taking -------------------------------------------------------------- */

static int wait_for_first(weir_queue *q, weir_ctx *ctx)
{
    int err = 0;
    while (q->line.count == 0 && !q->closed && !err)
        err = weir_cond_wait(&q->there, &q->lock, ctx);
    return err;
}

/* Waits for a batch to be complete. */
static void linger(weir_queue *q, const struct work *w, weir_ctx *ctx)
{
    weir_ctx due;
    if (q->line.count >= w->max || wr_queue_is_full(q) || q->closed)
        return;
    if (w->linger == 0 || weir_ctx_init_timeout(&due, ctx, w->linger))
        return;
    while (q->line.count && q->line.count < w->max && !wr_queue_is_full(q) &&
           !q->closed && !weir_cond_wait(&q->there, &q->lock, &due))
        ;
    weir_ctx_fini(&due);
}

/* Takes the first at most w->max events, and counts them as running or as
 * delivered. How many (> 0), or why not: WEIR_CLOSED, what ctx says. */
static ptrdiff_t take(weir_queue *q, const struct work *w, weir_event **events,
                      uint64_t *as, weir_ctx *ctx)
{
    ptrdiff_t n = 0;
    int err = weir_mutex_lock(&q->lock, NULL);
    if (err)
        return err;
    do {
        err = wait_for_first(q, ctx);
        linger(q, w, ctx);
    } while (q->line.count == 0 && !q->closed && !err);
    while (!q->discards && q->line.count && (size_t)n < w->max)
        events[n++] = wr_line_pop(&q->line);
    *as += (uint64_t)n;
    if (n)
        wr_queue_let_in(q);
    else if (q->closed)
        err = WEIR_CLOSED;
    weir_mutex_unlock(&q->lock);
    return n ? n : err;
}

/* ---- working ------------------------------------------------------------- */

static void arrived(weir_queue *q, weir_event **events, size_t n, int code)
{
    struct wr_inside me;
    weir_mutex_lock(&q->lock, NULL);
    q->counts.running -= n;
    *(code ? &q->counts.failed : &q->counts.delivered) += n;
    if (code)
        wr_inside_enter(&q->reporters, &me);
    weir_mutex_unlock(&q->lock);
    if (code)
        wr_queue_report(q, events, n, code, &me);
    for (size_t i = 0; i < n && !code; i++)
        weir_event_unref(events[i]);
}

/* 0: stopped, and nothing is left. */
static int process(weir_queue *q, const struct work *w, weir_event **events,
                   weir_ctx *ctx)
{
    ptrdiff_t n;
    while ((n = take(q, w, events, &q->counts.running, ctx)) > 0) {
        const int code = w->fn(events, (size_t)n, &q->ctx, w->arg);
        arrived(q, events, (size_t)n, code);
        if (code == WEIR_CLOSED)
            return WEIR_CLOSED;
    }
    return n == WEIR_CLOSED ? 0 : (int)n;
}

/* ---- the task of a queue ------------------------------------------------- */

static int write_one(weir_event *const *events, size_t n, weir_ctx *ctx,
                     void *sink)
{
    (void)n;
    return weir_sink_write(sink, events[0], ctx);
}

static struct work work_of(const weir_queue_opts *o)
{
    if (o->flush)
        return (struct work){o->flush, o->arg, o->batch, o->linger};
    if (o->batch)
        return (struct work){wr_batch_write, o->sink, o->batch, o->linger};
    return (struct work){.fn = write_one, .arg = o->sink, .max = 1};
}

static int close_sink(weir_queue *q)
{
    if (!q->opts.sink || q->opts.keep_open)
        return 0;
    const int result = weir_sink_close(q->opts.sink, &q->ctx);
    /* Cut short, as asked, is no error of the sink. */
    return result == weir_ctx_err(&q->ctx) ? 0 : result;
}

static void serve(void *arg)
{
    weir_queue *q = arg;
    const struct work w = work_of(&q->opts);
    weir_task_name("event queue");
    weir_mutex_lock(&q->lock, NULL);
    q->server.task = weir_task_id();
    weir_mutex_unlock(&q->lock);

    if (process(q, &w, q->batch, NULL) == WEIR_CLOSED)
        wr_queue_shut(q, WEIR_CLOSED);
    const int result = close_sink(q);

    weir_mutex_lock(&q->lock, NULL);
    q->result = result;
    wr_inside_leave(&q->runners, &q->server);
    weir_cond_broadcast(&q->ended);
    weir_mutex_unlock(&q->lock);
    wr_queue_let_go(q);
    weir_task_name(NULL);
}

int wr_queue_serve(weir_queue *q)
{
    q->batch = wr_alloc(work_of(&q->opts).max * sizeof(*q->batch));
    if (!q->batch)
        return WEIR_ENOMEM;
    q->holds = 2;
    q->server.task = UINT64_MAX; /* nobody, until it runs */
    q->runners = &q->server;
    int err = weir_go(serve, q);
    if (err)
        q->holds = 1;
    return err;
}

/* ---- the calls ----------------------------------------------------------- */

int weir_queue_dequeue(weir_queue *q, weir_event **e, weir_ctx *ctx)
{
    static const struct work one = {.max = 1};
    weir_event *first;
    if (!q || !e)
        return WR_MISUSE("no queue, or no place for an event");
    if (wr_queue_is_served(q))
        return WEIR_UNSUPPORTED;
    const ptrdiff_t n = take(q, &one, &first, &q->counts.delivered, ctx);
    if (n < 0)
        return (int)n;
    *e = first;
    return 0;
}

struct each {
    int (*fn)(weir_event *e, weir_ctx *ctx, void *arg);
    void *arg;
};

static int call_one(weir_event *const *events, size_t n, weir_ctx *ctx,
                    void *arg)
{
    const struct each *each = arg;
    (void)n;
    return each->fn(events[0], ctx, each->arg);
}

int weir_queue_process(weir_queue *q,
                       int (*fn)(weir_event *e, weir_ctx *ctx, void *arg),
                       void *arg, weir_ctx *ctx)
{
    struct each each = {fn, arg};
    const struct work w = {.fn = call_one, .arg = &each, .max = 1};
    struct wr_inside me;
    weir_event *e;
    if (!q || !fn)
        return WR_MISUSE("no queue, or no function");
    if (wr_queue_is_served(q))
        return WEIR_UNSUPPORTED;
    int err = weir_mutex_lock(&q->lock, NULL);
    if (err)
        return err;
    wr_inside_enter(&q->runners, &me);
    weir_mutex_unlock(&q->lock);
    err = process(q, &w, &e, ctx);
    weir_mutex_lock(&q->lock, NULL);
    wr_inside_leave(&q->runners, &me);
    weir_cond_broadcast(&q->ended);
    weir_mutex_unlock(&q->lock);
    return err;
}
