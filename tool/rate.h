/* SPDX-License-Identifier: MIT */
/* How fast something may go, as --rate and --burst say: so many records or
 * bytes in a period, and so many at once. */
#ifndef WEIR_TOOL_RATE_H
#define WEIR_TOOL_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
    uint64_t rate; /* 0: no limit                                           */
    int64_t per;   /* ns                                                    */
    uint64_t burst;
    bool bytes; /* else units of the account                                */
};

/* How much may go in ns. */
static inline uint64_t rate_within(const struct rate *r, int64_t ns)
{
    return (uint64_t)((double)r->rate * (double)ns / (double)r->per);
}

#endif
