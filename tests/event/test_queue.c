/* SPDX-License-Identifier: MIT */
/* The queue in front of a sink. */
#include "events.h"

enum { STOPPERS = 4 };

static void write_numbers(weir_queue *q, int from, int to)
{
    int i;

    for (i = from; i < to; i++)
        must_eq(write_number(weir_queue_sink(q), i, NULL), 0);
}

static void expect(const struct recorder *r, int from, int to)
{
    int i;

    must_eq(r->n, to - from);
    for (i = from; i < to; i++)
        must_eq(r->got[i - from], i);
}

BEHAVIOUR(write_never_waits_for_the_sink)
{
    struct recorder *r = recorder_new();
    weir_queue *q;

    r->gate = ints_new(0);
    q = queue_of((weir_queue_opts){.sink = &r->sink});
    write_numbers(q, 0, 1000); /* nothing has come through the gate */
    must_eq(queue_counts(q).delivered, 0);
    must(queue_counts(q).highest >= 999);
    ints_close(r->gate);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    weir_queue_unref(q);
    recorder_end(r);
    await_no_events();
    (void)crew;
}

BEHAVIOUR(close_drains_and_then_closes_the_sink)
{
    struct recorder *r = recorder_new();
    weir_queue *q = queue_of((weir_queue_opts){.sink = &r->sink});

    write_numbers(q, 0, 500);
    must_eq(weir_sink_close(weir_queue_sink(q), NULL), 0);
    expect(r, 0, 500); /* in order */
    must_eq(r->closed, 1);
    must_eq(queue_counts(q).delivered, 500);
    must_eq(write_number(weir_queue_sink(q), 1, NULL), WEIR_CLOSED);
    must_eq(queue_counts(q).refused, 1);
    must_eq(weir_sink_close(weir_queue_sink(q), NULL), 0);
    must_eq(r->closed, 1);
    weir_queue_unref(q);
    recorder_end(r);
    await_no_events();
    (void)crew;
}

BEHAVIOUR(the_sink_may_be_kept_open)
{
    struct recorder *r = recorder_new();
    weir_queue *q =
        queue_of((weir_queue_opts){.sink = &r->sink, .keep_open = true});

    write_numbers(q, 0, 3);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    expect(r, 0, 3);
    must_eq(r->closed, 0);
    weir_queue_unref(q);
    recorder_end(r);
    (void)crew;
}

BEHAVIOUR(stop_discards_when_asked)
{
    struct recorder *r = recorder_new();
    struct losses lost = {.code = WEIR_CANCELED};
    weir_queue *q;

    r->gate = ints_new(0);
    r->events = ints_new(1);
    q = queue_of(
        (weir_queue_opts){.sink = &r->sink, .on_loss = lose, .arg = &lost});
    write_numbers(q, 0, 10);
    must_eq(get(r->events), 0); /* the first is being written */
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DISCARD, NULL), 0);
    must_eq(r->n, 1);
    must_eq(r->closed, 1);
    must_eq(lost.n, 10); /* its context ended, too */
    must_eq(lost.by_code, 10);
    must_eq(queue_counts(q).discarded, 9);
    must_eq(queue_counts(q).failed, 1);
    weir_queue_unref(q);
    recorder_end(r);
    await_no_events();
    (void)crew;
}

BEHAVIOUR(stop_has_a_deadline)
{
    struct recorder *r = recorder_new();
    struct losses lost = {.code = WEIR_TIMEDOUT};
    weir_ctx soon;
    weir_queue *q;

    r->gate = ints_new(0);
    r->events = ints_new(1);
    r->deaf = true; /* stuck, whatever its context says */
    q = queue_of(
        (weir_queue_opts){.sink = &r->sink, .on_loss = lose, .arg = &lost});
    write_numbers(q, 0, 10);
    must_eq(get(r->events), 0);
    must_eq(weir_ctx_init_timeout(&soon, NULL, 5 * WEIR_MILLISECOND), 0);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, &soon), WEIR_TIMEDOUT);
    must_eq(lost.by_code, 9);
    must_eq(queue_counts(q).running, 1);
    must_eq(weir_ctx_fini(&soon), 0);
    put(r->gate, 0); /* it comes to its end after all */
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(queue_counts(q).delivered, 1);
    must_eq(r->closed, 1);
    weir_queue_unref(q);
    recorder_end(r);
    await_no_events();
    (void)crew;
}

