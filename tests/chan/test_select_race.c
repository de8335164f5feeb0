/* SPDX-License-Identifier: MIT */
/*
 * A select with a default looks at all its channels as if at one instant.
 * In both races below, at every instant one of the two channels is ready; a
 * select that looks at one after the other finds neither, and is wrong.
 */
#include "parties.h"

struct race {
    ints *first;
    ints *second;
    int swapped;
    int chosen;
};

static void try_both(void *arg)
{
    struct race *r = arg;
    int v;
    weir_case cs[] = {
        ints_recv_case(r->swapped ? r->second : r->first, &v),
        ints_recv_case(r->swapped ? r->first : r->second, &v),
    };

    r->chosen = weir_try_select(cs, 2);
}

static void take_first_unless_gone(struct race *r)
{
    int v;
    weir_case cs[] = {ints_recv_case(r->first, &v)};

    (void)weir_try_select(cs, 1);
}

/* The first has an element till after the second has got one. */
BEHAVIOUR(filled_before_the_other_is_emptied)
{
    int i, n = crew_many(crew, check_scale(20000), check_scale(1500));

    for (i = 0; i < n; i++) {
        struct race r = {ints_new(1), ints_new(1), i % 2, 0};

        put(r.first, 1);
        crew_go(crew, try_both, &r);
        put(r.second, 1);
        take_first_unless_gone(&r);
        crew_wait(crew);
        must(r.chosen == 0 || r.chosen == 1);
        ints_unref(r.first);
        ints_unref(r.second);
    }
}

/* The first has an element till after the second has been closed. */
BEHAVIOUR(closed_before_the_other_is_emptied)
{
    int i, n = crew_many(crew, check_scale(20000), check_scale(1500));

    for (i = 0; i < n; i++) {
        struct race r = {ints_new(1), ints_new(0), i % 2, 0};

        put(r.first, 1);
        crew_go(crew, try_both, &r);
        must_eq(ints_close(r.second), 0);
        take_first_unless_gone(&r);
        crew_wait(crew);
        must(r.chosen == 0 || r.chosen == 1);
        ints_unref(r.first);
        ints_unref(r.second);
    }
}

/*
 * The same without a party for each round: one moves an element to and fro
 * so that one of the two channels always has one; the other tries without
 * end and must always get it, putting it back before it goes on.
 */
struct shuttle {
    ints *a;
    ints *b;
    atomic_bool stop;
};

static void move_to_and_fro(void *arg)
{
    struct shuttle *s = arg;
    int v, i;

    for (i = 0; !atomic_load(&s->stop); i++) {
        put(s->b, 1);
        must_eq(ints_recv(s->a, &v, NULL), 0);
        put(s->a, 1);
        must_eq(ints_recv(s->b, &v, NULL), 0);
        if (i % 64 == 0)
            weir_yield();
    }
}

/* Between the two stand others that are never ready, so that the look at all
 * of them takes its time. */
static void try_between(struct crew *crew, int others)
{
    enum { MOST = 40 };

    struct shuttle s = {ints_new(2), ints_new(2), false};
    ints *never = ints_new(0);
    int i, n = check_scale(60000), v = 0, at;
    weir_case cs[MOST];

    put(s.a, 1);
    crew_go(crew, move_to_and_fro, &s);
    for (i = 0; i <= others; i++)
        cs[i] = ints_recv_case(never, &v);
    for (i = 0; i < n; i++) {
        ints *first = i % 2 ? s.a : s.b, *last = i % 2 ? s.b : s.a;

        cs[0] = ints_recv_case(first, &v);
        cs[others + 1] = ints_recv_case(last, &v);
        at = weir_try_select(cs, others + 2);
        must(at == 0 || at == others + 1);
        put(at == 0 ? first : last, v);
        if (i % 64 == 0)
            weir_yield();
    }
    atomic_store(&s.stop, true);
    crew_wait(crew);
    ints_unref(s.a);
    ints_unref(s.b);
    ints_unref(never);
}

BEHAVIOUR(one_of_two_is_always_full)
{
    try_between(crew, 0);
    try_between(crew, 3);
    try_between(crew, 30);
}

CHECK_MAIN(CHECK_MODES(filled_before_the_other_is_emptied),
           CHECK_MODES(closed_before_the_other_is_emptied),
           CHECK_MODES(one_of_two_is_always_full))
