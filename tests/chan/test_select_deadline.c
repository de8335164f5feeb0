/* SPDX-License-Identifier: MIT */
/*
 * What ends a select besides its channels: a deadline or a cancel of its
 * context, a timeout case, a context case. Each is told apart, and none of
 * them takes an element with it.
 */
#include "parties.h"

BEHAVIOUR(timeout_case_is_chosen)
{
    ints *c = ints_new(0);
    int64_t start = weir_now();
    int v = 4;
    weir_case cs[] = {ints_recv_case(c, &v), WEIR_TIMEOUT(2 * WEIR_MILLISECOND),
                      ints_send_case(c, &v)};

    must_eq(weir_select(cs, 3, NULL), 1);
    must_eq(cs[1].status, 0);
    must(weir_now() - start >= 2 * WEIR_MILLISECOND);
    must_eq(v, 4);
    must_eq(ints_try_send(c, 1), WEIR_FULL);
    ints_unref(c);
    (void)crew;
}

BEHAVIOUR(earliest_timeout_wins)
{
    weir_case cs[] = {WEIR_TIMEOUT(WEIR_MINUTE), WEIR_TIMEOUT(WEIR_MILLISECOND),
                      WEIR_TIMEOUT(WEIR_FOREVER)};

    must_eq(weir_select(cs, 3, NULL), 1);
    (void)crew;
}

/* A timeout of nothing is over at once: for a try as well. */
BEHAVIOUR(timeout_of_zero_is_ready)
{
    ints *c = ints_new(1);
    int v = 0;
    weir_case zero[] = {ints_recv_case(c, &v), WEIR_TIMEOUT(0)};
    weir_case less[] = {WEIR_TIMEOUT(-5), ints_recv_case(c, &v)};
    weir_case later[] = {ints_recv_case(c, &v), WEIR_TIMEOUT(WEIR_MINUTE)};

    must_eq(weir_select(zero, 2, NULL), 1);
    must_eq(weir_select(less, 2, NULL), 0);
    must_eq(weir_try_select(zero, 2), 1);
    must_eq(weir_try_select(later, 2), WEIR_EMPTY);
    ints_unref(c);
    (void)crew;
}

BEHAVIOUR(ready_case_before_the_timeout)
{
    ints *c = ints_new(1);
    int v = 0;
    weir_case cs[] = {WEIR_TIMEOUT(WEIR_MINUTE), ints_recv_case(c, &v)};

    put(c, 6);
    must_eq(weir_select(cs, 2, NULL), 1);
    must_eq(v, 6);
    ints_unref(c);
    (void)crew;
}

/* The wait ends from outside: no case was done. */
BEHAVIOUR(deadline_of_the_context)
{
    ints *c = ints_new(0);
    weir_ctx ctx;
    int v = 3;
    weir_case cs[] = {ints_recv_case(c, &v), ints_send_case(c, &v)};

    must_eq(weir_ctx_init_timeout(&ctx, NULL, 2 * WEIR_MILLISECOND), 0);
    must_eq(weir_select(cs, 2, &ctx), WEIR_TIMEDOUT);
    must(weir_now() >= weir_ctx_deadline(&ctx));
    must_eq(weir_select(cs, 2, &ctx), WEIR_TIMEDOUT);
    must_eq(v, 3);
    must_eq(ints_try_send(c, 1), WEIR_FULL);
    must_eq(weir_chan_try_recv(ints_base(c), NULL), WEIR_EMPTY);
    must_eq(weir_ctx_fini(&ctx), 0);
    ints_unref(c);
    (void)crew;
}

/* What need not wait goes, even when the context has ended long ago. */
BEHAVIOUR(ended_context_does_not_stop_a_ready_case)
{
    ints *c = ints_new(1);
    weir_ctx ended = WEIR_CTX_INIT;
    int i, v;
    weir_case in[] = {ints_send_case(c, &i)}, out[] = {ints_recv_case(c, &v)};

    must_eq(weir_ctx_cancel(&ended, 0), 0);
    for (i = 0; i < 20; i++) {
        must_eq(weir_select(in, 1, &ended), 0);
        must_eq(weir_select(in, 1, &ended), WEIR_CANCELED);
        must_eq(weir_select(out, 1, &ended), 0);
        must_eq(v, i);
        must_eq(weir_select(out, 1, &ended), WEIR_CANCELED);
    }
    must_eq(weir_ctx_fini(&ended), 0);
    ints_unref(c);
    (void)crew;
}

/* A context as a case: ready once it has ended, with its reason. */
struct done {
    weir_ctx *ctx;
    ints *never;
    int status;
};

static void wait_for_done(void *arg)
{
    struct done *d = arg;
    int v;
    weir_case cs[] = {ints_recv_case(d->never, &v), WEIR_DONE(d->ctx)};

    must_eq(weir_select(cs, 2, NULL), 1);
    d->status = cs[1].status;
}

