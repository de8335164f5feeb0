/* SPDX-License-Identifier: MIT */
/* Many at once: subscriptions, topics, handles that come and go while others
 * work. */
#include "conf.h"

enum { MANY = 100, MESSAGES = 10, PARTIES = 4 };

CONFORMS(many_groups_get_everything)
{
    const int n = conf_many(MANY);
    weir_pub *p = pub_on("");
    weir_sub *s[MANY];

    for (int i = 0; i < n; i++)
        s[i] = sub_on((weir_sub_opts){0});
    must_eq(topic_of("events").groups, n);
    posts(p, 0, MESSAGES);
    for (int i = 0; i < n; i++)
        expect(s[i], 0, MESSAGES);
    for (int i = 0; i < n; i++) {
        expect_nothing(s[i]);
        weir_sub_free(s[i]);
    }
    must_eq(topic_of("events").groups, 0);
    weir_pub_free(p);
}

static struct {
    weir_sub *subs[MANY];
    weir_pub *p;
    int n, messages;
    atomic_int next, left, got[MANY * MESSAGES];
} shared;

static void consume(void *arg)
{
    weir_sub *s = arg;
    weir_message *m;
    int err;

    while ((err = weir_sub_recv(s, &m, NULL)) == 0) {
        must_eq(atomic_fetch_add(&shared.got[number(m)], 1), 0);
        ack(m);
        if (atomic_fetch_sub(&shared.left, 1) == 1)
            for (int i = 0; i < shared.n; i++)
                close_now(shared.subs[i]);
    }
    must_eq(err, WEIR_CLOSED);
}

CONFORMS(many_share_one_group)
{
    weir_pub *p = pub_on("");

    shared.n = conf_many(MANY);
    shared.left = shared.n * MESSAGES;
    for (int i = 0; i < shared.n; i++) {
        shared.subs[i] = worker();
        must_eq(topic_of("events").groups, 1);
    }
    for (int i = 0; i < shared.n; i++)
        go(consume, shared.subs[i]);
    posts(p, 0, shared.n * MESSAGES);
    wait_all();
    for (int i = 0; i < shared.n; i++)
        weir_sub_free(shared.subs[i]);
    weir_pub_free(p);
}

CONFORMS(many_topics)
{
    const int n = conf_many(MANY);
    char name[32];

    for (int i = 0; i < n; i++) {
        weir_pub *p = NULL;
        weir_sub *s;

        snprintf(name, sizeof name, "topic-%d", i);
        must_eq(weir_pub_open(&p, conf_url(name, ""), NULL), 0);
        post(p, i);
        weir_pub_free(p);
        s = sub_of(name, (weir_sub_opts){.group = "g"});
        expect(s, i, i + 1);
        expect_nothing(s);
        weir_sub_free(s);
    }
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "topic-%d", i);
        must_eq(topic_of(name).messages, 1);
        must_eq(weir_topic_remove(conf_url(name, ""), NULL), 0);
    }
}

/* One handle, used by several at once. */
static void publish_next(void *arg)
{
    int i;

    while ((i = atomic_fetch_add(&shared.next, 1)) < shared.messages)
        post(shared.p, i);
    (void)arg;
}

CONFORMS(one_handle_serves_many_parties)
{
    shared.messages = MANY * MESSAGES / (conf.stores ? 4 : 1);
    shared.left = shared.messages;
    shared.n = 1;
    shared.p = pub_on("");
    shared.subs[0] = worker();
    for (int i = 0; i < PARTIES; i++) {
        go(publish_next, NULL);
        go(consume, shared.subs[0]);
    }
    wait_all();
    for (int i = 0; i < shared.messages; i++)
        must_eq(shared.got[i], 1);
    weir_sub_free(shared.subs[0]);
    weir_pub_free(shared.p);
}

/* Who settles a message, and frees it, need not be who received it. */
WEIR_CHAN(messages, weir_message *);

static messages *handed;

static void receive_for_others(void *arg)
{
    for (int i = 0; i < shared.messages; i++)
        must_eq(messages_send(handed, take(arg), NULL), 0);
    must_eq(messages_close(handed), 0);
}

static void settle_for_another(void *arg)
{
    weir_message *m;

    while (messages_recv(handed, &m, NULL) == 0) {
        must_eq(atomic_fetch_add(&shared.got[number(m)], 1), 0);
        ack(m);
    }
    (void)arg;
}

CONFORMS(messages_change_hands)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();

    shared.messages = conf_many(200);
    handed = messages_new(10);
    posts(p, 0, shared.messages);
    go(receive_for_others, s);
    for (int i = 0; i < PARTIES; i++)
        go(settle_for_another, NULL);
    wait_all();
    for (int i = 0; i < shared.messages; i++)
        must_eq(shared.got[i], 1);
    must_eq(counts_of(s).acked, shared.messages);
    expect_nothing(s);
    messages_unref(handed);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* Subscriptions that live for some messages each, as workers that are
 * restarted: none of what they had in hand is lost. */
