/* SPDX-License-Identifier: MIT */
/* What somebody who comes from docker/go-events relies on: the queue of its
 * document, the parts of the package, and what its own tests check. */
#include <weir/broadcaster.h>
#include <weir/listener.h>
#include <weir/retry.h>
#include <weir/sinks.h>
#include "events.h"

enum { EVENTS = 1000, SINKS = 10, WRITERS = 10 };

/* Each writer writes its share of `n` events to s. */
struct job {
    weir_sink *s;
    int n, expect;
    atomic_int next, done;
};

static void write_share(void *arg)
{
    struct job *j = arg;
    int n;

    while ((n = atomic_fetch_add(&j->next, 1)) < j->n) {
        must_eq(write_number(j->s, n, NULL), j->expect);
        atomic_fetch_add(&j->done, 1);
    }
}

static void write_from_all_sides(struct crew *crew, struct job *j)
{
    int i;

    for (i = 0; i < WRITERS; i++)
        crew_go(crew, write_share, j);
    crew_wait(crew);
    must_eq(j->done, j->n);
}

/* Two closes are fine, and a write after them is refused. */
static void check_close(weir_sink *s)
{
    must_eq(weir_sink_close(s, NULL), 0);
    must_eq(weir_sink_close(s, NULL), 0);
    must_eq(write_number(s, 1, NULL), WEIR_CLOSED);
}

/* ---- the document's queue -------------------------------------------------
 */

static int seen(weir_event *e, weir_ctx *ctx, void *arg)
{
    struct job *j = arg;

    must_eq(number_of(e), atomic_fetch_add(&j->done, 1)); /* in order */
    (void)ctx;
    return 0;
}

struct processing {
    weir_queue *q;
    struct job job;
};

static void process(void *arg)
{
    struct processing *p = arg;

    must_eq(weir_queue_process(p->q, seen, &p->job, NULL), 0);
}

BEHAVIOUR(match_queue_of_the_document)
{
    struct processing p = {.q = queue_of((weir_queue_opts){.capacity = 10})};
    weir_event *e = NULL;
    int i;

    crew_go(crew, process, &p);
    for (i = 0; i < 100; i++) {
        e = numbered(i);
        must_eq(weir_queue_enqueue(p.q, e, NULL), 0);
        weir_event_unref(e);
    }
    must_eq(weir_queue_stop(p.q, WEIR_QUEUE_DRAIN, NULL), 0);
    crew_wait(crew);
    must_eq(p.job.done, 100);
    must_eq(weir_queue_enqueue(p.q, NULL, NULL), WEIR_CLOSED);
    must_eq(weir_queue_dequeue(p.q, &e, NULL), WEIR_CLOSED); /* is stopped */
    weir_queue_unref(p.q);
    must_eq(alive, 0);
}

/* ---- the parts of the package ---------------------------------------------
 */

/* A sink that takes a moment for each event does not hold the writers up. */
BEHAVIOUR(match_queue_in_front_of_a_sink)
{
    struct recorder *r = recorder_new();
    struct job j = {.n = EVENTS};
    weir_queue *q;
    int i;

    r->gate = ints_new(0);
    q = queue_of((weir_queue_opts){.sink = &r->sink});
    j.s = weir_queue_sink(q);
    write_from_all_sides(crew, &j); /* before one has arrived */
    must_eq(queue_counts(q).delivered, 0);
    for (i = 0; i < EVENTS; i++)
        put(r->gate, 0);
    check_close(j.s);
    must_eq(r->n, EVENTS);
    must_eq(r->closed, 1);
    weir_queue_unref(q);
    recorder_end(r);
    await_no_events();
}

BEHAVIOUR(match_broadcaster_add_remove_and_close)
{
    struct recorder *r[SINKS];
    weir_broadcaster *b = NULL;
    struct job j = {.n = check_scale(EVENTS)};
    const weir_broadcast_opts in_order = {.direct = true};
    int i;

    must_eq(weir_broadcaster_new(&b, NULL), 0);
    for (i = 0; i < SINKS; i++) {
        r[i] = recorder_new();
        must_eq(weir_broadcaster_add(b, &r[i]->sink, &in_order), 0);
        must_eq(weir_broadcaster_add(b, &r[i]->sink, &in_order), 0);
    }
    j.s = weir_broadcaster_sink(b);
    write_from_all_sides(crew, &j);
    for (i = 0; i < SINKS; i++)
        await(&r[i]->n, j.n);
    for (i = 0; i < SINKS; i++)
        must_eq(weir_broadcaster_remove(b, &r[i]->sink), 0);
    must_eq(write_number(j.s, 1, NULL), 0); /* one more goes to nobody */
    for (;;) {
        weir_broadcaster_counts c;

        must_eq(weir_broadcaster_get_counts(b, &c), 0);
        if (c.front.delivered == (uint64_t)j.n + 1)
            break;
        weir_yield();
    }
    for (i = 0; i < SINKS; i++)
        must_eq(weir_broadcaster_add(b, &r[i]->sink, &in_order), 0);
    check_close(j.s);
    for (i = 0; i < SINKS; i++) {
        must_eq(r[i]->n, j.n);
        must(memcmp(r[i]->got, r[0]->got, sizeof(int) * (size_t)j.n) == 0);
        must_eq(r[i]->closed, 1);
    }
    weir_broadcaster_unref(b);
    for (i = 0; i < SINKS; i++)
        recorder_end(r[i]);
    await_no_events();
}