BEHAVIOUR(done_case_tells_why)
{
    ints *never = ints_new(0);
    weir_ctx by_hand, by_time;
    struct done d[4];
    int i;

    must_eq(weir_ctx_init(&by_hand, NULL), 0);
    must_eq(weir_ctx_init_timeout(&by_time, NULL, 3 * WEIR_MILLISECOND), 0);
    for (i = 0; i < 4; i++) {
        d[i] = (struct done){i % 2 ? &by_hand : &by_time, never, 0};
        crew_go(crew, wait_for_done, &d[i]);
    }
    must_eq(weir_ctx_cancel(&by_hand, -77), 0);
    crew_wait(crew);
    for (i = 0; i < 4; i++)
        must_eq(d[i].status, i % 2 ? WEIR_CANCELED : WEIR_TIMEDOUT);
    wait_for_done(&d[0]);
    must_eq(d[0].status, WEIR_TIMEDOUT);
    must_eq(weir_ctx_fini(&by_hand), 0);
    must_eq(weir_ctx_fini(&by_time), 0);
    ints_unref(never);
}

BEHAVIOUR(living_context_case_is_not_ready)
{
    weir_ctx ctx;
    weir_case cs[] = {WEIR_DONE(&ctx), WEIR_DONE(weir_ctx_background())};

    must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MINUTE), 0);
    must_eq(weir_try_select(cs, 2), WEIR_EMPTY);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    must_eq(weir_try_select(cs, 2), 0);
    must_eq(cs[0].status, WEIR_CANCELED);
    must_eq(weir_ctx_fini(&ctx), 0);
    (void)crew;
}

/* The same context as a case and as the end of the wait, and contexts below
 * and above: one of them is told, never two. */
BEHAVIOUR(context_in_both_places)
{
    weir_ctx parent, child;
    weir_case cs[] = {WEIR_DONE(&child), WEIR_DONE(&parent)};
    int i, r;

    for (i = 0; i < check_scale(50); i++) {
        must_eq(weir_ctx_init(&parent, NULL), 0);
        must_eq(weir_ctx_init_timeout(&child, &parent, WEIR_MICROSECOND * i),
                0);
        r = weir_select(cs, 2, &child);
        must(r == 0 || r == WEIR_TIMEDOUT);
        if (r == 0)
            must_eq(cs[0].status, WEIR_TIMEDOUT);
        must_eq(weir_ctx_err(&parent), 0);
        must_eq(weir_ctx_fini(&child), 0);
        must_eq(weir_ctx_fini(&parent), 0);
    }
    (void)crew;
}

/*
 * The end of a context races with a sender. Either the select has the
 * element and the sender's send succeeded, or neither.
 */
struct offer {
    ints *c;
    weir_ctx *ctx;
    int status;
};

static void offer_one(void *arg)
{
    struct offer *o = arg;

    o->status = ints_send(o->c, 1, o->ctx);
}

static void cancel_now(void *arg)
{
    must_eq(weir_ctx_cancel(arg, 0), 0);
}

BEHAVIOUR(cancel_against_send)
{
    int i, r, n = crew_many(crew, check_scale(5000), check_scale(500));

    for (i = 0; i < n; i++) {
        weir_ctx ctx;
        struct offer o = {ints_new(0), &ctx, 1};
        int v = 0;
        weir_case cs[] = {ints_recv_case(o.c, &v)};

        must_eq(weir_ctx_init(&ctx, NULL), 0);
        crew_go(crew, offer_one, &o);
        crew_go(crew, cancel_now, &ctx);
        r = weir_select(cs, 1, &ctx);
        crew_wait(crew);
        must(r == 0 || r == WEIR_CANCELED);
        must_eq(o.status, r);
        must_eq(v, r == 0);
        must_eq(weir_ctx_fini(&ctx), 0);
        ints_unref(o.c);
    }
}

/* The same with time as the third party. */
BEHAVIOUR(timeout_against_send)
{
    int i, at, n = check_scale(300);

    for (i = 0; i < n; i++) {
        struct offer o = {ints_new(0), NULL, 1};
        int v = 0;
        weir_case cs[] = {ints_recv_case(o.c, &v),
                          WEIR_TIMEOUT(i % 60 * WEIR_MICROSECOND)};

        crew_go(crew, offer_one, &o);
        at = weir_select(cs, 2, NULL);
        must(at == 0 || at == 1);
        must_eq(v, at == 0);
        if (at == 1)
            must_eq(get(o.c), 1);
        crew_wait(crew);
        must_eq(o.status, 0);
        ints_unref(o.c);
    }
}

CHECK_MAIN(CHECK_MODES(timeout_case_is_chosen),
           CHECK_MODES(earliest_timeout_wins),
           CHECK_MODES(timeout_of_zero_is_ready),
           CHECK_MODES(ready_case_before_the_timeout),
           CHECK_MODES(deadline_of_the_context),
           CHECK_MODES(ended_context_does_not_stop_a_ready_case),
           CHECK_MODES(done_case_tells_why),
           CHECK_MODES(living_context_case_is_not_ready),
           CHECK_MODES(context_in_both_places),
           CHECK_MODES(cancel_against_send), CHECK_MODES(timeout_against_send))
