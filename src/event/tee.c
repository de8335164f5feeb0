/* SPDX-License-Identifier: MIT */
/*
 * A sink that appends to a stream as well.
 *
 * Invariant, whenever `lock` is free: in the stream are whole frames and then,
 * if there is a rest, the beginning of the frame whose rest it is. Nothing
 * else is appended before that rest.
 */
#include <weir/tee.h>

#include <weir/mutex.h>
#include "base/mem.h"
#include "base/misuse.h"
#include "event/frame.h"

struct tee {
    weir_sink sink; /* first */
    weir_tee_opts opts;
    bool closed; /* atomic, alone */

    weir_mutex lock; /* of all below; held while a frame is appended */
    uint8_t *frame;
    size_t room, from, size; /* the rest: frame[from .. size)            */
    weir_event *torn;        /* whose rest it is, while there is one     */
};

static int append(struct tee *t, weir_ctx *ctx)
{
    while (t->from < t->size) {
        const ptrdiff_t n = weir_stream_write(
            t->opts.stream, t->frame + t->from, t->size - t->from, ctx);
        if (n < 0)
            return (int)n;
        t->from += (size_t)n;
    }
    return 0;
}

/* Makes e's frame the rest. */
static int make_frame(struct tee *t, const weir_event *e)
{
    const size_t size = wr_event_frame_size(e);
    if (size == 0)
        return WEIR_LIMIT;
    if (size > t->room || size < t->room / 16) {
        uint8_t *frame = wr_alloc(size);
        if (!frame)
            return WEIR_ENOMEM;
        wr_free(t->frame);
        t->frame = frame;
        t->room = size;
    }
    wr_event_frame_put(t->frame, size, e);
    t->from = 0;
    t->size = size;
    return 0;
}

/* The rest of a torn frame. *was: it is e's. */
static int append_rest(struct tee *t, const weir_event *e, bool *was,
                       weir_ctx *ctx)
{
    *was = t->from < t->size && t->torn == e;
    int err = append(t, ctx);
    if (err)
        return err;
    weir_event_unref(t->torn);
    t->torn = NULL;
    return 0;
}

static int append_event(struct tee *t, weir_event *e, weir_ctx *ctx)
{
    bool done;
    int err = append_rest(t, e, &done, ctx);
    if (err || done)
        return err;
    err = make_frame(t, e);
    if (err)
        return err;
    err = append(t, ctx);
    if (err && t->from == 0)
        t->size = 0;
    else if (err)
        t->torn = weir_event_ref(e);
    return err;
}

static int tee_write(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    struct tee *t = (struct tee *)s;
    int err = weir_mutex_lock(&t->lock, ctx);
    if (err)
        return err;
    err = __atomic_load_n(&t->closed, __ATOMIC_ACQUIRE)
              ? WEIR_CLOSED
              : append_event(t, e, ctx);
    weir_mutex_unlock(&t->lock);
    return err || !t->opts.to ? err : weir_sink_write(t->opts.to, e, ctx);
}

/* The code with which the stream ends. */
static int complete(struct tee *t, weir_ctx *ctx)
{
    bool unused;
    int err = weir_mutex_lock(&t->lock, ctx);
    if (err)
        return err;
    err = append_rest(t, NULL, &unused, ctx);
    weir_mutex_unlock(&t->lock);
    return err;
}

static int tee_close(weir_sink *s, weir_ctx *ctx)
{
    struct tee *t = (struct tee *)s;
    __atomic_store_n(&t->closed, true, __ATOMIC_RELEASE);
    int err = 0, result = complete(t, ctx);
    if (!t->opts.keep_open)
        err = result ? weir_stream_close_with(t->opts.stream, result)
                     : weir_stream_close(t->opts.stream);
    result = result ? result : err;
    err = t->opts.to ? weir_sink_close(t->opts.to, ctx) : 0;
    return result ? result : err;
}

static void tee_free(weir_sink *s)
{
    struct tee *t = (struct tee *)s;
    weir_event_unref(t->torn);
    weir_stream_unref(t->opts.stream);
    weir_sink_unref(t->opts.to);
    wr_free(t->frame);
    wr_free(t);
}

static const weir_sink_ops ops = {tee_write, tee_close, tee_free};

int weir_tee_new(weir_sink **out, const weir_tee_opts *o)
{
    if (out)
        *out = NULL;
    if (!out || !o || !o->stream)
        return WR_MISUSE("no place for it, or no stream");
    struct tee *t = wr_alloc(sizeof(*t));
    if (!t)
        return WEIR_ENOMEM;
    weir_sink_init(&t->sink, &ops);
    t->opts = *o;
    weir_stream_ref(o->stream);
    weir_sink_ref(o->to);
    *out = &t->sink;
    return 0;
}
