/* SPDX-License-Identifier: MIT */
/*
 * The global queue by itself: what comes out is what went in, in order, from
 * any number of threads, and memory that a burst has left behind is kept for
 * the next one and given back when none comes.
 */
#include <pthread.h>
#include <sched.h>
#include "base/mem.h"
#include "sched/global.h"
#include "weir_check.h"

enum {
    HALF = WR_RING / 2,
    THREADS = 3,
    EACH = 30 * WR_RING + 17,
    ODD = 37 /* no divisor of a block */
};

static void nothing(void *arg)
{
    (void)arg;
}

static struct wr_spawn numbered(uintptr_t n)
{
    return (struct wr_spawn){.fn = nothing, .arg = (void *)n};
}

/* A worker's queue gets n new ones; what it has no room for spills. */
static void push_new(struct wr_runq *q, uintptr_t from, uintptr_t n)
{
    for (uintptr_t i = from; i < from + n; i++) {
        struct wr_spawn s = numbered(i);
        ck_assert_int_ne(wr_runq_push_spawn(q, &s), WR_NO_MEMORY);
    }
}

static uint32_t take(struct wr_spawn *out, uint32_t max)
{
    uint64_t before = wr_global_len();
    uint32_t n = wr_global_take(out, max);
    ck_assert_uint_eq(wr_global_len(), before - n);
    return n;
}

static void drain(void)
{
    struct wr_spawn out[ODD];
    while (wr_global_len() > 0)
        take(out, ODD);
}

START_TEST(in_order_from_spills_and_threads)
{
    static struct wr_runq q;
    struct wr_spawn out[ODD];
    uintptr_t next = 0;

    wr_runq_init(&q);
    push_new(&q, 0, 4 * WR_RING);
    uint64_t spilled = wr_global_len();
    ck_assert_uint_eq(spilled % HALF, 0);
    ck_assert_uint_eq(spilled + wr_runq_new(&q), 4 * WR_RING);
    for (uintptr_t i = 0; i < WR_RING; i++) {
        struct wr_spawn s = numbered(spilled + i);
        ck_assert(wr_global_spawn(&s));
    }
    while (wr_global_len() > 0) {
        uint32_t n = take(out, ODD);
        ck_assert_uint_gt(n, 0);
        for (uint32_t i = 0; i < n; i++)
            ck_assert_uint_eq((uintptr_t)out[i].arg, next++);
    }
    ck_assert_uint_eq(next, spilled + WR_RING);
    ck_assert_uint_eq(wr_global_take(out, ODD), 0);
}
END_TEST

static void count_new(const struct wr_spawn *s, void *arg)
{
    uintptr_t *sum = arg;
    *sum += (uintptr_t)s->arg;
}

START_TEST(a_dump_sees_what_waits)
{
    struct wr_spawn out[ODD];
    uintptr_t sum = 0, taken = 0, expected = 0;

    for (uintptr_t i = 1; i <= WR_RING; i++) {
        struct wr_spawn s = numbered(i);
        ck_assert(wr_global_spawn(&s));
        expected += i;
    }
    uint32_t n = take(out, ODD);
    for (uint32_t i = 0; i < n; i++)
        taken += (uintptr_t)out[i].arg;
    wr_global_each_spawn(count_new, &sum);
    ck_assert_uint_eq(sum + taken, expected);
    drain();
}
END_TEST

START_TEST(blocks_stay_for_the_next_burst_and_then_go)
{
    static struct wr_runq q;

    wr_runq_init(&q);
    wr_global_trim(true);
    push_new(&q, 0, 10 * WR_RING);
    drain();
    ck_assert(wr_global_trim(false)); /* used since the last look: they stay */
    wr_mem_fail_after(0);
    push_new(&q, 0, 9 * WR_RING);
    wr_mem_fail_after(-1);
    drain();
    ck_assert(wr_global_trim(false));
    ck_assert(!wr_global_trim(false)); /* nobody wanted them in between */
}
END_TEST

START_TEST(no_memory_leaves_the_queue_as_it_was)
{
    static struct wr_runq q;
    struct wr_spawn s = numbered(WR_RING);

    wr_runq_init(&q);
    wr_global_trim(true);
    push_new(&q, 0, WR_RING);
    wr_mem_fail_after(0);
    ck_assert_int_eq(wr_runq_push_spawn(&q, &s), WR_NO_MEMORY);
    wr_mem_fail_after(-1);
    ck_assert_uint_eq(wr_runq_new(&q), WR_RING);
    ck_assert_uint_eq(wr_global_len(), 0);
    ck_assert_int_eq(wr_runq_push_spawn(&q, &s), WR_PUSHED_AND_SPILLED);
    ck_assert_uint_eq(wr_global_len(), HALF);
    drain();
}
END_TEST

/* ---- many threads -------------------------------------------------------- */

static uint32_t times_seen[THREADS * EACH];
static uint64_t seen;

static void *fill(void *arg)
{
    uintptr_t me = (uintptr_t)arg;
    struct wr_runq *q = wr_alloc_line(sizeof *q);
    struct wr_pick p;

    wr_runq_init(q);
    push_new(q, me * EACH, EACH);
    while (wr_runq_pick(q, &p))
        ck_assert(wr_global_spawn(p.spawn));
    wr_free(q);
    return NULL;
}

static void *empty(void *arg)
{
    struct wr_spawn out[ODD];

    (void)arg;
    while (wr_load(&seen) < THREADS * EACH) {
        uint32_t n = wr_global_take(out, ODD);
        for (uint32_t i = 0; i < n; i++)
            wr_add(&times_seen[(uintptr_t)out[i].arg], 1);
        if (n == 0)
            sched_yield();
        wr_add(&seen, n);
    }
    return NULL;
}

START_TEST(each_is_taken_once)
{
    pthread_t threads[2 * THREADS];

    for (uintptr_t i = 0; i < 2 * THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL,
                                        i < THREADS ? fill : empty, (void *)i),
                         0);
    for (int i = 0; i < 2 * THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < THREADS * EACH; i++)
        ck_assert_uint_eq(times_seen[i], 1);
    ck_assert_uint_eq(wr_global_len(), 0);
}
END_TEST

CHECK_MAIN(CHECK_TEST(in_order_from_spills_and_threads),
           CHECK_TEST(a_dump_sees_what_waits),
           CHECK_TEST(blocks_stay_for_the_next_burst_and_then_go),
           CHECK_TEST(no_memory_leaves_the_queue_as_it_was),
           CHECK_TEST(each_is_taken_once))
