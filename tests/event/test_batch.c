/* SPDX-License-Identifier: MIT */
/* A queue that hands over its events in batches. */
#include <weir/listener.h>
#include <weir/retry.h>
#include "events.h"

enum { WRITERS = 4 };

/* A flush that records: each batch's size, and all numbers in order. With a
 * gate each batch waits for a number, and returns that. */
struct flushes {
    ints *gate, *begun;
    int sizes[2000], got[RECORDED];
    atomic_int batches, n, busy;
};

static int record(weir_event *const *events, size_t n, weir_ctx *ctx, void *arg)
{
    struct flushes *f = arg;
    int result = 0, err = 0;
    size_t i;

    must_eq(atomic_fetch_add(&f->busy, 1), 0); /* one at a time */
    must(n > 0);
    f->sizes[f->batches] = (int)n;
    for (i = 0; i < n; i++)
        f->got[f->n + (int)i] = number_of(events[i]);
    atomic_fetch_add(&f->n, (int)n);
    atomic_fetch_add(&f->batches, 1);
    if (f->begun != NULL)
        put(f->begun, (int)n);
    if (f->gate != NULL)
        err = ints_recv(f->gate, &result, ctx);
    atomic_fetch_sub(&f->busy, 1);
    return err ? err : result;
}

static struct flushes *flushes_new(void)
{
    struct flushes *f = calloc(1, sizeof *f);

    must(f != NULL);
    return f;
}

static void flushes_end(struct flushes *f)
{
    ints_unref(f->gate);
    ints_unref(f->begun);
    free(f);
}

static void write_numbers(weir_queue *q, int from, int to)
{
    int i;

    for (i = from; i < to; i++)
        must_eq(write_number(weir_queue_sink(q), i, NULL), 0);
}

BEHAVIOUR(only_full_batches_and_the_last)
{
    struct flushes *f = flushes_new();
    weir_queue *q = queue_of((weir_queue_opts){
        .flush = record, .arg = f, .batch = 10, .linger = WEIR_FOREVER});
    int i;

    write_numbers(q, 0, 34);
    write_number(weir_queue_sink(q), NONE, NULL);
    await(&f->batches, 3);
    must_eq(queue_counts(q).queued, 5);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0); /* flushes */
    must_eq(f->batches, 4);
    for (i = 0; i < 4; i++)
        must_eq(f->sizes[i], i < 3 ? 10 : 5);
    for (i = 0; i < 35; i++)
        must_eq(f->got[i], i < 34 ? i : NONE);
    must_eq(queue_counts(q).delivered, 35);
    weir_queue_unref(q);
    flushes_end(f);
    await_no_events();
    (void)crew;
}

BEHAVIOUR(what_has_lingered_is_flushed)
{
    struct flushes *f = flushes_new();
    weir_queue *q = queue_of((weir_queue_opts){.flush = record,
                                               .arg = f,
                                               .batch = 1000,
                                               .linger = 5 * WEIR_MILLISECOND});

    write_numbers(q, 0, 3);
    await(&f->n, 3); /* the batch is never full */
    write_numbers(q, 3, 4);
    await(&f->n, 4);
    weir_queue_unref(q);
    await_no_events(); /* and so both flushes have ended */
    must(f->batches >= 2);
    flushes_end(f);
    (void)crew;
}

BEHAVIOUR(without_lingering_what_is_there_is_a_batch)
{
    struct flushes *f = flushes_new();
    weir_queue *q;

    f->gate = ints_new(0);
    f->begun = ints_new(10);
    q = queue_of((weir_queue_opts){.flush = record, .arg = f, .batch = 10});
    write_numbers(q, 0, 1);
    must_eq(get(f->begun), 1);
    write_numbers(q, 1, 16);
    put(f->gate, 0);
    must_eq(get(f->begun), 10);
    put(f->gate, 0);
    must_eq(get(f->begun), 5);
    put(f->gate, 0);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    weir_queue_unref(q);
    flushes_end(f);
    await_no_events();
    (void)crew;
}

