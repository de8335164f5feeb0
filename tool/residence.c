/* SPDX-License-Identifier: MIT */
#include "residence.h"

#include <stdatomic.h>

/* Below 16 ns each value has a bucket of its own; above, the four bits behind
 * the highest tell the bucket. */
static unsigned bucket_of(uint64_t ns)
{
    if (ns < 16)
        return (unsigned)ns;
    unsigned shift = 59U - (unsigned)__builtin_clzll(ns);
    return 16 * (shift + 1) + (unsigned)(ns >> shift) % 16;
}

/* The greatest value in the bucket. */
static int64_t top_of(unsigned bucket)
{
    if (bucket < 16)
        return bucket;
    unsigned shift = bucket / 16 - 1;
    uint64_t next = (UINT64_C(17) + bucket % 16) << shift;
    return next > INT64_MAX ? INT64_MAX : (int64_t)next - 1;
}

void residence_add(struct residence *r, int64_t ns, uint64_t weight)
{
    unsigned bucket = bucket_of(ns > 0 ? (uint64_t)ns : 0);
    atomic_fetch_add_explicit(&r->buckets[bucket], weight,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&r->total, weight, memory_order_relaxed);
}

int64_t residence_quantile(const struct residence *r, double share)
{
    uint64_t total = atomic_load_explicit(&r->total, memory_order_relaxed);
    double rank = share * (double)total;
    uint64_t seen = 0;
    for (unsigned i = 0; i < RESIDENCE_BUCKETS && total > 0; i++) {
        seen += atomic_load_explicit(&r->buckets[i], memory_order_relaxed);
        if (seen > 0 && (double)seen >= rank)
            return top_of(i);
    }
    return 0;
}
