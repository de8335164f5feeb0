/* SPDX-License-Identifier: MIT */
/*
 * WEIR_SELECT_ORDERED: the first ready case in the listed order, every time;
 * alone, with the try form, and with more cases than fit without allocation.
 */
#include "parties.h"

enum { CASES = 20 };

/* Cases from ready on can go, those before it cannot. */
static void first_ready_of(int n, int ready, unsigned flags)
{
    weir_case cs[CASES];
    ints *c[CASES];
    int i, v = 3;

    for (i = 0; i < n; i++) {
        c[i] = ints_new(1);
        if (i % 2) {
            cs[i] = ints_send_case(c[i], &v);
            if (i < ready)
                put(c[i], 1);
        } else {
            cs[i] = ints_recv_case(c[i], &v);
            if (i >= ready)
                put(c[i], 1);
        }
    }
    if (ready < n)
        must_eq(weir_select_with(cs, n, NULL, flags), ready);
    else
        must_eq(weir_select_with(cs, n, NULL, flags | WEIR_SELECT_TRY),
                WEIR_EMPTY);
    for (i = 0; i < n; i++)
        ints_unref(c[i]);
}

BEHAVIOUR(first_listed_wins)
{
    int n, ready;

    for (n = 1; n <= CASES; n++) {
        for (ready = 0; ready <= n; ready++) {
            first_ready_of(n, ready, WEIR_SELECT_ORDERED);
            if (ready < n)
                first_ready_of(n, ready, WEIR_SELECT_ORDERED | WEIR_SELECT_TRY);
        }
    }
    (void)crew;
}

BEHAVIOUR(priority_of_one_channel)
{
    ints *urgent = ints_new(4), *rest = ints_new(4);
    int i, v;

    for (i = 0; i < 4; i++) {
        put(rest, i);
        put(urgent, i);
    }
    for (i = 0; i < 8; i++) {
        weir_case cs[] = {ints_recv_case(urgent, &v), ints_recv_case(rest, &v)};

        must_eq(weir_select_with(cs, 2, NULL, WEIR_SELECT_ORDERED), i / 4);
        must_eq(v, i % 4);
    }
    ints_unref(urgent);
    ints_unref(rest);
    (void)crew;
}

/* A context that has ended is a ready case like others, in its place. */
BEHAVIOUR(ended_context_has_its_place)
{
    ints *c = ints_new(1);
    weir_ctx ended = WEIR_CTX_INIT;
    int v;

    put(c, 1);
    must_eq(weir_ctx_cancel(&ended, 0), 0);
    weir_case first[] = {WEIR_DONE(&ended), ints_recv_case(c, &v)};
    weir_case last[] = {ints_recv_case(c, &v), WEIR_DONE(&ended)};

    must_eq(weir_select_with(first, 2, NULL, WEIR_SELECT_ORDERED), 0);
    must_eq(first[0].status, WEIR_CANCELED);
    must_eq(ints_len(c), 1);
    must_eq(weir_select_with(last, 2, NULL, WEIR_SELECT_ORDERED), 0);
    must_eq(ints_len(c), 0);
    must_eq(weir_ctx_fini(&ended), 0);
    ints_unref(c);
    (void)crew;
}

/* Those that wait are won by whoever comes first, in any order. */
struct late {
    ints *c[3];
    int at;
};

static void wait_ordered(void *arg)
{
    struct late *l = arg;
    int v;
    weir_case cs[] = {ints_recv_case(l->c[0], &v), ints_recv_case(l->c[1], &v),
                      ints_recv_case(l->c[2], &v)};

    l->at = weir_select_with(cs, 3, NULL, WEIR_SELECT_ORDERED);
}

/* Cases of one channel become ready together: the first of them goes. */
BEHAVIOUR(a_wait_on_one_channel_keeps_the_order)
{
    int i;

    for (i = 0; i < check_scale(150); i++) {
        ints *c = ints_new(0);
        struct late l = {{c, c, c}, -1};

        crew_go(crew, wait_ordered, &l);
        if (i % 2)
            settle();
        put(c, 1);
        crew_wait(crew);
        must_eq(l.at, 0);
        ints_unref(c);
    }
}

BEHAVIOUR(a_wait_ends_with_what_comes_first)
{
    int i;

    for (i = 0; i < check_scale(150); i++) {
        struct late l = {{ints_new(0), ints_new(0), ints_new(1)}, -1};

        crew_go(crew, wait_ordered, &l);
        put(l.c[i % 3], 1);
        crew_wait(crew);
        must_eq(l.at, i % 3);
        ints_unref(l.c[0]);
        ints_unref(l.c[1]);
        ints_unref(l.c[2]);
    }
}

CHECK_MAIN(CHECK_MODES(first_listed_wins), CHECK_MODES(priority_of_one_channel),
           CHECK_MODES(ended_context_has_its_place),
           CHECK_MODES(a_wait_on_one_channel_keeps_the_order),
           CHECK_MODES(a_wait_ends_with_what_comes_first))
