/* SPDX-License-Identifier: MIT */
/* Events as bytes: the frames of weir/tee.h. */
#ifndef WR_EVENT_FRAME_H
#define WR_EVENT_FRAME_H

#include <weir/event.h>

enum { WR_EVENT_FRAME_HEAD = 16 };

/* The size of e's frame, head included; 0: it is more than 1 GiB. */
size_t wr_event_frame_size(const weir_event *e);

/* Writes e's frame, of that size. */
void wr_event_frame_put(uint8_t *to, size_t size, const weir_event *e);

/* Is this a head? *body: the size of what follows. */
bool wr_event_frame_is_head(const uint8_t *head, size_t *body);

/* Makes an event of a body that follows its head: 0 and *e; -EBADMSG: it is
 * not what was written; WEIR_ENOMEM. */
int wr_event_frame_get(const uint8_t *head, size_t body, weir_event **e);

#endif
