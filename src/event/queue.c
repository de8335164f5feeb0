/* SPDX-License-Identifier: MIT */
/*
 * The queue of events: a line under a mutex, and two conditions.
 *
 * Not a channel: one without a bound would have to have all its memory at
 * once. The policies are those of channels.
 *
 * Invariants, whenever the mutex is free:
 * - enqueued = delivered + failed + dropped + discarded + queued + running.
 * - Those who wait for room are `blocked`, and who comes then waits, too. If
 *   one of them waits while there is room, one has been signalled and is on
 *   its way; each that leaves signals the next if there is still room. So no
 *   room is left unused, and none of them starves.
 * - `runners` are the process calls, and the task that serves the sink from
 *   the making of the queue on; `reporters` are the calls of on_loss. Whoever
 *   takes an event off the line is on one of them before it lets the lock go,
 *   until the event has come to its end (one that is dequeued has at once).
 *
 * The memory goes with the last of `holds`: one stands for all references,
 * one for the task.
 */
#include <weir/queue.h>

#include <weir/cond.h>
#include "base/mem.h"
#include "base/misuse.h"
#include "base/inside.h"
#include "event/line.h"
#include "event/queue.h"

enum { DEFAULT_SAMPLE = 10 };
#define MAX_CAPACITY ((size_t)1 << 31)

struct weir_queue {
    weir_sink sink; /* first: the queue is one                              */
    weir_queue_opts opts;
    weir_ctx ctx; /* of what is under way                                   */
    uint32_t holds;

    weir_mutex lock; /* of all below */
    weir_cond there, room, ended;
    struct wr_line line;
    bool closed;
    bool discards; /* what is left in the line goes to nobody               */
    struct wr_inside *runners, *reporters;
    struct wr_inside server; /* the task's, in runners                      */
    uint32_t sampled;
    int result; /* of closing the sink                                      */
    weir_queue_counts counts;
};

typedef int process_fn(weir_event *e, weir_ctx *ctx, void *arg);

static void let_go(weir_queue *q)
{
    if (__atomic_sub_fetch(&q->holds, 1, __ATOMIC_ACQ_REL))
        return;
    weir_ctx_fini(&q->ctx);
    weir_sink_unref(q->opts.sink);
    wr_line_free(&q->line);
    wr_free(q);
}

/* ---- losses -------------------------------------------------------------- */

/* Reports e and gives its reference back. `me` has been entered among the
 * reporters when e left the line; the lock is free. */
static void report(weir_queue *q, weir_event *e, int code,
                   const struct wr_inside *me)
{
    if (q->opts.on_loss)
        q->opts.on_loss(e, code, q->opts.arg);
    weir_event_unref(e);
    weir_mutex_lock(&q->lock, NULL);
    wr_inside_leave(&q->reporters, me);
    weir_cond_broadcast(&q->ended);
    weir_mutex_unlock(&q->lock);
}

/* Takes no more. With a code: discards what is left, for that reason. What is
 * under way is cancelled only then: nothing new begins after it. */
static void shut(weir_queue *q, int code)
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
        report(q, e, code, &me);
        weir_mutex_lock(&q->lock, NULL);
    }
    weir_mutex_unlock(&q->lock);
}

/* ---- in; under the lock -------------------------------------------------- */

static bool is_full(const weir_queue *q)
{
    return q->opts.capacity && q->line.count >= q->opts.capacity;
}

static void let_in(weir_queue *q)
{
    if (q->counts.blocked && !is_full(q))
        weir_cond_signal(&q->room);
}

static int wait_for_room(weir_queue *q, weir_ctx *ctx)
{
    int err = 0;
    if (q->counts.blocked == 0 && !is_full(q))
        return 0;
    q->counts.blocked++;
    do {
        err = weir_cond_wait(&q->room, &q->lock, ctx);
    } while (!err && !q->closed && is_full(q));
    q->counts.blocked--;
    return q->closed ? WEIR_CLOSED : err;
}

/* Does the new one take the place of the oldest? */
static bool displaces(weir_queue *q)
{
    if (q->opts.policy == WEIR_DROP)
        return false;
    return q->opts.policy != WEIR_SAMPLE ||
           ++q->sampled % q->opts.sample_every == 0;
}

static int append(weir_queue *q, weir_event *e)
{
    int err = wr_line_push(&q->line, e);
    if (err)
        return err;
    weir_event_ref(e);
    q->counts.enqueued++;
    if (q->line.count > q->counts.highest)
        q->counts.highest = q->line.count;
    weir_cond_signal(&q->there);
    return 0;
}

/* What is dropped, the new one or the oldest. */
static weir_event *drop(weir_queue *q, weir_event *e)
{
    weir_event *victim = weir_event_ref(e);
    if (displaces(q)) {
        weir_event *oldest = wr_line_pop(&q->line);
        (void)wr_line_push(&q->line, victim); /* into the place it left */
        victim = oldest;
    }
    q->counts.enqueued++;
    q->counts.dropped++;
    return victim;
}

/* The queue is full, and its policy is not to wait. Lets the lock go. */
static int overflow(weir_queue *q, weir_event *e)
{
    struct wr_inside me;
    if (q->opts.policy == WEIR_ERROR || wr_inside_has_me(q->reporters)) {
        q->counts.refused++;
        weir_mutex_unlock(&q->lock);
        return WEIR_FULL;
    }
    weir_event *victim = drop(q, e);
    wr_inside_enter(&q->reporters, &me);
    weir_mutex_unlock(&q->lock);
    report(q, victim, WEIR_FULL, &me);
    return 0;
}

/* ---- out ----------------------------------------------------------------- */

