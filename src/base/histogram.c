/* SPDX-License-Identifier: MIT */
#include "base/histogram.h"

enum { LOG2 = WR_HISTOGRAM_PARTS_LOG2, PARTS = 1 << LOG2 };

/* Values below PARTS have a bucket each; above, the leading LOG2 + 1 bits of
 * the value choose it. */
static uint32_t bucket_of(uint64_t v)
{
    if (v < PARTS)
        return (uint32_t)v;
    uint32_t shift = 63 - LOG2 - (uint32_t)__builtin_clzll(v);
    return (shift << LOG2) + (uint32_t)(v >> shift);
}

/* The greatest value of a bucket. */
static uint64_t bucket_end(uint32_t b)
{
    if (b < PARTS)
        return b;
    uint32_t shift = (b >> LOG2) - 1;
    uint64_t lead = (uint64_t)(b & (PARTS - 1)) + PARTS;
    return ((lead + 1) << shift) - 1;
}

void wr_histogram_add(struct wr_histogram *h, int64_t value)
{
    if (value < 0)
        value = 0;
    if (value > h->max)
        h->max = value;
    h->count++;
    h->buckets[bucket_of((uint64_t)value)]++;
}

int64_t wr_histogram_quantile(const struct wr_histogram *h, uint64_t parts,
                              uint64_t whole)
{
    uint64_t rank = h->count / whole * parts +
                    (h->count % whole * parts + whole - 1) / whole;
    uint64_t seen = 0;
    for (uint32_t b = 0; b < WR_HISTOGRAM_BUCKETS; b++) {
        seen += h->buckets[b];
        if (seen > 0 && seen >= rank) {
            uint64_t end = bucket_end(b);
            return end < (uint64_t)h->max ? (int64_t)end : h->max;
        }
    }
    return 0;
}
