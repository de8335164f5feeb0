/* SPDX-License-Identifier: MIT */
/*
 * The token bucket: the count is exact at any rate and any instant, waiters
 * are served in order and make way when they leave, and promises hold. The
 * clock is the test's own, except where it says so.
 */
#include "../chan/parties.h"
#include "../sched/child.h"
#include "base/mem.h"

#define HOUR (3600 * WEIR_SECOND)

static _Atomic int64_t clock_now;

static int64_t test_clock(void)
{
    return atomic_load(&clock_now);
}

static void at(int64_t now)
{
    atomic_store(&clock_now, now);
}

static weir_bucket bucket_of(weir_bucket_opts o)
{
    weir_bucket b;

    o.now = test_clock;
    must_eq(weir_bucket_init(&b, &o), 0);
    return b;
}

/* ---- the count ----------------------------------------------------------- */

START_TEST(starts_full_or_empty)
{
    weir_bucket full = bucket_of((weir_bucket_opts){.rate = 5, .burst = 2});
    weir_bucket empty = bucket_of((weir_bucket_opts){.rate = 5, .empty = true});
    weir_bucket idle = bucket_of((weir_bucket_opts){0});

    must_eq(weir_bucket_allow(&full, 2), 0);
    must_eq(weir_bucket_allow(&full, 1), WEIR_EMPTY);
    must_eq(weir_bucket_allow(&empty, 1), WEIR_EMPTY);
    must_eq(weir_bucket_allow(&empty, 5), WEIR_EMPTY);
    must_eq(weir_bucket_allow(&empty, 6), WEIR_LIMIT);
    must_eq(weir_bucket_allow(&idle, 1), 0);
    at(INT64_MAX);
    must_eq(weir_bucket_allow(&idle, 1), WEIR_EMPTY);
    must_eq(weir_bucket_tokens(&full), 2);
    must_eq(weir_bucket_tokens(&empty), 5);
}
END_TEST

START_TEST(a_token_comes_at_its_nanosecond)
{
    weir_bucket b = bucket_of((weir_bucket_opts){.rate = 3, .empty = true});

    at(333333333);
    must_eq(weir_bucket_allow(&b, 1), WEIR_EMPTY);
    at(333333334);
    must_eq(weir_bucket_allow(&b, 1), 0);
    at(666666666);
    must_eq(weir_bucket_allow(&b, 1), WEIR_EMPTY);
    at(666666667);
    must_eq(weir_bucket_allow(&b, 1), 0);
    at(WEIR_SECOND - 1);
    must_eq(weir_bucket_allow(&b, 1), WEIR_EMPTY);
    at(WEIR_SECOND);
    must_eq(weir_bucket_allow(&b, 1), 0);
    at(100 * WEIR_SECOND + 300000000); /* full: nine tenths of one are lost */
    must_eq(weir_bucket_allow(&b, 3), 0);
    at(100 * WEIR_SECOND + 350000000);
    must_eq(weir_bucket_tokens(&b), 0);
    at(100 * WEIR_SECOND + 300000000 + 333333334);
    must_eq(weir_bucket_tokens(&b), 1);
}
END_TEST

static uint64_t rng_state = 0x9e3779b97f4a7c15;

static uint64_t any(void)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return rng_state;
}

static int64_t up_to(int64_t n)
{
    return (int64_t)(any() % (uint64_t)n) + 1;
}

/* However the time is cut into pieces, what came is rate * time / period,
 * rounded down once. */
START_TEST(nothing_drifts)
{
    int round, i;

    for (round = 0; round < check_scale(200); round++) {
        const int64_t rate = up_to(1000000), per = up_to(10 * WEIR_SECOND);
        int64_t now = 0, taken = 0;
        __extension__ __int128 due;
        weir_bucket b;

        at(0);
        b = bucket_of((weir_bucket_opts){
            .rate = rate, .per = per, .burst = 1LL << 60, .empty = true});
        for (i = 0; i < 500; i++) {
            now += up_to(i % 7 ? 1000 : WEIR_SECOND);
            at(now);
            const int64_t n = weir_bucket_tokens(&b);
            if (n > 0 && any() % 2) {
                must_eq(weir_bucket_allow(&b, n), 0);
                taken += n;
            }
        }
        due = now;
        due = due * rate / per;
        must_eq(taken + weir_bucket_tokens(&b), due);
    }
}
END_TEST

