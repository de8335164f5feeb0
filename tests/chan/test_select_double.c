/* SPDX-License-Identifier: MIT */
/*
 * A select does one case. One sends rising numbers on whichever of four
 * channels goes; if a select ever did two, a number would come twice.
 */
#include "parties.h"

enum { WAYS = 4 };

struct fan {
    ints *c[WAYS];
    ints *merged;
    int n;
    atomic_int next;
};

static void send_anywhere(void *arg)
{
    struct fan *f = arg;
    int i, k, at;

    for (i = 0; i < f->n; i++) {
        weir_case cs[WAYS];

        for (k = 0; k < WAYS; k++)
            cs[k] = ints_send_case(f->c[k], &i);
        at = weir_select(cs, WAYS, NULL);
        must(at >= 0 && at < WAYS);
        must_eq(cs[at].status, 0);
    }
    for (k = 0; k < WAYS; k++)
        must_eq(ints_close(f->c[k]), 0);
}

static void forward(void *arg)
{
    struct fan *f = arg;
    ints *c = f->c[atomic_fetch_add(&f->next, 1)];
    int v;

    while (ints_recv(c, &v, NULL) == 0)
        put(f->merged, v);
}

static void fan_at(struct crew *crew, size_t cap, size_t merged)
{
    struct fan f = {.merged = ints_new(merged),
                    .n =
                        crew_many(crew, check_scale(40000), check_scale(5000))};
    unsigned char *seen = calloc((size_t)f.n, 1);
    int i, v;

    must(seen != NULL);
    for (i = 0; i < WAYS; i++)
        f.c[i] = ints_new(cap);
    crew_go(crew, send_anywhere, &f);
    for (i = 0; i < WAYS; i++)
        crew_go(crew, forward, &f);
    for (i = 0; i < f.n; i++) {
        v = get(f.merged);
        must(v >= 0 && v < f.n);
        must(seen[v]++ == 0);
    }
    crew_wait(crew);
    for (i = 0; i < WAYS; i++)
        ints_unref(f.c[i]);
    ints_unref(f.merged);
    free(seen);
}

BEHAVIOUR(one_case_only_rendezvous)
{
    fan_at(crew, 0, 0);
}

BEHAVIOUR(one_case_only_buffered)
{
    fan_at(crew, 1, 2);
}

/*
 * Two wakers at once: two parties send to the one select that waits on both
 * channels. It takes one of them; the other stays and is taken next.
 */
struct pair {
    ints *c;
    int v;
};

static void send_its_own(void *arg)
{
    const struct pair *p = arg;

    put(p->c, p->v);
}

BEHAVIOUR(two_wakers_one_wins)
{
    int i, n = crew_many(crew, check_scale(10000), check_scale(700));

    for (i = 0; i < n; i++) {
        struct pair a = {ints_new(0), 1}, b = {ints_new(0), 2};
        int va = 0, vb = 0, at;
        weir_case cs[] = {ints_recv_case(a.c, &va), ints_recv_case(b.c, &vb)};

        crew_go(crew, send_its_own, &a);
        crew_go(crew, send_its_own, &b);
        at = weir_select(cs, 2, NULL);
        must_eq(va + vb, at + 1);
        must_eq(at == 0 ? get(b.c) : get(a.c), 2 - at);
        crew_wait(crew);
        ints_unref(a.c);
        ints_unref(b.c);
    }
}

CHECK_MAIN(CHECK_MODES(one_case_only_rendezvous),
           CHECK_MODES(one_case_only_buffered),
           CHECK_MODES(two_wakers_one_wins))
