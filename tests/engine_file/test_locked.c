/* SPDX-License-Identifier: MIT */
/* Another process holds the lock of the database. */
#include "files.h"

ROLES({"hold", hold_part});

/* ---- opening ------------------------------------------------------------- */

/* In the file that another one makes: it has no tables yet. */
START_TEST(an_open_waits_for_a_lock_as_long_as_busy)
{
    weir_pub *p = NULL;
    weir_why why;

    files_begin();
    struct other o = holder("t.db");
    must_eq(weir_pub_open(&p, url_of("t.db", "busy=30ms"), &why), WEIR_BUSY);
    must(p == NULL);
    must(strstr(why.text, "t.db: another process has locked it") != NULL);
    set_free(&o);
    p = publisher(url_of("t.db", "busy=30ms"));
    weir_pub_free(p);
    other_end(&o);
    files_end();
}
END_TEST

/* ---- publishing ---------------------------------------------------------- */

START_TEST(a_publish_waits_for_a_lock_as_long_as_busy)
{
    files_begin();
    weir_pub *p = publisher(url_of("t.db", "sync=off&busy=30ms"));
    struct other o = holder("t.db");
    must_eq(publish_number(p, 1, NULL), WEIR_BUSY);
    set_free(&o);
    must_eq(publish_number(p, 2, NULL), 0);
    weir_sub *s = worker_of(url_of("t.db", "sync=off"));
    must_eq(next_number(s), 2);
    weir_sub_free(s);
    weir_pub_free(p);
    other_end(&o);
    files_end();
}
END_TEST

static void publish_one(void *arg)
{
    must_eq(publish_number(arg, 1, NULL), 0);
}

START_TEST(who_waits_for_a_lock_goes_on_when_it_is_free)
{
    weir_wg wg = WEIR_WG_INIT;
    weir_topic_counts c;

    files_begin();
    weir_pub *p = publisher(url_of("t.db", "sync=off&busy=1h"));
    struct other o = holder("t.db");
    must_eq(weir_wg_go(&wg, publish_one, p), 0);
    settle();
    set_free(&o);
    must_eq(weir_wg_wait(&wg, NULL), 0);
    must_eq(weir_topic_get_counts(url_of("t.db", ""), &c, NULL), 0);
    must_eq(c.messages, 1);
    weir_pub_free(p);
    other_end(&o);
    files_end();
}
END_TEST

/* One who gives up does not wait for the lock, and is withdrawn: nothing of
 * it is stored later. */
START_TEST(a_request_whose_context_ends_is_withdrawn)
{
    weir_ctx ctx;
    weir_topic_counts c;

    files_begin();
    weir_pub *p = publisher(url_of("t.db", "sync=off&busy=1h"));
    struct other o = holder("t.db");
    must_eq(weir_ctx_init_timeout(&ctx, NULL, 5 * WEIR_MILLISECOND), 0);
    must_eq(publish_number(p, 1, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_ctx_fini(&ctx), 0);
    set_free(&o);
    must_eq(publish_number(p, 2, NULL), 0);
    must_eq(weir_topic_get_counts(url_of("t.db", ""), &c, NULL), 0);
    must_eq(c.messages, 1);
    weir_pub_free(p);
    other_end(&o);
    files_end();
}
END_TEST

/* ---- receiving and settling ---------------------------------------------- */

START_TEST(an_ack_that_met_a_lock_may_be_tried_again)
{
    weir_message *m;

    files_begin();
    weir_pub *p = publisher(url_of("t.db", "sync=off&busy=30ms"));
    weir_sub *s = worker_of(url_of("t.db", "sync=off&busy=30ms"));
    must_eq(publish_number(p, 1, NULL), 0);
    must_eq(weir_sub_recv(s, &m, NULL), 0);
    struct other o = holder("t.db");
    must_eq(weir_message_ack(m, NULL), WEIR_BUSY);
    set_free(&o);
    must_eq(weir_message_ack(m, NULL), 0);
    must_eq(weir_message_ack(m, NULL), WEIR_EMPTY);
    weir_message_free(m);
    weir_sub_free(s);
    weir_pub_free(p);
    other_end(&o);
    files_end();
}
END_TEST

/* The end of a handle does not wait for a lock longer than busy. */
START_TEST(handles_end_while_the_file_is_locked)
{
    weir_message *m;
    weir_topic_counts c;

    files_begin();
    const char *url = url_of("t.db", "sync=off&busy=30ms");
    weir_pub *p = publisher(url);
    weir_sub *s = worker_of(url), *own = subscriber(url, (weir_sub_opts){0});
    must_eq(publish_number(p, 1, NULL), 0);
    must_eq(weir_sub_recv(s, &m, NULL), 0);
    struct other o = holder("t.db");
    weir_message_free(m);
    weir_sub_free(own);
    weir_sub_free(s);
    weir_pub_free(p);
    set_free(&o);
    must_eq(weir_topic_get_counts(url, &c, NULL), 0);
    must_eq(c.messages, 1);
    other_end(&o);
    files_end();
}
END_TEST

FILES_MAIN(CHECK_TEST(an_open_waits_for_a_lock_as_long_as_busy),
           CHECK_TEST(a_publish_waits_for_a_lock_as_long_as_busy),
           CHECK_TEST(who_waits_for_a_lock_goes_on_when_it_is_free),
           CHECK_TEST(a_request_whose_context_ends_is_withdrawn),
           CHECK_TEST(an_ack_that_met_a_lock_may_be_tried_again),
           CHECK_TEST(handles_end_while_the_file_is_locked))
