/* SPDX-License-Identifier: MIT */
#include "sched/runq.h"

#include "base/mem.h"
#include "port/lock.h"
#include "sched/task.h"

enum {
    HALF = WR_RING / 2, /* what a full ring gives away */
    BLOCK = 63          /* new tasks in a block of the global queue */
};

/* ---- global -------------------------------------------------------------- */

/* New tasks in blocks: many of them share one allocation. */
struct block {
    struct block *next;
    uint32_t head, tail;
    struct wr_spawn slots[BLOCK];
};

static struct {
    WR_ALIGNED uint64_t len;
    WR_ALIGNED uint32_t lock;
    struct wr_task_list tasks;
    struct block *head, *tail;
} global;

/* The last block if it has room, else a fresh one; NULL: no memory. */
static struct block *room(void)
{
    struct block *b = global.tail;
    if (b && b->tail < BLOCK)
        return b;
    struct block *fresh = wr_alloc(sizeof(*fresh));
    if (fresh && b)
        b->next = fresh;
    else if (fresh)
        global.head = fresh;
    if (fresh)
        global.tail = fresh;
    return fresh;
}

static bool append_spawn(const struct wr_spawn *s)
{
    struct block *b = room();
    if (b)
        b->slots[b->tail++] = *s;
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

static bool first_spawn(struct wr_spawn *out)
{
    struct block *b = global.head;
    if (!b || b->head == b->tail)
        return false;
    *out = b->slots[b->head++];
    recycle(b);
    return true;
}

void wr_global_push(struct wr_task *t)
{
    wr_lock(&global.lock);
    wr_tasks_append(&global.tasks, t);
    wr_add(&global.len, 1);
    wr_unlock(&global.lock);
}

bool wr_global_spawn(const struct wr_spawn *s)
{
    wr_lock(&global.lock);
    bool done = append_spawn(s);
    if (done)
        wr_add(&global.len, 1);
    wr_unlock(&global.lock);
    return done;
}

static bool first_of_all(struct wr_spawn *out)
{
    struct wr_task *t = wr_tasks_take(&global.tasks);
    if (!t)
        return first_spawn(out);
    *out = (struct wr_spawn){.arg = t};
    return true;
}

uint32_t wr_global_take(struct wr_spawn *out, uint32_t max)
{
    uint32_t n = 0;
    wr_lock(&global.lock);
    while (n < max && first_of_all(&out[n]))
        n++;
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
            if (b->slots[i].fn)
                fn(&b->slots[i], arg);
    wr_unlock(&global.lock);
}

/* ---- a full queue, inside its lock -------------------------------------- */

void wr_ready_spill(struct wr_runq *q)
{
    wr_lock(&global.lock);
    for (int i = 0; i < HALF; i++)
        wr_tasks_append(&global.tasks, wr_ready_pop(q));
    wr_add(&global.len, HALF);
    wr_unlock(&global.lock);
}

/* Moves the older half away, as far as there is memory. */
bool wr_spawn_spill(struct wr_runq *q)
{
    uint32_t n = 0;
    wr_lock(&global.lock);
    while (n < HALF && append_spawn(&q->spawn[q->spawn_top % WR_RING])) {
        wr_spawn_pop_oldest(q);
        n++;
    }
    wr_add(&global.len, n);
    wr_unlock(&global.lock);
    return n > 0;
}

void wr_runq_init(struct wr_runq *q)
{
    wr_bias_init(&q->bias);
}

/* ---- others -------------------------------------------------------------- */

static uint32_t half(uint32_t n, uint32_t max)
{
    n -= n / 2;
    return n < max ? n : max;
}

uint32_t wr_runq_steal(struct wr_runq *q, struct wr_spawn *out, uint32_t max,
                       bool spawns)
{
    uint32_t n = 0;
    if (!wr_bias_try_seize(&q->bias))
        return 0;
    for (uint32_t k = half(wr_ready_len(q), max); n < k; n++)
        out[n] = (struct wr_spawn){.arg = wr_ready_pop(q)};
    uint32_t fresh = spawns ? wr_spawn_len(q) : 0;
    for (uint32_t k = n + half(fresh, max - n); n < k; n++)
        out[n] = *wr_spawn_pop_oldest(q);
    wr_bias_release(&q->bias);
    return n;
}

struct wr_task *wr_runq_steal_next(struct wr_runq *q)
{
    if (!wr_load_rlx(&q->next) || !wr_bias_try_seize(&q->bias))
        return NULL;
    struct wr_task *t = q->next;
    wr_store_rlx(&q->next, NULL);
    wr_bias_release(&q->bias);
    return t;
}

WR_NO_TSAN void wr_runq_each_spawn(const struct wr_runq *q,
                                   void (*fn)(const struct wr_spawn *, void *),
                                   void *arg)
{
    uint32_t top = wr_load_rlx(&q->spawn_top);
    uint32_t n = wr_load_rlx(&q->spawn_bottom) - top;
    for (uint32_t i = 0; i < n && i < WR_RING; i++) {
        const struct wr_spawn *slot = &q->spawn[(top + i) % WR_RING];
        struct wr_spawn s = {.fn = wr_load_rlx(&slot->fn),
                             .site = wr_load_rlx(&slot->site)};
        if (s.fn)
            fn(&s, arg);
    }
}
