/* SPDX-License-Identifier: MIT */
/* Backends by name, options by string: what is wrong is said. */
#include <errno.h>
#include "base/mem.h"
#include "stores.h"

static weir_store_option one[2];

/* Opens "channel" with one option. */
static int open_with(const char *key, const char *value, weir_store **s)
{
    const char *why = "";
    int err;

    one[0] = (weir_store_option){key, value};
    err = weir_store_open(s, "channel", one, &why);
    must((err == 0) == (why == NULL));
    must((err == 0) == (*s != NULL));
    return err;
}

START_TEST(each_good_value)
{
    static const weir_store_option good[] = {
        {"buffer_size", "1"},       {"buffer_size", "2147483648"},
        {"persistent", "true"},     {"persistent", "1"},
        {"persistent", "false"},    {"persistent", "0"},
        {"readers", "compete"},     {"readers", "all"},
        {"policy", "block"},        {"policy", "drop"},
        {"policy", "drop-oldest"},  {"policy", "error"},
        {"policy", "latest"},       {"policy", "sample"},
        {"keep_messages", "1"},     {"keep_messages", "2147483648"},
        {"keep_bytes", "1"},        {"keep_bytes", "4611686018427387904"},
        {"buffer_size", "0000100"}, {"buffer_bytes", "4611686018427387904"},
    };
    weir_store *s;
    size_t i;

    for (i = 0; i < sizeof good / sizeof good[0]; i++) {
        must_eq(open_with(good[i].key, good[i].value, &s), 0);
        weir_store_free(s);
    }
}
END_TEST

START_TEST(each_bad_value_is_an_error)
{
    static const weir_store_option bad[] = {
        {"buffer_size", "12abc"},
        {"buffer_size", "x"},
        {"buffer_size", ""},
        {"buffer_size", "0"},
        {"buffer_size", "-1"},
        {"buffer_size", "+1"},
        {"buffer_size", " 1"},
        {"buffer_size", "1 "},
        {"buffer_size", "1.5"},
        {"buffer_size", "0x10"},
        {"buffer_size", "2147483649"},
        {"buffer_size", "99999999999999999999999999999999"},
        {"buffer_size", NULL},
        {"persistent", "yes"},
        {"persistent", "TRUE"},
        {"persistent", ""},
        {"persistent", "10"},
        {"readers", "some"},
        {"policy", "none"},
        {"keep_messages", "many"},
        {"keep_bytes", "4611686018427387905"},
        {"keep_bytes", "1k"},
        {"buffer_bytes", "0"},
        {"buffer", "1"},
        {"", "1"},
    };
    weir_store *s;
    size_t i;

    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        must_eq(open_with(bad[i].key, bad[i].value, &s), WEIR_EINVAL);
}
END_TEST

