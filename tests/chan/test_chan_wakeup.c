/* SPDX-License-Identifier: MIT */
/*
 * No wake-up is lost. Each test here brings two parties to the one moment
 * where that could happen, a very great number of times: one is about to
 * sleep because there is nothing for it, the other does the thing without
 * having seen it sleep. A protocol with one ordering or one second look less
 * hangs here; the limit of the test then shows who sleeps.
 */
#include "parties.h"

struct ends {
    ints *to;
    ints *fro;
    int n;
};

static void pong(void *arg)
{
    const struct ends *e = arg;
    int i;

    for (i = 0; i < e->n; i++)
        put(e->fro, get(e->to) + 1);
}

/* In each round each side goes from waiting to being woken. */
static void ping_pong(struct crew *crew, size_t cap, int n)
{
    struct ends e = {ints_new(cap), ints_new(cap), n};
    int i;

    crew_go(crew, pong, &e);
    for (i = 0; i < e.n; i++) {
        put(e.to, i);
        must_eq(get(e.fro), i + 1);
    }
    crew_wait(crew);
    ints_unref(e.to);
    ints_unref(e.fro);
}

BEHAVIOUR(ping_pong_capacity_one)
{
    ping_pong(crew, 1,
              crew_many(crew, check_scale(200000), check_scale(20000)));
}

BEHAVIOUR(ping_pong_rendezvous)
{
    ping_pong(crew, 0,
              crew_many(crew, check_scale(200000), check_scale(20000)));
}

/* The buffer runs full and empty all the time: both sides sleep and wake in
 * turn, neither waits for an answer. */
static void pour(void *arg)
{
    const struct ends *e = arg;
    int i;

    for (i = 0; i < e->n; i++)
        put(e->to, i);
}

static void stream_through(struct crew *crew, size_t cap, int n)
{
    struct ends e = {ints_new(cap), NULL, n};
    int i;

    crew_go(crew, pour, &e);
    for (i = 0; i < e.n; i++)
        must_eq(get(e.to), i);
    crew_wait(crew);
    ints_unref(e.to);
}

BEHAVIOUR(stream_through_small_buffers)
{
    const int n = crew_many(crew, check_scale(300000), check_scale(60000));

    stream_through(crew, 1, n);
    stream_through(crew, 2, n);
    stream_through(crew, 3, n);
}

/* Several on both sides at one place: who is woken must be one who can go,
 * and a waker that finds the place taken must not leave the other asleep. */
static void drain(void *arg)
{
    const struct ends *e = arg;
    int i;

    for (i = 0; i < e->n; i++)
        must(get(e->to) >= 0);
}

BEHAVIOUR(crowd_at_one_place)
{
    const int n = crew_many(crew, check_scale(40000), check_scale(6000));
    size_t cap;
    int i;

    for (cap = 0; cap < 3; cap++) {
        struct ends e = {ints_new(cap), NULL, n};

        for (i = 0; i < 4; i++) {
            crew_go(crew, pour, &e);
            crew_go(crew, drain, &e);
        }
        crew_wait(crew);
        must_eq(ints_len(e.to), 0);
        ints_unref(e.to);
    }
}

/* A try that succeeds wakes the other side as a plain operation does. */
static void try_drain(void *arg)
{
    const struct ends *e = arg;
    int i, v;

    for (i = 0; i < e->n; i++)
        while (ints_try_recv(e->to, &v) != 0)
            weir_yield();
}

static void try_pour(void *arg)
{
    const struct ends *e = arg;
    int i;

    for (i = 0; i < e->n; i++)
        while (ints_try_send(e->to, i) != 0)
            weir_yield();
}

BEHAVIOUR(tries_wake_who_sleeps)
{
    const int n = check_scale(20000);
    size_t cap;

    for (cap = 0; cap < 3; cap++) {
        struct ends e = {ints_new(cap), NULL, n};

        crew_go(crew, pour, &e);
        crew_go(crew, try_drain, &e);
        crew_wait(crew);
        crew_go(crew, try_pour, &e);
        crew_go(crew, drain, &e);
        crew_wait(crew);
        ints_unref(e.to);
    }
}

/* A batch frees or fills many places at once: all who can go must go. */
static void batch_drain(void *arg)
{
    const struct ends *e = arg;
    int v[8], left = 4 * e->n;
    ptrdiff_t r;

    while (left > 0) {
        r = ints_recv_n(e->to, v, 8, NULL);
        must(r > 0);
        left -= (int)r;
    }
}

static void batch_pour(void *arg)
{
    const struct ends *e = arg;
    int v[8] = {0}, left = 4 * e->n, step;

    for (; left > 0; left -= step) {
        step = left < 8 ? left : 8;
        must_eq(ints_send_n(e->to, v, (size_t)step, NULL), step);
    }
}

BEHAVIOUR(batches_wake_all_who_can_go)
{
    static const size_t caps[] = {0, 1, 4, 16};
    size_t k;
    int i;

    for (k = 0; k < 4; k++) {
        struct ends e = {ints_new(caps[k]), NULL, check_scale(4000)};

        for (i = 0; i < 4; i++)
            crew_go(crew, pour, &e);
        crew_go(crew, batch_drain, &e);
        crew_wait(crew);
        for (i = 0; i < 4; i++)
            crew_go(crew, drain, &e);
        crew_go(crew, batch_pour, &e);
        crew_wait(crew);
        must_eq(ints_len(e.to), 0);
        ints_unref(e.to);
    }
}

