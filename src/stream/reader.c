/* SPDX-License-Identifier: MIT */
/*
 * A reader from its opening to its end, and where it stands.
 */
#include "stream/stream.h"

#include <errno.h>
#include "base/mem.h"
#include "base/misuse.h"

/* ---- opening ------------------------------------------------------------- */

/* Under the lock. */
static int admitted(const weir_stream *s)
{
    return s->cancelled ? s->cancelled : s->refused;
}

static int look_whether_admitted(weir_stream *s)
{
    int err = weir_mutex_lock(&s->lock, NULL);
    if (err)
        return err;
    err = admitted(s);
    weir_mutex_unlock(&s->lock);
    return err;
}

static int join(weir_reader *r)
{
    weir_stream *s = r->stream;
    weir_mutex_lock(&s->lock, NULL);
    int err = admitted(s);
    if (!err) {
        r->off = s->start;
        s->refs++;
        s->open++;
        wr_keep_join(r);
    }
    weir_mutex_unlock(&s->lock);
    return err;
}

/* Is it the stream's file? */
static int look_whose(const weir_stream *s, weir_file *f)
{
    weir_file_info info;
    if (s->id == 0)
        return 0;
    int err = f->ops->info(f, &info);
    return err ? err : info.id == s->id ? 0 : -ESTALE;
}

int wr_stream_open_file(const weir_stream *s, weir_file **out)
{
    int err = s->fs->ops->open(s->fs, s->name, out);
    if (err)
        return err;
    err = look_whose(s, *out);
    if (err)
        (*out)->ops->close(*out);
    return err;
}

/* A removal may come while the file is being opened; then it is the reason,
 * whatever came of the opening. */
static int open_reader(weir_reader *r)
{
    int err = wr_stream_open_file(r->stream, &r->file);
    if (err) {
        const int refused = look_whether_admitted(r->stream);
        return refused ? refused : err;
    }
    err = join(r);
    if (err)
        r->file->ops->close(r->file);
    return err;
}

int weir_stream_next_reader(weir_stream *s, weir_reader **out)
{
    if (out)
        *out = NULL;
    if (!s || !out)
        return WR_MISUSE("no stream or no place for the reader");
    int err = look_whether_admitted(s);
    if (err)
        return err;
    weir_reader *r = wr_alloc(sizeof *r);
    if (!r)
        return WEIR_ENOMEM;
    r->stream = s;
    err = open_reader(r);
    if (err)
        wr_free(r);
    else
        *out = r;
    return err;
}

const char *weir_reader_name(const weir_reader *r)
{
    return r ? weir_stream_name(r->stream) : "";
}

/* ---- closing ------------------------------------------------------------- */

static int close_file(weir_reader *r)
{
    weir_stream *s = r->stream;
    int err = r->file->ops->close(r->file);
    weir_mutex_lock(&s->lock, NULL);
    s->open--;
    weir_cond_broadcast(&s->quiet);
    weir_mutex_unlock(&s->lock);
    return err;
}

int wr_reader_leave(weir_reader *r)
{
    const bool last = --r->busy == 0 && r->closed;
    weir_mutex_unlock(&r->stream->lock);
    return last ? close_file(r) : 0;
}

int weir_reader_close(weir_reader *r)
{
    if (!r)
        return WR_MISUSE("no reader");
    weir_stream *s = r->stream;
    int err = weir_mutex_lock(&s->lock, NULL);
    if (err || r->closed) {
        if (!err)
            weir_mutex_unlock(&s->lock);
        return err;
    }
    wr_reader_enter(r);
    r->closed = true;
    wr_reach_wake_reader(r);
    wr_ready_update(r);
    wr_keep_leave(r);
    const int64_t upto = wr_keep_raise(s);
    weir_mutex_unlock(&s->lock);
    wr_file_trim(r->file, upto);
    weir_mutex_lock(&s->lock, NULL);
    return wr_reader_leave(r);
}

void weir_reader_free(weir_reader *r)
{
    if (!r)
        return;
    weir_reader_close(r);
    wr_ready_free(r);
    weir_stream_unref(r->stream);
    wr_free(r);
}

/* ---- where it stands ----------------------------------------------------- */

int wr_reader_ended(const weir_reader *r)
{
    if (r->stream->cancelled)
        return r->stream->cancelled;
    return r->closed ? WEIR_CLOSED : 0;
}

/* Under the lock: where whence is. */
static int find_whence(weir_reader *r, int whence, int64_t *base, weir_ctx *ctx)
{
    weir_stream *s = r->stream;
    int err = wr_reader_ended(r);
    while (whence == SEEK_END && !err && !s->ended) {
        err = wr_reach_wait(r, INT64_MAX, ctx);
        if (!err)
            err = wr_reader_ended(r);
    }
    *base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? r->off : s->written;
    return err;
}

static int64_t seek(weir_reader *r, int64_t off, int whence, weir_ctx *ctx)
{
    int64_t to;
    int err = find_whence(r, whence, &to, ctx);
    if (err)
        return err;
    if (__builtin_add_overflow(to, off, &to) || to < 0 || to == INT64_MAX)
        return WEIR_EINVAL;
    wr_keep_move(r, to);
    wr_reach_wake_reader(r);
    wr_ready_update(r);
    return to;
}

static bool known(int whence)
{
    return whence == SEEK_SET || whence == SEEK_CUR || whence == SEEK_END ||
           whence == WEIR_SEEK_WRITTEN;
}

int64_t weir_reader_seek(weir_reader *r, int64_t off, int whence, weir_ctx *ctx)
{
    if (!r || !known(whence))
        return WR_MISUSE("no reader or an unknown whence");
    weir_stream *s = r->stream;
    int err = weir_mutex_lock(&s->lock, NULL);
    if (err)
        return err;
    if (r->closed) {
        err = wr_reader_ended(r);
        weir_mutex_unlock(&s->lock);
        return err;
    }
    wr_reader_enter(r);
    const int64_t to = seek(r, off, whence, ctx);
    const int64_t upto = wr_keep_raise(s);
    weir_mutex_unlock(&s->lock);
    wr_file_trim(r->file, upto);
    weir_mutex_lock(&s->lock, NULL);
    wr_reader_leave(r);
    return to;
}

int64_t weir_reader_size(weir_reader *r, bool *final)
{
    if (!r)
        return WR_MISUSE("no reader");
    weir_stream *s = r->stream;
    int err = weir_mutex_lock(&s->lock, NULL);
    if (err)
        return err;
    const int64_t size = s->cancelled ? s->cancelled : s->written;
    if (final)
        *final = s->ended;
    weir_mutex_unlock(&s->lock);
    return size;
}

int64_t weir_reader_lost(weir_reader *r, int64_t *total)
{
    if (!r)
        return WR_MISUSE("no reader");
    int err = weir_mutex_lock(&r->stream->lock, NULL);
    if (err)
        return err;
    const int64_t last = r->lost_last;
    if (total)
        *total = r->lost;
    weir_mutex_unlock(&r->stream->lock);
    return last;
}
