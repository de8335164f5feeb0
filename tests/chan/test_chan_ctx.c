/* SPDX-License-Identifier: MIT */
/*
 * Contexts on channel operations: one that has ended stops only what would
 * have to wait; a cancel or a deadline ends a wait, and the element of an
 * ended wait goes nowhere.
 */
#include "parties.h"

BEHAVIOUR(ended_context_stops_only_a_wait)
{
    ints *c = ints_new(2);
    weir_ctx ended = WEIR_CTX_INIT;
    int v = 0, many[4] = {3, 4, 5, 6};

    must_eq(weir_ctx_cancel(&ended, 0), 0);
    must_eq(ints_recv(c, &v, &ended), WEIR_CANCELED);
    must_eq(ints_send(c, 1, &ended), 0);
    must_eq(ints_send(c, 2, &ended), 0);
    must_eq(ints_send(c, 3, &ended), WEIR_CANCELED);
    must_eq(ints_send_n(c, many, 4, &ended), WEIR_CANCELED);
    must_eq(ints_recv(c, &v, &ended), 0);
    must_eq(v, 1);
    must_eq(ints_send_n(c, many, 4, &ended), 1);
    must_eq(ints_recv_n(c, many, 4, &ended), 2);
    must_eq(many[0], 2);
    must_eq(many[1], 3);
    must_eq(ints_recv_n(c, many, 4, &ended), WEIR_CANCELED);
    must_eq(weir_ctx_fini(&ended), 0);
    ints_unref(c);
    (void)crew;
}

BEHAVIOUR(deadline_ends_a_wait)
{
    ints *full = ints_new(1), *none = ints_new(0);
    weir_ctx ctx;
    int v = 9;

    put(full, 1);
    must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MILLISECOND), 0);
    must_eq(ints_send(full, 2, &ctx), WEIR_TIMEDOUT);
    must(weir_now() >= weir_ctx_deadline(&ctx));
    must_eq(ints_recv(none, &v, &ctx), WEIR_TIMEDOUT);
    must_eq(ints_send(none, 2, &ctx), WEIR_TIMEDOUT);
    must_eq(ints_recv_n(none, &v, 1, &ctx), WEIR_TIMEDOUT);
    must_eq(v, 9);
    must_eq(ints_len(full), 1);
    must_eq(weir_ctx_fini(&ctx), 0);
    ints_unref(full);
    ints_unref(none);
    (void)crew;
}

/* One cancel ends them all, whatever they wait for. */
struct waits {
    ints *c;
    weir_ctx *ctx;
    int kind;
    ptrdiff_t result;
};

static void wait_some_way(void *arg)
{
    struct waits *w = arg;
    int v[3] = {1, 2, 3};
    weir_case cs[] = {ints_recv_case(w->c, v)};

    switch (w->kind) {
    case 0:
        w->result = ints_recv(w->c, v, w->ctx);
        break;
    case 1:
        w->result = ints_recv_n(w->c, v, 3, w->ctx);
        break;
    case 2:
        w->result = weir_select(cs, 1, w->ctx);
        break;
    case 3:
        w->result = ints_send(w->c, 1, w->ctx);
        break;
    default:
        w->result = ints_send_n(w->c, v, 3, w->ctx);
    }
}

static void cancel_all(struct crew *crew, int from, int to, size_t cap)
{
    enum { EACH = 10 };

    ints *c = ints_new(cap);
    struct waits w[EACH];
    weir_ctx parent, ctx;
    int i;

    for (i = 0; i < (int)cap && from >= 3; i++)
        put(c, 1);
    must_eq(weir_ctx_init(&parent, NULL), 0);
    must_eq(weir_ctx_init(&ctx, &parent), 0);
    for (i = 0; i < EACH; i++) {
        w[i] = (struct waits){c, &ctx, from + i % (to - from), 1};
        crew_go(crew, wait_some_way, &w[i]);
    }
    settle();
    must_eq(weir_ctx_cancel(&parent, 0), 0);
    crew_wait(crew);
    for (i = 0; i < EACH; i++)
        must_eq(w[i].result, WEIR_CANCELED);
    must_eq(ints_len(c), from >= 3 ? cap : 0);
    must_eq(weir_ctx_fini(&ctx), 0);
    must_eq(weir_ctx_fini(&parent), 0);
    ints_unref(c);
}

BEHAVIOUR(cancel_ends_every_wait)
{
    int i;

    for (i = 0; i < check_scale(20); i++) {
        cancel_all(crew, 0, 3, (size_t)i % 3);
        cancel_all(crew, 3, 5, (size_t)i % 3);
    }
}

/*
 * Cancelled senders and receivers come and go while others stream: what the
 * successful sends sent is what the successful receives received.
 */
struct churn {
    ints *c;
    int n;
    atomic_long sent;
    atomic_long received;
};

static void send_impatiently(void *arg)
{
    struct churn *x = arg;
    weir_ctx ctx;
    int i;

    for (i = 1; i <= x->n; i++) {
        must_eq(weir_ctx_init_timeout(&ctx, NULL, i % 7 * 3000), 0);
        if (ints_send(x->c, i, &ctx) == 0)
            atomic_fetch_add(&x->sent, i);
        must_eq(weir_ctx_fini(&ctx), 0);
    }
}

static void receive_impatiently(void *arg)
{
    struct churn *x = arg;
    weir_ctx ctx;
    int r, v, i = 0;

    do {
        must_eq(weir_ctx_init_timeout(&ctx, NULL, i++ % 5 * 4000), 0);
        r = ints_recv(x->c, &v, &ctx);
        if (r == 0)
            atomic_fetch_add(&x->received, v);
        must(r == 0 || r == WEIR_CLOSED || r == WEIR_TIMEDOUT);
        must_eq(weir_ctx_fini(&ctx), 0);
    } while (r != WEIR_CLOSED);
}

BEHAVIOUR(nothing_lost_between_impatient_sides)
{
    size_t cap;
    int i;

    for (cap = 0; cap < 3; cap++) {
        struct crew senders = CREW(crew->mode);
        struct churn x = {.c = ints_new(cap), .n = check_scale(1000)};

        for (i = 0; i < 2; i++) {
            crew_go(&senders, send_impatiently, &x);
            crew_go(crew, receive_impatiently, &x);
        }
        crew_wait(&senders);
        must_eq(ints_close(x.c), 0);
        crew_wait(crew);
        must_eq(x.sent, x.received);
        ints_unref(x.c);
    }
}

CHECK_MAIN(CHECK_MODES(ended_context_stops_only_a_wait),
           CHECK_MODES(deadline_ends_a_wait),
           CHECK_MODES(cancel_ends_every_wait),
           CHECK_MODES(nothing_lost_between_impatient_sides))
