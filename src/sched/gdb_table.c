/* SPDX-License-Identifier: MIT */
/*
 * Where a debugger finds the tasks, in a library without debug information
 * and in a core file: weir_gdb_table is read by gdb/weir-gdb.py, by position.
 * Who changes the meaning of a place counts the version up.
 */
#include "sched/gdb_table.h"

#include "sched/slab.h"
#include "sched/task.h"

const char *const wr_reason_names[WR_REASONS] = {
    [WR_ON_NOTHING] = "nothing",
    [WR_ON_SEND] = "channel send",
    [WR_ON_RECV] = "channel receive",
    [WR_ON_SELECT] = "select",
    [WR_ON_CTX] = "context",
    [WR_ON_WG] = "wait group",
    [WR_ON_GROUP] = "group",
    [WR_ON_ONCE] = "once",
    [WR_ON_MUTEX] = "mutex",
    [WR_ON_RWMUTEX] = "rwmutex",
    [WR_ON_COND] = "condition",
    [WR_ON_SEM] = "semaphore",
    [WR_ON_BARRIER] = "barrier",
    [WR_ON_SLEEP] = "sleep",
    [WR_ON_TIMER] = "timer",
    [WR_ON_FD_READ] = "descriptor read",
    [WR_ON_FD_WRITE] = "descriptor write",
    [WR_ON_BLOCKING] = "blocking call",
};

#define AT(type, field) offsetof(type, field)

enum { VERSION = 1 };

WEIR_API extern const uintptr_t weir_gdb_table[];

const uintptr_t weir_gdb_table[] = {
    /* 0: itself */
    VERSION,
    /* 1: the classes of stacks, each with two lists of slabs */
    (uintptr_t)wr_stack_kinds,
    WR_STACK_CLASSES,
    sizeof(struct wr_stack_kind),
    AT(struct wr_stack_kind, open),
    AT(struct wr_stack_kind, full),
    /* 6: a slab and its slots; a byte of state each */
    AT(struct wr_slab, next),
    AT(struct wr_slab, base),
    AT(struct wr_slab, stride),
    AT(struct wr_slab, slots),
    AT(struct wr_slab, state),
    WR_SLOT_STATE,
    WR_SLOT_WARM,
    /* 13: a record lies so far below its slot's end, and 0 to n - 1 times
     * so much further, by the slot's number */
    WR_TASK_ROOM,
    WR_CACHE_LINE,
    WR_STAGGERS,
    /* 16: a task */
    AT(struct wr_task, context.sp),
    AT(struct wr_task, state),
    AT(struct wr_task, reason),
    AT(struct wr_task, pinned),
    AT(struct wr_task, on),
    AT(struct wr_task, site),
    AT(struct wr_task, name),
    AT(struct wr_task, id),
    AT(struct wr_task, on_name),
    /* 25: its states */
    WR_TASK_NONE,
    WR_TASK_READY,
    WR_TASK_RUNNING,
    WR_TASK_WAITING,
    /* 29: the words for what it waits on */
    (uintptr_t)wr_reason_names,
    WR_REASONS,
};
