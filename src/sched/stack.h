/* SPDX-License-Identifier: MIT */
/*
 * Stacks. Slabs of equal stacks are reserved as address space; a stack costs
 * memory from its first use on, and gives it back some time after a burst.
 *
 *   slot:  | guard | stack grows down <----- | task record | stagger |
 *          base                                                     base+stride
 *
 * The record of the task that uses a stack lies at its top, on the page that
 * every task touches anyway; where exactly depends on the slot's number, so
 * that the hot lines of many tasks do not fall into the same cache sets.
 *
 * Promises. A task is counted against its class's credits when it is started
 * and takes a stack only when it first runs. Credits are the slots of all
 * slabs less what the workers' caches can hold, so a task that was accepted
 * always finds a stack: there is no failure after weir_go has returned 0.
 */
#ifndef WR_SCHED_STACK_H
#define WR_SCHED_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wr_task;
struct wr_slab;

enum {
    WR_STACK_MIN_LOG2 = 14, /* 16 KiB */
    WR_STACK_MAX_LOG2 = 30, /* 1 GiB */
    WR_STACK_CLASSES = WR_STACK_MAX_LOG2 - WR_STACK_MIN_LOG2 + 1,
    WR_STACK_CACHE = 64 /* slots a worker keeps */
};

struct wr_slot {
    struct wr_slab *slab;
    uint32_t index;
};

/* A worker's warm stacks of the default class, newest last, and the credits
 * that it may give out without asking. Owner only. */
struct wr_stack_cache {
    int class_;
    uint32_t credits;
    uint32_t count;
    struct wr_slot slots[WR_STACK_CACHE];
};

/* The class for a size in bytes, -1 if it is out of range. */
int wr_stack_class(size_t size);
size_t wr_stack_size(int class_);

void wr_stack_cache_open(struct wr_stack_cache *c, int class_);
void wr_stack_cache_close(struct wr_stack_cache *c);

/* One credit for a task to be started. c may be NULL, or of another class.
 * False: no memory or mappings. */
bool wr_stack_reserve(struct wr_stack_cache *c, int class_);
/* Gives the credit of a task that has ended, or was not started, back. */
void wr_stack_unreserve(struct wr_stack_cache *c, int class_);

/* A slot for a holder of a credit; never fails. */
struct wr_slot wr_stack_take(struct wr_stack_cache *c, int class_);
/* Gives the slot back, which nobody stands on any more. */
void wr_stack_give(struct wr_stack_cache *c, struct wr_slot slot);

/* Where the slot's record is, and its stack's lowest usable byte. */
struct wr_task *wr_slot_task(struct wr_slot slot);
char *wr_slot_bottom(struct wr_slot slot);
int wr_slot_class(struct wr_slot slot);
bool wr_slot_guarded(struct wr_slot slot);

/* Calls fn for every slot that has ever been used, under the class's lock. */
void wr_stack_each(void (*fn)(struct wr_task *, void *), void *arg);

/* Is an unguarded stack's lowest word as it was? It is a canary, so that an
 * overflow is found, if late, where there was no guard to be had. */
bool wr_slot_intact(struct wr_slot slot);

/* The slot's guard that holds the address, if any: for the fault handler,
 * which knows the task. */
bool wr_slot_guard_hit(struct wr_slot slot, const void *address);

/* For tests, before the first task: as a kernel without MADV_GUARD_INSTALL,
 * with so many mappings to spend on guards. */
void wr_stack_limit_guards(int64_t splits);

/* Gives back what has lain unused since the last call; all of it if asked.
 * True while there is more to come. */
bool wr_stack_trim(bool all);

#endif
