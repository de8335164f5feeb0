/* SPDX-License-Identifier: MIT */
/* Paths: what may be one, lists, counts, the account; bad calls; no memory. */
#include <errno.h>
#include "base/mem.h"
#include "stores.h"

START_TEST(a_path_is_validated)
{
    static const char *const bad[] = {"", "a\nb", "\t", "a\x7f", "\x01", NULL};
    char longest[WEIR_STORE_PATH_MAX + 2];
    weir_store *s = store_of(NULL);
    weir_store_reader *r;
    weir_store_writer *w;
    weir_store_stats st;
    size_t i;

    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        must_eq(weir_store_writer_open(&w, s, bad[i]), WEIR_EINVAL);
        must(w == NULL);
        must_eq(weir_store_reader_open(&r, s, bad[i]), WEIR_EINVAL);
        must(r == NULL);
        must_eq(weir_store_exists(s, bad[i]), WEIR_EINVAL);
        must_eq(weir_store_delete(s, bad[i]), WEIR_EINVAL);
        must_eq(weir_store_get_stats(s, bad[i], &st), WEIR_EINVAL);
    }
    memset(longest, 'x', sizeof longest);
    longest[WEIR_STORE_PATH_MAX + 1] = '\0';
    must_eq(weir_store_writer_open(&w, s, longest), WEIR_EINVAL);
    longest[WEIR_STORE_PATH_MAX] = '\0';
    w = writer_of(s, longest);
    must_eq(weir_store_exists(s, longest), 1);
    weir_store_writer_free(w);
    w = writer_of(s, "\xc3\xa4 / b");
    weir_store_writer_free(w);
    weir_store_free(s);
}
END_TEST

START_TEST(list_is_sorted_and_by_prefix)
{
    static const char *const paths[] = {"b/2", "a",   "b/10", "c", "b",
                                        "b/1", "b/3", "\xff", "bb"};
    static const char *const sorted[] = {"a",   "b",  "b/1", "b/10", "b/2",
                                         "b/3", "bb", "c",   "\xff"};
    weir_store *s = store_of(NULL);
    weir_store_names names;
    size_t i;

    must_eq(weir_store_list(s, "", &names), 0);
    must_eq(names.n, 0);
    for (i = 0; i < 9; i++)
        weir_store_reader_free(reader_of(s, paths[i]));
    must_eq(weir_store_list(s, "", &names), 0);
    must_eq(names.n, 9);
    for (i = 0; i < 9; i++)
        must(strcmp(names.names[i], sorted[i]) == 0);
    weir_store_names_free(&names);
    must_eq(weir_store_list(s, "b/", &names), 0);
    must_eq(names.n, 4);
    for (i = 0; i < 4; i++)
        must(strcmp(names.names[i], sorted[i + 2]) == 0);
    weir_store_names_free(&names);
    must_eq(weir_store_delete(s, "b/10"), 0);
    must_eq(weir_store_list(s, "b/1", &names), 0);
    must_eq(names.n, 1);
    weir_store_names_free(&names);
    must_eq(weir_store_list(s, "zz", &names), 0);
    must_eq(names.n, 0);
    for (i = 0; i < 100; i++) {
        char path[16];

        snprintf(path, sizeof path, "many/%zu", (i * 37) % 100 + 100);
        weir_store_reader_free(reader_of(s, path));
    }
    must_eq(weir_store_list(s, "many/", &names), 0);
    must_eq(names.n, 100);
    for (i = 1; i < 100; i++)
        must(strcmp(names.names[i - 1], names.names[i]) < 0);
    weir_store_names_free(&names);
    must_eq(weir_store_list(s, "\n", &names), WEIR_EINVAL);
    must_eq(weir_store_list(s, NULL, &names), WEIR_EINVAL);
    weir_store_free(s);
}
END_TEST

