/* SPDX-License-Identifier: MIT */
/*
 * Select: wait for whichever of several channel operations can go first.
 * After Go's select statement, Hoare's guarded alternatives before it.
 */
#ifndef WEIR_SELECT_H
#define WEIR_SELECT_H

#include <weir/chan.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    WEIR_SELECT_ORDERED = 1, /* the first ready case in the listed order,
                                instead of a uniform choice among the ready */
    WEIR_SELECT_TRY = 2      /* do not wait: WEIR_EMPTY when none is ready  */
};

/*
 * Does exactly one of the n cases and returns its index; its own result is
 * in cs[i].status. The same channel may stand in several cases; a case with
 * a NULL channel or context is switched off. ctx (may be NULL) ends the wait
 * from outside: then WEIR_CANCELED or WEIR_TIMEDOUT, and no case was done.
 * With no case switched on it waits for ctx alone. A context case counts as
 * ready only once it has ended, a timeout case only once its time is over.
 * No allocation for 16 cases or fewer; WEIR_ENOMEM is possible beyond.
 * WEIR_EINVAL: n < 0, cs NULL with n > 0, an unknown kind or flag.
 * Any task or thread.
 */
WEIR_API int weir_select_with(weir_case *cs, int n, weir_ctx *ctx,
                              unsigned flags);

static inline int weir_select(weir_case *cs, int n, weir_ctx *ctx)
{
    return weir_select_with(cs, n, ctx, 0);
}

/* Go's select with a default: WEIR_EMPTY when no case is ready. */
static inline int weir_try_select(weir_case *cs, int n)
{
    return weir_select_with(cs, n, NULL, WEIR_SELECT_TRY);
}

#ifdef __cplusplus
}
#endif
#endif
