/* SPDX-License-Identifier: MIT */
/*
 * Numbers as people write them on a command line: counts, sizes, durations,
 * shares. Strict: the whole text must be the number, and a sign, a blank or
 * anything left over makes it wrong. Each parser returns false then and
 * leaves *out alone.
 */
#ifndef WEIR_TOOL_UNITS_H
#define WEIR_TOOL_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A whole number; k, M and G stand for 10^3, 10^6 and 10^9. */
bool units_count(const char *text, uint64_t *out);

/* Bytes; k, M, G and T (also K, and each followed by B or iB) stand for
 * powers of 1024. A fraction is allowed before a suffix: 1.5M. */
bool units_size(const char *text, uint64_t *out);

/* Nanoseconds from ms, s (also no suffix), m, h or d; fractions allowed. */
bool units_duration(const char *text, int64_t *out);

/* 0 to 100, with or without a percent sign. */
bool units_percent(const char *text, unsigned *out);

/* Does the text end in B, so that it can only be a size in bytes? */
bool units_is_bytes(const char *text);

/* "1.5G", "10k", "17": at most 15 characters and a NUL. */
void units_show_size(char *text, size_t n, uint64_t bytes);

/* "1.2 s", "3.4 ms" or "56 us", from nanoseconds. */
void units_show_time(char *text, size_t n, int64_t ns);

/* "1:02:03" or "4:05", for a time left. */
void units_show_clock(char *text, size_t n, double seconds);

#endif
