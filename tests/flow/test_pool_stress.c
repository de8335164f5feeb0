/* SPDX-License-Identifier: MIT */
/*
 * Pools by chance: parties submit, resize, look and end it while it runs, and
 * at the end each job has come to exactly one end. A failure names the seed;
 * WEIR_SEED=n in the environment begins with that one.
 */
#include "../chan/parties.h"
#include "base/rand.h"

enum { FEEDERS = 3, MEDDLERS = 2, JOBS = 100 };

struct run {
    weir_pool *pool;
    weir_ctx parent;
    ints *results;
    uint64_t seed;
    atomic_uint parties;
    atomic_llong fed, read, thrown, unsent, done, skipped, failed;
};

/* Each party has numbers of its own, so that a seed says as much as it can. */
static uint64_t numbers(struct run *r)
{
    return r->seed * 1000 + atomic_fetch_add(&r->parties, 1);
}

static int do_job(void *in, void *out, weir_ctx *ctx, void *arg)
{
    struct run *r = arg;
    uint64_t rand = (uint64_t) * (int *)in * 77 + r->seed;
    uint32_t what = wr_rand_below(&rand, 40);

    while (what > 30 && weir_ctx_err(ctx) == 0 && wr_rand_below(&rand, 6))
        weir_yield();
    if (out)
        *(int *)out = *(int *)in;
    atomic_fetch_add(what == 0   ? &r->failed
                     : what == 1 ? &r->skipped
                                 : &r->done,
                     1);
    return what == 0 ? -99 : what == 1 ? WEIR_SKIP : 0;
}

static void on_discard(void *job, void *arg)
{
    (void)job;
    atomic_fetch_add(&((struct run *)arg)->thrown, 1);
}

static void on_unsent(void *result, void *arg)
{
    (void)result;
    atomic_fetch_add(&((struct run *)arg)->unsent, 1);
}

static int submit_one(struct run *r, uint64_t *rand, int job)
{
    weir_ctx ctx;
    int err;

    switch (wr_rand_below(rand, 3)) {
    case 0:
        return weir_pool_try_submit(r->pool, &job);
    case 1:
        return weir_pool_submit(r->pool, &job, NULL);
    default:
        must_eq(weir_ctx_init_timeout(&ctx, NULL, wr_rand_below(rand, 50000)),
                0);
        err = weir_pool_submit(r->pool, &job, &ctx);
        must_eq(weir_ctx_fini(&ctx), 0);
        return err;
    }
}

static void feed(void *arg)
{
    struct run *r = arg;
    uint64_t rand = numbers(r);
    int i, err = 0;

    for (i = 1; i <= JOBS && err != WEIR_CLOSED; i++) {
        err = submit_one(r, &rand, i);
        if (err == 0)
            atomic_fetch_add(&r->fed, 1);
        else
            must(err == WEIR_FULL || err == WEIR_TIMEDOUT ||
                 err == WEIR_CLOSED);
    }
}

static void meddle(void *arg)
{
    struct run *r = arg;
    uint64_t rand = numbers(r);
    weir_pool_counts n;
    int i, err;

    for (i = 0; i < 20; i++) {
        err = weir_pool_resize(r->pool, 1 + (int)wr_rand_below(&rand, 5));
        must(err == 0 || err == WEIR_CLOSED);
        must_eq(weir_pool_get_counts(r->pool, &n), 0);
        must_eq(n.submitted,
                n.queued + n.running + n.done + n.failed + n.discarded);
        weir_yield();
    }
}

/* Takes results to their end, or loses interest. */
static void read_results(void *arg)
{
    struct run *r = arg;
    uint64_t rand = numbers(r);
    int n;

    while (ints_recv(r->results, &n, NULL) == 0) {
        atomic_fetch_add(&r->read, 1);
        if (wr_rand_below(&rand, 300) == 0)
            ints_close(r->results);
    }
}