/* A queue that holds less than a batch has to let it go. */
BEHAVIOUR(a_full_queue_does_not_linger)
{
    struct flushes *f = flushes_new();
    weir_queue *q = queue_of((weir_queue_opts){.flush = record,
                                               .arg = f,
                                               .batch = 100,
                                               .linger = WEIR_FOREVER,
                                               .capacity = 4});
    int i;

    for (i = 0; i < 12; i++) {
        write_numbers(q, i, i + 1);
        settle(); /* so that it lingers when the fourth one comes */
    }
    await(&f->n, 12);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    must(f->batches >= 3);
    weir_queue_unref(q);
    flushes_end(f);
    await_no_events();
    (void)crew;
}

static void write_one(void *arg)
{
    write_numbers(arg, 1, 2);
}

/* Five are being flushed, five wait, five wait for room: when the second five
 * leave, all of the third get in, although only a full batch ever goes. */
BEHAVIOUR(room_for_many_lets_many_in)
{
    struct flushes *f = flushes_new();
    weir_queue *q;
    int i;

    f->gate = ints_new(0);
    f->begun = ints_new(3);
    q = queue_of((weir_queue_opts){.flush = record,
                                   .arg = f,
                                   .batch = 5,
                                   .linger = WEIR_FOREVER,
                                   .capacity = 5});
    for (i = 0; i < 15; i++)
        crew_go(crew, write_one, q);
    must_eq(get(f->begun), 5);
    while (queue_counts(q).blocked < 5)
        weir_yield();
    put(f->gate, 0);
    must_eq(get(f->begun), 5);
    crew_wait(crew);
    put(f->gate, 0);
    put(f->gate, 0);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(f->n, 15);
    weir_queue_unref(q);
    flushes_end(f);
    await_no_events();
}

/* ---- to a sink -------------------------------------------------------- */

/* A sink that keeps the first batch and lets go of it after the queue. */
struct keeper {
    struct flushes f;
    weir_event *kept;
    int fails;
};

static int keep_batch(weir_event *e, weir_ctx *ctx, void *arg)
{
    struct keeper *k = arg;
    weir_event *const *events;
    size_t n = 0;

    events = weir_event_batch(e, &n);
    must(events != NULL);
    must(strcmp(e->type, "batch") == 0);
    must_eq(weir_event_batch(e, NULL) == events, true);
    if (k->fails-- > 0)
        return -5;
    if (k->kept == NULL)
        k->kept = weir_event_ref(e);
    return record(events, n, ctx, &k->f);
}

/* A batch is an event: it is tried again as one. */
BEHAVIOUR(a_sink_gets_a_batch_as_one_event)
{
    struct keeper *k = calloc(1, sizeof *k);
    weir_sink *s = NULL, *retry = NULL;
    weir_queue *q;
    size_t n;
    int i;

    must(k != NULL);
    k->fails = 2;
    must_eq(weir_listener_new(
                &s, &(weir_listener_opts){.fn = keep_batch, .arg = k}),
            0);
    must_eq(
        weir_retry_new(&retry,
                       &(weir_retry_opts){.sink = s, .backoff = {.max = 1000}}),
        0);
    q = queue_of(
        (weir_queue_opts){.sink = retry, .batch = 10, .linger = WEIR_FOREVER});
    write_numbers(q, 0, 24);
    must_eq(write_number(weir_queue_sink(q), NONE, NULL), 0);
    must_eq(weir_sink_close(weir_queue_sink(q), NULL), 0);
    must_eq(k->f.batches, 3);
    must_eq(k->f.n, 25);
    for (i = 0; i < 25; i++)
        must_eq(k->f.got[i], i < 24 ? i : NONE);
    must_eq(queue_counts(q).delivered, 25);
    must_eq(write_number(s, 1, NULL), WEIR_CLOSED);
    weir_queue_unref(q);
    weir_sink_unref(retry);
    weir_sink_unref(s);
    while (alive > 10) /* the queue's task lets go last */
        weir_yield();
    must_eq(number_of(weir_event_batch(k->kept, &n)[9]), 9);
    must_eq(n, 10);
    weir_event_unref(k->kept);
    must_eq(alive, 0);
    free(k);
    (void)crew;
}

