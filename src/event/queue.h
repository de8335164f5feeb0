/* SPDX-License-Identifier: MIT */
/* What other sinks ask of a queue, besides its public calls. */
#ifndef WR_EVENT_QUEUE_H
#define WR_EVENT_QUEUE_H

#include <weir/queue.h>

/* Is the caller in the queue's on_loss, sink or process function? */
bool wr_queue_has_me(weir_queue *q);

#endif
