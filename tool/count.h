/* SPDX-License-Identifier: MIT */
/* How often a byte stands in a run of bytes: at the speed of the cache. */
#ifndef WEIR_TOOL_COUNT_H
#define WEIR_TOOL_COUNT_H

#include <stddef.h>
#include <stdint.h>

uint64_t count_byte(const char *data, size_t n, char byte);

#endif