START_TEST(other_events_are_no_batches)
{
    weir_event *e = NULL;
    size_t n = 7;

    must(weir_event_batch(NULL, &n) == NULL);
    must_eq(n, 0);
    must_eq(weir_event_new(&e, &(weir_event_opts){.type = "batch",
                                                  .payload = &e,
                                                  .size = sizeof e}),
            0);
    must(weir_event_batch(e, &n) == NULL);
    weir_event_unref(e);
    e = numbered(1);
    must(weir_event_batch(e, NULL) == NULL);
    weir_event_unref(e);
}
END_TEST

static void lose_batch(weir_event *e, int code, void *arg)
{
    wr_mem_fail_after(-1);
    lose(e, code, arg);
}

START_TEST(no_memory_for_a_batch_is_a_loss)
{
    struct losses lost = {.code = WEIR_ENOMEM};
    struct recorder *r = recorder_new();
    weir_queue *q = queue_of((weir_queue_opts){.sink = &r->sink,
                                               .batch = 5,
                                               .linger = WEIR_FOREVER,
                                               .on_loss = lose_batch,
                                               .arg = &lost});

    write_numbers(q, 0, 4);
    weir_event *last = numbered(4);
    wr_mem_fail_after(0);
    must_eq(weir_queue_enqueue(q, last, NULL), 0);
    await(&lost.by_code, 5);
    weir_event_unref(last);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(r->n, 0);
    weir_queue_unref(q);
    recorder_end(r);
    await_no_events();
}
END_TEST

/* ---- losses -------------------------------------------------------------- */

/* on_loss and flush have one arg. */
struct both {
    struct flushes *f;
    struct losses lost;
};

static int record_both(weir_event *const *events, size_t n, weir_ctx *ctx,
                       void *arg)
{
    return record(events, n, ctx, ((struct both *)arg)->f);
}

static void lose_both(weir_event *e, int code, void *arg)
{
    lose(e, code, &((struct both *)arg)->lost);
}

static weir_queue *queue_of_both(struct both *b, int64_t linger)
{
    b->f = flushes_new();
    b->f->gate = ints_new(0);
    b->f->begun = ints_new(10);
    return queue_of((weir_queue_opts){.flush = record_both,
                                      .on_loss = lose_both,
                                      .arg = b,
                                      .batch = 5,
                                      .linger = linger});
}

BEHAVIOUR(what_a_flush_refuses_is_reported)
{
    struct both b = {.lost.code = -9};
    weir_queue *q = queue_of_both(&b, WEIR_FOREVER);

    write_numbers(q, 0, 10);
    put(b.f->gate, -9);
    put(b.f->gate, 0); /* it goes on */
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(b.lost.n, 5);
    must_eq(b.lost.by_code, 5);
    must_eq(b.lost.last, 4);
    must_eq(queue_counts(q).failed, 5);
    must_eq(queue_counts(q).delivered, 5);
    weir_queue_unref(q);
    flushes_end(b.f);
    await_no_events();
    (void)crew;
}

BEHAVIOUR(a_flush_may_want_no_more)
{
    struct both b = {.lost.code = WEIR_CLOSED};
    weir_queue *q = queue_of_both(&b, WEIR_FOREVER);

    write_numbers(q, 0, 12);
    put(b.f->gate, WEIR_CLOSED);
    await(&b.lost.by_code, 12);
    must_eq(write_number(weir_queue_sink(q), 1, NULL), WEIR_CLOSED);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(b.f->batches, 1);
    weir_queue_unref(q);
    flushes_end(b.f);
    await_no_events();
    (void)crew;
}

BEHAVIOUR(a_flush_that_hangs_is_cut_short)
{
    struct both b = {.lost.code = WEIR_CANCELED};
    weir_queue *q = queue_of_both(&b, 0);

    write_numbers(q, 0, 1);
    must_eq(get(b.f->begun), 1);
    write_numbers(q, 1, 9);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DISCARD, NULL), 0);
    must_eq(b.lost.by_code, 9);
    weir_queue_unref(q);
    flushes_end(b.f);
    await_no_events();
    (void)crew;
}

