/* SPDX-License-Identifier: MIT */
#include "port/clock.h"

#include <time.h>

int64_t wr_clock(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}
