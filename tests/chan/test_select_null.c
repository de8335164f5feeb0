/* SPDX-License-Identifier: MIT */
/*
 * Cases that are switched off: a NULL channel or context is never chosen and
 * does not disturb the others; with nothing switched on a select waits for
 * its context alone.
 */
#include "parties.h"

BEHAVIOUR(null_is_never_chosen)
{
    int v = 7;
    weir_case recv[] = {WEIR_RECV(NULL, &v)}, send[] = {WEIR_SEND(NULL, &v)};
    weir_case both[] = {WEIR_RECV(NULL, &v), WEIR_SEND(NULL, &v),
                        WEIR_DONE(NULL)};

    must_eq(weir_try_select(recv, 1), WEIR_EMPTY);
    must_eq(weir_try_select(send, 1), WEIR_EMPTY);
    must_eq(weir_try_select(both, 3), WEIR_EMPTY);
    must_eq(weir_try_select(NULL, 0), WEIR_EMPTY);
    must_eq(v, 7);
    (void)crew;
}

BEHAVIOUR(null_beside_a_ready_case)
{
    ints *c = ints_new(1);
    int i, v;

    for (i = 0; i < 50; i++) {
        weir_case in[] = {WEIR_RECV(NULL, &v), ints_send_case(c, &i),
                          WEIR_SEND(NULL, &v)};
        weir_case out[] = {WEIR_SEND(NULL, &v), WEIR_RECV(NULL, &v),
                           ints_recv_case(c, &v)};

        must_eq(weir_select(in, 3, NULL), 1);
        must_eq(weir_select(out, 3, NULL), 2);
        must_eq(v, i);
    }
    ints_unref(c);
    (void)crew;
}

/* A case without a kind is off whatever its other fields say. */
BEHAVIOUR(zeroed_case_is_off)
{
    ints *c = ints_new(1);
    int v = 1;
    weir_case cs[3];

    memset(cs, 0, sizeof cs);
    cs[1] = ints_send_case(c, &v);
    must_eq(weir_try_select(cs, 1), WEIR_EMPTY);
    must_eq(weir_select(cs, 3, NULL), 1);
    must_eq(ints_len(c), 1);
    ints_unref(c);
    (void)crew;
}

/* Nothing can happen but the end of the context. */
struct idle {
    weir_ctx *ctx;
    int n;
    int result;
};

static void wait_for_nothing(void *arg)
{
    struct idle *w = arg;
    ints *c = ints_new(0);
    int v = 1;
    weir_case cs[] = {WEIR_RECV(NULL, &v), WEIR_SEND(NULL, &v),
                      ints_recv_case(c, &v), ints_send_case(c, &v)};

    w->result = weir_select(w->n > 0 ? cs : NULL, w->n, w->ctx);
    ints_unref(c);
}

BEHAVIOUR(nothing_on_waits_for_the_context)
{
    static const int cases[] = {0, 1, 2, 3, 4};
    struct idle w[5];
    weir_ctx ctx;
    int i;

    must_eq(weir_ctx_init(&ctx, NULL), 0);
    for (i = 0; i < 5; i++) {
        w[i] = (struct idle){&ctx, cases[i], 99};
        crew_go(crew, wait_for_nothing, &w[i]);
    }
    settle();
    for (i = 0; i < 5; i++)
        must_eq(w[i].n, cases[i]);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    crew_wait(crew);
    for (i = 0; i < 5; i++)
        must_eq(w[i].result, WEIR_CANCELED);
    must_eq(weir_ctx_fini(&ctx), 0);
}

BEHAVIOUR(nothing_on_ends_with_the_deadline)
{
    weir_ctx ctx;
    weir_case cs[] = {WEIR_RECV(NULL, NULL)};

    must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MILLISECOND), 0);
    must_eq(weir_select(NULL, 0, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_select(cs, 1, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_ctx_fini(&ctx), 0);
    (void)crew;
}

/* Streams that end at different times: each is switched off as it ends. */
struct stream {
    ints *c;
    int n;
};

static void stream_run(void *arg)
{
    const struct stream *s = arg;
    int i;

    for (i = 0; i < s->n; i++)
        put(s->c, 1);
    must_eq(ints_close(s->c), 0);
}

BEHAVIOUR(switched_off_one_by_one)
{
    enum { WAYS = 5 };

    struct stream s[WAYS];
    weir_case cs[WAYS];
    int i, v, at, open = WAYS, got = 0;

    for (i = 0; i < WAYS; i++) {
        s[i] = (struct stream){ints_new((size_t)i % 3), i * 50};
        cs[i] = ints_recv_case(s[i].c, &v);
        crew_go(crew, stream_run, &s[i]);
    }
    while (open > 0) {
        at = weir_select(cs, WAYS, NULL);
        must(at >= 0 && at < WAYS && cs[at].object != NULL);
        if (cs[at].status == 0) {
            got += v;
            continue;
        }
        cs[at].object = NULL;
        open--;
    }
    must_eq(weir_try_select(cs, WAYS), WEIR_EMPTY);
    crew_wait(crew);
    must_eq(got, 50 * (1 + 2 + 3 + 4));
    for (i = 0; i < WAYS; i++)
        ints_unref(s[i].c);
}

CHECK_MAIN(CHECK_MODES(null_is_never_chosen),
           CHECK_MODES(null_beside_a_ready_case),
           CHECK_MODES(zeroed_case_is_off),
           CHECK_MODES(nothing_on_waits_for_the_context),
           CHECK_MODES(nothing_on_ends_with_the_deadline),
           CHECK_MODES(switched_off_one_by_one))
