/* SPDX-License-Identifier: MIT */
/*
 * What is done under the lock is short, whatever the number of tasks: blocks
 * are made and filled before it is taken, and read after it is released. A
 * burst of a million tasks meets fresh pages, which cost microseconds each;
 * nobody shall wait behind that.
 *
 * Invariants, under the lock
 *   len is the number of tasks and of slots between head and tail of blocks
 *   no block but the last is empty
 *   refs of a block: one for the list, one for each reader of claimed slots;
 *     who drops the last one puts it among the spare
 *   low_spare is the least that nspare has been since the last trim
 */
#include "sched/global.h"

#include "base/mem.h"
#include "port/lock.h"
#include "sched/task.h"

enum {
    HALF = WR_RING / 2, /* what a full ring gives away */
    BLOCK = HALF        /* new tasks in a block */
};

struct block {
    struct block *next;
    uint32_t head, tail; /* slots that wait to be claimed */
    uint32_t refs;
    struct wr_spawn slots[BLOCK];
};

static struct {
    WR_ALIGNED uint64_t len;
    WR_ALIGNED uint32_t lock;
    struct wr_task_list tasks;
    struct block *first, *last;
    struct block *spare;
    size_t nspare, low_spare;
} global;

/* ---- blocks -------------------------------------------------------------- */

static struct block *spare_take(void)
{
    struct block *b = global.spare;
    if (!b)
        return NULL;
    global.spare = b->next;
    if (--global.nspare < global.low_spare)
        global.low_spare = global.nspare;
    return b;
}

static struct block *block_new(void)
{
    wr_lock(&global.lock);
    struct block *b = spare_take();
    wr_unlock(&global.lock);
    return b ? b : wr_alloc_unset(sizeof(*b));
}

static void spare_put(struct block *b)
{
    wr_lock(&global.lock);
    b->next = global.spare;
    global.spare = b;
    global.nspare++;
    wr_unlock(&global.lock);
}

static void leave(struct block *b)
{
    if (wr_sub(&b->refs, 1) == 1)
        spare_put(b);
}

static size_t spare_unused(bool all)
{
    wr_lock(&global.lock);
    size_t n = all ? global.nspare : global.low_spare;
    wr_unlock(&global.lock);
    return n;
}

/* One lock a block: each that is unlinked is cold. */
static bool spare_free_one(void)
{
    wr_lock(&global.lock);
    struct block *b = spare_take();
    wr_unlock(&global.lock);
    wr_free(b);
    return b != NULL;
}

bool wr_global_trim(bool all)
{
    size_t unused = spare_unused(all);
    while (unused > 0 && spare_free_one())
        unused--;
    wr_lock(&global.lock);
    bool more = global.nspare > 0;
    global.low_spare = global.nspare;
    wr_unlock(&global.lock);
    return more;
}

/* ---- in ------------------------------------------------------------------ */

void wr_global_push(struct wr_task *t)
{
    wr_lock(&global.lock);
    wr_tasks_append(&global.tasks, t);
    wr_add(&global.len, 1);
    wr_unlock(&global.lock);
}

/* With its first n slots filled. */
static void push_block(struct block *b, uint32_t n)
{
    b->next = NULL;
    b->head = 0;
    b->tail = n;
    b->refs = 1;
    wr_lock(&global.lock);
    struct block *old = global.last;
    bool used_up = old && old->head == old->tail;
    if (old && !used_up)
        old->next = b;
    else
        global.first = b;
    global.last = b;
    wr_add(&global.len, n);
    wr_unlock(&global.lock);
    if (used_up)
        leave(old);
}

static bool append(const struct wr_spawn *s)
{
    struct block *b = global.last;
    if (!b || b->tail == BLOCK)
        return false;
    b->slots[b->tail++] = *s;
    wr_add(&global.len, 1);
    return true;
}

bool wr_global_spawn(const struct wr_spawn *s)
{
    wr_lock(&global.lock);
    bool done = append(s);
    wr_unlock(&global.lock);
    if (done)
        return true;
    struct block *b = block_new();
    if (!b)
        return false;
    b->slots[0] = *s;
    push_block(b, 1);
    return true;
}

void wr_ready_spill(struct wr_runq *q)
{
    wr_lock(&global.lock);
    for (int i = 0; i < HALF; i++)
        wr_tasks_append(&global.tasks, wr_ready_pop(q));
    wr_add(&global.len, HALF);
    wr_unlock(&global.lock);
}

bool wr_spawn_spill(struct wr_runq *q)
{
    struct block *b = block_new();
    if (!b)
        return false;
    for (int i = 0; i < HALF; i++)
        b->slots[i] = *wr_spawn_pop_oldest(q);
    push_block(b, HALF);
    return true;
}

/* ---- out ----------------------------------------------------------------- */

/* Slots of the first block that the caller may read until it leaves it. */
struct claim {
    struct block *block;
    uint32_t from, n;
};

/* Who takes a block's last slots takes the list's reference with them. */
static struct claim claim(uint32_t max)
{
    struct block *b = global.first;
    if (!b || b->head == b->tail || max == 0)
        return (struct claim){0};
    uint32_t left = b->tail - b->head, n = left < max ? left : max;
    struct claim c = {b, b->head, n};
    b->head += n;
    if (n == left && b->next)
        global.first = b->next;
    else
        wr_add(&b->refs, 1);
    return c;
}

uint32_t wr_global_take(struct wr_spawn *out, uint32_t max)
{
    uint32_t n = 0;
    struct wr_task *t;
    wr_lock(&global.lock);
    while (n < max && (t = wr_tasks_take(&global.tasks)) != NULL)
        out[n++] = (struct wr_spawn){.arg = t};
    struct claim c = claim(max - n);
    wr_sub(&global.len, n + c.n);
    wr_unlock(&global.lock);
    for (uint32_t i = 0; i < c.n; i++)
        out[n++] = c.block->slots[c.from + i];
    if (c.block)
        leave(c.block);
    return n;
}

uint64_t wr_global_len(void)
{
    return wr_load(&global.len);
}

void wr_global_each_spawn(void (*fn)(const struct wr_spawn *, void *),
                          void *arg)
{
    wr_lock(&global.lock);
    for (struct block *b = global.first; b; b = b->next)
        for (uint32_t i = b->head; i < b->tail; i++)
            if (b->slots[i].fn)
                fn(&b->slots[i], arg);
    wr_unlock(&global.lock);
}
