/* SPDX-License-Identifier: MIT */
/* A seed from the system. */
#ifndef WR_PORT_RANDOM_H
#define WR_PORT_RANDOM_H

#include <stdint.h>

/* Never 0; from the clock where the system has no randomness to give. */
uint64_t wr_random_seed(void);

#endif
