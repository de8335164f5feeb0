/* SPDX-License-Identifier: MIT */
/* Consumers of the topics of each engine: what fails comes again until it is
 * dead, a handler that hangs holds nobody up, and nothing is lost. */
#include "conf.h"
#include "consumers.h"

enum { KEYS = 5, WORKERS = 4 };

static const weir_backoff_opts soon = {.factor = 1, .max = 1000};

/* The number of a message, whose key is what is left of it by KEYS. */
static void post_by_key(weir_pub *p, int n)
{
    post_key(p, n, (const char *[KEYS]){"a", "b", "c", "d", "e"}[n % KEYS]);
}

static void end_topic(weir_pub *p, weir_sub *s)
{
    weir_sub_free(s);
    weir_pub_free(p);
}

/* ---- again and again ----------------------------------------------------- */

static atomic_int next_of[KEYS], busy[KEYS];

/* Each fails at first; those of a key come one at a time, in order. */
static int fail_once(const weir_message *m, weir_ctx *ctx, void *arg)
{
    const int n = number(m), key = n % KEYS;
    const bool first = m->deliveries == 1;

    (void)ctx, (void)arg;
    must_eq(atomic_fetch_add(&busy[key], 1), 0);
    must_eq(atomic_load(&next_of[key]), n / KEYS);
    weir_yield();
    if (!first)
        atomic_fetch_add(&next_of[key], 1);
    must_eq(atomic_fetch_sub(&busy[key], 1), 1);
    return first ? -1 : 0;
}

CONFORMS(what_fails_comes_again_in_the_order_of_its_key)
{
    const int n = conf_many(500);
    weir_pub *p = pub_on("");
    weir_sub *s = sub_on((weir_sub_opts){.group = "g", .max_in_flight = 20});
    weir_sub_counts left;
    int i;

    for (i = 0; i < KEYS; i++)
        atomic_store(&next_of[i], 0);
    start_consumer(s, (weir_consumer_opts){
                          .workers = WORKERS, .fn = fail_once, .retry = soon});
    for (i = 0; i < n; i++)
        post_by_key(p, i);
    while (consumer_counts().acked < (uint64_t)n)
        weir_yield();
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    must_eq(consumer_counts().naked, n);
    left = counts_of(s);
    must_eq(left.waiting + left.pending, 0);
    must_eq(left.redelivered, n);
    end_consumer();
    end_topic(p, s);
}

static int fail_odd(const weir_message *m, weir_ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    if (number(m) % 4 == 1)
        return WEIR_TERM;
    return number(m) % 4 == 3 ? WEIR_BUSY : 0;
}

CONFORMS_IF(dead_letter, what_nobody_can_handle_is_dead)
{
    weir_pub *p = pub_on("");
    weir_sub *s = sub_on((weir_sub_opts){
        .group = "g", .max_deliveries = 3, .dead_letter = "dead"});
    weir_sub *dead = sub_of("dead", (weir_sub_opts){.group = "g"});
    int i, terms = 0;

    start_consumer(s, (weir_consumer_opts){
                          .workers = WORKERS, .fn = fail_odd, .retry = soon});
    posts(p, 0, 40);
    for (i = 0; i < 20; i++) {
        weir_message *m = take(dead);
        const char *reason =
            weir_event_get_header(m->event, "weir-dead-reason");

        must(reason != NULL && number(m) % 2 == 1);
        terms += strcmp(reason, "term") == 0;
        ack(m);
    }
    must_eq(terms, 10);
    while (consumer_counts().acked < 20)
        weir_yield();
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    must_eq(consumer_counts().termed, 10);
    must_eq(consumer_counts().naked, 30); /* three times each */
    must_eq(counts_of(s).dead, 20);
    end_consumer();
    weir_sub_free(dead);
    end_topic(p, s);
}

/* ---- time ---------------------------------------------------------------- */

/* The first delivery hangs, whatever its context says, until another one has
 * been handled. */
static int hang(const weir_message *m, weir_ctx *ctx, void *arg)
{
    (void)arg, (void)ctx;
    if (m->deliveries == 1)
        get(t.gate);
    else
        (void)ints_try_send(t.gate, 0); /* there may be a third one */
    return 0;
}

CONFORMS_IF(in_progress, a_handler_that_hangs_keeps_its_message_from_nobody)
{
    weir_pub *p = pub_on("");
    weir_sub *s =
        sub_on((weir_sub_opts){.group = "g", .ack_wait = 5 * WEIR_MILLISECOND});

    t.gate = ints_new(1);
    start_consumer(s, (weir_consumer_opts){.workers = 2,
                                           .fn = hang,
                                           .limit = 10 * WEIR_MILLISECOND});
    post(p, 7);
    while (consumer_counts().acked == 0 || consumer_counts().expired == 0)
        weir_yield();
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    end_consumer();
    end_topic(p, s);
}

/* ---- ends ---------------------------------------------------------------- */

static int count(const weir_message *m, weir_ctx *ctx, void *arg)
{
    (void)m, (void)arg;
    weir_yield();
    return weir_ctx_err(ctx);
}

/* One consumer after the other, drained or discarded in the middle: each
 * message is acked once, and none is left. */
CONFORMS(nothing_is_lost_between_consumers)
{
    const int n = conf_many(1000);
    weir_pub *p = pub_on("");
    weir_sub *s = sub_on((weir_sub_opts){.group = "g", .max_in_flight = 8});
    weir_sub_counts left = {.waiting = 1};
    uint64_t acked = 0;
    int round;

    posts(p, 0, n);
    for (round = 0; left.waiting + left.pending > 0; round++) {
        start_consumer(s,
                       (weir_consumer_opts){.workers = WORKERS, .fn = count});
        while (consumer_counts().acked < (uint64_t)(round * 13 % 50) &&
               acked + consumer_counts().acked < (uint64_t)n)
            weir_yield();
        weir_consumer_stop(
            t.c, round % 2 ? WEIR_CONSUMER_DISCARD : WEIR_CONSUMER_DRAIN, NULL);
        acked += consumer_counts().acked;
        end_consumer();
        left = counts_of(s);
    }
    must_eq(acked, n);
    must_eq(left.acked, n);
    end_topic(p, s);
}

CONFORMS(a_topic_that_is_removed_ends_its_consumers)
{
    weir_pub *p = pub_on("");
    weir_sub *s = sub_on((weir_sub_opts){.group = "g"});

    start_consumer(s, (weir_consumer_opts){.workers = WORKERS, .fn = count});
    post(p, 1);
    while (consumer_counts().acked < 1)
        weir_yield();
    must_eq(weir_topic_remove(conf_url("events", ""), NULL), 0);
    must_eq(weir_consumer_join(t.c), 0);
    end_consumer();
    end_topic(p, s);
}

CONF_MAIN(CHECK_ENGINES(what_fails_comes_again_in_the_order_of_its_key),
          CHECK_ENGINES(what_nobody_can_handle_is_dead),
          CHECK_ENGINES(a_handler_that_hangs_keeps_its_message_from_nobody),
          CHECK_ENGINES(nothing_is_lost_between_consumers),
          CHECK_ENGINES(a_topic_that_is_removed_ends_its_consumers))
