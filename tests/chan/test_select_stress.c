/* SPDX-License-Identifier: MIT */
/*
 * Four channels, two rendezvous and two buffered, under plain senders, plain
 * receivers, a select that sends and a select that receives, all at once.
 * Each of them moves the same number of elements through each channel, so
 * the whole comes out even or hangs.
 */
#include "parties.h"

enum { WAYS = 4 };

struct cross {
    ints *c[WAYS];
    int n;
    atomic_long sum;        /* of what was sent less what was received */
    atomic_int next_sender; /* the channel of the next plain party     */
    atomic_int next_receiver;
};

static void plain_send(void *arg)
{
    struct cross *x = arg;
    ints *c = x->c[atomic_fetch_add(&x->next_sender, 1)];
    int i;

    for (i = 0; i < x->n; i++) {
        atomic_fetch_add(&x->sum, i);
        put(c, i);
    }
}

static void plain_recv(void *arg)
{
    struct cross *x = arg;
    ints *c = x->c[atomic_fetch_add(&x->next_receiver, 1)];
    int i;

    for (i = 0; i < x->n; i++)
        atomic_fetch_sub(&x->sum, get(c));
}

/* n elements on each channel, in whatever order they go; a channel that has
 * had its share is switched off. */
static void select_all(struct cross *x, bool sends)
{
    int left[WAYS] = {x->n, x->n, x->n, x->n};
    int i, at, v, total = WAYS * x->n;
    weir_case cs[WAYS];

    for (; total > 0; total--) {
        v = total;
        for (i = 0; i < WAYS; i++) {
            ints *c = left[i] > 0 ? x->c[i] : NULL;

            cs[i] = sends ? ints_send_case(c, &v) : ints_recv_case(c, &v);
        }
        if (sends)
            atomic_fetch_add(&x->sum, v);
        at = weir_select(cs, WAYS, NULL);
        must(at >= 0 && at < WAYS);
        must(left[at]-- > 0);
        must_eq(cs[at].status, 0);
        if (!sends)
            atomic_fetch_sub(&x->sum, v);
    }
}

static void select_send(void *arg)
{
    select_all(arg, true);
}

static void select_recv(void *arg)
{
    select_all(arg, false);
}

BEHAVIOUR(four_channels_mixed)
{
    static const size_t caps[WAYS] = {0, 0, 2, 3};
    struct cross x = {
        .n = crew_many(crew, check_scale(20000), check_scale(4000))};
    int i;

    for (i = 0; i < WAYS; i++)
        x.c[i] = ints_new(caps[i]);
    for (i = 0; i < WAYS; i++)
        crew_go(crew, plain_send, &x);
    crew_go(crew, select_send, &x);
    for (i = 0; i < WAYS; i++)
        crew_go(crew, plain_recv, &x);
    crew_go(crew, select_recv, &x);
    crew_wait(crew);
    must_eq(x.sum, 0);
    for (i = 0; i < WAYS; i++) {
        must_eq(ints_len(x.c[i]), 0);
        ints_unref(x.c[i]);
    }
}

/* Selects only, several on both sides, listed from different ends so that
 * locks would be taken in different orders. */
BEHAVIOUR(selects_against_selects)
{
    struct cross x = {
        .n = crew_many(crew, check_scale(5000), check_scale(1000))};
    struct cross back = {.n = x.n};
    int i;

    for (i = 0; i < WAYS; i++)
        back.c[WAYS - 1 - i] = x.c[i] = ints_new((size_t)i / 2);
    for (i = 0; i < 2; i++) {
        crew_go(crew, select_send, &x);
        crew_go(crew, select_recv, &back);
        crew_go(crew, select_recv, &x);
        crew_go(crew, select_send, &back);
    }
    crew_wait(crew);
    must_eq(x.sum + back.sum, 0);
    for (i = 0; i < WAYS; i++)
        ints_unref(x.c[i]);
}

CHECK_MAIN(CHECK_MODES(four_channels_mixed),
           CHECK_MODES(selects_against_selects))