static int stop_own(weir_event *const *events, size_t n, weir_ctx *ctx,
                    void *arg)
{
    weir_queue **q = arg;

    must_eq(weir_queue_stop(*q, WEIR_QUEUE_DRAIN, ctx), WEIR_DEADLOCK);
    (void)events, (void)n;
    return 0;
}

BEHAVIOUR(a_flush_that_stops_its_own_queue_does_not_hang)
{
    weir_queue *q = NULL;

    q = queue_of((weir_queue_opts){
        .flush = stop_own, .arg = &q, .batch = 2, .linger = WEIR_FOREVER});
    must_eq(write_number(weir_queue_sink(q), 0, NULL), 0);
    must_eq(write_number(weir_queue_sink(q), 1, NULL), 0);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(queue_counts(q).delivered, 2);
    weir_queue_unref(q);
    await_no_events();
    (void)crew;
}

/* ---- under load ---------------------------------------------------------- */

struct load {
    weir_queue *q;
    int n;
};

static void write_many(void *arg)
{
    const struct load *l = arg;

    write_numbers(l->q, 0, l->n);
}

BEHAVIOUR(many_write_and_nothing_is_lost)
{
    struct flushes *f = flushes_new();
    struct load l = {.n = check_scale(crew_many(crew, 400, 100))};
    int i;

    l.q = queue_of((weir_queue_opts){.flush = record,
                                     .arg = f,
                                     .batch = 7,
                                     .linger = WEIR_MICROSECOND,
                                     .capacity = 20});
    for (i = 0; i < WRITERS; i++)
        crew_go(crew, write_many, &l);
    crew_wait(crew);
    must_eq(weir_queue_stop(l.q, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(f->n, WRITERS * l.n);
    for (i = 0; i < f->batches; i++)
        must(f->sizes[i] <= 7);
    weir_queue_unref(l.q);
    flushes_end(f);
    await_no_events();
}

START_TEST(wrong_use_is_refused)
{
    struct recorder *r = recorder_new();
    weir_queue *q = NULL;
    weir_event *e;
    const weir_queue_opts bad[] = {
        {.flush = stop_own, .batch = ((size_t)1 << 20) + 1},
        {.flush = stop_own, .linger = -1},
        {.flush = stop_own, .sink = &r->sink},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        must_eq(weir_queue_new(&q, &bad[i]), WEIR_EINVAL);
    q = queue_of((weir_queue_opts){.flush = stop_own});
    must_eq(weir_queue_dequeue(q, &e, NULL), WEIR_UNSUPPORTED);
    weir_queue_unref(q);
    recorder_end(r);
}
END_TEST

START_TEST(out_of_memory)
{
    weir_queue *q = NULL;
    int fails, err = WEIR_ENOMEM;

    for (fails = 0; err == WEIR_ENOMEM && fails < 1000; fails++) {
        wr_mem_fail_after(fails);
        err = weir_queue_new(
            &q, &(weir_queue_opts){.flush = stop_own, .batch = 1 << 20});
        wr_mem_fail_after(-1);
        must(err == 0 || (err == WEIR_ENOMEM && q == NULL));
    }
    must(fails > 2);
    weir_queue_unref(q);
}
END_TEST

CHECK_MAIN(CHECK_MODES(only_full_batches_and_the_last),
           CHECK_MODES(what_has_lingered_is_flushed),
           CHECK_MODES(without_lingering_what_is_there_is_a_batch),
           CHECK_MODES(a_full_queue_does_not_linger),
           CHECK_MODES(room_for_many_lets_many_in),
           CHECK_MODES(a_sink_gets_a_batch_as_one_event),
           CHECK_TEST(other_events_are_no_batches),
           CHECK_TEST(no_memory_for_a_batch_is_a_loss),
           CHECK_MODES(what_a_flush_refuses_is_reported),
           CHECK_MODES(a_flush_may_want_no_more),
           CHECK_MODES(a_flush_that_hangs_is_cut_short),
           CHECK_MODES(a_flush_that_stops_its_own_queue_does_not_hang),
           CHECK_MODES(many_write_and_nothing_is_lost),
           CHECK_TEST(wrong_use_is_refused), CHECK_TEST(out_of_memory))
