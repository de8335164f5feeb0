/* SPDX-License-Identifier: MIT */
/* Events come out as they went in, all of them. */
#include "conf.h"

enum { HEADERS = 40, MEBIBYTE = 1 << 20 };

/* Through the topic and back. */
static weir_message *pass(weir_pub *p, weir_sub *s, const weir_event_opts *o)
{
    weir_event *e = NULL;

    must_eq(weir_event_new(&e, o), 0);
    must_eq(weir_pub_publish(p, e, NULL, NULL), 0);
    weir_event_unref(e);
    return take(s);
}

static const char *text(const char *value)
{
    return value != NULL ? value : "";
}

static void must_be(const weir_event *e, const weir_event_opts *o)
{
    must(e->type != NULL && strcmp(e->type, text(o->type)) == 0);
    must_eq(e->key_size, o->key_size);
    must(o->key_size == 0 || memcmp(e->key, o->key, o->key_size) == 0);
    must_eq(e->size, o->size);
    must(o->size == 0 || memcmp(e->payload, o->payload, o->size) == 0);
    if (o->time != 0)
        must_eq(e->time, o->time);
    if (!conf.caps->headers)
        return;
    must_eq(e->header_count, o->header_count);
    for (size_t i = 0; i < o->header_count; i++) {
        must(strcmp(e->headers[i].name, o->headers[i].name) == 0);
        must(strcmp(text(e->headers[i].value), text(o->headers[i].value)) == 0);
    }
}

CONFORMS(an_event_is_whole)
{
    static const weir_event_header headers[] = {
        {"b", "2"},
        {"a", "1"},
        {"b", "again"},
        {"", "no name"},
        {"empty", ""},
        {"none", NULL},
        {"line\nbreak", "\xff\xfe \t\r\n\""},
    };
    const weir_event_opts all[] = {
        {.type = ""},
        {.type = "order.created"},
        {.type = "\xc3\xa4\xc3\xb6 '; -- \n"},
        {.key = "\0", .key_size = 1},
        {.key = "a\0b\0", .key_size = 4},
        {.payload = "\0", .size = 1},
        {.payload = "x\0y\xff", .size = 4},
        {.payload = "", .size = 0},
        {.type = "t", .key = "k", .key_size = 1, .payload = "p", .size = 1},
        {.time = 1},
        {.time = 1234567890123456789},
        {.time = -1},
        {.time = INT64_MAX},
        {.time = INT64_MIN},
    };
    weir_pub *p = pub_on("");
    weir_sub *s = worker();

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        weir_event_opts o = all[i];
        weir_message *m = pass(p, s, &o);

        must_be(m->event, &o);
        ack(m);
        if (!conf.caps->headers)
            continue;
        o.headers = headers;
        o.header_count = sizeof headers / sizeof headers[0];
        m = pass(p, s, &o);
        must_be(m->event, &o);
        nak(m, 0);
        m = take(s);
        must_eq(m->deliveries, 2);
        must_be(m->event, &o);
        ack(m);
    }
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(large_ones_are_whole_as_well)
{
    char *bytes = malloc(MEBIBYTE);
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_event_opts o = {.payload = bytes, .size = MEBIBYTE};
    weir_message *m;

    must(bytes != NULL);
    for (int i = 0; i < MEBIBYTE; i++)
        bytes[i] = (char)(i * 31 + i / 256);
    if (o.size + 1000 > conf.caps->max_message)
        o.size = (size_t)conf.caps->max_message - 1000;
    for (int i = 0; i < 3; i++) {
        m = pass(p, s, &o);
        must_be(m->event, &o);
        ack(m);
    }
    o = (weir_event_opts){.key = bytes, .key_size = 70000};
    if (conf.caps->max_message > MEBIBYTE) {
        m = pass(p, s, &o);
        must_be(m->event, &o);
        ack(m);
    }
    free(bytes);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(headers, many_headers_keep_their_order)
{
    weir_event_header headers[HEADERS];
    char names[HEADERS][16];
    const weir_event_opts o = {.headers = headers, .header_count = HEADERS};
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m;

    for (int i = 0; i < HEADERS; i++) {
        snprintf(names[i], sizeof names[i], "h%d", (i * 7) % HEADERS);
        headers[i] = (weir_event_header){names[i], names[HEADERS - 1 - i]};
    }
    names[HEADERS / 2][0] = 'H';
    m = pass(p, s, &o);
    must_be(m->event, &o);
    ack(m);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(the_null_event_is_an_empty_one)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m;

    must_eq(weir_pub_publish(p, NULL, NULL, NULL), 0);
    m = take(s);
    must_be(m->event, &(weir_event_opts){.type = ""});
    must_eq(m->event->header_count, 0);
    ack(m);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* It is shared or copied, but never changed, and may be kept. */
CONFORMS(an_event_outlives_its_message)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_event *kept;
    weir_message *m;

    post_key(p, 7, "key");
    m = take_nth(s, 7, 1);
    kept = weir_event_ref(m->event);
    ack(m);
    weir_sub_free(s);
    weir_pub_free(p);
    must_eq(weir_topic_remove(conf_url("events", ""), NULL), 0);
    must_eq(number_of(kept), 7);
    must(memcmp(kept->key, "key", 3) == 0);
    weir_event_unref(kept);
}

static void count_end(void *payload, void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
    (void)payload;
}

/* A payload that the event took is given back once, and not before the event
 * has been let go by all who share it. */
CONFORMS(a_payload_is_given_back_once)
{
    static char bytes[] = "borrowed";
    atomic_int ends = 0;
    const weir_event_opts o = {.payload = bytes,
                               .size = sizeof bytes,
                               .destroy = count_end,
                               .arg = &ends};
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_event *e = NULL;
    weir_message *m;

    must_eq(weir_event_new(&e, &o), 0);
    must_eq(weir_pub_publish(p, e, NULL, NULL), 0);
    must_eq(weir_pub_publish(p, e, NULL, NULL), 0);
    must_eq(ends, 0);
    weir_event_unref(e);
    for (int i = 0; i < 2; i++) {
        m = take(s);
        must(strcmp(m->event->payload, bytes) == 0);
        ack(m);
    }
    weir_sub_free(s);
    weir_pub_free(p);
    must_eq(weir_topic_remove(conf_url("events", ""), NULL), 0);
    must_eq(ends, 1);
}

/* Two clocks: when it happened is the publisher's to say, when it was
 * published is the engine's. */
CONFORMS(a_message_has_the_time_of_its_publishing)
{
    const int64_t year_2020 = INT64_C(1577836800) * WEIR_SECOND;
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m = pass(p, s, &(weir_event_opts){.time = 5});

    must_eq(m->event->time, 5);
    must(m->published > year_2020);
    ack(m);
    post(p, 1);
    m = take(s);
    must(m->event->time > year_2020);
    ack(m);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONF_MAIN(CHECK_ENGINES(an_event_is_whole),
          CHECK_ENGINES(large_ones_are_whole_as_well),
          CHECK_ENGINES(many_headers_keep_their_order),
          CHECK_ENGINES(the_null_event_is_an_empty_one),
          CHECK_ENGINES(an_event_outlives_its_message),
          CHECK_ENGINES(a_payload_is_given_back_once),
          CHECK_ENGINES(a_message_has_the_time_of_its_publishing))
