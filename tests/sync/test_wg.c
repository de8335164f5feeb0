/* SPDX-License-Identifier: MIT */
/*
 * The wait group: waiters go when the count is 0 and not before, and whoever
 * is told so may free it at once.
 */
#include <limits.h>
#include "queued.h"

enum { PARTIES = 8 };

struct work {
    weir_wg wg;
    atomic_int done;
};

static void do_some(void *arg)
{
    struct work *w = arg;

    weir_yield();
    atomic_fetch_add(&w->done, 1);
    must_eq(weir_wg_done(&w->wg), 0);
}

BEHAVIOUR(wait_sees_all_done)
{
    struct work w = {.wg = WEIR_WG_INIT};
    int round, i;

    for (round = 1; round <= 50; round++) {
        must_eq(weir_wg_add(&w.wg, PARTIES), 0);
        for (i = 0; i < PARTIES; i++)
            crew_go(crew, do_some, &w);
        must_eq(weir_wg_wait(&w.wg, NULL), 0);
        must_eq(atomic_load(&w.done), round * PARTIES);
        crew_wait(crew);
    }
}

static void count_one(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

BEHAVIOUR(go_counts_for_itself)
{
    weir_wg wg = WEIR_WG_INIT;
    atomic_int ran = 0;
    int i, n = check_scale(1000);

    for (i = 0; i < n; i++)
        must_eq(weir_wg_go(&wg, count_one, &ran), 0);
    must_eq(weir_wg_wait(&wg, NULL), 0);
    must_eq(atomic_load(&ran), n);
    (void)crew;
}

/* ---- waiters ------------------------------------------------------------- */

struct waits {
    weir_wg wg;
    atomic_int open, passed;
};

static void wait_for_it(void *arg)
{
    struct waits *w = arg;

    must_eq(weir_wg_wait(&w->wg, NULL), 0);
    must_eq(atomic_load(&w->open), 1);
    atomic_fetch_add(&w->passed, 1);
}

BEHAVIOUR(all_waiters_wake)
{
    struct waits w = {.wg = WEIR_WG_INIT};
    int i;

    must_eq(weir_wg_add(&w.wg, 2), 0);
    for (i = 0; i < PARTIES; i++)
        crew_go(crew, wait_for_it, &w);
    await_queued(&w.wg.queue_, PARTIES);
    must_eq(weir_wg_done(&w.wg), 0);
    must_eq(queued(&w.wg.queue_), PARTIES);
    atomic_store(&w.open, 1);
    must_eq(weir_wg_done(&w.wg), 0);
    crew_wait(crew);
    must_eq(atomic_load(&w.passed), PARTIES);
    must_eq(weir_wg_wait(&w.wg, NULL), 0);
}

struct impatient {
    weir_wg *wg;
    weir_ctx *ctx;
};

static void wait_with_ctx(void *arg)
{
    const struct impatient *p = arg;

    must_eq(weir_wg_wait(p->wg, p->ctx), WEIR_CANCELED);
}

BEHAVIOUR(context_ends_a_wait)
{
    weir_wg wg = WEIR_WG_INIT;
    weir_ctx ctx = WEIR_CTX_INIT, late;
    struct impatient p = {&wg, &ctx};
    int i;

    must_eq(weir_wg_add(&wg, 1), 0);
    for (i = 0; i < PARTIES; i++)
        crew_go(crew, wait_with_ctx, &p);
    await_queued(&wg.queue_, PARTIES);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    crew_wait(crew);
    must_eq(weir_ctx_init_timeout(&late, NULL, WEIR_MILLISECOND), 0);
    must_eq(weir_wg_wait(&wg, &late), WEIR_TIMEDOUT);
    must_eq(weir_wg_done(&wg), 0);
    must_eq(weir_wg_wait(&wg, &ctx), 0); /* need not wait */
    must_eq(weir_ctx_fini(&late), 0);
    must_eq(weir_ctx_fini(&ctx), 0);
}

/* ---- freeing ------------------------------------------------------------- */

static void finish_one(void *arg)
{
    must_eq(weir_wg_done(arg), 0);
}

/* Gives each wait up at once, so that the count comes to 0 for a waiter that
 * has left, while its next wait begins. */
static void wait_impatiently(weir_wg *wg, weir_ctx *ended)
{
    int r;

    while ((r = weir_wg_wait(wg, ended)) != 0) {
        must_eq(r, WEIR_CANCELED);
        weir_yield();
    }
}

/* The count comes to 0 from several sides, before, while and after the
 * waiter goes to sleep; then the memory is written over and freed. */
BEHAVIOUR(waiter_frees_it_at_once)
{
    int i, k, rounds = check_scale(crew_many(crew, 20000, 1000));
    weir_ctx ended = WEIR_CTX_INIT;

    must_eq(weir_ctx_cancel(&ended, 0), 0);

    for (i = 0; i < rounds; i++) {
        weir_wg *wg = calloc(1, sizeof *wg);

        must(wg != NULL);
        must_eq(weir_wg_add(wg, 3), 0);
        for (k = 0; k < 3; k++)
            crew_go(crew, finish_one, wg);
        if (i % 3 == 0)
            weir_yield();
        if (i % 2)
            wait_impatiently(wg, &ended);
        must_eq(weir_wg_wait(wg, NULL), 0);
        memset(wg, 0xff, sizeof *wg);
        free(wg);
        crew_wait(crew);
    }
    must_eq(weir_ctx_fini(&ended), 0);
}

START_TEST(wrong_use_is_refused)
{
    weir_wg wg = WEIR_WG_INIT;

    ck_assert_int_eq(weir_wg_add(NULL, 1), WEIR_EINVAL);
    ck_assert_int_eq(weir_wg_done(NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_wg_wait(NULL, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_wg_go(NULL, finish_one, &wg), WEIR_EINVAL);
    ck_assert_int_eq(weir_wg_go(&wg, NULL, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_wg_done(&wg), WEIR_EINVAL);
    ck_assert_int_eq(weir_wg_add(&wg, INT_MIN), WEIR_EINVAL);
    ck_assert_int_eq(weir_wg_wait(&wg, NULL), 0);

    ck_assert_int_eq(weir_wg_add(&wg, INT_MAX), 0);
    ck_assert_int_eq(weir_wg_add(&wg, 1), WEIR_EINVAL);
    ck_assert_int_eq(weir_wg_add(&wg, INT_MIN), WEIR_EINVAL);
    ck_assert_int_eq(weir_wg_add(&wg, -INT_MAX), 0);
    ck_assert_int_eq(weir_wg_wait(&wg, NULL), 0);
}
END_TEST

CHECK_MAIN(CHECK_MODES(wait_sees_all_done), CHECK_MODES(go_counts_for_itself),
           CHECK_MODES(all_waiters_wake), CHECK_MODES(context_ends_a_wait),
           CHECK_MODES(waiter_frees_it_at_once),
           CHECK_TEST(wrong_use_is_refused))
