/* SPDX-License-Identifier: MIT */
/*
 * Pools: every job that was taken is done once, and the account says so at
 * any time; the queue is bounded; workers come and go while it runs.
 */
#include "../chan/parties.h"

enum { WORKERS = 3, PARTIES = 4, JOBS = 500 };

static weir_pool *pool_of(weir_pool_opts o)
{
    weir_pool *pool;

    must_eq(weir_pool_start(&pool, &o), 0);
    must(pool != NULL);
    return pool;
}

static weir_pool_counts counts_of(weir_pool *pool)
{
    weir_pool_counts n;

    must_eq(weir_pool_get_counts(pool, &n), 0);
    must_eq(n.submitted,
            n.queued + n.running + n.done + n.failed + n.discarded);
    must(n.skipped + n.unsent <= n.done);
    return n;
}

/* ---- jobs ---------------------------------------------------------------- */

struct tally {
    atomic_llong sum, started, thrown;
    weir_pool *pool;
    ints *gate; /* a job waits until it is closed */
    weir_barrier *meeting;
};

static int add(void *in, void *out, weir_ctx *ctx, void *arg)
{
    struct tally *t = arg;

    must(out == NULL);
    must_eq(weir_ctx_err(ctx), 0);
    atomic_fetch_add(&t->sum, *(int *)in);
    return 0;
}

static int wait_for_gate(void *in, void *out, weir_ctx *ctx, void *arg)
{
    struct tally *t = arg;
    int none;

    (void)out;
    atomic_fetch_add(&t->started, 1);
    must_eq(ints_recv(t->gate, &none, ctx), WEIR_CLOSED);
    atomic_fetch_add(&t->sum, *(int *)in);
    return 0;
}

static void throw_away(void *job, void *arg)
{
    struct tally *t = arg;

    must(*(int *)job > 0);
    atomic_fetch_add(&t->thrown, 1);
}

static void submit_many(void *arg)
{
    struct tally *t = arg;
    int i;

    for (i = 1; i <= JOBS; i++)
        must_eq(weir_pool_submit(t->pool, &i, NULL), 0);
}

BEHAVIOUR(every_job_is_done_once)
{
    struct tally t = {0};
    weir_pool_counts n;
    int i;

    t.pool = pool_of((weir_pool_opts){.fn = add,
                                      .arg = &t,
                                      .job_size = sizeof(int),
                                      .capacity = 5,
                                      .workers = WORKERS,
                                      .discard = throw_away});
    for (i = 0; i < PARTIES; i++)
        crew_go(crew, submit_many, &t);
    crew_wait(crew);
    must_eq(weir_pool_stop(t.pool, WEIR_POOL_DRAIN, NULL), 0);
    must_eq(atomic_load(&t.sum), PARTIES * JOBS * (JOBS + 1) / 2);
    must_eq(atomic_load(&t.thrown), 0);
    n = counts_of(t.pool);
    must_eq(n.submitted, PARTIES * JOBS);
    must_eq(n.done, PARTIES * JOBS);
    must_eq(n.workers, 0);
    must_eq(weir_pool_free(t.pool), 0);
}

/* ---- the queue is bounded ------------------------------------------------ */

struct late {
    weir_pool *pool;
    weir_ctx *ctx;
    int result;
};

static void submit_late(void *arg)
{
    struct late *l = arg;
    int job = 1;

    l->result = weir_pool_submit(l->pool, &job, l->ctx);
}

/* One job runs, two are queued, and there is no room. */
static weir_pool *full_pool(struct tally *t, weir_pool_opts o)
{
    int job = 1;

    t->gate = ints_new(0);
    o.fn = wait_for_gate;
    o.arg = t;
    o.job_size = sizeof(int);
    o.capacity = 2;
    o.workers = 1;
    o.discard = throw_away;
    t->pool = pool_of(o);
    must_eq(weir_pool_submit(t->pool, &job, NULL), 0);
    while (atomic_load(&t->started) == 0)
        weir_yield();
    must_eq(weir_pool_try_submit(t->pool, &job), 0);
    must_eq(weir_pool_submit(t->pool, &job, NULL), 0);
    must_eq(weir_pool_try_submit(t->pool, &job), WEIR_FULL);
    must_eq(counts_of(t->pool).queued, 2);
    must_eq(counts_of(t->pool).running, 1);
    return t->pool;
}

