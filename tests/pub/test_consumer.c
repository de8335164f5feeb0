/* SPDX-License-Identifier: MIT */
/* Consumers: what the handler returns becomes of a message; failures are told
 * and wait; the account holds. */
#include <weir/handlers.h>
#include "consumers.h"
#include "fake.h"

static void await(atomic_int *count, int n)
{
    while (atomic_load(count) < n)
        weir_yield();
}

/* ---- results ------------------------------------------------------------- */

struct row {
    int result;
    int how, errors;
};

BEHAVIOUR(each_result_settles)
{
    static const struct row rows[] = {
        {0, WEIR_SETTLE_ACK, 0},
        {WEIR_DUPLICATE, WEIR_SETTLE_ACK, 0}, /* of a publish */
        {WEIR_TERM, WEIR_SETTLE_TERM, 1},
        {WEIR_EINVAL, WEIR_SETTLE_NAK, 1},
        {WEIR_TIMEDOUT, WEIR_SETTLE_NAK, 1},
    };
    weir_sub *s;
    int i;

    fake_start();
    s = fake_sub(NULL);
    start_consumer(s, (weir_consumer_opts){.workers = 1});
    for (i = 0; i < (int)(sizeof rows / sizeof rows[0]); i++) {
        atomic_store(&t.errors, 0);
        atomic_store(&t.result, rows[i].result);
        fake_feed(1);
        while (consumer_counts().received <= (uint64_t)i ||
               consumer_counts().running > 0)
            weir_yield();
        must_eq(fake.how, rows[i].how);
        must_eq(t.errors, rows[i].errors);
        if (rows[i].errors) {
            must_eq(t.step, WEIR_CONSUMER_HANDLE);
            must_eq(t.code, rows[i].result);
            must(t.with_message);
        }
    }
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    must_eq(consumer_counts().acked, 2);
    must_eq(consumer_counts().termed, 1);
    must_eq(consumer_counts().naked, 2);
    end_consumer();
    weir_sub_free(s);
    fake_end();
    (void)crew;
}

/* The delay grows with the deliveries, and no further than to the maximum. */
BEHAVIOUR(a_failure_comes_back_later_each_time)
{
    static const struct {
        uint32_t deliveries;
        int64_t delay;
    } rows[] = {{1, 110}, {2, 120},   {3, 140},
                {5, 260}, {40, 1000}, {UINT32_MAX, 1000}};
    weir_sub *s;
    int i;

    fake_start();
    s = fake_sub(NULL);
    atomic_store(&t.result, -1);
    start_consumer(s,
                   (weir_consumer_opts){.workers = 1,
                                        .retry = {.base = 100,
                                                  .factor = 10,
                                                  .max = 1000,
                                                  .jitter = WEIR_JITTER_NONE}});
    for (i = 0; i < (int)(sizeof rows / sizeof rows[0]); i++) {
        fake.deliveries = rows[i].deliveries;
        fake_feed(1);
        while (consumer_counts().naked <= (uint64_t)i)
            weir_yield();
        must_eq(fake.delay, rows[i].delay);
    }
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    end_consumer();
    weir_sub_free(s);
    fake_end();
    (void)crew;
}

BEHAVIOUR(an_engine_without_delays)
{
    weir_sub *s;

    fake_start();
    fake_engine.caps.delay = false;
    s = fake_sub(NULL);
    atomic_store(&t.result, -1);
    start_consumer(s, (weir_consumer_opts){.workers = 1});
    fake_feed(1);
    while (consumer_counts().naked == 0)
        weir_yield();
    must_eq(fake.delay, 0);
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    end_consumer();
    weir_sub_free(s);
    fake_engine.caps.delay = true;
    fake_end();
    (void)crew;
}

/* ---- when the engine fails ----------------------------------------------- */