START_TEST(absurd_numbers_are_exact)
{
    weir_bucket_reservation r;
    weir_bucket b;

    at(INT64_MIN);
    b = bucket_of((weir_bucket_opts){
        .rate = INT64_MAX, .per = 1, .burst = WEIR_BUCKET_MAX, .empty = true});
    at(INT64_MAX); /* 584 years at 9e18 tokens a nanosecond */
    must_eq(weir_bucket_tokens(&b), WEIR_BUCKET_MAX);
    must_eq(weir_bucket_allow(&b, WEIR_BUCKET_MAX), 0);
    must_eq(weir_bucket_tokens(&b), 0);
    at(0); /* a clock that steps back takes nothing and gives nothing */
    must_eq(weir_bucket_tokens(&b), 0);

    b = bucket_of((weir_bucket_opts){
        .rate = 1, .per = INT64_MAX, .burst = WEIR_BUCKET_MAX, .empty = true});
    at(INT64_MAX - 1);
    must_eq(weir_bucket_allow(&b, 1), WEIR_EMPTY);
    must_eq(weir_bucket_reserve(&b, 1, &r), 0);
    must_eq(r.delay, 1);
    must_eq(r.due, INT64_MAX);
    must_eq(weir_bucket_reserve(&b, WEIR_BUCKET_MAX - 1, &r), 0);
    must_eq(r.delay, WEIR_FOREVER);
    must_eq(weir_bucket_tokens(&b), -WEIR_BUCKET_MAX);
    must_eq(weir_bucket_reserve(&b, 1, &r), WEIR_LIMIT);
    at(INT64_MAX);
    must_eq(weir_bucket_tokens(&b), 1 - WEIR_BUCKET_MAX);
}
END_TEST

START_TEST(a_new_rate_counts_from_now)
{
    weir_bucket b =
        bucket_of((weir_bucket_opts){.rate = 1, .burst = 100, .empty = true});

    at(WEIR_SECOND / 2);
    must_eq(weir_bucket_set_rate(&b, 10, 10 * WEIR_SECOND), 0);
    must_eq(weir_bucket_tokens(&b), 0);
    at(WEIR_SECOND); /* the half token is still there */
    must_eq(weir_bucket_tokens(&b), 1);
    must_eq(weir_bucket_set_rate(&b, 0, 0), 0);
    at(HOUR);
    must_eq(weir_bucket_tokens(&b), 1);
    must_eq(weir_bucket_set_rate(&b, 7, 0), 0);
    at(HOUR + WEIR_SECOND);
    must_eq(weir_bucket_tokens(&b), 8);
}
END_TEST

/* ---- promises ------------------------------------------------------------ */

static int64_t reserve(weir_bucket *b, int64_t n, weir_bucket_reservation *r)
{
    must_eq(weir_bucket_reserve(b, n, r), 0);
    must_eq(r->due,
            r->delay == WEIR_FOREVER ? WEIR_FOREVER : test_clock() + r->delay);
    return r->delay;
}

START_TEST(a_reservation_says_when)
{
    weir_bucket b = bucket_of((weir_bucket_opts){.rate = 10});
    weir_bucket_reservation r;

    must_eq(reserve(&b, 0, &r), 0);
    must_eq(reserve(&b, 10, &r), 0);
    must_eq(reserve(&b, 1, &r), WEIR_SECOND / 10);
    must_eq(reserve(&b, 10, &r), WEIR_SECOND / 10 * 11);
    must_eq(weir_bucket_tokens(&b), -11);
    must_eq(weir_bucket_allow(&b, 1), WEIR_EMPTY);
    at(WEIR_SECOND);
    must_eq(reserve(&b, 1, &r), WEIR_SECOND / 10 * 2);
    must_eq(weir_bucket_set_rate(&b, 0, 0), 0);
    must_eq(reserve(&b, 1, &r), WEIR_FOREVER);
    must_eq(weir_bucket_reserve(&b, 11, &r), WEIR_LIMIT);
}
END_TEST

