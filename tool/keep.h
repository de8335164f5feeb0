/* SPDX-License-Identifier: MIT */
/*
 * What `weir tee` has read, kept from the start for branches that come late
 * or again: a stream in memory, whose older part lies in an unnamed file. No
 * branch holds it up. It ends at a bound, if there is one; what comes after
 * that is not kept, and lines are whole up to there.
 */
#ifndef WEIR_TOOL_KEEP_H
#define WEIR_TOOL_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir.h>
#include <weir/stream.h>

#include "bytes.h"

struct keep {
    weir_stream *stream;
    int mark;           /* what ends a record; -1: bytes                   */
    uint64_t most;      /* bytes; 0: no bound                              */
    _Atomic int wanted; /* branches that have not ended                    */

    uint64_t total; /* units that came, and those that are kept: theirs
                       who has seen the stream's end                   */
    uint64_t units;
    bool full;         /* something was not kept for want of room         */
    int error;         /* or for this reason                              */
    uint64_t bytes;    /* kept                                            */
    struct bytes open; /* the beginning of a record                       */
};

/* For so many branches. 0, WEIR_ENOMEM. */
int keep_init(struct keep *k, int mark, uint64_t most, int wanted);
void keep_fini(struct keep *k);

/* What was read, by one party. */
void keep_put(struct keep *k, const char *data, size_t n);

/* There is no more. unmarked: the last record has no mark, and counts. */
void keep_close(struct keep *k, bool unmarked);

#endif
