/* SPDX-License-Identifier: MIT */
/*
 * The log of a topic: messages first .. last, without gaps, in chunks that
 * come and go as the ends move. Whoever has the topic's lock has the log.
 *
 *   base        first             last
 *   | dropped,  | kept            |
 *   | events still here
 *
 * Dropping is a step of `first` only; the events leave in wr_mem_log_sweep, by
 * whoever will give their references back outside the lock.
 */
#ifndef WR_EVENT_MEM_LOG_H
#define WR_EVENT_MEM_LOG_H

#include <weir/event.h>

#include "event/mem_id.h"

enum { WR_MEM_CHUNK = 256 }; /* messages of a chunk */

struct wr_mem_msg {
    weir_event *event;
    struct wr_mem_id *id; /* NULL: none                                     */
    int64_t published;    /* ns since 1970; never less than the one before  */
    int64_t expires;      /* on weir_now's clock; 0: never                  */
    uint64_t bytes;       /* that it counts for                             */
};

struct wr_mem_log {
    struct wr_mem_msg **chunks; /* chunk c is at c & (room - 1)             */
    size_t room;                /* 0 or a power of two                      */
    struct wr_mem_msg *spare;   /* a chunk that was given back, or NULL     */
    uint64_t base, first, last; /* empty: first = last + 1                  */
    uint64_t bytes;             /* of first .. last                         */
};

void wr_mem_log_init(struct wr_mem_log *l);

/* Makes sure of room for n more. 0, WEIR_ENOMEM. */
int wr_mem_log_reserve(struct wr_mem_log *l, size_t n);

/* Adds one behind the last; there is room for it. */
struct wr_mem_msg *wr_mem_log_push(struct wr_mem_log *l);

/* The message of that number; it is in base .. last. */
struct wr_mem_msg *wr_mem_log_at(const struct wr_mem_log *l, uint64_t seq);

/* Drops the first. There is one. */
void wr_mem_log_drop(struct wr_mem_log *l);

/* Drops all. */
void wr_mem_log_clear(struct wr_mem_log *l);

/* Takes out at most n events that were dropped. How many. */
size_t wr_mem_log_sweep(struct wr_mem_log *l, weir_event **out, size_t n);

/* The number of the first message that was published at `time` or later;
 * last + 1 when there is none. */
uint64_t wr_mem_log_since(const struct wr_mem_log *l, int64_t time);

/* Gives the memory back; all was dropped and swept. */
void wr_mem_log_free(struct wr_mem_log *l);

static inline uint64_t wr_mem_log_count(const struct wr_mem_log *l)
{
    return l->last + 1 - l->first;
}

#endif
