/* SPDX-License-Identifier: MIT */
/*
 * How a pipeline ends before its input does: by the first error of a stage, a
 * cancel, the end of its context, a reader who leaves, a close. Wherever an
 * element is at that moment, it is given to its discard, once.
 */
#include "../chan/parties.h"

enum { BAD = 200, ROOM = 3 };

/* Elements are counted as they are made and as they come to their ends. */
struct world {
    weir_pipeline *p;
    ints *in, *out, *gate;
    atomic_int made, ended, thrown, waiting;
    int fed;
};

static weir_pipeline_counts counts_of(weir_pipeline *p, int stage)
{
    weir_pipeline_counts n;

    must_eq(weir_pipeline_get_counts(p, stage, &n), 0);
    must_eq(n.in, n.out + n.filtered + n.failed + n.left + n.inside);
    return n;
}

static void throw_away(void *elem, void *arg)
{
    must(*(int *)elem > 0);
    atomic_fetch_add(&((struct world *)arg)->thrown, 1);
}

/* All came to one end, and the account knows of it. */
static void check_account(struct world *w)
{
    weir_pipeline_counts n = counts_of(w->p, -1);

    must_eq(n.inside, 0);
    must_eq(n.workers, 0);
    must_eq(n.left, atomic_load(&w->thrown));
    must_eq(n.in, atomic_load(&w->made));
    must_eq(n.out + n.filtered + n.failed, atomic_load(&w->ended));
}

/* ---- stages -------------------------------------------------------------- */

static int without_end(void *in, void *out, weir_ctx *ctx, void *arg)
{
    struct world *w = arg;

    (void)in, (void)ctx;
    *(int *)out = atomic_fetch_add(&w->made, 1) + 1;
    return 0;
}

static int pass(void *in, void *out, weir_ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    *(int *)out = *(int *)in;
    return 0;
}

static int fail_at_bad(void *in, void *out, weir_ctx *ctx, void *arg)
{
    struct world *w = arg;

    if (*(int *)in == BAD) {
        atomic_fetch_add(&w->ended, 1);
        return -55;
    }
    return pass(in, out, ctx, arg);
}

static int swallow(void *in, void *out, weir_ctx *ctx, void *arg)
{
    (void)in, (void)out, (void)ctx;
    atomic_fetch_add(&((struct world *)arg)->ended, 1);
    return 0;
}

/* Waits for ever, unless told that nobody wants it any more. */
static int wait_for_ever(void *in, void *out, weir_ctx *ctx, void *arg)
{
    struct world *w = arg;
    int none, err;

    (void)in, (void)out;
    atomic_fetch_add(&w->waiting, 1);
    err = ints_recv(w->gate, &none, ctx);
    must(err == WEIR_CANCELED || err == WEIR_TIMEDOUT);
    atomic_fetch_add(&w->ended, 1);
    return err;
}

static void start(struct world *w, weir_work_fn *middle, weir_work_fn *sink,
                  bool ordered, weir_ctx *ctx)
{
    const weir_stage stages[] = {{.fn = without_end,
                                  .arg = w,
                                  .out_size = sizeof(int),
                                  .capacity = ROOM,
                                  .discard = throw_away},
                                 {.fn = middle,
                                  .arg = w,
                                  .workers = 3,
                                  .out_size = sizeof(int),
                                  .capacity = ROOM,
                                  .ordered = ordered,
                                  .discard = throw_away},
                                 {.fn = sink, .arg = w, .workers = 2}};

    must_eq(
        weir_pipeline_start(
            &w->p, &(weir_pipeline_opts){.stages = stages, .n = 3, .ctx = ctx}),
        0);
}

/* ---- errors -------------------------------------------------------------- */

BEHAVIOUR(the_first_error_ends_it)
{
    struct world w;
    int ordered;

    for (ordered = 0; ordered < 2; ordered++) {
        w = (struct world){0};
        start(&w, fail_at_bad, swallow, ordered, NULL);
        must_eq(weir_pipeline_wait(w.p), -55);
        must_eq(counts_of(w.p, 1).failed, 1);
        must_eq(weir_ctx_cause(weir_pipeline_ctx(w.p)), -55);
        check_account(&w);
        must_eq(weir_pipeline_free(w.p), 0);
    }
    (void)crew;
}

static int fail_at_once(void *in, void *out, weir_ctx *ctx, void *arg)
{
    struct world *w = arg;

    (void)out, (void)ctx;
    if (in == NULL)
        atomic_fetch_add(&w->made, 1);
    atomic_fetch_add(&w->ended, 1);
    return -56;
}

BEHAVIOUR(the_last_stage_may_fail)
{
    struct world w = {0};

    start(&w, pass, fail_at_once, true, NULL);
    must_eq(weir_pipeline_wait(w.p), -56);
    check_account(&w);
    must_eq(weir_pipeline_free(w.p), 0);
    (void)crew;
}