/* ---- who else stops ------------------------------------------------------ */

struct stopper {
    weir_queue *q;
    atomic_int begun, returned;
};

static void stop(void *arg)
{
    struct stopper *s = arg;

    atomic_fetch_add(&s->begun, 1);
    must_eq(weir_queue_stop(s->q, WEIR_QUEUE_DRAIN, NULL), 0);
    atomic_fetch_add(&s->returned, 1);
}

BEHAVIOUR(a_second_close_waits_too)
{
    struct recorder *r = recorder_new();
    struct stopper s = {0};
    int i;

    r->gate = ints_new(0);
    s.q = queue_of((weir_queue_opts){.sink = &r->sink});
    write_numbers(s.q, 0, 3);
    for (i = 0; i < STOPPERS; i++)
        crew_go(crew, stop, &s);
    await(&s.begun, STOPPERS);
    put(r->gate, 0);
    put(r->gate, 0);
    await(&r->n, 3);
    settle();
    must_eq(s.returned, 0); /* the last is still being written */
    put(r->gate, 0);
    crew_wait(crew);
    must_eq(r->closed, 1);
    weir_queue_unref(s.q);
    recorder_end(r);
}

struct closer {
    weir_sink sink;
    weir_queue *q;
    atomic_int result, freed;
};

static int close_own_source(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    struct closer *c = (struct closer *)s;

    atomic_store(&c->result, weir_queue_stop(c->q, WEIR_QUEUE_DRAIN, ctx));
    (void)e;
    return 0;
}

static void closer_free(weir_sink *s)
{
    atomic_store(&((struct closer *)s)->freed, 1);
}

