/* SPDX-License-Identifier: MIT */
/* In which order messages come: of a topic, of a publisher, of a key. */
#include "conf.h"

enum { MANY = 100, PUBLISHERS = 4, EACH = 40, WORKERS = 4, KEYS = 5 };

/* ---- a topic ------------------------------------------------------------- */

CONFORMS(a_topic_keeps_the_order)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    uint64_t last = 0;

    posts(p, 0, MANY);
    for (int i = 0; i < MANY; i++) {
        weir_message *m = take_nth(s, i, 1);

        must(m->seq > last);
        last = m->seq;
        ack(m);
    }
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

struct publisher {
    weir_pub *p;
    int from;
};

static void publish_each(void *arg)
{
    const struct publisher *me = arg;

    posts(me->p, me->from, me->from + EACH);
}

CONFORMS(every_group_sees_one_order_which_is_that_of_each_publisher)
{
    weir_pub *p = pub_on("");
    weir_sub *a = sub_on((weir_sub_opts){.group = "a"});
    weir_sub *b = sub_on((weir_sub_opts){.group = "b"});
    struct publisher all[PUBLISHERS];
    int last[PUBLISHERS];

    for (int i = 0; i < PUBLISHERS; i++) {
        all[i] = (struct publisher){p, i * EACH};
        last[i] = i * EACH - 1;
        go(publish_each, &all[i]);
    }
    for (int i = 0; i < PUBLISHERS * EACH; i++) {
        weir_message *m = take(a), *same = take(b);
        const int n = number(m);

        must_eq(number(same), n);
        must(same->seq == m->seq);
        must_eq(n, ++last[n / EACH]);
        ack(m);
        ack(same);
    }
    wait_all();
    weir_sub_free(a);
    weir_sub_free(b);
    weir_pub_free(p);
}

CONFORMS(without_keys_nothing_waits_for_an_ack)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m[3];

    posts(p, 0, 3);
    for (int i = 0; i < 3; i++)
        m[i] = take_nth(s, i, 1);
    for (int i = 2; i >= 0; i--)
        ack(m[i]);
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* ---- a key --------------------------------------------------------------- */

CONFORMS_IF(key_order, the_next_of_a_key_waits_for_the_one_before)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m;
    post_key(p, 1, "a");
    post_key(p, 2, "a");
    post_key(p, 3, "a");
    post_key(p, 4, "b");
    post(p, 5);
    m = take_nth(s, 1, 1);
    expect(s, 4, 6);
    expect_nothing(s);
    ack(m);
    m = take_nth(s, 2, 1);
    expect_nothing(s);
    ack(m);
    expect(s, 3, 4);
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(a_key_holds_up_other_subscriptions_of_its_group_only)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker(), *mate = worker();
    weir_sub *other = sub_on((weir_sub_opts){.group = "other"});
    weir_message *m;

    post_key(p, 1, "a");
    post_key(p, 2, "a");
    m = take_nth(s, 1, 1);
    if (conf.caps->key_order)
        expect_nothing(mate);
    expect(other, 1, 3);
    ack(m);
    expect(mate, 2, 3);
    weir_sub_free(other);
    weir_sub_free(mate);
    weir_sub_free(s);
    weir_pub_free(p);
}

static void expect_two(void *arg)
{
    expect(arg, 2, 3);
}

CONFORMS_IF(key_order, who_waits_for_the_next_is_woken_by_the_ack)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker(), *mate = worker();
    weir_message *m;

    post_key(p, 1, "a");
    post_key(p, 2, "a");
    m = take_nth(s, 1, 1);
    go(expect_two, mate);
    settle();
    ack(m);
    wait_all();
    weir_sub_free(mate);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF_BOTH(key_order, delay,
                 what_is_given_back_comes_before_those_behind_it)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    for (int n = 1; n <= 3; n++)
        post_key(p, n, "a");
    nak(take_nth(s, 1, 1), 0);
    drop(take_nth(s, 1, 2));
    nak(take_nth(s, 1, 3), AN_HOUR);
    expect_nothing(s); /* the others of the key come after it */
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(key_order, what_has_expired_comes_before_those_behind_it)
{
    weir_pub *p = pub_on("");
    weir_sub *hasty =
        sub_on((weir_sub_opts){.group = "g", .ack_wait = WEIR_MILLISECOND});
    weir_sub *s = sub_on((weir_sub_opts){.group = "g"});
    weir_message *m;

    for (int n = 1; n <= 3; n++)
        post_key(p, n, "a");
    m = take_nth(hasty, 1, 1);
    ack(take_nth(s, 1, 2));
    expect(s, 2, 4);
    expect_nothing(s);
    weir_message_free(m);
    weir_sub_free(s);
    weir_sub_free(hasty);
    weir_pub_free(p);
}

