/* SPDX-License-Identifier: MIT */
/* Publishers, in front of an engine that does as it is told. */
#include "fake.h"

static weir_event *event_of(size_t size)
{
    weir_event *e = NULL;
    char *payload = calloc(1, size + 1);

    must(payload != NULL);
    must_eq(weir_event_new(&e, &(weir_event_opts){.type = "t",
                                                  .payload = payload,
                                                  .size = size}),
            0);
    free(payload);
    return e;
}

START_TEST(a_url_finds_its_engine)
{
    weir_why why = {"from before"};
    weir_pub *p;

    fake_start();
    must_eq(weir_pub_open(&p, "fake:the%20topic", &why), 0);
    must(strcmp(fake.url, "the topic") == 0);
    must(why.text[0] == '\0');
    must(weir_pub_caps(p) == &fake_engine.caps);
    weir_pub_free(p);
    fake_end();
}
END_TEST

START_TEST(what_cannot_be_opened)
{
    weir_why why;
    weir_pub *p = (weir_pub *)&why;

    fake_start();
    must_eq(weir_pub_open(&p, "fake", &why), WEIR_EINVAL);
    must(p == NULL && strstr(why.text, "fake") != NULL);
    must_eq(weir_pub_open(&p, NULL, &why), WEIR_EINVAL);
    must_eq(weir_pub_open(NULL, "fake:a", &why), WEIR_EINVAL);
    must_eq(weir_pub_open(&p, "fack:a", &why), -ENOENT);
    must(p == NULL && strstr(why.text, "fack:") != NULL);
    must_eq(weir_pub_open(&p, "fack:a", NULL), -ENOENT);
    fake.open_code = WEIR_LIMIT;
    must_eq(weir_pub_open(&p, "fake:a", &why), WEIR_LIMIT);
    must(strcmp(why.text, "a is too far") == 0); /* its own words */
    fake.open_code = WEIR_CORRUPT;
    must_eq(weir_pub_open(&p, "fake:a", &why), WEIR_CORRUPT);
    must(p == NULL && strstr(why.text, "\"fake:a\": damaged") != NULL);
    fake_end();
}
END_TEST

START_TEST(an_event_is_published)
{
    weir_event *e = event_of(10);
    weir_pub *p;

    fake_start();
    p = fake_pub();
    must_eq(weir_pub_publish(p, e, NULL, NULL), 0);
    must_eq(weir_pub_publish(p, NULL, "id", NULL), 0);
    fake.duplicate = true;
    must_eq(weir_pub_publish(p, e, "id", NULL), WEIR_DUPLICATE);
    fake.publish_code = WEIR_FULL;
    must_eq(weir_pub_publish(p, e, NULL, NULL), WEIR_FULL);
    must_eq(fake.publish_calls, 4);
    weir_event_unref(e);
    weir_pub_free(p);
    fake_end();
}
END_TEST

