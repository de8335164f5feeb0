/* SPDX-License-Identifier: MIT */
/* Tasks: yield, and spawn with join in three shapes. */
#include "bench.h"

struct yielder {
    int64_t times;
    int64_t done;
};

static void yield_many(void *arg)
{
    struct yielder *y = arg;
    int64_t done = 0;
    for (; done < y->times; done++)
        weir_yield();
    y->done = done;
}

static void yield(const struct row *row, int64_t ops)
{
    size_t n = (size_t)row->a;
    struct yielder *ys = new_array(n, sizeof *ys);
    weir_wg wg = WEIR_WG_INIT;
    for (size_t i = 0; i < n; i++) {
        ys[i].times = ops / row->a;
        must(weir_wg_go(&wg, yield_many, &ys[i]));
    }
    must(weir_wg_wait(&wg, NULL));
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += ys[i].done;
    expect("yields", sum, ops);
    free(ys);
}

static void count_one(void *arg)
{
    __atomic_fetch_add((int64_t *)arg, 1, __ATOMIC_RELAXED);
}

/* Spawns ops tasks, a at a time (0: all of them), and joins each lot. */
static void spawn(const struct row *row, int64_t ops)
{
    int64_t lot = row->a != 0 ? row->a : ops;
    int64_t count = 0;
    weir_wg wg = WEIR_WG_INIT;
    for (int64_t i = 0; i < ops; i += lot) {
        for (int64_t k = 0; k < lot; k++)
            must(weir_wg_go(&wg, count_one, &count));
        must(weir_wg_wait(&wg, NULL));
    }
    expect("tasks run", count, ops);
}

const struct row task_rows[] = {
    {"yield-2", yield, 2, 0, FROM_TASK},
    {"yield-1000", yield, 1000, 0, FROM_TASK},
    {"spawn-join", spawn, 1, 0, FROM_TASK},
    {"spawn-100", spawn, 100, 0, FROM_TASK},
    {"fan-out", spawn, 0, 0, FROM_TASK},
    {NULL, NULL, 0, 0, FROM_TASK},
};
