/* SPDX-License-Identifier: MIT */
/*
 * Trees of contexts, deep and wide, and cancels that meet the birth and the
 * end of the contexts they go through. What was given back by fini is freed
 * at once, so that whoever still touches it is found out.
 */
#include "queued.h"

enum { MANY = 100000, KIDS = 8 };

/* ---- size ---------------------------------------------------------------- */

static weir_ctx *contexts(size_t n)
{
    weir_ctx *all = calloc(n, sizeof *all);

    must(all != NULL);
    return all;
}

struct watcher {
    weir_ctx *ctx;
    atomic_int *seen;
};

static void watch(void *arg)
{
    const struct watcher *w = arg;

    must_eq(weir_ctx_wait(w->ctx, NULL), WEIR_CANCELED);
    must_eq(weir_ctx_cause(w->ctx), 9);
    atomic_fetch_add(w->seen, 1);
}

BEHAVIOUR(a_deep_chain_ends_without_recursion)
{
    weir_ctx *c = contexts(MANY);
    atomic_int seen = 0;
    struct watcher w = {&c[MANY - 1], &seen};
    int i;

    for (i = 0; i < MANY; i++)
        must_eq(weir_ctx_init(&c[i], i ? &c[i - 1] : NULL), 0);
    crew_go(crew, watch, &w);
    await_queued(&c[MANY - 1].queue_, 1);
    must_eq(weir_ctx_cancel(&c[0], 9), 0);
    crew_wait(crew);
    must_eq(atomic_load(&seen), 1);
    for (i = MANY; i-- > 0;) {
        must_eq(weir_ctx_cause(&c[i]), 9);
        must_eq(weir_ctx_fini(&c[i]), 0);
    }
    free(c);
}

BEHAVIOUR(a_wide_tree_ends)
{
    weir_ctx root = WEIR_CTX_INIT, *c = contexts(MANY);
    int i;

    for (i = 0; i < MANY; i++)
        must_eq(weir_ctx_init(&c[i], i % 10 ? &c[i - 1] : &root), 0);
    must_eq(weir_ctx_cancel(&root, 9), 0);
    for (i = MANY; i-- > 0;) {
        must_eq(weir_ctx_cause(&c[i]), 9);
        must_eq(weir_ctx_fini(&c[i]), 0);
    }
    must_eq(weir_ctx_fini(&root), 0);
    free(c);
    (void)crew;
}

BEHAVIOUR(fini_takes_it_from_its_parent)
{
    weir_ctx root = WEIR_CTX_INIT, *kids[KIDS];
    int i;

    for (i = 0; i < KIDS; i++) {
        kids[i] = contexts(1);
        must_eq(weir_ctx_init(kids[i], &root), 0);
    }
    for (i = 0; i < KIDS; i++) { /* from the middle, the end, the front */
        weir_ctx **k = &kids[(i * 3 + 4) % KIDS];

        must_eq(weir_ctx_fini(*k), 0);
        free(*k);
        must_eq(weir_ctx_err(&root), 0);
    }
    must_eq(weir_ctx_cancel(&root, 0), 0);
    must_eq(weir_ctx_fini(&root), 0);
    (void)crew;
}

/* ---- races --------------------------------------------------------------- */

static void cancel(void *arg)
{
    must_eq(weir_ctx_cancel(arg, 9), 0);
}

/* Who is woken by a cancel ends the context while the canceller is on its
 * way out. */
BEHAVIOUR(the_woken_frees_it)
{
    int i, rounds = check_scale(crew_many(crew, 20000, 1500));

    for (i = 0; i < rounds; i++) {
        weir_ctx *ctx = contexts(1), *below = contexts(1);

        must_eq(weir_ctx_init(below, ctx), 0);
        crew_go(crew, cancel, ctx);
        if (i % 3 == 0)
            weir_yield();
        must_eq(weir_ctx_wait(i % 2 ? below : ctx, NULL), WEIR_CANCELED);
        must_eq(weir_ctx_fini(below), 0);
        free(below);
        must_eq(weir_ctx_fini(ctx), 0);
        free(ctx);
        crew_wait(crew);
    }
}

/* Families come and go below a context that ends meanwhile. */
struct family {
    weir_ctx *root;
    int rounds;
};

static void come_and_go(void *arg)
{
    const struct family *f = arg;
    int i;

    for (i = 0; i < f->rounds; i++) {
        weir_ctx *a = contexts(1), *b = contexts(1), *c = contexts(1);

        must_eq(weir_ctx_init(a, f->root), 0);
        must_eq(weir_ctx_init(b, a), 0);
        must_eq(weir_ctx_init(c, a), 0);
        if (i % 4 == 0)
            weir_yield();
        must_eq(weir_ctx_fini(c), 0);
        free(c);
        if (i % 8 == 0)
            must_eq(weir_ctx_cancel(a, 1), 0);
        must_eq(weir_ctx_fini(b), 0);
        free(b);
        must_eq(weir_ctx_fini(a), 0);
        free(a);
    }
}

BEHAVIOUR(cancel_meets_init_and_fini)
{
    int i, k, rounds = check_scale(crew_many(crew, 1000, 200));

    for (i = 0; i < rounds; i++) {
        weir_ctx root = WEIR_CTX_INIT;
        struct family f = {&root, 20};

        for (k = 0; k < 3; k++)
            crew_go(crew, come_and_go, &f);
        crew_go(crew, cancel, &root);
        crew_go(crew, cancel, &root);
        crew_wait(crew);
        must_eq(weir_ctx_cause(&root), 9);
        must_eq(weir_ctx_fini(&root), 0);
    }
}

/* The timer fires while its context is being ended and freed. */
static void time_out(void *arg)
{
    const struct family *f = arg;
    int i, err;

    for (i = 0; i < f->rounds; i++) {
        weir_ctx *a = contexts(1), *b = contexts(1);

        must_eq(weir_ctx_init_timeout(a, f->root, i % 50 * WEIR_MICROSECOND),
                0);
        must_eq(weir_ctx_init(b, a), 0);
        err = i % 2 ? weir_ctx_wait(b, NULL) : weir_ctx_err(b);
        must(err == WEIR_TIMEDOUT || (i % 2 == 0 && err == 0));
        must_eq(weir_ctx_fini(b), 0);
        free(b);
        must_eq(weir_ctx_fini(a), 0);
        free(a);
    }
}

BEHAVIOUR(a_deadline_meets_fini)
{
    weir_ctx root = WEIR_CTX_INIT;
    struct family f = {&root, check_scale(1000)};
    int k;

    for (k = 0; k < 4; k++)
        crew_go(crew, time_out, &f);
    crew_wait(crew);
    must_eq(weir_ctx_fini(&root), 0);
}

CHECK_MAIN(CHECK_MODES(a_deep_chain_ends_without_recursion),
           CHECK_MODES(a_wide_tree_ends),
           CHECK_MODES(fini_takes_it_from_its_parent),
           CHECK_MODES(the_woken_frees_it),
           CHECK_MODES(cancel_meets_init_and_fini),
           CHECK_MODES(a_deadline_meets_fini))
