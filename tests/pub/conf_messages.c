/* SPDX-License-Identifier: MIT */
/* Numbered messages of the conformance suite: see conf.h. */
#include "conf.h"

weir_event *event_of(int n, const char *key)
{
    weir_event *e = NULL;
    const weir_event_opts o = {.key = key,
                               .key_size = key != NULL ? strlen(key) : 0,
                               .payload = &n,
                               .size = sizeof n};

    must_eq(weir_event_new(&e, &o), 0);
    return e;
}

int number_of(const weir_event *e)
{
    int n;

    must(e != NULL);
    must_eq(e->size, sizeof n);
    memcpy(&n, e->payload, sizeof n);
    return n;
}

int post_with(weir_pub *p, int n, const char *key, const char *id,
              weir_ctx *ctx)
{
    weir_event *e = event_of(n, key);
    const int err = weir_pub_publish(p, e, id, ctx);

    weir_event_unref(e);
    return err;
}

void post(weir_pub *p, int n)
{
    must_eq(post_with(p, n, NULL, NULL, NULL), 0);
}

void post_key(weir_pub *p, int n, const char *key)
{
    must_eq(post_with(p, n, key, NULL, NULL), 0);
}

void posts(weir_pub *p, int from, int to)
{
    for (int n = from; n < to; n++)
        post(p, n);
}

weir_message *take(weir_sub *s)
{
    weir_message *m = NULL;

    must_eq(weir_sub_recv(s, &m, NULL), 0);
    must(m != NULL && m->event != NULL);
    must(m->deliveries >= 1);
    return m;
}

int number(const weir_message *m)
{
    return number_of(m->event);
}

weir_message *take_nth(weir_sub *s, int n, uint32_t deliveries)
{
    weir_message *m = take(s);

    must_eq(number(m), n);
    must_eq(m->deliveries, deliveries);
    return m;
}

void ack(weir_message *m)
{
    must_eq(weir_message_ack(m, NULL), 0);
    weir_message_free(m);
}

void nak(weir_message *m, int64_t delay)
{
    must_eq(weir_message_nak(m, delay, NULL), 0);
    weir_message_free(m);
}

void term(weir_message *m)
{
    must_eq(weir_message_term(m, NULL), 0);
    weir_message_free(m);
}

void drop(weir_message *m)
{
    weir_message_free(m);
}

void expect(weir_sub *s, int from, int to)
{
    for (int n = from; n < to; n++)
        ack(take_nth(s, n, 1));
}

void expect_nothing(weir_sub *s)
{
    weir_message *m = NULL;

    must_eq(weir_sub_try_recv(s, &m), WEIR_EMPTY);
    must(m == NULL);
}
