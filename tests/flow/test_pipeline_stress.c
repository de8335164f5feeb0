/* SPDX-License-Identifier: MIT */
/*
 * Pipelines by chance: their shape, what the stages do and when and how it
 * ends. In the end every element has come to exactly one end, and where the
 * order was asked for it was kept. A failure names the seed; WEIR_SEED=n in
 * the environment begins with that one.
 */
#include "../chan/parties.h"
#include "base/rand.h"

enum { STAGES = 4, MANY = 300 };

struct run {
    uint64_t seed;
    weir_pipeline *p;
    weir_ctx parent;
    ints *in, *out;
    bool ordered;
    atomic_uint parties;
    atomic_int fed, failed, skipped, thrown, sunk, read, made;
    int last; /* read */
};

static uint64_t numbers(struct run *r)
{
    return r->seed * 1000 + atomic_fetch_add(&r->parties, 1);
}

static void throw_away(void *elem, void *arg)
{
    must(*(int *)elem > 0);
    atomic_fetch_add(&((struct run *)arg)->thrown, 1);
}

static int work(void *in, void *out, weir_ctx *ctx, void *arg)
{
    struct run *r = arg;
    const int n = *(int *)in;
    uint64_t rand = (uint64_t)n * 77 + r->seed;
    uint32_t what = wr_rand_below(&rand, 1000);

    for (; what % 8 > 3 && weir_ctx_err(ctx) == 0; what--)
        weir_yield();
    if (what == 0) {
        atomic_fetch_add(&r->failed, 1);
        return -99;
    }
    if (what < 50) {
        atomic_fetch_add(&r->skipped, 1);
        return WEIR_SKIP;
    }
    if (out)
        *(int *)out = n;
    else
        atomic_fetch_add(&r->sunk, 1);
    return 0;
}

static int make(void *in, void *out, weir_ctx *ctx, void *arg)
{
    struct run *r = arg;
    int n = atomic_fetch_add(&r->made, 1) + 1;

    (void)in, (void)ctx;
    if (n > MANY)
        return WEIR_CLOSED;
    atomic_fetch_add(&r->fed, 1);
    *(int *)out = n;
    return 0;
}

static void feed(void *arg)
{
    struct run *r = arg;
    int i;

    for (i = 1; i <= MANY && ints_send(r->in, i, NULL) == 0; i++)
        atomic_fetch_add(&r->fed, 1);
    ints_close(r->in);
}

static void read_all(void *arg)
{
    struct run *r = arg;
    uint64_t rand = numbers(r);
    int n;

    while (ints_recv(r->out, &n, NULL) == 0) {
        must(!r->ordered || n > r->last);
        r->last = n;
        atomic_fetch_add(&r->read, 1);
        if (wr_rand_below(&rand, 1000) == 0)
            ints_close(r->out);
    }
}

static void look(void *arg)
{
    struct run *r = arg;
    weir_pipeline_counts n;
    int i;

    for (i = 0; i < 60; i++) {
        must_eq(weir_pipeline_get_counts(r->p, i % (STAGES + 1) - 1, &n), 0);
        must_eq(n.in, n.out + n.filtered + n.failed + n.left + n.inside);
        must(n.inside <= MANY);
        weir_yield();
    }
}

/* One of the ways to end it, at some time; or it comes to its own end. */
static void end_it(void *arg)
{
    struct run *r = arg;
    uint64_t rand = numbers(r);
    weir_ctx limit;
    uint32_t i;

    for (i = wr_rand_below(&rand, 500); i > 0; i--)
        weir_yield();
    switch (wr_rand_below(&rand, 6)) {
    case 0:
        must_eq(weir_pipeline_close(r->p), 0);
        break;
    case 1:
        must_eq(weir_pipeline_cancel(r->p, -98), 0);
        break;
    case 2:
        must_eq(weir_ctx_cancel(&r->parent, -97), 0);
        break;
    case 3:
        must_eq(
            weir_ctx_init_timeout(&limit, NULL, wr_rand_below(&rand, 300000)),
            0);
        (void)weir_pipeline_stop(r->p, &limit);
        must_eq(weir_ctx_fini(&limit), 0);
        break;
    default:
        break;
    }
}

static void start(struct run *r)
{
    uint64_t rand = numbers(r);
    weir_stage stages[STAGES];
    weir_pipeline_opts o = {.stages = stages,
                            .n = STAGES,
                            .ctx = &r->parent,
                            .discard = throw_away,
                            .arg = r};
    bool source = wr_rand_below(&rand, 2), sink = wr_rand_below(&rand, 2);
    int i;

    r->ordered = wr_rand_below(&rand, 2);
    r->in = ints_new(wr_rand_below(&rand, 4));
    r->out = ints_new(wr_rand_below(&rand, 4));
    o.in = source ? NULL : ints_base(r->in);
    o.out = sink ? NULL : ints_base(r->out);
    for (i = 0; i < STAGES; i++) {
        bool is_end = (i == 0 && source) || (i == STAGES - 1 && sink);
        stages[i] = (weir_stage){.fn = i == 0 && source ? make : work,
                                 .arg = r,
                                 .out_size = sizeof(int),
                                 .capacity = wr_rand_below(&rand, 4),
                                 .discard = throw_away};
        stages[i].ordered = r->ordered && !is_end;
        stages[i].window = wr_rand_below(&rand, 8);
        stages[i].workers =
            r->ordered && is_end ? 1 : 1 + (int)wr_rand_below(&rand, 4);
    }
    must_eq(weir_pipeline_start(&r->p, &o), 0);
    if (source)
        ints_close(r->in);
    if (sink)
        ints_close(r->out);
}

static void check(struct run *r, int result)
{
    weir_pipeline_counts n;
    int none, unread = 0;

    must(result == 0 || result == WEIR_TIMEDOUT || result == WEIR_CLOSED ||
         (result <= -97 && result >= -99));
    while (ints_try_recv(r->out, &none) == 0)
        unread++;
    must_eq(weir_pipeline_get_counts(r->p, -1, &n), 0);
    must_eq(n.in, atomic_load(&r->fed));
    must_eq(n.inside, 0);
    must_eq(n.workers, 0);
    must_eq(n.failed, atomic_load(&r->failed));
    must_eq(n.filtered, atomic_load(&r->skipped));
    must_eq(n.left, atomic_load(&r->thrown));
    must_eq(n.out, atomic_load(&r->sunk) + atomic_load(&r->read) + unread);
    must_eq(n.in, n.out + n.failed + n.filtered + n.left);
    must(result != 0 || n.left == 0);
}

static void one_run(struct crew *crew, uint64_t seed)
{
    struct run r = {.seed = seed};
    int result;

    start(&r);
    crew_go(crew, feed, &r);
    crew_go(crew, read_all, &r);
    crew_go(crew, look, &r);
    crew_go(crew, end_it, &r);
    result = weir_pipeline_wait(r.p);
    crew_wait(crew);
    check(&r, result);
    must_eq(weir_pipeline_free(r.p), 0);
    ints_unref(r.in);
    ints_unref(r.out);
    must_eq(weir_ctx_fini(&r.parent), 0);
}

BEHAVIOUR(each_element_has_one_end)
{
    const char *first = getenv("WEIR_SEED");
    static uint64_t seed;
    int left = check_scale(200);

    seed = first ? strtoull(first, NULL, 10) : 1;
    party_seed = &seed;
    for (; left > 0; left--, seed++)
        one_run(crew, seed);
}

CHECK_MAIN(CHECK_MODES(each_element_has_one_end))
