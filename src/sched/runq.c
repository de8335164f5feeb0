/* SPDX-License-Identifier: MIT */
#include "sched/runq.h"

#include "sched/task.h"

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
