/* SPDX-License-Identifier: MIT */
/*
 * The choice among ready cases is uniform and independent of the order they
 * are listed in; by a flag it is the first listed one. The bounds are six
 * standard deviations: a right library fails once in half a billion runs.
 */
#include <math.h>
#include "parties.h"

static void must_be_share(int count, int trials, int of)
{
    const double p = 1.0 / of, mean = trials * p;
    const double bound = 6 * sqrt(trials * p * (1 - p));

    if (fabs(count - mean) > bound)
        ck_abort_msg("chosen %d times of %d, expected %.0f +- %.0f", count,
                     trials, mean, bound);
}

enum { MOST = 24 };

static void uniform_over(int cases, bool sends)
{
    const int trials = check_scale(1000) * cases;
    int count[MOST] = {0}, i, at, v = 1;
    ints *c[MOST];

    for (i = 0; i < cases; i++) {
        c[i] = ints_new(2);
        put(c[i], 1);
    }
    for (i = 0; i < trials; i++) {
        weir_case cs[MOST];
        int k;

        for (k = 0; k < cases; k++)
            cs[k] = sends ? ints_send_case(c[k], &v) : ints_recv_case(c[k], &v);
        at = weir_select(cs, cases, NULL);
        must(at >= 0 && at < cases);
        count[at]++;
        if (sends)
            must_eq(get(c[at]), 1);
        else
            put(c[at], 1);
    }
    for (i = 0; i < cases; i++) {
        must_be_share(count[i], trials, cases);
        ints_unref(c[i]);
    }
}

BEHAVIOUR(uniform_among_ready)
{
    static const int cases[] = {2, 3, 8, 16, 17, MOST};
    size_t i;

    for (i = 0; i < 2 * sizeof cases / sizeof *cases; i++)
        uniform_over(cases[i / 2], i % 2);
    (void)crew;
}

/* Those that are not ready, or switched off, leave the choice as it is. */
BEHAVIOUR(uniform_beside_unready_cases)
{
    const int trials = check_scale(5000);
    ints *never = ints_new(0), *c[3] = {ints_new(1), ints_new(1), ints_new(1)};
    int count[3] = {0}, i, at, v = 1;

    for (i = 0; i < 3; i++)
        put(c[i], 1);
    for (i = 0; i < trials; i++) {
        weir_case cs[] = {
            ints_recv_case(c[0], &v),  ints_recv_case(never, &v),
            ints_send_case(never, &v), ints_recv_case(NULL, &v),
            WEIR_TIMEOUT(WEIR_SECOND), ints_recv_case(c[1], &v),
            WEIR_DONE(NULL),           ints_recv_case(c[2], &v),
        };

        at = weir_select(cs, 8, NULL);
        must(at == 0 || at == 5 || at == 7);
        at = at == 0 ? 0 : at - 4 - (at == 7);
        count[at]++;
        put(c[at], 1);
    }
    for (i = 0; i < 3; i++) {
        must_be_share(count[i], trials, 3);
        ints_unref(c[i]);
    }
    ints_unref(never);
    (void)crew;
}

/* The same value sent by chance on one channel is as good as a coin. */
struct coin {
    ints *c;
    int n;
};

static void toss(void *arg)
{
    const struct coin *t = arg;
    const int heads = 0, tails = 1;
    int i;

    for (i = 0; i < t->n; i++) {
        weir_case cs[] = {ints_send_case(t->c, &heads),
                          ints_send_case(t->c, &tails)};
        int at = weir_select(cs, 2, NULL);

        must(at == 0 || at == 1);
    }
}

BEHAVIOUR(pseudo_random_send)
{
    static const size_t caps[] = {0, 1, 100};
    size_t k;
    int i;

    for (k = 0; k < 3; k++) {
        struct coin t = {ints_new(caps[k]),
                         crew_many(crew, check_scale(4000), check_scale(2000))};
        int count[2] = {0};

        crew_go(crew, toss, &t);
        for (i = 0; i < t.n; i++)
            count[get(t.c)]++;
        crew_wait(crew);
        must_be_share(count[0], t.n, 2);
        ints_unref(t.c);
    }
}

/*
 * A party in the middle takes from two that always have something and hands
 * on to two that always have room: both ends come out even.
 */
struct middle {
    ints *in[2];
    ints *never[2];
    ints *out[2];
    int rounds;
};

static void hand_on(void *arg)
{
    const struct middle *m = arg;
    int i, v, at;

    for (i = 0; i < m->rounds; i++) {
        weir_case rs[] = {
            ints_recv_case(m->never[0], &v), ints_recv_case(m->in[0], &v),
            ints_recv_case(m->in[1], &v), ints_recv_case(m->never[1], &v)};
        weir_case ss[] = {ints_send_case(m->out[0], &v),
                          ints_send_case(m->out[1], &v)};

        at = weir_select(rs, 4, NULL);
        must(at == 1 || at == 2);
        at = weir_select(ss, 2, NULL);
        must(at == 0 || at == 1);
    }
}

BEHAVIOUR(middle_is_fair_to_both_ends)
{
    const int rounds = check_scale(5000);
    struct middle m = {.rounds = rounds};
    int i, k;

    for (i = 0; i < 2; i++) {
        m.in[i] = ints_new((size_t)rounds);
        m.out[i] = ints_new((size_t)rounds);
        m.never[i] = ints_new(0);
        for (k = 0; k < rounds; k++)
            put(m.in[i], i);
    }
    crew_go(crew, hand_on, &m);
    crew_wait(crew);
    must_be_share(rounds - (int)ints_len(m.in[0]), rounds, 2);
    must_be_share((int)ints_len(m.out[0]), rounds, 2);
    must_eq(ints_len(m.in[0]) + ints_len(m.in[1]), rounds);
    must_eq(ints_len(m.out[0]) + ints_len(m.out[1]), rounds);
    for (i = 0; i < 2; i++) {
        ints_unref(m.in[i]);
        ints_unref(m.out[i]);
        ints_unref(m.never[i]);
    }
}

CHECK_MAIN(CHECK_MODES(uniform_among_ready),
           CHECK_MODES(uniform_beside_unready_cases),
           CHECK_MODES(pseudo_random_send),
           CHECK_MODES(middle_is_fair_to_both_ends))
