/* SPDX-License-Identifier: MIT */
/* What `weir buf` and `weir tee` do alike around intake, queue and outlet. */
#ifndef WEIR_TOOL_STREAM_H
#define WEIR_TOOL_STREAM_H

#include "intake.h"
#include "queue.h"

/* Makes the queue, and the ledger one that shows how it stands. */
void stream_prepare_queue(struct queue *q, struct queue_opts *o,
                          struct ledger *l, struct pool *pool);

/* The size of blocks of which each of the queues holds several. */
size_t stream_block_size(struct queue *const *queues, int count);

/* Half as many wake-ups for the same bytes. What is no pipe, or may not grow,
 * stays as it is. */
void stream_widen_pipe(int fd);

/* Why it could not read on, if so. */
void stream_say_intake(const struct intake *t);

#endif
