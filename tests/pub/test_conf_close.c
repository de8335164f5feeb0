/* SPDX-License-Identifier: MIT */
/* The ends of publishers, subscriptions and topics: who is waited for, who is
 * woken, what stays. */
#include "conf.h"

enum { WAITING = 4 };

/* ---- a publisher --------------------------------------------------------- */

CONFORMS(a_closed_publisher_publishes_nothing)
{
    weir_pub *p = pub_on("");
    weir_post one = {.event = NULL};

    post(p, 1);
    must_eq(weir_pub_close(p, NULL), 0);
    must_eq(post_with(p, 2, NULL, NULL, NULL), WEIR_CLOSED);
    must_eq(weir_pub_publish_n(p, &one, 1, NULL), WEIR_CLOSED);
    must_eq(weir_pub_close(p, NULL), 0);
    must_eq(weir_pub_close(p, ended()), 0);
    must(weir_pub_caps(p) == conf.caps);
    must_eq(topic_of("events").messages, 1);
    weir_pub_free(p);
}

CONFORMS(a_publisher_is_a_sink)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_sink *sink = weir_sink_ref(weir_pub_sink(p));
    weir_event *e = event_of(1, NULL);

    must_eq(weir_sink_write(sink, e, NULL), 0);
    must_eq(weir_sink_write(sink, e, NULL), 0); /* no id */
    weir_pub_free(p); /* the sink's reference is left */
    must_eq(weir_sink_write(sink, e, NULL), WEIR_CLOSED);
    must_eq(weir_sink_close(sink, NULL), 0);
    weir_sink_unref(sink);
    weir_event_unref(e);
    expect(s, 1, 2);
    expect(s, 1, 2);
    expect_nothing(s);
    weir_sub_free(s);
}

CONFORMS(a_closed_sink_is_a_closed_publisher)
{
    weir_pub *p = pub_on("");

    must_eq(weir_sink_close(weir_pub_sink(p), NULL), 0);
    must_eq(post_with(p, 1, NULL, NULL, NULL), WEIR_CLOSED);
    must_eq(weir_sink_write(weir_pub_sink(p), NULL, NULL), WEIR_CLOSED);
    weir_pub_free(p);
}

/* ---- a subscription ------------------------------------------------------ */

static void recv_closed(void *arg)
{
    weir_message *m = NULL;

    must_eq(weir_sub_recv(arg, &m, NULL), WEIR_CLOSED);
    must(m == NULL);
}

CONFORMS(a_close_wakes_who_receives)
{
    weir_sub *s = worker();

    for (int i = 0; i < WAITING; i++)
        go(recv_closed, s);
    settle();
    must_eq(weir_sub_close(s, NULL), 0);
    wait_all();
    recv_closed(s);
    must_eq(weir_sub_try_recv(s, &(weir_message *){NULL}), WEIR_CLOSED);
    must_eq(weir_sub_recv_n(s, &(weir_message *){NULL}, 1, NULL), WEIR_CLOSED);
    must_eq(weir_sub_close(s, NULL), 0);
    weir_sub_free(s);
}

struct closing {
    weir_sub *s;
    atomic_bool closed;
};

static void close_it(void *arg)
{
    struct closing *c = arg;

    must_eq(weir_sub_close(c->s, NULL), 0);
    atomic_store(&c->closed, true);
}

/* It waits for every message that was received, however it ends. */
CONFORMS(a_close_waits_for_what_is_in_hand)
{
    weir_pub *p = pub_on("");
    struct closing c = {
        sub_on((weir_sub_opts){.group = "workers", .max_in_flight = 4}), false};
    weir_message *m[4];

    posts(p, 0, 10);
    for (int i = 0; i < 4; i++)
        m[i] = take_nth(c.s, i, 1);
    go(close_it, &c);
    recv_closed(c.s); /* with so many in hand it waits until then */
    settle();
    must(!atomic_load(&c.closed));
    ack(m[0]);
    nak(m[1], 0);
    drop(m[2]);
    settle();
    must(!atomic_load(&c.closed));
    must_eq(weir_message_ack(m[3], NULL), 0); /* settled is enough */
    wait_all();
    weir_message_free(m[3]);
    weir_sub_free(c.s);
    c.s = worker();
    for (int left = 8; left > 0; left--) {
        m[0] = take(c.s);
        must_eq(m[0]->deliveries, number(m[0]) < 4 ? 2 : 1);
        must(number(m[0]) != 0 && number(m[0]) != 3);
        ack(m[0]);
    }
    expect_nothing(c.s);
    weir_sub_free(c.s);
    weir_pub_free(p);
}

