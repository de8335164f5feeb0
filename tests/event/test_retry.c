/* SPDX-License-Identifier: MIT */
/* The retrying sink: when it tries again, and when it gives up. No test waits
 * for a time: strategies of the tests' own do not wait. */
#include "retry.h"

enum { WRITERS = 4, EVENTS = 100 };

/* Never waits; counts what it is told. */
struct told {
    atomic_int proceeds, failures, successes, code, stop_at;
};

static int64_t told_proceed(weir_event *e, bool waited, void *arg)
{
    must(!waited);
    atomic_fetch_add(&((struct told *)arg)->proceeds, 1);
    (void)e;
    return 0;
}

static bool told_failure(weir_event *e, int code, void *arg)
{
    struct told *t = arg;

    atomic_store(&t->code, code);
    (void)e;
    return atomic_fetch_add(&t->failures, 1) + 1 == t->stop_at;
}

static void told_success(weir_event *e, void *arg)
{
    atomic_fetch_add(&((struct told *)arg)->successes, 1);
    (void)e;
}

static weir_retry_strategy tell(struct told *t)
{
    return (weir_retry_strategy){told_proceed, told_failure, told_success, t};
}

/* ---- trying again -------------------------------------------------------- */

BEHAVIOUR(it_tries_until_the_sink_takes_it)
{
    struct flaky *f = flaky_new(7, -5);
    struct told told = {0};
    const weir_retry_strategy way = tell(&told);
    weir_sink *s =
        retry_of((weir_retry_opts){.sink = &f->sink, .strategy = &way});

    must_eq(write_number(s, 1, NULL), 0);
    must_eq(write_number(s, NONE, NULL), 0);
    must_eq(f->failed, 7);
    must_eq(f->to->n, 2);
    must_eq(f->to->got[1], NONE);
    must_eq(told.proceeds, 9);
    must_eq(told.failures, 7);
    must_eq(told.successes, 2);
    must_eq(told.code, -5);
    must_eq(counts_of(s).delivered, 2);
    must_eq(counts_of(s).tries, 9);
    must_eq(counts_of(s).failures, 7);
    must_eq(weir_sink_close(s, NULL), 0);
    weir_sink_unref(s);
    flaky_end(f);
    must_eq(alive, 0);
    (void)crew;
}

struct load {
    weir_sink *s;
    atomic_int from;
};

static void write_many(void *arg)
{
    struct load *l = arg;
    const int from = atomic_fetch_add(&l->from, EVENTS);
    int i;

    for (i = from; i < from + EVENTS; i++)
        must_eq(write_number(l->s, i, NULL), 0);
}

/* Many write at once to a sink that fails all the time at first, and then
 * now and then. */
static void a_flaky_sink_gets_all(struct crew *crew, weir_retry_opts o)
{
    struct flaky *f = flaky_new(50, -5);
    struct load l = {0};
    char *seen = calloc(WRITERS * EVENTS, 1);
    int i;

    must(seen != NULL);
    o.sink = &f->sink;
    l.s = retry_of(o);
    for (i = 0; i < WRITERS; i++)
        crew_go(crew, write_many, &l);
    await(&f->to->n, 20);
    atomic_store(&f->fails, 9);
    crew_wait(crew);
    must_eq(weir_sink_close(l.s, NULL), 0);
    must_eq(weir_sink_close(l.s, NULL), 0);
    must_eq(f->to->closed, 1);
    must_eq(write_number(l.s, 1, NULL), WEIR_CLOSED);
    must_eq(f->to->n, WRITERS * EVENTS); /* one at a time: see recorder */
    for (i = 0; i < WRITERS * EVENTS; i++)
        must_eq(seen[f->to->got[i]]++, 0);
    free(seen);
    weir_sink_unref(l.s);
    flaky_end(f);
    must_eq(alive, 0);
}

BEHAVIOUR(with_a_breaker_all_arrive)
{
    const weir_breaker_opts o = {.failures = 3, .open_for = 20000};

    a_flaky_sink_gets_all(crew, (weir_retry_opts){.breaker = &o});
}

BEHAVIOUR(with_a_back_off_all_arrive)
{
    a_flaky_sink_gets_all(crew, (weir_retry_opts){.backoff = a_moment});
}