BEHAVIOUR(a_submit_waits_for_room)
{
    struct tally t = {0};
    weir_ctx gone = WEIR_CTX_INIT, late = WEIR_CTX_INIT;
    struct late waits, cancelled, timed;
    weir_pool *pool = full_pool(&t, (weir_pool_opts){0});

    must_eq(weir_ctx_init_timeout(&late, NULL, WEIR_MILLISECOND), 0);
    waits = (struct late){.pool = pool};
    cancelled = (struct late){.pool = pool, .ctx = &gone};
    timed = (struct late){.pool = pool, .ctx = &late};
    crew_go(crew, submit_late, &waits);
    crew_go(crew, submit_late, &cancelled);
    submit_late(&timed);
    must_eq(timed.result, WEIR_TIMEDOUT);
    must_eq(weir_ctx_cancel(&gone, 0), 0);
    ints_close(t.gate);
    crew_wait(crew);
    must_eq(waits.result, 0);
    must(cancelled.result == WEIR_CANCELED || cancelled.result == 0);
    must_eq(weir_pool_stop(pool, WEIR_POOL_DRAIN, NULL), 0);
    must_eq(counts_of(pool).done, 4 + (cancelled.result == 0));
    must_eq(weir_pool_free(pool), 0);
    must_eq(weir_ctx_fini(&late), 0);
    must_eq(weir_ctx_fini(&gone), 0);
    ints_unref(t.gate);
}

/* Whoever waits for room when the pool closes is told so. */
BEHAVIOUR(a_close_ends_waiting_submits)
{
    struct tally t = {0};
    struct late waits[PARTIES];
    weir_pool *pool = full_pool(&t, (weir_pool_opts){0});
    int i, job = 1;

    for (i = 0; i < PARTIES; i++) {
        waits[i] = (struct late){.pool = pool};
        crew_go(crew, submit_late, &waits[i]);
    }
    settle();
    must_eq(weir_pool_close(pool, WEIR_POOL_DRAIN), 0);
    crew_wait(crew);
    for (i = 0; i < PARTIES; i++)
        must_eq(waits[i].result, WEIR_CLOSED);
    must_eq(weir_pool_submit(pool, &job, NULL), WEIR_CLOSED);
    must_eq(weir_pool_try_submit(pool, &job), WEIR_CLOSED);
    ints_close(t.gate);
    must_eq(weir_pool_join(pool), 0);
    must_eq(counts_of(pool).submitted, 3);
    must_eq(counts_of(pool).done, 3);
    must_eq(weir_pool_free(pool), 0);
    ints_unref(t.gate);
}

/* ---- workers come and go ------------------------------------------------- */

static int meet(void *in, void *out, weir_ctx *ctx, void *arg)
{
    struct tally *t = arg;

    (void)in, (void)out;
    must(weir_barrier_wait(t->meeting, ctx) >= 0);
    return 0;
}

static void await_workers(weir_pool *pool, int n)
{
    while (counts_of(pool).workers != n)
        weir_yield();
}

/* So many jobs can only meet if so many workers run at once. */
BEHAVIOUR(it_grows_and_shrinks)
{
    enum { MANY = 8 };
    weir_barrier meeting = WEIR_BARRIER_INIT(MANY);
    struct tally t = {.meeting = &meeting};
    int i, round;

    t.pool =
        pool_of((weir_pool_opts){.fn = meet, .arg = &t, .workers = WORKERS});
    for (round = 0; round < 5; round++) {
        for (i = 0; i < MANY; i++)
            must_eq(weir_pool_submit(t.pool, "", NULL), 0);
        must_eq(weir_pool_resize(t.pool, MANY), 0);
        while (counts_of(t.pool).done != (uint64_t)(MANY * (round + 1)))
            weir_yield();
        must_eq(weir_pool_resize(t.pool, 1), 0);
        await_workers(t.pool, 1);
    }
    must_eq(weir_pool_stop(t.pool, WEIR_POOL_DRAIN, NULL), 0);
    must_eq(weir_pool_resize(t.pool, 2), WEIR_CLOSED);
    must_eq(weir_pool_free(t.pool), 0);
    (void)crew;
}

/* Those sent home while they work finish their job first. */
BEHAVIOUR(a_busy_worker_ends_after_its_job)
{
    struct tally t = {0};
    int i, job = 1;

    t.gate = ints_new(0);
    t.pool = pool_of((weir_pool_opts){.fn = wait_for_gate,
                                      .arg = &t,
                                      .job_size = sizeof job,
                                      .workers = WORKERS});
    for (i = 0; i < WORKERS; i++)
        must_eq(weir_pool_submit(t.pool, &job, NULL), 0);
    while (atomic_load(&t.started) != WORKERS)
        weir_yield();
    must_eq(weir_pool_resize(t.pool, 1), 0);
    must_eq(counts_of(t.pool).workers, WORKERS);
    must_eq(counts_of(t.pool).running, WORKERS);
    ints_close(t.gate);
    await_workers(t.pool, 1);
    must_eq(weir_pool_submit(t.pool, &job, NULL), 0);
    must_eq(weir_pool_stop(t.pool, WEIR_POOL_DRAIN, NULL), 0);
    must_eq(counts_of(t.pool).done, WORKERS + 1);
    must_eq(weir_pool_free(t.pool), 0);
    ints_unref(t.gate);
    (void)crew;
}

/* ---- the account at full load -------------------------------------------- */

static int odd_ends(void *in, void *out, weir_ctx *ctx, void *arg)
{
    const int n = *(int *)in;

    (void)out, (void)ctx, (void)arg;
    return n % 3 == 0 ? 0 : n % 3 == 1 ? WEIR_SKIP : -n;
}