BEHAVIOUR(the_source_may_fail)
{
    struct world w = {0};
    const weir_stage stages[] = {{.fn = fail_at_once, .arg = &w},
                                 {.fn = swallow, .arg = &w}};

    must_eq(weir_pipeline_start(
                &w.p, &(weir_pipeline_opts){.stages = stages, .n = 2}),
            0);
    must_eq(weir_pipeline_wait(w.p), -56);
    check_account(&w);
    must_eq(weir_pipeline_free(w.p), 0);
    (void)crew;
}

/* ---- cancels ------------------------------------------------------------- */

/* All channels are full and everybody waits: some in fn, some for room. */
static void start_stuck(struct world *w, bool ordered, weir_ctx *ctx)
{
    *w = (struct world){.gate = ints_new(0)};
    start(w, pass, wait_for_ever, ordered, ctx);
    while (counts_of(w->p, 2).inside < ROOM + 2 ||
           counts_of(w->p, 1).inside < ROOM + 2 || atomic_load(&w->waiting) < 2)
        weir_yield();
    settle();
}

static void end_stuck(struct world *w)
{
    check_account(w);
    must_eq(counts_of(w->p, -1).failed, 2);
    must(atomic_load(&w->thrown) >= 2 * ROOM);
    must_eq(weir_pipeline_free(w->p), 0);
    ints_unref(w->gate);
}

BEHAVIOUR(a_cancel_ends_every_wait)
{
    struct world w;
    int ordered;

    for (ordered = 0; ordered < 2; ordered++) {
        start_stuck(&w, ordered, NULL);
        must_eq(weir_pipeline_cancel(w.p, -3), 0);
        must_eq(weir_pipeline_cancel(w.p, -4), 0);
        must_eq(weir_pipeline_wait(w.p), -3);
        end_stuck(&w);
    }
    (void)crew;
}

BEHAVIOUR(so_does_the_end_of_its_context)
{
    weir_ctx parent;
    struct world w;

    must_eq(weir_ctx_init(&parent, NULL), 0);
    start_stuck(&w, true, &parent);
    must_eq(weir_ctx_cancel(&parent, -8), 0);
    must_eq(weir_pipeline_wait(w.p), -8);
    end_stuck(&w);
    start(&w, pass, swallow, false, &parent);
    must_eq(weir_pipeline_wait(w.p), -8);
    must_eq(weir_pipeline_free(w.p), 0);
    must_eq(weir_ctx_fini(&parent), 0);
    (void)crew;
}

BEHAVIOUR(so_does_a_deadline)
{
    struct world w;
    weir_ctx limit;

    start_stuck(&w, false, NULL);
    must_eq(weir_ctx_init_timeout(&limit, NULL, WEIR_MILLISECOND), 0);
    must_eq(weir_pipeline_stop(w.p, &limit), WEIR_TIMEDOUT);
    must_eq(weir_pipeline_wait(w.p), WEIR_TIMEDOUT);
    must_eq(weir_ctx_fini(&limit), 0);
    end_stuck(&w);
    (void)crew;
}

BEHAVIOUR(so_does_a_free)
{
    struct world w;

    start_stuck(&w, true, NULL);
    must_eq(weir_pipeline_free(w.p), 0);
    must_eq(atomic_load(&w.made),
            atomic_load(&w.ended) + atomic_load(&w.thrown));
    ints_unref(w.gate);
    (void)crew;
}

/* ---- a close drains ------------------------------------------------------ */

BEHAVIOUR(a_closed_source_drains)
{
    struct world w = {0};

    start(&w, pass, swallow, true, NULL);
    while (atomic_load(&w.ended) < 100)
        weir_yield();
    must_eq(weir_pipeline_close(w.p), 0);
    must_eq(weir_pipeline_wait(w.p), 0);
    check_account(&w);
    must_eq(atomic_load(&w.thrown), 0);
    must_eq(counts_of(w.p, -1).out, atomic_load(&w.made));
    must_eq(weir_pipeline_free(w.p), 0);
    (void)crew;
}

/* A source that waits for what never comes is told by its context. */
static int idle_source(void *in, void *out, weir_ctx *ctx, void *arg)
{
    (void)in;
    return ints_recv(((struct world *)arg)->gate, out, ctx);
}

BEHAVIOUR(an_idle_source_holds_nothing_up)
{
    struct world w = {.gate = ints_new(0)};
    const weir_stage stages[] = {
        {.fn = idle_source, .arg = &w, .out_size = sizeof(int), .workers = 2},
        {.fn = swallow, .arg = &w}};
    weir_pipeline_opts o = {.stages = stages, .n = 2};

    must_eq(weir_pipeline_start(&w.p, &o), 0);
    put(w.gate, 5);
    settle();
    must_eq(weir_pipeline_stop(w.p, NULL), 0);
    must_eq(counts_of(w.p, -1).out, 1);
    must_eq(counts_of(w.p, -1).failed, 0);
    must_eq(weir_pipeline_free(w.p), 0);
    ints_unref(w.gate);
    (void)crew;
}

