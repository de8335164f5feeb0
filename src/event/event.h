/* SPDX-License-Identifier: MIT */
/* What makes one kind of event known to those who make it. */
#ifndef WR_EVENT_EVENT_H
#define WR_EVENT_EVENT_H

#include <weir/event.h>

/* Is this the destructor of e's payload? */
bool wr_event_ends_by(const weir_event *e,
                      void (*destroy)(void *payload, void *arg));

#endif
