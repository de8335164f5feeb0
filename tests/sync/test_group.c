/* SPDX-License-Identifier: MIT */
/*
 * Groups: all are joined, the first error is kept and cancels the others, and
 * no more run at once than the limit says.
 */
#include "queued.h"

enum { JOBS = 20, LIMIT = 3 };

struct counts {
    atomic_int ran, inside, most;
};

static int count_one(void *arg, weir_ctx *ctx)
{
    struct counts *c = arg;
    int now = atomic_fetch_add(&c->inside, 1) + 1;
    int most = atomic_load(&c->most);

    while (now > most && !atomic_compare_exchange_weak(&c->most, &most, now))
        ;
    must_eq(weir_ctx_err(ctx), 0);
    weir_yield();
    atomic_fetch_sub(&c->inside, 1);
    atomic_fetch_add(&c->ran, 1);
    return 0;
}

BEHAVIOUR(wait_joins_all)
{
    weir_group g = WEIR_GROUP_INIT;
    struct counts c = {0};
    int i, round;

    for (round = 1; round <= 3; round++) {
        for (i = 0; i < JOBS; i++)
            must_eq(weir_group_go(&g, count_one, &c), 0);
        must_eq(weir_group_wait(&g), 0);
        must_eq(atomic_load(&c.ran), round * JOBS);
        must_eq(weir_group_init(&g, NULL, 0), 0);
    }
    must_eq(weir_group_wait(&g), 0);
    (void)crew;
}

BEHAVIOUR(the_limit_holds)
{
    weir_group g;
    struct counts c = {0};
    int i;

    must_eq(weir_group_init(&g, NULL, LIMIT), 0);
    for (i = 0; i < 10 * JOBS; i++)
        must_eq(weir_group_go(&g, count_one, &c), 0);
    must_eq(weir_group_wait(&g), 0);
    must_eq(atomic_load(&c.ran), 10 * JOBS);
    must(atomic_load(&c.most) <= LIMIT);
    (void)crew;
}

static int until_cancelled(void *arg, weir_ctx *ctx)
{
    int err = weir_ctx_wait(ctx, NULL);

    atomic_fetch_add((atomic_int *)arg, 1);
    return err;
}

static int end_with(void *arg, weir_ctx *ctx)
{
    (void)ctx;
    return *(int *)arg;
}

BEHAVIOUR(first_error_cancels_the_others)
{
    weir_group g;
    atomic_int ended = 0;
    int i, code = 77;

    must_eq(weir_group_init(&g, NULL, 0), 0);
    for (i = 0; i < JOBS; i++)
        must_eq(weir_group_go(&g, until_cancelled, &ended), 0);
    must_eq(weir_group_go(&g, end_with, &code), 0);
    must_eq(weir_group_wait(&g), 77);
    must_eq(atomic_load(&ended), JOBS);
    must_eq(weir_ctx_cause(weir_group_ctx(&g)), 77);
    (void)crew;
}

/* The caller waits for a slot when the group ends: its job does not run. */
struct late {
    weir_group *g;
    atomic_int ended;
    int result;
};

static void go_late(void *arg)
{
    struct late *l = arg;

    l->result = weir_group_go(l->g, until_cancelled, &l->ended);
}

BEHAVIOUR(no_start_after_the_end)
{
    weir_group g;
    weir_ctx parent = WEIR_CTX_INIT;
    struct late l = {.g = &g};

    must_eq(weir_group_init(&g, &parent, 1), 0);
    must_eq(weir_group_go(&g, until_cancelled, &l.ended), 0);
    must_eq(weir_group_try_go(&g, until_cancelled, &l.ended), WEIR_BUSY);
    crew_go(crew, go_late, &l);
    await_queued(&g.slots_.queue_, 1);
    must_eq(weir_ctx_cancel(&parent, 0), 0);
    crew_wait(crew);
    must_eq(weir_group_wait(&g), WEIR_CANCELED);
    must_eq(l.result == 0 ? 2 : 1, atomic_load(&l.ended));
    must_eq(weir_ctx_fini(&parent), 0);
}

static int well(void *arg, weir_ctx *ctx)
{
    weir_ctx_wait(ctx, NULL);
    (void)arg;
    return 0;
}

BEHAVIOUR(an_outer_cause_is_reported)
{
    weir_group g;
    weir_ctx parent = WEIR_CTX_INIT;

    must_eq(weir_group_init(&g, &parent, 0), 0);
    must_eq(weir_group_go(&g, well, NULL), 0);
    must_eq(weir_ctx_cancel(&parent, 5), 0);
    must_eq(weir_group_wait(&g), 5);

    must_eq(weir_group_init(&g, NULL, 0), 0);
    must_eq(weir_group_go(&g, well, NULL), 0);
    must_eq(weir_group_cancel(&g, 6), 0);
    must_eq(weir_group_wait(&g), 6);
    must_eq(weir_ctx_fini(&parent), 0);
    (void)crew;
}

/* Wait's caller frees it at once. */
BEHAVIOUR(waiter_frees_it_at_once)
{
    struct counts c = {0};
    int i, k, code = 1, rounds = check_scale(2000);

    for (i = 0; i < rounds; i++) {
        weir_group *g = malloc(sizeof *g);

        must(g != NULL);
        must_eq(weir_group_init(g, NULL, i % 2 ? 2 : 0), 0);
        for (k = 0; k < 3; k++)
            must_eq(weir_group_go(g, count_one, &c), 0);
        must_eq(weir_group_wait(g), 0);
        must_eq(weir_group_init(g, NULL, 0), 0);
        must_eq(weir_group_go(g, end_with, &code), 0);
        must_eq(weir_group_wait(g), 1);
        memset(g, 0xff, sizeof *g);
        free(g);
    }
    (void)crew;
}

START_TEST(wrong_use_is_refused)
{
    weir_group g = WEIR_GROUP_INIT;

    ck_assert_int_eq(weir_group_init(NULL, NULL, 0), WEIR_EINVAL);
    ck_assert_int_eq(weir_group_init(&g, NULL, -1), WEIR_EINVAL);
    ck_assert_int_eq(weir_group_go(NULL, end_with, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_group_go(&g, NULL, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_group_try_go(NULL, end_with, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_group_try_go(&g, NULL, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_group_cancel(NULL, 0), WEIR_EINVAL);
    ck_assert_int_eq(weir_group_wait(NULL), WEIR_EINVAL);
    ck_assert_ptr_null(weir_group_ctx(NULL));
    ck_assert_int_eq(weir_group_wait(&g), 0);
}
END_TEST

CHECK_MAIN(CHECK_MODES(wait_joins_all), CHECK_MODES(the_limit_holds),
           CHECK_MODES(first_error_cancels_the_others),
           CHECK_MODES(no_start_after_the_end),
           CHECK_MODES(an_outer_cause_is_reported),
           CHECK_MODES(waiter_frees_it_at_once),
           CHECK_TEST(wrong_use_is_refused))
