/* SPDX-License-Identifier: MIT */
/*
 * The mutex: one at a time, first come first served, nobody starves, and a
 * context ends a wait without harm to the others.
 */
#include "queued.h"

enum { PARTIES = 6 };

/* ---- mutual exclusion ---------------------------------------------------- */

struct account {
    weir_mutex m;
    int rounds;
    long sum; /* under m */
    bool inside;
};

static void deposit(void *arg)
{
    struct account *a = arg;
    int i;

    for (i = 0; i < a->rounds; i++) {
        must_eq(weir_mutex_lock(&a->m, NULL), 0);
        must(!a->inside);
        a->inside = true;
        a->sum++;
        if (i % 16 == 0)
            weir_yield();
        a->inside = false;
        must_eq(weir_mutex_unlock(&a->m), 0);
        if (i % 64 == 0)
            weir_yield();
    }
}

BEHAVIOUR(one_at_a_time)
{
    struct account a = {.m = WEIR_MUTEX_INIT, .rounds = check_scale(3000)};
    int i;

    for (i = 0; i < PARTIES; i++)
        crew_go(crew, deposit, &a);
    crew_wait(crew);
    must_eq(a.sum, (long)PARTIES * a.rounds);
}

static void try_deposit(void *arg)
{
    struct account *a = arg;
    int i, r;

    for (i = 0; i < a->rounds; i++) {
        while ((r = weir_mutex_try_lock(&a->m)) != 0) {
            must_eq(r, WEIR_BUSY);
            weir_yield();
        }
        must(!a->inside);
        a->inside = true;
        a->sum++;
        if (i % 16 == 0)
            weir_yield();
        a->inside = false;
        must_eq(weir_mutex_unlock(&a->m), 0);
    }
}

BEHAVIOUR(tries_exclude_too)
{
    struct account a = {.m = WEIR_MUTEX_INIT, .rounds = check_scale(1000)};
    int i;

    for (i = 0; i < PARTIES; i++)
        crew_go(crew, i % 2 ? try_deposit : deposit, &a);
    crew_wait(crew);
    must_eq(a.sum, (long)PARTIES * a.rounds);
}

/* ---- order --------------------------------------------------------------- */

struct line {
    weir_mutex m;
    int served; /* under m */
};

struct place {
    struct line *line;
    int number;
};

static void stand_in_line(void *arg)
{
    const struct place *p = arg;

    must_eq(weir_mutex_lock(&p->line->m, NULL), 0);
    must_eq(p->line->served++, p->number);
    must_eq(weir_mutex_unlock(&p->line->m), 0);
}

BEHAVIOUR(waiters_come_in_order)
{
    struct line line = {.m = WEIR_MUTEX_INIT};
    struct place places[PARTIES];
    int i;

    must_eq(weir_mutex_lock(&line.m, NULL), 0);
    for (i = 0; i < PARTIES; i++) {
        places[i] = (struct place){&line, i};
        crew_go(crew, stand_in_line, &places[i]);
        await_queued(&line.m.queue_, i + 1);
    }
    must_eq(weir_mutex_unlock(&line.m), 0);
    crew_wait(crew);
    must_eq(line.served, PARTIES);
}

/* Whoever gives the mutex back and takes it again at once, always holding it
 * while others run, must let them in some time. On a single worker the tasks
 * among them run only then. */
struct siege {
    weir_mutex m;
    atomic_int left;
};

static void besiege(void *arg)
{
    struct siege *s = arg;

    must_eq(weir_mutex_lock(&s->m, NULL), 0);
    atomic_fetch_sub(&s->left, 1);
    must_eq(weir_mutex_unlock(&s->m), 0);
}

static int withstand(void *arg)
{
    struct crew *crew = arg;
    struct siege s = {.m = WEIR_MUTEX_INIT, .left = PARTIES};
    int i;

    must_eq(weir_mutex_lock(&s.m, NULL), 0);
    for (i = 0; i < PARTIES; i++)
        crew_go(crew, besiege, &s);
    while (atomic_load(&s.left) > 0) {
        weir_yield();
        must_eq(weir_mutex_unlock(&s.m), 0);
        must_eq(weir_mutex_lock(&s.m, NULL), 0);
    }
    must_eq(weir_mutex_unlock(&s.m), 0);
    crew_wait(crew);
    return 0;
}

START_TEST(no_waiter_starves)
{
    const weir_opts one_worker = {.workers = 1};
    struct crew crew = CREW(_i);

    must_eq(weir_start(&one_worker), 0);
    must_eq(weir_run(withstand, &crew), 0);
}
END_TEST

/* ---- contexts ------------------------------------------------------------ */

struct asker {
    weir_mutex *m;
    weir_ctx ctx;
    int result;
};