BEHAVIOUR(what_cannot_be_settled_is_told_and_given_back)
{
    weir_sub *s;

    fake_start();
    fake.settle_code = WEIR_CORRUPT;
    s = fake_sub(NULL);
    start_consumer(s, (weir_consumer_opts){.workers = 1});
    fake_feed(1);
    while (consumer_counts().returned == 0)
        weir_yield();
    must_eq(fake.given_back, 1);
    must_eq(t.errors, 2); /* the ack, and then the nak */
    must_eq(t.step, WEIR_CONSUMER_SETTLE);
    must_eq(t.code, WEIR_CORRUPT);
    fake.settle_code = 0;
    fake.expired = true;
    fake_feed(1);
    while (consumer_counts().expired == 0)
        weir_yield();
    must_eq(t.errors, 2);
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    must_eq(consumer_counts().received, 2);
    end_consumer();
    weir_sub_free(s);
    fake_end();
    (void)crew;
}

/* Where there are no dead letters, it is tried again, but not at once. */
BEHAVIOUR(a_term_that_the_engine_does_not_know)
{
    weir_sub *s;

    fake_start();
    fake_engine.caps.dead_letter = false;
    s = fake_sub(NULL);
    atomic_store(&t.result, WEIR_TERM);
    start_consumer(s, (weir_consumer_opts){.workers = 1});
    fake_feed(1);
    while (consumer_counts().naked == 0)
        weir_yield();
    must_eq(fake.how, WEIR_SETTLE_NAK);
    must_eq(t.step, WEIR_CONSUMER_SETTLE);
    must_eq(t.code, WEIR_UNSUPPORTED);
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    end_consumer();
    weir_sub_free(s);
    fake_engine.caps.dead_letter = true;
    fake_end();
    (void)crew;
}

BEHAVIOUR(a_receive_that_fails_is_tried_again)
{
    weir_sub *s;

    fake_start();
    fake.recv_code = WEIR_CORRUPT;
    s = fake_sub(NULL);
    start_consumer(s, (weir_consumer_opts){.workers = 2,
                                           .retry = {.factor = 1, .max = 100}});
    await(&t.errors, 20);
    must_eq(t.step, WEIR_CONSUMER_RECV);
    must_eq(t.code, WEIR_CORRUPT);
    must(!t.with_message);
    fake.recv_code = 0;
    fake_feed(5);
    await(&t.handled, 5);
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    must_eq(consumer_counts().acked, 5);
    end_consumer();
    weir_sub_free(s);
    fake_end();
    (void)crew;
}

/* Which is no failure, and waits for nothing. */
BEHAVIOUR(lost_messages_are_told)
{
    weir_sub *s;

    fake_start();
    fake.recv_code = WEIR_LAGGED;
    s = fake_sub(NULL);
    start_consumer(s, (weir_consumer_opts){.workers = 1,
                                           .retry = {.base = WEIR_FOREVER / 2,
                                                     .max = WEIR_FOREVER}});
    await(&t.errors, 3);
    must_eq(t.step, WEIR_CONSUMER_RECV);
    must_eq(t.code, WEIR_LAGGED);
    fake.recv_code = 0;
    fake_feed(1);
    await(&t.handled, 1);
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    end_consumer();
    weir_sub_free(s);
    fake_end();
    (void)crew;
}

/* A stop does not wait for a back-off. */
BEHAVIOUR(a_stop_ends_the_wait_for_another_try)
{
    weir_sub *s;

    fake_start();
    fake.recv_code = WEIR_CORRUPT;
    s = fake_sub(NULL);
    start_consumer(s,
                   (weir_consumer_opts){.workers = 2,
                                        .retry = {.factor = 1000 * WEIR_SECOND,
                                                  .max = 1000 * WEIR_SECOND,
                                                  .jitter = WEIR_JITTER_NONE}});
    await(&t.errors, 2);
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    end_consumer();
    weir_sub_free(s);
    fake_end();
    (void)crew;
}

/* ---- more time ----------------------------------------------------------- */

