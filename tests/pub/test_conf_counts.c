/* SPDX-License-Identifier: MIT */
/* Counts: of a subscription, of its group, of a topic. They balance at any
 * instant, also while everybody works. */
#include "conf.h"

enum { WORKERS = 4, PUBLISHERS = 2 };

static void must_balance(const weir_sub_counts *c)
{
    must_eq(c->received, c->acked + c->naked + c->termed + c->expired +
                             c->returned + c->in_flight);
    must(c->redelivered <= c->received);
}

CONFORMS(each_end_has_a_count)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_sub_counts c;
    weir_message *m;

    posts(p, 0, 6);
    c = counts_of(s);
    must_eq(c.received + c.pending + c.dead + c.lost + c.in_flight, 0);
    must_eq(c.waiting, 6);
    ack(take_nth(s, 0, 1));
    nak(take_nth(s, 1, 1), conf.caps->delay ? AN_HOUR : 0);
    if (!conf.caps->delay)
        ack(take_nth(s, 1, 2));
    if (conf.caps->dead_letter)
        term(take_nth(s, 2, 1));
    else
        ack(take_nth(s, 2, 1));
    drop(take_nth(s, 3, 1));
    m = take_nth(s, 3, 2);
    c = counts_of(s);
    must_balance(&c);
    must_eq(c.acked, conf.caps->dead_letter ? 1 : 2 + !conf.caps->delay);
    must_eq(c.naked, 1);
    must_eq(c.termed, conf.caps->dead_letter);
    must_eq(c.dead, conf.caps->dead_letter);
    must_eq(c.returned, 1);
    must_eq(c.in_flight, 1);
    must_eq(c.pending, 1);
    must_eq(c.waiting, 2 + conf.caps->delay);
    ack(m);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(a_group_s_counts_are_those_of_all_its_subscriptions)
{
    weir_pub *p = pub_on("");
    weir_sub *a = worker(), *b = worker();
    weir_message *m[2];

    posts(p, 0, 5);
    m[0] = take_nth(a, 0, 1);
    m[1] = take_nth(b, 1, 1);
    must_eq(counts_of(a).pending, 2);
    must_eq(counts_of(b).pending, 2);
    must_eq(counts_of(a).waiting, 3);
    must_eq(counts_of(a).in_flight, 1);
    must_eq(counts_of(b).received, 1);
    ack(m[0]);
    must_eq(counts_of(b).pending, 1);
    must_eq(counts_of(b).acked, 0);
    ack(m[1]);
    weir_sub_free(b);
    weir_sub_free(a);
    weir_pub_free(p);
}

CONFORMS(a_topic_counts_what_it_keeps)
{
    weir_pub *p = pub_on("");
    weir_topic_counts c = topic_of("events");

    must_eq(c.messages + c.bytes + c.last + c.groups, 0);
    posts(p, 0, 3);
    c = topic_of("events");
    must_eq(c.messages, 3);
    must(c.bytes >= 3 * sizeof(int));
    must(c.first >= 1 && c.first < c.last);
    weir_sub_free(worker());
    must_eq(topic_of("events").groups, 1);
    weir_pub_free(p);
    p = pub_on("max_messages=1&on_full=drop-oldest");
    post(p, 3);
    must(topic_of("events").last > c.last);
    must(topic_of("events").first == topic_of("events").last);
    must(topic_of("events").bytes < c.bytes);
    must_eq(topic_of("events").messages, 1);
    weir_pub_free(p);
}

/* A topic without messages remembers the newest ever. */
CONFORMS(the_last_number_is_not_forgotten)
{
    weir_pub *p = pub_on("max_age=5ms");
    uint64_t last;

    posts(p, 0, 3);
    last = topic_of("events").last;
    must(last >= 3);
    while (topic_of("events").messages > 0)
        weir_yield();
    must(topic_of("events").last == last);
    must_eq(topic_of("events").bytes, 0);
    post(p, 3);
    must(topic_of("events").last > last);
    weir_pub_free(p);
}

/* ---- under load ---------------------------------------------------------- */

/* Publishes that have returned and messages whose end has begun: what the
 * group's counts must lie between. */
static struct {
    weir_pub *p;
    weir_sub *subs[WORKERS];
    int each;
    atomic_int published, ending, acked;
    atomic_bool over;
} load;

static void publish(void *arg)
{
    for (int i = 0; i < load.each; i++) {
        post(load.p, i);
        atomic_fetch_add(&load.published, 1);
    }
    (void)arg;
}

/* Ends messages in each way in turn; those that come back are acked. */
static void work(void *arg)
{
    weir_sub *s = arg;
    weir_message *m;
    unsigned turn = 0;
    int err;

    while ((err = weir_sub_recv(s, &m, NULL)) == 0) {
        switch (turn++ % 4) {
        case 0:
            nak(m, 0);
            break;
        case 1:
            drop(m);
            break;
        default:
            atomic_fetch_add(&load.ending, 1);
            ack(m);
            if (atomic_fetch_add(&load.acked, 1) + 1 == PUBLISHERS * load.each)
                for (int i = 0; i < WORKERS; i++)
                    close_now(load.subs[i]);
        }
    }
    must_eq(err, WEIR_CLOSED);
}

