/* SPDX-License-Identifier: MIT */
/* Limits of a topic: what they take away is told, what is too large refused. */
#include "conf.h"

enum { LARGE = 4000 };

/* Receives the next message of a group that may have lost some: it is told so
 * before, and only then. */
static void expect_after_loss(weir_sub *s, int n)
{
    weir_message *m = NULL;

    must_eq(weir_sub_recv(s, &m, NULL), WEIR_LAGGED);
    must(m == NULL);
    expect(s, n, n + 1);
}

CONFORMS(the_oldest_make_room_and_are_counted)
{
    weir_pub *p = pub_on("max_messages=3&on_full=drop-oldest");
    weir_sub *s = worker();

    posts(p, 0, 5);
    must_eq(topic_of("events").messages, 3);
    must_eq(counts_of(s).lost, 2);
    must_eq(counts_of(s).waiting, 3);
    expect_after_loss(s, 2);
    expect(s, 3, 5);
    posts(p, 5, 8); /* what was settled goes first */
    expect(s, 5, 8);
    must_eq(counts_of(s).lost, 2);
    posts(p, 8, 20);
    expect_after_loss(s, 17);
    expect(s, 18, 20);
    must_eq(counts_of(s).lost, 2 + 9);
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(a_loss_is_told_to_who_lost)
{
    weir_pub *p = pub_on("max_messages=3&on_full=drop-oldest");
    weir_sub *fast = sub_on((weir_sub_opts){.group = "fast"});
    weir_sub *slow = sub_on((weir_sub_opts){.group = "slow"});

    posts(p, 0, 3);
    expect(fast, 0, 3);
    posts(p, 3, 5);
    expect(fast, 3, 5);
    must_eq(counts_of(fast).lost, 0);
    must_eq(counts_of(slow).lost, 2);
    expect_after_loss(slow, 2);
    weir_sub_free(slow);
    weir_sub_free(fast);
    weir_pub_free(p);
}

CONFORMS(without_groups_nobody_loses)
{
    weir_pub *p = pub_on("max_messages=3&on_full=drop-oldest");
    weir_sub *s;

    posts(p, 0, 10);
    s = worker();
    must_eq(counts_of(s).lost, 0);
    expect(s, 7, 10);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* The limit takes what was delivered and not settled as well; settling it is
 * too late then, and it is accounted for once. */
CONFORMS(what_is_in_work_may_be_lost)
{
    weir_pub *p = pub_on("max_messages=2&on_full=drop-oldest");
    weir_sub *s = worker();
    weir_message *m, *kept;

    posts(p, 0, 2);
    m = take_nth(s, 0, 1);
    kept = take_nth(s, 1, 1);
    post(p, 2);
    must_eq(number(m), 0); /* the handle stays valid */
    must_eq(counts_of(s).lost, 1);
    must_eq(counts_of(s).pending, 1);
    must_eq(weir_message_ack(m, NULL), WEIR_EXPIRED);
    weir_message_free(m);
    ack(kept);
    expect_after_loss(s, 2);
    expect_nothing(s);
    must_eq(counts_of(s).waiting + counts_of(s).pending, 0);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(an_error_refuses_and_stores_nothing)
{
    weir_pub *p = pub_on("max_messages=2&on_full=error");
    weir_sub *s = worker();

    posts(p, 0, 2);
    must_eq(post_with(p, 2, NULL, NULL, NULL), WEIR_FULL);
    must_eq(topic_of("events").messages, 2);
    expect(s, 0, 1);
    post(p, 3);
    must_eq(post_with(p, 4, NULL, NULL, NULL), WEIR_FULL);
    expect(s, 1, 2);
    expect(s, 3, 4);
    expect_nothing(s);
    must_eq(counts_of(s).lost, 0);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(without_groups_nothing_counts_as_settled)
{
    weir_pub *p = pub_on("max_messages=2&on_full=error");
    weir_sub *s;

    posts(p, 0, 2);
    must_eq(post_with(p, 2, NULL, NULL, NULL), WEIR_FULL);
    s = sub_on((weir_sub_opts){0});
    must_eq(post_with(p, 2, NULL, NULL, NULL), WEIR_FULL);
    expect(s, 0, 2);
    weir_sub_free(s);
    must_eq(post_with(p, 2, NULL, NULL, NULL), WEIR_FULL);
    weir_pub_free(p);
}

/* Only what all of them have settled makes room. */
CONFORMS(the_slowest_group_decides)
{
    weir_pub *p = pub_on("max_messages=2&on_full=error");
    weir_sub *a = sub_on((weir_sub_opts){.group = "a"});
    weir_sub *b = sub_on((weir_sub_opts){.group = "b"});
    weir_message *m;

    posts(p, 0, 2);
    expect(a, 0, 2);
    must_eq(post_with(p, 2, NULL, NULL, NULL), WEIR_FULL);
    m = take_nth(b, 0, 1);
    must_eq(post_with(p, 2, NULL, NULL, NULL), WEIR_FULL);
    ack(m);
    post(p, 2);
    expect(b, 1, 3);
    expect(a, 2, 3);
    weir_sub_free(b);
    weir_sub_free(a);
    weir_pub_free(p);
}

/* What all had settled counts no more once there is one that has not. */
CONFORMS(a_new_group_keeps_what_it_has_not_settled)
{
    weir_pub *p = pub_on("max_messages=3&on_full=error");
    weir_sub *s = worker(), *late;

    posts(p, 0, 3);
    expect(s, 0, 3);
    post(p, 3);
    expect(s, 3, 4);
    late = sub_on((weir_sub_opts){.group = "late"});
    must_eq(post_with(p, 4, NULL, NULL, NULL), WEIR_FULL);
    expect(late, 1, 2);
    post(p, 4);
    must_eq(post_with(p, 5, NULL, NULL, NULL), WEIR_FULL);
    expect(late, 2, 5);
    must_eq(counts_of(late).lost, 0);
    expect(s, 4, 5);
    weir_sub_free(late);
    weir_sub_free(s);
    weir_pub_free(p);
}

static int post_large(weir_pub *p, size_t size)
{
    char *payload = calloc(1, size);
    const weir_event_opts o = {.payload = payload, .size = size};
    weir_event *e = NULL;
    int err;

    must(payload != NULL);
    must_eq(weir_event_new(&e, &o), 0);
    err = weir_pub_publish(p, e, NULL, NULL);
    weir_event_unref(e);
    free(payload);
    return err;
}

CONFORMS(bytes_are_a_limit)
{
    weir_pub *p = pub_on("max_bytes=10000&on_full=error");
    weir_sub *s = worker();

    must_eq(post_large(p, LARGE), 0);
    must_eq(post_large(p, LARGE), 0);
    must_eq(post_large(p, LARGE), WEIR_FULL);
    must(topic_of("events").bytes >= (uint64_t)2 * LARGE);
    must(topic_of("events").bytes <= 10000);
    post(p, 1); /* a small one fits */
    ack(take(s));
    must_eq(post_large(p, LARGE), 0);
    must_eq(topic_of("events").messages, 3);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(the_oldest_make_room_in_bytes)
{
    weir_pub *p = pub_on("max_bytes=10000&on_full=drop-oldest");
    weir_sub *s = worker();

    posts(p, 0, 3);
    must_eq(post_large(p, LARGE), 0);
    must_eq(post_large(p, 9000), 0); /* all the others go */
    must_eq(topic_of("events").messages, 1);
    must_eq(counts_of(s).lost, 4);
    must(topic_of("events").bytes <= 10000);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(what_can_never_fit_is_refused)
{
    weir_pub *p = pub_on("max_bytes=10000&on_full=error");
    weir_pub *other = pub_on("max_bytes=10000&on_full=drop-oldest");
    weir_sub *s = worker();

    post(p, 0);
    must_eq(post_large(p, 10001), WEIR_LIMIT);
    must_eq(post_large(other, 100000), WEIR_LIMIT);
    must_eq(topic_of("events").messages, 1);
    must_eq(counts_of(s).lost, 0);
    expect(s, 0, 1);
    weir_sub_free(s);
    weir_pub_free(other);
    weir_pub_free(p);
}

CONFORMS(an_event_is_as_large_as_the_engine_says)
{
    weir_pub *p = pub_on("");

    must(conf.caps->max_message > 0);
    if (conf.caps->max_message < (uint64_t)32 << 20)
        must_eq(post_large(p, (size_t)conf.caps->max_message + 1), WEIR_LIMIT);
    must_eq(topic_of("events").messages, 0);
    weir_pub_free(p);
}

/* They go by themselves, without a publish that looks after them. */
CONFORMS(none_is_older_than_max_age)
{
    weir_pub *p = pub_on("max_age=10ms");
    weir_sub *s = worker();
    weir_message *m = NULL;

    posts(p, 0, 3);
    while (topic_of("events").messages > 0)
        weir_yield();
    must_eq(counts_of(s).waiting, 0);
    must_eq(counts_of(s).lost, 3);
    must_eq(weir_sub_try_recv(s, &m), WEIR_LAGGED);
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(what_was_settled_in_time_is_not_lost)
{
    weir_pub *p = pub_on("max_age=1h");
    weir_sub *s = worker();

    posts(p, 0, 3);
    expect(s, 0, 3);
    must_eq(counts_of(s).lost, 0);
    must_eq(topic_of("events").messages, 3);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* The limits are those of who publishes. */
CONFORMS(limits_belong_to_a_publisher)
{
    weir_pub *wide = pub_on("");
    weir_pub *narrow = pub_on("max_messages=2&on_full=error");
    weir_sub *s = worker();

    posts(wide, 0, 5);
    must_eq(post_with(narrow, 5, NULL, NULL, NULL), WEIR_FULL);
    posts(wide, 5, 6);
    expect(s, 0, 6);
    post(narrow, 6);
    must_eq(topic_of("events").messages, 2);
    expect(s, 6, 7);
    weir_sub_free(s);
    weir_pub_free(narrow);
    weir_pub_free(wide);
}

CONF_MAIN(CHECK_ENGINES(the_oldest_make_room_and_are_counted),
          CHECK_ENGINES(a_loss_is_told_to_who_lost),
          CHECK_ENGINES(without_groups_nobody_loses),
          CHECK_ENGINES(what_is_in_work_may_be_lost),
          CHECK_ENGINES(an_error_refuses_and_stores_nothing),
          CHECK_ENGINES(without_groups_nothing_counts_as_settled),
          CHECK_ENGINES(the_slowest_group_decides),
          CHECK_ENGINES(a_new_group_keeps_what_it_has_not_settled),
          CHECK_ENGINES(bytes_are_a_limit),
          CHECK_ENGINES(the_oldest_make_room_in_bytes),
          CHECK_ENGINES(what_can_never_fit_is_refused),
          CHECK_ENGINES(an_event_is_as_large_as_the_engine_says),
          CHECK_ENGINES(none_is_older_than_max_age),
          CHECK_ENGINES(what_was_settled_in_time_is_not_lost),
          CHECK_ENGINES(limits_belong_to_a_publisher))
