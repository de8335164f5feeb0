/* SPDX-License-Identifier: MIT */
/* The inside of a queue, for its own files: the list, its fill, and what the
 * policies that drop do. Under the lock, all of it. */
#ifndef WEIR_TOOL_QUEUE_LIST_H
#define WEIR_TOOL_QUEUE_LIST_H

#include "queue.h"

uint64_t queue_room_bytes(const struct queue *q);
uint64_t queue_room_units(const struct queue *q);

/* In percent of the nearer bound. */
double queue_fill(const struct queue *q);

/* Does a policy that blocks take something now? */
bool queue_has_room(const struct queue *q);

/* So much is no longer in. */
void queue_lessen(struct queue *q, uint64_t bytes, uint64_t units);

/* Enters units in the ledger as dropped. */
void queue_drop(struct queue *q, enum drop_reason why, uint64_t units);

/* Behind the last; false: out of memory. Takes a reference of its own. */
bool queue_append(struct queue *q, const struct span *s, int64_t now);

/* The same for a policy that drops, which is what happens when memory is
 * out. A little is copied when it would keep a whole block. */
void queue_enter(struct queue *q, struct span s, int64_t now);

/* Takes the first off the list, which is not empty. */
struct slice *queue_remove_first(struct queue *q);

void queue_free_slice(struct slice *s);

/* Makes sure that n more bytes fit behind what own holds of the record that
 * is open. False: out of memory. */
bool queue_own_reserve(struct queue *q, size_t n);

/* Puts what was read under a policy that drops: records that come in pieces
 * are put together. */
void queue_put_records(struct queue *q, struct span *s, int64_t now);

/* Enters whole records, or bytes, as the policy says. */
void queue_enter_by_policy(struct queue *q, struct span s, int64_t now);

/* The record that is open is at its end. */
void queue_end_record(struct queue *q, int64_t now);

#endif
