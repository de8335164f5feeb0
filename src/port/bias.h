/* SPDX-License-Identifier: MIT */
/*
 * A lock that its owner takes for two plain stores, and others for the price
 * of a barrier on every processor of the process (microseconds). For data
 * that one thread touches all the time and others now and then.
 *
 *   owner:  inside = 1; is it wanted? no: go on. ... inside = 0
 *   other:  wanted = 1; barrier everywhere; granted = 1 while inside = 0
 *
 * Why both are never in. The owner's fast entry is a store of inside and a
 * load of wanted, which the processor may reorder. But a fast entry that did
 * not see wanted began before the other's barrier ended, so by then its store
 * of inside is visible, and the other waits for it to be 0. Entries after
 * that see wanted and are ordered: inside, then a look at granted, against
 * granted, then a look at inside, all sequentially consistent.
 *
 * Where the system has no such barrier the lock is wanted for life.
 */
#ifndef WR_PORT_BIAS_H
#define WR_PORT_BIAS_H

#include "port/atomic.h"

struct wr_bias {
    uint32_t inside;  /* owner */
    uint32_t wanted;  /* others; for life if unordered */
    uint32_t granted; /* the one other that holds outside */
    uint32_t outside; /* taken by compare-and-swap */
    bool for_life;
};

void wr_bias_init(struct wr_bias *b);
WR_NOINLINE void wr_bias_enter_slow(struct wr_bias *b);

static inline void wr_bias_enter(struct wr_bias *b)
{
    wr_store_rlx(&b->inside, 1);
    wr_compiler_barrier();
    if (wr_unlikely(wr_load_acq(&b->wanted)))
        wr_bias_enter_slow(b);
}

static inline void wr_bias_leave(struct wr_bias *b)
{
    wr_store_rel(&b->inside, 0);
}

/* Another than the owner. False: somebody else is at it, or the owner does
 * not leave within a bounded spin. */
bool wr_bias_try_seize(struct wr_bias *b);
void wr_bias_release(struct wr_bias *b);

#endif
