/* SPDX-License-Identifier: MIT */
#include "outlet.h"

#include <errno.h>

#include "output.h"

/* Tokens are taken for so long a time at once. */
#define SHARE (10 * WEIR_MILLISECOND)

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- rate ---------------------------------------------------------------- */

/* Makes sure of one token at least; takes up to `wanted` that are there. */
static int prepay(struct outlet *o, uint64_t wanted)
{
    uint64_t most = rate_within(&o->rate, SHARE);
    if (o->rate.rate == 0 || o->credit > 0)
        return 0;
    int code = weir_bucket_wait(&o->bucket, 1, o->work);
    if (code)
        return code;
    o->credit = 1;
    int64_t more = weir_bucket_tokens(&o->bucket);
    if (more <= 0 || wanted <= 1 || most <= 1)
        return 0;
    more = (int64_t)least((uint64_t)more, least(wanted, most) - 1);
    if (weir_bucket_allow(&o->bucket, more) == 0)
        o->credit += (uint64_t)more;
    return 0;
}

/* The front of what is left to write that is paid for. */
static struct piece paid_front(struct outlet *o, const struct span *rest)
{
    size_t n = rest->end - rest->start;
    if (o->rate.rate == 0)
        return (struct piece){n, rest->units};
    if (o->rate.bytes)
        return (struct piece){(size_t)least(n, o->credit), 0};
    return span_front(o->queue->o.mark, rest, n, o->credit);
}

static void pay(struct outlet *o, struct piece p)
{
    if (o->rate.rate > 0)
        o->credit -= least(o->credit, o->rate.bytes ? p.bytes : p.units);
}

/* ---- writing ------------------------------------------------------------- */

/* One write; the bytes, or a code. A stall is WEIR_TIMEDOUT. */
static ssize_t write_some(struct outlet *o, const char *data, size_t n)
{
    weir_ctx limit;
    if (o->stall == WEIR_FOREVER)
        return output_write(o->fd, data, n, o->work);
    weir_ctx_init_timeout(&limit, o->work, o->stall);
    ssize_t put = output_write(o->fd, data, n, &limit);
    weir_ctx_fini(&limit);
    return put;
}

/* Writes n bytes from the front of *rest. */
static int write_piece(struct outlet *o, struct span *rest, size_t n)
{
    while (n > 0) {
        ssize_t put = write_some(o, rest->block->data + rest->start, n);
        if (put < 0)
            return (int)put;
        o->queue->o.ledger->bytes_out += (uint64_t)put;
        queue_written(o->queue, (uint64_t)put, 0);
        rest->start += (size_t)put;
        n -= (size_t)put;
    }
    return 0;
}

/* Writes the slice as far as it goes; *rest is what is not written. */
static int write_slice(struct outlet *o, struct span *rest)
{
    int code = 0;
    while (!code && (rest->start < rest->end || rest->units > 0)) {
        code = prepay(o, o->rate.bytes ? rest->end - rest->start : rest->units);
        if (code)
            break;
        struct piece p = paid_front(o, rest);
        code = write_piece(o, rest, p.bytes);
        if (!code && rest->start == rest->end)
            p.units = rest->units;
        if (!code) {
            pay(o, p);
            rest->units -= p.units;
        }
    }
    return code;
}

/* The units of which some byte is not written. */
static uint64_t units_left(const struct outlet *o, const struct slice *s,
                           const struct span *rest)
{
    size_t written = rest->start - s->at.start;
    if (rest->start == rest->end)
        return rest->units;
    return s->at.units - span_count(o->queue->o.mark,
                                    s->at.block->data + s->at.start, written);
}

/* Writes it and enters it in the ledger. */
static int write_out(struct outlet *o, struct slice *s)
{
    struct ledger *l = o->queue->o.ledger;
    struct span rest = s->at;
    int code = write_slice(o, &rest);
    uint64_t left = code ? units_left(o, s, &rest) : 0;
    l->out += s->at.units - left;
    if (code == WEIR_CANCELED || code == WEIR_TIMEDOUT || code == -EPIPE)
        l->left += left;
    else
        l->failed += left;
    s->at.start = rest.start;
    queue_done(o->queue, s, code == 0);
    return code;
}

static enum outlet_end meaning(struct outlet *o, int code)
{
    if (code == 0)
        return weir_ctx_err(o->work) ? OUTLET_ENDED : OUTLET_WELL;
    if (code == -EPIPE)
        return OUTLET_GONE;
    if (weir_ctx_err(o->work))
        return OUTLET_ENDED;
    if (code == WEIR_TIMEDOUT)
        return OUTLET_STALLED;
    o->error = code;
    return OUTLET_BROKEN;
}

static void open_bucket(struct outlet *o)
{
    weir_bucket_opts options = {.rate = (int64_t)o->rate.rate,
                                .per = o->rate.per,
                                .burst = (int64_t)o->rate.burst};
    if (o->rate.rate > 0)
        weir_bucket_init(&o->bucket, &options);
}

/* Takes what is paid for: only then is it certain which record it is. */
static struct slice *take(struct outlet *o)
{
    bool limited = o->rate.rate > 0;
    return queue_take(o->queue,
                      limited && o->rate.bytes ? o->credit : UINT64_MAX,
                      limited && !o->rate.bytes ? o->credit : UINT64_MAX);
}

enum outlet_end outlet_run(struct outlet *o)
{
    struct ledger *l = o->queue->o.ledger;
    int code = 0;
    open_bucket(o);
    while (!code && queue_await(o->queue, o->work)) {
        code = prepay(o, UINT64_MAX);
        struct slice *s = code ? NULL : take(o);
        if (s)
            code = write_out(o, s);
    }
    enum outlet_end end = meaning(o, code);
    if (end != OUTLET_WELL)
        queue_refuse(o->queue, end == OUTLET_BROKEN ? &l->failed : &l->left);
    return end;
}