CONFORMS(a_context_ends_the_wait_of_a_close)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m;
    weir_ctx soon;

    post(p, 0);
    m = take_nth(s, 0, 1);
    must_eq(weir_sub_close(s, ended()), WEIR_CANCELED);
    must_eq(weir_ctx_init_timeout(&soon, NULL, WEIR_MILLISECOND), 0);
    must_eq(weir_sub_close(s, &soon), WEIR_TIMEDOUT);
    must_eq(weir_ctx_fini(&soon), 0);
    recv_closed(s);
    must_eq(counts_of(s).in_flight, 1);
    ack(m);
    must_eq(weir_sub_close(s, ended()), 0);
    must_eq(counts_of(s).acked, 1); /* its own counts are still told */
    weir_sub_free(s);
    s = worker();
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* What the engine had fetched for it is not held back. */
CONFORMS(a_close_leaves_the_rest_to_the_others)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker(), *mate = worker();

    posts(p, 0, 20);
    ack(take_nth(s, 0, 1));
    must_eq(weir_sub_close(s, NULL), 0);
    for (int i = 1; i < 20; i++)
        ack(take(mate));
    expect_nothing(mate);
    must_eq(counts_of(mate).waiting + counts_of(mate).pending, 0);
    weir_sub_free(s);
    weir_sub_free(mate);
    weir_pub_free(p);
}

/* A drain: what is published before the end is dealt with before the end. */
static struct {
    weir_sub *s;
    atomic_int done;
} drain;

static void drain_all(void *arg)
{
    weir_sub_counts c;
    weir_message *m;

    do {
        while (weir_sub_try_recv(drain.s, &m) == 0) {
            ack(m);
            atomic_fetch_add(&drain.done, 1);
        }
        weir_yield();
        c = counts_of(drain.s);
    } while (c.waiting + c.pending > 0);
    (void)arg;
}

CONFORMS(a_topic_is_drained_by_its_counts)
{
    const int n = conf_many(200);
    weir_pub *p = pub_on("");

    drain.s = worker();
    posts(p, 0, n);
    must_eq(weir_pub_close(p, NULL), 0);
    for (int i = 0; i < WAITING; i++)
        go(drain_all, NULL);
    wait_all();
    must_eq(drain.done, n);
    weir_sub_free(drain.s);
    weir_pub_free(p);
}

/* ---- a topic ------------------------------------------------------------- */

CONFORMS(a_removed_topic_wakes_and_closes_all)
{
    const char *url = conf_url("events", "");
    weir_pub *p = pub_on("");
    weir_sub *s = worker(), *own = sub_on((weir_sub_opts){0});
    weir_message *m;

    posts(p, 0, 1);
    m = take_nth(s, 0, 1);
    expect(own, 0, 1);
    for (int i = 0; i < WAITING; i++)
        go(recv_closed, i % 2 == 0 ? s : own);
    settle();
    must_eq(weir_topic_remove(url, NULL), 0);
    wait_all();
    must_eq(post_with(p, 1, NULL, NULL, NULL), WEIR_CLOSED);
    must(weir_message_ack(m, NULL) < 0);
    weir_message_free(m);
    must_eq(weir_topic_remove(url, NULL), -ENOENT);
    must_eq(weir_topic_get_counts(url, &(weir_topic_counts){0}, NULL), -ENOENT);
    must_eq(weir_group_remove(url, "workers", NULL), -ENOENT);
    must_eq(weir_sub_close(s, NULL), 0);
    must_eq(weir_pub_close(p, NULL), 0);
    weir_sub_free(own);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* A new topic of that name has nothing of the old one, nor have old handles
 * anything to do with it. */
CONFORMS(a_removed_topic_begins_anew)
{
    weir_pub *old = pub_on(""), *p;
    weir_sub *gone = worker(), *s;
    weir_message *m;

    posts(old, 0, 5);
    m = take_nth(gone, 0, 1);
    must_eq(weir_topic_remove(conf_url("events", ""), NULL), 0);
    s = worker();
    p = pub_on("");
    must_eq(topic_of("events").messages, 0);
    must_eq(topic_of("events").groups, 1);
    posts(p, 5, 7);
    must_eq(post_with(old, 7, NULL, NULL, NULL), WEIR_CLOSED);
    must(weir_message_ack(m, NULL) < 0);
    must(weir_message_nak(m, 0, NULL) < 0);
    weir_message_free(m);
    weir_sub_free(gone);
    weir_pub_free(old);
    expect(s, 5, 7);
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(handles_end_in_any_order)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m;

    post(p, 1);
    m = take_nth(s, 1, 1);
    weir_sub_free(s);
    weir_pub_free(p);
    must_eq(weir_message_ack(m, NULL), 0);
    weir_message_free(m);
    s = worker();
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(NULL);
    weir_sub_free(NULL);
    weir_message_free(NULL);
}

CONF_MAIN(CHECK_ENGINES(a_closed_publisher_publishes_nothing),
          CHECK_ENGINES(a_publisher_is_a_sink),
          CHECK_ENGINES(a_closed_sink_is_a_closed_publisher),
          CHECK_ENGINES(a_close_wakes_who_receives),
          CHECK_ENGINES(a_close_waits_for_what_is_in_hand),
          CHECK_ENGINES(a_context_ends_the_wait_of_a_close),
          CHECK_ENGINES(a_close_leaves_the_rest_to_the_others),
          CHECK_ENGINES(a_topic_is_drained_by_its_counts),
          CHECK_ENGINES(a_removed_topic_wakes_and_closes_all),
          CHECK_ENGINES(a_removed_topic_begins_anew),
          CHECK_ENGINES(handles_end_in_any_order))
