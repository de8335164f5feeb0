/* SPDX-License-Identifier: MIT */
/* The free-standing queue, what a full one does, and any queue under load. */
#include "events.h"

enum { PARTIES = 4 };

static void enqueue(weir_queue *q, int n)
{
    must_eq(write_number(weir_queue_sink(q), n, NULL), 0);
}

static int dequeue(weir_queue *q)
{
    weir_event *e = NULL;
    const int err = weir_queue_dequeue(q, &e, NULL);
    const int n = err ? err : number_of(e);

    weir_event_unref(e);
    return n;
}

BEHAVIOUR(order_is_kept)
{
    weir_queue *q = queue_of((weir_queue_opts){0});
    int i;

    for (i = 0; i < 100; i++)
        enqueue(q, i);
    for (i = 0; i < 100; i++)
        must_eq(dequeue(q), i);
    must_eq(queue_counts(q).delivered, 100);
    weir_queue_unref(q);
    must_eq(alive, 0);
    (void)crew;
}

BEHAVIOUR(a_stopped_queue_is_drained_and_then_says_so)
{
    weir_queue *q = queue_of((weir_queue_opts){0});

    enqueue(q, 1);
    enqueue(q, NONE); /* the null event is not the end */
    enqueue(q, 3);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0); /* never hangs */
    must_eq(write_number(weir_queue_sink(q), 4, NULL), WEIR_CLOSED);
    must_eq(dequeue(q), 1);
    must_eq(dequeue(q), NONE);
    must_eq(dequeue(q), 3);
    must_eq(dequeue(q), WEIR_CLOSED);
    must_eq(dequeue(q), WEIR_CLOSED);
    weir_queue_unref(q);
    (void)crew;
}

BEHAVIOUR(a_discarded_queue_is_empty)
{
    struct losses lost = {.code = WEIR_CANCELED};
    weir_queue *q = queue_of((weir_queue_opts){.on_loss = lose, .arg = &lost});

    enqueue(q, 1);
    enqueue(q, 2);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DISCARD, NULL), 0);
    must_eq(lost.by_code, 2);
    must_eq(lost.last, 2);
    must_eq(dequeue(q), WEIR_CLOSED);
    must_eq(queue_counts(q).discarded, 2);
    weir_queue_unref(q);
    (void)crew;
}

static void dequeue_till_stopped(void *arg)
{
    must_eq(dequeue(arg), WEIR_CLOSED);
}

BEHAVIOUR(stop_wakes_those_who_wait)
{
    weir_queue *q = queue_of((weir_queue_opts){0});
    int i;

    for (i = 0; i < PARTIES; i++)
        crew_go(crew, dequeue_till_stopped, q);
    settle();
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    crew_wait(crew);
    weir_queue_unref(q);
}

BEHAVIOUR(waits_end_with_their_context)
{
    weir_queue *q = queue_of((weir_queue_opts){.capacity = 1});
    weir_ctx ctx = WEIR_CTX_INIT;
    weir_event *e = NULL;

    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    must_eq(weir_queue_dequeue(q, &e, &ctx), WEIR_CANCELED);
    must_eq(write_number(weir_queue_sink(q), 1, &ctx), 0); /* need not wait */
    must_eq(write_number(weir_queue_sink(q), 2, &ctx), WEIR_CANCELED);
    must_eq(queue_counts(q).refused, 1);
    must_eq(queue_counts(q).blocked, 0);
    must_eq(weir_queue_dequeue(q, &e, &ctx), 0);
    must_eq(number_of(e), 1);
    weir_event_unref(e);
    weir_queue_unref(q);
    must_eq(weir_ctx_fini(&ctx), 0);
    must_eq(alive, 0);
    (void)crew;
}

/* ---- processing ---------------------------------------------------------- */

struct work {
    weir_queue *q;
    atomic_int done, ended, stop_result;
};

static int work_on(weir_event *e, weir_ctx *ctx, void *arg)
{
    struct work *w = arg;

    atomic_fetch_add(&w->done, 1);
    (void)ctx;
    return number_of(e) % 10 == 0 ? -5 : 0;
}

static void process(void *arg)
{
    struct work *w = arg;

    must_eq(weir_queue_process(w->q, work_on, w, NULL), 0);
    atomic_fetch_add(&w->ended, 1);
}

