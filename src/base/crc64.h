/* SPDX-License-Identifier: MIT */
/* CRC-64/XZ (reflected ECMA-182), as xz and 7-Zip have it. */
#ifndef WR_BASE_CRC64_H
#define WR_BASE_CRC64_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of what crc is the checksum of (0: of nothing), and then of n
 * bytes more. */
uint64_t wr_crc64(uint64_t crc, const void *data, size_t n);

#endif
