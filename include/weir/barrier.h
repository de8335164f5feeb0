/* SPDX-License-Identifier: MIT */
/* Barrier: a fixed number of parties meet, again and again. */
#ifndef WEIR_BARRIER_H
#define WEIR_BARRIER_H

#include <weir/ctx.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Caller-owned; WEIR_BARRIER_INIT(parties). */
typedef struct weir_barrier {
    struct weir_queue_ queue_;
    uint32_t parties_;
    uint32_t arrived_;
} weir_barrier;

#define WEIR_BARRIER_INIT(parties)                                             \
    {                                                                          \
        {0, 0, NULL, NULL}, (parties), 0                                       \
    }

/* Arrives and waits for the others. 1 for the last to arrive, 0 for the
 * others; WEIR_CANCELED or WEIR_TIMEDOUT when ctx ended first (the caller
 * then counts as not arrived); WEIR_EINVAL (NULL, no parties). */
WEIR_API int weir_barrier_wait(weir_barrier *b, weir_ctx *ctx);

#ifdef __cplusplus
}
#endif
#endif
