/* SPDX-License-Identifier: MIT */
/* What users of docker/go-events have asked for, by the number of the wish in
 * its tracker, and its defects that are not here. The details of each part
 * are in the tests of that part. */
#include <weir/broadcaster.h>
#include <weir/listener.h>
#include <weir/retry.h>
#include <weir/sinks.h>
#include "events.h"

/* An hour after each failure: nobody who waits for that ends by himself. */
static const weir_backoff_opts an_hour = {.base = 60 * WEIR_MINUTE,
                                          .max = 60 * WEIR_MINUTE,
                                          .jitter = WEIR_JITTER_NONE};
static const weir_backoff_opts a_moment = {.factor = 1000, .max = 1000};

static void write_numbers(weir_sink *s, int from, int to)
{
    int i;

    for (i = from; i < to; i++)
        must_eq(write_number(s, i, NULL), 0);
}

/* ---- the wishes ------------------------------------------------------------
 */

BEHAVIOUR(better_23_close_has_a_deadline)
{
    struct recorder *r = recorder_new();
    struct losses lost = {.code = WEIR_TIMEDOUT};
    weir_ctx soon;
    weir_queue *q;

    r->gate = ints_new(0);
    r->deaf = true;
    q = queue_of(
        (weir_queue_opts){.sink = &r->sink, .on_loss = lose, .arg = &lost});
    write_numbers(weir_queue_sink(q), 0, 5);
    await(&r->n, 1);
    must_eq(weir_ctx_init_timeout(&soon, NULL, WEIR_MILLISECOND), 0);
    must_eq(weir_sink_close(weir_queue_sink(q), &soon), WEIR_TIMEDOUT);
    must_eq(lost.by_code, 4); /* what it could not wait for is said */
    must_eq(weir_ctx_fini(&soon), 0);
    put(r->gate, 0);
    weir_queue_unref(q);
    recorder_end(r);
    await_no_events();
    (void)crew;
}

BEHAVIOUR(better_24_25_metrics)
{
    struct recorder *r = recorder_new();
    weir_listener_counts in_counts, out_counts;
    weir_sink *in = NULL, *out = NULL;
    weir_queue *q;

    r->odd = -7;
    must_eq(weir_listener_new(&out, &(weir_listener_opts){.to = &r->sink}), 0);
    q = queue_of((weir_queue_opts){.sink = out});
    must_eq(
        weir_listener_new(&in, &(weir_listener_opts){.to = weir_queue_sink(q)}),
        0);
    write_numbers(in, 0, 10);
    must_eq(weir_sink_close(in, NULL), 0);
    must_eq(weir_listener_get_counts(in, &in_counts), 0);
    must_eq(weir_listener_get_counts(out, &out_counts), 0);
    must_eq(in_counts.taken, 10);
    must_eq(in_counts.bytes, 10 * sizeof(int));
    must_eq(out_counts.taken, 5);
    must_eq(out_counts.by_code[0].code, -7);
    must_eq(out_counts.by_code[0].n, 5);
    must_eq(queue_counts(q).failed, 5);
    weir_sink_unref(in);
    weir_queue_unref(q);
    weir_sink_unref(out);
    recorder_end(r);
    await_no_events();
    (void)crew;
}

struct policy {
    atomic_int removed, forgiven;
};

static void removed(weir_sink *s, int code, void *arg)
{
    must_eq(code, -7);
    atomic_fetch_add(&((struct policy *)arg)->removed, 1);
    (void)s;
}

static int forgive(weir_event *e, int code, void *arg)
{
    atomic_fetch_add(&((struct policy *)arg)->forgiven, 1);
    (void)e;
    return code == -7 ? 0 : code;
}