/* Selects that give way: a waker that lost the select to another channel
 * must go on to the next waiter. Two channels, selects on both, and plain
 * receivers behind them. */
struct two {
    ints *a;
    ints *b;
    int n;
};

static void select_either(void *arg)
{
    const struct two *t = arg;
    int i, v;
    weir_case cs[] = {ints_recv_case(t->a, &v), ints_recv_case(t->b, &v)};

    for (i = 0; i < 2 * t->n; i++)
        must(weir_select(cs, 2, NULL) >= 0);
}

static void send_half(const struct two *t, ints *c)
{
    int i;

    for (i = 0; i < 2 * t->n; i++)
        put(c, i);
}

static void send_a(void *arg)
{
    const struct two *t = arg;

    send_half(t, t->a);
}

static void send_b(void *arg)
{
    const struct two *t = arg;

    send_half(t, t->b);
}

BEHAVIOUR(selects_give_way)
{
    const int n = crew_many(crew, check_scale(20000), check_scale(4000));
    size_t cap;

    for (cap = 0; cap < 3; cap++) {
        struct two t = {ints_new(cap), ints_new(cap), n};

        crew_go(crew, select_either, &t);
        crew_go(crew, send_a, &t);
        crew_go(crew, select_either, &t);
        crew_go(crew, send_b, &t);
        crew_wait(crew);
        must_eq(ints_len(t.a) + ints_len(t.b), 0);
        ints_unref(t.a);
        ints_unref(t.b);
    }
}

/* Close at the moment when the other goes to sleep. */
static void receive_to_the_end(void *arg)
{
    int v;

    while (ints_recv(arg, &v, NULL) == 0)
        ;
}

BEHAVIOUR(close_is_not_missed)
{
    int i, n = crew_many(crew, check_scale(20000), check_scale(1500));

    for (i = 0; i < n; i++) {
        ints *c = ints_new((size_t)i % 2);

        crew_go(crew, receive_to_the_end, c);
        if (i % 3)
            put(c, 1);
        must_eq(ints_close(c), 0);
        crew_wait(crew);
        ints_unref(c);
    }
}

/* A cancelled waiter that was being handed something hands it on: with one
 * element going round and impatient takers, it is always somewhere. */
struct token {
    ints *c;
    int n;
};

static void pass_impatiently(void *arg)
{
    const struct token *t = arg;
    weir_ctx ctx;
    int i, v, r;

    for (i = 0; i < t->n; i++) {
        must_eq(weir_ctx_init_timeout(&ctx, NULL, i % 50 * 400), 0);
        r = ints_recv(t->c, &v, &ctx);
        must(r == 0 || r == WEIR_TIMEDOUT);
        if (r == 0)
            put(t->c, v + 1);
        must_eq(weir_ctx_fini(&ctx), 0);
    }
}

BEHAVIOUR(impatient_takers_lose_nothing)
{
    struct token t = {ints_new(1), check_scale(3000)};
    int i;

    put(t.c, 0);
    for (i = 0; i < 4; i++)
        crew_go(crew, pass_impatiently, &t);
    for (i = 0; i < 200; i++)
        put(t.c, get(t.c));
    crew_wait(crew);
    must_eq(ints_len(t.c), 1);
    ints_unref(t.c);
}

/* Receivers whose time runs out in the very moment in which they are served
 * leave the channel as it is, while it is in quick use by others. */
struct rush {
    ints *c;
    int n;
    atomic_long left; /* of what was sent less what was received */
};

static void send_in_bursts(void *arg)
{
    struct rush *r = arg;
    int i;

    for (i = 1; i <= r->n; i++) {
        put(r->c, i);
        atomic_fetch_add(&r->left, i);
        if (i % 20 == 0)
            settle();
    }
}

static void receive_in_haste(void *arg)
{
    struct rush *r = arg;
    int v, i, result = 0;
    weir_ctx ctx;

    for (i = 0; result != WEIR_CLOSED; i++) {
        must_eq(weir_ctx_init_timeout(&ctx, NULL, i % 40 * 500), 0);
        while ((result = ints_recv(r->c, &v, &ctx)) == 0)
            atomic_fetch_sub(&r->left, v);
        must(result == WEIR_TIMEDOUT || result == WEIR_CLOSED);
        must_eq(weir_ctx_fini(&ctx), 0);
    }
}

BEHAVIOUR(haste_leaves_the_channel_whole)
{
    struct crew senders = CREW(crew->mode);
    struct rush r = {.c = ints_new(64), .n = check_scale(10000)};
    int i;

    for (i = 0; i < 3; i++) {
        crew_go(&senders, send_in_bursts, &r);
        crew_go(crew, receive_in_haste, &r);
    }
    crew_wait(&senders);
    must_eq(ints_close(r.c), 0);
    crew_wait(crew);
    must_eq(r.left, 0);
    ints_unref(r.c);
}

CHECK_MAIN(CHECK_MODES(ping_pong_capacity_one),
           CHECK_MODES(ping_pong_rendezvous),
           CHECK_MODES(stream_through_small_buffers),
           CHECK_MODES(crowd_at_one_place), CHECK_MODES(tries_wake_who_sleeps),
           CHECK_MODES(batches_wake_all_who_can_go),
           CHECK_MODES(selects_give_way), CHECK_MODES(close_is_not_missed),
           CHECK_MODES(impatient_takers_lose_nothing),
           CHECK_MODES(haste_leaves_the_channel_whole))
