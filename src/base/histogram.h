/* SPDX-License-Identifier: MIT */
/*
 * A histogram of non-negative 64-bit values with a bounded relative error:
 * each power of two is cut into 32 equal parts, so a quantile is at most 1/32
 * too high. After the HdrHistogram. Adding is one increment; no allocation.
 * The owner sees to exclusion.
 */
#ifndef WR_BASE_HISTOGRAM_H
#define WR_BASE_HISTOGRAM_H

#include <stdint.h>

enum {
    WR_HISTOGRAM_PARTS_LOG2 = 5,
    WR_HISTOGRAM_BUCKETS = (64 - WR_HISTOGRAM_PARTS_LOG2)
                           << WR_HISTOGRAM_PARTS_LOG2
};

/* All zero is empty. */
struct wr_histogram {
    uint64_t count;
    int64_t max;
    uint64_t buckets[WR_HISTOGRAM_BUCKETS];
};

/* Negative values count as 0. */
void wr_histogram_add(struct wr_histogram *h, int64_t value);

/* The least value that a share of parts/whole of all values does not exceed,
 * rounded up to its bucket's end, but never above the maximum. 0 if empty. */
int64_t wr_histogram_quantile(const struct wr_histogram *h, uint64_t parts,
                              uint64_t whole);

#endif