BEHAVIOUR(order_is_kept)
{
    struct flaky *f = flaky_new(3, -5);
    weir_sink *s =
        retry_of((weir_retry_opts){.sink = &f->sink, .backoff = a_moment});
    weir_queue *q = queue_of((weir_queue_opts){.sink = s});
    int i;

    for (i = 0; i < EVENTS; i++) {
        must_eq(write_number(weir_queue_sink(q), i, NULL), 0);
        if (i % 10 == 0)
            atomic_store(&f->fails, 2);
    }
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(f->to->n, EVENTS);
    for (i = 0; i < EVENTS; i++)
        must_eq(f->to->got[i], i);
    must_eq(f->to->closed, 1); /* through both */
    weir_queue_unref(q);
    weir_sink_unref(s);
    flaky_end(f);
    await_no_events();
    (void)crew;
}

/* ---- the breaker --------------------------------------------------------- */

struct changes {
    ints *to;
};

static void changed(weir_breaker *b, enum weir_breaker_state from,
                    enum weir_breaker_state to, void *arg)
{
    put(((struct changes *)arg)->to, (int)to);
    (void)b, (void)from;
}

/* closed, 2 failures -> open -> one probe fails -> open -> one probe goes. */
BEHAVIOUR(one_probe_when_half_open)
{
    struct flaky *f = flaky_new(3, -5);
    struct changes c = {ints_new(10)};
    const weir_breaker_opts o = {.failures = 2,
                                 .open_for = 1000,
                                 .probes = 7, /* it says that it is 1 */
                                 .on_change = changed,
                                 .arg = &c};
    weir_sink *s = retry_of((weir_retry_opts){.sink = &f->sink, .breaker = &o});

    must_eq(write_number(s, 1, NULL), 0);
    must_eq(get(c.to), WEIR_BREAKER_OPEN);
    must_eq(get(c.to), WEIR_BREAKER_HALF_OPEN);
    must_eq(get(c.to), WEIR_BREAKER_OPEN);
    must_eq(get(c.to), WEIR_BREAKER_HALF_OPEN);
    must_eq(get(c.to), WEIR_BREAKER_CLOSED);
    must_eq(ints_len(c.to), 0);
    must_eq(counts_of(s).tries, 4);
    weir_sink_unref(s);
    ints_unref(c.to);
    flaky_end(f);
    (void)crew;
}

/* ---- giving up ----------------------------------------------------------- */

struct dead {
    atomic_int n, code, tries, number, written;
    weir_sink *s;
};

static void on_dead(weir_event *e, int code, uint32_t tries, void *arg)
{
    struct dead *d = arg;

    atomic_store(&d->code, code);
    atomic_store(&d->tries, (int)tries);
    atomic_store(&d->number, number_of(e));
    atomic_fetch_add(&d->n, 1);
    if (d->s != NULL) /* it may use the sink */
        d->written = write_number(d->s, 100, NULL) == 0;
}

BEHAVIOUR(a_dead_letter_after_so_many_tries)
{
    struct flaky *f = flaky_new(3, -5);
    struct recorder *letters = recorder_new();
    struct dead d = {0};
    weir_sink *s = retry_of((weir_retry_opts){.sink = &f->sink,
                                              .backoff = a_moment,
                                              .tries = 3,
                                              .dead = &letters->sink,
                                              .on_dead = on_dead,
                                              .arg = &d});

    d.s = s;
    must_eq(write_number(s, 1, NULL), 0);
    must_eq(d.n, 1);
    must_eq(d.code, -5);
    must_eq(d.tries, 3);
    must_eq(d.number, 1);
    must_eq(d.written, 1);
    must_eq(letters->n, 1);
    must_eq(letters->got[0], 1);
    must_eq(f->to->n, 1);
    f->fails = 2; /* the next one has its tries anew */
    must_eq(write_number(s, 2, NULL), 0);
    must_eq(f->to->got[1], 2);
    must_eq(counts_of(s).dead, 1);
    must_eq(counts_of(s).delivered, 2);
    must_eq(weir_sink_close(s, NULL), 0);
    must_eq(letters->closed, 0);
    weir_sink_unref(s);
    recorder_end(letters);
    flaky_end(f);
    must_eq(alive, 0);
    (void)crew;
}

BEHAVIOUR(a_strategy_may_give_up)
{
    struct flaky *f = flaky_new(100, -6);
    struct told told = {.stop_at = 4};
    struct dead d = {0};
    const weir_retry_strategy way = tell(&told);
    weir_sink *s = retry_of((weir_retry_opts){
        .sink = &f->sink, .strategy = &way, .on_dead = on_dead, .arg = &d});

    must_eq(write_number(s, 1, NULL), 0);
    must_eq(d.tries, 4);
    must_eq(d.code, -6);
    weir_sink_unref(s);
    flaky_end(f);
    (void)crew;
}

