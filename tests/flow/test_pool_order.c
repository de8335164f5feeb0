/* SPDX-License-Identifier: MIT */
/*
 * Results of a pool: in the order of the jobs if asked, over a window of
 * bounded size; each that was made is sent or said not to have been.
 */
#include "../chan/parties.h"

enum { WORKERS = 4, JOBS = 1000 };

struct tally {
    weir_pool *pool;
    ints *results;
    atomic_int started, thrown, jobs_thrown, fed;
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

static void throw_result(void *result, void *arg)
{
    must(*(int *)result > 0);
    atomic_fetch_add(&((struct tally *)arg)->thrown, 1);
}

static void throw_job(void *job, void *arg)
{
    must(*(int *)job > 0);
    atomic_fetch_add(&((struct tally *)arg)->jobs_thrown, 1);
}

static void start(struct tally *t, weir_pool_opts o, size_t room)
{
    t->results = ints_new(room);
    o.arg = t;
    o.job_size = sizeof(int);
    o.workers = o.workers ? o.workers : WORKERS;
    o.results = ints_base(t->results);
    o.discard = throw_job;
    o.discard_result = throw_result;
    must_eq(weir_pool_start(&t->pool, &o), 0);
}

static void end(struct tally *t)
{
    must_eq(weir_pool_free(t->pool), 0);
    ints_unref(t->results);
}

static void feed(void *arg)
{
    struct tally *t = arg;
    int i, err = 0;

    for (i = 1; i <= JOBS && !err; i++) {
        err = weir_pool_submit(t->pool, &i, NULL);
        if (!err)
            atomic_fetch_add(&t->fed, 1);
    }
    must(err == 0 || err == WEIR_CLOSED);
    must_eq(weir_pool_close(t->pool, WEIR_POOL_DRAIN), 0);
}

/* Takes now more, now less time; one in seven has no result, one fails. */
static int uneven(void *in, void *out, weir_ctx *ctx, void *arg)
{
    const int n = *(int *)in;
    int i;

    (void)ctx, (void)arg;
    for (i = n * 31 % 11; i > 0; i--)
        weir_yield();
    *(int *)out = n;
    return n % 7 == 0 ? WEIR_SKIP : n % 7 == 1 ? -1 : 0;
}

static void check_ordered(struct crew *crew, size_t window)
{
    struct tally t = {0};
    int n, last = 0, got = 0;

    start(&t, (weir_pool_opts){.fn = uneven, .ordered = true, .window = window},
          2);
    crew_go(crew, feed, &t);
    while (ints_recv(t.results, &n, NULL) == 0) {
        must(n > last && n % 7 > 1);
        last = n;
        got++;
    }
    must_eq(weir_pool_join(t.pool), 0);
    crew_wait(crew);
    must_eq(counts_of(t.pool).done - counts_of(t.pool).skipped, got);
    must_eq(counts_of(t.pool).skipped, JOBS / 7);
    must_eq(counts_of(t.pool).failed, JOBS / 7 + 1);
    must_eq(atomic_load(&t.thrown), 0);
    end(&t);
}

BEHAVIOUR(results_come_in_order)
{
    check_ordered(crew, 0);
    check_ordered(crew, 1);
    check_ordered(crew, 3);
    check_ordered(crew, 2 * JOBS);
}

BEHAVIOUR(all_results_come_without_order)
{
    struct tally t = {0};
    long long sum = 0, want = 0;
    int i, n;

    start(&t, (weir_pool_opts){.fn = uneven}, 0);
    crew_go(crew, feed, &t);
    while (ints_recv(t.results, &n, NULL) == 0)
        sum += n;
    for (i = 1; i <= JOBS; i++)
        want += i % 7 > 1 ? i : 0;
    must_eq(sum, want);
    must_eq(weir_pool_join(t.pool), 0);
    crew_wait(crew);
    end(&t);
}

/* ---- the window ---------------------------------------------------------- */

static int first_is_slow(void *in, void *out, weir_ctx *ctx, void *arg)
{
    struct tally *t = arg;
    int none;

    atomic_fetch_add(&t->started, 1);
    *(int *)out = *(int *)in;
    if (*(int *)in == 1)
        must_eq(ints_recv(t->gate, &none, ctx), WEIR_CLOSED);
    return 0;
}

/* Those behind a slow job are done, as many as the window holds, and no
 * more; nothing is sent before it. */
BEHAVIOUR(one_slow_job_holds_up_a_window)
{
    enum { WINDOW = 9 };
    struct tally t = {.gate = ints_new(0)};
    int n, last = 0;

    start(&t,
          (weir_pool_opts){
              .fn = first_is_slow, .ordered = true, .window = WINDOW},
          JOBS);
    crew_go(crew, feed, &t);
    while (atomic_load(&t.started) < WINDOW)
        weir_yield();
    settle();
    must_eq(atomic_load(&t.started), WINDOW);
    must_eq(ints_len(t.results), 0);
    must_eq(counts_of(t.pool).running, WINDOW);
    ints_close(t.gate);
    while (ints_recv(t.results, &n, NULL) == 0)
        must_eq(n, ++last);
    must_eq(last, JOBS);
    must_eq(weir_pool_join(t.pool), 0);
    crew_wait(crew);
    end(&t);
    ints_unref(t.gate);
}

/* ---- results that nobody takes ------------------------------------------- */

static int same(void *in, void *out, weir_ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    *(int *)out = *(int *)in;
    return 0;
}

/* Its reader has closed the channel: the jobs are done all the same. */
BEHAVIOUR(a_closed_channel_takes_no_results)
{
    struct tally t;
    int ordered, i;

    for (ordered = 0; ordered < 2; ordered++) {
        t = (struct tally){0};
        start(&t, (weir_pool_opts){.fn = same, .ordered = ordered}, 0);
        crew_go(crew, feed, &t);
        for (i = 0; i < 10; i++)
            must(get(t.results) > 0);
        ints_close(t.results);
        must_eq(weir_pool_join(t.pool), 0);
        must_eq(counts_of(t.pool).done, JOBS);
        must_eq(counts_of(t.pool).unsent, JOBS - 10);
        must_eq(atomic_load(&t.thrown), JOBS - 10);
        crew_wait(crew);
        end(&t);
    }
}

/* Nobody reads: the workers wait for room until the pool is cancelled. */
BEHAVIOUR(a_cancel_ends_waits_for_room)
{
    struct tally t;
    weir_pool_counts n;
    int ordered;

    for (ordered = 0; ordered < 2; ordered++) {
        t = (struct tally){0};
        start(&t, (weir_pool_opts){.fn = same, .ordered = ordered}, 3);
        crew_go(crew, feed, &t);
        while (ints_len(t.results) < 3)
            weir_yield();
        settle();
        must_eq(weir_pool_cancel(t.pool, -3), 0);
        must_eq(weir_pool_join(t.pool), -3);
        crew_wait(crew);
        n = counts_of(t.pool);
        must_eq(n.submitted, atomic_load(&t.fed));
        must_eq(n.running + n.queued + n.failed, 0);
        must_eq(n.done - n.unsent, ints_len(t.results));
        must_eq(n.unsent, atomic_load(&t.thrown));
        must_eq(n.discarded, atomic_load(&t.jobs_thrown));
        end(&t);
    }
}

/* Several pools may share a channel; the last to end does not close it. */
BEHAVIOUR(a_shared_channel_stays_open)
{
    struct tally t = {0};
    weir_pool_opts o = {.fn = same, .keep_open = true};
    int n, got = 0;

    start(&t, o, JOBS);
    crew_go(crew, feed, &t);
    must_eq(weir_pool_join(t.pool), 0);
    must(!weir_chan_is_closed(ints_base(t.results)));
    while (ints_try_recv(t.results, &n) == 0)
        got++;
    must_eq(got, JOBS);
    crew_wait(crew);
    end(&t);
}

/* Resizing neither loses a result nor breaks the order. */
BEHAVIOUR(order_outlives_resizing)
{
    struct tally t = {0};
    int n, last = 0;

    start(&t, (weir_pool_opts){.fn = uneven, .ordered = true}, 2);
    crew_go(crew, feed, &t);
    while (ints_recv(t.results, &n, NULL) == 0) {
        must(n > last);
        last = n;
        (void)weir_pool_resize(t.pool, 1 + n * 7 % 6);
    }
    must_eq(weir_pool_join(t.pool), 0);
    must_eq(counts_of(t.pool).submitted, JOBS);
    must_eq(counts_of(t.pool).unsent, 0);
    crew_wait(crew);
    end(&t);
}

CHECK_MAIN(CHECK_MODES(results_come_in_order),
           CHECK_MODES(all_results_come_without_order),
           CHECK_MODES(one_slow_job_holds_up_a_window),
           CHECK_MODES(a_closed_channel_takes_no_results),
           CHECK_MODES(a_cancel_ends_waits_for_room),
           CHECK_MODES(a_shared_channel_stays_open),
           CHECK_MODES(order_outlives_resizing))
