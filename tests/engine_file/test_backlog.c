/* SPDX-License-Identifier: MIT */
/* Long lines of messages that one key holds back: what is done to the first
 * costs no look at all of them. */
#include "files.h"

enum { LINE = 20000, BATCH = 1000, KEPT = 500 };

ROLES({"", NULL});

static weir_event *keyed_event(void)
{
    weir_event *e = NULL;
    const weir_event_opts o = {.key = "k", .key_size = 1};

    must_eq(weir_event_new(&e, &o), 0);
    return e;
}

static void publish_line(weir_pub *p, weir_event *e)
{
    static weir_post posts[BATCH];

    for (int i = 0; i < BATCH; i++)
        posts[i] = (weir_post){.event = e};
    for (int i = 0; i < LINE / BATCH; i++)
        must_eq(weir_pub_publish_n(p, posts, BATCH, NULL), BATCH);
}

/* The cursor passes all that are behind the first. */
static weir_message *take_first(weir_sub *s)
{
    weir_message *first, *m;

    must_eq(weir_sub_recv(s, &first, NULL), 0);
    for (int i = 0; i < LINE / BATCH; i++)
        must_eq(weir_sub_try_recv(s, &m), WEIR_EMPTY);
    return first;
}

static void must_be_next(weir_sub *s, uint64_t seq)
{
    weir_message *m;

    must_eq(weir_sub_recv(s, &m, NULL), 0);
    must_eq(m->seq, seq);
    must_eq(weir_message_ack(m, NULL), 0);
    weir_message_free(m);
}

/* Were each a look at all, this would last for minutes. */
START_TEST(a_limit_takes_the_first_of_many_that_one_key_holds_back)
{
    weir_message *m;

    files_begin();
    weir_event *e = keyed_event();
    weir_pub *p = publisher(url_of("t.db", "sync=off"));
    weir_sub *s = worker_of(url_of("t.db", "sync=off"));
    publish_line(p, e);
    weir_message *first = take_first(s);
    weir_pub *small = publisher(
        url_of("t.db", "sync=off&max_messages=500&on_full=drop-oldest"));
    must_eq(weir_pub_publish(small, e, NULL, NULL), 0);
    must_eq(weir_message_ack(first, NULL), WEIR_EXPIRED);
    weir_message_free(first);
    must_eq(weir_sub_recv(s, &m, NULL), WEIR_LAGGED);
    for (uint64_t i = 0; i < KEPT; i++)
        must_be_next(s, LINE + 2 - KEPT + i);
    must_eq(weir_sub_try_recv(s, &m), WEIR_EMPTY);
    weir_pub_free(small);
    weir_sub_free(s);
    weir_pub_free(p);
    weir_event_unref(e);
    files_end();
}
END_TEST

FILES_MAIN(CHECK_TEST(a_limit_takes_the_first_of_many_that_one_key_holds_back))
