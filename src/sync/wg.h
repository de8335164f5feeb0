/* SPDX-License-Identifier: MIT */
/* Waiting on a wait group that is part of something bigger. */
#ifndef WR_SYNC_WG_H
#define WR_SYNC_WG_H

#include <weir/wg.h>
#include "sched/wait.h"

/* As weir_wg_wait, with what a dump says. */
int wr_wg_wait(weir_wg *wg, weir_ctx *ctx, enum wr_reason reason,
               const void *on);

#endif
