/* SPDX-License-Identifier: MIT */
/* How stacks are kept: what stack.c owns, and what a debugger is told of it
 * (gdb_table.c). */
#ifndef WR_SCHED_SLAB_H
#define WR_SCHED_SLAB_H

#include "port/atomic.h"
#include "sched/stack.h"

enum { WR_STAGGERS = 32 }; /* different offsets of the record in its slot */

/* Of a slot: no memory yet, given back, resident. */
enum wr_slot_state {
    WR_SLOT_VIRGIN,
    WR_SLOT_CLEAN,
    WR_SLOT_WARM,
    WR_SLOT_STATE = 3, /* the bits of these */
    WR_SLOT_GUARDED = 4
};

struct wr_slab {
    struct wr_slab *next, *prev;
    char *base;
    size_t stride; /* bytes from slot to slot */
    uint32_t slots, nfree;
    int class_;
    uint8_t *state; /* enum wr_slot_state | WR_SLOT_GUARDED */
    uint32_t *free;
};

struct wr_slab_list {
    struct wr_slab *head;
};

struct wr_stack_kind {
    WR_ALIGNED uint32_t lock;
    struct wr_slab_list open, full; /* with and without free slots */
    int64_t credits;
    size_t slots;
    size_t warm;     /* free and resident */
    size_t low_warm; /* the least of that since the last trim */
};

extern struct wr_stack_kind wr_stack_kinds[WR_STACK_CLASSES];

#endif
