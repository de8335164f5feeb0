/* SPDX-License-Identifier: MIT */
/*
 * Reading: wait for the bytes under the lock, get them from the file without
 * it. The reader moves on after that, so what it reads is kept meanwhile; only
 * a writer that drops the oldest does not care, and then the file says so.
 */
#include "stream/stream.h"

#include <errno.h>
#include "base/misuse.h"

/* Where the bytes go: to a buffer, or they are lent. */
struct take {
    void *buf;
    size_t n;
    weir_loan *loan;
};

/* All n bytes, which are written; fewer when something fails after some. */
static ptrdiff_t read_file(weir_file *f, char *buf, size_t n, int64_t off)
{
    size_t done = 0;
    while (done < n) {
        const ptrdiff_t got =
            f->ops->read_at(f, buf + done, n - done, off + (int64_t)done);
        if (got <= 0 && done == 0)
            return got ? got : -EIO;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return (ptrdiff_t)done;
}

static ptrdiff_t fetch(weir_file *f, const struct take *t, int64_t off,
                       int64_t there)
{
    const size_t n = (uint64_t)there < t->n ? (size_t)there : t->n;
    if (!t->loan)
        return read_file(f, t->buf, n, off);
    int err = f->ops->borrow(f, off, n, t->loan);
    return err ? err : (ptrdiff_t)t->loan->size;
}

/* ---- at the reader's offset ---------------------------------------------- */

static int lagged(weir_reader *r)
{
    r->lost_last = r->stream->start - r->off;
    r->lost += r->lost_last;
    wr_keep_move(r, r->stream->start);
    return WEIR_LAGGED;
}

/* Waits until something is at r's offset: how much (> 0), 0 at the end, or a
 * code. */
static int64_t wait_for_next(weir_reader *r, weir_ctx *ctx)
{
    const weir_stream *s = r->stream;
    for (;;) {
        int err = wr_reader_ended(r);
        if (err)
            return err;
        if (r->off < s->start)
            return lagged(r);
        if (r->off < s->written)
            return s->written - r->off;
        if (s->ended)
            return s->end_code;
        err = wr_reach_wait(r, r->off + 1, ctx);
        if (err)
            return err;
    }
}

/* Under the lock, which it gives up for the file. A read that a trim overtook
 * looks again: what it got may be anything. What is lent was kept. */
static ptrdiff_t take_next(weir_reader *r, const struct take *t, weir_ctx *ctx)
{
    weir_stream *s = r->stream;
    for (;;) {
        const int64_t there = wait_for_next(r, ctx);
        if (there <= 0)
            return (ptrdiff_t)there;
        const int64_t off = r->off;
        weir_mutex_unlock(&s->lock);
        const ptrdiff_t got = fetch(r->file, t, off, there);
        weir_mutex_lock(&s->lock, NULL);
        if (off < s->start && (got == WEIR_LAGGED || !t->loan))
            continue;
        if (got > 0 && r->off == off)
            wr_keep_move(r, off + got);
        return got;
    }
}

/* Can the file do it? While the reader is not closed, it is there. */
static int look_whether_it_can(const weir_reader *r, const struct take *t)
{
    int err = wr_reader_ended(r);
    return !err && t->loan && !r->file->ops->borrow ? WEIR_UNSUPPORTED : err;
}

/* A loan that was made stays a user of the file. */
static ptrdiff_t take_in_turn(weir_reader *r, const struct take *t,
                              weir_ctx *ctx)
{
    weir_stream *s = r->stream;
    weir_mutex_lock(&s->lock, NULL);
    int err = look_whether_it_can(r, t);
    if (err) {
        weir_mutex_unlock(&s->lock);
        return err;
    }
    wr_reader_enter(r);
    const ptrdiff_t got = take_next(r, t, ctx);
    wr_ready_update(r);
    const int64_t upto = wr_keep_raise(s);
    if (upto > 0) {
        weir_mutex_unlock(&s->lock);
        wr_file_trim(r->file, upto);
        weir_mutex_lock(&s->lock, NULL);
    }
    if (t->loan && got > 0)
        weir_mutex_unlock(&s->lock);
    else
        wr_reader_leave(r);
    return got;
}

static ptrdiff_t take(weir_reader *r, const struct take *t, weir_ctx *ctx)
{
    int err = weir_mutex_lock(&r->turn, ctx);
    if (err)
        return err;
    const ptrdiff_t got = take_in_turn(r, t, ctx);
    weir_mutex_unlock(&r->turn);
    return got;
}

ptrdiff_t weir_reader_read(weir_reader *r, void *buf, size_t n, weir_ctx *ctx)
{
    if (!r || (!buf && n > 0) || n > PTRDIFF_MAX)
        return WR_MISUSE("no reader or no buffer, or one too large");
    return n ? take(r, &(struct take){.buf = buf, .n = n}, ctx) : 0;
}

int weir_reader_borrow(weir_reader *r, weir_loan *loan, size_t max,
                       weir_ctx *ctx)
{
    if (loan)
        *loan = (weir_loan){0};
    if (!r || !loan)
        return WR_MISUSE("no reader or no loan");
    const struct take t = {.n = max ? max : SIZE_MAX, .loan = loan};
    const ptrdiff_t got = take(r, &t, ctx);
    return got > 0 ? 1 : (int)got;
}

int weir_reader_give_back(weir_reader *r, weir_loan *loan)
{
    if (!r || !loan || !loan->data)
        return WR_MISUSE("no reader, or an empty loan");
    r->file->ops->give_back(r->file, loan);
    *loan = (weir_loan){0};
    weir_mutex_lock(&r->stream->lock, NULL);
    wr_reader_leave(r);
    return 0;
}

/* ---- anywhere ------------------------------------------------------------ */

static int64_t later(int64_t off, size_t n)
{
    int64_t sum;
    return __builtin_add_overflow(off, n, &sum) ? INT64_MAX : sum;
}

/* Waits until need bytes are written or the stream has ended: how much there is
 * from off on (> 0), 0 at the end, or a code. */
static int64_t wait_for_range(weir_reader *r, int64_t off, int64_t need,
                              weir_ctx *ctx)
{
    const weir_stream *s = r->stream;
    for (int err = 0;;) {
        if (!err)
            err = wr_reader_ended(r);
        if (err)
            return err;
        if (off < s->start)
            return WEIR_LAGGED;
        if (s->written >= need || s->ended)
            break;
        err = wr_reach_wait(r, need, ctx);
    }
    if (s->written > off)
        return s->written - off;
    return s->ended ? s->end_code : WEIR_EMPTY;
}

ptrdiff_t weir_reader_read_at(weir_reader *r, void *buf, size_t n, int64_t off,
                              size_t at_least, weir_ctx *ctx)
{
    if (!r || (!buf && n > 0) || n > PTRDIFF_MAX || off < 0 || at_least > n)
        return WR_MISUSE("no reader or buffer, or an offset or size beyond it");
    if (n == 0)
        return 0;
    weir_stream *s = r->stream;
    if (s->opts.max_bytes > 0 && at_least > (uint64_t)s->opts.max_bytes)
        return WEIR_LIMIT;
    int err = weir_mutex_lock(&s->lock, NULL);
    if (err)
        return err;
    err = wr_reader_ended(r);
    if (err) {
        weir_mutex_unlock(&s->lock);
        return err;
    }
    wr_reader_enter(r);
    const int64_t need = at_least > 0 ? later(off, at_least) : 0;
    int64_t got = wait_for_range(r, off, need, ctx);
    if (got > 0) {
        weir_mutex_unlock(&s->lock);
        got = fetch(r->file, &(struct take){.buf = buf, .n = n}, off, got);
        weir_mutex_lock(&s->lock, NULL);
        got = off < s->start ? WEIR_LAGGED : got;
    }
    wr_reader_leave(r);
    return (ptrdiff_t)got;
}
