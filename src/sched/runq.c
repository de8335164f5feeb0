/* SPDX-License-Identifier: MIT */
#include "sched/runq.h"

#include "base/mem.h"
#include "port/lock.h"
#include "sched/task.h"

enum { BLOCK = 170 };

/* New tasks in blocks, so that a million of them cost one allocation each
 * hundred; one block is kept when the queue runs empty. */
struct block {
    struct block *next;
    uint32_t head, tail;
    struct wr_spawn slots[BLOCK];
};

static struct {
    WR_ALIGNED uint64_t len;
    WR_ALIGNED uint32_t lock;
    struct wr_task *first, *last;
    struct block *head, *tail;
} global;

uint32_t wr_ready_grab(struct wr_ready_ring *r, struct wr_task **out,
                       uint32_t max)
{
    uint32_t head = wr_load_acq(&r->head);
    for (;;) {
        uint32_t n = wr_load_acq(&r->tail) - head;
        if (n > WR_RING) {
            head = wr_load_acq(&r->head);
            continue;
        }
        n -= n / 2;
        if (n > max)
            n = max;
        if (n == 0)
            return 0;
        for (uint32_t i = 0; i < n; i++)
            out[i] = wr_load_rlx(&r->slots[(head + i) % WR_RING]);
        if (wr_cas(&r->head, &head, head + n))
            return n;
    }
}

bool wr_spawn_steal(struct wr_spawn_deque *d, struct wr_spawn *out)
{
    int64_t t = wr_load(&d->top);
    while (t < wr_load(&d->bottom)) {
        *out = wr_spawn_read(d, t);
        if (wr_cas(&d->top, &t, t + 1))
            return true;
    }
    return false;
}

void wr_global_push(struct wr_task *first, struct wr_task *last, uint32_t n)
{
    last->next = NULL;
    wr_lock(&global.lock);
    if (global.last)
        global.last->next = first;
    else
        global.first = first;
    global.last = last;
    wr_add(&global.len, n);
    wr_unlock(&global.lock);
}

struct wr_task *wr_global_pop(void)
{
    wr_lock(&global.lock);
    struct wr_task *t = global.first;
    if (t) {
        global.first = t->next;
        if (!global.first)
            global.last = NULL;
        wr_sub(&global.len, 1);
    }
    wr_unlock(&global.lock);
    return t;
}

/* The last block if n more fit into it, else a fresh one; NULL: no memory.
 * Under the lock. */
static struct block *room(uint32_t n)
{
    struct block *b = global.tail;
    if (b && b->tail + n <= BLOCK)
        return b;
    struct block *fresh = wr_alloc(sizeof(*fresh));
    if (!fresh)
        return NULL;
    if (b)
        b->next = fresh;
    else
        global.head = fresh;
    global.tail = fresh;
    return fresh;
}

bool wr_global_spawn(struct wr_spawn s)
{
    wr_lock(&global.lock);
    struct block *b = room(1);
    if (b) {
        b->slots[b->tail++] = s;
        wr_add(&global.len, 1);
    }
    wr_unlock(&global.lock);
    return b != NULL;
}

bool wr_global_spill(struct wr_spawn_deque *d)
{
    uint32_t n = 0;
    wr_lock(&global.lock);
    struct block *b = room(WR_RING / 2);
    while (b && n < WR_RING / 2 && wr_spawn_steal(d, &b->slots[b->tail])) {
        b->tail++;
        n++;
    }
    wr_add(&global.len, n);
    wr_unlock(&global.lock);
    return b != NULL;
}

/* Drops the first block once it is used up; the last one starts again. */
static void recycle(struct block *b)
{
    if (b->head < b->tail)
        return;
    if (b != global.tail) {
        global.head = b->next;
        wr_free(b);
    } else {
        b->head = b->tail = 0;
    }
}

uint32_t wr_global_take(struct wr_spawn *out, uint32_t max)
{
    uint32_t n = 0;
    wr_lock(&global.lock);
    struct block *b;
    while (n < max && (b = global.head) != NULL && b->head < b->tail) {
        while (n < max && b->head < b->tail)
            out[n++] = b->slots[b->head++];
        recycle(b);
    }
    wr_sub(&global.len, n);
    wr_unlock(&global.lock);
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
    for (struct block *b = global.head; b; b = b->next)
        for (uint32_t i = b->head; i < b->tail; i++)
            fn(&b->slots[i], arg);
    wr_unlock(&global.lock);
}
