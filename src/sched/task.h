/* SPDX-License-Identifier: MIT */
/*
 * The record of a task. It lies at the top of the task's stack and is found
 * again through the stacks: there is no list of tasks to keep up to date.
 */
#ifndef WR_SCHED_TASK_H
#define WR_SCHED_TASK_H

#include <weir/task.h>
#include "sched/sanitize.h"
#include "sched/stack.h"
#include "sched/wait.h"

struct wr_worker;

enum wr_task_state {
    WR_TASK_NONE, /* the record of a stack in a cache */
    WR_TASK_READY,
    WR_TASK_RUNNING,
    WR_TASK_WAITING
};

/*
 * Fields are written by the worker that runs the task, or by the one party
 * that may make it run (who took it from a queue, who won its waiter).
 * state, reason, on and since are read by dumps at any time: relaxed atomics.
 */
struct wr_task {
    /* one cache line: what waking and switching touch */
    struct wr_context context;
    struct wr_worker *worker; /* runs it now, ran it last, or its home if
                                 it is pinned                              */
    struct wr_task *next;     /* link in a global queue or an inbox        */
    uint32_t state;           /* enum wr_task_state                        */
    uint32_t on_stack;        /* somebody stands on the stack: set by the
                                 worker that enters it, cleared by its next
                                 context                                   */
    uint32_t reason;          /* enum wr_reason, of the last park          */
    bool pinned;
    bool plain;     /* started by weir_go: its stack may run the next one */
    bool unguarded; /* its stack has a canary in place of a guard         */
    const void *on; /* what the last park waits on                        */
    int64_t since;  /* coarse time of the last park                       */
    void *group;    /* told when the task has ended; may be NULL          */

    void (*fn)(void *);
    void *arg;
    const void *site;
    const char *name;
    uint64_t id;
    struct wr_local *locals;
    struct wr_slot slot;
    char on_name[32]; /* the name of what it waits on, if that has one     */
};

/* Tasks in line, linked by next. All zero is empty. */
struct wr_task_list {
    struct wr_task *first, *last;
};

static inline void wr_tasks_append(struct wr_task_list *l, struct wr_task *t)
{
    t->next = NULL;
    if (l->first)
        l->last->next = t;
    else
        l->first = t;
    l->last = t;
}

/* NULL: it is empty. */
static inline struct wr_task *wr_tasks_take(struct wr_task_list *l)
{
    struct wr_task *t = l->first;
    if (t)
        l->first = t->next;
    return t;
}

/* Bytes at the top of a stack that the record takes. */
enum { WR_TASK_ROOM = (sizeof(struct wr_task) + 63) / 64 * 64 };

/* A fresh task on the slot, ready to be switched to: fn(arg), or with a size
 * fn(copy of the size bytes at arg). */
struct wr_task *wr_task_make(struct wr_slot slot, void (*fn)(void *),
                             const void *arg, size_t size, const void *site);

/* Where it will go on: a glance, good for fetching ahead. */
static inline const char *wr_task_sp(const struct wr_task *t)
{
    return wr_load_rlx(&t->context.sp);
}

/* Its number, given out when first asked for. The worker that runs it. */
uint64_t wr_task_number(struct wr_task *t);

/* ---- task-local values (local.c) ----------------------------------------- */

struct wr_local {
    struct wr_local *next;
    const weir_local *key;
    void *value;
};

/* Runs the destructors and frees the list. */
void wr_locals_end(struct wr_local **list);

#endif
