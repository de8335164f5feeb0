/* SPDX-License-Identifier: MIT */
#include "port/bias.h"

#include "port/futex.h"
#include "port/thread.h"

enum { SPINS = 100 };

void wr_bias_init(struct wr_bias *b)
{
    *b = (struct wr_bias){0};
    b->for_life = !wr_barrier_others();
    b->wanted = b->for_life;
}

/* The other is inside for as long as it takes to move some pointers. */
static void await_release(struct wr_bias *b)
{
    for (int i = 0; wr_load_acq(&b->granted); i++) {
        if (i < SPINS)
            wr_pause();
        else
            wr_thread_yield();
    }
}

void wr_bias_enter_slow(struct wr_bias *b)
{
    for (;;) {
        (void)wr_xchg(&b->inside, 1);
        if (!wr_load(&b->granted))
            return;
        wr_store(&b->inside, 0);
        await_release(b);
    }
}

static bool grant(struct wr_bias *b)
{
    for (int i = 0; i < SPINS; i++) {
        (void)wr_xchg(&b->granted, 1);
        if (!wr_load(&b->inside))
            return true;
        wr_store(&b->granted, 0);
        wr_pause();
    }
    return false;
}

static void leave_outside(struct wr_bias *b)
{
    if (!b->for_life)
        wr_store(&b->wanted, 0);
    wr_store_rel(&b->outside, 0);
}

bool wr_bias_try_seize(struct wr_bias *b)
{
    if (wr_load_rlx(&b->outside) || wr_xchg(&b->outside, 1))
        return false;
    if (!b->for_life) {
        wr_store(&b->wanted, 1);
        wr_barrier_others();
    }
    if (grant(b))
        return true;
    leave_outside(b);
    return false;
}

void wr_bias_release(struct wr_bias *b)
{
    wr_store_rel(&b->granted, 0);
    leave_outside(b);
}