START_TEST(what_the_engine_cannot_do_does_not_reach_it)
{
    weir_event_header h = {"name", "value"};
    weir_event *e = NULL, *large = event_of(FAKE_MAX);
    char id[300];
    weir_pub *p;

    fake_start();
    p = fake_pub();
    must_eq(weir_event_new(
                &e, &(weir_event_opts){.headers = &h, .header_count = 1}),
            0);
    must_eq(weir_pub_publish(p, large, NULL, NULL), WEIR_LIMIT);
    memset(id, 'x', sizeof id);
    id[256] = '\0';
    must_eq(weir_pub_publish(p, e, id, NULL), WEIR_EINVAL);
    must_eq(weir_pub_publish(p, e, "", NULL), WEIR_EINVAL);
    must_eq(weir_pub_publish(NULL, e, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_pub_publish_n(p, NULL, 1, NULL), WEIR_EINVAL);
    fake_engine.caps.dedup = fake_engine.caps.headers = false;
    must_eq(weir_pub_publish(p, NULL, "id", NULL), WEIR_UNSUPPORTED);
    must_eq(weir_pub_publish(p, e, NULL, NULL), WEIR_UNSUPPORTED);
    must_eq(fake.publish_calls, 0);
    fake_engine.caps.dedup = fake_engine.caps.headers = true;
    id[255] = '\0';
    must_eq(weir_pub_publish(p, e, id, NULL), 0);
    weir_event_unref(e);
    weir_event_unref(large);
    weir_pub_free(p);
    fake_end();
}
END_TEST

/* All of an event counts: type, key, headers, payload. */
START_TEST(the_largest_event)
{
    static char bytes[FAKE_MAX];
    weir_event_header h = {"nam", NULL};
    weir_event_opts o = {.type = "typ",
                         .key = "ke",
                         .key_size = 2,
                         .headers = &h,
                         .header_count = 1,
                         .payload = bytes};
    weir_event *e;
    weir_pub *p;
    int over;

    fake_start();
    p = fake_pub();
    for (over = 0; over < 2; over++) {
        o.size = FAKE_MAX - 8 + (size_t)over;
        must_eq(weir_event_new(&e, &o), 0);
        must_eq(weir_pub_publish(p, e, NULL, NULL), over ? WEIR_LIMIT : 0);
        weir_event_unref(e);
    }
    weir_pub_free(p);
    fake_end();
}
END_TEST

START_TEST(a_batch_ends_at_the_first_that_fails)
{
    weir_post posts[4] = {
        {.seq = 9, .duplicate = true}, {.id = "a"}, {.id = ""}, {.id = "b"}};
    weir_pub *p;

    fake_start();
    p = fake_pub();
    must_eq(weir_pub_publish_n(p, posts, 4, NULL), 2);
    must_eq(fake.n, 2);
    must_eq(posts[0].seq, 1);
    must(!posts[0].duplicate);
    must_eq(posts[3].seq, 0);
    must_eq(weir_pub_publish_n(p, posts + 2, 2, NULL), WEIR_EINVAL);
    fake.at_most = 1;
    must_eq(weir_pub_publish_n(p, posts, 2, NULL), 1);
    fake.publish_code = WEIR_CORRUPT;
    must_eq(weir_pub_publish_n(p, posts, 2, NULL), WEIR_CORRUPT);
    must_eq(weir_pub_publish_n(p, NULL, 0, NULL), 0);
    must_eq(fake.publish_calls, 3);
    weir_pub_free(p);
    fake_end();
}
END_TEST

START_TEST(a_publisher_is_a_sink)
{
    weir_pub *p;
    weir_sink *s;

    fake_start();
    p = fake_pub();
    s = weir_pub_sink(p);
    must_eq(weir_sink_write(s, NULL, NULL), 0);
    fake.duplicate = true;
    must_eq(weir_sink_write(s, NULL, NULL), 0);
    weir_sink_ref(s);
    weir_pub_free(p);
    must_eq(fake.pubs, 1); /* the sink has it */
    must_eq(weir_sink_write(s, NULL, NULL), WEIR_CLOSED);
    must_eq(weir_sink_close(s, NULL), 0);
    must_eq(fake.pub_closes, 1);
    must_eq(fake.publish_calls, 2);
    weir_sink_unref(s);
    must(weir_pub_sink(NULL) == NULL && weir_pub_caps(NULL) == NULL);
    fake_end();
}
END_TEST

START_TEST(publishers_without_memory)
{
    weir_why why;
    weir_pub *p;
    int n;

    fake_start();
    for (n = 0; n < 2; n++) {
        wr_mem_fail_after(n);
        must_eq(weir_pub_open(&p, "fake:a", &why), WEIR_ENOMEM);
        must(p == NULL && strstr(why.text, "memory") != NULL);
    }
    wr_mem_fail_after(2);
    must_eq(weir_pub_open(&p, "fake:a", &why), 0);
    must_eq(weir_pub_publish(p, NULL, NULL, NULL), 0);
    weir_pub_free(p);
    wr_mem_fail_after(-1);
    fake_end();
}
END_TEST

/* ---- closing ------------------------------------------------------------- */

static weir_pub *shared;
static atomic_int results[8];

static void publish_one(void *arg)
{
    const int at = (int)(intptr_t)arg;

    atomic_store(&results[at], weir_pub_publish(shared, NULL, NULL, NULL));
}

static void close_it(void *arg)
{
    must_eq(weir_pub_close(shared, NULL), 0);
    must_eq(fake.busy, 0); /* what was under way has ended */
    (void)arg;
}

BEHAVIOUR(a_close_ends_those_that_wait_and_waits_for_them)
{
    weir_ctx over = WEIR_CTX_INIT;
    int i;

    fake_start();
    fake.publishing = ints_new(0);
    fake.gate = ints_new(0);
    shared = fake_pub();
    crew_go(crew, publish_one, NULL);
    get(fake.publishing); /* the engine has it */
    weir_ctx_cancel(&over, 0);
    for (i = 0; i < 3; i++)
        crew_go(crew, close_it, NULL);
    must_eq(weir_pub_close(shared, NULL), 0);
    must_eq(fake.busy, 0);
    must_eq(weir_pub_close(shared, &over), 0); /* nothing to wait for */
    must_eq(weir_pub_publish(shared, NULL, NULL, NULL), WEIR_CLOSED);
    crew_wait(crew);
    must_eq(atomic_load(&results[0]), WEIR_CLOSED);
    must_eq(fake.pub_closes, 1);
    must_eq(fake.publish_calls, 1);
    weir_pub_free(shared);
    fake_end();
}

/* The engine does not heed the close. */
BEHAVIOUR(a_close_waits_until_its_context_ends)
{
    weir_ctx over = WEIR_CTX_INIT;

    fake_start();
    fake.deaf = true;
    fake.publishing = ints_new(0);
    fake.gate = ints_new(0);
    shared = fake_pub();
    crew_go(crew, publish_one, NULL);
    get(fake.publishing);
    weir_ctx_cancel(&over, -77);
    must_eq(weir_pub_close(shared, &over), WEIR_CANCELED);
    put(fake.gate, 0); /* it comes to its end after all */
    must_eq(weir_pub_close(shared, NULL), 0);
    crew_wait(crew);
    must_eq(atomic_load(&results[0]), WEIR_CLOSED);
    weir_pub_free(shared);
    fake_end();
}

static void publish_many(void *arg)
{
    int err;

    while ((err = weir_pub_publish(shared, NULL, NULL, NULL)) == 0)
        weir_yield();
    must_eq(err, WEIR_CLOSED);
    (void)arg;
}

/* Once a close has returned, the engine has no call of it. */
BEHAVIOUR(nothing_is_under_way_after_a_close)
{
    const int rounds = check_scale(crew_many(crew, 200, 40));
    int round, i, calls;

    for (round = 0; round < rounds; round++) {
        fake_start();
        shared = fake_pub();
        for (i = 0; i < 4; i++)
            crew_go(crew, publish_many, NULL);
        while (fake.published < round % 7)
            weir_yield();
        must_eq(weir_pub_close(shared, NULL), 0);
        must_eq(fake.busy, 0);
        calls = fake.publish_calls;
        settle();
        must_eq(fake.publish_calls, calls);
        crew_wait(crew);
        must_eq(fake.publish_calls, calls);
        weir_pub_free(shared);
        fake_end();
    }
}

CHECK_MAIN(CHECK_TEST(a_url_finds_its_engine),
           CHECK_TEST(what_cannot_be_opened), CHECK_TEST(an_event_is_published),
           CHECK_TEST(what_the_engine_cannot_do_does_not_reach_it),
           CHECK_TEST(the_largest_event),
           CHECK_TEST(a_batch_ends_at_the_first_that_fails),
           CHECK_TEST(a_publisher_is_a_sink),
           CHECK_TEST(publishers_without_memory),
           CHECK_MODES(a_close_ends_those_that_wait_and_waits_for_them),
           CHECK_MODES(a_close_waits_until_its_context_ends),
           CHECK_MODES(nothing_is_under_way_after_a_close))
