/* SPDX-License-Identifier: MIT */
/*
 * A run of bytes in a block, and the fronts of it that come to so many bytes
 * and units. The unit is the byte (mark is -1), or the record: what ends in
 * the mark. No call allocates or waits.
 */
#ifndef WEIR_TOOL_SPAN_H
#define WEIR_TOOL_SPAN_H

#include <stddef.h>
#include <stdint.h>

#include "block.h"

struct span {
    struct block *block;
    size_t start, end;
    uint64_t units; /* of the account, in them                              */
};

struct piece {
    size_t bytes;
    uint64_t units;
};

static inline size_t span_length(const struct span *s)
{
    return s->end - s->start;
}

static inline const char *span_at(const struct span *s, size_t offset)
{
    return s->block->data + s->start + offset;
}

/* The units in n bytes: marks, or bytes. */
uint64_t span_count(int mark, const char *data, size_t n);

/* The bytes up to and with the first mark, or all n. */
size_t span_record(int mark, const char *data, size_t n);

/* The longest front within both bounds that does not cut a record; 0 bytes:
 * not one record is. */
struct piece span_front(int mark, const struct span *s, uint64_t bytes,
                        uint64_t units);

/* The same where a record may be cut. */
struct piece span_raw_front(int mark, const struct span *s, uint64_t bytes,
                            uint64_t units);

/* The shortest front that reaches both numbers, or all of it. */
struct piece span_reaching(int mark, const struct span *s, uint64_t bytes,
                           uint64_t units);

/* Cuts the front off; it is the result. */
struct span span_cut(struct span *s, struct piece p);

#endif