/* Every second one answers CLOSED; none of the others misses an event. */
BEHAVIOUR(match_broadcaster_removes_a_closed_sink)
{
    struct recorder *r[SINKS];
    weir_broadcaster *b = NULL;
    int i;

    must_eq(weir_broadcaster_new(&b, NULL), 0);
    for (i = 0; i < SINKS; i++) {
        r[i] = recorder_new();
        r[i]->result = i % 2 ? WEIR_CLOSED : 0;
        must_eq(weir_broadcaster_add(b, &r[i]->sink,
                                     &(weir_broadcast_opts){.direct = true}),
                0);
    }
    for (i = 0; i < 5; i++)
        must_eq(write_number(weir_broadcaster_sink(b), i, NULL), 0);
    must_eq(weir_broadcaster_stop(b, WEIR_QUEUE_DRAIN, NULL), 0);
    for (i = 0; i < SINKS; i++)
        must_eq(r[i]->n, i % 2 ? 1 : 5);
    weir_broadcaster_unref(b);
    for (i = 0; i < SINKS; i++)
        recorder_end(r[i]);
    await_no_events();
    (void)crew;
}

struct channel {
    weir_chan *c;
    struct job job;
};

static void write_and_close(void *arg)
{
    struct channel *ch = arg;

    while (atomic_load(&ch->job.done) < ch->job.n)
        weir_yield();
    must_eq(weir_sink_close(ch->job.s, NULL), 0);
}

BEHAVIOUR(match_channel_and_its_done_signal)
{
    struct channel ch = {.job.n = 100};
    struct job refused = {.n = 100, .expect = WEIR_CLOSED};
    int i, received = 0;

    ch.c = weir_chan_new_with(&(weir_chan_opts){
        .elem_size = sizeof(weir_event *), .destroy = weir_event_unref_elem});
    must_eq(weir_chan_sink_new(&ch.job.s, ch.c), 0);
    for (i = 0; i < WRITERS; i++)
        crew_go(crew, write_share, &ch.job);
    crew_go(crew, write_and_close, &ch);
    for (;;) {
        weir_event *e = NULL;
        weir_case cs[] = {WEIR_RECV(ch.c, &e),
                          WEIR_DONE(weir_chan_sink_done(ch.job.s))};

        if (weir_select(cs, 2, NULL) == 1)
            break;
        received++;
        weir_event_unref(e);
    }
    must_eq(received, 100);
    crew_wait(crew);
    refused.s = ch.job.s;
    write_from_all_sides(crew, &refused);
    check_close(ch.job.s);
    must(weir_ctx_err(weir_chan_sink_done(ch.job.s)) != 0);
    weir_sink_unref(ch.job.s);
    weir_chan_unref(ch.c);
    must_eq(alive, 0);
}

static bool is_even(weir_event *e, void *arg)
{
    (void)arg;
    return number_of(e) % 2 == 0;
}

BEHAVIOUR(match_filter)
{
    struct recorder *r = recorder_new();
    weir_sink *s = NULL;
    int i;

    must_eq(weir_filter_new(&s, &r->sink, is_even, NULL), 0);
    for (i = 0; i < 100; i++)
        must_eq(write_number(s, i, NULL), 0);
    must_eq(r->n, 50);
    must_eq(weir_sink_close(s, NULL), 0);
    must_eq(r->closed, 1);
    must_eq(write_number(s, 2, NULL), WEIR_CLOSED);
    weir_sink_unref(s);
    recorder_end(r);
    must_eq(alive, 0);
    (void)crew;
}

/* ---- the retrying sink ----------------------------------------------------
 */

/* Fails all the time for the first 50 tries, then nine times in ten. */
struct flaky {
    int tries;
};

static int fail_mostly(weir_event *e, weir_ctx *ctx, void *arg)
{
    struct flaky *f = arg;
    const int n = f->tries++; /* one write at a time */

    (void)e, (void)ctx;
    return n < 50 || n % 10 ? -5 : 0;
}

