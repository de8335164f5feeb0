/* SPDX-License-Identifier: MIT */
/* Mutex, wait group and condition variable. */
#include "bench.h"

struct counter {
    weir_mutex lock;
    int64_t value;
    int64_t times; /* for each task */
};

static void count_locked(void *arg)
{
    struct counter *c = arg;
    for (int64_t i = 0; i < c->times; i++) {
        must(weir_mutex_lock(&c->lock, NULL));
        c->value++;
        must(weir_mutex_unlock(&c->lock));
    }
}

/* a tasks; an operation is lock and unlock. */
static void mutex(const struct row *row, int64_t ops)
{
    struct counter c = {WEIR_MUTEX_INIT, 0, ops / row->a};
    weir_wg wg = WEIR_WG_INIT;
    for (int i = 0; i < row->a; i++)
        must(weir_wg_go(&wg, count_locked, &c));
    must(weir_wg_wait(&wg, NULL));
    expect("count", c.value, ops);
}

static void wait_group(const struct row *row, int64_t ops)
{
    (void)row;
    weir_wg wg = WEIR_WG_INIT;
    for (int64_t i = 0; i < ops; i++) {
        must(weir_wg_add(&wg, 1));
        must(weir_wg_done(&wg));
    }
    must(weir_wg_wait(&wg, NULL));
}

struct court {
    weir_mutex lock;
    weir_cond turned[2];
    int64_t strokes;
    int64_t times; /* for each player */
};

/* Player who plays the strokes whose number is who modulo 2. */
static void play(struct court *c, int who)
{
    must(weir_mutex_lock(&c->lock, NULL));
    for (int64_t i = 0; i < c->times; i++) {
        while (c->strokes % 2 != who)
            must(weir_cond_wait(&c->turned[who], &c->lock, NULL));
        c->strokes++;
        must(weir_cond_signal(&c->turned[1 - who]));
    }
    must(weir_mutex_unlock(&c->lock));
}

static void play_second(void *arg)
{
    play(arg, 1);
}

/* An operation is a stroke and the reply to it. */
static void cond(const struct row *row, int64_t ops)
{
    (void)row;
    struct court c = {
        WEIR_MUTEX_INIT, {WEIR_COND_INIT, WEIR_COND_INIT}, 0, ops};
    weir_wg wg = WEIR_WG_INIT;
    must(weir_wg_go(&wg, play_second, &c));
    play(&c, 0);
    must(weir_wg_wait(&wg, NULL));
    expect("strokes", c.strokes, 2 * ops);
}

const struct row sync_rows[] = {
    {"mutex-1", mutex, 1, 0, FROM_TASK},
    {"mutex-2", mutex, 2, 0, FROM_TASK},
    {"wait-group", wait_group, 0, 0, FROM_TASK},
    {"cond", cond, 0, 0, FROM_TASK},
    {NULL, NULL, 0, 0, FROM_TASK},
};
