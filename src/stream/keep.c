/* SPDX-License-Identifier: MIT */
/*
 * What of a stream is kept: behind the slowest reader nothing, if so asked,
 * and never more than the bound.
 *
 * The least offset is known with the number of readers that are there, so a
 * reader that moves costs a step, and the last one to leave that place one for
 * each reader. Readers that move together pay that once a round.
 */
#include "stream/stream.h"

static void arrive(weir_stream *s, int64_t off)
{
    if (s->at_slow == 0 || off < s->slow) {
        s->slow = off;
        s->at_slow = 1;
    } else if (off == s->slow) {
        s->at_slow++;
    }
}

/* A reader is off the least offset. */
static void depart(weir_stream *s)
{
    if (--s->at_slow > 0)
        return;
    for (const weir_reader *r = s->readers; r; r = r->next)
        arrive(s, r->off);
}

void wr_keep_join(weir_reader *r)
{
    weir_stream *s = r->stream;
    r->next = s->readers;
    if (r->next)
        r->next->prev = r;
    s->readers = r;
    if (s->opts.trim)
        arrive(s, r->off);
}

void wr_keep_leave(weir_reader *r)
{
    weir_stream *s = r->stream;
    *(r->prev ? &r->prev->next : &s->readers) = r->next;
    if (r->next)
        r->next->prev = r->prev;
    if (s->opts.trim && r->off == s->slow)
        depart(s);
}

/* When r alone was the slowest, depart's look finds its new offset. */
void wr_keep_move(weir_reader *r, int64_t off)
{
    weir_stream *s = r->stream;
    const int64_t from = r->off;
    if (r->closed || from == off)
        return;
    r->off = off;
    if (!s->opts.trim)
        return;
    arrive(s, off);
    if (from == s->slow)
        depart(s);
}

int64_t wr_keep_raise(weir_stream *s)
{
    if (!s->opts.trim || s->at_slow == 0)
        return 0;
    const int64_t to = s->slow < s->written ? s->slow : s->written;
    if (to <= s->start)
        return 0;
    s->start = to;
    weir_cond_signal(&s->room);
    return to;
}

static int64_t least(int64_t a, size_t b)
{
    return (uint64_t)a < b ? a : (int64_t)b;
}

static int64_t room_by_dropping(weir_stream *s, int64_t want)
{
    const int64_t max = s->opts.max_bytes, n = want < max ? want : max;
    const int64_t over = s->written - s->start - (max - n);
    if (over > 0) {
        s->start += over;
        s->dropped += over;
    }
    return n;
}

static int wait_for_room(weir_stream *s, weir_ctx *ctx)
{
    s->blocked = true;
    int err = weir_cond_wait(&s->room, &s->lock, ctx);
    s->blocked = false;
    return err;
}

int64_t wr_keep_room(weir_stream *s, size_t want, weir_ctx *ctx)
{
    const int64_t max = s->opts.max_bytes;
    for (int err = 0;;) {
        if (s->cancelled)
            return s->cancelled;
        if (s->ending)
            return WEIR_CLOSED;
        if (s->written == INT64_MAX)
            return WEIR_LIMIT;
        const int64_t left = INT64_MAX - s->written;
        if (max > 0 && s->opts.policy == WEIR_DROP_OLDEST)
            return room_by_dropping(s, least(left, want));
        const int64_t room = max > 0 ? max - (s->written - s->start) : left;
        if (room > 0)
            return least(room < left ? room : left, want);
        if (s->opts.policy == WEIR_ERROR)
            return WEIR_FULL;
        if (err)
            return err;
        err = wait_for_room(s, ctx);
    }
}
