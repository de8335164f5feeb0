/* SPDX-License-Identifier: MIT */
/*
 * How a pool ends: idle workers never hold it up; what is queued is done or
 * discarded as asked; a deadline holds; each job has one end, whatever ends
 * the pool and whenever.
 */
#include "../chan/parties.h"

enum { WORKERS = 3, QUEUED = 5 };

struct tally {
    weir_pool *pool;
    atomic_int started, done, thrown, given_up;
    ints *gate;
};

static weir_pool_counts counts_of(weir_pool *pool)
{
    weir_pool_counts n;

    must_eq(weir_pool_get_counts(pool, &n), 0);
    must_eq(n.submitted,
            n.queued + n.running + n.done + n.failed + n.discarded);
    return n;
}

/* Waits for the gate, or until it is no longer wanted. */
static int wait_for_gate(void *in, void *out, weir_ctx *ctx, void *arg)
{
    struct tally *t = arg;
    int none, err;

    (void)in, (void)out;
    atomic_fetch_add(&t->started, 1);
    err = ints_recv(t->gate, &none, ctx);
    if (err == WEIR_CLOSED) {
        atomic_fetch_add(&t->done, 1);
        return 0;
    }
    atomic_fetch_add(&t->given_up, 1);
    return err;
}

static void throw_away(void *job, void *arg)
{
    must_eq(*(int *)job, 7);
    atomic_fetch_add(&((struct tally *)arg)->thrown, 1);
}

/* A pool of WORKERS, each with a job at the gate, and QUEUED behind them. */
static void start_busy(struct tally *t, weir_ctx *ctx)
{
    int i, job = 7;
    weir_pool_opts o = {.fn = wait_for_gate,
                        .arg = t,
                        .job_size = sizeof job,
                        .workers = WORKERS,
                        .ctx = ctx,
                        .discard = throw_away};

    t->gate = ints_new(0);
    must_eq(weir_pool_start(&t->pool, &o), 0);
    for (i = 0; i < WORKERS + QUEUED; i++)
        must_eq(weir_pool_submit(t->pool, &job, NULL), 0);
    while (atomic_load(&t->started) != WORKERS)
        weir_yield();
    must_eq(counts_of(t->pool).queued, QUEUED);
}

static void end_busy(struct tally *t)
{
    must_eq(counts_of(t->pool).workers, 0);
    must_eq(weir_pool_free(t->pool), 0);
    ints_unref(t->gate);
}

/* No job ever comes; no end depends on one. */
BEHAVIOUR(idle_workers_end_at_once)
{
    struct tally t = {0};
    weir_ctx parent = WEIR_CTX_INIT;
    weir_pool_opts o = {.fn = wait_for_gate, .arg = &t, .workers = WORKERS};
    int way, cause;

    for (way = 0; way < 5; way++) {
        o.ctx = way == 4 ? &parent : NULL;
        must_eq(weir_pool_start(&t.pool, &o), 0);
        settle();
        cause = 0;
        if (way == 0)
            must_eq(weir_pool_stop(t.pool, WEIR_POOL_DRAIN, NULL), 0);
        if (way == 1)
            must_eq(weir_pool_stop(t.pool, WEIR_POOL_DISCARD, NULL), 0);
        if (way == 2)
            must_eq(weir_pool_cancel(t.pool, cause = -77), 0);
        if (way == 4)
            must_eq(weir_ctx_cancel(&parent, cause = -78), 0);
        if (way != 3)
            must_eq(weir_pool_join(t.pool), cause);
        must_eq(weir_pool_free(t.pool), 0);
    }
    must_eq(weir_ctx_fini(&parent), 0);
    (void)crew;
}

BEHAVIOUR(a_drain_does_what_is_queued)
{
    struct tally t = {0};

    start_busy(&t, NULL);
    must_eq(weir_pool_close(t.pool, WEIR_POOL_DRAIN), 0);
    must_eq(counts_of(t.pool).queued, QUEUED);
    ints_close(t.gate);
    must_eq(weir_pool_join(t.pool), 0);
    must_eq(atomic_load(&t.done), WORKERS + QUEUED);
    must_eq(atomic_load(&t.thrown), 0);
    end_busy(&t);
    (void)crew;
}