START_TEST(count_tells_open_from_closed)
{
    weir_store *s = store_of(NULL);
    weir_store_writer *w = writer_of(s, "a");
    weir_store_reader *r = reader_of(s, "b");
    weir_store_counts c;

    must_eq(weir_store_count(s, &c), 0);
    must(c.open == 2 && c.closed == 0);
    weir_store_writer_free(w);
    must_eq(weir_store_count(s, &c), 0);
    must(c.open == 1 && c.closed == 1);
    must_eq(weir_store_delete(s, "a"), 0);
    must_eq(weir_store_count(s, &c), 0);
    must(c.open == 1 && c.closed == 0);
    must_eq(weir_store_close(s), 0);
    must_eq(weir_store_count(s, &c), 0);
    must(c.open == 0 && c.closed == 1);
    weir_store_reader_free(r);
    weir_store_free(s);
}
END_TEST

/* ---- policies and the account -------------------------------------------- */

/* Three writes into room for two: what each policy makes of them. */
START_TEST(each_policy_on_a_path)
{
    static const struct {
        const char *name;
        int third;
        const char *read;
        uint64_t dropped;
        enum weir_drop reason;
    } rows[] = {{"drop", 0, "1", 1, WEIR_DROP_NEWEST},
                {"drop-oldest", 0, "2", 1, WEIR_DROP_FIRST},
                {"error", WEIR_FULL, "1", 0, WEIR_DROP_NEWEST},
                {"latest", 0, "3", 2, WEIR_DROP_STALE}};
    size_t i;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        weir_store_channel_opts o = {.buffer_size = 2};
        weir_store *s;
        weir_store_writer *w;
        weir_store_reader *r;
        weir_store_stats st;

        must_eq(weir_policy_parse(rows[i].name, &o.policy), 0);
        o.buffer_size = o.policy == WEIR_LATEST ? 0 : 2;
        s = store_of(&o);
        w = writer_of(s, "p");
        r = reader_of(s, "p");
        must_eq(say(w, "1"), 0);
        must_eq(say(w, "2"), 0);
        must_eq(say(w, "3"), rows[i].third);
        st = stats_of(s, "p");
        must_eq(st.queue.dropped, rows[i].dropped);
        must_eq(st.queue.dropped_by[rows[i].reason], rows[i].dropped);
        must_eq(st.queue.refused, rows[i].third ? 1 : 0);
        hear(r, rows[i].read);
        must_eq(stats_of(s, "p").queue.received, 1);
        weir_store_writer_free(w);
        weir_store_reader_free(r);
        weir_store_free(s);
    }
}
END_TEST

static void look(weir_chan *c, void *arg)
{
    if (strcmp(weir_chan_name(c), "seen/by-name") == 0)
        ++*(int *)arg;
}

START_TEST(the_account_of_a_path)
{
    weir_store *s = store_of(NULL);
    weir_store_writer *w = writer_of(s, "seen/by-name");
    weir_store_stats st;
    int found = 0;

    must_eq(say(w, "four"), 0);
    must_eq(say(w, ""), 0);
    must_eq(say(w, "xy"), 0);
    st = stats_of(s, "seen/by-name");
    must_eq(st.written, 3);
    must_eq(st.bytes, 6);
    must_eq(st.queue.queued, 3);
    must(st.queue.utilization > 0.02 && st.queue.utilization < 0.04);
    must_eq(st.writers, 1);
    must_eq(st.readers, 0);
    must(!st.ended);
    must(weir_chan_each(look, &found) > 0);
    must_eq(found, 1);
    must_eq(weir_store_get_stats(s, "other", &st), -ENOENT);
    must_eq(weir_store_get_stats(s, "other", NULL), WEIR_EINVAL);
    weir_store_writer_free(w);
    must(stats_of(s, "seen/by-name").ended);
    weir_store_free(s);
}
END_TEST

/* ---- bad calls, no memory ------------------------------------------------ */

