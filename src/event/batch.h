/* SPDX-License-Identifier: MIT */
/* Several events as one. */
#ifndef WR_EVENT_BATCH_H
#define WR_EVENT_BATCH_H

#include <weir/sink.h>

/* Writes n events to the sink as one, with references of its own to them. What
 * the sink returns, or WEIR_ENOMEM. */
int wr_batch_write(weir_event *const *events, size_t n, weir_ctx *ctx,
                   void *sink);

#endif
