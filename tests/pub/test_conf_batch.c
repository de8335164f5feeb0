/* SPDX-License-Identifier: MIT */
/* Many at a time: published, received, settled. */
#include "conf.h"

enum { N = 50 };

static void make(weir_post *all, int from, int n)
{
    for (int i = 0; i < n; i++)
        all[i] = (weir_post){.event = event_of(from + i, NULL), .seq = 99};
}

static void unmake(weir_post *all, int n)
{
    for (int i = 0; i < n; i++)
        weir_event_unref(all[i].event);
}

CONFORMS(a_batch_is_stored_in_its_order)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_post all[N];

    make(all, 0, N);
    must_eq(weir_pub_publish_n(p, all, N, NULL), N);
    for (int i = 0; i < N; i++) {
        weir_message *m = take_nth(s, i, 1);

        must(m->seq == all[i].seq);
        must(!all[i].duplicate);
        ack(m);
    }
    expect_nothing(s);
    unmake(all, N);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(a_batch_has_null_events)
{
    weir_post all[3] = {{.event = NULL}, {.event = NULL}, {.event = NULL}};
    weir_pub *p = pub_on("");
    weir_sub *s = worker();

    all[1].event = event_of(7, NULL);
    must_eq(weir_pub_publish_n(p, all, 3, NULL), 3);
    weir_event_unref(all[1].event);
    must_eq(topic_of("events").messages, 3);
    ack(take(s));
    ack(take_nth(s, 7, 1));
    ack(take(s));
    weir_sub_free(s);
    weir_pub_free(p);
}

