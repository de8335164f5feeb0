/* SPDX-License-Identifier: MIT */
/*
 * Selects with many cases: beyond sixteen, where memory is allocated, and up
 * to hundreds; ready at once, won while waiting, closed, timed out.
 */
#include "parties.h"

enum { MOST = 300 };

static const int counts[] = {15, 16, 17, 64, 65, MOST};

struct wide {
    ints *c[MOST];
    int n;
    int order; /* to whom the next one goes, a permutation */
    int rounds;
};

static void wide_init(struct wide *w, int n, size_t cap)
{
    int i;

    w->n = n;
    for (i = 0; i < n; i++)
        w->c[i] = ints_new(cap);
}

static void wide_fini(struct wide *w)
{
    int i;

    for (i = 0; i < w->n; i++)
        ints_unref(w->c[i]);
}

BEHAVIOUR(any_of_many_is_found)
{
    size_t k;
    int i;

    for (k = 0; k < sizeof counts / sizeof *counts; k++) {
        struct wide w;
        weir_case cs[MOST];
        int v = -1;

        wide_init(&w, counts[k], 1);
        for (i = 0; i < w.n; i++)
            cs[i] = ints_recv_case(w.c[i], &v);
        must_eq(weir_try_select(cs, w.n), WEIR_EMPTY);
        for (i = 0; i < w.n; i++) {
            put(w.c[i], i);
            must_eq(i % 2 ? weir_select(cs, w.n, NULL)
                          : weir_try_select(cs, w.n),
                    i);
            must_eq(v, i);
        }
        wide_fini(&w);
    }
    (void)crew;
}

static void send_to_each(void *arg)
{
    const struct wide *w = arg;
    int i;

    for (i = 0; i < w->rounds; i++)
        put(w->c[(i * 7 + w->order) % w->n], i);
}

static void receive_from_each(void *arg)
{
    const struct wide *w = arg;
    int i;

    for (i = 0; i < w->rounds; i++)
        must(get(w->c[(i * 7 + w->order) % w->n]) >= 0);
}

/* A select that waits on all of them is won by the one that comes. */
BEHAVIOUR(won_while_waiting_on_many)
{
    size_t k;
    int i, at, v, sends;

    for (k = 0; k < sizeof counts / sizeof *counts; k++) {
        for (sends = 0; sends < 2; sends++) {
            struct wide w = {.rounds = check_scale(200)};
            weir_case cs[MOST];

            wide_init(&w, counts[k], 0);
            for (i = 0; i < w.n; i++)
                cs[i] = sends ? ints_send_case(w.c[i], &v)
                              : ints_recv_case(w.c[i], &v);
            crew_go(crew, sends ? receive_from_each : send_to_each, &w);
            for (i = 0; i < w.rounds; i++) {
                v = i;
                at = weir_select(cs, w.n, NULL);
                must_eq(at, i * 7 % w.n);
                must_eq(v, i);
            }
            crew_wait(crew);
            wide_fini(&w);
        }
    }
}

/* Two wide selects, one sending and one receiving, listed in opposite order
 * over the same channels: they always find each other. */
static void select_over_all(const struct wide *w, bool sends)
{
    weir_case cs[MOST];
    int i, v = 1;

    for (i = 0; i < w->n; i++)
        cs[i] = sends ? ints_send_case(w->c[i], &v)
                      : ints_recv_case(w->c[w->n - 1 - i], &v);
    for (i = 0; i < w->rounds; i++)
        must(weir_select(cs, w->n, NULL) >= 0);
}

static void send_over_all(void *arg)
{
    select_over_all(arg, true);
}

static void receive_over_all(void *arg)
{
    select_over_all(arg, false);
}

BEHAVIOUR(wide_selects_meet)
{
    size_t k;
    int i;

    for (k = 1; k < 4; k++) {
        struct wide w = {.rounds = check_scale(300)};

        wide_init(&w, counts[k], 0);
        for (i = 0; i < 2; i++) {
            crew_go(crew, send_over_all, &w);
            crew_go(crew, receive_over_all, &w);
        }
        crew_wait(crew);
        wide_fini(&w);
    }
}

static void close_one_of_many(void *arg)
{
    const struct wide *w = arg;

    must_eq(ints_close(w->c[w->order]), 0);
}

BEHAVIOUR(close_and_time_end_a_wide_select)
{
    size_t k;
    int i, v = 4;

    for (k = 0; k < sizeof counts / sizeof *counts; k++) {
        struct wide w = {.order = counts[k] / 2};
        weir_case cs[MOST + 1];

        wide_init(&w, counts[k], 0);
        for (i = 0; i < w.n; i++)
            cs[i] =
                i % 2 ? ints_send_case(w.c[i], &v) : ints_recv_case(w.c[i], &v);
        cs[w.n] = WEIR_TIMEOUT(WEIR_MILLISECOND);
        must_eq(weir_select(cs, w.n + 1, NULL), w.n);
        crew_go(crew, close_one_of_many, &w);
        must_eq(weir_select(cs, w.n, NULL), w.order);
        must_eq(cs[w.order].status, WEIR_CLOSED);
        must_eq(v, 4);
        crew_wait(crew);
        wide_fini(&w);
    }
}

CHECK_MAIN(CHECK_MODES(any_of_many_is_found),
           CHECK_MODES(won_while_waiting_on_many),
           CHECK_MODES(wide_selects_meet),
           CHECK_MODES(close_and_time_end_a_wide_select))