BEHAVIOUR(stop_waits_for_those_who_process)
{
    struct losses lost = {.code = -5};
    struct work w = {
        .q = queue_of((weir_queue_opts){.on_loss = lose, .arg = &lost})};
    int i;

    for (i = 0; i < PARTIES; i++)
        crew_go(crew, process, &w);
    for (i = 0; i < 200; i++)
        enqueue(w.q, i);
    await(&w.done, 1);
    must_eq(weir_queue_stop(w.q, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(w.done, 200);
    must_eq(lost.by_code, 20);
    must_eq(queue_counts(w.q).delivered, 180);
    must_eq(queue_counts(w.q).failed, 20);
    crew_wait(crew);
    must_eq(w.ended, PARTIES);
    weir_queue_unref(w.q);
    must_eq(alive, 0);
}

static int stop_from_within(weir_event *e, weir_ctx *ctx, void *arg)
{
    struct work *w = arg;

    atomic_store(&w->stop_result,
                 weir_queue_stop(w->q, WEIR_QUEUE_DISCARD, NULL));
    must_eq(weir_ctx_err(ctx), WEIR_CANCELED);
    (void)e;
    return 0;
}

BEHAVIOUR(a_process_function_may_stop_the_queue)
{
    struct work w = {.q = queue_of((weir_queue_opts){0})};

    enqueue(w.q, 1);
    enqueue(w.q, 2);
    must_eq(weir_queue_process(w.q, stop_from_within, &w, NULL), 0);
    must_eq(w.stop_result, WEIR_DEADLOCK);
    must_eq(queue_counts(w.q).delivered, 1);
    must_eq(queue_counts(w.q).discarded, 1);
    weir_queue_unref(w.q);
    (void)crew;
}

static int want_no_more(weir_event *e, weir_ctx *ctx, void *arg)
{
    (void)e, (void)ctx, (void)arg;
    return WEIR_CLOSED;
}

BEHAVIOUR(a_process_function_may_want_no_more)
{
    weir_queue *q = queue_of((weir_queue_opts){0});

    enqueue(q, 1);
    enqueue(q, 2);
    must_eq(weir_queue_process(q, want_no_more, NULL, NULL), WEIR_CLOSED);
    must_eq(queue_counts(q).failed, 1);
    must_eq(dequeue(q), 2); /* for the others it goes on */
    weir_queue_unref(q);
    (void)crew;
}

/* ---- full ---------------------------------------------------------------- */

/* After 1..6 into a queue of 3, or of 1 for LATEST. */
static const struct {
    enum weir_policy policy;
    int refused, dropped, left, first;
} full[] = {
    {WEIR_DROP, 0, 3, 3, 1},   {WEIR_DROP_OLDEST, 0, 3, 3, 4},
    {WEIR_ERROR, 3, 0, 3, 1},  {WEIR_LATEST, 0, 5, 1, 6},
    {WEIR_SAMPLE, 0, 3, 3, 2},
};

START_TEST(a_bound_with_a_policy)
{
    struct losses lost = {.code = WEIR_FULL};
    weir_queue *q = queue_of((weir_queue_opts){.capacity = 3,
                                               .policy = full[_i].policy,
                                               .sample_every = 3,
                                               .on_loss = lose,
                                               .arg = &lost});
    int i, err, refused = 0;

    for (i = 1; i <= 6; i++) {
        err = write_number(weir_queue_sink(q), i, NULL);
        must(err == 0 || err == WEIR_FULL);
        refused += err == WEIR_FULL;
    }
    must_eq(refused, full[_i].refused);
    must_eq(queue_counts(q).refused, full[_i].refused);
    must_eq(queue_counts(q).dropped, full[_i].dropped);
    must_eq(lost.by_code, full[_i].dropped); /* each is told of */
    must_eq(queue_counts(q).queued, full[_i].left);
    must_eq(queue_counts(q).highest, full[_i].left);
    must_eq(dequeue(q), full[_i].first);
    weir_queue_unref(q);
    must_eq(alive, 0);
}
END_TEST

static void enqueue_five(void *arg)
{
    int i;

    for (i = 1; i <= 5; i++)
        enqueue(arg, i);
}

BEHAVIOUR(a_full_queue_blocks)
{
    weir_queue *q = queue_of((weir_queue_opts){.capacity = 2});
    int i;

    crew_go(crew, enqueue_five, q);
    while (queue_counts(q).blocked == 0)
        weir_yield();
    must_eq(queue_counts(q).queued, 2);
    for (i = 1; i <= 5; i++)
        must_eq(dequeue(q), i);
    crew_wait(crew);
    must_eq(queue_counts(q).highest, 2);
    weir_queue_unref(q);
}

static void enqueue_till_closed(void *arg)
{
    must_eq(write_number(weir_queue_sink(arg), 9, NULL), WEIR_CLOSED);
}

BEHAVIOUR(stop_ends_those_who_are_blocked)
{
    weir_queue *q = queue_of((weir_queue_opts){.capacity = 1});
    int i;

    enqueue(q, 1);
    for (i = 0; i < PARTIES; i++)
        crew_go(crew, enqueue_till_closed, q);
    while (queue_counts(q).blocked < PARTIES)
        weir_yield();
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    crew_wait(crew);
    must_eq(dequeue(q), 1);
    must_eq(dequeue(q), WEIR_CLOSED);
    weir_queue_unref(q);
    must_eq(alive, 0);
}

static void enqueue_again(weir_event *e, int code, void *arg)
{
    struct work *w = arg;

    must_eq(code, WEIR_FULL);
    must_eq(weir_queue_enqueue(w->q, e, NULL), WEIR_FULL);
    must_eq(weir_queue_stop(w->q, WEIR_QUEUE_DRAIN, NULL), WEIR_DEADLOCK);
    atomic_fetch_add(&w->done, 1);
}

BEHAVIOUR(on_loss_may_use_the_queue)
{
    struct work w = {0};

    w.q = queue_of((weir_queue_opts){.capacity = 1,
                                     .policy = WEIR_DROP_OLDEST,
                                     .on_loss = enqueue_again,
                                     .arg = &w});
    enqueue(w.q, 1);
    enqueue(w.q, 2);
    must_eq(w.done, 1);
    must_eq(dequeue(w.q), 2);
    must_eq(dequeue(w.q), WEIR_CLOSED);
    weir_queue_unref(w.q);
    must_eq(alive, 0);
    (void)crew;
}

/* ---- under load ---------------------------------------------------------- */

struct load {
    struct work work;
    int n;
};

static void enqueue_many(void *arg)
{
    struct load *l = arg;
    int i, err;

    for (i = 0; i < l->n; i++) {
        err = write_number(weir_queue_sink(l->work.q), 1, NULL);
        must(err == 0 || err == WEIR_FULL || err == WEIR_CLOSED);
    }
}

static void under_load(struct crew *crew, enum weir_queue_end how)
{
    static const enum weir_policy policies[] = {WEIR_BLOCK, WEIR_DROP_OLDEST,
                                                WEIR_ERROR, WEIR_SAMPLE};

    for (size_t p = 0; p < sizeof policies / sizeof policies[0]; p++) {
        struct losses lost = {0};
        struct load l = {.n = check_scale(crew_many(crew, 2000, 200))};
        weir_queue_counts c;
        int i;

        l.work.q = queue_of((weir_queue_opts){.capacity = 8,
                                              .policy = policies[p],
                                              .on_loss = lose,
                                              .arg = &lost});
        for (i = 0; i < PARTIES; i++) {
            crew_go(crew, enqueue_many, &l);
            crew_go(crew, process, &l.work);
        }
        do {
            weir_yield();
            c = queue_counts(l.work.q);
        } while (c.enqueued + c.refused < 30);
        const int err = weir_queue_stop(l.work.q, how, NULL);
        must_eq(err, 0);
        crew_wait(crew);
        c = queue_counts(l.work.q);
        must_eq(c.enqueued + c.refused, (uint64_t)(PARTIES * l.n));
        must_eq(c.delivered, l.work.done);
        must_eq(c.dropped + c.discarded, lost.n);
        must_eq(alive, 0);
        weir_queue_unref(l.work.q);
    }
}

BEHAVIOUR(nothing_is_lost_unsaid_when_draining)
{
    under_load(crew, WEIR_QUEUE_DRAIN);
}

BEHAVIOUR(nothing_is_lost_unsaid_when_discarding)
{
    under_load(crew, WEIR_QUEUE_DISCARD);
}

CHECK_MAIN(CHECK_MODES(order_is_kept),
           CHECK_MODES(a_stopped_queue_is_drained_and_then_says_so),
           CHECK_MODES(a_discarded_queue_is_empty),
           CHECK_MODES(stop_wakes_those_who_wait),
           CHECK_MODES(waits_end_with_their_context),
           CHECK_MODES(stop_waits_for_those_who_process),
           CHECK_MODES(a_process_function_may_stop_the_queue),
           CHECK_MODES(a_process_function_may_want_no_more),
           CHECK_LOOP(a_bound_with_a_policy, 5),
           CHECK_MODES(a_full_queue_blocks),
           CHECK_MODES(stop_ends_those_who_are_blocked),
           CHECK_MODES(on_loss_may_use_the_queue),
           CHECK_MODES(nothing_is_lost_unsaid_when_draining),
           CHECK_MODES(nothing_is_lost_unsaid_when_discarding))
