/* SPDX-License-Identifier: MIT */
#include "port/random.h"

#include <sys/random.h>
#include "port/clock.h"

uint64_t wr_random_seed(void)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
        seed = (uint64_t)wr_clock();
    return seed ? seed : 1;
}
