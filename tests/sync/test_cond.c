/* SPDX-License-Identifier: MIT */
/*
 * The condition variable: a signal wakes exactly one, the first; nobody wakes
 * without one; and none is lost between a waiter's unlock and its sleep.
 */
#include "queued.h"

enum { PARTIES = 6 };

/* ---- ping-pong ----------------------------------------------------------- */

struct court {
    weir_mutex m;
    weir_cond changed;
    int turn; /* under m */
    int rounds;
};

static void play(struct court *c, int me)
{
    int i;

    for (i = 0; i < c->rounds; i++) {
        must_eq(weir_mutex_lock(&c->m, NULL), 0);
        while (c->turn != me)
            must_eq(weir_cond_wait(&c->changed, &c->m, NULL), 0);
        c->turn = !me;
        must_eq(weir_cond_signal(&c->changed), 0);
        must_eq(weir_mutex_unlock(&c->m), 0);
    }
}

static void play_second(void *arg)
{
    play(arg, 1);
}

BEHAVIOUR(no_signal_is_lost)
{
    struct court c = {.m = WEIR_MUTEX_INIT, .changed = WEIR_COND_INIT};

    c.rounds = check_scale(crew_many(crew, 20000, 1000));
    crew_go(crew, play_second, &c);
    play(&c, 0);
    crew_wait(crew);
    must_eq(queued(&c.changed.queue_), 0);
}

/* The signaller is at the mutex when the waiter gives it away. */
struct door {
    weir_mutex m;
    weir_cond c;
    bool waits, stop; /* under m */
};

static void let_in(void *arg)
{
    struct door *d = arg;
    bool stop = false;

    while (!stop) {
        must_eq(weir_mutex_lock(&d->m, NULL), 0);
        stop = d->stop;
        if (d->waits)
            must_eq(weir_cond_signal(&d->c), 0);
        d->waits = false;
        must_eq(weir_mutex_unlock(&d->m), 0);
        weir_yield();
    }
}

BEHAVIOUR(no_gap_between_unlock_and_wait)
{
    struct door d = {.m = WEIR_MUTEX_INIT, .c = WEIR_COND_INIT};
    int i, rounds = check_scale(crew_many(crew, 50000, 5000));

    crew_go(crew, let_in, &d);
    crew_go(crew, let_in, &d);
    must_eq(weir_mutex_lock(&d.m, NULL), 0);
    for (i = 0; i < rounds; i++) {
        d.waits = true;
        must_eq(weir_cond_wait(&d.c, &d.m, NULL), 0);
        must(!d.waits);
    }
    d.stop = true;
    must_eq(weir_mutex_unlock(&d.m), 0);
    crew_wait(crew);
}

/* ---- who wakes ----------------------------------------------------------- */

struct hall {
    weir_mutex m;
    weir_cond c;
    int tickets, woken; /* under m */
};

struct guest {
    struct hall *hall;
    weir_ctx *ctx;
    int number, result;
};

/* A waiter that wakes finds a ticket: wake-ups are not spurious. */
static void wait_for_ticket(void *arg)
{
    struct guest *g = arg;
    struct hall *h = g->hall;

    must_eq(weir_mutex_lock(&h->m, NULL), 0);
    g->result = weir_cond_wait(&h->c, &h->m, g->ctx);
    must_eq(weir_mutex_try_lock(&h->m), WEIR_BUSY);
    if (g->result == 0) {
        must(h->tickets-- > 0);
        h->woken++;
    }
    must_eq(weir_mutex_unlock(&h->m), 0);
}

static void fill(struct crew *crew, struct hall *h, struct guest *g, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        g[i].hall = h;
        g[i].number = i;
        g[i].result = 1;
        crew_go(crew, wait_for_ticket, &g[i]);
        await_queued(&h->c.queue_, i + 1);
    }
}

static void issue(struct hall *h, int n)
{
    must_eq(weir_mutex_lock(&h->m, NULL), 0);
    h->tickets += n;
    must_eq(weir_mutex_unlock(&h->m), 0);
}

static int woken(struct hall *h)
{
    int n;

    must_eq(weir_mutex_lock(&h->m, NULL), 0);
    n = h->woken;
    must_eq(weir_mutex_unlock(&h->m), 0);
    return n;
}

