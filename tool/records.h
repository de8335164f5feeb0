/* SPDX-License-Identifier: MIT */
/*
 * Cuts an input into records: lines, or what ends in NUL. A file's last
 * record needs no end mark, and no record goes on into the next file. A
 * record longer than the limit is skipped to its end mark, in a piece of
 * memory that does not grow, and said to be too long.
 */
#ifndef WEIR_TOOL_RECORDS_H
#define WEIR_TOOL_RECORDS_H

#include "bytes.h"
#include "input.h"

struct records {
    struct input *input;
    char mark;     /* what ends a record                                    */
    uint64_t most; /* bytes of a record, without the mark                   */
    char *data;
    size_t start, end; /* what has been read and not been given             */
    uint64_t given;    /* input bytes given or skipped                      */
};

enum {
    RECORDS_END = 0,
    RECORDS_ONE = 1,     /* a record                                        */
    RECORDS_TOO_LONG = 2 /* one was skipped, and counts                     */
};

/* False: out of memory. */
bool records_init(struct records *r, struct input *in, char mark,
                  uint64_t most);
void records_fini(struct records *r);

/* The next record into the empty *record. One of the above, WEIR_CANCELED
 * (ctx ended), or -ENOMEM: one was skipped because it could not be held. */
int records_next(struct records *r, struct bytes *record, weir_ctx *ctx);

#endif
