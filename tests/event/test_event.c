/* SPDX-License-Identifier: MIT */
/* Events: what they hold, who shares them, and when they go. And the
 * interface that a sink of one's own fills in. */
#include "../chan/parties.h"
#include "base/mem.h"

static weir_event *event_of(weir_event_opts o)
{
    weir_event *e = NULL;

    must_eq(weir_event_new(&e, &o), 0);
    must(e != NULL);
    return e;
}

static void count_end(void *payload, void *arg)
{
    must(payload != NULL || arg != NULL);
    atomic_fetch_add((atomic_int *)arg, 1);
}

START_TEST(it_holds_a_copy_of_what_it_is_made_of)
{
    char type[] = "order", key[] = "k\0y", name[] = "from", value[] = "shop";
    char payload[] = "12 eggs";
    const weir_event_header h[] = {{name, value}, {"empty", NULL}};
    weir_event *e = event_of((weir_event_opts){.type = type,
                                               .key = key,
                                               .key_size = 3,
                                               .time = 42,
                                               .headers = h,
                                               .header_count = 2,
                                               .payload = payload,
                                               .size = sizeof payload});

    memset(type, 'x', 5);
    memset(key, 'x', 3);
    memset(name, 'x', 4);
    memset(value, 'x', 4);
    memset(payload, 'x', sizeof payload);
    must(strcmp(e->type, "order") == 0);
    must_eq(e->key_size, 3);
    must(memcmp(e->key, "k\0y", 3) == 0);
    must_eq(e->time, 42);
    must_eq(e->header_count, 2);
    must(strcmp(e->headers[0].name, "from") == 0);
    must(strcmp(weir_event_get_header(e, "from"), "shop") == 0);
    must(strcmp(weir_event_get_header(e, "empty"), "") == 0);
    must(weir_event_get_header(e, "fro") == NULL);
    must(weir_event_get_header(e, NULL) == NULL);
    must_eq(e->size, sizeof payload);
    must(strcmp(e->payload, "12 eggs") == 0);
    weir_event_unref(e);
}
END_TEST

START_TEST(a_copied_payload_is_aligned)
{
    const weir_event_header h[] = {{"a", "b"}, {"c", "d"}, {"e", "f"}};
    size_t n;

    for (n = 0; n < 30; n++) {
        weir_event *e = event_of((weir_event_opts){.key = "0123456789abcdef"
                                                          "0123456789abcdef",
                                                   .key_size = n,
                                                   .type = "type",
                                                   .headers = h,
                                                   .header_count = n % 4,
                                                   .payload = "p",
                                                   .size = 1});

        must_eq((uintptr_t)e->payload % 16, 0);
        weir_event_unref(e);
    }
}
END_TEST

START_TEST(an_empty_event_has_a_type_and_a_time)
{
    weir_event *e = event_of((weir_event_opts){0});

    must(strcmp(e->type, "") == 0);
    must(e->time > INT64_C(1700000000) * WEIR_SECOND);
    must_eq(e->key_size + e->size + e->header_count, 0);
    weir_event_unref(e);
}
END_TEST

START_TEST(a_payload_that_is_handed_over_is_not_copied)
{
    char payload[] = "large";
    atomic_int ended = 0;
    weir_event *e = event_of((weir_event_opts){.payload = payload,
                                               .size = sizeof payload,
                                               .destroy = count_end,
                                               .arg = &ended});

    must(e->payload == payload);
    must(weir_event_ref(e) == e);
    weir_event_unref(e);
    must_eq(ended, 0);
    weir_event_unref_elem(&e);
    must_eq(ended, 1);
}
END_TEST

START_TEST(the_null_event_is_one)
{
    weir_event *none = NULL;

    must(weir_event_ref(none) == NULL);
    weir_event_unref(none);
    weir_event_unref_elem(&none);
    weir_event_unref_elem(NULL);
    must(weir_event_get_header(none, "x") == NULL);
}
END_TEST

/* ---- shared by many ------------------------------------------------------ */

static void share(void *arg)
{
    weir_event *e = arg;
    int i;

    for (i = 0; i < 1000; i++) {
        weir_event_ref(e);
        must_eq(*(const int *)e->payload, 7);
        weir_event_unref(e);
    }
    weir_event_unref(e);
}

BEHAVIOUR(parties_share_one)
{
    static int seven = 7;
    atomic_int ended = 0;
    weir_event *e = event_of((weir_event_opts){.payload = &seven,
                                               .size = sizeof seven,
                                               .destroy = count_end,
                                               .arg = &ended});
    int i;

    for (i = 0; i < 8; i++)
        crew_go(crew, share, weir_event_ref(e));
    weir_event_unref(e);
    crew_wait(crew);
    must_eq(ended, 1);
}

