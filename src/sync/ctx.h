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

/* weir_ctx.flags_; constant once the context is initialised. */
enum {
    WR_CTX_BACKGROUND = 1, /* never ends                                    */
    WR_CTX_TIMED = 2       /* has a timer of its own to take back           */
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

#endif