static void await_woken(struct hall *h, int n)
{
    while (woken(h) != n)
        weir_yield();
}

BEHAVIOUR(a_signal_wakes_the_first)
{
    struct hall h = {.m = WEIR_MUTEX_INIT, .c = WEIR_COND_INIT};
    struct guest g[PARTIES] = {{0}};
    int i;

    must_eq(weir_cond_signal(&h.c), 0); /* nobody: forgotten */
    fill(crew, &h, g, PARTIES);
    for (i = 0; i < PARTIES; i++) {
        must_eq(queued(&h.c.queue_), PARTIES - i);
        issue(&h, 1);
        must_eq(weir_cond_signal(&h.c), 0);
        await_woken(&h, i + 1);
        must_eq(g[i].result, 0);
        if (i + 1 < PARTIES)
            must_eq(g[i + 1].result, 1);
    }
    crew_wait(crew);
}

BEHAVIOUR(a_broadcast_wakes_all)
{
    struct hall h = {.m = WEIR_MUTEX_INIT, .c = WEIR_COND_INIT};
    struct guest g[PARTIES] = {{0}};

    must_eq(weir_cond_broadcast(&h.c), 0);
    fill(crew, &h, g, PARTIES);
    issue(&h, PARTIES);
    must_eq(weir_mutex_lock(&h.m, NULL), 0);
    must_eq(weir_cond_broadcast(&h.c), 0); /* with the mutex held */
    must_eq(queued(&h.c.queue_), 0);
    must_eq(weir_mutex_unlock(&h.m), 0);
    crew_wait(crew);
    must_eq(h.woken, PARTIES);
}

/* ---- contexts ------------------------------------------------------------ */

BEHAVIOUR(signal_passes_the_cancelled_by)
{
    struct hall h = {.m = WEIR_MUTEX_INIT, .c = WEIR_COND_INIT};
    weir_ctx ctx = WEIR_CTX_INIT;
    struct guest g[PARTIES] = {{0}};
    int i;

    for (i = 0; i + 1 < PARTIES; i++)
        g[i].ctx = &ctx;
    fill(crew, &h, g, PARTIES);
    await_queued(&ctx.queue_, PARTIES - 1); /* who enters now could take it */
    issue(&h, 1);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    must_eq(weir_cond_signal(&h.c), 0); /* for the last, who can take it */
    crew_wait(crew);
    for (i = 0; i < PARTIES; i++)
        must_eq(g[i].result, i + 1 < PARTIES ? WEIR_CANCELED : 0);
    must_eq(weir_ctx_fini(&ctx), 0);
}

BEHAVIOUR(deadline_ends_the_wait_with_the_mutex_held)
{
    struct hall h = {.m = WEIR_MUTEX_INIT, .c = WEIR_COND_INIT};
    weir_ctx ctx;
    int i;

    must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MILLISECOND), 0);
    must_eq(weir_mutex_lock(&h.m, NULL), 0);
    for (i = 0; i < 2; i++) {
        must_eq(weir_cond_wait(&h.c, &h.m, &ctx), WEIR_TIMEDOUT);
        must_eq(weir_mutex_try_lock(&h.m), WEIR_BUSY);
    }
    must_eq(weir_mutex_unlock(&h.m), 0);
    must_eq(queued(&h.c.queue_), 0);
    must_eq(weir_ctx_fini(&ctx), 0);
    (void)crew;
}

START_TEST(wrong_use_is_refused)
{
    weir_mutex m = WEIR_MUTEX_INIT;
    weir_cond c = WEIR_COND_INIT;

    ck_assert_int_eq(weir_cond_wait(&c, &m, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_cond_wait(NULL, &m, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_cond_wait(&c, NULL, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_cond_signal(NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_cond_broadcast(NULL), WEIR_EINVAL);
}
END_TEST

CHECK_MAIN(CHECK_MODES(no_signal_is_lost),
           CHECK_MODES(no_gap_between_unlock_and_wait),
           CHECK_MODES(a_signal_wakes_the_first),
           CHECK_MODES(a_broadcast_wakes_all),
           CHECK_MODES(signal_passes_the_cancelled_by),
           CHECK_MODES(deadline_ends_the_wait_with_the_mutex_held),
           CHECK_TEST(wrong_use_is_refused))
