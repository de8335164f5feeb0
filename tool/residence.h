/* SPDX-License-Identifier: MIT */
/*
 * How long things stayed: a histogram whose quantiles are at most 1/16 too
 * high, in a few kilobytes whatever comes. Buckets of equal width within each
 * power of two, as in HdrHistogram (Tene). One task adds; any may ask.
 */
#ifndef WEIR_TOOL_RESIDENCE_H
#define WEIR_TOOL_RESIDENCE_H

#include <stdint.h>

enum { RESIDENCE_BUCKETS = 16 * 61 };

struct residence {
    _Atomic uint64_t buckets[RESIDENCE_BUCKETS];
    _Atomic uint64_t total;
};

/* weight things stayed for ns nanoseconds. */
void residence_add(struct residence *r, int64_t ns, uint64_t weight);

/* The time that share (0 to 1) of them did not exceed, in ns; 0: there are
 * none. */
int64_t residence_quantile(const struct residence *r, double share);

#endif
