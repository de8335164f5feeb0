/* SPDX-License-Identifier: MIT */
/*
 * Shutdowns of pools, pipelines and channels; their report in words; without
 * memory; and wrong use.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>
#include "../chan/parties.h"
#include "base/mem.h"

enum { JOBS = 50 };

static weir_shutdown_report report_of(weir_shutdown *s, size_t i)
{
    weir_shutdown_report r;

    must_eq(weir_shutdown_get_report(s, i, &r), 0);
    return r;
}

/* ---- what a program is made of ------------------------------------------- */

struct world {
    weir_shutdown *s;
    weir_pipeline *pipeline;
    weir_pool *pool;
    ints *log, *gate;
    atomic_int done;
};

static int into_pool(void *in, void *out, weir_ctx *ctx, void *arg)
{
    (void)out;
    return weir_pool_submit(((struct world *)arg)->pool, in, ctx);
}

static int series(void *in, void *out, weir_ctx *ctx, void *arg)
{
    (void)in, (void)arg;
    *(int *)out = 1;
    return weir_ctx_err(ctx) ? WEIR_CLOSED : 0;
}

static int job(void *in, void *out, weir_ctx *ctx, void *arg)
{
    struct world *w = arg;
    int none;

    (void)in, (void)out;
    if (w->gate && ints_recv(w->gate, &none, ctx) != WEIR_CLOSED)
        return WEIR_CANCELED;
    atomic_fetch_add(&w->done, 1);
    return 0;
}

/* A source feeds a pool through a pipeline. */
static void start_world(struct world *w, weir_shutdown_opts o)
{
    const weir_stage stages[] = {{.fn = series, .out_size = sizeof(int)},
                                 {.fn = into_pool, .arg = w}};
    const weir_pool_opts po = {.fn = job,
                               .arg = w,
                               .job_size = sizeof(int),
                               .capacity = 4,
                               .workers = 2};

    must_eq(weir_shutdown_new(&w->s, &o), 0);
    w->log = ints_new(10);
    must_eq(weir_pool_start(&w->pool, &po), 0);
    must_eq(weir_pipeline_start(
                &w->pipeline, &(weir_pipeline_opts){.stages = stages, .n = 2}),
            0);
    must_eq(weir_shutdown_add_pipeline(w->s, "intake", w->pipeline), 0);
}

static void end_world(struct world *w)
{
    must_eq(weir_shutdown_free(w->s), 0);
    must_eq(weir_pipeline_free(w->pipeline), 0);
    must_eq(weir_pool_free(w->pool), 0);
    ints_unref(w->log);
    ints_unref(w->gate);
}

static int drain_pool(void *arg, weir_ctx *ctx)
{
    return weir_pool_stop(((struct world *)arg)->pool, WEIR_POOL_DRAIN, ctx);
}

/* The pool may close only when what feeds it has ended, and so it does: its
 * part has no stop hook, and its drain comes after that of the pipeline. */
BEHAVIOUR(nothing_is_lost_in_good_time)
{
    struct world w = {0};
    weir_pool_counts jobs;
    weir_pipeline_counts passed;

    start_world(&w, (weir_shutdown_opts){0});
    must_eq(weir_shutdown_add(w.s, &(weir_shutdown_part){.name = "jobs",
                                                         .arg = &w,
                                                         .drain = drain_pool}),
            0);
    must_eq(weir_shutdown_add_chan(w.s, "log", ints_base(w.log)), 0);
    while (atomic_load(&w.done) < JOBS)
        weir_yield();
    must_eq(kill(getpid(), SIGINT), 0);
    must_eq(weir_shutdown_wait(w.s, NULL), 0);
    must_eq(weir_pool_get_counts(w.pool, &jobs), 0);
    must_eq(weir_pipeline_get_counts(w.pipeline, -1, &passed), 0);
    must_eq(passed.in, passed.out);
    must_eq(passed.out, jobs.submitted);
    must_eq(jobs.submitted, jobs.done);
    must_eq(jobs.done, atomic_load(&w.done));
    must(weir_chan_is_closed(ints_base(w.log)));
    must_eq(report_of(w.s, 0).left, 0);
    end_world(&w);
    (void)crew;
}

