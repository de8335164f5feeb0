/* SPDX-License-Identifier: MIT */
/*
 * The buffer of `weir buf`: a queue of chunks, bounded in bytes and, if
 * asked, in records, with a policy for what comes when it is full.
 *
 * One reader puts, one writer takes. Chunks are handed over, not copied,
 * except that a small one is added to the last in the queue, so that many
 * small reads do not cost a chunk each. The unit of the account is the byte,
 * or the record: what ends in the mark. Unless the policy is to block, a
 * chunk holds whole records, and only whole records are dropped.
 *
 * Invariants, under the lock: bytes and units are the sums over the chunks
 * in the queue and what the writer has in hand; bytes <= most_bytes; with a
 * policy that drops, units <= most_units.
 */
#ifndef WEIR_TOOL_QUEUE_H
#define WEIR_TOOL_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir.h>

#include "ledger.h"

enum full_policy { FULL_BLOCK, FULL_DROP, FULL_DROP_OLDEST, FULL_ERROR };

struct chunk {
    struct chunk *next;
    char *data;
    size_t size;       /* bytes at data                                     */
    size_t start, end; /* what it holds                                     */
    uint64_t units;    /* in it                                             */
};

struct queue_opts {
    uint64_t most_bytes;
    uint64_t most_units; /* UINT64_MAX: no bound                            */
    int mark;            /* what ends a record; -1: bytes                   */
    enum full_policy policy;
    unsigned start_fill; /* percent that must be full before the first take */
    struct ledger *ledger;
};

struct queue {
    struct queue_opts o;
    size_t chunk_size;
    weir_mutex lock;
    weir_cond filled, room;
    struct chunk *first, *last;
    struct chunk *spare; /* the last given back first: it is still cached   */
    unsigned spares;
    uint64_t bytes, units;
    uint64_t allocated; /* chunks in all                                    */
    bool closed, started;
};

void queue_init(struct queue *q, const struct queue_opts *o);
void queue_fini(struct queue *q);

/* An empty chunk. Waits for one to come back when memory is out and some
 * are in use elsewhere. 0, WEIR_CANCELED, WEIR_ENOMEM. */
int queue_chunk(struct queue *q, struct chunk **c, weir_ctx *ctx);

/* Gives an empty chunk back. */
void queue_recycle(struct queue *q, struct chunk *c);

/* Makes room for one more byte at least, waiting: the bytes there is room
 * for, or 0: ctx ended. */
uint64_t queue_wait_room(struct queue *q, weir_ctx *ctx);

/* Hands the chunk over; what the policy drops goes to the ledger. False: the
 * policy is to end the run, and something did not fit. */
bool queue_put(struct queue *q, struct chunk *c);

/* No more will be put. */
void queue_close(struct queue *q);

/* Waits for the next chunk to write. NULL: closed and empty, or ctx ended. */
struct chunk *queue_take(struct queue *q, weir_ctx *ctx);

/* So much of what was taken is written (or given up). */
void queue_done(struct queue *q, uint64_t bytes, uint64_t units);

/* Takes everything that is left; the units in it. */
uint64_t queue_drain(struct queue *q);

/* How full, in percent of the nearer bound. */
unsigned queue_fill(struct queue *q);

/* The units in n bytes: marks, or bytes. */
uint64_t queue_count(const struct queue *q, const char *data, size_t n);

#endif
