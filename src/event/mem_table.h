/* SPDX-License-Identifier: MIT */
/*
 * A hash table of entries that are part of something else, by keys of bytes:
 * the topics by name, the ids of a topic, the keys that are pending in a
 * group. All zero is an empty table. Whoever has it keeps the others out.
 *
 * No call fails: without memory for more buckets the chains get longer. None
 * takes long: a table that changes its size moves a few buckets in each call.
 */
#ifndef WR_EVENT_MEM_TABLE_H
#define WR_EVENT_MEM_TABLE_H

#include <weir/base.h>

enum { WR_MEM_FEW = 8 }; /* buckets that cost no allocation */

struct wr_mem_entry {
    struct wr_mem_entry *next;
    uint64_t hash;   /* of the key                                          */
    const void *key; /* stays while it is in a table                        */
    size_t size;
};

struct wr_mem_table {
    struct wr_mem_entry *few[WR_MEM_FEW];
    struct wr_mem_entry **buckets; /* NULL: few                             */
    size_t mask;                   /* of buckets                            */
    struct wr_mem_entry **old;     /* being moved to buckets, from 0 on     */
    size_t old_mask, moved;
    bool moving;
    size_t count;
};

/* Sets an entry's key, and its hash. */
void wr_mem_entry_init(struct wr_mem_entry *e, const void *key, size_t size);

/* The entry whose key is that of `like`, or NULL. */
struct wr_mem_entry *wr_mem_find(const struct wr_mem_table *t,
                                 const struct wr_mem_entry *like);

/* Adds an entry whose key is not there. */
void wr_mem_add(struct wr_mem_table *t, struct wr_mem_entry *e);

/* Takes out an entry that is there. */
void wr_mem_remove(struct wr_mem_table *t, struct wr_mem_entry *e);

/* Gives the buckets back; the table has no entry any more. */
void wr_mem_table_free(struct wr_mem_table *t);

#endif