/* A broadcaster that removes who fails, or a sink that forgives. */
BEHAVIOUR(better_26_an_error_policy)
{
    struct policy p = {0};
    struct recorder *r = recorder_new(), *forgiven = recorder_new();
    const weir_broadcast_opts strict = {.direct = true, .failures = 2};
    weir_broadcaster *b = NULL;
    weir_sink *s = NULL;

    r->result = forgiven->result = -7;
    must_eq(weir_broadcaster_new(
                &b, &(weir_broadcaster_opts){.on_removed = removed, .arg = &p}),
            0);
    must_eq(weir_listener_new(&s, &(weir_listener_opts){.to = &forgiven->sink,
                                                        .on_error = forgive,
                                                        .arg = &p}),
            0);
    must_eq(weir_broadcaster_add(b, &r->sink, &strict), 0);
    must_eq(weir_broadcaster_add(b, s, &strict), 0);
    write_numbers(weir_broadcaster_sink(b), 0, 5);
    must_eq(weir_broadcaster_stop(b, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(p.removed, 1);
    must_eq(r->n, 2);
    must_eq(p.forgiven, 5);
    must_eq(forgiven->n, 5);
    weir_broadcaster_unref(b);
    weir_sink_unref(s);
    recorder_end(r);
    recorder_end(forgiven);
    await_no_events();
    (void)crew;
}

BEHAVIOUR(better_27_a_timeout_sink)
{
    struct recorder *r = recorder_new();
    struct losses lost = {.code = WEIR_TIMEDOUT};
    weir_sink *s = NULL;
    weir_queue *q;

    r->gate = ints_new(0); /* never lets one through */
    must_eq(weir_timeout_sink_new(&s, &r->sink, WEIR_MILLISECOND), 0);
    q = queue_of((weir_queue_opts){.sink = s, .on_loss = lose, .arg = &lost});
    write_numbers(weir_queue_sink(q), 0, 3);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(lost.by_code, 3);
    weir_queue_unref(q);
    weir_sink_unref(s);
    recorder_end(r);
    await_no_events();
    (void)crew;
}

BEHAVIOUR(better_28_round_robin)
{
    struct recorder *a = recorder_new(), *b = recorder_new();
    weir_sink *const to[] = {&a->sink, &b->sink};
    weir_sink *s = NULL;

    must_eq(weir_round_robin_new(&s, to, 2), 0);
    write_numbers(s, 0, 10);
    must_eq(a->n, 5);
    must_eq(b->n, 5);
    must_eq(a->got[4], 8);
    must_eq(b->got[4], 9);
    weir_sink_unref(s);
    recorder_end(a);
    recorder_end(b);
    must_eq(alive, 0);
    (void)crew;
}

/* What a full queue of two does with 0 .. 4 before anything leaves it. */
BEHAVIOUR(better_31_a_bounded_queue_with_a_policy)
{
    static const struct {
        enum weir_policy policy;
        int result, first, lost;
    } rows[] = {
        {WEIR_BLOCK, WEIR_CANCELED, 0, 0},
        {WEIR_DROP, 0, 0, 3},
        {WEIR_DROP_OLDEST, 0, 3, 3},
        {WEIR_ERROR, WEIR_FULL, 0, 0},
    };
    weir_ctx ended = WEIR_CTX_INIT;

    must_eq(weir_ctx_cancel(&ended, 0), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct losses lost = {0};
        weir_queue *q = queue_of((weir_queue_opts){.capacity = 2,
                                                   .policy = rows[i].policy,
                                                   .on_loss = lose,
                                                   .arg = &lost});
        weir_event *e = NULL;
        int n;

        for (n = 0; n < 5; n++)
            must_eq(write_number(weir_queue_sink(q), n, &ended),
                    n < 2 ? 0 : rows[i].result);
        must_eq(weir_queue_dequeue(q, &e, NULL), 0);
        must_eq(number_of(e), rows[i].first);
        must_eq(lost.n, rows[i].lost);
        weir_event_unref(e);
        weir_queue_unref(q);
    }
    must_eq(alive, 0);
    must_eq(weir_ctx_fini(&ended), 0);
    (void)crew;
}

/* Each error comes to the callback with its event; the context of a write is
 * there in the sink, and ends with a stop. */
BEHAVIOUR(better_36_39_asynchronous_errors_and_context)
{
    struct recorder *r = recorder_new();
    struct losses lost = {.code = -7};
    weir_queue *q = queue_of(
        (weir_queue_opts){.sink = &r->sink, .on_loss = lose, .arg = &lost});

    r->result = -7;
    write_numbers(weir_queue_sink(q), 0, 100);
    await(&lost.by_code, 100);
    must_eq(lost.last, 99);
    r->gate = ints_new(0); /* heeds its context */
    write_numbers(weir_queue_sink(q), 100, 101);
    await(&r->n, 101);
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DISCARD, NULL), 0);
    must_eq(lost.n, 101);
    must_eq(lost.last, 100);
    must_eq(lost.last_code, WEIR_CANCELED);
    weir_queue_unref(q);
    recorder_end(r);
    await_no_events();
    (void)crew;
}

