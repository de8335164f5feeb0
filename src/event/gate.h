/* SPDX-License-Identifier: MIT */
/*
 * A gate: counts what is in, until it is shut and the last has left.
 *
 * `state` counts by twos; its lowest bit says that the gate is shut. Who comes
 * to a shut gate goes out again, without a look at what is behind it. Whoever
 * is the last out of a shut one ends `over`, which those who shut it wait for;
 * who comes and goes after that ends it again, to no effect. So `over` is
 * ended at last, and when it is, nobody is in any more.
 *
 * No call but the wait can fail, whoever makes it.
 */
#ifndef WR_EVENT_GATE_H
#define WR_EVENT_GATE_H

#include <weir/ctx.h>

enum { WR_GATE_SHUT = 1, WR_GATE_ONE = 2 };

struct wr_gate {
    uint64_t state;
    weir_ctx over;
};

static inline void wr_gate_init(struct wr_gate *g)
{
    g->state = 0;
    weir_ctx_init(&g->over, NULL);
}

/* Nobody comes, leaves or waits any more. */
static inline void wr_gate_fini(struct wr_gate *g)
{
    weir_ctx_fini(&g->over);
}

static inline bool wr_gate_is_shut(const struct wr_gate *g)
{
    return __atomic_load_n(&g->state, __ATOMIC_ACQUIRE) & WR_GATE_SHUT;
}

static inline void wr_gate_leave(struct wr_gate *g, uint64_t n)
{
    const uint64_t left =
        __atomic_sub_fetch(&g->state, n * WR_GATE_ONE, __ATOMIC_ACQ_REL);
    if (n && left == WR_GATE_SHUT)
        weir_ctx_cancel(&g->over, WEIR_CLOSED);
}

/* False: it is shut. */
static inline bool wr_gate_enter(struct wr_gate *g, uint64_t n)
{
    const uint64_t before =
        __atomic_fetch_add(&g->state, n * WR_GATE_ONE, __ATOMIC_ACQ_REL);
    if (!(before & WR_GATE_SHUT))
        return true;
    wr_gate_leave(g, n);
    return false;
}

/* Was it open? */
static inline bool wr_gate_shut(struct wr_gate *g)
{
    const uint64_t before =
        __atomic_fetch_or(&g->state, WR_GATE_SHUT, __ATOMIC_ACQ_REL);
    if (before == 0)
        weir_ctx_cancel(&g->over, WEIR_CLOSED);
    return !(before & WR_GATE_SHUT);
}

/* Waits for the last to leave a gate that is shut, at most until ctx ends. 0,
 * or as weir_ctx_wait. */
static inline int wr_gate_wait(struct wr_gate *g, weir_ctx *ctx)
{
    if (weir_ctx_err(&g->over))
        return 0;
    const int err = weir_ctx_wait(&g->over, ctx);
    return weir_ctx_err(&g->over) ? 0 : err;
}

#endif
