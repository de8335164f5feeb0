/* SPDX-License-Identifier: MIT */
/* Long lines of messages that one key holds back, and many topics: what is done
 * to one of them costs no look at all. */
#include "engine/file/file.h"

static void count_look(struct topic *t);
#define wr_file_groups_prune count_look
#include "engine/file/agenda.c"
#undef wr_file_groups_prune

#include "files.h"

enum { BATCH = 1000, KEPT = 500 };

static int line(void)
{
    return check_is_slow() ? 5 * BATCH : 20 * BATCH;
}

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
    for (int i = 0; i < line() / BATCH; i++)
        must_eq(weir_pub_publish_n(p, posts, BATCH, NULL), BATCH);
}

/* The cursor passes all that are behind the first. */
static weir_message *take_first(weir_sub *s)
{
    weir_message *first, *m;

    must_eq(weir_sub_recv(s, &first, NULL), 0);
    for (int i = 0; i < line() / BATCH; i++)
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

/* Were each a look at all, this would last for minutes in a plain build. */
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
        must_be_next(s, (uint64_t)line() + 2 - KEPT + i);
    must_eq(weir_sub_try_recv(s, &m), WEIR_EMPTY);
    weir_pub_free(small);
    weir_sub_free(s);
    weir_pub_free(p);
    weir_event_unref(e);
    files_end();
}
END_TEST

/* ---- topics -------------------------------------------------------------- */

enum { TOPICS = 100 };

/* At a topic, at the end of a transaction; those of topics at which somebody
 * waits. */
static atomic_int looks, looks_at_waiting;

static void count_look(struct topic *t)
{
    atomic_fetch_add(&looks, 1);
    if (t->groups != NULL && t->groups->waiting.first != NULL)
        atomic_fetch_add(&looks_at_waiting, 1);
    wr_file_groups_prune(t);
}

static void receive_until_closed(void *arg)
{
    weir_message *m;

    must_eq(weir_sub_recv(arg, &m, NULL), WEIR_CLOSED);
}

START_TEST(a_publish_looks_at_one_topic_of_many)
{
    weir_wg wg = WEIR_WG_INIT;
    weir_pub *p[TOPICS];
    weir_sub *s[TOPICS];
    char options[64];

    files_begin();
    for (int i = 0; i < TOPICS; i++) {
        snprintf(options, sizeof options, "sync=off&topic=%d", i);
        p[i] = publisher(url_of("t.db", options));
        s[i] = worker_of(url_of("t.db", options));
        if (i > 0)
            must_eq(weir_wg_go(&wg, receive_until_closed, s[i]), 0);
    }
    while (atomic_load(&looks_at_waiting) < TOPICS - 1)
        weir_yield();
    must_eq(publish_number(p[0], 1, NULL), 0);
    atomic_store(&looks, 0);
    must_eq(publish_number(p[0], 2, NULL), 0);
    must_eq(next_number(s[0]), 1);
    weir_sub_counts c;
    must_eq(weir_sub_get_counts(s[0], &c, NULL), 0);
    /* One for each of these calls, and for the one before: they are answered
     * before the engine looks. */
    must(atomic_load(&looks) <= 5);
    for (int i = 0; i < TOPICS; i++)
        must_eq(weir_sub_close(s[i], NULL), 0);
    must_eq(weir_wg_wait(&wg, NULL), 0);
    for (int i = 0; i < TOPICS; i++) {
        weir_sub_free(s[i]);
        weir_pub_free(p[i]);
    }
    files_end();
}
END_TEST

FILES_MAIN(CHECK_TEST(a_limit_takes_the_first_of_many_that_one_key_holds_back),
           CHECK_TEST(a_publish_looks_at_one_topic_of_many))