BEHAVIOUR(time_is_extended_while_the_handler_runs)
{
    weir_sub *s;
    int i;

    fake_start();
    s = fake_sub(&(weir_sub_opts){.ack_wait = 3 * WEIR_MILLISECOND});
    t.gate = ints_new(0);
    t.begun = ints_new(3);
    start_consumer(s,
                   (weir_consumer_opts){.workers = 3, .limit = WEIR_FOREVER});
    fake_feed(3);
    for (i = 0; i < 3; i++)
        get(t.begun);
    await(&fake.renewals, 30);
    while (fake.n < 3) /* of all three in one call */
        weir_yield();
    fake.lapsed = true;
    await(&t.errors, 1);
    must_eq(t.step, WEIR_CONSUMER_RENEW);
    must_eq(t.code, WEIR_EXPIRED);
    must(t.with_message);
    fake.lapsed = false;
    for (i = 0; i < 3; i++)
        put(t.gate, 0);
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    must_eq(consumer_counts().acked, 3);
    must_eq(consumer_counts().renewed, fake.renewals - t.errors);
    end_consumer();
    weir_sub_free(s);
    fake_end();
    (void)crew;
}

/* What the keeper has asked the engine about stays as it is until it has an
 * answer. */
BEHAVIOUR(nothing_is_settled_while_its_time_is_extended)
{
    weir_sub *s;
    int again;

    fake_start();
    s = fake_sub(&(weir_sub_opts){.ack_wait = WEIR_MILLISECOND});
    t.gate = ints_new(0);
    fake.gate = ints_new(0);
    fake.renewing = ints_new(0);
    start_consumer(s,
                   (weir_consumer_opts){.workers = 1, .limit = WEIR_FOREVER});
    fake_feed(1);
    get(fake.renewing);
    put(t.gate, 0); /* the handler returns */
    await(&t.handled, 1);
    settle();
    must_eq(fake.settles, 0);
    must_eq(consumer_counts().running, 1);
    put(fake.gate, 0);
    while (consumer_counts().acked == 0) { /* extended once more, maybe */
        if (ints_try_recv(fake.renewing, &again) == 0)
            put(fake.gate, 0);
        weir_yield();
    }
    must(consumer_counts().renewed >= 1);
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    end_consumer();
    weir_sub_free(s);
    fake_end();
    (void)crew;
}

/* A handler that takes too long is told, and its message kept from nobody. */
BEHAVIOUR(a_limit_ends_the_handler_s_context)
{
    weir_sub *s;

    fake_start();
    s = fake_sub(&(weir_sub_opts){.ack_wait = 3 * WEIR_MILLISECOND});
    t.gate = ints_new(0);
    start_consumer(
        s, (weir_consumer_opts){.workers = 1, .limit = 5 * WEIR_MILLISECOND});
    fake_feed(1);
    while (consumer_counts().naked == 0)
        weir_yield();
    must_eq(t.step, WEIR_CONSUMER_HANDLE);
    must_eq(t.code, WEIR_TIMEDOUT);
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    end_consumer();
    weir_sub_free(s);
    fake_end();
    (void)crew;
}

/* Without a limit nothing is extended, nor can it be if the engine cannot. */
BEHAVIOUR(no_limit_no_more_time)
{
    weir_consumer_opts o = {.fn = handle_as_told, .limit = 1};
    weir_sub *s;

    fake_start();
    s = fake_sub(&(weir_sub_opts){.ack_wait = 1});
    t.gate = ints_new(0);
    t.begun = ints_new(1);
    start_consumer(s, (weir_consumer_opts){.workers = 1});
    fake_feed(1);
    get(t.begun);
    weir_sleep(WEIR_MILLISECOND, NULL);
    put(t.gate, 0);
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    must_eq(fake.renewals, 0);
    end_consumer();
    fake_engine.caps.in_progress = false;
    o.sub = s;
    must_eq(weir_consumer_start(&t.c, &o), WEIR_UNSUPPORTED);
    fake_engine.caps.in_progress = true;
    weir_sub_free(s);
    fake_end();
    (void)crew;
}

BEHAVIOUR(more_time_that_cannot_be_had)
{
    weir_sub *s;

    fake_start();
    s = fake_sub(&(weir_sub_opts){.ack_wait = WEIR_MILLISECOND});
    t.gate = ints_new(0);
    t.begun = ints_new(1);
    start_consumer(s,
                   (weir_consumer_opts){.workers = 1, .limit = WEIR_FOREVER});
    fake_feed(1);
    get(t.begun);
    fake.settle_code = WEIR_CORRUPT;
    await(&t.errors, 3);
    must_eq(t.step, WEIR_CONSUMER_RENEW);
    must_eq(t.code, WEIR_CORRUPT);
    must(!t.with_message);
    fake.settle_code = 0;
    put(t.gate, 0);
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    must_eq(consumer_counts().acked, 1);
    end_consumer();
    weir_sub_free(s);
    fake_end();
    (void)crew;
}