/* Two jobs hang, four are queued behind them, the pipeline is full, and two
 * lines of the log are unread: all of that is in the report. The two that hang
 * end when they are told to, maybe before they are counted as running. The
 * pipeline ends by the pool's close, or by the deadline if that comes first. */
BEHAVIOUR(what_is_left_is_told)
{
    struct world w = {.gate = ints_new(0)};
    weir_pool_counts jobs;
    weir_pipeline_counts passed;
    int err;

    start_world(&w, (weir_shutdown_opts){.deadline = WEIR_MILLISECOND,
                                         .grace = WEIR_FOREVER});
    must_eq(weir_shutdown_add_pool(w.s, "jobs", w.pool), 0);
    must_eq(weir_shutdown_add_chan(w.s, "log", ints_base(w.log)), 0);
    put(w.log, 1);
    put(w.log, 2);
    do {
        weir_yield();
        must_eq(weir_pool_get_counts(w.pool, &jobs), 0);
    } while (jobs.running < 2 || jobs.queued < 4);
    must_eq(weir_shutdown_request(w.s), 0);
    must(weir_shutdown_wait(w.s, NULL) < 0);
    must_eq(weir_pool_join(w.pool), WEIR_TIMEDOUT);
    err = weir_pipeline_wait(w.pipeline);
    must(err == WEIR_CLOSED || err == WEIR_TIMEDOUT);
    must_eq(weir_pipeline_get_counts(w.pipeline, -1, &passed), 0);
    must_eq(report_of(w.s, 0).left, passed.left);
    must(report_of(w.s, 1).left >= 4 && report_of(w.s, 1).left <= 6);
    must_eq(report_of(w.s, 2).left, 2);
    must(!report_of(w.s, 1).in_time);
    end_world(&w);
    (void)crew;
}

/* ---- in words ------------------------------------------------------------ */

static int say_no(void *arg)
{
    (void)arg;
    return WEIR_BUSY;
}

static int until_told(void *arg, weir_ctx *ctx)
{
    (void)arg;
    return weir_ctx_wait(ctx, NULL);
}

BEHAVIOUR(the_report_is_a_line_a_part)
{
    weir_shutdown *s;
    FILE *full = fopen("/dev/full", "w"), *out;
    char *text = NULL, *line;
    size_t size;

    must_eq(weir_shutdown_new(&s, NULL), 0);
    must_eq(weir_shutdown_add(
                s, &(weir_shutdown_part){.name = "door", .stop = say_no}),
            0);
    must_eq(weir_shutdown_add(
                s, &(weir_shutdown_part){.name = "hall", .drain = until_told}),
            0);
    must_eq(weir_shutdown_cut(s), 0);
    must_eq(weir_shutdown_wait(s, NULL), WEIR_CANCELED);
    out = open_memstream(&text, &size);
    must_eq(weir_shutdown_print(s, out), 0);
    must_eq(fclose(out), 0);
    line = strchr(text, '\n');
    must(line != NULL);
    must(strncmp(text, "door: ended after 0.000 s, 0 left, stop: ", 41) == 0);
    must(strncmp(line, "\nhall: ended late, after ", 25) == 0);
    must(strstr(line, weir_strerror(WEIR_CANCELED)) != NULL);
    must(full != NULL);
    setvbuf(full, NULL, _IONBF, 0);
    must_eq(weir_shutdown_print(s, full), -ENOSPC);
    fclose(full);
    free(text);
    must_eq(weir_shutdown_free(s), 0);
    (void)crew;
}

/* ---- without memory ------------------------------------------------------ */

static int new_with(int n, weir_shutdown **s)
{
    int err;

    wr_mem_fail_after(n);
    err = weir_shutdown_new(s, NULL);
    wr_mem_fail_after(-1);
    must(err == 0 || err == WEIR_ENOMEM);
    must((err == 0) == (*s != NULL));
    return err;
}