static void retry_with(struct crew *crew, weir_retry_opts o)
{
    struct recorder *r = recorder_new();
    struct flaky f = {0};
    struct job j = {.n = check_scale(100)};

    must_eq(weir_listener_new(&o.sink, &(weir_listener_opts){.fn = fail_mostly,
                                                             .to = &r->sink,
                                                             .arg = &f}),
            0);
    must_eq(weir_retry_new(&j.s, &o), 0);
    write_from_all_sides(crew, &j);
    check_close(j.s);
    must_eq(r->n, j.n);
    must_eq(r->closed, 1);
    weir_sink_unref(j.s);
    weir_sink_unref(o.sink);
    recorder_end(r);
    must_eq(alive, 0);
}

BEHAVIOUR(match_retrying_sink_breaker)
{
    const weir_breaker_opts o = {.failures = 3, .open_for = 10000};

    retry_with(crew, (weir_retry_opts){.breaker = &o});
}

BEHAVIOUR(match_retrying_sink_exponential_backoff)
{
    retry_with(crew, (weir_retry_opts){
                         .backoff = {.base = 100, .factor = 100, .max = 9999}});
}

START_TEST(match_exponential_backoff)
{
    int64_t bound = 2 * WEIR_SECOND;
    weir_backoff b;
    int i, j;

    must_eq(weir_backoff_init(&b, &(weir_backoff_opts){.base = WEIR_SECOND}),
            0);
    must_eq(weir_backoff_delay(&b), 0);
    for (i = 1; i <= 10; i++) {
        weir_backoff_failure(&b);
        for (j = 0; j < 1000; j++)
            must(weir_backoff_delay(&b) <= bound);
        bound = WEIR_SECOND + (WEIR_SECOND << i);
        bound = bound < 20 * WEIR_SECOND ? bound : 20 * WEIR_SECOND;
    }
    weir_backoff_success(&b); /* recovery */
    must_eq(weir_backoff_delay(&b), 0);
}
END_TEST

BEHAVIOUR(match_closed_is_final)
{
    struct recorder *r = recorder_new();
    weir_sink *s = NULL;

    r->result = WEIR_CLOSED;
    must_eq(weir_retry_new(&s, &(weir_retry_opts){.sink = &r->sink}), 0);
    must_eq(write_number(s, 1, NULL), WEIR_CLOSED);
    must_eq(r->n, 1);
    weir_sink_unref(s);
    recorder_end(r);
    (void)crew;
}

/* ---- what was proposed there -----------------------------------------------
 */

BEHAVIOUR(match_round_robin)
{
    struct recorder *r[SINKS];
    weir_sink *to[SINKS];
    weir_queue *q[SINKS];
    struct job j = {.n = 100 * SINKS};
    int i;

    for (i = 0; i < SINKS; i++) {
        r[i] = recorder_new();
        q[i] = queue_of((weir_queue_opts){.sink = &r[i]->sink});
        to[i] = weir_queue_sink(q[i]);
    }
    must_eq(weir_round_robin_new(&j.s, to, SINKS), 0);
    write_from_all_sides(crew, &j);
    check_close(j.s);
    for (i = 0; i < SINKS; i++)
        must_eq(r[i]->n, 100);
    weir_sink_unref(j.s);
    for (i = 0; i < SINKS; i++) {
        must_eq(r[i]->closed, 1);
        weir_queue_unref(q[i]);
        recorder_end(r[i]);
    }
    await_no_events();
}

BEHAVIOUR(match_timeout)
{
    struct recorder *r = recorder_new();
    weir_sink *s = NULL;
    int i;

    must_eq(weir_timeout_sink_new(&s, &r->sink, WEIR_MINUTE), 0);
    for (i = 0; i < 100; i++)
        must_eq(write_number(s, i, NULL), 0);
    weir_sink_unref(s);
    r->gate = ints_new(0); /* slower than any time */
    must_eq(weir_timeout_sink_new(&s, &r->sink, WEIR_MICROSECOND), 0);
    for (i = 0; i < 10; i++)
        must_eq(write_number(s, i, NULL), WEIR_TIMEDOUT);
    weir_sink_unref(s);
    recorder_end(r);
    must_eq(alive, 0);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(match_queue_of_the_document),
           CHECK_MODES(match_queue_in_front_of_a_sink),
           CHECK_MODES(match_broadcaster_add_remove_and_close),
           CHECK_MODES(match_broadcaster_removes_a_closed_sink),
           CHECK_MODES(match_channel_and_its_done_signal),
           CHECK_MODES(match_filter), CHECK_MODES(match_retrying_sink_breaker),
           CHECK_MODES(match_retrying_sink_exponential_backoff),
           CHECK_TEST(match_exponential_backoff),
           CHECK_MODES(match_closed_is_final), CHECK_MODES(match_round_robin),
           CHECK_MODES(match_timeout))