/* And those that run end as they would have; also after a drain was asked. */
BEHAVIOUR(a_discard_does_not)
{
    struct tally t;
    int after_drain;

    for (after_drain = 0; after_drain < 2; after_drain++) {
        t = (struct tally){0};
        start_busy(&t, NULL);
        if (after_drain)
            must_eq(weir_pool_close(t.pool, WEIR_POOL_DRAIN), 0);
        must_eq(weir_pool_close(t.pool, WEIR_POOL_DISCARD), 0);
        must_eq(weir_pool_close(t.pool, WEIR_POOL_DRAIN), 0);
        while (counts_of(t.pool).discarded != QUEUED)
            weir_yield();
        must_eq(atomic_load(&t.given_up), 0);
        ints_close(t.gate);
        must_eq(weir_pool_join(t.pool), 0);
        must_eq(atomic_load(&t.done), WORKERS);
        must_eq(atomic_load(&t.thrown), QUEUED);
        end_busy(&t);
    }
    (void)crew;
}

/* The deadline comes while jobs run that only their context can end. */
BEHAVIOUR(a_deadline_cuts_the_stop_short)
{
    struct tally t = {0};
    weir_ctx limit;

    start_busy(&t, NULL);
    must_eq(weir_ctx_init_timeout(&limit, NULL, WEIR_MILLISECOND), 0);
    must_eq(weir_pool_stop(t.pool, WEIR_POOL_DRAIN, &limit), WEIR_TIMEDOUT);
    must_eq(weir_pool_join(t.pool), WEIR_TIMEDOUT);
    must_eq(atomic_load(&t.given_up), WORKERS);
    must_eq(atomic_load(&t.thrown), QUEUED);
    must_eq(counts_of(t.pool).failed, WORKERS);
    must_eq(weir_ctx_fini(&limit), 0);
    end_busy(&t);
    (void)crew;
}

/* Also the end of a context that nobody calls about. */
BEHAVIOUR(the_end_of_its_context_stops_it)
{
    struct tally t = {0};
    weir_ctx parent = WEIR_CTX_INIT;
    int job = 7;

    start_busy(&t, &parent);
    must_eq(weir_ctx_cancel(&parent, -9), 0);
    must_eq(weir_pool_join(t.pool), -9);
    must_eq(weir_ctx_err(weir_pool_ctx(t.pool)), WEIR_CANCELED);
    must_eq(atomic_load(&t.given_up), WORKERS);
    must_eq(atomic_load(&t.thrown), QUEUED);
    must_eq(weir_pool_submit(t.pool, &job, NULL), WEIR_CLOSED);
    end_busy(&t);

    must_eq(weir_pool_start(&t.pool, &(weir_pool_opts){.fn = wait_for_gate,
                                                       .ctx = &parent}),
            0);
    must_eq(weir_pool_join(t.pool), -9);
    must_eq(weir_pool_free(t.pool), 0);
    must_eq(weir_ctx_fini(&parent), 0);
    (void)crew;
}

static void join_it(void *arg)
{
    must_eq(weir_pool_join(((struct tally *)arg)->pool), -5);
}

static void submit_until_closed(void *arg)
{
    struct tally *t = arg;
    int err, job = 7;

    do
        err = weir_pool_submit(t->pool, &job, NULL);
    while (err == 0);
    must_eq(err, WEIR_CLOSED);
}

/* Many wait for its end and for room at once, and all are told. */
BEHAVIOUR(everyone_hears_of_the_end)
{
    struct tally t = {0};
    int i;

    start_busy(&t, NULL);
    for (i = 0; i < 3; i++) {
        crew_go(crew, join_it, &t);
        crew_go(crew, submit_until_closed, &t);
    }
    settle();
    must_eq(weir_pool_cancel(t.pool, -5), 0);
    must_eq(weir_pool_cancel(t.pool, -6), 0);
    must_eq(weir_pool_join(t.pool), -5);
    crew_wait(crew);
    end_busy(&t);
}

