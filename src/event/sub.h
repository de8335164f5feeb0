/* SPDX-License-Identifier: MIT */
/*
 * A subscription, in front of any engine.
 *
 *   sub.c        opening, receiving, closing, counts
 *   message.c    settling what was received, and its end
 *
 * - A receive takes permits for as many messages as it asks for, and gives
 *   back those that it did not need. A message that was received has one, and
 *   a place behind the gate, until it is settled or freed. So max_in_flight
 *   holds, and a close waits for messages by waiting at the gate.
 * - At the close the semaphore gets more permits than anybody can take: who
 *   waits for one goes on, and finds the gate shut.
 * - `state_` of a delivery: open -> settling -> settled, or open again when
 *   the engine could not. Who takes it to settling asks the engine.
 * - The memory goes with the last of `refs`: the user's, one for each message
 *   that was not freed, one for each consumer. What a call does to the
 *   subscription it does before it gives its reference back.
 * - Nothing on the way from a message to its end can fail but the engine.
 */
#ifndef WR_EVENT_SUB_H
#define WR_EVENT_SUB_H

#include <weir/mutex.h>
#include <weir/sem.h>
#include "base/inside.h"
#include "event/engine.h"
#include "event/gate.h"

enum { WR_OPEN, WR_SETTLING, WR_SETTLED };

/* How messages came to their end; in the order of weir_settle. */
enum { WR_ACKED, WR_NAKED, WR_TERMED, WR_EXPIRED, WR_RETURNED, WR_ENDS };

struct weir_sub {
    const weir_engine *engine;
    void *self;       /* the engine's                                       */
    uint32_t max;     /* in flight                                          */
    int64_t ack_wait; /* ns                                                 */
    uint64_t refs;
    struct wr_gate gate;
    weir_sem permits;

    /* Each changed atomically; a message is received before it has an end. */
    uint64_t received, redelivered, ends[WR_ENDS];

    weir_mutex lock;
    struct wr_inside *handlers; /* tasks that handle its messages; under lock */
};

void wr_sub_ref(weir_sub *s);
void wr_sub_unref(weir_sub *s);

/* Gives back n permits, and the places behind the gate. */
void wr_sub_release(weir_sub *s, uint64_t n);

/* From here on the calling task handles messages of s: a close by it does not
 * wait. Until it leaves. */
int wr_sub_enter(weir_sub *s, struct wr_inside *me);
void wr_sub_leave(weir_sub *s, const struct wr_inside *me);

/* weir_message_in_progress of n (> 0) messages of s that are neither settled
 * nor being settled; codes[i]: 0 or WEIR_EXPIRED. */
int wr_sub_renew(weir_sub *s, weir_message *const *m, size_t n, int *codes,
                 weir_ctx *ctx);

#endif