/* As many as there is room for, from the first one on. */
CONFORMS(a_batch_is_cut_where_the_topic_is_full)
{
    weir_pub *p = pub_on("max_messages=5&on_full=error");
    weir_sub *s = worker();
    weir_post all[8];

    make(all, 0, 8);
    must_eq(weir_pub_publish_n(p, all, 8, NULL), 5);
    must_eq(weir_pub_publish_n(p, all + 5, 3, NULL), WEIR_FULL);
    must_eq(topic_of("events").messages, 5);
    expect(s, 0, 3);
    must_eq(weir_pub_publish_n(p, all + 5, 3, NULL), 3);
    expect(s, 3, 8);
    unmake(all, 8);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(a_batch_that_is_larger_than_the_topic_drops_its_own)
{
    weir_pub *p = pub_on("max_messages=5&on_full=drop-oldest");
    weir_sub *s = worker();
    weir_message *m;
    weir_post all[8];

    make(all, 0, 8);
    must_eq(weir_pub_publish_n(p, all, 8, NULL), 8);
    must_eq(topic_of("events").messages, 5);
    must_eq(counts_of(s).lost, 3);
    must_eq(weir_sub_recv(s, &m, NULL), WEIR_LAGGED);
    expect(s, 3, 8);
    unmake(all, 8);
    weir_sub_free(s);
    weir_pub_free(p);
}

static weir_pub *publisher;
static weir_post long_batch[N];

static void publish_batch(void *arg)
{
    int done = 0;

    while (done < N) {
        const ptrdiff_t n = weir_pub_publish_n(publisher, long_batch + done,
                                               (size_t)(N - done), NULL);

        must(n > 0 && n <= N - done);
        done += (int)n;
    }
    (void)arg;
}

CONFORMS_IF(block, a_batch_waits_for_room_and_loses_nothing)
{
    weir_sub *s = worker();

    publisher = pub_on("max_messages=5");
    make(long_batch, 0, N);
    go(publish_batch, NULL);
    expect(s, 0, N);
    wait_all();
    expect_nothing(s);
    must_eq(counts_of(s).lost, 0);
    unmake(long_batch, N);
    weir_sub_free(s);
    weir_pub_free(publisher);
}

/* What it says is stored is, also when the wait for the others is ended. */
CONFORMS_IF(block, an_ended_batch_says_how_many)
{
    weir_pub *p = pub_on("max_messages=5");
    weir_sub *s = worker();
    weir_post all[8];
    ptrdiff_t n;
    int stored;

    make(all, 0, 8);
    n = weir_pub_publish_n(p, all, 8, ended());
    must(n > 0 || n == WEIR_CANCELED);
    stored = (int)topic_of("events").messages;
    must(stored >= n && stored <= 5);
    expect(s, 0, stored);
    expect_nothing(s);
    unmake(all, 8);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* A bad one is not stored, nor is what comes behind it. */
CONFORMS_IF(dedup, a_bad_id_in_a_batch)
{
    weir_pub *p = pub_on("");
    weir_post all[4];
    ptrdiff_t n;

    make(all, 0, 4);
    all[2].id = "";
    n = weir_pub_publish_n(p, all, 4, NULL);
    must(n == 2 || n == WEIR_EINVAL);
    must_eq(topic_of("events").messages, n == 2 ? 2 : 0);
    unmake(all, 4);
    weir_pub_free(p);
}

CONFORMS(a_batch_of_none)
{
    weir_pub *p = pub_on("");
    weir_post none = {.event = NULL};

    must_eq(weir_pub_publish_n(p, &none, 0, NULL), 0);
    must_eq(topic_of("events").messages, 0);
    weir_pub_free(p);
}

CONFORMS(several_are_received_at_once)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m[N];
    ptrdiff_t got = 0;

    posts(p, 0, N);
    while (got < N) {
        const ptrdiff_t n =
            weir_sub_recv_n(s, m + got, (size_t)(N - got), NULL);

        must(n > 0 && n <= N - got);
        got += n;
    }
    for (int i = 0; i < N; i++)
        must_eq(number(m[i]), i);
    must_eq(counts_of(s).received, N);
    must_eq(weir_message_ack_n(m, N, NULL), 0);
    must_eq(counts_of(s).acked, N);
    for (int i = 0; i < N; i++)
        weir_message_free(m[i]);
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

static void publish_three(void *arg)
{
    posts(arg, 0, 3);
}

CONFORMS(only_the_first_is_waited_for)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m[N];
    ptrdiff_t n;

    go(publish_three, p);
    for (int i = 0; i < 3; i += (int)n) {
        n = weir_sub_recv_n(s, m + i, N, NULL);
        must(n > 0 && n <= 3 - i);
    }
    wait_all();
    for (int i = 0; i < 3; i++)
        ack(m[i]);
    must_eq(weir_sub_recv_n(s, m, N, ended()), WEIR_CANCELED);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* Those that were settled or are too late do not keep the others. */
CONFORMS(some_of_a_batch_were_settled)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m[6];

    posts(p, 0, 6);
    for (int i = 0; i < 6; i++)
        m[i] = take_nth(s, i, 1);
    must_eq(weir_message_ack(m[1], NULL), 0);
    must_eq(weir_message_nak(m[3], 0, NULL), 0);
    must_eq(weir_message_ack_n(m, 6, NULL), 0);
    must_eq(counts_of(s).acked, 5);
    must_eq(counts_of(s).naked, 1);
    must_eq(counts_of(s).in_flight, 0);
    for (int i = 0; i < 6; i++)
        weir_message_free(m[i]);
    ack(take_nth(s, 3, 2));
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(some_of_a_batch_are_too_late)
{
    weir_pub *p = pub_on("");
    weir_sub *s =
        sub_on((weir_sub_opts){.group = "g", .ack_wait = WEIR_MILLISECOND});
    weir_sub *calm = sub_on((weir_sub_opts){.group = "g"});
    weir_message *late, *again, *both[2];

    post(p, 0);
    late = take_nth(s, 0, 1);
    again = take_nth(calm, 0, 2);
    must_eq(weir_message_ack_n(&late, 1, NULL), 0);
    must_eq(counts_of(s).expired, 1);
    must_eq(counts_of(s).acked, 0);
    post(p, 1);
    both[0] = again;
    both[1] = take_nth(calm, 1, 1);
    must_eq(weir_message_ack_n(both, 2, NULL), 0);
    must_eq(counts_of(calm).acked, 2);
    weir_message_free(late);
    weir_message_free(both[0]);
    weir_message_free(both[1]);
    weir_sub_free(calm);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* The same one twice is settled once. */
CONFORMS(one_that_stands_twice_in_a_batch)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m[2];

    post(p, 0);
    m[0] = m[1] = take_nth(s, 0, 1);
    must_eq(weir_message_ack_n(m, 2, NULL), 0);
    must_eq(counts_of(s).acked, 1);
    weir_message_free(m[0]);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONF_MAIN(CHECK_ENGINES(a_batch_is_stored_in_its_order),
          CHECK_ENGINES(a_batch_has_null_events),
          CHECK_ENGINES(a_batch_is_cut_where_the_topic_is_full),
          CHECK_ENGINES(a_batch_that_is_larger_than_the_topic_drops_its_own),
          CHECK_ENGINES(a_batch_waits_for_room_and_loses_nothing),
          CHECK_ENGINES(an_ended_batch_says_how_many),
          CHECK_ENGINES(a_bad_id_in_a_batch), CHECK_ENGINES(a_batch_of_none),
          CHECK_ENGINES(several_are_received_at_once),
          CHECK_ENGINES(only_the_first_is_waited_for),
          CHECK_ENGINES(some_of_a_batch_were_settled),
          CHECK_ENGINES(some_of_a_batch_are_too_late),
          CHECK_ENGINES(one_that_stands_twice_in_a_batch))
