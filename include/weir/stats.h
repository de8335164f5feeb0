/* SPDX-License-Identifier: MIT */
/*
 * The account of a channel: what came, what went, what was lost and why; and
 * all named channels of the program at a glance, for people and for
 * Prometheus. Counting is always on. Clocks (ages, averages, residence) are
 * read only on channels made with `timed_every`.
 */
#ifndef WEIR_STATS_H
#define WEIR_STATS_H

#include <stdio.h>
#include <weir/chan.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Since the channel was made or the statistics were reset; times in ns. In
 * every snapshot, whatever goes on meanwhile,
 *     sent = received + dropped + queued
 * Counts only grow between resets.
 */
typedef struct weir_chan_stats {
    uint64_t sent;     /* elements of sends that succeeded                 */
    uint64_t received; /* elements that a receiver took                    */
    uint64_t dropped;  /* elements that were dropped, for any reason       */
    uint64_t queued;   /* elements in the buffer now                       */
    uint64_t entered;  /* sent, less those dropped before they entered     */
    uint64_t dropped_by[WEIR_DROPS]; /* by enum weir_drop                   */
    uint64_t timed_out; /* calls that ended with WEIR_TIMEDOUT              */
    uint64_t canceled;  /* with WEIR_CANCELED                               */
    uint64_t refused;   /* sends that ended with WEIR_FULL or WEIR_LIMIT    */
    uint64_t blocked_sends; /* sends that had to wait, each counted once    */
    uint64_t blocked_recvs; /* receives that had to wait                    */
    uint64_t highest;       /* the greatest number ever queued              */
    uint64_t bytes;         /* in the buffer, with max_bytes                */
    uint64_t highest_bytes;
    uint64_t capacity, max_bytes;
    double utilization; /* queued / capacity, or bytes / max_bytes if that is
                           more; 0 at capacity 0                            */

    /* All 0 without timed_every; of the elements and calls that were timed. */
    int64_t average_send; /* of a call, its waiting included                */
    int64_t average_recv;
    int64_t blocked_send; /* waiting, summed over all calls                 */
    int64_t blocked_recv;
    int64_t last_send; /* instants on weir_now's clock                      */
    int64_t last_recv;
    int64_t oldest; /* age of the oldest timed element that is queued       */
    /* How long elements stayed in the buffer: quantiles, at most 3.2 % too
     * high, and the exact maximum. Hand-overs between two parties count 0. */
    int64_t residence_p50, residence_p90, residence_p99, residence_p999;
    int64_t residence_max;
} weir_chan_stats;

/* A consistent snapshot, taken while traffic goes on. 0, WEIR_EINVAL. */
WEIR_API int weir_chan_get_stats(const weir_chan *c, weir_chan_stats *out);

/* Starts anew: what is queued counts as sent, all else as 0. 0, WEIR_EINVAL. */
WEIR_API int weir_chan_reset_stats(weir_chan *c);

/*
 * Calls fn for each channel that was made with a name, in the order of their
 * making, outside every lock; each stays valid during its call. How many, or
 * WEIR_EINVAL. Any task or thread; fn may make and free channels.
 */
WEIR_API ptrdiff_t weir_chan_each(void (*fn)(weir_chan *c, void *arg),
                                  void *arg);

/* A number that no other channel of this process has or had. 0 for NULL. */
WEIR_API uint64_t weir_chan_id(const weir_chan *c);

enum weir_stats_format {
    WEIR_STATS_PROMETHEUS, /* text exposition format, version 0.0.4         */
    WEIR_STATS_JSON        /* an array with one object a channel            */
};

/* Writes the statistics of all named channels, a consistent snapshot of each.
 * 0; WEIR_EINVAL; WEIR_ENOMEM; the negated errno of a write that failed. */
WEIR_API int weir_stats_write(FILE *out, enum weir_stats_format format);

#ifdef __cplusplus
}
#endif
#endif