/* One of the ways to end it, at some time. */
static void end_it(void *arg)
{
    struct run *r = arg;
    uint64_t rand = numbers(r);
    weir_ctx limit;
    uint32_t i;

    for (i = wr_rand_below(&rand, 300); i > 0; i--)
        weir_yield();
    switch (wr_rand_below(&rand, 5)) {
    case 0:
        must_eq(weir_pool_close(r->pool, WEIR_POOL_DRAIN), 0);
        break;
    case 1:
        must_eq(weir_pool_close(r->pool, WEIR_POOL_DISCARD), 0);
        break;
    case 2:
        must_eq(weir_pool_cancel(r->pool, -98), 0);
        break;
    case 3:
        must_eq(weir_ctx_cancel(&r->parent, -97), 0);
        break;
    default:
        must_eq(
            weir_ctx_init_timeout(&limit, NULL, wr_rand_below(&rand, 200000)),
            0);
        (void)weir_pool_stop(r->pool, WEIR_POOL_DRAIN, &limit);
        must_eq(weir_ctx_fini(&limit), 0);
    }
}

static void start(struct run *r)
{
    uint64_t rand = numbers(r);
    weir_pool_opts o = {.fn = do_job,
                        .arg = r,
                        .job_size = sizeof(int),
                        .ctx = &r->parent,
                        .discard = on_discard,
                        .discard_result = on_unsent};

    o.capacity = 1 + wr_rand_below(&rand, 4);
    o.workers = 1 + (int)wr_rand_below(&rand, 4);
    o.fail_fast = wr_rand_below(&rand, 4) == 0;
    r->results = ints_new(wr_rand_below(&rand, 3));
    if (wr_rand_below(&rand, 4) > 0) {
        o.results = ints_base(r->results);
        o.ordered = wr_rand_below(&rand, 2) == 0;
        o.window = wr_rand_below(&rand, 6);
    } else {
        ints_close(r->results);
    }
    must_eq(weir_pool_start(&r->pool, &o), 0);
}

static void check(struct run *r, int result)
{
    weir_pool_counts n;

    must(result == 0 || result == WEIR_TIMEDOUT || result == -97 ||
         result == -98 || result == -99);
    must_eq(weir_pool_get_counts(r->pool, &n), 0);
    must_eq(n.submitted, atomic_load(&r->fed));
    must_eq(n.queued + n.running, 0);
    must_eq(n.workers, 0);
    must_eq(n.discarded, atomic_load(&r->thrown));
    must_eq(n.failed, atomic_load(&r->failed));
    must_eq(n.skipped, atomic_load(&r->skipped));
    must_eq(n.done - n.skipped, atomic_load(&r->done));
    must_eq(n.unsent, atomic_load(&r->unsent));
    must_eq(n.submitted, n.done + n.failed + n.discarded);
}

static void one_run(struct crew *crew, uint64_t seed)
{
    struct run r = {.seed = seed};
    int i;

    start(&r);
    for (i = 0; i < FEEDERS; i++)
        crew_go(crew, feed, &r);
    for (i = 0; i < MEDDLERS; i++)
        crew_go(crew, meddle, &r);
    crew_go(crew, read_results, &r);
    crew_go(crew, end_it, &r);
    i = weir_pool_join(r.pool);
    crew_wait(crew);
    check(&r, i);
    must_eq(weir_pool_free(r.pool), 0);
    ints_unref(r.results);
    must_eq(weir_ctx_fini(&r.parent), 0);
}

BEHAVIOUR(each_job_has_one_end)
{
    const char *first = getenv("WEIR_SEED");
    static uint64_t seed;
    int left = check_scale(300);

    seed = first ? strtoull(first, NULL, 10) : 1;
    party_seed = &seed;
    for (; left > 0; left--, seed++)
        one_run(crew, seed);
}

CHECK_MAIN(CHECK_MODES(each_job_has_one_end))
