/* SPDX-License-Identifier: MIT */
/* The monotonic clock, in nanoseconds. */
#ifndef WR_PORT_CLOCK_H
#define WR_PORT_CLOCK_H

#include <stdint.h>

int64_t wr_clock(void);

#endif
