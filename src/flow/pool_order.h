/* SPDX-License-Identifier: MIT */
/*
 * Order among several workers: each element taken gets a ticket, and results
 * leave in the order of the tickets, over a window of bounded size.
 *
 *      gone                       taken
 *       | done  -  done done  -    |            - : being worked on
 *       '---- at most `window` ----'
 *
 * - gone <= taken <= gone + window; the tickets between them own one slot
 *   each, number modulo window, and every ticket is put exactly once.
 * - One worker at a time takes, for as long as that may wait: `turn` is held
 *   over it, so that the order of the tickets is that of the elements.
 * - One worker at a time sends: whoever puts a result while nobody does sends
 *   all that are ready. The others leave theirs and go on; what they leave
 *   while it sends is seen, for it looks again under the lock before it stops.
 */
#ifndef WR_FLOW_POOL_ORDER_H
#define WR_FLOW_POOL_ORDER_H

#include <weir/chan.h>
#include <weir/cond.h>
#include <weir/mutex.h>

struct wr_order {
    weir_mutex turn;
    uint64_t taken; /* written under turn */
    weir_mutex lock;
    weir_cond room; /* who has the turn waits for gone to rise */
    uint64_t gone;  /* these and all below are written under lock */
    bool sending;
    size_t window, size;
    unsigned char *states; /* of the slots */
    char *elems;
};

/* For elements of that size; NULL: out of memory. */
struct wr_order *wr_order_new(size_t window, size_t size);
void wr_order_free(struct wr_order *o);

/* Waits for the caller's turn, for room in the window and for an element of
 * in, at most until ctx ends: 0 and *ticket, or as weir_chan_recv. */
int wr_order_take(struct wr_order *o, weir_chan *in, void *elem, weir_ctx *ctx,
                  uint64_t *ticket);

/* The result of that ticket, NULL: it has none. Calls send(arg, elem), outside
 * every lock, for each result whose turn it is. */
void wr_order_put(struct wr_order *o, uint64_t ticket, const void *elem,
                  void (*send)(void *arg, void *elem), void *arg);

#endif