START_TEST(a_cancelled_reservation_gives_back)
{
    weir_bucket b = bucket_of((weir_bucket_opts){.rate = 10, .empty = true});
    weir_bucket_reservation r[4];

    reserve(&b, 5, &r[0]);
    must_eq(weir_bucket_cancel(&b, &r[0]), 5);
    must_eq(weir_bucket_cancel(&b, &r[0]), 0);
    must_eq(weir_bucket_tokens(&b), 0);

    /* Three of the eight are promised again behind it. */
    reserve(&b, 8, &r[0]);
    reserve(&b, 3, &r[1]);
    must_eq(weir_bucket_cancel(&b, &r[0]), 5);
    must_eq(weir_bucket_tokens(&b), -6);
    must_eq(weir_bucket_cancel(&b, &r[1]), 3);
    must_eq(weir_bucket_tokens(&b), -3);

    /* From the last to the first, each in full. */
    reserve(&b, 2, &r[0]);
    reserve(&b, 3, &r[1]);
    reserve(&b, 4, &r[2]);
    must_eq(weir_bucket_cancel(&b, &r[2]), 4);
    must_eq(weir_bucket_cancel(&b, &r[1]), 3);
    must_eq(weir_bucket_cancel(&b, &r[0]), 2);
    must_eq(weir_bucket_tokens(&b), -3);

    /* What is due is used. */
    must_eq(reserve(&b, 1, &r[3]), WEIR_SECOND / 10 * 4);
    at(WEIR_SECOND);
    must_eq(weir_bucket_cancel(&b, &r[3]), 0);
    must_eq(weir_bucket_tokens(&b), 6);
}
END_TEST

/* ---- waiters ------------------------------------------------------------- */

struct wait {
    weir_bucket *b;
    int64_t n;
    weir_ctx *ctx;
    int result;
    atomic_bool done;
};

static void wait_once(void *arg)
{
    struct wait *w = arg;

    w->result = weir_bucket_wait(w->b, w->n, w->ctx);
    atomic_store(&w->done, true);
}

static int64_t wanted(weir_bucket *b)
{
    must_eq(weir_mutex_lock(&b->lock_, NULL), 0);
    const int64_t n = b->wanted_;
    must_eq(weir_mutex_unlock(&b->lock_), 0);
    return n;
}

static void await_wanted(weir_bucket *b, int64_t n)
{
    while (wanted(b) != n)
        weir_yield();
}

static void await_done(struct wait *w)
{
    while (!atomic_load(&w->done))
        weir_yield();
}

/* Each in the queue before the next comes. */
static void queue_up(struct crew *crew, struct wait *w, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        const int64_t before = wanted(w[i].b);
        crew_go(crew, wait_once, &w[i]);
        await_wanted(w[i].b, before + w[i].n);
    }
}

/* The first waiter sleeps by the true clock: a new rate, be it the old one,
 * lets it look at the test's. */
static void at_with(weir_bucket *b, int64_t now)
{
    at(now);
    must_eq(weir_bucket_set_rate(b, 1, HOUR), 0);
}

static weir_bucket hourly(int64_t burst)
{
    at(0);
    return bucket_of((weir_bucket_opts){
        .rate = 1, .per = HOUR, .burst = burst, .empty = true});
}

