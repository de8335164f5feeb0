/* SPDX-License-Identifier: MIT */
/*
 * Writing: in pieces for which there is room, each in the file before readers
 * are told of it. The file is used without the stream's lock, so no reader
 * waits for its disk, and the writer for none of theirs.
 */
#include "stream/stream.h"

#include <errno.h>
#include "base/misuse.h"

static void tell_readers(weir_stream *s, int64_t n)
{
    weir_mutex_lock(&s->lock, NULL);
    s->written += n;
    wr_reach_written(s);
    const int64_t upto = wr_keep_raise(s);
    weir_mutex_unlock(&s->lock);
    wr_file_trim(s->out, upto);
}

static int64_t find_room(weir_stream *s, size_t want, weir_ctx *ctx)
{
    weir_mutex_lock(&s->lock, NULL);
    const int64_t start = s->start;
    const int64_t room = wr_keep_room(s, want, ctx);
    const int64_t upto = s->start;
    weir_mutex_unlock(&s->lock);
    if (s->opts.policy == WEIR_DROP_OLDEST && upto > start)
        wr_file_trim(s->out, upto);
    return room;
}

/* How many bytes (> 0), or the reason for none. `writing` is held. */
static ptrdiff_t write_piece(weir_stream *s, const char *at, size_t n,
                             weir_ctx *ctx)
{
    const int64_t room = find_room(s, n, ctx);
    if (room < 0)
        return (ptrdiff_t)room;
    const ptrdiff_t got = s->out->ops->write(s->out, at, (size_t)room);
    if (got <= 0)
        return got ? got : -EIO;
    tell_readers(s, got);
    return got;
}

ptrdiff_t weir_stream_write(weir_stream *s, const void *buf, size_t n,
                            weir_ctx *ctx)
{
    if (!s || (!buf && n > 0) || n > PTRDIFF_MAX)
        return WR_MISUSE("no stream or no data, or too many");
    if (n == 0)
        return 0;
    int err = weir_mutex_lock(&s->writing, ctx);
    if (err)
        return err;
    ptrdiff_t done = 0, got;
    do {
        got = write_piece(s, (const char *)buf + done, n - (size_t)done, ctx);
        done += got > 0 ? got : 0;
    } while (got > 0 && (size_t)done < n);
    weir_mutex_unlock(&s->writing);
    return done > 0 ? done : got;
}