/* ---- sinks --------------------------------------------------------------- */

static int handle_event(weir_event *e, weir_ctx *ctx, void *arg)
{
    must(e == NULL);
    atomic_fetch_add(&t.handled, 1);
    (void)ctx, (void)arg;
    return 0;
}

BEHAVIOUR(a_subscription_feeds_any_sink)
{
    weir_handlers *h;
    weir_sub *s;

    fake_start();
    s = fake_sub(NULL);
    must_eq(weir_handlers_new(&h, NULL), 0);
    must_eq(weir_handlers_on(h, "", handle_event, NULL), 0);
    t.sub = s;
    must_eq(weir_consumer_start(
                &t.c, &(weir_consumer_opts){.sub = s,
                                            .fn = weir_consumer_sink,
                                            .arg = weir_handlers_sink(h),
                                            .workers = 2}),
            0);
    fake_feed(10);
    await(&t.handled, 10);
    while (consumer_counts().acked < 10)
        weir_yield();
    must_eq(weir_handlers_off(h, "", NULL), 0);
    fake_feed(1); /* nobody handles it */
    while (consumer_counts().naked == 0)
        weir_yield();
    must_eq(weir_sink_close(weir_handlers_sink(h), NULL), 0);
    fake_feed(5);
    must_eq(weir_consumer_join(t.c), WEIR_CLOSED);
    must(consumer_counts().returned >= 1); /* and no failure */
    must_eq(consumer_counts().naked, 1);
    end_consumer();
    weir_handlers_unref(h);
    weir_sub_free(s);
    must_eq(weir_consumer_sink(NULL, NULL, NULL), WEIR_EINVAL);
    fake_end();
    (void)crew;
}

/* ---- the account --------------------------------------------------------- */

static int mixed(const weir_message *m, weir_ctx *ctx, void *arg)
{
    static const int results[] = {0, WEIR_TERM, -1, 0};

    (void)ctx, (void)arg;
    atomic_fetch_add(&t.handled, 1);
    return results[m->seq % 4];
}

BEHAVIOUR(the_account_of_many)
{
    const int n = check_scale(crew_many(crew, 4000, 1000));
    weir_sub *s;
    int i;

    fake_start();
    s = fake_sub(&(weir_sub_opts){.max_in_flight = 3});
    start_consumer(s, (weir_consumer_opts){.workers = 8, .fn = mixed});
    for (i = 0; i < n; i++) {
        fake_feed(1);
        (void)consumer_counts();
    }
    while (consumer_counts().received < (uint64_t)n)
        weir_yield();
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    must_eq(t.handled, n);
    must_eq(consumer_counts().acked, n / 2);
    must_eq(consumer_counts().termed + consumer_counts().naked, n - n / 2);
    must_eq(counts_of(s).acked, n / 2);
    must_eq(counts_of(s).in_flight, 0);
    end_consumer();
    weir_sub_free(s);
    fake_end();
}

CHECK_MAIN(CHECK_MODES(each_result_settles),
           CHECK_MODES(a_failure_comes_back_later_each_time),
           CHECK_MODES(an_engine_without_delays),
           CHECK_MODES(what_cannot_be_settled_is_told_and_given_back),
           CHECK_MODES(a_term_that_the_engine_does_not_know),
           CHECK_MODES(a_receive_that_fails_is_tried_again),
           CHECK_MODES(lost_messages_are_told),
           CHECK_MODES(a_stop_ends_the_wait_for_another_try),
           CHECK_MODES(time_is_extended_while_the_handler_runs),
           CHECK_MODES(nothing_is_settled_while_its_time_is_extended),
           CHECK_MODES(a_limit_ends_the_handler_s_context),
           CHECK_MODES(no_limit_no_more_time),
           CHECK_MODES(more_time_that_cannot_be_had),
           CHECK_MODES(a_subscription_feeds_any_sink),
           CHECK_MODES(the_account_of_many))
