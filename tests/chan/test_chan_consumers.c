/* SPDX-License-Identifier: MIT */
/*
 * Many consumers of one queue, each of which turns what it gets into
 * something else: nothing is lost and nothing doubled, as the sums tell.
 */
#include "parties.h"

enum { WORKERS = 23 };

struct works {
    ints *todo;
    ints *done;
    int n;
    long fed;
};

static const int primes[] = {2, 3, 5, 7, 11, 13};

static void work(void *arg)
{
    const struct works *w = arg;
    int v;

    while (ints_recv(w->todo, &v, NULL) == 0) {
        if (v % 5 == 0)
            weir_yield();
        put(w->done, v * 2);
    }
}

static void feed_works(void *arg)
{
    struct works *w = arg;
    int i, v;

    for (i = 0; i < w->n; i++) {
        v = primes[i % 6] * (i % 100 + 1);
        w->fed += v;
        put(w->todo, v);
    }
    must_eq(ints_close(w->todo), 0);
}

static void consume_at(struct crew *crew, size_t todo, size_t done)
{
    struct works w = {
        .todo = ints_new(todo),
        .done = ints_new(done),
        .n = crew_many(crew, check_scale(20000), check_scale(5000)),
    };
    long sum = 0;
    int i;

    for (i = 0; i < WORKERS; i++)
        crew_go(crew, work, &w);
    crew_go(crew, feed_works, &w);
    for (i = 0; i < w.n; i++)
        sum += get(w.done);
    crew_wait(crew);
    must_eq(sum, 2 * w.fed);
    must_eq(ints_len(w.done), 0);
    ints_unref(w.todo);
    ints_unref(w.done);
}

BEHAVIOUR(sums_agree_rendezvous)
{
    consume_at(crew, 0, 0);
}

BEHAVIOUR(sums_agree_buffered)
{
    consume_at(crew, WORKERS * 3, 2);
    consume_at(crew, 1, 1000);
}

/* The results come by select from one channel for each worker. */
struct own {
    ints *todo;
    ints *done;
};

static void work_own(void *arg)
{
    const struct own *o = arg;
    int v;

    while (ints_recv(o->todo, &v, NULL) == 0)
        put(o->done, v);
    must_eq(ints_close(o->done), 0);
}

BEHAVIOUR(results_by_select)
{
    struct works w = {.todo = ints_new(3), .n = check_scale(3000)};
    struct own own[WORKERS];
    int i, at, v, open = WORKERS;
    weir_case cs[WORKERS];
    long sum = 0;

    for (i = 0; i < WORKERS; i++) {
        own[i] = (struct own){w.todo, ints_new((size_t)i % 3)};
        cs[i] = ints_recv_case(own[i].done, &v);
        crew_go(crew, work_own, &own[i]);
    }
    crew_go(crew, feed_works, &w);
    while (open > 0) {
        at = weir_select(cs, WORKERS, NULL);
        must(at >= 0 && at < WORKERS);
        if (cs[at].status == 0) {
            sum += v;
            continue;
        }
        must_eq(cs[at].status, WEIR_CLOSED);
        cs[at].object = NULL;
        open--;
    }
    crew_wait(crew);
    must_eq(sum, w.fed);
    for (i = 0; i < WORKERS; i++)
        ints_unref(own[i].done);
    ints_unref(w.todo);
}

CHECK_MAIN(CHECK_MODES(sums_agree_rendezvous), CHECK_MODES(sums_agree_buffered),
           CHECK_MODES(results_by_select))
