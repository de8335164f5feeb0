/* SPDX-License-Identifier: MIT */
/*
 * Who waits for which offset. A wait is a record on its caller's stack with a
 * condition of its own, in a list by offset, so that a write wakes those whose
 * offset it reached and looks at one more. Most wait for the next byte and so
 * queue at the tail in one step; a wait for less costs a step for each that
 * waits for more.
 *
 * No wake-up is lost: a record is listed, and its party registered at the
 * condition, before the lock is free, and each change of what it waits for is
 * made under the lock and wakes it. A record is signalled under the lock only,
 * so it may go once its party is back with the lock.
 */
#include "stream/stream.h"

static void insert(weir_stream *s, struct wr_reach *w)
{
    struct wr_reach *before = s->last;
    while (before && before->need > w->need)
        before = before->prev;
    w->prev = before;
    w->next = before ? before->next : s->first;
    if (w->next)
        w->next->prev = w;
    else
        s->last = w;
    if (before)
        before->next = w;
    else
        s->first = w;
}

void wr_reach_list(struct wr_reach *w)
{
    weir_reader *r = w->reader;
    insert(r->stream, w);
    w->prev_of = NULL;
    w->next_of = r->waits;
    if (r->waits)
        r->waits->prev_of = w;
    r->waits = w;
    r->stream->waiting += !w->silent;
    w->listed = true;
}

void wr_reach_unlist(struct wr_reach *w)
{
    weir_reader *r = w->reader;
    weir_stream *s = r->stream;
    *(w->prev ? &w->prev->next : &s->first) = w->next;
    *(w->next ? &w->next->prev : &s->last) = w->prev;
    *(w->prev_of ? &w->prev_of->next_of : &r->waits) = w->next_of;
    if (w->next_of)
        w->next_of->prev_of = w->prev_of;
    s->waiting -= !w->silent;
    w->listed = false;
}

static void wake(struct wr_reach *w)
{
    wr_reach_unlist(w);
    if (w->silent)
        wr_ready_update(w->reader);
    else
        weir_cond_signal(&w->cond);
}

int wr_reach_wait(weir_reader *r, int64_t need, weir_ctx *ctx)
{
    struct wr_reach w = {.reader = r, .need = need};
    wr_reach_list(&w);
    int err = weir_cond_wait(&w.cond, &r->stream->lock, ctx);
    if (!w.listed)
        return 0;
    wr_reach_unlist(&w);
    return err;
}

void wr_reach_written(weir_stream *s)
{
    while (s->first && s->first->need <= s->written) {
        s->woken += !s->first->silent;
        wake(s->first);
    }
}

void wr_reach_wake_all(weir_stream *s)
{
    while (s->first)
        wake(s->first);
}

void wr_reach_wake_reader(weir_reader *r)
{
    for (struct wr_reach *w = r->waits, *next; w; w = next) {
        next = w->next_of;
        if (!w->silent)
            wake(w);
    }
}
