/* SPDX-License-Identifier: MIT */
/*
 * Contexts: what they say, who ends with whom, deadlines, values, and those
 * who wait for an end.
 */
#include "queued.h"

enum { PARTIES = 12 };

START_TEST(the_background_never_ends)
{
    weir_ctx *bg = weir_ctx_background();
    weir_ctx child;

    ck_assert_int_eq(weir_ctx_err(bg), 0);
    ck_assert_int_eq(weir_ctx_err(NULL), 0);
    ck_assert_int_eq(weir_ctx_cause(bg), 0);
    ck_assert_int_eq(weir_ctx_cause(NULL), 0);
    ck_assert(weir_ctx_deadline(bg) == WEIR_FOREVER);
    ck_assert(weir_ctx_deadline(NULL) == WEIR_FOREVER);
    ck_assert_ptr_null(weir_ctx_value(bg, bg));
    ck_assert_ptr_null(weir_ctx_value(NULL, bg));
    ck_assert_int_eq(weir_ctx_cancel(bg, 1), WEIR_EINVAL);
    ck_assert_int_eq(weir_ctx_cancel(NULL, 1), WEIR_EINVAL);
    ck_assert_int_eq(weir_ctx_fini(bg), WEIR_EINVAL);
    ck_assert_int_eq(weir_ctx_fini(NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_ctx_init(NULL, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_ctx_init(bg, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_ctx_init_deadline(NULL, NULL, 0), WEIR_EINVAL);
    ck_assert_int_eq(weir_ctx_init_timeout(NULL, NULL, 0), WEIR_EINVAL);
    ck_assert_int_eq(weir_ctx_init_value(NULL, NULL, bg, bg), WEIR_EINVAL);
    ck_assert_int_eq(weir_ctx_init_value(&child, NULL, NULL, bg), WEIR_EINVAL);
    ck_assert_int_eq(weir_ctx_init(&child, bg), 0);
    ck_assert_int_eq(weir_ctx_err(&child), 0);
    ck_assert_int_eq(weir_ctx_fini(&child), 0);
}
END_TEST

START_TEST(the_first_cause_is_kept)
{
    weir_ctx ctx = WEIR_CTX_INIT, plain = WEIR_CTX_INIT;

    ck_assert_int_eq(weir_ctx_err(&ctx), 0);
    ck_assert_int_eq(weir_ctx_cause(&ctx), 0);
    ck_assert_int_eq(weir_ctx_cancel(&ctx, 42), 0);
    ck_assert_int_eq(weir_ctx_cancel(&ctx, 43), 0);
    ck_assert_int_eq(weir_ctx_err(&ctx), WEIR_CANCELED);
    ck_assert_int_eq(weir_ctx_cause(&ctx), 42);
    ck_assert_int_eq(weir_ctx_cancel(&plain, 0), 0);
    ck_assert_int_eq(weir_ctx_cause(&plain), WEIR_CANCELED);
    ck_assert_int_eq(weir_ctx_fini(&ctx), 0);
    ck_assert_int_eq(weir_ctx_fini(&ctx), 0);
    ck_assert_int_eq(weir_ctx_fini(&plain), 0);
}
END_TEST

START_TEST(an_end_goes_down_and_not_up)
{
    weir_ctx root = WEIR_CTX_INIT, a, b, below_a, late;

    weir_ctx_init(&a, &root);
    weir_ctx_init(&b, &root);
    weir_ctx_init(&below_a, &a);
    ck_assert_int_eq(weir_ctx_cancel(&a, 7), 0);
    ck_assert_int_eq(weir_ctx_err(&below_a), WEIR_CANCELED);
    ck_assert_int_eq(weir_ctx_cause(&below_a), 7);
    ck_assert_int_eq(weir_ctx_err(&root), 0);
    ck_assert_int_eq(weir_ctx_err(&b), 0);

    ck_assert_int_eq(weir_ctx_cancel(&root, 8), 0);
    ck_assert_int_eq(weir_ctx_cause(&b), 8);
    ck_assert_int_eq(weir_ctx_cause(&a), 7);
    ck_assert_int_eq(weir_ctx_init(&late, &b), 0);
    ck_assert_int_eq(weir_ctx_err(&late), WEIR_CANCELED);
    ck_assert_int_eq(weir_ctx_cause(&late), 8);
    weir_ctx_fini(&late);
    weir_ctx_fini(&below_a);
    weir_ctx_fini(&b);
    weir_ctx_fini(&a);
    weir_ctx_fini(&root);
}
END_TEST

START_TEST(values_are_found_upwards)
{
    static const int color, shape, none;
    int red = 1, blue = 2, round = 3;
    weir_ctx a, b, c, d;

    weir_ctx_init_value(&a, NULL, &color, &red);
    weir_ctx_init_value(&b, &a, &shape, &round);
    weir_ctx_init(&c, &b);
    weir_ctx_init_value(&d, &c, &color, &blue);
    ck_assert_ptr_eq(weir_ctx_value(&d, &color), &blue);
    ck_assert_ptr_eq(weir_ctx_value(&c, &color), &red);
    ck_assert_ptr_eq(weir_ctx_value(&d, &shape), &round);
    ck_assert_ptr_null(weir_ctx_value(&a, &shape));
    ck_assert_ptr_null(weir_ctx_value(&d, &none));
    ck_assert_ptr_null(weir_ctx_value(&d, NULL));
    ck_assert_int_eq(weir_ctx_cancel(&a, 0), 0);
    ck_assert_ptr_eq(weir_ctx_value(&d, &shape), &round);
    weir_ctx_fini(&d);
    weir_ctx_fini(&c);
    weir_ctx_fini(&b);
    weir_ctx_fini(&a);
}
END_TEST

/* ---- deadlines ----------------------------------------------------------- */

START_TEST(the_earliest_deadline_holds)
{
    const int64_t far = weir_now() + WEIR_MINUTE;
    weir_ctx a, sooner, later, below, never;

    ck_assert_int_eq(weir_ctx_init_deadline(&a, NULL, far), 0);
    ck_assert_int_eq(weir_ctx_init_deadline(&sooner, &a, far - 1), 0);
    ck_assert_int_eq(weir_ctx_init_deadline(&later, &a, far + 1), 0);
    ck_assert_int_eq(weir_ctx_init(&below, &sooner), 0);
    ck_assert_int_eq(weir_ctx_init_timeout(&never, NULL, WEIR_FOREVER), 0);
    ck_assert(weir_ctx_deadline(&a) == far);
    ck_assert(weir_ctx_deadline(&sooner) == far - 1);
    ck_assert(weir_ctx_deadline(&later) == far);
    ck_assert(weir_ctx_deadline(&below) == far - 1);
    ck_assert(weir_ctx_deadline(&never) == WEIR_FOREVER);
    ck_assert_int_eq(weir_ctx_err(&below), 0);
    weir_ctx_fini(&below);
    weir_ctx_fini(&sooner);
    weir_ctx_fini(&later);
    weir_ctx_fini(&a);
    weir_ctx_fini(&never);
}
END_TEST

START_TEST(a_past_deadline_ends_at_once)
{
    const int64_t past[] = {0, -1, INT64_MIN, 1};
    weir_ctx ctx, child;
    int i;

    for (i = 0; i < 4; i++) {
        ck_assert_int_eq(weir_ctx_init_deadline(&ctx, NULL, past[i]), 0);
        ck_assert_int_eq(weir_ctx_err(&ctx), WEIR_TIMEDOUT);
        ck_assert_int_eq(weir_ctx_cause(&ctx), WEIR_TIMEDOUT);
        ck_assert_int_eq(weir_ctx_init(&child, &ctx), 0);
        ck_assert_int_eq(weir_ctx_err(&child), WEIR_TIMEDOUT);
        ck_assert_int_eq(weir_ctx_wait(&child, NULL), WEIR_TIMEDOUT);
        ck_assert_int_eq(weir_ctx_fini(&child), 0);
        ck_assert_int_eq(weir_ctx_fini(&ctx), 0);
    }
    ck_assert_int_eq(weir_ctx_init_timeout(&ctx, NULL, 0), 0);
    ck_assert_int_eq(weir_ctx_err(&ctx), WEIR_TIMEDOUT);
    ck_assert_int_eq(weir_ctx_fini(&ctx), 0);
    ck_assert_int_eq(weir_workers(), 0); /* no runtime needed for that */
}
END_TEST

BEHAVIOUR(a_deadline_ends_it_and_all_below)
{
    weir_ctx root, below[PARTIES];
    int i;

    must_eq(weir_ctx_init_timeout(&root, NULL, WEIR_MILLISECOND), 0);
    for (i = 0; i < PARTIES; i++)
        must_eq(weir_ctx_init(&below[i], i ? &below[i - 1] : &root), 0);
    must_eq(weir_ctx_wait(&below[PARTIES - 1], NULL), WEIR_TIMEDOUT);
    must(weir_now() >= weir_ctx_deadline(&root));
    must_eq(weir_ctx_cause(&below[PARTIES - 1]), WEIR_TIMEDOUT);
    must_eq(weir_ctx_err(&root), WEIR_TIMEDOUT);
    must_eq(weir_ctx_cancel(&root, 3), 0);
    must_eq(weir_ctx_cause(&root), WEIR_TIMEDOUT);
    while (i-- > 0)
        must_eq(weir_ctx_fini(&below[i]), 0);
    must_eq(weir_ctx_fini(&root), 0);
    (void)crew;
}

/* ---- waiting ------------------------------------------------------------- */

struct watcher {
    weir_ctx *ctx, *by;
    int expected;
};

static void watch(void *arg)
{
    const struct watcher *w = arg;

    must_eq(weir_ctx_wait(w->ctx, w->by), w->expected);
}

/* More of them than a canceller wins in one go. */
BEHAVIOUR(all_watchers_wake)
{
    int i, n = crew_many(crew, 1000, 150);
    weir_ctx ctx = WEIR_CTX_INIT;
    struct watcher w = {&ctx, NULL, WEIR_CANCELED};

    for (i = 0; i < n; i++)
        crew_go(crew, watch, &w);
    await_queued(&ctx.queue_, n);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    crew_wait(crew);
    must_eq(weir_ctx_wait(&ctx, NULL), WEIR_CANCELED);
    must_eq(weir_ctx_fini(&ctx), 0);
}

BEHAVIOUR(a_wait_for_an_end_can_end)
{
    weir_ctx ctx = WEIR_CTX_INIT, by = WEIR_CTX_INIT, late;
    struct watcher w = {&ctx, &by, WEIR_CANCELED},
                   background = {NULL, &by, WEIR_CANCELED};

    crew_go(crew, watch, &w);
    crew_go(crew, watch, &background);
    await_queued(&by.queue_, 2);
    must_eq(weir_ctx_cancel(&by, 0), 0);
    crew_wait(crew);
    must_eq(weir_ctx_err(&ctx), 0);
    must_eq(weir_ctx_init_timeout(&late, NULL, WEIR_MILLISECOND), 0);
    must_eq(weir_ctx_wait(&ctx, &late), WEIR_TIMEDOUT);
    must_eq(weir_ctx_wait(&ctx, &by), WEIR_CANCELED);
    must_eq(queued(&ctx.queue_), 0);
    must_eq(weir_ctx_fini(&late), 0);
    must_eq(weir_ctx_fini(&by), 0);
    must_eq(weir_ctx_fini(&ctx), 0);
}

CHECK_MAIN(CHECK_TEST(the_background_never_ends),
           CHECK_TEST(the_first_cause_is_kept),
           CHECK_TEST(an_end_goes_down_and_not_up),
           CHECK_TEST(values_are_found_upwards),
           CHECK_TEST(the_earliest_deadline_holds),
           CHECK_TEST(a_past_deadline_ends_at_once),
           CHECK_MODES(a_deadline_ends_it_and_all_below),
           CHECK_MODES(all_watchers_wake),
           CHECK_MODES(a_wait_for_an_end_can_end))
