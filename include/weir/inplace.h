/* SPDX-License-Identifier: MIT */
/*
 * Elements built and read where they lie in the buffer, without a copy: for
 * channels with one producer, or one consumer, that was declared so when the
 * channel was made. After DPDK's ring and the Disruptor.
 *
 * A place that was reserved and not committed, an element that was peeked and
 * not released, is simply found again by the next call. The pointer is good
 * until commit or release. The other ways in and out may be mixed with these.
 * These calls do not call on_error.
 */
#ifndef WEIR_INPLACE_H
#define WEIR_INPLACE_H

#include <weir/chan.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The place where the next element will lie, its bytes undefined, in *place.
 * Waits for room until ctx ends under WEIR_BLOCK; full under another policy:
 * WEIR_FULL. 0, WEIR_CLOSED, WEIR_CANCELED, WEIR_TIMEDOUT, WEIR_EINVAL (not
 * single_producer), WEIR_FORKED, WEIR_ENOMEM. The producer only.
 */
WEIR_API int weir_chan_reserve(weir_chan *c, void **place, weir_ctx *ctx);
WEIR_API int weir_chan_try_reserve(weir_chan *c, void **place); /* or FULL */

/* What was built in the reserved place is sent. 0; WEIR_CLOSED: it is not
 * sent and remains the caller's; WEIR_FULL: nothing can have been reserved;
 * WEIR_EINVAL. */
WEIR_API int weir_chan_commit(weir_chan *c);

/*
 * The oldest element, where it lies, in *elem; it may be changed there. Waits
 * for one until ctx ends. 0, WEIR_CLOSED (closed and drained), WEIR_CANCELED,
 * WEIR_TIMEDOUT, WEIR_EINVAL (not single_consumer), WEIR_FORKED, WEIR_ENOMEM.
 * The consumer only.
 */
WEIR_API int weir_chan_peek(weir_chan *c, void **elem, weir_ctx *ctx);
WEIR_API int weir_chan_try_peek(weir_chan *c, void **elem); /* or WEIR_EMPTY */

/* The element that was peeked is received: its place is free. 0; WEIR_EMPTY:
 * there was none; WEIR_EINVAL. */
WEIR_API int weir_chan_release(weir_chan *c);

#ifdef __cplusplus
}
#endif
#endif