/* A try that was cut short is no reason to give an event up. */
BEHAVIOUR(what_was_cut_short_is_no_dead_letter)
{
    struct flaky *f = flaky_new(0, 0);
    struct told told = {.stop_at = 1};
    struct dead d = {0};
    const weir_retry_strategy way = tell(&told);
    weir_sink *s = retry_of((weir_retry_opts){.sink = &f->sink,
                                              .strategy = &way,
                                              .tries = 1,
                                              .on_dead = on_dead,
                                              .arg = &d});
    weir_ctx ended = WEIR_CTX_INIT;

    f->to->gate = ints_new(0);
    must_eq(weir_ctx_cancel(&ended, 0), 0);
    must_eq(write_number(s, 1, &ended), WEIR_CANCELED);
    must_eq(told.failures, 1);
    must_eq(d.n, 0);
    must_eq(counts_of(s).failed, 1);
    must_eq(weir_ctx_fini(&ended), 0);
    weir_sink_unref(s);
    flaky_end(f);
    (void)crew;
}

/* What was given up and nobody took is still the caller's. */
BEHAVIOUR(without_a_dead_letter_the_write_fails)
{
    struct flaky *f = flaky_new(100, -6);
    struct recorder *letters = recorder_new();
    weir_sink *s = retry_of(
        (weir_retry_opts){.sink = &f->sink, .backoff = a_moment, .tries = 2});

    must_eq(write_number(s, 1, NULL), -6);
    must_eq(counts_of(s).failed, 1);
    weir_sink_unref(s);
    letters->result = -7;
    s = retry_of((weir_retry_opts){.sink = &f->sink,
                                   .backoff = a_moment,
                                   .tries = 2,
                                   .dead = &letters->sink});
    must_eq(write_number(s, 1, NULL), -6);
    must_eq(letters->n, 1);
    must_eq(counts_of(s).failed, 1);
    must_eq(counts_of(s).dead, 0);
    weir_sink_unref(s);
    recorder_end(letters);
    flaky_end(f);
    must_eq(alive, 0);
    (void)crew;
}

/* ---- wrong use, and no memory -------------------------------------------- */

START_TEST(wrong_use_is_refused)
{
    struct recorder *r = recorder_new();
    const weir_breaker_opts breaker = {.failures = -1}, fine = {0};
    const weir_retry_strategy none = {0};
    const weir_retry_opts bad[] = {
        {0},
        {.sink = &r->sink, .breaker = &breaker},
        {.sink = &r->sink, .breaker = &fine, .strategy = &none},
        {.sink = &r->sink, .backoff = {.max = -1}},
    };
    weir_retry_counts c;
    weir_sink *s;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        s = &r->sink;
        must_eq(weir_retry_new(&s, &bad[i]), WEIR_EINVAL);
        must(s == NULL);
    }
    must_eq(weir_retry_new(&s, NULL), WEIR_EINVAL);
    must_eq(weir_retry_new(NULL, &bad[0]), WEIR_EINVAL);
    must_eq(weir_retry_get_counts(NULL, &c), WEIR_EINVAL);
    must_eq(weir_retry_get_counts(&r->sink, &c), WEIR_EINVAL);
    s = retry_of((weir_retry_opts){.sink = &r->sink, .strategy = &none});
    must_eq(weir_retry_get_counts(s, NULL), WEIR_EINVAL);
    must_eq(write_number(s, 1, NULL), 0); /* an empty strategy never waits */
    weir_sink_unref(s);
    recorder_end(r);
}
END_TEST

START_TEST(out_of_memory)
{
    struct recorder *r = recorder_new();
    weir_sink *s = &r->sink;

    wr_mem_fail_after(0);
    must_eq(weir_retry_new(&s, &(weir_retry_opts){.sink = &r->sink}),
            WEIR_ENOMEM);
    wr_mem_fail_after(-1);
    must(s == NULL);
    recorder_end(r);
}
END_TEST

CHECK_MAIN(CHECK_MODES(it_tries_until_the_sink_takes_it),
           CHECK_MODES(with_a_breaker_all_arrive),
           CHECK_MODES(with_a_back_off_all_arrive), CHECK_MODES(order_is_kept),
           CHECK_MODES(one_probe_when_half_open),
           CHECK_MODES(a_dead_letter_after_so_many_tries),
           CHECK_MODES(a_strategy_may_give_up),
           CHECK_MODES(what_was_cut_short_is_no_dead_letter),
           CHECK_MODES(without_a_dead_letter_the_write_fails),

           CHECK_TEST(wrong_use_is_refused), CHECK_TEST(out_of_memory))
