/* SPDX-License-Identifier: MIT */
/* Exponential back-off: a count of failures and a random sequence, each a
 * word that parties change atomically and that guards nothing else. */
#include <weir/backoff.h>

#include <weir/time.h>
#include "base/misuse.h"

#define DEFAULT_FACTOR (1 * WEIR_SECOND)
#define DEFAULT_MAX    (20 * WEIR_SECOND)

/* The next of splitmix64 (Steele, Lea and Flood, 2014): its state is a
 * counter, so drawing is one atomic addition. */
static uint64_t draw(weir_backoff *b)
{
    const uint64_t step = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = __atomic_add_fetch(&b->random_, step, __ATOMIC_RELAXED);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Somewhere from 0 to below n, which is > 0. */
static int64_t below(weir_backoff *b, int64_t n)
{
    return (int64_t)(draw(b) % (uint64_t)n);
}

static int64_t bound(const weir_backoff_opts *o, uint64_t failures)
{
    const uint64_t doublings = failures - 1;
    const int64_t room = o->max - o->base;
    if (room <= 0 || doublings > 62 || o->factor > room >> doublings)
        return o->max;
    return o->base + (o->factor << doublings);
}

static bool valid(const weir_backoff_opts *o)
{
    return o->base >= 0 && o->factor >= 0 && o->max >= 0 &&
           (unsigned)o->jitter <= WEIR_JITTER_NONE;
}

int weir_backoff_init(weir_backoff *b, const weir_backoff_opts *o)
{
    static const weir_backoff_opts defaults;
    o = o ? o : &defaults;
    if (!b || !valid(o))
        return WR_MISUSE("no place for it, or an option out of range");
    *b = (weir_backoff){.opts_ = *o};
    if (o->factor == 0)
        b->opts_.factor = DEFAULT_FACTOR;
    if (o->max == 0)
        b->opts_.max = DEFAULT_MAX;
    b->random_ = o->seed ? o->seed : (uint64_t)weir_now();
    return 0;
}

int64_t weir_backoff_delay(weir_backoff *b)
{
    if (!b)
        return WR_MISUSE("no back-off");
    return weir_backoff_after(b,
                              __atomic_load_n(&b->failures_, __ATOMIC_RELAXED));
}

int64_t weir_backoff_after(weir_backoff *b, uint64_t failures)
{
    if (!b)
        return WR_MISUSE("no back-off");
    if (failures == 0)
        return 0;
    const int64_t most = bound(&b->opts_, failures);
    if (b->opts_.jitter == WEIR_JITTER_NONE)
        return most;
    const int64_t least = b->opts_.jitter == WEIR_JITTER_HALF ? most / 2 : 0;
    return least + below(b, most - least);
}

int weir_backoff_failure(weir_backoff *b)
{
    if (!b)
        return WR_MISUSE("no back-off");
    __atomic_fetch_add(&b->failures_, 1, __ATOMIC_RELAXED);
    return 0;
}

int weir_backoff_success(weir_backoff *b)
{
    if (!b)
        return WR_MISUSE("no back-off");
    __atomic_store_n(&b->failures_, 0, __ATOMIC_RELAXED);
    return 0;
}
