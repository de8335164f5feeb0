/* SPDX-License-Identifier: MIT */
/* The exponential back-off: its bounds, its jitter, and where it ends. */
#include <weir/backoff.h>
#include "../chan/parties.h"

static weir_backoff backoff_of(weir_backoff_opts o)
{
    weir_backoff b;

    must_eq(weir_backoff_init(&b, &o), 0);
    return b;
}

START_TEST(no_failure_no_wait)
{
    weir_backoff b;

    must_eq(weir_backoff_init(&b, NULL), 0);
    must_eq(weir_backoff_delay(&b), 0);
    must_eq(weir_backoff_failure(&b), 0);
    must_eq(weir_backoff_failure(&b), 0);
    must_eq(weir_backoff_success(&b), 0); /* recovery */
    must_eq(weir_backoff_delay(&b), 0);
}
END_TEST

START_TEST(it_doubles_up_to_the_maximum)
{
    static const int64_t bounds[] = {13, 16, 22, 34, 58, 100, 100};
    weir_backoff b = backoff_of((weir_backoff_opts){
        .base = 10, .factor = 3, .max = 100, .jitter = WEIR_JITTER_NONE});

    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        must_eq(weir_backoff_after(&b, i + 1), bounds[i]);
        weir_backoff_failure(&b);
        must_eq(weir_backoff_delay(&b), bounds[i]);
        must_eq(weir_backoff_delay(&b), bounds[i]);
    }
}
END_TEST

/* A product of 64 bits overflows at the 34th failure with these factors, and
 * a shift by 64 is none at the 65th. */
START_TEST(it_saturates)
{
    const int64_t max = INT64_MAX - 5;
    weir_backoff b =
        backoff_of((weir_backoff_opts){.base = 7,
                                       .factor = WEIR_SECOND,
                                       .max = max,
                                       .jitter = WEIR_JITTER_NONE});
    int64_t last = 0, delay;
    int i;

    for (i = 0; i < 5000; i++) {
        weir_backoff_failure(&b);
        delay = weir_backoff_delay(&b);
        must(delay > last || (delay == max && last == max));
        last = delay;
    }
    must_eq(last, max);
    b = backoff_of((weir_backoff_opts){
        .base = 200, .max = 100, .jitter = WEIR_JITTER_NONE});
    weir_backoff_failure(&b);
    must_eq(weir_backoff_delay(&b), 100); /* the base is bounded, too */
}
END_TEST

START_TEST(the_defaults_are_a_second_and_twenty)
{
    weir_backoff b =
        backoff_of((weir_backoff_opts){.jitter = WEIR_JITTER_NONE});
    int i;

    for (i = 0; i < 5; i++) {
        weir_backoff_failure(&b);
        must_eq(weir_backoff_delay(&b), WEIR_SECOND << i);
    }
    weir_backoff_failure(&b);
    must_eq(weir_backoff_delay(&b), 20 * WEIR_SECOND);
}
END_TEST

/* Draws lie in [low, high), reach near both ends, and differ. */
static void expect_draws(enum weir_jitter jitter, int64_t low, int64_t high)
{
    weir_backoff b = backoff_of((weir_backoff_opts){
        .factor = 1000, .max = 1000, .jitter = jitter, .seed = 42});
    int64_t least = INT64_MAX, most = 0;
    int i;

    weir_backoff_failure(&b);
    for (i = 0; i < 1000; i++) {
        const int64_t delay = weir_backoff_delay(&b);

        must(delay >= low && delay < high);
        least = delay < least ? delay : least;
        most = delay > most ? delay : most;
    }
    must(least < low + (high - low) / 10);
    must(most > high - (high - low) / 10);
}

START_TEST(jitter_spreads_the_tries)
{
    expect_draws(WEIR_JITTER_FULL, 0, 1000);
    expect_draws(WEIR_JITTER_HALF, 500, 1000);
}
END_TEST

START_TEST(a_seed_repeats_the_draws)
{
    weir_backoff a = backoff_of((weir_backoff_opts){.seed = 9});
    weir_backoff b = backoff_of((weir_backoff_opts){.seed = 9});
    weir_backoff c = backoff_of((weir_backoff_opts){.seed = 10});
    int i, differ = 0;

    for (i = 0; i < 20; i++) {
        weir_backoff_failure(&a);
        weir_backoff_failure(&b);
        weir_backoff_failure(&c);
        const int64_t delay = weir_backoff_delay(&a);

        must_eq(delay, weir_backoff_delay(&b));
        differ += delay != weir_backoff_delay(&c);
    }
    must(differ > 0);
}
END_TEST

static void fail_and_draw(void *arg)
{
    int i;

    for (i = 0; i < 1000; i++) {
        must_eq(weir_backoff_failure(arg), 0);
        must(weir_backoff_delay(arg) < 20 * WEIR_SECOND);
    }
}

BEHAVIOUR(many_share_one)
{
    weir_backoff b;
    int i;

    must_eq(weir_backoff_init(&b, NULL), 0);
    for (i = 0; i < 4; i++)
        crew_go(crew, fail_and_draw, &b);
    crew_wait(crew);
    must_eq(b.failures_, 4000);
}

START_TEST(wrong_use_is_refused)
{
    const weir_backoff_opts bad[] = {
        {.base = -1},
        {.factor = -1},
        {.max = -1},
        {.jitter = (enum weir_jitter)(WEIR_JITTER_NONE + 1)},
        {.jitter = (enum weir_jitter) - 1},
    };
    weir_backoff b;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        must_eq(weir_backoff_init(&b, &bad[i]), WEIR_EINVAL);
    must_eq(weir_backoff_init(NULL, NULL), WEIR_EINVAL);
    must_eq(weir_backoff_delay(NULL), WEIR_EINVAL);
    must_eq(weir_backoff_after(NULL, 1), WEIR_EINVAL);
    must_eq(weir_backoff_failure(NULL), WEIR_EINVAL);
    must_eq(weir_backoff_success(NULL), WEIR_EINVAL);
}
END_TEST

CHECK_MAIN(CHECK_TEST(no_failure_no_wait),
           CHECK_TEST(it_doubles_up_to_the_maximum), CHECK_TEST(it_saturates),
           CHECK_TEST(the_defaults_are_a_second_and_twenty),
           CHECK_TEST(jitter_spreads_the_tries),
           CHECK_TEST(a_seed_repeats_the_draws), CHECK_MODES(many_share_one),
           CHECK_TEST(wrong_use_is_refused))
