/* SPDX-License-Identifier: MIT */
/* A small fast generator for choices (not for secrets): wyrand, by Wang Yi:
 * one multiplication a number, a state of one word. */
#ifndef WR_BASE_RAND_H
#define WR_BASE_RAND_H

#include <stdint.h>

static inline uint64_t wr_rand(uint64_t *state)
{
    *state += UINT64_C(0xa0761d6478bd642f);
    __extension__ unsigned __int128 product =
        (unsigned __int128)*state * (*state ^ UINT64_C(0xe7037ed1a0b428db));
    return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

/* Uniform in 0 .. n-1 for n > 0, by multiplication (Lemire): no division. */
static inline uint32_t wr_rand_below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(((wr_rand(state) >> 32) * n) >> 32);
}

#endif