/* Takes the first, and counts it as running or as delivered. */
static int take(weir_queue *q, weir_event **e, uint64_t *as, weir_ctx *ctx)
{
    int err = weir_mutex_lock(&q->lock, NULL);
    if (err)
        return err;
    while (q->line.count == 0 && !q->closed && !err)
        err = weir_cond_wait(&q->there, &q->lock, ctx);
    if (q->line.count && !q->discards) {
        *e = wr_line_pop(&q->line);
        ++*as;
        let_in(q);
        err = 0;
    } else if (q->closed) {
        err = WEIR_CLOSED;
    }
    weir_mutex_unlock(&q->lock);
    return err;
}

static void arrived(weir_queue *q, weir_event *e, int code)
{
    struct wr_inside me;
    weir_mutex_lock(&q->lock, NULL);
    q->counts.running--;
    if (code == 0) {
        q->counts.delivered++;
    } else {
        q->counts.failed++;
        wr_inside_enter(&q->reporters, &me);
    }
    weir_mutex_unlock(&q->lock);
    if (code == 0)
        weir_event_unref(e);
    else
        report(q, e, code, &me);
}

/* 0: stopped, and nothing is left. */
static int process(weir_queue *q, process_fn *fn, void *arg, weir_ctx *ctx)
{
    weir_event *e;
    int err;
    while (!(err = take(q, &e, &q->counts.running, ctx))) {
        const int code = fn(e, &q->ctx, arg);
        arrived(q, e, code);
        if (code == WEIR_CLOSED)
            return WEIR_CLOSED;
    }
    return err == WEIR_CLOSED ? 0 : err;
}

static int write_to_sink(weir_event *e, weir_ctx *ctx, void *sink)
{
    return weir_sink_write(sink, e, ctx);
}

/* The task of a queue with a sink. */
static void serve(void *arg)
{
    weir_queue *q = arg;
    weir_sink *sink = q->opts.sink;
    weir_task_name("event queue");
    weir_mutex_lock(&q->lock, NULL);
    q->server.task = weir_task_id();
    weir_mutex_unlock(&q->lock);

    if (process(q, write_to_sink, sink, NULL) == WEIR_CLOSED)
        shut(q, WEIR_CLOSED);
    int result = q->opts.keep_open ? 0 : weir_sink_close(sink, &q->ctx);
    if (result == weir_ctx_err(&q->ctx))
        result = 0; /* cut short, as asked: no error of the sink */

    weir_mutex_lock(&q->lock, NULL);
    q->result = result;
    wr_inside_leave(&q->runners, &q->server);
    weir_cond_broadcast(&q->ended);
    weir_mutex_unlock(&q->lock);
    let_go(q);
    weir_task_name(NULL);
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
    shut(q, WEIR_CANCELED);
    let_go(q);
}

static const weir_sink_ops sink_ops = {write_event, close_queue, free_queue};

/* ---- the calls ----------------------------------------------------------- */

static bool valid(const weir_queue_opts *o)
{
    const unsigned policy = o->policy;
    if (policy >= WEIR_POLICIES || o->capacity > MAX_CAPACITY)
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
    weir_sink_ref(o->sink);
    weir_sink_init(&q->sink, &sink_ops);
    weir_ctx_init(&q->ctx, NULL);
    q->holds = 1;
}

static int start(weir_queue *q)
{
    q->holds = 2;
    q->server.task = UINT64_MAX; /* nobody, until it runs */
    q->runners = &q->server;
    int err = weir_go(serve, q);
    if (err)
        q->holds = 1;
    return err;
}

int weir_queue_new(weir_queue **out, const weir_queue_opts *o)
{
    static const weir_queue_opts defaults;
    if (out)
        *out = NULL;
    o = o ? o : &defaults;
    if (!out || !valid(o))
        return WR_MISUSE("no place for it, or a policy or capacity unfit");
    weir_queue *q = wr_alloc(sizeof(*q));
    if (!q)
        return WEIR_ENOMEM;
    set_up(q, o);
    int err = o->sink ? start(q) : 0;
    if (err) {
        let_go(q);
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

int weir_queue_enqueue(weir_queue *q, weir_event *e, weir_ctx *ctx)
{
    if (!q)
        return WR_MISUSE("no queue");
    int err = weir_mutex_lock(&q->lock, NULL);
    if (err)
        return err;
    err = q->closed ? WEIR_CLOSED : 0;
    if (!err && q->opts.policy == WEIR_BLOCK)
        err = wait_for_room(q, ctx);
    else if (!err && is_full(q))
        return overflow(q, e);
    if (!err)
        err = append(q, e);
    q->counts.refused += err != 0;
    let_in(q);
    weir_mutex_unlock(&q->lock);
    return err;
}

int weir_queue_dequeue(weir_queue *q, weir_event **e, weir_ctx *ctx)
{
    if (!q || !e)
        return WR_MISUSE("no queue, or no place for an event");
    if (q->opts.sink)
        return WEIR_UNSUPPORTED;
    return take(q, e, &q->counts.delivered, ctx);
}

int weir_queue_process(weir_queue *q, process_fn *fn, void *arg, weir_ctx *ctx)
{
    struct wr_inside me;
    if (!q || !fn)
        return WR_MISUSE("no queue, or no function");
    if (q->opts.sink)
        return WEIR_UNSUPPORTED;
    int err = weir_mutex_lock(&q->lock, NULL);
    if (err)
        return err;
    wr_inside_enter(&q->runners, &me);
    weir_mutex_unlock(&q->lock);
    err = process(q, fn, arg, ctx);
    weir_mutex_lock(&q->lock, NULL);
    wr_inside_leave(&q->runners, &me);
    weir_cond_broadcast(&q->ended);
    weir_mutex_unlock(&q->lock);
    return err;
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
    shut(q, how == WEIR_QUEUE_DISCARD ? WEIR_CANCELED : 0);
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
    shut(q, err);
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
