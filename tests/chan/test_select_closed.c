/* SPDX-License-Identifier: MIT */
/*
 * Select on closed channels: a closed channel makes its case ready, for a
 * receive once it is drained and for a send at once, with WEIR_CLOSED in the
 * case. An element that is still there comes first.
 */
#include "parties.h"

BEHAVIOUR(closed_receive_is_ready)
{
    ints *c = ints_new(2), *never = ints_new(0);
    int v = 0;
    weir_case cs[] = {ints_recv_case(never, &v), ints_recv_case(c, &v)};

    put(c, 1);
    put(c, 2);
    must_eq(ints_close(c), 0);
    must_eq(weir_select(cs, 2, NULL), 1);
    must_eq(cs[1].status, 0);
    must_eq(v, 1);
    must_eq(weir_try_select(cs, 2), 1);
    must_eq(cs[1].status, 0);
    must_eq(v, 2);
    must_eq(weir_select(cs, 2, NULL), 1);
    must_eq(cs[1].status, WEIR_CLOSED);
    must_eq(weir_try_select(cs, 2), 1);
    must_eq(cs[1].status, WEIR_CLOSED);
    must_eq(v, 2);
    ints_unref(c);
    ints_unref(never);
    (void)crew;
}

/* What a case said of an earlier channel is over with the next select. */
BEHAVIOUR(a_status_is_of_this_select)
{
    ints *gone = ints_new(1), *c = ints_new(1);
    int v = 0, w = 7;
    weir_case in = ints_recv_case(gone, &v), out = ints_send_case(gone, &w);

    must_eq(ints_close(gone), 0);
    must_eq(weir_select(&in, 1, NULL), 0);
    must_eq(in.status, WEIR_CLOSED);
    must_eq(weir_select(&out, 1, NULL), 0);
    must_eq(out.status, WEIR_CLOSED);
    in.object = out.object = ints_base(c);
    must_eq(weir_select(&out, 1, NULL), 0);
    must_eq(out.status, 0);
    must_eq(weir_select(&in, 1, NULL), 0);
    must_eq(in.status, 0);
    must_eq(v, 7);
    ints_unref(c);
    ints_unref(gone);
    (void)crew;
}

BEHAVIOUR(closed_send_is_ready_and_fails)
{
    size_t cap;

    for (cap = 0; cap < 3; cap++) {
        ints *c = ints_new(cap), *never = ints_new(0);
        int v = 1;
        weir_case cs[] = {ints_send_case(c, &v), ints_recv_case(never, &v)};

        must_eq(ints_close(c), 0);
        must_eq(weir_select(cs, 2, NULL), 0);
        must_eq(cs[0].status, WEIR_CLOSED);
        must_eq(weir_try_select(cs, 2), 0);
        must_eq(cs[0].status, WEIR_CLOSED);
        must_eq(ints_len(c), 0);
        ints_unref(c);
        ints_unref(never);
    }
    (void)crew;
}

/* A closed channel is one ready case among others, not a privileged one. */
BEHAVIOUR(closed_and_open_share_the_choice)
{
    ints *gone = ints_new(0), *c = ints_new(1);
    int i, v, chosen[2] = {0};

    must_eq(ints_close(gone), 0);
    put(c, 1);
    for (i = 0; i < 200; i++) {
        weir_case cs[] = {ints_recv_case(gone, &v), ints_recv_case(c, &v)};
        int at = weir_select(cs, 2, NULL);

        must(at == 0 || at == 1);
        must_eq(cs[at].status, at == 0 ? WEIR_CLOSED : 0);
        chosen[at]++;
        if (at == 1)
            put(c, 1);
    }
    must(chosen[0] > 0 && chosen[1] > 0);
    ints_unref(gone);
    ints_unref(c);
    (void)crew;
}

/* All forms of waiting select learn of the close, once, and are told which
 * channel it was. */
struct waiter {
    ints *c[2];
    bool sends;
    int at;
    int status;
};

static void select_until_closed(void *arg)
{
    struct waiter *w = arg;
    int v = -3;
    weir_case cs[2];
    int i;

    for (i = 0; i < 2; i++)
        cs[i] = w->sends ? ints_send_case(w->c[i], &v)
                         : ints_recv_case(w->c[i], &v);
    w->at = weir_select(cs, 2, NULL);
    w->status = cs[w->at].status;
    must_eq(v, -3);
}

BEHAVIOUR(close_wakes_selects)
{
    enum { EACH = 6 };
    int i, round;

    for (round = 0; round < check_scale(60); round++) {
        ints *c[2] = {ints_new(0), ints_new(0)};
        struct waiter w[EACH];
        const bool sends = round % 2;

        for (i = 0; i < EACH; i++) {
            w[i] = (struct waiter){{c[i % 2], c[1 - i % 2]}, sends, -1, 0};
            crew_go(crew, select_until_closed, &w[i]);
        }
        if (round % 3)
            settle();
        must_eq(ints_close(c[0]), 0);
        crew_wait(crew);
        for (i = 0; i < EACH; i++) {
            must_eq(w[i].at, i % 2);
            must_eq(w[i].status, WEIR_CLOSED);
        }
        ints_unref(c[0]);
        ints_unref(c[1]);
    }
}

/* Closed by one while another sends to the same select: the select gets the
 * one or the other, and the sender is told the truth. */
struct sender {
    ints *c;
    int status;
};

static void send_or_closed(void *arg)
{
    struct sender *s = arg;

    s->status = ints_send(s->c, 1, NULL);
}

static void close_it(void *arg)
{
    const struct sender *s = arg;

    must_eq(ints_close(s->c), 0);
}

BEHAVIOUR(close_against_send)
{
    int i, n = crew_many(crew, check_scale(6000), check_scale(600));

    for (i = 0; i < n; i++) {
        struct sender s = {ints_new((size_t)i % 2), 1};
        int v = 0;
        weir_case cs[] = {ints_recv_case(s.c, &v)};

        crew_go(crew, i % 4 < 2 ? send_or_closed : close_it, &s);
        crew_go(crew, i % 4 < 2 ? close_it : send_or_closed, &s);
        must_eq(weir_select(cs, 1, NULL), 0);
        crew_wait(crew);
        must(cs[0].status == 0 || cs[0].status == WEIR_CLOSED);
        must(s.status == 0 || s.status == WEIR_CLOSED);
        must_eq(cs[0].status, s.status);
        must_eq(v, s.status == 0);
        ints_unref(s.c);
    }
}

CHECK_MAIN(CHECK_MODES(closed_receive_is_ready),
           CHECK_MODES(a_status_is_of_this_select),
           CHECK_MODES(closed_send_is_ready_and_fails),
           CHECK_MODES(closed_and_open_share_the_choice),
           CHECK_MODES(close_wakes_selects), CHECK_MODES(close_against_send))