/* ---- a sink of one's own ------------------------------------------------- */

struct own {
    weir_sink sink;
    int written, closed, freed;
    weir_event *last;
    weir_ctx *ctx;
};

static int own_write(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    struct own *o = (struct own *)s;

    o->written++;
    o->last = e;
    o->ctx = ctx;
    return -7;
}

static int own_close(weir_sink *s, weir_ctx *ctx)
{
    struct own *o = (struct own *)s;

    o->closed++;
    o->ctx = ctx;
    return -8;
}

static void own_free(weir_sink *s)
{
    ((struct own *)s)->freed++;
}

START_TEST(a_sink_of_ones_own)
{
    static const weir_sink_ops ops = {own_write, own_close, own_free};
    struct own o = {0};
    weir_ctx ctx = WEIR_CTX_INIT;
    weir_event *e = event_of((weir_event_opts){0});

    must_eq(weir_sink_init(&o.sink, &ops), 0);
    must_eq(weir_sink_write(&o.sink, e, &ctx), -7);
    must(o.last == e && o.ctx == &ctx);
    must_eq(weir_sink_write(&o.sink, NULL, NULL), -7);
    must(o.last == NULL && o.ctx == NULL);
    must_eq(weir_sink_close(&o.sink, &ctx), -8);
    must(o.ctx == &ctx);
    must(weir_sink_ref(&o.sink) == &o.sink);
    weir_sink_unref(&o.sink);
    must_eq(o.freed, 0);
    weir_sink_unref(&o.sink);
    must_eq(o.freed, 1);
    must_eq(o.written, 2);
    must_eq(o.closed, 1);
    weir_event_unref(e);
}
END_TEST

START_TEST(a_sink_with_nothing_to_close_or_free)
{
    static const weir_sink_ops ops = {.write = own_write};
    struct own o = {0};

    must_eq(weir_sink_init(&o.sink, &ops), 0);
    must_eq(weir_sink_close(&o.sink, NULL), 0);
    weir_sink_unref(&o.sink);
    must_eq(o.freed, 0);
}
END_TEST

/* ---- wrong use, and no memory -------------------------------------------- */

START_TEST(wrong_use_is_refused)
{
    static const weir_sink_ops no_write = {.close = own_close};
    static const weir_event_header nameless[] = {{"a", "b"}, {NULL, "c"}};
    const weir_event_opts bad[] = {
        {.key_size = 1},
        {.size = 1},
        {.header_count = 1},
        {.headers = nameless, .header_count = 2},
        {.key = "k", .key_size = SIZE_MAX},
        {.payload = "p", .size = SIZE_MAX - 64},
        {.key = "k", .key_size = PTRDIFF_MAX},
    };
    weir_sink s;
    weir_event *e;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        e = (weir_event *)&s;
        must_eq(weir_event_new(&e, &bad[i]), WEIR_EINVAL);
        must(e == NULL);
    }
    must_eq(weir_event_new(&e, NULL), WEIR_EINVAL);
    must_eq(weir_event_new(NULL, &(weir_event_opts){0}), WEIR_EINVAL);
    must_eq(weir_sink_init(NULL, &no_write), WEIR_EINVAL);
    must_eq(weir_sink_init(&s, NULL), WEIR_EINVAL);
    must_eq(weir_sink_init(&s, &no_write), WEIR_EINVAL);
    must_eq(weir_sink_write(NULL, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_sink_close(NULL, NULL), WEIR_EINVAL);
    must(weir_sink_ref(NULL) == NULL);
    weir_sink_unref(NULL);
}
END_TEST

START_TEST(out_of_memory)
{
    char payload[] = "kept";
    atomic_int ended = 0;
    weir_event *e = (weir_event *)(void *)payload;
    weir_event_opts o = {.payload = payload,
                         .size = sizeof payload,
                         .destroy = count_end,
                         .arg = &ended};

    wr_mem_fail_after(0);
    must_eq(weir_event_new(&e, &o), WEIR_ENOMEM);
    wr_mem_fail_after(-1);
    must(e == NULL);
    must_eq(ended, 0); /* the payload is still the caller's */
}
END_TEST

CHECK_MAIN(CHECK_TEST(it_holds_a_copy_of_what_it_is_made_of),
           CHECK_TEST(a_copied_payload_is_aligned),
           CHECK_TEST(an_empty_event_has_a_type_and_a_time),
           CHECK_TEST(a_payload_that_is_handed_over_is_not_copied),
           CHECK_TEST(the_null_event_is_one), CHECK_MODES(parties_share_one),
           CHECK_TEST(a_sink_of_ones_own),
           CHECK_TEST(a_sink_with_nothing_to_close_or_free),
           CHECK_TEST(wrong_use_is_refused), CHECK_TEST(out_of_memory))