static void feed_until_closed(void *arg)
{
    struct world *w = arg;

    w->fed = 0;
    while (ints_send(w->in, w->fed + 1, NULL) == 0)
        w->fed++;
    must(weir_chan_is_closed(ints_base(w->in)));
}

static void through_channels(struct world *w, const weir_stage *stage)
{
    w->in = ints_new(ROOM);
    w->out = ints_new(ROOM);
    must_eq(weir_pipeline_start(
                &w->p, &(weir_pipeline_opts){.stages = stage,
                                             .n = 1,
                                             .in = ints_base(w->in),
                                             .discard = throw_away,
                                             .arg = w,
                                             .out = ints_base(w->out)}),
            0);
}

/* All that was sent successfully is accounted for, and nobody sends on. */
static void end_channels(struct crew *crew, struct world *w, int result)
{
    weir_pipeline_counts n;
    int left = 0, none;

    must_eq(weir_pipeline_wait(w->p), result);
    must(weir_chan_is_closed(ints_base(w->out)));
    crew_wait(crew);
    n = counts_of(w->p, -1);
    must_eq(n.in, w->fed);
    must_eq(n.inside, 0);
    must_eq(n.left, atomic_load(&w->thrown));
    while (ints_try_recv(w->out, &none) == 0)
        left++;
    must_eq(n.out, atomic_load(&w->ended) + left);
    must_eq(weir_pipeline_free(w->p), 0);
    ints_unref(w->in);
    ints_unref(w->out);
}

BEHAVIOUR(a_close_ends_the_input_for_all)
{
    struct world w = {0};
    const weir_stage stage = {.fn = pass, .workers = 2, .ordered = true};
    int last = 0, n;

    through_channels(&w, &stage);
    crew_go(crew, feed_until_closed, &w);
    while (last < 100)
        must_eq(get(w.out), ++last);
    must_eq(weir_pipeline_close(w.p), 0);
    while (ints_recv(w.out, &n, NULL) == 0)
        must_eq(n, ++last);
    atomic_store(&w.ended, last);
    end_channels(crew, &w, 0);
    must_eq(w.fed, last);
    must_eq(atomic_load(&w.thrown), 0);
}

/* The reader has had enough: the pipeline ends, and so does its feeder. */
BEHAVIOUR(a_reader_who_leaves_ends_it)
{
    struct world w;
    int ordered;

    for (ordered = 0; ordered < 2; ordered++) {
        const weir_stage stage = {.fn = pass,
                                  .arg = &w,
                                  .workers = 3,
                                  .ordered = ordered,
                                  .discard = throw_away};
        w = (struct world){0};
        through_channels(&w, &stage);
        crew_go(crew, feed_until_closed, &w);
        for (; atomic_load(&w.ended) < 10; atomic_fetch_add(&w.ended, 1))
            must(get(w.out) > 0);
        ints_close(w.out);
        end_channels(crew, &w, WEIR_CLOSED);
    }
}

/* ---- from inside --------------------------------------------------------- */

static int end_from_inside(void *in, void *out, weir_ctx *ctx, void *arg)
{
    struct world *w = arg;

    (void)out, (void)ctx;
    if (*(int *)in == 1) {
        must_eq(weir_pipeline_wait(w->p), WEIR_DEADLOCK);
        must_eq(weir_pipeline_free(w->p), WEIR_DEADLOCK);
        must_eq(weir_pipeline_stop(w->p, NULL), WEIR_DEADLOCK);
    }
    return 0;
}

BEHAVIOUR(a_stage_may_close_it)
{
    struct world w = {.in = ints_new(ROOM)};
    const weir_stage stage = {.fn = end_from_inside, .arg = &w};
    weir_pipeline_opts o = {.stages = &stage, .n = 1, .in = ints_base(w.in)};

    must_eq(weir_pipeline_start(&w.p, &o), 0);
    feed_until_closed(&w);
    must_eq(weir_pipeline_wait(w.p), 0);
    must_eq(counts_of(w.p, -1).out, w.fed);
    must_eq(weir_pipeline_free(w.p), 0);
    ints_unref(w.in);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(the_first_error_ends_it),
           CHECK_MODES(the_last_stage_may_fail),
           CHECK_MODES(the_source_may_fail),
           CHECK_MODES(a_cancel_ends_every_wait),
           CHECK_MODES(so_does_the_end_of_its_context),
           CHECK_MODES(so_does_a_deadline), CHECK_MODES(so_does_a_free),
           CHECK_MODES(a_closed_source_drains),
           CHECK_MODES(an_idle_source_holds_nothing_up),
           CHECK_MODES(a_close_ends_the_input_for_all),
           CHECK_MODES(a_reader_who_leaves_ends_it),
           CHECK_MODES(a_stage_may_close_it))