BEHAVIOUR(served_in_order_of_coming)
{
    weir_bucket b = hourly(100);
    struct wait w[6];
    int i;

    for (i = 0; i < 6; i++)
        w[i] = (struct wait){.b = &b, .n = 6 - i};
    queue_up(crew, w, 6);
    at_with(&b, 5 * HOUR);
    must_eq(weir_bucket_allow(&b, 1), WEIR_EMPTY); /* not past those who wait */
    for (i = 0; i < 6; i++) {
        must_eq(weir_bucket_tokens(&b), 5 - i);
        must_eq(atomic_load(&w[i].done), false);
        at_with(&b, atomic_load(&clock_now) + HOUR);
        await_done(&w[i]);
        must_eq(w[i].result, 0);
        must_eq(weir_bucket_tokens(&b), 0);
        at_with(&b, atomic_load(&clock_now) + (4 - i) * HOUR);
    }
    must_eq(wanted(&b), 0);
}

BEHAVIOUR(who_leaves_makes_way)
{
    weir_bucket b = hourly(100);
    weir_ctx first = WEIR_CTX_INIT, middle = WEIR_CTX_INIT;
    struct wait w[4] = {
        {.b = &b, .n = 50, .ctx = &first},
        {.b = &b, .n = 2},
        {.b = &b, .n = 60, .ctx = &middle},
        {.b = &b, .n = 3},
    };

    queue_up(crew, w, 4);
    at_with(&b, 5 * HOUR);
    must_eq(weir_ctx_cancel(&middle, 7), 0);
    await_wanted(&b, 55);
    must_eq(weir_ctx_cancel(&first, 0), 0);
    crew_wait(crew);
    must_eq(w[0].result, WEIR_CANCELED);
    must_eq(w[1].result, 0);
    must_eq(w[2].result, WEIR_CANCELED);
    must_eq(w[3].result, 0);
    must_eq(weir_bucket_tokens(&b), 0);
    must_eq(weir_ctx_fini(&first), 0);
    must_eq(weir_ctx_fini(&middle), 0);
}

BEHAVIOUR(a_new_rate_reaches_waiters)
{
    weir_bucket b = bucket_of((weir_bucket_opts){.burst = 10, .empty = true});
    struct wait w = {.b = &b, .n = 10};

    queue_up(crew, &w, 1); /* at rate 0: for ever */
    must_eq(weir_bucket_set_rate(&b, 1, HOUR), 0);
    at(1);
    must_eq(weir_bucket_set_rate(&b, 1, 1), 0);
    at(11);
    must_eq(weir_bucket_set_rate(&b, 1, 1), 0);
    crew_wait(crew);
    must_eq(w.result, 0);
    must_eq(weir_bucket_tokens(&b), 0);
}

BEHAVIOUR(a_context_ends_the_wait)
{
    weir_bucket b = hourly(2);
    weir_ctx ctx;

    must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MILLISECOND), 0);
    must_eq(weir_bucket_wait(&b, 1, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_bucket_wait(&b, 1, &ctx), WEIR_TIMEDOUT);
    at(HOUR);
    must_eq(weir_bucket_wait(&b, 1, &ctx), 0); /* need not wait */
    must_eq(weir_bucket_wait(&b, 0, &ctx), 0);
    must_eq(wanted(&b), 0);
    must_eq(weir_ctx_fini(&ctx), 0);

    must_eq(weir_ctx_init(&ctx, NULL), 0);
    must_eq(weir_ctx_cancel(&ctx, 3), 0);
    must_eq(weir_bucket_wait(&b, 1, &ctx), WEIR_CANCELED);
    must_eq(weir_ctx_fini(&ctx), 0);
    (void)crew;
}

BEHAVIOUR(a_waiter_does_not_feel_what_is_reserved_behind_it)
{
    weir_bucket b = hourly(100);
    struct wait w[2] = {{.b = &b, .n = 4}, {.b = &b, .n = 2}};
    weir_bucket_reservation r;

    queue_up(crew, w, 1);
    must_eq(reserve(&b, 10, &r), 14 * HOUR);
    queue_up(crew, w + 1, 1);
    at_with(&b, 4 * HOUR);
    await_done(&w[0]);
    must_eq(weir_bucket_tokens(&b), -10);
    at_with(&b, 15 * HOUR);
    must_eq(wanted(&b), 2);
    at_with(&b, 16 * HOUR);
    crew_wait(crew);
    must_eq(weir_bucket_tokens(&b), 0);
}