static void ask(void *arg)
{
    struct asker *a = arg;

    a->result = weir_mutex_lock(a->m, &a->ctx);
    if (a->result == 0)
        must_eq(weir_mutex_unlock(a->m), 0);
}

BEHAVIOUR(cancel_takes_one_out_of_the_line)
{
    weir_mutex m = WEIR_MUTEX_INIT;
    struct asker askers[PARTIES];
    int i;

    must_eq(weir_mutex_lock(&m, NULL), 0);
    for (i = 0; i < PARTIES; i++) {
        askers[i].m = &m;
        must_eq(weir_ctx_init(&askers[i].ctx, NULL), 0);
        crew_go(crew, ask, &askers[i]);
        await_queued(&m.queue_, i + 1);
    }
    for (i = 0; i < PARTIES; i += 2)
        must_eq(weir_ctx_cancel(&askers[i].ctx, 0), 0);
    await_queued(&m.queue_, PARTIES / 2);
    must_eq(weir_mutex_unlock(&m), 0);
    crew_wait(crew);
    for (i = 0; i < PARTIES; i++) {
        must_eq(askers[i].result, i % 2 ? 0 : WEIR_CANCELED);
        must_eq(weir_ctx_fini(&askers[i].ctx), 0);
    }
    must_eq(weir_mutex_try_lock(&m), 0);
    must_eq(weir_mutex_unlock(&m), 0);
}

BEHAVIOUR(deadline_ends_the_wait)
{
    weir_mutex m = WEIR_MUTEX_INIT;
    weir_ctx ctx;

    must_eq(weir_mutex_lock(&m, NULL), 0);
    must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MILLISECOND), 0);
    must_eq(weir_mutex_lock(&m, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_mutex_lock(&m, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_mutex_unlock(&m), 0);
    must_eq(weir_mutex_lock(&m, &ctx), 0); /* need not wait */
    must_eq(weir_mutex_unlock(&m), 0);
    must_eq(weir_ctx_fini(&ctx), 0);
    (void)crew;
}

/* ---- hands and ends ------------------------------------------------------ */

static void unlock_it(void *arg)
{
    must_eq(weir_mutex_unlock(arg), 0);
}

BEHAVIOUR(another_may_unlock)
{
    weir_mutex m = WEIR_MUTEX_INIT;

    must_eq(weir_mutex_lock(&m, NULL), 0);
    crew_go(crew, unlock_it, &m);
    must_eq(weir_mutex_lock(&m, NULL), 0);
    must_eq(weir_mutex_unlock(&m), 0);
}

/* Who locks it last may free it, whoever has just unlocked it. */
struct shared {
    weir_mutex m;
    int users; /* under m */
};

static void release_shared(void *arg)
{
    struct shared *s = arg;
    bool last;

    must_eq(weir_mutex_lock(&s->m, NULL), 0);
    last = --s->users == 0;
    must_eq(weir_mutex_unlock(&s->m), 0);
    if (last)
        free(s);
}

BEHAVIOUR(last_user_frees_it)
{
    int i, k, rounds = check_scale(crew_many(crew, 2000, 200));

    for (i = 0; i < rounds; i++) {
        struct shared *s = calloc(1, sizeof *s);

        must(s != NULL);
        s->users = 3;
        must_eq(weir_mutex_lock(&s->m, NULL), 0);
        for (k = 0; k < 3; k++)
            crew_go(crew, release_shared, s);
        if (i % 2)
            weir_yield();
        must_eq(weir_mutex_unlock(&s->m), 0);
        crew_wait(crew);
    }
}

START_TEST(wrong_use_is_refused)
{
    weir_mutex m = WEIR_MUTEX_INIT;

    ck_assert_int_eq(weir_mutex_lock(NULL, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_mutex_try_lock(NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_mutex_unlock(NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_mutex_unlock(&m), WEIR_EINVAL);
    ck_assert_int_eq(weir_mutex_try_lock(&m), 0);
    ck_assert_int_eq(weir_mutex_try_lock(&m), WEIR_BUSY);
    ck_assert_int_eq(weir_mutex_unlock(&m), 0);
    ck_assert_int_eq(weir_mutex_unlock(&m), WEIR_EINVAL);
}
END_TEST

CHECK_MAIN(CHECK_MODES(one_at_a_time), CHECK_MODES(tries_exclude_too),
           CHECK_MODES(waiters_come_in_order), CHECK_MODES(no_waiter_starves),
           CHECK_MODES(cancel_takes_one_out_of_the_line),
           CHECK_MODES(deadline_ends_the_wait), CHECK_MODES(another_may_unlock),
           CHECK_MODES(last_user_frees_it), CHECK_TEST(wrong_use_is_refused))
