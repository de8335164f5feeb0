/* SPDX-License-Identifier: MIT */
/* Groups: they share the work within and nothing between them, and keep their
 * position. */
#include "conf.h"

enum { MANY = 60, MEMBERS = 4, LONGEST = 255 };

static struct {
    atomic_int got[MANY], left;
    weir_sub *members[MEMBERS];
} shared;

static void share(void *arg)
{
    weir_sub *s = arg;
    weir_message *m;
    int err;

    while ((err = weir_sub_recv(s, &m, NULL)) == 0) {
        must_eq(m->deliveries, 1);
        atomic_fetch_add(&shared.got[number(m)], 1);
        ack(m);
        if (atomic_fetch_sub(&shared.left, 1) == 1)
            for (int i = 0; i < MEMBERS; i++)
                close_now(shared.members[i]);
    }
    must_eq(err, WEIR_CLOSED);
}

CONFORMS(each_message_goes_to_one_of_the_group)
{
    weir_pub *p = pub_on("");

    atomic_store(&shared.left, MANY);
    for (int i = 0; i < MEMBERS; i++)
        shared.members[i] = worker();
    for (int i = 0; i < MEMBERS; i++)
        go(share, shared.members[i]);
    posts(p, 0, MANY);
    wait_all();
    for (int i = 0; i < MANY; i++)
        must_eq(shared.got[i], 1);
    for (int i = 0; i < MEMBERS; i++)
        weir_sub_free(shared.members[i]);
    weir_pub_free(p);
}

/* One that is busy leaves the rest to the others. */
CONFORMS(a_busy_one_holds_up_only_what_it_has)
{
    weir_pub *p = pub_on("");
    weir_sub *busy = sub_on((weir_sub_opts){.group = "g", .max_in_flight = 1});
    weir_sub *s = sub_on((weir_sub_opts){.group = "g"});
    weir_message *m;

    posts(p, 0, 10);
    m = take_nth(busy, 0, 1);
    expect(s, 1, 10);
    expect_nothing(s);
    ack(m);
    weir_sub_free(s);
    weir_sub_free(busy);
    weir_pub_free(p);
}

CONFORMS(groups_are_independent)
{
    weir_pub *p = pub_on("");
    weir_sub *a = sub_on((weir_sub_opts){.group = "a"});
    weir_sub *b = sub_on((weir_sub_opts){.group = "b"});

    posts(p, 0, 10);
    expect(a, 0, 10);
    must_eq(counts_of(a).waiting, 0);
    must_eq(counts_of(b).waiting, 10);
    expect(b, 0, 10);
    expect_nothing(a);
    expect_nothing(b);
    weir_sub_free(b);
    weir_sub_free(a);
    weir_pub_free(p);
}

CONFORMS(without_a_name_each_has_a_group_of_its_own)
{
    weir_pub *p = pub_on("");
    weir_sub *a = sub_on((weir_sub_opts){0}), *b = sub_on((weir_sub_opts){0});

    posts(p, 0, 10);
    must_eq(topic_of("events").groups, 2);
    expect(a, 0, 10);
    expect(b, 0, 5);
    weir_sub_free(b);
    must_eq(topic_of("events").groups, 1);
    b = sub_on((weir_sub_opts){0}); /* remembers nothing */
    expect(b, 0, 10);
    weir_sub_free(b);
    weir_sub_free(a);
    must_eq(topic_of("events").groups, 0);
    weir_pub_free(p);
}

CONFORMS(a_group_of_its_own_ends_with_the_last_message)
{
    weir_pub *p = pub_on("");
    weir_sub *own = sub_on((weir_sub_opts){0});
    weir_message *m[2];

    posts(p, 0, 2);
    m[0] = take_nth(own, 0, 1);
    m[1] = take_nth(own, 1, 1);
    weir_sub_free(own);
    must_eq(topic_of("events").groups, 1);
    ack(m[0]);
    must_eq(topic_of("events").groups, 1);
    drop(m[1]);
    must_eq(topic_of("events").groups, 0);
    weir_pub_free(p);
}

CONFORMS(a_position_outlives_its_subscriptions)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();

    posts(p, 0, 10);
    expect(s, 0, 5);
    weir_sub_free(s);
    weir_pub_free(p);
    p = pub_on("");
    posts(p, 10, 12);
    must_eq(topic_of("events").groups, 1);
    s = worker();
    must_eq(counts_of(s).waiting, 7);
    must_eq(counts_of(s).received, 0); /* since it was opened */
    expect(s, 5, 12);
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(where_to_begin_is_for_new_groups)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker(), *late;

    posts(p, 0, 4);
    expect(s, 0, 2);
    late = sub_on((weir_sub_opts){.group = "workers", .from = WEIR_FROM_END});
    expect(late, 2, 4);
    weir_sub_free(late);
    weir_sub_free(s);
    weir_pub_free(p);
}