BEHAVIOUR(a_shutdown_takes_no_memory)
{
    const weir_shutdown_part part = {.name = "part", .drain = until_told};
    weir_shutdown *s;
    int i, err, n = 0;

    must_eq(weir_sleep(1, NULL), 0); /* a thread's first wait takes memory */
    while (new_with(n, &s) != 0)
        n++;
    must(n > 0);
    wr_mem_fail_after(0);
    must_eq(weir_shutdown_add(s, &part), WEIR_ENOMEM);
    for (i = 0; i < 3; i++) {
        wr_mem_fail_after(i);
        err = weir_shutdown_add(s, &part);
        must(err == 0 || err == WEIR_ENOMEM);
    }
    wr_mem_fail_after(-1);
    must_eq(weir_shutdown_add(s, &part), 0);
    wr_mem_fail_after(0);
    must_eq(weir_shutdown_cut(s), 0);
    must_eq(weir_shutdown_wait(s, NULL), WEIR_CANCELED);
    must_eq(report_of(s, 0).drained, WEIR_CANCELED);
    wr_mem_fail_after(-1);
    must_eq(weir_shutdown_free(s), 0);
    (void)crew;
}

/* ---- wrong use ----------------------------------------------------------- */

static void refused(weir_shutdown_opts o)
{
    weir_shutdown *s = (weir_shutdown *)&o;

    ck_assert_int_eq(weir_shutdown_new(&s, &o), WEIR_EINVAL);
    ck_assert_ptr_null(s);
}

START_TEST(wrong_use_is_refused)
{
    const weir_shutdown_part part = {.name = "part"}, nameless = {0};
    weir_shutdown_report r;
    weir_shutdown *s;
    ints *c = ints_new(1);

    refused((weir_shutdown_opts){.deadline = -1});
    refused((weir_shutdown_opts){.grace = -1});
    refused((weir_shutdown_opts){.signals = {SIGKILL}});
    refused((weir_shutdown_opts){.signals = {SIGINT, SIGSTOP}});
    refused((weir_shutdown_opts){.signals = {-3}});
    refused((weir_shutdown_opts){.signals = {100000}});
    ck_assert_int_eq(weir_shutdown_new(NULL, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_shutdown_add(NULL, &part), WEIR_EINVAL);
    ck_assert_int_eq(weir_shutdown_wait(NULL, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_shutdown_request(NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_shutdown_cut(NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_shutdown_signal(NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_shutdown_print(NULL, stderr), WEIR_EINVAL);
    ck_assert_int_eq(weir_shutdown_get_report(NULL, 0, &r), WEIR_EINVAL);
    ck_assert_ptr_null(weir_shutdown_ctx(NULL));
    ck_assert_int_eq(weir_shutdown_add_chan(NULL, "c", ints_base(c)),
                     WEIR_EINVAL);

    ck_assert_int_eq(weir_shutdown_new(&s, NULL), 0);
    ck_assert_int_eq(weir_shutdown_add(s, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_shutdown_add(s, &nameless), WEIR_EINVAL);
    ck_assert_int_eq(weir_shutdown_add_pool(s, "pool", NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_shutdown_add_pipeline(s, "line", NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_shutdown_add_chan(s, "chan", NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_shutdown_add_chan(s, NULL, ints_base(c)),
                     WEIR_EINVAL);
    ck_assert_int_eq(weir_shutdown_get_report(s, 0, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_shutdown_request(s), 0);
    ck_assert_int_eq(weir_shutdown_wait(s, NULL), 0);
    ck_assert_int_eq(weir_shutdown_get_report(s, 0, &r), WEIR_EINVAL);
    ck_assert_int_eq(weir_shutdown_print(s, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_shutdown_free(s), 0);
    ints_unref(c);
    ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

CHECK_MAIN(CHECK_MODES(nothing_is_lost_in_good_time),
           CHECK_MODES(what_is_left_is_told),
           CHECK_MODES(the_report_is_a_line_a_part),
           CHECK_MODES(a_shutdown_takes_no_memory),
           CHECK_TEST(wrong_use_is_refused))
