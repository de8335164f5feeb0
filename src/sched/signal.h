/* SPDX-License-Identifier: MIT */
/*
 * Signals brought out of their handler: the handler counts and writes an
 * eventfd, a worker delivers.
 */
#ifndef WR_SCHED_SIGNAL_H
#define WR_SCHED_SIGNAL_H

#include <stdbool.h>
#include <stdint.h>

/* Who wants some signals. Embedded by its owner, who fills mask, deliver and
 * release; the rest belongs to signal.c, under its lock. */
struct wr_signal_sub {
    uint64_t mask; /* bit sig - 1 */
    /* On a worker, outside every lock: sig came count times. */
    void (*deliver)(struct wr_signal_sub *s, int sig, uint32_t count);
    /* Nobody touches s any more; outside every lock. */
    void (*release)(struct wr_signal_sub *s);
    struct wr_signal_sub *next;
    uint64_t id;
    uint32_t users;
};

/* Can a program catch it? */
bool wr_signal_valid(int sig);

/* Starts the delivery; the runtime it leaves alone. 0, or a negative code:
 * then nothing is changed and release is not called. */
int wr_signal_add(struct wr_signal_sub *s);

/* Ends it: release is called now or when a running delivery is over. */
void wr_signal_remove(struct wr_signal_sub *s);

/* Calls fn on a worker, outside every lock, for each signal sig; NULL ends
 * it. One for each signal. 0, WEIR_EINVAL, WEIR_ENOMEM. Usable while the
 * runtime starts and stops: it starts nothing. */
int wr_signal_hook(int sig, void (*fn)(void));

/* A worker found the eventfd readable. */
void wr_signals_event(void);

/* Once the poller is open, and before it is closed. Signals that come while
 * there is no poller are delivered at the next start. 0, or a negated errno. */
int wr_signals_start(void);
void wr_signals_stop(void);

#endif
