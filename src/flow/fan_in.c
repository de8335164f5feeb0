/* SPDX-License-Identifier: MIT */
/*
 * The fan from many channels to one, shared by start-time fair queueing (Goyal
 * and others, 1996). Each in has a finish: the virtual time at which what it
 * was given is used up, at a stride of 1 / weight for an element. The ready in
 * with the least finish is next. One that was idle begins at the clock, the
 * start of what was served last, and so cannot make up for the time.
 *
 * Cases and lanes are kept in the order of finish, which is all that an
 * ordered select needs. Moving the one just served costs a step for each in
 * that it lets pass.
 */
#include <string.h>

#include "flow/fan.h"

static bool before(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) < 0;
}

/* Charges the lane, and lets those pass whose turn is no later than its. */
static void charge(weir_fan *f, size_t i)
{
    const weir_case k = f->cases[i];
    struct lane lane = f->lanes[i];
    if (before(f->clock, lane.finish))
        f->clock = lane.finish;
    lane.finish = f->clock + lane.stride;
    for (; i + 1 < f->live && !before(lane.finish, f->lanes[i + 1].finish);
         i++) {
        f->cases[i] = f->cases[i + 1];
        f->lanes[i] = f->lanes[i + 1];
    }
    f->cases[i] = k;
    f->lanes[i] = lane;
}

/* An in has ended. */
static void leave_out(weir_fan *f, size_t i)
{
    const size_t behind = --f->live - i;
    memmove(&f->cases[i], &f->cases[i + 1], behind * sizeof(*f->cases));
    memmove(&f->lanes[i], &f->lanes[i + 1], behind * sizeof(*f->lanes));
}

static int receive_next(weir_fan *f)
{
    while (f->live > 0) {
        int i = weir_ctx_err(&f->part.ctx);
        if (!i)
            i = wr_fan_choose(f, f->cases, f->live, WEIR_SELECT_ORDERED);
        if (i < 0)
            return i;
        if (f->cases[i].status == 0) {
            charge(f, (size_t)i);
            wr_fan_received(f);
            return 0;
        }
        leave_out(f, (size_t)i);
    }
    f->drained = true;
    return WEIR_CLOSED;
}

static int step_in(weir_fan *f)
{
    int err = receive_next(f);
    if (err)
        return err;
    err = weir_chan_send(f->one, f->places, &f->part.ctx);
    if (!err) {
        wr_fan_sent(f);
        return 0;
    }
    wr_fan_discard(f, f->places);
    return err == WEIR_CLOSED ? err : weir_ctx_err(&f->part.ctx);
}

int weir_fan_in(weir_fan **f, weir_chan *const *ins, size_t n, weir_chan *out,
                const weir_fan_opts *o)
{
    static const struct wr_fan_kind kind = {
        .name = "fan-in", .step = step_in, .lanes = true};
    return wr_fan_start(f, &kind, out, ins, n, o);
}
