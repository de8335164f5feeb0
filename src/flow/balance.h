/* SPDX-License-Identifier: MIT */
/*
 * The inside of a balance: an immutable set of targets behind a pointer. Who
 * sends holds the set it began with, and takes no lock while it chooses and
 * sends. Who changes the set puts a new one in its place and cancels the old
 * one's context, which is a case in every wait: those who wait begin anew.
 *
 * A set lives until the balance and the last sender have dropped it; each has
 * a reference of its own to every channel. `edit` is held by one who changes
 * the set, `lock` over the pointer, the turn and the counts of holders; no
 * channel is sent to or given back under either.
 */
#ifndef WR_FLOW_BALANCE_H
#define WR_FLOW_BALANCE_H

#include <weir/balance.h>
#include <weir/mutex.h>

struct wr_target {
    weir_chan *c;
    uint64_t id;
};

struct wr_targets {
    size_t holders; /* under the balance's lock                             */
    weir_ctx replaced;
    size_t n;
    struct wr_target t[];
};

struct weir_balance {
    weir_balance_opts opts;
    weir_mutex edit;
    weir_mutex lock;
    struct wr_targets *set;
    size_t turn; /* where to look first, modulo n                           */
};

/* Takes the set of now, and the caller's turn in it; turn is NULL for one who
 * only looks. 0, or why the lock is not to be had. */
int wr_balance_hold(weir_balance *b, struct wr_targets **s, size_t *turn);
void wr_balance_drop(weir_balance *b, struct wr_targets *s);

/* The open target that the key goes to, or -1. */
ptrdiff_t wr_balance_by_key(const struct wr_targets *s, uint64_t key);

#endif