START_TEST(bad_calls)
{
    const weir_store_channel_opts odd = {.policy = (enum weir_policy)99};
    const weir_store_channel_opts wide = {.buffer_size = 2,
                                          .policy = WEIR_LATEST};
    weir_store *s = store_of(NULL), *none;
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *r = reader_of(s, "p");
    char b = 0;

    must_eq(weir_store_channel(NULL, NULL), WEIR_EINVAL);
    must_eq(weir_store_channel(&none, &odd), WEIR_EINVAL);
    must_eq(weir_store_channel(&none, &wide), WEIR_EINVAL);
    must(none == NULL);
    must_eq(weir_store_writer_open(NULL, s, "p"), WEIR_EINVAL);
    must_eq(weir_store_reader_open(NULL, s, "p"), WEIR_EINVAL);
    must_eq(weir_store_write(NULL, "x", 1, NULL), WEIR_EINVAL);
    must_eq(weir_store_write(w, NULL, 1, NULL), WEIR_EINVAL);
    must_eq(weir_store_write(w, &b, WEIR_STORE_MESSAGE_MAX + 1, NULL),
            WEIR_LIMIT);
    must_eq(weir_store_read(NULL, &b, 1, NULL), WEIR_EINVAL);
    must_eq(weir_store_read(r, NULL, 1, NULL), WEIR_EINVAL);
    must_eq(weir_store_read(r, &b, 0, NULL), WEIR_EINVAL);
    must_eq(weir_store_rest(NULL), WEIR_EINVAL);
    must_eq(weir_store_close(NULL), WEIR_EINVAL);
    must_eq(weir_store_writer_close(NULL), WEIR_EINVAL);
    must_eq(weir_store_reader_close(NULL), WEIR_EINVAL);
    must_eq(weir_store_count(s, NULL), WEIR_EINVAL);
    must_eq(weir_store_count(NULL, NULL), WEIR_EINVAL);
    must_eq(weir_store_exists(NULL, "p"), WEIR_EINVAL);
    must_eq(weir_store_delete(NULL, "p"), WEIR_EINVAL);
    weir_store_free(NULL);
    weir_store_writer_free(NULL);
    weir_store_reader_free(NULL);
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    weir_store_free(s);
}
END_TEST

/* Does all there is with n allocations; was that enough? */
static bool all_done(const weir_store_option *options, int64_t n)
{
    weir_store *s = NULL;
    weir_store_writer *w = NULL;
    weir_store_reader *a = NULL, *b = NULL;
    weir_store_names names = {0};
    int err, i;

    wr_mem_fail_after(n);
    err = weir_store_open(&s, "channel", options, NULL);
    err = err ? err : weir_store_writer_open(&w, s, "p");
    err = err ? err : weir_store_reader_open(&a, s, "p");
    err = err ? err : weir_store_reader_open(&b, s, "p");
    for (i = 0; i < 20 && !err; i++)
        err = say(w, "x");
    err =
        err ? err
            : weir_store_broadcast(s, "", "y", 1, WEIR_STORE_SKIP, NULL, NULL);
    err = err ? err : weir_store_list(s, "", &names);
    wr_mem_fail_after(-1);
    must(err == 0 || err == WEIR_ENOMEM);
    must(err == 0 || names.n == 0);
    weir_store_names_free(&names);
    if (a != NULL && i > 0) { /* what was written before is all there */
        const uint64_t written = stats_of(s, "p").written;

        must(written >= (uint64_t)(i - 1));
        if (written > 0)
            hear(a, "x");
    }
    weir_store_writer_free(w);
    weir_store_reader_free(a);
    weir_store_reader_free(b);
    weir_store_free(s);
    return err == 0;
}

START_TEST(each_allocation_may_fail)
{
    const weir_store_option kinds[][2] = {{{"readers", "compete"}},
                                          {{"readers", "all"}},
                                          {{"persistent", "true"}}};
    int64_t n = 0;

    while (!all_done(kinds[_i], n))
        must(++n < 500);
    must(n > 20);
    must_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

CHECK_MAIN(CHECK_TEST(a_path_is_validated),
           CHECK_TEST(list_is_sorted_and_by_prefix),
           CHECK_TEST(count_tells_open_from_closed),
           CHECK_TEST(each_policy_on_a_path), CHECK_TEST(the_account_of_a_path),
           CHECK_TEST(bad_calls), CHECK_LOOP(each_allocation_may_fail, 3))
