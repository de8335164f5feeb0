/* SPDX-License-Identifier: MIT */
/* What a condition may ask of its mutex. */
#ifndef WR_SYNC_MUTEX_H
#define WR_SYNC_MUTEX_H

#include <weir/mutex.h>
#include "port/atomic.h"

enum { WR_MUTEX_LOCKED = 1 }; /* a bit of state_ */

/* A glance; true for certain only to who has it locked. */
static inline bool wr_mutex_locked(const weir_mutex *m)
{
    return wr_load_rlx(&m->state_) & WR_MUTEX_LOCKED;
}

#endif