static void look(void *arg)
{
    weir_sub *s = arg;

    while (!atomic_load(&load.over)) {
        const int published = atomic_load(&load.published);
        weir_sub_counts c;
        const int err = weir_sub_get_counts(s, &c, NULL);

        must(err == 0 || err == WEIR_CLOSED); /* of one that was closed */
        must_balance(&c);
        must(c.in_flight <= 256);
        /* Empty means that all there was before has been dealt with. */
        if (err == 0 && c.waiting + c.pending == 0)
            must(atomic_load(&load.ending) >= published);
        if (err == 0)
            must(c.waiting + c.pending <=
                 (uint64_t)PUBLISHERS * (uint64_t)load.each);
        weir_yield();
    }
}

CONFORMS(the_account_balances_under_load)
{
    weir_sub_counts sum = {0};

    load.each = conf_many(check_scale(400));
    load.p = pub_on("");
    for (int i = 0; i < WORKERS; i++)
        load.subs[i] = worker();
    go(look, load.subs[0]);
    go(look, load.subs[1]);
    for (int i = 0; i < WORKERS; i++)
        go(work, load.subs[i]);
    for (int i = 0; i < PUBLISHERS; i++)
        go(publish, NULL);
    while (atomic_load(&load.acked) < PUBLISHERS * load.each)
        must_eq(weir_sleep(WEIR_MILLISECOND, NULL), 0);
    atomic_store(&load.over, true);
    wait_all();
    for (int i = 0; i < WORKERS; i++) {
        weir_sub_counts c;
        const int err = weir_sub_get_counts(load.subs[i], &c, NULL);

        must(err == 0 || err == WEIR_CLOSED);
        must_balance(&c);
        must_eq(c.in_flight, 0);
        must(err != 0 || c.waiting + c.pending == 0);
        sum.acked += c.acked;
        sum.received += c.received;
        sum.redelivered += c.redelivered;
        weir_sub_free(load.subs[i]);
    }
    must_eq(sum.acked, PUBLISHERS * load.each);
    must_eq(sum.received - sum.redelivered, PUBLISHERS * load.each);
    must_eq(topic_of("events").messages, PUBLISHERS * load.each);
    weir_pub_free(load.p);
}

/* With everything that can take a message away: what was stored has been
 * acked, is dead, was lost or is there. */
static atomic_int stored;

static void publish_some(void *arg)
{
    for (int i = 0; i < load.each; i++)
        if (post_with(arg, i, NULL, NULL, NULL) == 0)
            atomic_fetch_add(&stored, 1);
}

static void work_badly(void *arg)
{
    weir_sub *s = arg;
    weir_message *m;

    for (int i = 0; i < load.each / 2; i++) {
        const int err = weir_sub_try_recv(s, &m);

        must(err == 0 || err == WEIR_EMPTY || err == WEIR_LAGGED);
        if (err != 0) {
            weir_yield();
            continue;
        }
        if (i % 5 == 0 && conf.caps->dead_letter)
            (void)weir_message_term(m, NULL);
        else if (i % 5 < 3)
            (void)weir_message_ack(m, NULL);
        else if (i % 5 == 3)
            (void)weir_message_nak(m, 0, NULL);
        weir_message_free(m);
    }
}

CONFORMS(every_message_is_accounted_for)
{
    weir_pub *p = pub_on("max_messages=20&on_full=drop-oldest");
    const uint32_t most = conf.caps->dead_letter ? 2 : 0;
    uint64_t acked = 0;
    weir_sub_counts c;

    load.each = conf_many(check_scale(400));
    for (int i = 0; i < WORKERS; i++)
        load.subs[i] =
            sub_on((weir_sub_opts){.group = "g", .max_deliveries = most});
    for (int i = 0; i < WORKERS; i++) {
        go(work_badly, load.subs[i]);
        go(publish_some, p);
    }
    wait_all();
    c = counts_of(load.subs[0]);
    for (int i = 0; i < WORKERS; i++) {
        const weir_sub_counts one = counts_of(load.subs[i]);

        must_balance(&one);
        acked += one.acked;
    }
    must_eq(c.pending, 0);
    must_eq(stored, acked + c.dead + c.lost + c.waiting);
    for (int i = 0; i < WORKERS; i++)
        weir_sub_free(load.subs[i]);
    weir_pub_free(p);
}

CONF_MAIN(CHECK_ENGINES(each_end_has_a_count),
          CHECK_ENGINES(a_group_s_counts_are_those_of_all_its_subscriptions),
          CHECK_ENGINES(a_topic_counts_what_it_keeps),
          CHECK_ENGINES(the_last_number_is_not_forgotten),
          CHECK_ENGINES(the_account_balances_under_load),
          CHECK_ENGINES(every_message_is_accounted_for))
