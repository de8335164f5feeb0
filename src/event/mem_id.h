/* SPDX-License-Identifier: MIT */
/*
 * The ids of messages: one piece of memory each, shared by the message, its
 * deliveries and the ids that a topic knows. And these, by id and by age.
 */
#ifndef WR_EVENT_MEM_ID_H
#define WR_EVENT_MEM_ID_H

#include "event/mem_table.h"

struct wr_mem_id {
    struct wr_mem_entry entry;
    struct wr_mem_id *newer; /* in wr_mem_ids                               */
    uint64_t seq;            /* of the message that had it first            */
    int64_t at;              /* when, on weir_now's clock                   */
    uint32_t refs;
    bool replaced; /* a newer one has its place in the table                */
    char text[];
};

struct wr_mem_ids {
    struct wr_mem_table table;
    struct wr_mem_id *oldest, *newest;
    int64_t keep; /* ns: as long as the longest `dedup` of a publisher      */
};

/* One with one reference, or NULL: no memory. Also for a look-up. */
struct wr_mem_id *wr_mem_id_new(const char *text);

/* Any party, at any time; NULL is allowed. */
struct wr_mem_id *wr_mem_id_ref(struct wr_mem_id *id);
void wr_mem_id_unref(struct wr_mem_id *id);

/* The one of that text which is not older than `dedup`, or NULL. Forgets some
 * that nobody asks for any more. */
struct wr_mem_id *wr_mem_ids_find(struct wr_mem_ids *s, const char *text,
                                  int64_t now, int64_t dedup);

/* Adds one, with a reference of its own, in place of an old one. */
void wr_mem_ids_add(struct wr_mem_ids *s, struct wr_mem_id *id);

void wr_mem_ids_free(struct wr_mem_ids *s);

#endif
