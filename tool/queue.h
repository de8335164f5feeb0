/* SPDX-License-Identifier: MIT */
/*
 * The buffer in front of an output: what is to be written, bounded in bytes
 * and, if asked, in records, with a policy for what comes when it is full.
 *
 * One reader puts, one writer takes. The queue holds slices of blocks that
 * others may hold, too; slices that lie next to each other become one. The
 * unit of the account is the byte, or the record: what ends in the mark.
 *
 * With the policy to block, records lie across slices as they were read.
 * With the others each slice holds whole records, and only whole records are
 * dropped; the beginning of one whose end has not come is put together in a
 * block of the queue's own.
 *
 * Invariants, under the lock: bytes and units are the sums over the slices in
 * the queue and what the writer has in hand; bytes <= most_bytes and units <=
 * most_units, but for WEIR_LATEST, where one record waits besides the one in
 * hand. Whatever is put is in one column of the ledger at the end.
 */
#ifndef WEIR_TOOL_QUEUE_H
#define WEIR_TOOL_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir.h>
#include <weir/policy.h>

#include "block.h"
#include "ledger.h"
#include "residence.h"
#include "span.h"

struct slice {
    struct slice *next;
    struct span at;  /* holds a reference                                   */
    int64_t arrived; /* its first byte                                      */
};

struct queue_opts {
    uint64_t most_bytes;
    uint64_t most_units; /* UINT64_MAX: no bound                            */
    int mark;            /* what ends a record; -1: bytes                   */
    enum weir_policy policy;
    uint32_t sample_every;
    unsigned start_fill; /* percent that must be full before the first take */
    unsigned high, low;  /* percent: at high take no more until at low; high
                            0: none                                         */
    int64_t linger;      /* ns that a little may wait for more              */
    struct ledger *ledger;
    struct pool *pool;
};

struct queue {
    struct queue_opts o;
    weir_mutex lock;
    weir_cond filled, room;
    struct slice *first, *last;
    uint64_t bytes, units;
    struct block *own;       /* what the queue has copied                   */
    size_t open;             /* bytes of the record begun, behind own->used */
    bool skipping;           /* the rest of a record that is dropped        */
    enum drop_reason reason; /* why it is                                   */
    uint64_t dice;           /* state of the sampling                       */
    bool closed, started, paused, pressed;
    bool overrun;           /* WEIR_ERROR, and something did not fit        */
    _Atomic uint64_t *gone; /* the writer is; what is put counts there      */
    int64_t hand_arrived;   /* of what the writer has in hand; 0: nothing   */
    double highest;         /* fill                                         */
    int64_t blocked, blocked_since;
    struct residence residence;
};

void queue_init(struct queue *q, const struct queue_opts *o);
void queue_fini(struct queue *q);

/*
 * Hands over what the policy takes, without waiting; *s becomes the rest,
 * which is empty unless the policy is to block. What is dropped goes to the
 * ledger. 0; WEIR_CLOSED: nothing will ever be taken again; WEIR_ENOMEM: the
 * rest cannot be taken for want of memory.
 */
int queue_put(struct queue *q, struct span *s, int64_t now);

/* Waits until a policy that blocks takes something. 0 (also when the writer
 * is gone), WEIR_CANCELED, WEIR_TIMEDOUT. */
int queue_wait_room(struct queue *q, weir_ctx *ctx);

/* No more will be put. unmarked: the last record has no mark. */
void queue_close(struct queue *q, bool unmarked);

/* Memory is short: the writer is to begin at once. */
void queue_press(struct queue *q);

/* Waits for something to write, and for more of it as the options say. False:
 * closed and empty, or ctx ended. */
bool queue_await(struct queue *q, weir_ctx *ctx);

/*
 * Takes from the front, after queue_await: at most so many bytes and units,
 * but one record at least where records are whole. The slice is the caller's,
 * and counted as queued, until queue_done.
 */
struct slice *queue_take(struct queue *q, uint64_t most_bytes,
                         uint64_t most_units);

/* So much of what was taken is written: makes room. */
void queue_written(struct queue *q, uint64_t bytes, uint64_t units);

/* The slice is done with: frees it, and makes room for what it still holds.
 * stayed: it was written whole, and the time it stayed is to be counted. */
void queue_done(struct queue *q, struct slice *s, bool stayed);

/* The writer takes no more: what is queued, and what is still put, counts in
 * this column of the ledger. */
void queue_refuse(struct queue *q, _Atomic uint64_t *column);

/* Begins anew, with a policy that blocks, after it was closed and is empty:
 * nobody puts or takes. */
void queue_reopen(struct queue *q);

/* How it stands. arg is the queue, as the ledger wants it. */
struct flow_state queue_look(void *arg);

/* Takes no more, whatever is put. */
bool queue_is_dead(struct queue *q);

#endif