/* ---- errors -------------------------------------------------------------- */

static int end_with(void *in, void *out, weir_ctx *ctx, void *arg)
{
    (void)out, (void)ctx, (void)arg;
    return *(int *)in;
}

BEHAVIOUR(failures_are_counted)
{
    weir_pool *pool;
    weir_pool_opts o = {.fn = end_with, .job_size = sizeof(int)};
    int i;

    must_eq(weir_pool_start(&pool, &o), 0);
    for (i = 0; i < 10; i++)
        must_eq(weir_pool_submit(pool, &(int){i % 2 ? -i : 0}, NULL), 0);
    must_eq(weir_pool_stop(pool, WEIR_POOL_DRAIN, NULL), 0);
    must_eq(counts_of(pool).failed, 5);
    must_eq(counts_of(pool).done, 5);
    must_eq(weir_pool_free(pool), 0);
    (void)crew;
}

BEHAVIOUR(the_first_failure_ends_it_if_asked)
{
    weir_pool *pool;
    weir_pool_opts o = {.fn = end_with,
                        .job_size = sizeof(int),
                        .workers = 1,
                        .fail_fast = true};
    int err, job = 0;

    must_eq(weir_pool_start(&pool, &o), 0);
    must_eq(weir_pool_submit(pool, &job, NULL), 0);
    must_eq(weir_pool_submit(pool, &(int){99}, NULL), 0);
    do
        err = weir_pool_submit(pool, &job, NULL);
    while (err == 0);
    must_eq(err, WEIR_CLOSED);
    must_eq(weir_pool_join(pool), 99);
    must_eq(counts_of(pool).failed, 1);
    must_eq(counts_of(pool).done, 1);
    must_eq(weir_pool_free(pool), 0);
    (void)crew;
}

/* ---- from inside --------------------------------------------------------- */

static int end_it_from_inside(void *in, void *out, weir_ctx *ctx, void *arg)
{
    struct tally *t = arg;

    (void)in, (void)out, (void)ctx;
    must_eq(weir_pool_join(t->pool), WEIR_DEADLOCK);
    must_eq(weir_pool_free(t->pool), WEIR_DEADLOCK);
    must_eq(weir_pool_stop(t->pool, WEIR_POOL_DRAIN, NULL), WEIR_DEADLOCK);
    must_eq(weir_pool_resize(t->pool, 2), 0);
    must_eq(weir_pool_close(t->pool, WEIR_POOL_DISCARD), 0);
    return 0;
}

static void free_it(void *job, void *arg)
{
    (void)job;
    must_eq(weir_pool_free(((struct tally *)arg)->pool), WEIR_DEADLOCK);
    must_eq(weir_pool_submit(((struct tally *)arg)->pool, "", NULL),
            WEIR_CLOSED);
    counts_of(((struct tally *)arg)->pool);
}

/* A job may close its pool, and is told what it cannot wait for. */
BEHAVIOUR(a_job_may_end_it)
{
    struct tally t = {0};
    weir_pool_opts o = {
        .fn = end_it_from_inside, .arg = &t, .workers = 1, .discard = free_it};

    must_eq(weir_pool_start(&t.pool, &o), 0);
    must_eq(weir_pool_submit(t.pool, "", NULL), 0);
    (void)weir_pool_submit(t.pool, "", NULL);
    (void)weir_pool_submit(t.pool, "", NULL);
    must_eq(weir_pool_join(t.pool), 0);
    counts_of(t.pool);
    must_eq(weir_pool_free(t.pool), 0);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(idle_workers_end_at_once),
           CHECK_MODES(a_drain_does_what_is_queued),
           CHECK_MODES(a_discard_does_not),
           CHECK_MODES(a_deadline_cuts_the_stop_short),
           CHECK_MODES(the_end_of_its_context_stops_it),
           CHECK_MODES(everyone_hears_of_the_end),
           CHECK_MODES(failures_are_counted),
           CHECK_MODES(the_first_failure_ends_it_if_asked),
           CHECK_MODES(a_job_may_end_it))