BEHAVIOUR(better_40_a_slow_sink_does_not_hold_up_publishing)
{
    struct recorder *slow = recorder_new(), *fast = recorder_new();
    weir_broadcaster *b = NULL;

    slow->gate = ints_new(0);
    must_eq(weir_broadcaster_new(&b, NULL), 0);
    must_eq(weir_broadcaster_add(b, &slow->sink, NULL), 0);
    must_eq(weir_broadcaster_add(b, &fast->sink, NULL), 0);
    write_numbers(weir_broadcaster_sink(b), 0, 100);
    await(&fast->n, 100);
    must(slow->n <= 1);
    ints_close(slow->gate);
    must_eq(weir_broadcaster_stop(b, WEIR_QUEUE_DRAIN, NULL), 0);
    weir_broadcaster_unref(b);
    recorder_end(slow);
    recorder_end(fast);
    await_no_events();
    (void)crew;
}

/* ---- the retrying sink ------------------------------------------------------
 */

BEHAVIOUR(better_retrying_sink_closes_its_child)
{
    struct recorder *r = recorder_new();
    weir_sink *s = NULL;

    must_eq(weir_retry_new(&s, &(weir_retry_opts){.sink = &r->sink}), 0);
    must_eq(weir_sink_close(s, NULL), 0);
    must_eq(r->closed, 1);
    weir_sink_unref(s);
    recorder_end(r);
    (void)crew;
}

/* The first event fails for ever; the second is not tried before it. */
static void write_second(void *arg)
{
    must_eq(write_number(arg, 2, NULL), WEIR_CLOSED);
}

static void write_first(void *arg)
{
    must_eq(write_number(arg, 1, NULL), WEIR_CLOSED);
}

BEHAVIOUR(better_retrying_sink_keeps_its_order)
{
    struct recorder *r = recorder_new();
    weir_sink *s = NULL;
    int i;

    r->result = -5;
    must_eq(weir_retry_new(
                &s, &(weir_retry_opts){.sink = &r->sink, .backoff = a_moment}),
            0);
    crew_go(crew, write_first, s);
    await(&r->n, 3);
    crew_go(crew, write_second, s);
    await(&r->n, r->n + 10);
    must_eq(weir_sink_close(s, NULL), 0);
    crew_wait(crew);
    for (i = 0; i < r->n; i++)
        must_eq(r->got[i], 1);
    weir_sink_unref(s);
    recorder_end(r);
    must_eq(alive, 0);
}

START_TEST(better_back_off_saturates)
{
    weir_backoff b;
    int i;

    must_eq(
        weir_backoff_init(&b, &(weir_backoff_opts){.jitter = WEIR_JITTER_NONE}),
        0);
    for (i = 1; i <= 100; i++) {
        weir_backoff_failure(&b);
        must(weir_backoff_delay(&b) > 0); /* at the 56th too */
        must(weir_backoff_delay(&b) <= 20 * WEIR_SECOND);
    }
    must_eq(weir_backoff_delay(&b), 20 * WEIR_SECOND);
}
END_TEST

/* With the breaker open, the next try is one: it fails, and the breaker is
 * open again at once; it goes, and the breaker is closed. */
BEHAVIOUR(better_half_open_probe)
{
    struct recorder *r = recorder_new();
    const weir_breaker_opts o = {.failures = 5, .open_for = 1000};
    weir_retry_counts c;
    weir_sink *s = NULL;

    r->events = ints_new(0);
    r->gate = ints_new(0);
    must_eq(
        weir_retry_new(&s, &(weir_retry_opts){.sink = &r->sink, .breaker = &o}),
        0);
    crew_go(crew, write_second, s); /* it is closed in the end */
    for (int i = 0; i < 7; i++) {   /* two probes, one at a time */
        must_eq(get(r->events), 2);
        must_eq(weir_retry_get_counts(s, &c), 0);
        must_eq(c.tries, i + 1);
        put(r->gate, -5);
    }
    must_eq(get(r->events), 2);
    must_eq(weir_sink_close(s, NULL), 0);
    crew_wait(crew);
    weir_sink_unref(s);
    recorder_end(r);
    must_eq(alive, 0);
}

BEHAVIOUR(better_a_dead_letter_after_so_many_tries)
{
    struct recorder *r = recorder_new(), *dead = recorder_new();
    weir_sink *s = NULL;

    r->odd = -5;
    must_eq(weir_retry_new(&s, &(weir_retry_opts){.sink = &r->sink,
                                                  .backoff = a_moment,
                                                  .tries = 3,
                                                  .dead = &dead->sink}),
            0);
    write_numbers(s, 0, 4);
    must_eq(r->n, 2 + 2 * 3);
    must_eq(dead->n, 2);
    must_eq(dead->got[0], 1);
    must_eq(dead->got[1], 3);
    weir_sink_unref(s);
    recorder_end(r);
    recorder_end(dead);
    must_eq(alive, 0);
    (void)crew;
}

