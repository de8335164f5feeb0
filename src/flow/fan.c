/* SPDX-License-Identifier: MIT */
/*
 * The life of a fan, whatever its kind: made, run step by step, joined, freed;
 * and its account, which only the task writes, under the lock that makes each
 * snapshot consistent.
 */
#include "flow/fan.h"

#include <weir/time.h>

#include "base/mem.h"
#include "base/misuse.h"

enum { ALIGN = 16 };

/* ---- for the steps ------------------------------------------------------- */

int wr_fan_choose(weir_fan *f, weir_case *cases, size_t n, unsigned flags)
{
    int i;
    while ((i = weir_select_with(cases, (int)n, &f->part.ctx, flags)) ==
           WEIR_ENOMEM) {
        int err = weir_sleep(WEIR_MILLISECOND, &f->part.ctx);
        if (err)
            return err;
    }
    return i;
}

/* A timeout of in's own is no end. */
int wr_fan_receive(weir_fan *f, void *elem)
{
    int err;
    do {
        err = weir_ctx_err(&f->part.ctx);
        if (!err)
            err = weir_chan_recv(f->one, elem, &f->part.ctx);
    } while (err == WEIR_TIMEDOUT && !weir_ctx_err(&f->part.ctx));
    if (!err)
        wr_fan_received(f);
    f->drained = err == WEIR_CLOSED;
    return err;
}

static void add(weir_fan *f, uint64_t *count, uint64_t n)
{
    weir_mutex_lock(&f->part.lock, NULL);
    *count += n;
    weir_mutex_unlock(&f->part.lock);
}

void wr_fan_received(weir_fan *f)
{
    add(f, &f->counts.received, 1);
}

void wr_fan_copied(weir_fan *f, size_t n)
{
    add(f, &f->counts.copied, n);
}

void wr_fan_sent(weir_fan *f)
{
    add(f, &f->counts.sent, 1);
}

void wr_fan_discard(weir_fan *f, void *elem)
{
    if (f->opts.discard)
        f->opts.discard(elem, f->opts.arg);
    add(f, &f->counts.discarded, 1);
}

/* ---- the task ------------------------------------------------------------ */

static void close_side(weir_fan *f, bool wide)
{
    if (!wide)
        weir_chan_close(f->one);
    for (size_t i = 0; wide && i < f->n; i++)
        weir_chan_close(f->wide[i]);
}

static int run(void *part)
{
    weir_fan *f = part;
    int err;
    do
        err = f->step(f);
    while (!err);
    if (!f->opts.keep_open)
        close_side(f, f->outward);
    if (f->opts.close_ins)
        close_side(f, !f->outward);
    return f->drained ? 0 : wr_part_why(&f->part, err);
}

/* ---- made and freed ------------------------------------------------------ */

static bool valid(weir_chan *one, weir_chan *const *wide, size_t n,
                  const weir_fan_opts *o, const struct wr_fan_kind *kind)
{
    if (!one || !wide || n < 1 || n > WEIR_FAN_MAX)
        return false;
    const uint32_t *weights = o && kind->lanes ? o->weights : NULL;
    for (size_t i = 0; i < n; i++) {
        if (!wide[i] ||
            weir_chan_elem_size(wide[i]) != weir_chan_elem_size(one))
            return false;
        if (weights && (weights[i] < 1 || weights[i] > WEIR_FAN_MAX))
            return false;
    }
    return true;
}

static void release(weir_fan *f)
{
    for (size_t i = 0; f->wide && i < f->n; i++)
        weir_chan_unref(f->wide[i]);
    weir_chan_unref(f->one);
    wr_free(f->wide);
    wr_free(f->cases);
    wr_free(f->waiting);
    wr_free(f->lanes);
    wr_free(f->places);
    wr_free(f);
}

static bool get_memory(weir_fan *f, const struct wr_fan_kind *kind)
{
    const size_t n = f->n, places = kind->copies ? n : 1;
    f->stride = (f->size + ALIGN) & ~(size_t)(ALIGN - 1);
    f->wide = wr_alloc(n * sizeof(*f->wide));
    f->cases = wr_alloc(n * sizeof(*f->cases));
    f->places = wr_alloc(places * f->stride);
    if (kind->copies)
        f->waiting = wr_alloc(n * sizeof(*f->waiting));
    if (kind->lanes)
        f->lanes = wr_alloc(n * sizeof(*f->lanes));
    return f->wide && f->cases && f->places && (!kind->copies || f->waiting) &&
           (!kind->lanes || f->lanes);
}

/* Strides are inverse to weights; they are compared by difference, so that
 * finish may wrap around. */
static void connect(weir_fan *f, const struct wr_fan_kind *kind,
                    weir_chan *const *wide)
{
    for (size_t i = 0; i < f->n; i++) {
        char *place = f->places + (kind->copies ? i * f->stride : 0);
        f->wide[i] = weir_chan_ref(wide[i]);
        f->cases[i] =
            f->outward ? WEIR_SEND(wide[i], place) : WEIR_RECV(wide[i], place);
        if (f->lanes)
            f->lanes[i].stride = ((uint64_t)1 << 32) /
                                 (f->opts.weights ? f->opts.weights[i] : 1);
    }
    f->opts.weights = NULL; /* the caller's */
    f->live = f->n;
}

int wr_fan_start(weir_fan **out, const struct wr_fan_kind *kind, weir_chan *one,
                 weir_chan *const *wide, size_t n, const weir_fan_opts *o)
{
    if (out)
        *out = NULL;
    if (!out || !valid(one, wide, n, o, kind))
        return WR_MISUSE("no place for it, or channels that do not fit");
    weir_fan *f = wr_alloc(sizeof(*f));
    if (!f)
        return WEIR_ENOMEM;
    if (o)
        f->opts = *o;
    f->n = n;
    f->size = weir_chan_elem_size(one);
    f->outward = kind->outward;
    f->step = kind->step;
    f->one = weir_chan_ref(one);
    int err = WEIR_ENOMEM;
    if (get_memory(f, kind)) {
        connect(f, kind, wide);
        err = wr_part_start(&f->part, f->opts.ctx, kind->name, run);
    }
    if (err)
        release(f);
    else
        *out = f;
    return err;
}

/* ---- the calls ----------------------------------------------------------- */

int weir_fan_cancel(weir_fan *f, int cause)
{
    return f ? weir_ctx_cancel(&f->part.ctx, cause) : WR_MISUSE("no fan");
}

int weir_fan_join(weir_fan *f)
{
    return f ? wr_part_join(&f->part) : WR_MISUSE("no fan");
}

int weir_fan_get_counts(weir_fan *f, weir_fan_counts *out)
{
    if (!f || !out)
        return WR_MISUSE("no fan, or no place for its counts");
    int err = weir_mutex_lock(&f->part.lock, NULL);
    if (err)
        return err;
    *out = f->counts;
    out->held = out->received + out->copied - out->sent - out->discarded;
    weir_mutex_unlock(&f->part.lock);
    return 0;
}

int weir_fan_free(weir_fan *f)
{
    int err = f ? wr_part_end(&f->part) : 0;
    if (f && !err)
        release(f);
    return err;
}