static void expect_closed(void *arg)
{
    weir_message *m = NULL;

    must_eq(weir_sub_recv(arg, &m, NULL), WEIR_CLOSED);
    must(m == NULL);
}

CONFORMS(a_removed_group_ends_its_subscriptions)
{
    const char *url = conf_url("events", "");
    weir_pub *p = pub_on("");
    weir_sub *s = worker(), *mate = worker();
    weir_sub *other = sub_on((weir_sub_opts){.group = "other"});
    weir_message *m;

    posts(p, 0, 2);
    m = take_nth(s, 0, 1);
    expect(s, 1, 2);
    go(expect_closed, s);
    go(expect_closed, mate);
    settle();
    must_eq(weir_group_remove(url, "workers", NULL), 0);
    wait_all();
    must_eq(weir_sub_try_recv(s, &(weir_message *){NULL}), WEIR_CLOSED);
    must(weir_message_ack(m, NULL) < 0);
    weir_message_free(m);
    must_eq(weir_group_remove(url, "workers", NULL), -ENOENT);
    expect(other, 0, 2);
    weir_sub_free(mate);
    weir_sub_free(s);
    weir_sub_free(other);
    weir_pub_free(p);
}

CONFORMS(a_removed_group_begins_anew)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();

    posts(p, 0, 3);
    expect(s, 0, 3);
    weir_sub_free(s);
    must_eq(weir_group_remove(conf_url("events", ""), "workers", NULL), 0);
    must_eq(topic_of("events").groups, 0);
    s = worker();
    expect(s, 0, 3);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* An old handle and a new group of the same name have nothing in common. */
CONFORMS(what_a_removed_group_had_does_not_come_back)
{
    weir_pub *p = pub_on("");
    weir_sub *old = worker(), *s;
    weir_message *m;

    posts(p, 0, 2);
    m = take_nth(old, 0, 1);
    must_eq(weir_group_remove(conf_url("events", ""), "workers", NULL), 0);
    s = worker();
    ack(take_nth(s, 0, 1));
    weir_message_free(m);
    weir_sub_free(old);
    expect(s, 1, 2);
    expect_nothing(s);
    must_eq(topic_of("events").groups, 1);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(names_are_taken_as_they_are)
{
    char longest[LONGEST + 1];
    const char *const names[] = {
        longest, "a", "A", "a ", "'; DROP TABLE", "%61", "gr\xc3\xbc\xc3\x9f",
        "*",
    };
    enum { NAMES = sizeof names / sizeof names[0] };
    weir_pub *p = pub_on("");
    weir_sub *s[NAMES];

    memset(longest, 'g', LONGEST);
    longest[LONGEST] = '\0';
    for (int i = 0; i < NAMES; i++)
        s[i] = sub_on((weir_sub_opts){.group = names[i]});
    posts(p, 0, 2);
    must_eq(topic_of("events").groups, NAMES);
    for (int i = 0; i < NAMES; i++)
        expect(s[i], 0, 2);
    for (int i = 0; i < NAMES; i++)
        weir_sub_free(s[i]);
    for (int i = 0; i < NAMES; i++)
        must_eq(weir_group_remove(conf_url("events", ""), names[i], NULL), 0);
    must_eq(topic_of("events").groups, 0);
    weir_pub_free(p);
}

CONFORMS(topics_are_independent)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker(),
             *other = sub_of("other", (weir_sub_opts){.group = "workers"});

    posts(p, 0, 2);
    must_eq(topic_of("other").messages, 0);
    must_eq(topic_of("events").messages, 2);
    must_eq(weir_sub_try_recv(other, &(weir_message *){NULL}), WEIR_EMPTY);
    must_eq(weir_topic_remove(conf_url("other", ""), NULL), 0);
    expect(s, 0, 2);
    weir_sub_free(other);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONF_MAIN(CHECK_ENGINES(each_message_goes_to_one_of_the_group),
          CHECK_ENGINES(a_busy_one_holds_up_only_what_it_has),
          CHECK_ENGINES(groups_are_independent),
          CHECK_ENGINES(without_a_name_each_has_a_group_of_its_own),
          CHECK_ENGINES(a_group_of_its_own_ends_with_the_last_message),
          CHECK_ENGINES(a_position_outlives_its_subscriptions),
          CHECK_ENGINES(where_to_begin_is_for_new_groups),
          CHECK_ENGINES(a_removed_group_ends_its_subscriptions),
          CHECK_ENGINES(a_removed_group_begins_anew),
          CHECK_ENGINES(what_a_removed_group_had_does_not_come_back),
          CHECK_ENGINES(names_are_taken_as_they_are),
          CHECK_ENGINES(topics_are_independent))
