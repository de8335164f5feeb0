/* SPDX-License-Identifier: MIT */
/*
 * The barrier: nobody passes before all have come, again and again, one of
 * them is told it was the last, and one who leaves does not count.
 */
#include "queued.h"

enum { PARTIES = 5 };

struct laps {
    weir_barrier b;
    int rounds;
    atomic_int arrived, last;
};

static void run_laps(void *arg)
{
    struct laps *l = arg;
    int i, r;

    for (i = 1; i <= l->rounds; i++) {
        atomic_fetch_add(&l->arrived, 1);
        r = weir_barrier_wait(&l->b, NULL);
        must(r == 0 || r == 1);
        must(atomic_load(&l->arrived) >= i * PARTIES);
        atomic_fetch_add(&l->last, r);
    }
}

BEHAVIOUR(nobody_passes_alone)
{
    struct laps l = {.b = WEIR_BARRIER_INIT(PARTIES)};
    int i;

    l.rounds = check_scale(crew_many(crew, 5000, 300));
    for (i = 0; i < PARTIES; i++)
        crew_go(crew, run_laps, &l);
    crew_wait(crew);
    must_eq(atomic_load(&l.last), l.rounds);
    must_eq(queued(&l.b.queue_), 0);
}

BEHAVIOUR(one_party_needs_no_other)
{
    weir_barrier b = WEIR_BARRIER_INIT(1);

    must_eq(weir_barrier_wait(&b, NULL), 1);
    must_eq(weir_barrier_wait(&b, NULL), 1);
    (void)crew;
}

struct comer {
    weir_barrier *b;
    weir_ctx *ctx;
    int result;
};

static void come(void *arg)
{
    struct comer *c = arg;

    c->result = weir_barrier_wait(c->b, c->ctx);
}

BEHAVIOUR(one_who_leaves_does_not_count)
{
    weir_barrier b = WEIR_BARRIER_INIT(3);
    weir_ctx ctx = WEIR_CTX_INIT, late;
    struct comer c[3] = {{&b, &ctx, 1}, {&b, NULL, 1}, {&b, NULL, 1}};

    crew_go(crew, come, &c[0]);
    await_queued(&b.queue_, 1);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    await_queued(&b.queue_, 0);
    must_eq(weir_ctx_init_timeout(&late, NULL, WEIR_MILLISECOND), 0);
    must_eq(weir_barrier_wait(&b, &late), WEIR_TIMEDOUT);

    crew_go(crew, come, &c[1]);
    await_queued(&b.queue_, 1);
    crew_go(crew, come, &c[2]);
    await_queued(&b.queue_, 2);
    must_eq(weir_barrier_wait(&b, &late), 1); /* need not wait */
    crew_wait(crew);
    must_eq(c[0].result, WEIR_CANCELED);
    must_eq(c[1].result, 0);
    must_eq(c[2].result, 0);
    must_eq(weir_ctx_fini(&late), 0);
    must_eq(weir_ctx_fini(&ctx), 0);
}

/* A cancel and the last arrival at the same time: either both have met, or
 * the cancelled one is missing and the other waits for somebody else. */
struct race {
    weir_barrier b;
    weir_ctx ctx;
    int result;
    atomic_int met;
};

static void come_with_ctx(void *arg)
{
    struct race *r = arg;

    r->result = weir_barrier_wait(&r->b, &r->ctx);
    must(r->result >= 0 || r->result == WEIR_CANCELED);
}

static void come_to_stay(void *arg)
{
    struct race *r = arg;

    must(weir_barrier_wait(&r->b, NULL) >= 0);
    atomic_fetch_add(&r->met, 1);
}

static void cancel(void *arg)
{
    struct race *r = arg;

    must_eq(weir_ctx_cancel(&r->ctx, 0), 0);
}

BEHAVIOUR(cancel_races_with_the_last)
{
    int i, rounds = check_scale(crew_many(crew, 2000, 300));

    for (i = 0; i < rounds; i++) {
        struct race r = {.b = WEIR_BARRIER_INIT(2), .ctx = WEIR_CTX_INIT};
        struct crew stayer = CREW(crew->mode);

        crew_go(crew, come_with_ctx, &r);
        crew_go(crew, cancel, &r);
        crew_go(&stayer, come_to_stay, &r);
        crew_wait(crew);
        if (r.result < 0) {
            must_eq(atomic_load(&r.met), 0);
            must(weir_barrier_wait(&r.b, NULL) >= 0);
        }
        crew_wait(&stayer);
        must_eq(atomic_load(&r.met), 1);
        must_eq(r.b.arrived_, 0);
        must_eq(weir_ctx_fini(&r.ctx), 0);
    }
}

START_TEST(wrong_use_is_refused)
{
    weir_barrier b = WEIR_BARRIER_INIT(0);

    ck_assert_int_eq(weir_barrier_wait(NULL, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_barrier_wait(&b, NULL), WEIR_EINVAL);
}
END_TEST

CHECK_MAIN(CHECK_MODES(nobody_passes_alone),
           CHECK_MODES(one_party_needs_no_other),
           CHECK_MODES(one_who_leaves_does_not_count),
           CHECK_MODES(cancel_races_with_the_last),
           CHECK_TEST(wrong_use_is_refused))
