/* SPDX-License-Identifier: MIT */
/* Dead letters: who dies, and what is left of it. */
#include "conf.h"

static weir_sub *mortal(uint32_t max_deliveries)
{
    return sub_on(
        (weir_sub_opts){.group = "g", .max_deliveries = max_deliveries});
}

static void must_have(const weir_event *e, const char *name, const char *value)
{
    const char *got = weir_event_get_header(e, name);

    if (got == NULL || strcmp(got, value) != 0)
        ck_abort_msg("%s is %s, not %s%s", name, got != NULL ? got : "missing",
                     value, party_note());
}

static void must_be_from(const weir_event *e, uint64_t seq,
                         const char *deliveries, const char *reason)
{
    char text[24];

    snprintf(text, sizeof text, "%llu", (unsigned long long)seq);
    must_have(e, "weir-dead-topic", "events");
    must_have(e, "weir-dead-group", "g");
    must_have(e, "weir-dead-seq", text);
    must_have(e, "weir-dead-deliveries", deliveries);
    must_have(e, "weir-dead-reason", reason);
}

static weir_sub *graveyard(const char *topic)
{
    return sub_of(topic, (weir_sub_opts){.group = "undertakers"});
}

CONFORMS_IF(dead_letter, too_many_deliveries_are_the_end)
{
    weir_pub *p = pub_on("");
    weir_sub *s = mortal(3), *dead = graveyard("events.dead");
    weir_message *m;
    uint64_t seq;

    post(p, 7);
    m = take_nth(s, 7, 1);
    seq = m->seq;
    nak(m, 0);
    nak(take_nth(s, 7, 2), 0);
    must_eq(counts_of(s).dead, 0);
    nak(take_nth(s, 7, 3), 0);
    expect_nothing(s);
    must_eq(counts_of(s).dead, 1);
    must_eq(counts_of(s).waiting + counts_of(s).pending, 0);
    m = take_nth(dead, 7, 1);
    must_be_from(m->event, seq, "3", "deliveries");
    ack(m);
    expect_nothing(dead);
    weir_sub_free(dead);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(dead_letter, an_ack_at_the_last_delivery_is_in_time)
{
    weir_pub *p = pub_on("");
    weir_sub *s = mortal(2);

    post(p, 1);
    nak(take_nth(s, 1, 1), 0);
    ack(take_nth(s, 1, 2));
    must_eq(counts_of(s).dead, 0);
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(dead_letter, a_free_counts_as_well)
{
    weir_pub *p = pub_on("");
    weir_sub *s = mortal(2), *dead = graveyard("events.dead");

    post(p, 1);
    drop(take_nth(s, 1, 1));
    drop(take_nth(s, 1, 2));
    ack(take_nth(dead, 1, 1));
    expect_nothing(s);
    must_eq(counts_of(s).dead, 1);
    weir_sub_free(dead);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(dead_letter, an_expired_one_dies)
{
    weir_pub *p = pub_on("");
    weir_sub *s = sub_on((weir_sub_opts){
        .group = "g", .max_deliveries = 2, .ack_wait = WEIR_MILLISECOND});
    weir_sub *dead = graveyard("events.dead");
    weir_message *m, *again, *end;

    post(p, 1);
    m = take_nth(s, 1, 1);
    again = take_nth(s, 1, 2);
    while (counts_of(s).dead == 0) /* it would have been delivered again */
        expect_nothing(s);
    end = take_nth(dead, 1, 1);
    must_be_from(end->event, m->seq, "2", "deliveries");
    ack(end);
    must_eq(weir_message_ack(again, NULL), WEIR_EXPIRED);
    expect_nothing(s);
    must_eq(counts_of(s).dead, 1);
    weir_message_free(m);
    weir_message_free(again);
    weir_sub_free(dead);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* Nobody asks for it any more. */
CONFORMS_IF(dead_letter, an_expired_one_dies_on_its_own)
{
    weir_pub *p = pub_on("");
    weir_sub *s = sub_on((weir_sub_opts){
        .group = "g", .max_deliveries = 1, .ack_wait = WEIR_MILLISECOND});
    weir_sub *dead = graveyard("events.dead");
    weir_message *m[3], *end;

    for (int i = 0; i < 3; i++) {
        post_key(p, i, i == 0 ? NULL : "k");
        m[i] = i < 2 ? take_nth(s, i, 1) : NULL;
    }
    for (int i = 0; i < 2; i++) {
        end = take_nth(dead, i, 1);
        must_be_from(end->event, m[i]->seq, "1", "deliveries");
        ack(end);
        must_eq(weir_message_ack(m[i], NULL), WEIR_EXPIRED);
        weir_message_free(m[i]);
    }
    while (counts_of(s).dead < 2) /* it is counted behind the letter */
        weir_yield();
    must_eq(counts_of(s).waiting, 1);
    drop(take_nth(s, 2, 1)); /* that waited behind its key */
    weir_sub_free(dead);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(dead_letter, term_is_the_end_at_once)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker(), *g = mortal(0), *dead = graveyard("events.dead");
    weir_message *m;
    uint64_t seq;

    posts(p, 0, 2);
    m = take_nth(g, 0, 1);
    seq = m->seq;
    term(m);
    expect(g, 1, 2);
    must_eq(counts_of(g).termed, 1);
    must_eq(counts_of(g).dead, 1);
    m = take_nth(dead, 0, 1);
    must_be_from(m->event, seq, "1", "term");
    ack(m);
    expect(s, 0, 2); /* other groups have it still */
    must_eq(counts_of(s).dead, 0);
    weir_sub_free(dead);
    weir_sub_free(g);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(dead_letter, zero_means_never)
{
    weir_pub *p = pub_on("");
    weir_sub *s = mortal(0);

    post(p, 1);
    for (uint32_t i = 1; i <= 20; i++)
        nak(take_nth(s, 1, i), 0);
    ack(take_nth(s, 1, 21));
    must_eq(counts_of(s).dead, 0);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(dead_letter, a_topic_of_their_own)
{
    weir_pub *p = pub_on("");
    weir_sub *s = sub_on((weir_sub_opts){
        .group = "g", .max_deliveries = 1, .dead_letter = "graves"});
    weir_sub *dead = graveyard("graves");

    posts(p, 0, 3);
    term(take_nth(s, 0, 1));
    nak(take_nth(s, 1, 1), 0);
    drop(take_nth(s, 2, 1));
    expect(dead, 0, 3);
    must_eq(counts_of(s).dead, 3);
    must_eq(weir_topic_get_counts(conf_url("events.dead", ""),
                                  &(weir_topic_counts){0}, NULL),
            -ENOENT);
    weir_sub_free(dead);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* All of the event, with what was added behind what it had. */
CONFORMS_IF(dead_letter, the_dead_are_as_they_were)
{
    static const weir_event_header headers[] = {{"b", "2"}, {"a", "1"}};
    const weir_event_opts o = {.type = "order",
                               .key = "k\0y",
                               .key_size = 3,
                               .time = 1234567890123456789,
                               .headers = headers,
                               .header_count = 2,
                               .payload = "pay\0load",
                               .size = 8};
    weir_pub *p = pub_on("");
    weir_sub *s = mortal(0), *dead = graveyard("events.dead");
    weir_event *e = NULL;
    weir_message *m;

    must_eq(weir_event_new(&e, &o), 0);
    must_eq(weir_pub_publish(p, e, NULL, NULL), 0);
    weir_event_unref(e);
    term(take(s));
    m = take(dead);
    must(strcmp(m->event->type, "order") == 0);
    must_eq(m->event->key_size, 3);
    must(memcmp(m->event->key, "k\0y", 3) == 0);
    must_eq(m->event->time, o.time);
    must_eq(m->event->size, 8);
    must(memcmp(m->event->payload, "pay\0load", 8) == 0);
    if (conf.caps->headers) {
        must_eq(m->event->header_count, 2 + 5);
        must(strcmp(m->event->headers[0].name, "b") == 0);
        must(strcmp(m->event->headers[0].value, "2") == 0);
        must(strcmp(m->event->headers[1].name, "a") == 0);
    }
    ack(m);
    weir_sub_free(dead);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(dead_letter, the_dead_outlive_who_buried_them)
{
    weir_pub *p = pub_on("");
    weir_sub *s = mortal(0), *dead;

    posts(p, 0, 3);
    for (int i = 0; i < 3; i++)
        term(take_nth(s, i, 1));
    weir_sub_free(s);
    weir_pub_free(p);
    must_eq(topic_of("events.dead").messages, 3);
    must_eq(weir_topic_remove(conf_url("events", ""), NULL), 0);
    dead = graveyard("events.dead");
    expect(dead, 0, 3);
    weir_sub_free(dead);
}

static void take_dead(void *arg)
{
    ack(take_nth(arg, 1, 1));
}

CONFORMS_IF(dead_letter, who_waits_for_the_dead_is_woken)
{
    weir_pub *p = pub_on("");
    weir_sub *s = mortal(0), *dead = graveyard("events.dead");

    post(p, 1);
    go(take_dead, dead);
    settle();
    term(take_nth(s, 1, 1));
    wait_all();
    must_eq(topic_of("events.dead").messages, 1);
    must(topic_of("events.dead").bytes > topic_of("events").bytes);
    weir_sub_free(dead);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* A dead letter that nobody can handle either is one again. */
CONFORMS_IF(dead_letter, the_dead_can_die)
{
    weir_pub *p = pub_on("");
    weir_sub *s = mortal(0), *dead = graveyard("events.dead");
    weir_sub *deeper = graveyard("events.dead.dead");

    post(p, 1);
    term(take_nth(s, 1, 1));
    term(take_nth(dead, 1, 1));
    ack(take_nth(deeper, 1, 1));
    weir_sub_free(deeper);
    weir_sub_free(dead);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONF_MAIN(CHECK_ENGINES(too_many_deliveries_are_the_end),
          CHECK_ENGINES(an_ack_at_the_last_delivery_is_in_time),
          CHECK_ENGINES(a_free_counts_as_well),
          CHECK_ENGINES(an_expired_one_dies),
          CHECK_ENGINES(an_expired_one_dies_on_its_own),
          CHECK_ENGINES(term_is_the_end_at_once),
          CHECK_ENGINES(zero_means_never), CHECK_ENGINES(a_topic_of_their_own),
          CHECK_ENGINES(the_dead_are_as_they_were),
          CHECK_ENGINES(the_dead_outlive_who_buried_them),
          CHECK_ENGINES(who_waits_for_the_dead_is_woken),
          CHECK_ENGINES(the_dead_can_die))
