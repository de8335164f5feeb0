/* SPDX-License-Identifier: MIT */
/* All channels that have a name, in the order of their making. */
#ifndef WR_CHAN_REGISTRY_H
#define WR_CHAN_REGISTRY_H

#include <weir/chan.h>

/* A new channel gets its number, and its place if it has a name; its last
 * reference gone, it leaves. */
void wr_registry_add(weir_chan *c);
void wr_registry_remove(weir_chan *c);

#endif
