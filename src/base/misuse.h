/* SPDX-License-Identifier: MIT */
/* A call with an argument that it does not take. In every build the result is
 * WEIR_EINVAL; a debug build says which call it was, and what it found. */
#ifndef WR_BASE_MISUSE_H
#define WR_BASE_MISUSE_H

#include <weir/base.h>

#if defined(WEIR_DEBUG)
/* Prints "weir: CALL refuses: FOUND"; WEIR_EINVAL. */
int wr_misuse(const char *call, const char *found);
#define WR_MISUSE(found) wr_misuse(__func__, found)
#else
#define WR_MISUSE(found) WEIR_EINVAL
#endif

#endif