BEHAVIOUR(what_is_given_back_goes_to_those_behind_it)
{
    weir_bucket b = hourly(100);
    struct wait w[2] = {{.b = &b, .n = 4}, {.b = &b, .n = 2}};
    weir_bucket_reservation r, later;

    queue_up(crew, w, 1);
    must_eq(reserve(&b, 10, &r), 14 * HOUR);
    queue_up(crew, w + 1, 1);
    must_eq(weir_bucket_cancel(&b, &r), 10);
    at_with(&b, 3 * HOUR);
    must_eq(wanted(&b), 6); /* not to the one before it */
    must_eq(reserve(&b, 1, &later), 4 * HOUR);
    must_eq(weir_bucket_cancel(&b, &later), 1);
    at_with(&b, 4 * HOUR);
    await_done(&w[0]);
    at_with(&b, 5 * HOUR);
    settle();
    must_eq(wanted(&b), 2); /* nor more than was given back */
    at_with(&b, 6 * HOUR);
    crew_wait(crew);
    must_eq(weir_bucket_tokens(&b), 0);
}

/* ---- by the true clock --------------------------------------------------- */

enum { PARTIES = 6, RATE = 100000, BURST = 50 };

struct taker {
    weir_bucket *b;
    int rounds;
    atomic_llong *taken;
};

static void take_some(void *arg)
{
    struct taker *t = arg;
    weir_bucket_reservation r;
    int i, n, err;

    for (i = 0; i < t->rounds; i++) {
        n = i % 9 + 1;
        if (i % 3 == 0) {
            must_eq(weir_bucket_wait(t->b, n, NULL), 0);
        } else if (i % 3 == 1) {
            err = weir_bucket_allow(t->b, n);
            must(err == 0 || err == WEIR_EMPTY);
            n = err ? 0 : n;
        } else {
            must_eq(weir_bucket_reserve(t->b, n, &r), 0);
            if (i % 2)
                n -= (int)weir_bucket_cancel(t->b, &r);
        }
        atomic_fetch_add(t->taken, n);
    }
}

/* A count, not a time: no more went out than had come in. */
BEHAVIOUR(never_more_than_the_rate_allows)
{
    const int64_t began = weir_now();
    weir_bucket b;
    atomic_llong taken = 0;
    struct taker t = {.b = &b, .taken = &taken};
    int i;

    must_eq(
        weir_bucket_init(&b, &(weir_bucket_opts){.rate = RATE, .burst = BURST}),
        0);
    t.rounds = check_scale(crew_many(crew, 600, 200));
    for (i = 0; i < PARTIES; i++)
        crew_go(crew, take_some, &t);
    crew_wait(crew);
    must_eq(weir_bucket_wait(&b, 1, NULL), 0);
    const int64_t ns = weir_now() - began;
    must(atomic_load(&taken) + 1 <= BURST + ns / (WEIR_SECOND / RATE) + 1);
    must_eq(wanted(&b), 0);
}

/* ---- wrong use ----------------------------------------------------------- */

