/* SPDX-License-Identifier: MIT */
#include "chan/flow.h"

#include "base/mem.h"
#include "port/clock.h"
#include "port/random.h"

enum { SAMPLE_EVERY = 10, HIGH = 80, LOW = 50 };

static bool has_hooks(const weir_chan_hooks *h)
{
    return h->on_drop || h->on_block || h->on_error || h->on_high || h->on_low;
}

static bool has_marks(const weir_chan_opts *o)
{
    return o->high || o->low || o->hooks.on_high || o->hooks.on_low;
}

static bool asked_for(const weir_chan_opts *o)
{
    return o->policy != WEIR_BLOCK || has_hooks(&o->hooks) || has_marks(o) ||
           o->send_timeout || o->recv_timeout || o->max_bytes || o->timed_every;
}

bool wr_flow_open(weir_chan *c, const weir_chan_opts *o)
{
    if (!asked_for(o))
        return true;
    struct wr_flow *f = c->flow = wr_alloc(sizeof(*f));
    if (!f)
        return false;
    f->hooks = o->hooks;
    f->send_timeout = o->send_timeout;
    f->recv_timeout = o->recv_timeout;
    f->max_bytes = o->max_bytes;
    f->size_of = o->size_of;
    f->timed_every = o->timed_every;
    f->sample_every = o->sample_every ? o->sample_every : SAMPLE_EVERY;
    f->rng = o->seed ? o->seed : wr_random_seed();
    if (has_marks(o)) {
        f->high = o->high || o->low ? o->high : HIGH;
        f->low = o->high || o->low ? o->low : LOW;
    }
    c->frozen = c->frozen || f->timed_every || f->max_bytes || f->high;
    c->quiet = !c->frozen && !f->hooks.on_drop && !c->destroy;
    if (f->timed_every && !(f->residence = wr_alloc(sizeof(*f->residence))))
        return false;
    return true;
}

void wr_flow_close(weir_chan *c)
{
    if (c->flow)
        wr_free(c->flow->residence);
    wr_free(c->flow);
}

size_t wr_flow_size(const weir_chan *c, const void *elem)
{
    const struct wr_flow *f = c->flow;
    return f->max_bytes ? f->size_of(elem, f->hooks.arg) : 0;
}

/* ---- what elements do to it ---------------------------------------------- */

void wr_flow_entered(weir_chan *c, uint64_t n, size_t bytes)
{
    struct wr_flow *f = c->flow;
    if (!f->timed_every && !f->max_bytes)
        return;
    struct wr_beside *b = wr_slot_beside(c, n);
    b->entered = f->timed_every && n % f->timed_every == 0 ? wr_clock() : 0;
    b->bytes = bytes;
    f->bytes += bytes;
    if (f->bytes > f->highest_bytes)
        f->highest_bytes = f->bytes;
}

void wr_flow_left(weir_chan *c, uint64_t n, bool received)
{
    struct wr_flow *f = c->flow;
    if (!f->timed_every && !f->max_bytes)
        return;
    const struct wr_beside *b = wr_slot_beside(c, n);
    f->bytes -= b->bytes;
    if (received && b->entered)
        wr_histogram_add(f->residence, wr_clock() - b->entered);
}

void wr_flow_handed_over(weir_chan *c)
{
    struct wr_flow *f = c->flow;
    if (f->timed_every && c->handoffs % f->timed_every == 0)
        wr_histogram_add(f->residence, 0);
}

/* a / b >= percent / 100, without overflow. */
static bool reaches(uint64_t a, uint64_t b, uint32_t percent)
{
    return b > 0 && (double)a * 100 >= (double)b * percent;
}

static bool above(uint64_t a, uint64_t b, uint32_t percent)
{
    return b > 0 && (double)a * 100 > (double)b * percent;
}

enum wr_level wr_flow_level(weir_chan *c)
{
    struct wr_flow *f = c->flow;
    if (!f->high)
        return WR_LEVEL_SAME;
    uint64_t len = wr_chan_len_frozen(c);
    if (!f->above && (reaches(len, c->cap, f->high) ||
                      reaches(f->bytes, f->max_bytes, f->high))) {
        wr_store_rlx(&f->above, true);
        return WR_LEVEL_HIGH;
    }
    if (f->above && !above(len, c->cap, f->low) &&
        !above(f->bytes, f->max_bytes, f->low)) {
        wr_store_rlx(&f->above, false);
        return WR_LEVEL_LOW;
    }
    return WR_LEVEL_SAME;
}
