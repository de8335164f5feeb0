/* SPDX-License-Identifier: MIT */
/*
 * The batcher: one task that fills an array and gives it away.
 *
 * The array is got before the first element of a batch is received, so there
 * is never an element in hand without a place. A flush function uses the same
 * array each time; a channel gets it with the batch.
 *
 * Invariant, between steps of the task: the n_ first places of elems hold
 * elements that were received and neither flushed nor discarded.
 */
#include <weir/batcher.h>

#include "base/mem.h"
#include "base/misuse.h"
#include "flow/part.h"

enum { DEFAULT_MAX = 100 };
#define MAX_BYTES ((size_t)1 << 30)

struct weir_batcher {
    struct wr_part part;
    weir_batcher_opts opts;
    size_t elem_size;
    char *elems;
    size_t n;
    weir_batcher_counts counts; /* pending aside; under the part's lock     */
};

void weir_batch_free(void *batch)
{
    weir_batch *b = batch;
    if (!b)
        return;
    wr_free(b->elems);
    *b = (weir_batch){0};
}

/* ---- the task ------------------------------------------------------------ */

static void took(weir_batcher *b, size_t n)
{
    weir_mutex_lock(&b->part.lock, NULL);
    b->counts.received += n;
    weir_mutex_unlock(&b->part.lock);
    b->n += n;
}

static void gave(weir_batcher *b, bool flushed)
{
    weir_mutex_lock(&b->part.lock, NULL);
    if (flushed) {
        b->counts.flushed += b->n;
        b->counts.batches++;
    } else {
        b->counts.discarded += b->n;
    }
    weir_mutex_unlock(&b->part.lock);
    b->n = 0;
}

/* Receives what is there of the rest, waiting for one. 0, or why none came.
 * A timeout of in's own is no end. */
static int receive(weir_batcher *b, weir_ctx *ctx)
{
    ptrdiff_t k;
    do {
        k = weir_chan_recv_n(b->opts.in, b->elems + b->n * b->elem_size,
                             b->opts.max - b->n, ctx);
    } while (k == WEIR_TIMEDOUT && !weir_ctx_err(ctx));
    if (k < 0)
        return (int)k;
    took(b, (size_t)k);
    return 0;
}

static int linger(weir_batcher *b)
{
    weir_ctx due;
    int err = weir_ctx_init_timeout(&due, &b->part.ctx, b->opts.linger);
    if (err)
        return err;
    while (!err && b->n < b->opts.max)
        err = receive(b, &due);
    weir_ctx_fini(&due);
    const bool over = err == WEIR_TIMEDOUT || err == WEIR_CANCELED;
    return over ? weir_ctx_err(&b->part.ctx) : err;
}

/* 0: there is a batch, and more may come; else this was the last. */
static int fill(weir_batcher *b)
{
    if (!b->elems)
        b->elems = wr_alloc(b->opts.max * b->elem_size);
    if (!b->elems)
        return WEIR_ENOMEM;
    int err = weir_ctx_err(&b->part.ctx);
    if (!err)
        err = receive(b, &b->part.ctx);
    if (!err && b->opts.linger > 0 && b->n < b->opts.max)
        err = linger(b);
    return err;
}

static void discard(weir_batcher *b)
{
    for (size_t i = 0; b->opts.discard && i < b->n; i++)
        b->opts.discard(b->elems + i * b->elem_size, b->opts.arg);
    gave(b, false);
}

/* An out that refuses a batch by its own rules loses that one, no more. */
static int send(weir_batcher *b)
{
    const weir_batch batch = {b->n, b->elems};
    int err = weir_chan_send(b->opts.out, &batch, &b->part.ctx);
    if (err) {
        discard(b);
        const bool alive = !weir_ctx_err(&b->part.ctx);
        return alive && err != WEIR_CLOSED ? 0 : err;
    }
    b->elems = NULL;
    gave(b, true);
    return 0;
}

static int give(weir_batcher *b)
{
    if (b->n == 0)
        return 0;
    if (b->opts.discard_rest && weir_ctx_err(&b->part.ctx)) {
        discard(b);
        return 0;
    }
    if (b->opts.out)
        return send(b);
    int err = b->opts.flush(b->elems, b->n, &b->part.ctx, b->opts.arg);
    gave(b, true);
    return err;
}

static int run(void *part)
{
    weir_batcher *b = part;
    int end, err;
    do {
        end = fill(b);
        err = give(b);
    } while (!end && !err);
    if (b->opts.out && !b->opts.keep_open)
        weir_chan_close(b->opts.out);
    if (end == WEIR_CLOSED && !err)
        return 0;
    return wr_part_why(&b->part, err ? err : end);
}

/* ---- the calls ----------------------------------------------------------- */

static bool valid(const weir_batcher_opts *o)
{
    if (!o || !o->in || !o->flush == !o->out || o->linger < 0)
        return false;
    if (o->out && weir_chan_elem_size(o->out) != sizeof(weir_batch))
        return false;
    const size_t size = weir_chan_elem_size(o->in);
    return o->max <= MAX_BYTES / (size ? size : 1);
}

static void release(weir_batcher *b)
{
    weir_chan_unref(b->opts.in);
    weir_chan_unref(b->opts.out);
    wr_free(b->elems);
    wr_free(b);
}

int weir_batcher_start(weir_batcher **out, const weir_batcher_opts *o)
{
    if (out)
        *out = NULL;
    if (!out || !valid(o))
        return WR_MISUSE("no place for it, or options that do not fit");
    weir_batcher *b = wr_alloc(sizeof(*b));
    if (!b)
        return WEIR_ENOMEM;
    b->opts = *o;
    b->opts.max = o->max ? o->max : DEFAULT_MAX;
    b->elem_size = weir_chan_elem_size(o->in);
    weir_chan_ref(o->in);
    if (o->out)
        weir_chan_ref(o->out);
    int err = wr_part_start(&b->part, o->ctx, "batcher", run);
    if (err) {
        release(b);
        return err;
    }
    *out = b;
    return 0;
}

int weir_batcher_cancel(weir_batcher *b, int cause)
{
    return b ? weir_ctx_cancel(&b->part.ctx, cause) : WR_MISUSE("no batcher");
}

int weir_batcher_join(weir_batcher *b)
{
    return b ? wr_part_join(&b->part) : WR_MISUSE("no batcher");
}

int weir_batcher_get_counts(weir_batcher *b, weir_batcher_counts *out)
{
    if (!b || !out)
        return WR_MISUSE("no batcher, or no place for its counts");
    int err = weir_mutex_lock(&b->part.lock, NULL);
    if (err)
        return err;
    *out = b->counts;
    out->pending = out->received - out->flushed - out->discarded;
    weir_mutex_unlock(&b->part.lock);
    return 0;
}

int weir_batcher_free(weir_batcher *b)
{
    int err = b ? wr_part_end(&b->part) : 0;
    if (b && !err)
        release(b);
    return err;
}
