/* SPDX-License-Identifier: MIT */
/*
 * Snapshots. One is taken with the channel frozen, so that all of it belongs
 * to one instant; parties that come meanwhile go through the lock, once.
 */
#include <weir/stats.h>

#include "base/misuse.h"
#include "chan/flow.h"
#include "port/clock.h"

/* ---- the account, frozen ------------------------------------------------- */

static uint64_t all_dropped(const struct wr_counts *n)
{
    uint64_t sum = 0;
    for (int i = 0; i < WEIR_DROPS; i++)
        sum += n->dropped[i];
    return sum;
}

static uint64_t all_received(const weir_chan *c)
{
    return wr_count(wr_load_rlx(&c->head)) + c->handoffs - c->counts.evicted;
}

static void take_counts(const weir_chan *c, weir_chan_stats *s)
{
    const struct wr_counts *now = &c->counts, *was = &c->before;
    s->queued = wr_chan_len_frozen(c);
    s->received = all_received(c) - c->received_before;
    for (int i = 0; i < WEIR_DROPS; i++)
        s->dropped_by[i] = now->dropped[i] - was->dropped[i];
    s->dropped = all_dropped(now) - all_dropped(was);
    s->sent = s->received + s->dropped + s->queued;
    s->entered = s->received + s->queued + (now->evicted - was->evicted);
    s->timed_out = now->timed_out - was->timed_out;
    s->canceled = now->canceled - was->canceled;
    s->refused = wr_load_rlx(&now->refused) - was->refused;
    s->blocked_sends = now->blocked_sends - was->blocked_sends;
    s->blocked_recvs = now->blocked_recvs - was->blocked_recvs;
    uint64_t highest = wr_load_rlx(&c->highest);
    s->highest = highest == INT64_MAX ? 0 : highest;
}

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

static void take_levels(const weir_chan *c, weir_chan_stats *s)
{
    const struct wr_flow *f = c->flow;
    s->capacity = c->cap;
    s->utilization = share(s->queued, c->cap);
    if (!f)
        return;
    s->bytes = f->bytes;
    s->highest_bytes = f->highest_bytes;
    s->max_bytes = f->max_bytes;
    if (share(f->bytes, f->max_bytes) > s->utilization)
        s->utilization = share(f->bytes, f->max_bytes);
}

/* The n-th is timed if timed_every divides n: the first such of those queued.
 */
static int64_t age_of_oldest(const weir_chan *c)
{
    uint64_t every = c->flow->timed_every;
    uint64_t head = wr_count(c->head), tail = wr_count(c->tail);
    uint64_t n = (head + every - 1) / every * every;
    return n < tail ? wr_clock() - wr_slot_beside(c, n)->entered : 0;
}

static int64_t average(const struct wr_timing *t)
{
    return t->calls > 0 ? t->total / (int64_t)t->calls : 0;
}

static void take_times(const weir_chan *c, weir_chan_stats *s)
{
    const struct wr_flow *f = c->flow;
    if (!f || !f->residence)
        return;
    s->average_send = average(&f->send);
    s->average_recv = average(&f->recv);
    s->blocked_send = f->send.blocked;
    s->blocked_recv = f->recv.blocked;
    s->last_send = f->send.last;
    s->last_recv = f->recv.last;
    s->oldest = c->rendezvous ? 0 : age_of_oldest(c);
    s->residence_p50 = wr_histogram_quantile(f->residence, 50, 100);
    s->residence_p90 = wr_histogram_quantile(f->residence, 90, 100);
    s->residence_p99 = wr_histogram_quantile(f->residence, 99, 100);
    s->residence_p999 = wr_histogram_quantile(f->residence, 999, 1000);
    s->residence_max = f->residence->max;
}

/* ---- the calls ----------------------------------------------------------- */

static void freeze(weir_chan *c)
{
    wr_lock(&c->lock);
    wr_chan_freeze(c);
}

static void thaw(weir_chan *c)
{
    wr_chan_thaw(c);
    wr_unlock(&c->lock);
}

int weir_chan_get_stats(const weir_chan *chan, weir_chan_stats *out)
{
    weir_chan *c = (weir_chan *)(uintptr_t)chan;
    if (!c || !out)
        return WR_MISUSE("no channel, or no place for its statistics");
    *out = (weir_chan_stats){0};
    freeze(c);
    /* A sender may have its place and not have noted the length yet. */
    wr_note_highest(c, wr_count(wr_load_rlx(&c->tail)));
    take_counts(c, out);
    take_levels(c, out);
    take_times(c, out);
    thaw(c);
    return 0;
}

static void reset_flow(struct wr_flow *f)
{
    f->highest_bytes = f->bytes;
    f->send = f->recv = (struct wr_timing){0};
    if (f->residence)
        *f->residence = (struct wr_histogram){0};
}

static void remember(struct wr_counts *was, const struct wr_counts *now)
{
    memcpy(was->dropped, now->dropped, sizeof(was->dropped));
    was->evicted = now->evicted;
    was->timed_out = now->timed_out;
    was->canceled = now->canceled;
    was->refused = wr_load_rlx(&now->refused);
    was->blocked_sends = now->blocked_sends;
    was->blocked_recvs = now->blocked_recvs;
}

int weir_chan_reset_stats(weir_chan *c)
{
    if (!c)
        return WR_MISUSE("no channel");
    freeze(c);
    remember(&c->before, &c->counts);
    c->received_before = all_received(c);
    if (wr_load_rlx(&c->highest) != INT64_MAX)
        wr_store_rlx(&c->highest, wr_chan_len_frozen(c));
    if (c->flow)
        reset_flow(c->flow);
    thaw(c);
    return 0;
}