BEHAVIOUR(a_sink_that_stops_its_own_queue_does_not_hang)
{
    static const weir_sink_ops ops = {.write = close_own_source,
                                      .free = closer_free};
    struct closer c = {0};

    must_eq(weir_sink_init(&c.sink, &ops), 0);
    c.q = queue_of((weir_queue_opts){.sink = &c.sink});
    must_eq(write_number(weir_queue_sink(c.q), 1, NULL), 0);
    must_eq(weir_queue_stop(c.q, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(c.result, WEIR_DEADLOCK);
    weir_queue_unref(c.q);
    weir_sink_unref(&c.sink);
    await(&c.freed, 1);
    (void)crew;
}

BEHAVIOUR(the_last_reference_discards)
{
    struct recorder *r = recorder_new();
    struct losses lost = {.code = WEIR_CANCELED};
    weir_queue *q;

    r->gate = ints_new(0);
    r->events = ints_new(1);
    q = queue_of(
        (weir_queue_opts){.sink = &r->sink, .on_loss = lose, .arg = &lost});
    write_numbers(q, 0, 5);
    must_eq(get(r->events), 0);
    weir_queue_unref(q);
    await(&lost.n, 5);
    must_eq(lost.by_code, 5);
    recorder_end(r);
    must_eq(alive, 0);
    (void)crew;
}

/* ---- errors -------------------------------------------------------------- */

BEHAVIOUR(errors_come_to_the_callback)
{
    struct recorder *r = recorder_new();
    struct losses lost = {.code = -77};
    weir_queue *q = queue_of(
        (weir_queue_opts){.sink = &r->sink, .on_loss = lose, .arg = &lost});

    r->odd = -77;
    write_numbers(q, 0, 100);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    expect(r, 0, 100); /* it went on */
    must_eq(lost.n, 50);
    must_eq(lost.by_code, 50);
    must_eq(lost.last, 99);
    must_eq(queue_counts(q).failed, 50);
    weir_queue_unref(q);
    recorder_end(r);
    (void)crew;
}

BEHAVIOUR(a_sink_that_is_closed_closes_the_queue)
{
    struct recorder *r = recorder_new();
    struct losses lost = {.code = WEIR_CLOSED};
    weir_queue *q;

    r->gate = ints_new(0);
    q = queue_of(
        (weir_queue_opts){.sink = &r->sink, .on_loss = lose, .arg = &lost});
    write_numbers(q, 0, 10);
    put(r->gate, WEIR_CLOSED);
    await(&lost.by_code, 10);
    must_eq(write_number(weir_queue_sink(q), 1, NULL), WEIR_CLOSED);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(r->n, 1);
    weir_queue_unref(q);
    recorder_end(r);
    await_no_events();
    (void)crew;
}

BEHAVIOUR(a_null_event_is_allowed)
{
    struct recorder *r = recorder_new();
    weir_queue *q = queue_of((weir_queue_opts){.sink = &r->sink});

    must_eq(write_number(weir_queue_sink(q), 1, NULL), 0);
    must_eq(write_number(weir_queue_sink(q), NONE, NULL), 0);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(r->n, 2);
    must_eq(r->got[1], NONE);
    weir_queue_unref(q);
    recorder_end(r);
    (void)crew;
}

/* ---- wrong use, and no memory -------------------------------------------- */

START_TEST(wrong_use_is_refused)
{
    weir_queue_counts c;
    weir_queue *q = (weir_queue *)(void *)&c;
    weir_event *e;
    struct recorder *r = recorder_new();
    const weir_queue_opts bad[] = {
        {.policy = WEIR_POLICIES, .capacity = 1},
        {.policy = (enum weir_policy) - 1, .capacity = 1},
        {.policy = WEIR_DROP},
        {.policy = WEIR_ERROR},
        {.capacity = ((size_t)1 << 31) + 1},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        must_eq(weir_queue_new(&q, &bad[i]), WEIR_EINVAL);
        must(q == NULL);
    }
    must_eq(weir_queue_new(NULL, NULL), WEIR_EINVAL);
    must(weir_queue_sink(NULL) == NULL);
    weir_queue_unref(NULL);
    must_eq(weir_queue_enqueue(NULL, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_queue_dequeue(NULL, &e, NULL), WEIR_EINVAL);
    must_eq(weir_queue_stop(NULL, WEIR_QUEUE_DRAIN, NULL), WEIR_EINVAL);
    must_eq(weir_queue_get_counts(NULL, &c), WEIR_EINVAL);
    q = queue_of((weir_queue_opts){.sink = &r->sink});
    must_eq(weir_queue_dequeue(q, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_queue_dequeue(q, &e, NULL), WEIR_UNSUPPORTED);
    must_eq(weir_queue_process(q, NULL, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_queue_get_counts(q, NULL), WEIR_EINVAL);
    must_eq(weir_queue_stop(q, (enum weir_queue_end)7, NULL), WEIR_EINVAL);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    weir_queue_unref(q);
    recorder_end(r);
}
END_TEST

START_TEST(out_of_memory)
{
    struct recorder *r = recorder_new();
    weir_event *e = numbered(3);
    weir_queue *q = NULL;
    int fails, err = WEIR_ENOMEM;

    for (fails = 0; err == WEIR_ENOMEM && fails < 1000; fails++) {
        wr_mem_fail_after(fails);
        err = weir_queue_new(&q, &(weir_queue_opts){.sink = &r->sink});
        wr_mem_fail_after(-1);
        must(err == 0 || (err == WEIR_ENOMEM && q == NULL));
    }
    must(fails > 1);
    wr_mem_fail_after(0);
    must_eq(weir_queue_enqueue(q, e, NULL), WEIR_ENOMEM);
    wr_mem_fail_after(-1);
    must_eq(queue_counts(q).enqueued, 0);
    must_eq(weir_queue_enqueue(q, e, NULL), 0);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(r->n, 1);
    weir_event_unref(e);
    weir_queue_unref(q);
    recorder_end(r);
    await_no_events();
}
END_TEST

CHECK_MAIN(CHECK_MODES(write_never_waits_for_the_sink),
           CHECK_MODES(close_drains_and_then_closes_the_sink),
           CHECK_MODES(the_sink_may_be_kept_open),
           CHECK_MODES(stop_discards_when_asked),
           CHECK_MODES(stop_has_a_deadline),
           CHECK_MODES(a_second_close_waits_too),
           CHECK_MODES(a_sink_that_stops_its_own_queue_does_not_hang),
           CHECK_MODES(the_last_reference_discards),
           CHECK_MODES(errors_come_to_the_callback),
           CHECK_MODES(a_sink_that_is_closed_closes_the_queue),
           CHECK_MODES(a_null_event_is_allowed),
           CHECK_TEST(wrong_use_is_refused), CHECK_TEST(out_of_memory))
