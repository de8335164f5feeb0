/* SPDX-License-Identifier: MIT */
/* What a condition may ask of its mutex. */
#ifndef WR_SYNC_MUTEX_H
#define WR_SYNC_MUTEX_H

#include <weir/mutex.h>
#include "port/atomic.h"

/* The lowest bit of the first byte of state_. */
enum {
    WR_MUTEX_TAKEN = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 1 : 1 << 24
};

/* A glance; true for certain only to who has it locked. */
static inline bool wr_mutex_locked(const weir_mutex *m)
{
    return wr_load_rlx(&m->state_) & WR_MUTEX_TAKEN;
}

#endif
