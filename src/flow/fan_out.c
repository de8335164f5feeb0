/* SPDX-License-Identifier: MIT */
/*
 * The fans from one channel to many. Both offer the element to all outs at
 * once, by select: an out that has no room does not hold up one that has.
 */
#include <string.h>

#include "flow/fan.h"

/* An out is closed: the case with this place is no longer in use. */
static void leave_out(weir_fan *f, const void *place)
{
    size_t i = 0;
    while (f->cases[i].elem != place)
        i++;
    f->cases[i] = f->cases[--f->live];
}

/* ---- to one -------------------------------------------------------------- */

/* As all cases share one place, the index tells which to leave out. */
static int step_out(weir_fan *f)
{
    int err = wr_fan_receive(f, f->places);
    if (err)
        return err;
    while (f->live > 0) {
        const int i = wr_fan_choose(f, f->cases, f->live, 0);
        err = i < 0 ? i : f->cases[i].status;
        if (err != WEIR_CLOSED)
            break;
        f->cases[i] = f->cases[--f->live];
    }
    if (err == 0 && f->live > 0) {
        wr_fan_sent(f);
        return 0;
    }
    wr_fan_discard(f, f->places);
    if (f->live == 0)
        return WEIR_CLOSED;
    return weir_ctx_err(&f->part.ctx);
}

int weir_fan_out(weir_fan **f, weir_chan *in, weir_chan *const *outs, size_t n,
                 const weir_fan_opts *o)
{
    static const struct wr_fan_kind kind = {
        .name = "fan-out", .step = step_out, .outward = true};
    return wr_fan_start(f, &kind, in, outs, n, o);
}

/* ---- to all -------------------------------------------------------------- */

/* The original is at the first live place; the others get copies. */
static int make_copies(weir_fan *f)
{
    const void *original = f->cases[0].elem;
    for (size_t i = 1; i < f->live; i++) {
        memcpy(f->cases[i].elem, original, f->size);
        int err = f->opts.copy
                      ? f->opts.copy(f->cases[i].elem, original, f->opts.arg)
                      : 0;
        if (err) {
            wr_fan_copied(f, i - 1);
            for (size_t k = 0; k < i; k++)
                wr_fan_discard(f, f->cases[k].elem);
            return err;
        }
    }
    wr_fan_copied(f, f->live - 1);
    return 0;
}

/* Each live out gets what is at its place. 0, or the context's code. */
static int send_all(weir_fan *f)
{
    size_t n = f->live;
    memcpy(f->waiting, f->cases, n * sizeof(*f->cases));
    while (n > 0) {
        const int i = wr_fan_choose(f, f->waiting, n, 0);
        if (i < 0) {
            while (n > 0)
                wr_fan_discard(f, f->waiting[--n].elem);
            return i;
        }
        const weir_case done = f->waiting[i];
        f->waiting[i] = f->waiting[--n];
        if (done.status == 0)
            wr_fan_sent(f);
        else
            wr_fan_discard(f, done.elem);
        if (done.status == WEIR_CLOSED)
            leave_out(f, done.elem);
    }
    return 0;
}

static int step_copy(weir_fan *f)
{
    int err = wr_fan_receive(f, f->cases[0].elem);
    if (!err)
        err = make_copies(f);
    if (!err)
        err = send_all(f);
    return err || f->live > 0 ? err : WEIR_CLOSED;
}

int weir_fan_copy(weir_fan **f, weir_chan *in, weir_chan *const *outs, size_t n,
                  const weir_fan_opts *o)
{
    static const struct wr_fan_kind kind = {
        .name = "tee", .step = step_copy, .outward = true, .copies = true};
    return wr_fan_start(f, &kind, in, outs, n, o);
}
