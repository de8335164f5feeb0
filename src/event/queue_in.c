/* SPDX-License-Identifier: MIT */
/* The queue's way in: room, and what happens without it. */
#include "base/misuse.h"
#include "event/queue.h"

void wr_queue_let_in(weir_queue *q)
{
    if (q->counts.blocked && !wr_queue_is_full(q))
        weir_cond_signal(&q->room);
}

static int wait_for_room(weir_queue *q, weir_ctx *ctx)
{
    int err = 0;
    if (q->counts.blocked == 0 && !wr_queue_is_full(q))
        return 0;
    q->counts.blocked++;
    do {
        err = weir_cond_wait(&q->room, &q->lock, ctx);
    } while (!err && !q->closed && wr_queue_is_full(q));
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
    wr_queue_report(q, &victim, 1, WEIR_FULL, &me);
    return 0;
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
    else if (!err && wr_queue_is_full(q))
        return overflow(q, e);
    if (!err)
        err = append(q, e);
    q->counts.refused += err != 0;
    wr_queue_let_in(q);
    weir_mutex_unlock(&q->lock);
    return err;
}
