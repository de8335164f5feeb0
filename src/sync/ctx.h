/* SPDX-License-Identifier: MIT */
/*
 * Contexts as one of the wakers of a waiter: what every blocking operation
 * that takes a weir_ctx uses.
 *
 *     weir_ctx *live = wr_ctx_live(ctx);
 *     if (live)
 *         err = wr_ctx_watch(live, &n, &w, INDEX);
 *     ...
 *     won = wr_park(&w, ...);
 *     if (live)
 *         wr_node_leave(&n, won);
 *
 * Registering takes no lock but the context's, which is a leaf: nothing else
 * is locked under it.
 */
#ifndef WR_SYNC_CTX_H
#define WR_SYNC_CTX_H

#include <weir/ctx.h>
#include "sched/wait.h"

/* weir_ctx.flags_; constant. */
enum {
    WR_CTX_BACKGROUND = 1 /* never ends */
};

/* NULL for a context that can never end (NULL, the background): then there
 * is nothing to register. */
static inline weir_ctx *wr_ctx_live(weir_ctx *ctx)
{
    return ctx && !(ctx->flags_ & WR_CTX_BACKGROUND) ? ctx : NULL;
}

/*
 * Links n, as one of w's nodes, so that the end of ctx wins w with this index
 * and writes the error to n->status. 0; or the error that ctx has ended with
 * already: n is then not linked and needs no leaving.
 */
int wr_ctx_watch(weir_ctx *ctx, struct wr_node *n, struct wr_waiter *w,
                 uint32_t index);

/* ---- between the sources of the context itself --------------------------- */

/*
 * Ends ctx and all below it, unless it has ended: waiters are won, children
 * ended, after-functions started. When it returns ctx may be gone, unless the
 * caller holds it (wr_ctx_hold).
 */
void wr_ctx_end(weir_ctx *ctx, int err, int cause);

/* A timer's callback: the deadline has passed, or after-functions are due
 * that found no memory for a task. */
void wr_ctx_fire(struct weir_timer_ *t);

/* While somebody holds it, weir_ctx_fini waits. */
static inline void wr_ctx_hold(weir_ctx *ctx)
{
    wr_add(&ctx->users_, 1);
}

/* The caller's last touch of ctx. */
void wr_ctx_drop(weir_ctx *ctx);

/* Starts the after-functions of a context that has ended. Held. */
void wr_ctx_start_afters(weir_ctx *ctx);

#endif
