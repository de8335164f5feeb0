/* SPDX-License-Identifier: MIT */
/* Consumers of topics in memory: what fails comes again until it is dead, a
 * handler that hangs holds nobody up, and nothing is lost. */
#include "consumers.h"

enum { KEYS = 5, WORKERS = 4 };

/* A topic of its own for each run. */
static char url[40], dead_url[50];

static weir_pub *new_topic(void)
{
    static atomic_int topics;
    weir_pub *p;

    snprintf(url, sizeof url, "mem:topic%d", atomic_fetch_add(&topics, 1));
    snprintf(dead_url, sizeof dead_url, "%s.dead", url);
    must_eq(weir_pub_open(&p, url, NULL), 0);
    return p;
}

static weir_sub *sub_to(const char *topic, weir_sub_opts o)
{
    weir_sub *s;

    o.group = "workers";
    must_eq(weir_sub_open(&s, topic, &o, NULL), 0);
    return s;
}

/* A number, whose key is what is left of it by KEYS. */
static void publish(weir_pub *p, int n)
{
    const int key = n % KEYS;
    weir_event *e;

    must_eq(weir_event_new(&e, &(weir_event_opts){.key = &key,
                                                  .key_size = sizeof key,
                                                  .payload = &n,
                                                  .size = sizeof n}),
            0);
    must_eq(weir_pub_publish(p, e, NULL, NULL), 0);
    weir_event_unref(e);
}

static int number_of(const weir_message *m)
{
    return *(const int *)m->event->payload;
}

static void end_topic(weir_pub *p, weir_sub *s)
{
    weir_sub_free(s);
    weir_pub_free(p);
    must_eq(weir_topic_remove(url, NULL), 0);
}

/* ---- again and again ----------------------------------------------------- */

static atomic_int next_of[KEYS], busy[KEYS];

/* Each fails at first; those of a key come one at a time, in order. */
static int fail_once(const weir_message *m, weir_ctx *ctx, void *arg)
{
    const int n = number_of(m), key = n % KEYS;
    const bool first = m->deliveries == 1;

    (void)ctx, (void)arg;
    must_eq(atomic_fetch_add(&busy[key], 1), 0);
    must_eq(atomic_load(&next_of[key]), n / KEYS);
    weir_yield();
    if (!first)
        atomic_fetch_add(&next_of[key], 1);
    must_eq(atomic_fetch_sub(&busy[key], 1), 1);
    atomic_fetch_add(&t.handled, !first);
    return first ? -1 : 0;
}

BEHAVIOUR(what_fails_comes_again_in_the_order_of_its_key)
{
    const int n = check_scale(crew_many(crew, 500, 200));
    weir_pub *p = new_topic();
    weir_sub *s = sub_to(url, (weir_sub_opts){.max_in_flight = 20});
    weir_sub_counts left;
    int i;

    for (i = 0; i < KEYS; i++)
        atomic_store(&next_of[i], 0);
    start_consumer(s,
                   (weir_consumer_opts){.workers = WORKERS,
                                        .fn = fail_once,
                                        .retry = {.factor = 1, .max = 1000}});
    for (i = 0; i < n; i++)
        publish(p, i);
    while (consumer_counts().acked < (uint64_t)n)
        weir_yield();
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    must_eq(consumer_counts().naked, n);
    must_eq(weir_sub_get_counts(s, &left, NULL), 0);
    must_eq(left.waiting + left.pending, 0);
    must_eq(left.redelivered, n);
    end_consumer();
    end_topic(p, s);
}

static int fail_odd(const weir_message *m, weir_ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    if (number_of(m) % 4 == 1)
        return WEIR_TERM;
    return number_of(m) % 4 == 3 ? WEIR_BUSY : 0;
}

BEHAVIOUR(what_nobody_can_handle_is_dead)
{
    weir_pub *p = new_topic();
    weir_sub *s = sub_to(url, (weir_sub_opts){.max_deliveries = 3});
    weir_sub *dead;
    weir_message *m;
    int i, terms = 0;

    start_consumer(s,
                   (weir_consumer_opts){.workers = WORKERS,
                                        .fn = fail_odd,
                                        .retry = {.factor = 1, .max = 1000}});
    for (i = 0; i < 40; i++)
        publish(p, i);
    dead = sub_to(dead_url, (weir_sub_opts){0});
    for (i = 0; i < 20; i++) {
        m = receive(dead);
        const char *reason =
            weir_event_get_header(m->event, "weir-dead-reason");

        must(reason != NULL && number_of(m) % 2 == 1);
        terms += strcmp(reason, "term") == 0;
        must_eq(weir_message_ack(m, NULL), 0);
        weir_message_free(m);
    }
    must_eq(terms, 10);
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    must_eq(consumer_counts().acked, 20);
    must_eq(consumer_counts().termed, 10);
    must_eq(consumer_counts().naked, 30); /* three times each */
    must_eq(counts_of(s).dead, 20);
    end_consumer();
    weir_sub_free(dead);
    must_eq(weir_topic_remove(dead_url, NULL), 0);
    end_topic(p, s);
    (void)crew;
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

BEHAVIOUR(a_handler_that_hangs_keeps_its_message_from_nobody)
{
    weir_pub *p = new_topic();
    weir_sub *s =
        sub_to(url, (weir_sub_opts){.ack_wait = 3 * WEIR_MILLISECOND});

    t.gate = ints_new(1);
    start_consumer(s, (weir_consumer_opts){.workers = 2,
                                           .fn = hang,
                                           .limit = 6 * WEIR_MILLISECOND});
    publish(p, 7);
    while (consumer_counts().acked + consumer_counts().expired < 2)
        weir_yield();
    must(consumer_counts().expired >= 1); /* it was too late at last */
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    end_consumer();
    end_topic(p, s);
    (void)crew;
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
BEHAVIOUR(nothing_is_lost_between_consumers)
{
    const int n = check_scale(crew_many(crew, 1000, 300));
    weir_pub *p = new_topic();
    weir_sub *s = sub_to(url, (weir_sub_opts){.max_in_flight = 8});
    weir_sub_counts left = {.waiting = 1};
    uint64_t acked = 0;
    int i, round;

    for (i = 0; i < n; i++)
        publish(p, i);
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
        must_eq(weir_sub_get_counts(s, &left, NULL), 0);
    }
    must_eq(acked, n);
    must_eq(left.acked, n);
    end_topic(p, s);
}

BEHAVIOUR(a_topic_that_is_removed_ends_its_consumers)
{
    weir_pub *p = new_topic();
    weir_sub *s = sub_to(url, (weir_sub_opts){0});

    start_consumer(s, (weir_consumer_opts){.workers = WORKERS, .fn = count});
    publish(p, 1);
    while (consumer_counts().acked < 1)
        weir_yield();
    must_eq(weir_topic_remove(url, NULL), 0);
    must_eq(weir_consumer_join(t.c), 0);
    end_consumer();
    weir_sub_free(s);
    weir_pub_free(p);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(what_fails_comes_again_in_the_order_of_its_key),
           CHECK_MODES(what_nobody_can_handle_is_dead),
           CHECK_MODES(a_handler_that_hangs_keeps_its_message_from_nobody),
           CHECK_MODES(nothing_is_lost_between_consumers),
           CHECK_MODES(a_topic_that_is_removed_ends_its_consumers))