/* ---- stops ------------------------------------------------------------------
 */

/* Behind a retry that would wait for an hour: a discard ends it at once, and
 * says what it ended; a drain waits only as long as it was told to. */
static void stop_it(enum weir_queue_end how, weir_ctx *ctx, int result)
{
    struct recorder *r = recorder_new();
    struct losses lost = {0};
    weir_sink *s = NULL;
    weir_queue *q;

    r->result = -5;
    must_eq(weir_retry_new(
                &s, &(weir_retry_opts){.sink = &r->sink, .backoff = an_hour}),
            0);
    q = queue_of((weir_queue_opts){.sink = s, .on_loss = lose, .arg = &lost});
    write_numbers(weir_queue_sink(q), 0, 10);
    await(&r->n, 1);
    must_eq(weir_queue_stop(q, how, ctx), result);
    must_eq(weir_queue_stop(q, how, NULL), 0);
    must_eq(lost.n, 10); /* each of them is said */
    must_eq(r->n, 1);
    must_eq(r->closed, 1);
    weir_queue_unref(q);
    weir_sink_unref(s);
    recorder_end(r);
    await_no_events();
}

BEHAVIOUR(better_stop_drains_or_discards_and_never_hangs)
{
    weir_ctx soon;

    stop_it(WEIR_QUEUE_DISCARD, NULL, 0);
    must_eq(weir_ctx_init_timeout(&soon, NULL, WEIR_MILLISECOND), 0);
    stop_it(WEIR_QUEUE_DRAIN, &soon, WEIR_TIMEDOUT);
    must_eq(weir_ctx_fini(&soon), 0);
    (void)crew;
}

/* ---- the null event ---------------------------------------------------------
 */

static bool any(weir_event *e, void *arg)
{
    (void)e, (void)arg;
    return true;
}

/* Through one of each. */
BEHAVIOUR(better_a_null_event_is_allowed)
{
    struct recorder *r = recorder_new();
    weir_sink *filter = NULL, *retry = NULL, *timeout = NULL, *ears = NULL;
    weir_sink *turn = NULL, *key = NULL;
    weir_broadcaster *b = NULL;

    must_eq(weir_filter_new(&filter, &r->sink, any, NULL), 0);
    must_eq(weir_retry_new(&retry, &(weir_retry_opts){.sink = filter}), 0);
    must_eq(weir_timeout_sink_new(&timeout, retry, WEIR_MINUTE), 0);
    must_eq(weir_listener_new(&ears, &(weir_listener_opts){.to = timeout}), 0);
    must_eq(weir_round_robin_new(&turn, &ears, 1), 0);
    must_eq(weir_by_key_new(&key, &turn, 1), 0);
    must_eq(weir_broadcaster_new(&b, NULL), 0);
    must_eq(weir_broadcaster_add(b, key, NULL), 0);
    must_eq(write_number(weir_broadcaster_sink(b), NONE, NULL), 0);
    must_eq(weir_broadcaster_stop(b, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(r->n, 1);
    must_eq(r->got[0], NONE);
    must_eq(r->closed, 1);
    weir_broadcaster_unref(b);
    weir_sink_unref(filter);
    weir_sink_unref(retry);
    weir_sink_unref(timeout);
    weir_sink_unref(ears);
    weir_sink_unref(turn);
    weir_sink_unref(key);
    recorder_end(r);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(better_23_close_has_a_deadline),
           CHECK_MODES(better_24_25_metrics),
           CHECK_MODES(better_26_an_error_policy),
           CHECK_MODES(better_27_a_timeout_sink),
           CHECK_MODES(better_28_round_robin),
           CHECK_MODES(better_31_a_bounded_queue_with_a_policy),
           CHECK_MODES(better_36_39_asynchronous_errors_and_context),
           CHECK_MODES(better_40_a_slow_sink_does_not_hold_up_publishing),
           CHECK_MODES(better_retrying_sink_closes_its_child),
           CHECK_MODES(better_retrying_sink_keeps_its_order),
           CHECK_TEST(better_back_off_saturates),
           CHECK_MODES(better_half_open_probe),
           CHECK_MODES(better_a_dead_letter_after_so_many_tries),
           CHECK_MODES(better_stop_drains_or_discards_and_never_hangs),
           CHECK_MODES(better_a_null_event_is_allowed))