CONFORMS_IF_BOTH(key_order, dead_letter, a_dead_one_makes_way_for_its_key)
{
    weir_pub *p = pub_on("");
    weir_sub *s = sub_on((weir_sub_opts){.group = "g", .max_deliveries = 1});
    for (int n = 1; n <= 3; n++)
        post_key(p, n, "a");
    term(take_nth(s, 1, 1));
    nak(take_nth(s, 2, 1), 0);
    expect(s, 3, 4);
    weir_sub_free(s);
    weir_pub_free(p);
}

static void post_bytes(weir_pub *p, int n, const void *key, size_t size)
{
    weir_event *e = NULL;
    const weir_event_opts o = {
        .key = key, .key_size = size, .payload = &n, .size = sizeof n};

    must_eq(weir_event_new(&e, &o), 0);
    must_eq(weir_pub_publish(p, e, NULL, NULL), 0);
    weir_event_unref(e);
}

CONFORMS_IF(key_order, keys_are_compared_byte_by_byte)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m[4];
    post_bytes(p, 0, "k\0a", 3);
    post_bytes(p, 1, "k\0b", 3);
    post_bytes(p, 2, "k", 1);
    post_bytes(p, 3, "k\0", 2);
    post_bytes(p, 4, "k\0a", 3);
    for (int i = 0; i < 4; i++)
        m[i] = take_nth(s, i, 1);
    expect_nothing(s);
    ack(m[1]);
    ack(m[2]);
    ack(m[3]);
    expect_nothing(s);
    ack(m[0]);
    expect(s, 4, 5);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* ---- keys among many workers --------------------------------------------- */

static struct {
    weir_pub *p;
    atomic_int in_hand[KEYS], next[KEYS], left;
} work;

/* A worker gives back a third of what it gets. While it has one of a key
 * nobody else has, and what it is done with is the next in the order. */
static void work_by_key(void *arg)
{
    weir_sub *s = arg;
    weir_message *m;
    unsigned turn = 0;
    int err;

    while ((err = weir_sub_recv(s, &m, NULL)) == 0) {
        const int n = number(m), key = n % KEYS;

        must_eq(atomic_fetch_add(&work.in_hand[key], 1), 0);
        must_eq(n / KEYS, atomic_load(&work.next[key]));
        weir_yield();
        if (++turn % 3 == 0) {
            atomic_fetch_sub(&work.in_hand[key], 1);
            nak(m, 0);
            continue;
        }
        atomic_fetch_add(&work.next[key], 1);
        atomic_fetch_sub(&work.in_hand[key], 1);
        ack(m);
        if (atomic_fetch_sub(&work.left, 1) == 1)
            must_eq(weir_topic_remove(conf_url("events", ""), NULL), 0);
    }
    must_eq(err, WEIR_CLOSED);
    weir_sub_free(s);
}

CONFORMS_IF(key_order, a_key_keeps_its_order_among_workers_that_give_back)
{
    const int n = conf_many(check_scale(400)) / KEYS * KEYS;
    weir_pub *p = pub_on("");
    char key[2] = "a";

    atomic_store(&work.left, n);
    for (int i = 0; i < WORKERS; i++)
        go(work_by_key, worker());
    for (int i = 0; i < n; i++) {
        key[0] = (char)('a' + i % KEYS);
        post_key(p, i, key);
    }
    wait_all(); /* the last one removed the topic, which ended all */
    for (int i = 0; i < KEYS; i++)
        must_eq(work.next[i], n / KEYS);
    weir_pub_free(p);
}

CONF_MAIN(
    CHECK_ENGINES(a_topic_keeps_the_order),
    CHECK_ENGINES(every_group_sees_one_order_which_is_that_of_each_publisher),
    CHECK_ENGINES(without_keys_nothing_waits_for_an_ack),
    CHECK_ENGINES(the_next_of_a_key_waits_for_the_one_before),
    CHECK_ENGINES(a_key_holds_up_other_subscriptions_of_its_group_only),
    CHECK_ENGINES(who_waits_for_the_next_is_woken_by_the_ack),
    CHECK_ENGINES(what_is_given_back_comes_before_those_behind_it),
    CHECK_ENGINES(what_has_expired_comes_before_those_behind_it),
    CHECK_ENGINES(a_dead_one_makes_way_for_its_key),
    CHECK_ENGINES(keys_are_compared_byte_by_byte),
    CHECK_ENGINES(a_key_keeps_its_order_among_workers_that_give_back))