START_TEST(what_is_wrong_is_named)
{
    const weir_store_option twice[] = {
        {"buffer_size", "1"}, {"buffer_size", "1"}, {NULL, NULL}};
    const weir_store_option apart[] = {
        {"policy", "latest"}, {"buffer_size", "2"}, {NULL, NULL}};
    const weir_store_option bad[] = {{"buffer_size", "12abc"}, {NULL, NULL}};
    const weir_store_option none[] = {{"readers", NULL}, {NULL, NULL}};
    const char *why = NULL;
    weir_store *s;

    must_eq(weir_store_open(&s, "channel", bad, &why), WEIR_EINVAL);
    must(strstr(why, "buffer_size") != NULL);
    must_eq(weir_store_open(&s, "channel", twice, &why), WEIR_EINVAL);
    must(strcmp(why, "buffer_size stands there twice") == 0);
    must_eq(weir_store_open(&s, "channel", none, &why), WEIR_EINVAL);
    must(strcmp(why, "readers has no value") == 0);
    must_eq(weir_store_open(&s, "channel", apart, &why), WEIR_EINVAL);
    must(strstr(why, "buffer_size") != NULL);
    must_eq(weir_store_open(&s, "chanel", NULL, &why), -ENOENT);
    must(strstr(why, "registered") != NULL);
    must_eq(weir_store_open(&s, "", NULL, NULL), WEIR_EINVAL);
    must_eq(weir_store_open(&s, NULL, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_store_open(NULL, "channel", NULL, NULL), WEIR_EINVAL);
}
END_TEST

START_TEST(options_take_effect)
{
    const weir_store_option o[] = {
        {"buffer_size", "3"}, {"policy", "error"}, {NULL, NULL}};
    const weir_store_option p[] = {
        {"persistent", "1"}, {"keep_messages", "2"}, {NULL, NULL}};
    weir_store *s;
    weir_store_writer *w;
    int i;

    must_eq(weir_store_open(&s, "channel", o, NULL), 0);
    w = writer_of(s, "p");
    for (i = 0; i < 3; i++)
        must_eq(say(w, "x"), 0);
    must_eq(say(w, "x"), WEIR_FULL);
    weir_store_writer_free(w);
    weir_store_free(s);

    must_eq(weir_store_open(&s, "channel", p, NULL), 0);
    w = writer_of(s, "p");
    for (i = 0; i < 3; i++)
        must_eq(say(w, "x"), 0);
    must_eq(stats_of(s, "p").kept, 2);
    weir_store_writer_free(w);
    weir_store_free(s);
}
END_TEST

START_TEST(the_default_buffer_is_100)
{
    weir_store *s;
    weir_store_writer *w;
    weir_store_account a;
    int i;

    must_eq(weir_store_open(&s, "channel", NULL, NULL), 0);
    w = writer_of(s, "p");
    for (i = 0; i < 100; i++)
        must_eq(say(w, "x"), 0);
    must_eq(weir_store_broadcast(s, "", "x", 1, WEIR_STORE_SKIP, NULL, &a), 0);
    must_eq(a.full, 1);
    must_eq(stats_of(s, "p").queue.capacity, 100);
    must_eq(stats_of(s, "p").kept, 0); /* and it is not persistent */
    weir_store_writer_free(w);
    weir_store_free(s);
}
END_TEST

/* ---- the registry -------------------------------------------------------- */

/* A backend that counts how it is used; most of it is never called. */
static int opened, freed, refuse;

static int my_open(void **store, const weir_store_option *options,
                   const char **why)
{
    must(options->key == NULL);
    *store = &opened;
    *why = refuse ? "it refuses" : *why;
    opened += !refuse;
    return refuse;
}

static int my_close(void *store)
{
    must(store == &opened);
    return 0;
}

static void my_free(void *store)
{
    must(store == &opened);
    freed++;
}

static int my_open_path(void *store, const char *path, void **out)
{
    (void)store, (void)path, (void)out;
    return WEIR_STOPPED;
}

static int my_write(void *w, const void *data, size_t size, weir_ctx *ctx)
{
    (void)w, (void)data, (void)size, (void)ctx;
    return WEIR_STOPPED;
}

static ptrdiff_t my_read(void *r, void *buf, size_t size, weir_ctx *ctx)
{
    (void)r, (void)buf, (void)size, (void)ctx;
    return WEIR_STOPPED;
}

static ptrdiff_t my_rest(const void *r)
{
    (void)r;
    return 0;
}

static int my_path(void *store, const char *path)
{
    (void)store, (void)path;
    return 1;
}

static int my_list(void *store, const char *prefix,
                   int (*each)(void *arg, const char *path), void *arg)
{
    (void)store, (void)prefix;
    if (each(arg, "b") || each(arg, "c"))
        return WEIR_ENOMEM;
    return each(arg, "a");
}

static const weir_store_ops my_ops = {
    .close = my_close,
    .free = my_free,
    .writer_open = my_open_path,
    .write = my_write,
    .writer_close = my_close,
    .writer_free = my_free,
    .reader_open = my_open_path,
    .read = my_read,
    .rest = my_rest,
    .reader_close = my_close,
    .reader_free = my_free,
    .exists = my_path,
    .remove = my_path,
    .list = my_list,
    .has_ended = my_path,
};

START_TEST(backends_come_and_go)
{
    weir_store_names names;

    must(weir_store_is_registered("channel"));
    must(!weir_store_is_registered("mine"));
    must(!weir_store_is_registered(NULL));
    must_eq(weir_store_register("mine", &my_ops, my_open), 0);
    must_eq(weir_store_register("mine", &my_ops, my_open), -EEXIST);
    must_eq(weir_store_register("channel", &my_ops, my_open), -EEXIST);
    must_eq(weir_store_register("alpha", &my_ops, my_open), 0);
    must(weir_store_is_registered("mine"));
    must_eq(weir_store_backends(&names), 0);
    must_eq(names.n, 5);
    must(strcmp(names.names[0], "alpha") == 0);
    must(strcmp(names.names[1], "channel") == 0);
    must(strcmp(names.names[2], "file") == 0);
    must(strcmp(names.names[3], "memory") == 0);
    must(strcmp(names.names[4], "mine") == 0);
    weir_store_names_free(&names);
    must_eq(names.n, 0);
    weir_store_names_free(&names);
    weir_store_names_free(NULL);
    must_eq(weir_store_unregister("alpha"), 0);
    must_eq(weir_store_unregister("mine"), 0);
    must_eq(weir_store_unregister("mine"), -ENOENT);
    must_eq(weir_store_unregister("channel"), 0);
    must(!weir_store_is_registered("channel"));
    must_eq(weir_store_unregister("file"), 0);
    must_eq(weir_store_backends(&names), 0);
    must_eq(names.n, 1);
    must(strcmp(names.names[0], "memory") == 0);
    weir_store_names_free(&names);
}
END_TEST

START_TEST(a_backend_of_ones_own)
{
    const char *why = NULL;
    weir_store *s;
    weir_store_writer *w;
    weir_store_reader *r;
    weir_store_names names;
    weir_store_counts counts;
    weir_store_stats st;

    must_eq(weir_store_register("mine", &my_ops, my_open), 0);
    refuse = WEIR_LIMIT;
    must_eq(weir_store_open(&s, "mine", NULL, &why), WEIR_LIMIT);
    must(strcmp(why, "it refuses") == 0);
    refuse = 0;
    must_eq(weir_store_open(&s, "mine", NULL, NULL), 0);
    must_eq(weir_store_unregister("mine"), 0); /* what is open goes on */
    must_eq(weir_store_writer_open(&w, s, "p"), WEIR_STOPPED);
    must(w == NULL);
    must_eq(weir_store_reader_open(&r, s, "p"), WEIR_STOPPED);
    must(r == NULL);
    must_eq(weir_store_list(s, "", &names), 0);
    must_eq(names.n, 3);
    must(strcmp(names.names[0], "a") == 0);
    must(strcmp(names.names[2], "c") == 0);
    weir_store_names_free(&names);
    must_eq(weir_store_count(s, &counts), 0);
    must(counts.open == 0 && counts.closed == 3);
    must_eq(weir_store_get_stats(s, "p", &st), WEIR_UNSUPPORTED);
    must_eq(weir_store_broadcast(s, "", "x", 1, WEIR_STORE_SKIP, NULL, NULL),
            WEIR_UNSUPPORTED);
    weir_store_free(s);
    must_eq(opened, 1);
    must_eq(freed, 1);
}
END_TEST

/* A backend may use the registry while it opens, and fail as it likes. */
static int open_and_leave(void **store, const weir_store_option *options,
                          const char **why)
{
    must(weir_store_is_registered("fickle"));
    must_eq(weir_store_unregister("fickle"), 0);
    *why = NULL;
    (void)store, (void)options;
    return -EIO;
}

START_TEST(a_backend_that_fails)
{
    const char *why = "";
    weir_store *s;

    must_eq(weir_store_register("fickle", &my_ops, open_and_leave), 0);
    must_eq(weir_store_open(&s, "fickle", NULL, &why), -EIO);
    must(s == NULL);
    must(!weir_store_is_registered("fickle"));
    must_eq(weir_store_open(&s, "fickle", NULL, &why), -ENOENT);
}
END_TEST

START_TEST(bad_backends)
{
    weir_store_ops part = my_ops;

    must_eq(weir_store_register(NULL, &my_ops, my_open), WEIR_EINVAL);
    must_eq(weir_store_register("", &my_ops, my_open), WEIR_EINVAL);
    must_eq(weir_store_register("a\tb", &my_ops, my_open), WEIR_EINVAL);
    must_eq(weir_store_register("x", NULL, my_open), WEIR_EINVAL);
    must_eq(weir_store_register("x", &my_ops, NULL), WEIR_EINVAL);
    part.rest = NULL;
    must_eq(weir_store_register("x", &part, my_open), WEIR_EINVAL);
    must_eq(weir_store_unregister(NULL), WEIR_EINVAL);
    must_eq(weir_store_backends(NULL), WEIR_EINVAL);
}
END_TEST

START_TEST(a_registry_without_memory)
{
    weir_store_names names;
    weir_store *s;

    must_eq(weir_store_register("mine", &my_ops, my_open), 0);
    wr_mem_fail_after(0);
    must_eq(weir_store_register("more", &my_ops, my_open), WEIR_ENOMEM);
    must(!weir_store_is_registered("more"));
    must_eq(weir_store_backends(&names), WEIR_ENOMEM);
    must_eq(names.n, 0);
    must_eq(weir_store_open(&s, "mine", NULL, NULL), WEIR_ENOMEM);
    must(s == NULL);
    must_eq(freed, opened); /* the backend's store was given back */
    wr_mem_fail_after(-1);
    must_eq(weir_store_unregister("mine"), 0);
}
END_TEST

/* ---- at the same time ---------------------------------------------------- */

static atomic_int winners;

static void contend(void *arg)
{
    const int rounds = check_scale(200);
    weir_store *s;
    int i, err;

    for (i = 0; i < rounds; i++) {
        err = weir_store_register("contended", &my_ops, my_open);
        must(err == 0 || err == -EEXIST);
        if (err == 0) {
            must_eq(atomic_fetch_add(&winners, 1), 0);
            must_eq(atomic_fetch_sub(&winners, 1), 1);
            must_eq(weir_store_unregister("contended"), 0);
        }
        must_eq(weir_store_open(&s, "channel", NULL, NULL), 0);
        weir_store_free(s);
    }
    (void)arg;
}

BEHAVIOUR(one_of_many_gets_the_name)
{
    int i;

    for (i = 0; i < 4; i++)
        crew_go(crew, contend, NULL);
    crew_wait(crew);
    must(!weir_store_is_registered("contended"));
}

CHECK_MAIN(CHECK_TEST(each_good_value), CHECK_TEST(each_bad_value_is_an_error),
           CHECK_TEST(what_is_wrong_is_named), CHECK_TEST(options_take_effect),
           CHECK_TEST(the_default_buffer_is_100),
           CHECK_TEST(backends_come_and_go), CHECK_TEST(a_backend_of_ones_own),
           CHECK_TEST(a_backend_that_fails), CHECK_TEST(bad_backends),
           CHECK_TEST(a_registry_without_memory),
           CHECK_MODES(one_of_many_gets_the_name))