static void consume_and_go(void *arg)
{
    while (atomic_load(&shared.left) > 0) {
        weir_sub *s = worker();
        weir_message *m;

        for (int i = 0; i < 5 && weir_sub_try_recv(s, &m) == 0; i++) {
            if (i == 4) {
                drop(m);
                break;
            }
            must_eq(atomic_fetch_add(&shared.got[number(m)], 1), 0);
            ack(m);
            atomic_fetch_sub(&shared.left, 1);
        }
        weir_sub_free(s);
        weir_yield();
    }
    (void)arg;
}

CONFORMS(subscriptions_come_and_go)
{
    shared.messages = conf_many(check_scale(400));
    shared.left = shared.messages;
    shared.p = pub_on("");
    weir_sub_free(worker());
    for (int i = 0; i < PARTIES; i++) {
        go(publish_next, NULL);
        go(consume_and_go, NULL);
    }
    wait_all();
    for (int i = 0; i < shared.messages; i++)
        must_eq(shared.got[i], 1);
    weir_pub_free(shared.p);
}

/* Topics that are removed while they are used: every call ends, with what it
 * is for or with WEIR_CLOSED, and a new topic begins. */
static atomic_bool over;
static atomic_uint moves; /* calls that have ended */

static void publish_into_the_void(void *arg)
{
    while (!atomic_load(&over)) {
        weir_pub *p =
            pub_on(conf.caps->block ? "max_messages=5"
                                    : "max_messages=5&on_full=drop-oldest");
        int err;

        while ((err = post_with(p, 1, NULL, NULL, NULL)) == 0) {
            atomic_fetch_add(&moves, 1);
            weir_yield(); /* where no full topic holds it back */
        }
        must_eq(err, WEIR_CLOSED);
        atomic_fetch_add(&moves, 1);
        weir_pub_free(p);
    }
    (void)arg;
}

static void receive_from_the_void(void *arg)
{
    while (!atomic_load(&over)) {
        weir_sub *s = worker();
        weir_message *m;
        int err;

        while ((err = weir_sub_recv(s, &m, NULL)) == 0 || err == WEIR_LAGGED) {
            const int settled = err ? 0 : weir_message_ack(m, NULL);

            must(settled <= 0 && settled != WEIR_EINVAL);
            weir_message_free(m);
            atomic_fetch_add(&moves, 1);
        }
        must_eq(err, WEIR_CLOSED);
        atomic_fetch_add(&moves, 1);
        weir_sub_free(s);
    }
    (void)arg;
}

/* Until they have got somewhere: a number of yields is next to nothing where
 * they are tasks, and very much where a machine is slow. */
static void let_them_move(void)
{
    const unsigned before = atomic_load(&moves);

    while (atomic_load(&moves) - before < 4 * PARTIES)
        weir_yield();
}

static void remove_again_and_again(void *arg)
{
    const int times = conf_many(check_scale(200));

    for (int i = 0; i < times; i++) {
        const int err = weir_topic_remove(arg, NULL);

        must(err == 0 || err == -ENOENT);
        let_them_move();
    }
    atomic_store(&over, true);
}

static void remove_the_last(void *arg)
{
    while (atomic_load(&shared.next) < 2 * PARTIES) {
        (void)weir_topic_remove(arg, NULL);
        weir_yield();
    }
}

static void publisher_party(void *arg)
{
    publish_into_the_void(arg);
    atomic_fetch_add(&shared.next, 1);
}

static void subscriber_party(void *arg)
{
    receive_from_the_void(arg);
    atomic_fetch_add(&shared.next, 1);
}

CONFORMS(topics_are_removed_while_they_are_used)
{
    char url[512];

    snprintf(url, sizeof url, "%s", conf_url("events", ""));
    for (int i = 0; i < PARTIES; i++) {
        go(publisher_party, NULL);
        go(subscriber_party, NULL);
    }
    remove_again_and_again(url);
    remove_the_last(url); /* whoever came in behind it */
    wait_all();
}

CONF_MAIN(CHECK_ENGINES(many_groups_get_everything),
          CHECK_ENGINES(many_share_one_group), CHECK_ENGINES(many_topics),
          CHECK_ENGINES(one_handle_serves_many_parties),
          CHECK_ENGINES(messages_change_hands),
          CHECK_ENGINES(subscriptions_come_and_go),
          CHECK_ENGINES(topics_are_removed_while_they_are_used))
