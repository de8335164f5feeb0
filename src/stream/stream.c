/* SPDX-License-Identifier: MIT */
/*
 * A stream from its making to its end: close, cancel, shutdown, removal.
 */
#include "stream/stream.h"

#include <errno.h>
#include <string.h>
#include "base/mem.h"
#include "base/misuse.h"
#include "stream/memfs.h"

/* ---- making and freeing -------------------------------------------------- */

/* Why the options cannot be, or NULL. */
static const char *wrong(const weir_stream_opts *o)
{
    if (o->max_bytes < 0)
        return "max_bytes below 0";
    if (o->policy != WEIR_BLOCK && o->policy != WEIR_DROP_OLDEST &&
        o->policy != WEIR_ERROR)
        return "a policy that streams do not have";
    if (o->max_bytes == 0 && o->policy != WEIR_BLOCK)
        return "a policy without max_bytes";
    if (o->max_bytes > 0 && o->policy == WEIR_BLOCK && !o->trim)
        return "max_bytes with WEIR_BLOCK and without trim: no room ever comes";
    if (o->segment > WR_SEGMENT_MAX)
        return "a segment of more than 1 GiB";
    return NULL;
}

static bool needs_trim(const weir_stream_opts *o)
{
    return o->trim || o->policy == WEIR_DROP_OLDEST;
}

int wr_stream_suits(const weir_stream *s)
{
    const bool suits = !needs_trim(&s->opts) || s->out->ops->trim;
    return suits ? 0 : WEIR_UNSUPPORTED;
}

static int create(weir_stream *s, weir_ctx *ctx)
{
    weir_file_info info;
    (void)ctx;
    int err = s->fs->ops->create(s->fs, s->name, &s->out);
    if (err)
        return err;
    err = wr_stream_suits(s);
    if (!err && s->out->ops->info)
        err = s->out->ops->info(s->out, &info);
    if (!err) {
        s->id = s->out->ops->info ? info.id : 0;
        return 0;
    }
    s->out->ops->close(s->out);
    s->fs->ops->remove(s->fs, s->name);
    return err;
}

const char *wr_stream_args(const weir_fs *fs, const char *name,
                           const weir_stream_opts *o, weir_stream **out)
{
    if (out)
        *out = NULL;
    if (!fs || !name || !out)
        return "no file system, name or place for the stream";
    return o ? wrong(o) : NULL;
}

static weir_stream *make(weir_fs *fs, const char *name,
                         const weir_stream_opts *o)
{
    const size_t size = strlen(name) + 1;
    weir_stream *s = wr_alloc(sizeof *s + size);
    if (!s)
        return NULL;
    s->name = memcpy(s + 1, name, size);
    s->fs = fs;
    if (o)
        s->opts = *o;
    s->refs = 1;
    return s;
}

int wr_stream_make(weir_fs *fs, const char *name, const weir_stream_opts *o,
                   wr_stream_way *way, weir_ctx *ctx, weir_stream **out)
{
    weir_stream *s = make(fs, name, o);
    if (!s)
        return WEIR_ENOMEM;
    int err = way(s, ctx);
    if (err)
        wr_free(s);
    else
        *out = s;
    return err;
}

int weir_stream_new(weir_fs *fs, const char *name, const weir_stream_opts *o,
                    weir_stream **out)
{
    const char *refused = wr_stream_args(fs, name, o, out);
    return refused ? WR_MISUSE(refused)
                   : wr_stream_make(fs, name, o, create, NULL, out);
}

/* Its file may have no empty name, so it has one of its own. */
int weir_stream_new_mem(const char *name, const weir_stream_opts *o,
                        weir_stream **out)
{
    name = name ? name : "";
    if (out)
        *out = NULL;
    if (o && wrong(o))
        return WR_MISUSE(wrong(o));
    weir_fs *fs = o ? wr_memfs_new(o->segment, o->spill_above, o->spill_to)
                    : weir_memfs_new(0);
    if (!fs)
        return WEIR_ENOMEM;
    int err = weir_stream_new(fs, *name ? name : "-", o, out);
    if (err) {
        weir_fs_free(fs);
        return err;
    }
    (*out)->own_fs = fs;
    (*out)->unnamed = !*name;
    return 0;
}

const char *weir_stream_name(const weir_stream *s)
{
    return s && !s->unnamed ? s->name : "";
}

weir_stream *weir_stream_ref(weir_stream *s)
{
    if (!s)
        return NULL;
    weir_mutex_lock(&s->lock, NULL);
    s->refs++;
    weir_mutex_unlock(&s->lock);
    return s;
}

/* ---- the end of the writer ----------------------------------------------- */

/* Outside the lock: marks f as complete, if it is and there are marks. */
static int end_file(weir_file *f, bool complete)
{
    int err = complete && f->ops->finish ? f->ops->finish(f) : 0;
    int closing = f->ops->close(f);
    return err ? err : closing;
}

