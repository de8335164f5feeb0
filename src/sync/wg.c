/* SPDX-License-Identifier: MIT */
/*
 * The wait group: a count in the upper half of one word, and in the lowest bit
 * WAITERS, which says that whoever brings the count to 0 must see to the
 * queue. Counting is one atomic addition.
 *
 * Why the waiter may free the group. The one who brings the count to 0 (the
 * last) learns from the same step whether WAITERS is set.
 *   - If not, that step was its last touch.
 *   - If it is, the last clears WAITERS and pops the waiters in one critical
 *     section and touches nothing after it. A popped waiter leaves when it is
 *     woken, which is later. And a party that comes to wait looks at the
 *     word under the lock: WAITERS still set with a count of 0 means that the
 *     last is on its way, so it queues up for it; WAITERS clear means that the
 *     last has left that section, or never needed it.
 * So whoever returns 0 from wait does so after the last one's last touch. What
 * is needed for that: while somebody waits the count does not rise from 0.
 */
#include "sync/wg.h"
#include "base/misuse.h"

#include <limits.h>
#include "sched/runtime.h"
#include "sync/park.h"

enum { WAITERS = 1 };

static int64_t count_of(uint64_t state)
{
    return (int64_t)state >> 32;
}

static uint64_t units(int n)
{
    return (uint64_t)n << 32;
}

/* The count came to 0 with waiters. Somebody may have raised it again, against
 * the contract: then they go on waiting. */
static WR_NOINLINE void release_waiters(weir_wg *wg)
{
    struct wr_wakes wakes = {0};
    wr_lock(wr_queue_lock(&wg->queue_));
    if (count_of(wr_load(&wg->state_)) == 0) {
        wr_and(&wg->state_, ~(uint64_t)WAITERS);
        wr_queue_pop_all(wr_queue_of(&wg->queue_), 0, &wakes);
    }
    wr_unlock(wr_queue_lock(&wg->queue_));
    wr_wake(&wakes);
}

int weir_wg_add(weir_wg *wg, int n)
{
    if (wr_unlikely(!wg))
        return WR_MISUSE("no wait group");
    uint64_t now = wr_add(&wg->state_, units(n)) + units(n);
    if (wr_unlikely(count_of(now) < 0)) {
        wr_sub(&wg->state_, units(n));
        return WEIR_EINVAL;
    }
    if (n < 0 && now == WAITERS)
        release_waiters(wg);
    return 0;
}

int weir_wg_done(weir_wg *wg)
{
    return weir_wg_add(wg, -1);
}

/* Under the lock. False: the count is 0 and nobody is on its way to us. */
static bool must_wait(weir_wg *wg)
{
    uint64_t s = wr_load(&wg->state_);
    while (!(s & WAITERS)) {
        if (count_of(s) <= 0)
            return false;
        if (wr_cas(&wg->state_, &s, s | WAITERS))
            break;
    }
    return true;
}

int wr_wg_wait(weir_wg *wg, weir_ctx *ctx, enum wr_reason reason,
               const void *on)
{
    uint32_t *lock = wr_queue_lock(&wg->queue_);
    int err = 0;
    wr_lock(lock);
    if (must_wait(wg)) {
        err = wr_wait_in(wr_queue_of(&wg->queue_), lock, NULL, ctx, reason, on);
        if (!err)
            return 0;
    }
    wr_unlock(lock);
    return err;
}

int weir_wg_wait(weir_wg *wg, weir_ctx *ctx)
{
    return wg ? wr_wg_wait(wg, ctx, WR_ON_WG, wg) : WR_MISUSE("no wait group");
}

void wr_task_joined(void *group)
{
    weir_wg_done(group);
}

int weir_wg_go(weir_wg *wg, void (*fn)(void *), void *arg)
{
    if (!wg || !fn)
        return WR_MISUSE("no wait group, or no function");
    int err = weir_wg_add(wg, 1);
    if (err)
        return err;
    err = wr_go_in(wg, fn, arg, __builtin_return_address(0));
    if (err)
        weir_wg_done(wg);
    return err;
}