START_TEST(wrong_use_is_refused)
{
    weir_bucket b = bucket_of((weir_bucket_opts){.rate = 2});
    weir_bucket_reservation r = {0};

    must_eq(weir_bucket_init(NULL, &(weir_bucket_opts){0}), WEIR_EINVAL);
    must_eq(weir_bucket_init(&b, NULL), WEIR_EINVAL);
    must_eq(weir_bucket_init(&b, &(weir_bucket_opts){.rate = -1}), WEIR_EINVAL);
    must_eq(weir_bucket_init(&b, &(weir_bucket_opts){.per = -1}), WEIR_EINVAL);
    must_eq(weir_bucket_init(&b, &(weir_bucket_opts){.burst = -1}),
            WEIR_EINVAL);
    must_eq(
        weir_bucket_init(&b, &(weir_bucket_opts){.burst = WEIR_BUCKET_MAX + 1}),
        WEIR_EINVAL);
    must_eq(weir_bucket_init(&b, &(weir_bucket_opts){.rate = INT64_MAX}),
            WEIR_EINVAL);
    must_eq(weir_bucket_wait(NULL, 1, NULL), WEIR_EINVAL);
    must_eq(weir_bucket_wait(&b, -1, NULL), WEIR_EINVAL);
    must_eq(weir_bucket_wait(&b, 3, NULL), WEIR_LIMIT);
    must_eq(weir_bucket_allow(NULL, 1), WEIR_EINVAL);
    must_eq(weir_bucket_allow(&b, -1), WEIR_EINVAL);
    must_eq(weir_bucket_reserve(NULL, 1, &r), WEIR_EINVAL);
    must_eq(weir_bucket_reserve(&b, 1, NULL), WEIR_EINVAL);
    must_eq(weir_bucket_reserve(&b, -1, &r), WEIR_EINVAL);
    must_eq(weir_bucket_cancel(NULL, &r), WEIR_EINVAL);
    must_eq(weir_bucket_cancel(&b, NULL), WEIR_EINVAL);
    must_eq(weir_bucket_cancel(&b, &r), 0); /* promised nothing */
    must_eq(weir_bucket_set_rate(NULL, 1, 0), WEIR_EINVAL);
    must_eq(weir_bucket_set_rate(&b, -1, 0), WEIR_EINVAL);
    must_eq(weir_bucket_set_rate(&b, 1, -1), WEIR_EINVAL);
    must_eq(weir_bucket_tokens(NULL), 0);
    must_eq(weir_bucket_tokens(&b), 2);
}
END_TEST

START_TEST(no_runtime_to_keep_the_time)
{
    weir_bucket b = hourly(1);

    wr_mem_fail_after(0);
    must_eq(weir_bucket_wait(&b, 1, NULL), WEIR_ENOMEM);
    wr_mem_fail_after(-1);
    must_eq(wanted(&b), 0);
    at(HOUR);
    must_eq(weir_bucket_wait(&b, 1, NULL), 0);
}
END_TEST

static int wait_in_fork(void *arg)
{
    weir_bucket *b = arg;

    must_eq(weir_bucket_allow(b, 1), 0);
    must_eq(weir_bucket_wait(b, 1, NULL), WEIR_FORKED);
    must_eq(wanted(b), 0);
    at(HOUR);
    must_eq(weir_bucket_wait(b, 1, NULL), 0);
    return 0;
}

START_TEST(nobody_waits_in_a_fork)
{
    struct child child;
    weir_bucket b;

    must_eq(weir_start(NULL), 0);
    at(0);
    must_eq(
        weir_bucket_init(
            &b, &(weir_bucket_opts){.rate = 1, .per = HOUR, .now = test_clock}),
        0);
    child_run(&child, wait_in_fork, &b);
    must_eq(child_exit(&child), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

CHECK_MAIN(CHECK_TEST(starts_full_or_empty),
           CHECK_TEST(a_token_comes_at_its_nanosecond),
           CHECK_TEST(nothing_drifts), CHECK_TEST(absurd_numbers_are_exact),
           CHECK_TEST(a_new_rate_counts_from_now),
           CHECK_TEST(a_reservation_says_when),
           CHECK_TEST(a_cancelled_reservation_gives_back),
           CHECK_MODES(served_in_order_of_coming),
           CHECK_MODES(who_leaves_makes_way),
           CHECK_MODES(a_new_rate_reaches_waiters),
           CHECK_MODES(a_context_ends_the_wait),
           CHECK_MODES(a_waiter_does_not_feel_what_is_reserved_behind_it),
           CHECK_MODES(what_is_given_back_goes_to_those_behind_it),
           CHECK_MODES(never_more_than_the_rate_allows),
           CHECK_TEST(wrong_use_is_refused),
           CHECK_TEST(no_runtime_to_keep_the_time),
           CHECK_TEST(nobody_waits_in_a_fork))