static void submit_and_drop(void *arg)
{
    struct tally *t = arg;
    int i;

    for (i = 1; i <= JOBS; i++)
        if (weir_pool_submit(t->pool, &i, NULL) == 0)
            atomic_fetch_add(&t->started, 1);
}

BEHAVIOUR(every_snapshot_balances)
{
    struct tally t = {0};
    weir_pool_counts n;
    uint64_t last = 0;
    int i;

    t.pool = pool_of((weir_pool_opts){.fn = odd_ends,
                                      .arg = &t,
                                      .job_size = sizeof(int),
                                      .capacity = 3,
                                      .workers = WORKERS,
                                      .discard = throw_away});
    for (i = 0; i < PARTIES; i++)
        crew_go(crew, submit_and_drop, &t);
    for (i = check_scale(2000); i > 0; i--) {
        n = counts_of(t.pool);
        must(n.submitted >= last);
        must(n.queued <= 3 && n.running <= WORKERS);
        last = n.submitted;
        weir_yield();
    }
    must_eq(weir_pool_stop(t.pool, WEIR_POOL_DISCARD, NULL), 0);
    crew_wait(crew);
    n = counts_of(t.pool);
    must_eq(n.submitted, atomic_load(&t.started));
    must_eq(n.discarded, atomic_load(&t.thrown));
    must_eq(n.running + n.queued, 0);
    must_eq(weir_pool_free(t.pool), 0);
}

/* ---- the rest ------------------------------------------------------------ */

START_TEST(zero_options_are_defaults)
{
    struct tally t = {0};

    t.pool = pool_of((weir_pool_opts){.fn = odd_ends});
    ck_assert_int_eq(counts_of(t.pool).workers, weir_workers());
    ck_assert_ptr_nonnull(weir_pool_ctx(t.pool));
    ck_assert_int_eq(weir_pool_free(t.pool), 0);
    ck_assert_int_eq(weir_pool_free(NULL), 0);
    ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

static void refused(weir_pool_opts o)
{
    weir_pool *pool = (weir_pool *)&o;

    ck_assert_int_eq(weir_pool_start(&pool, &o), WEIR_EINVAL);
    ck_assert_ptr_null(pool);
}

START_TEST(wrong_use_is_refused)
{
    weir_pool_counts n;
    weir_pool *pool;
    int job = 0;

    refused((weir_pool_opts){0});
    refused((weir_pool_opts){.fn = add, .workers = -1});
    refused((weir_pool_opts){.fn = add, .workers = WEIR_POOL_MAX_WORKERS + 1});
    refused((weir_pool_opts){.fn = add, .job_size = SIZE_MAX});
    refused((weir_pool_opts){.fn = add, .capacity = SIZE_MAX});
    refused((weir_pool_opts){.fn = add, .window = SIZE_MAX});
    refused((weir_pool_opts){.fn = add, .ordered = true});
    ck_assert_int_eq(weir_pool_start(NULL, &(weir_pool_opts){.fn = add}),
                     WEIR_EINVAL);
    ck_assert_int_eq(weir_pool_start(&pool, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_pool_submit(NULL, &job, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_pool_try_submit(NULL, &job), WEIR_EINVAL);
    ck_assert_int_eq(weir_pool_resize(NULL, 1), WEIR_EINVAL);
    ck_assert_int_eq(weir_pool_close(NULL, WEIR_POOL_DRAIN), WEIR_EINVAL);
    ck_assert_int_eq(weir_pool_cancel(NULL, 0), WEIR_EINVAL);
    ck_assert_int_eq(weir_pool_stop(NULL, WEIR_POOL_DRAIN, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_pool_join(NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_pool_get_counts(NULL, &n), WEIR_EINVAL);
    ck_assert_ptr_null(weir_pool_ctx(NULL));

    pool = pool_of((weir_pool_opts){.fn = odd_ends, .job_size = sizeof job});
    ck_assert_int_eq(weir_pool_submit(pool, NULL, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_pool_try_submit(pool, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_pool_resize(pool, 0), WEIR_EINVAL);
    ck_assert_int_eq(weir_pool_resize(pool, WEIR_POOL_MAX_WORKERS + 1),
                     WEIR_EINVAL);
    ck_assert_int_eq(weir_pool_get_counts(pool, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_pool_close(pool, (enum weir_pool_end)7), WEIR_EINVAL);
    ck_assert_int_eq(weir_pool_submit(pool, &job, NULL), 0);
    ck_assert_int_eq(weir_pool_free(pool), 0);
    ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

CHECK_MAIN(CHECK_MODES(every_job_is_done_once),
           CHECK_MODES(a_submit_waits_for_room),
           CHECK_MODES(a_close_ends_waiting_submits),
           CHECK_MODES(it_grows_and_shrinks),
           CHECK_MODES(a_busy_worker_ends_after_its_job),
           CHECK_MODES(every_snapshot_balances),
           CHECK_TEST(zero_options_are_defaults),
           CHECK_TEST(wrong_use_is_refused))
