/* SPDX-License-Identifier: MIT */
/* The words for what a task waits on: a dump and a debugger show the same. */
#ifndef WR_SCHED_GDB_TABLE_H
#define WR_SCHED_GDB_TABLE_H

#include "sched/wait.h"

extern const char *const wr_reason_names[WR_REASONS];

#endif
