/* SPDX-License-Identifier: MIT */
/*
 * Streams that are there already. What is in a file and whether that is all,
 * the file says; here it becomes a stream again, or is only read.
 */
#include "stream/stream.h"

#include "base/misuse.h"

static void take_over(weir_stream *s, const weir_file_info *info)
{
    s->id = info->id;
    s->written = info->length;
    s->start = info->start;
}

/* ---- complete ------------------------------------------------------------ */

/* A handle for reading and what it says, of a file that says something. */
static int look(weir_fs *fs, const char *name, weir_file **f,
                weir_file_info *info)
{
    int err = fs->ops->open(fs, name, f);
    if (err)
        return err;
    const weir_file_ops *ops = (*f)->ops;
    err = ops->info ? ops->info(*f, info) : WEIR_UNSUPPORTED;
    if (!err && info->length < 0)
        err = WEIR_UNSUPPORTED;
    if (!err && !info->complete)
        err = WEIR_INCOMPLETE;
    if (err)
        ops->close(*f);
    return err;
}

static int adopt(weir_stream *s, weir_ctx *ctx)
{
    weir_file_info info;
    weir_file *f;
    (void)ctx;
    int err = look(s->fs, s->name, &f, &info);
    if (err)
        return err;
    f->ops->close(f);
    take_over(s, &info);
    s->ending = s->ended = true;
    return 0;
}

int weir_stream_open(weir_fs *fs, const char *name, weir_stream **out)
{
    const char *refused = wr_stream_args(fs, name, NULL, out);
    return refused ? WR_MISUSE(refused)
                   : wr_stream_make(fs, name, NULL, adopt, NULL, out);
}

int weir_stream_verify(weir_fs *fs, const char *name, weir_ctx *ctx)
{
    weir_file_info info;
    weir_file *f;
    if (!fs || !name)
        return WR_MISUSE("no file system or name");
    int err = look(fs, name, &f, &info);
    if (err)
        return err;
    err = f->ops->verify ? f->ops->verify(f, ctx) : WEIR_UNSUPPORTED;
    f->ops->close(f);
    return err;
}

/* ---- incomplete ---------------------------------------------------------- */

static int reopen(weir_stream *s, weir_ctx *ctx)
{
    weir_file_info info;
    if (!s->fs->ops->reopen)
        return WEIR_UNSUPPORTED;
    int err = s->fs->ops->reopen(s->fs, s->name, ctx, &s->out);
    if (err)
        return err;
    err = wr_stream_suits(s);
    if (!err)
        err = s->out->ops->info(s->out, &info);
    if (err)
        s->out->ops->close(s->out);
    else
        take_over(s, &info);
    return err;
}

int weir_stream_resume(weir_fs *fs, const char *name, const weir_stream_opts *o,
                       weir_ctx *ctx, weir_stream **out)
{
    const char *refused = wr_stream_args(fs, name, o, out);
    return refused ? WR_MISUSE(refused)
                   : wr_stream_make(fs, name, o, reopen, ctx, out);
}

/* ---- safe ---------------------------------------------------------------- */

int weir_stream_sync(weir_stream *s)
{
    if (!s)
        return WR_MISUSE("no stream");
    int err = weir_mutex_lock(&s->writing, NULL);
    if (err)
        return err;
    if (!s->out)
        err = WEIR_CLOSED;
    else
        err = s->out->ops->sync ? s->out->ops->sync(s->out) : WEIR_UNSUPPORTED;
    weir_mutex_unlock(&s->writing);
    return err;
}
