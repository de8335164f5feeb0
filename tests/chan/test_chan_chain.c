/* SPDX-License-Identifier: MIT */
/*
 * A value goes through ten thousand parties in a row, each of which adds one:
 * all of them wait at once, and the wake-ups run through them all.
 */
#include "parties.h"

struct link {
    ints *left;
    ints *right;
};

static void pass_left(void *arg)
{
    const struct link *l = arg;

    put(l->left, get(l->right) + 1);
}

static void chain_of(struct crew *crew, int n, size_t cap)
{
    ints **c = calloc((size_t)n + 1, sizeof *c);
    struct link *links = calloc((size_t)n, sizeof *links);
    int i;

    must(c != NULL && links != NULL);
    c[0] = ints_new(cap);
    for (i = 0; i < n; i++) {
        c[i + 1] = ints_new(cap);
        links[i] = (struct link){c[i], c[i + 1]};
        crew_go(crew, pass_left, &links[i]);
    }
    put(c[n], 0);
    must_eq(get(c[0]), n);
    crew_wait(crew);
    for (i = 0; i <= n; i++)
        ints_unref(c[i]);
    free(links);
    free(c);
}

BEHAVIOUR(rendezvous_chain)
{
    chain_of(crew, crew_many(crew, check_scale(10000), check_scale(1000)), 0);
}

BEHAVIOUR(buffered_chain)
{
    chain_of(crew, crew_many(crew, check_scale(10000), check_scale(1000)), 1);
}

/* The chain stays and values stream through it, several on the way. */
struct stage {
    ints *in;
    ints *out;
};

static void stage_run(void *arg)
{
    const struct stage *s = arg;
    int v;

    while (ints_recv(s->in, &v, NULL) == 0)
        put(s->out, v + 1);
    must_eq(ints_close(s->out), 0);
}

static void feed(void *arg)
{
    ints *first = arg;
    int i;

    for (i = 0; i < 200; i++)
        put(first, i);
    must_eq(ints_close(first), 0);
}

BEHAVIOUR(stages_stream_and_close_in_turn)
{
    enum { STAGES = 20 };

    ints *c[STAGES + 1];
    struct stage stages[STAGES];
    int i, v;

    for (i = 0; i <= STAGES; i++)
        c[i] = ints_new((size_t)i % 3);
    for (i = 0; i < STAGES; i++) {
        stages[i] = (struct stage){c[i], c[i + 1]};
        crew_go(crew, stage_run, &stages[i]);
    }
    crew_go(crew, feed, c[0]);
    for (i = 0; i < 200; i++)
        must_eq(get(c[STAGES]), i + STAGES);
    must_eq(ints_recv(c[STAGES], &v, NULL), WEIR_CLOSED);
    crew_wait(crew);
    for (i = 0; i <= STAGES; i++)
        ints_unref(c[i]);
}

CHECK_MAIN(CHECK_MODES(rendezvous_chain), CHECK_MODES(buffered_chain),
           CHECK_MODES(stages_stream_and_close_in_turn))