/* Whatever code is recorded, the writers are to end: waits for the one that is
 * in the file, and lets the readers see the end. */
static int end_writer(weir_stream *s)
{
    weir_mutex_lock(&s->writing, NULL);
    weir_file *f = s->out;
    s->out = NULL;
    weir_mutex_lock(&s->lock, NULL);
    const bool complete = !s->end_code && !s->cancelled;
    s->ended = true;
    wr_reach_wake_all(s);
    wr_ready_all(s);
    weir_cond_broadcast(&s->quiet);
    weir_mutex_unlock(&s->lock);
    int err = f ? end_file(f, complete) : 0;
    weir_mutex_unlock(&s->writing);
    return err;
}

/* Under the lock. */
static void end_writes(weir_stream *s, int end_code)
{
    if (!s->ending)
        s->end_code = end_code;
    s->ending = true;
    weir_cond_signal(&s->room);
}

static int close_with(weir_stream *s, int end_code)
{
    int err = weir_mutex_lock(&s->lock, NULL);
    if (err)
        return err;
    end_writes(s, end_code);
    weir_mutex_unlock(&s->lock);
    return end_writer(s);
}

void weir_stream_unref(weir_stream *s)
{
    if (!s)
        return;
    weir_mutex_lock(&s->lock, NULL);
    const bool last = --s->refs == 0;
    weir_mutex_unlock(&s->lock);
    if (!last)
        return;
    close_with(s, WEIR_CANCELED);
    weir_fs_free(s->own_fs);
    wr_free(s);
}

int weir_stream_close(weir_stream *s)
{
    return s ? close_with(s, 0) : WR_MISUSE("no stream");
}

int weir_stream_close_with(weir_stream *s, int code)
{
    if (!s || code >= 0)
        return WR_MISUSE("no stream, or a code that is not negative");
    return close_with(s, code);
}

int weir_stream_cancel(weir_stream *s, int code)
{
    if (!s || code > 0)
        return WR_MISUSE("no stream, or a positive code");
    int err = weir_mutex_lock(&s->lock, NULL);
    if (err)
        return err;
    if (!s->cancelled)
        s->cancelled = code ? code : WEIR_CANCELED;
    end_writes(s, s->cancelled);
    wr_reach_wake_all(s);
    wr_ready_all(s);
    weir_mutex_unlock(&s->lock);
    end_writer(s);
    return 0;
}

/* ---- the end of the readers and of the name ------------------------------ */

static bool quiet(const weir_stream *s)
{
    return s->ended && (s->open == 0 || s->cancelled);
}

void wr_stream_refuse(weir_stream *s, int code)
{
    weir_mutex_lock(&s->lock, NULL);
    if (!s->refused)
        s->refused = code;
    weir_mutex_unlock(&s->lock);
}

int weir_stream_shutdown(weir_stream *s, int code, weir_ctx *ctx)
{
    if (!s || code >= 0)
        return WR_MISUSE("no stream, or a code that is not negative");
    int err = weir_mutex_lock(&s->lock, NULL);
    if (err)
        return err;
    if (!s->refused)
        s->refused = code;
    while (!quiet(s) && !err)
        err = weir_cond_wait(&s->quiet, &s->lock, ctx);
    err = quiet(s) ? 0 : err;
    weir_mutex_unlock(&s->lock);
    return err;
}

/* Unless it is seen that another file has taken it. */
static int remove_name(const weir_stream *s)
{
    weir_file *f;
    int err = wr_stream_open_file(s, &f);
    if (err == -ESTALE || err == WEIR_CORRUPT)
        return err;
    if (!err)
        f->ops->close(f);
    return s->fs->ops->remove(s->fs, s->name);
}

int weir_stream_remove(weir_stream *s, weir_ctx *ctx)
{
    if (!s)
        return WR_MISUSE("no stream");
    int err = weir_stream_shutdown(s, WEIR_REMOVING, ctx);
    if (err)
        return err;
    weir_mutex_lock(&s->writing, NULL);
    if (!s->removed)
        err = remove_name(s);
    s->removed = err == 0;
    weir_mutex_unlock(&s->writing);
    return err;
}

int weir_stream_get_counts(weir_stream *s, weir_stream_counts *out)
{
    if (!s || !out)
        return WR_MISUSE("no stream or no place for its counts");
    int err = weir_mutex_lock(&s->lock, NULL);
    if (err)
        return err;
    *out =
        (weir_stream_counts){.written = s->written,
                             .start = s->start,
                             .dropped = s->dropped,
                             .woken = s->woken,
                             .readers = s->open,
                             .waiting = s->waiting,
                             .blocked = s->blocked,
                             .closed = s->ended,
                             .code = s->cancelled ? s->cancelled : s->end_code};
    weir_mutex_unlock(&s->lock);
    return 0;
}
