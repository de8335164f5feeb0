/* SPDX-License-Identifier: MIT */
/* The backends "memory" and "file": one interface, and nothing goes. */
#include "base/mem.h"
#include "logs.h"
#include "order.h"

/* For each backend and each kind of party. */
#define LOG_BEHAVIOUR(name)                                                    \
    static void name##_on(struct crew *crew, int kind);                        \
    BEHAVIOUR(name)                                                            \
    {                                                                          \
        name##_on(crew, MEMORY);                                               \
        name##_on(crew, FILES);                                                \
    }                                                                          \
    static void name##_on(struct crew *crew, int kind)

LOG_BEHAVIOUR(every_reader_gets_all_from_the_first)
{
    struct dir d;
    weir_store *s = log_of(kind, &d);
    weir_store_writer *w = writer_of(s, "some/path");
    weir_store_reader *early = reader_of(s, "some/path"), *late;
    struct call c = {.r = early};

    call_start(crew, &c);
    must_eq(say(w, "1"), 0);
    crew_wait(crew);
    must_eq(c.result, 1);
    must_eq(say(w, ""), 0);
    must_eq(say(w, "three"), 0);
    late = reader_of(s, "some/path");
    hear(late, "1");
    hear(late, "");
    hear(early, "");
    must_eq(weir_store_writer_close(w), 0);
    must_eq(weir_store_writer_close(w), 0);
    hear(early, "three");
    hear(late, "three");
    must_eq(read_code(early), WEIR_CLOSED);
    must_eq(read_code(late), WEIR_CLOSED);
    must_eq(read_code(late), WEIR_CLOSED);
    weir_store_reader_free(late);
    late = reader_of(s, "some/path"); /* after the end */
    hear(late, "1");
    weir_store_writer_free(w);
    weir_store_reader_free(early);
    weir_store_reader_free(late);
    log_end(kind, s, &d);
}

LOG_BEHAVIOUR(a_read_never_crosses_messages)
{
    struct dir d;
    weir_store *s = log_of(kind, &d);
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *r = reader_of(s, "p");
    char buf[4];

    must_eq(say(w, "0123456789"), 0);
    must_eq(say(w, "next"), 0);
    must_eq(weir_store_read(r, buf, 4, NULL), 4);
    must_eq(weir_store_rest(r), 6);
    must_eq(weir_store_read(r, buf, 4, NULL), 4);
    must_eq(weir_store_read(r, buf, 4, NULL), 2);
    must(memcmp(buf, "89", 2) == 0);
    must_eq(weir_store_rest(r), 0);
    hear(r, "next");
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    log_end(kind, s, &d);
    (void)crew;
}

/* Below, at and above what is written or read in one piece. */
LOG_BEHAVIOUR(messages_of_every_size)
{
    static const size_t sizes[] = {0,    1,    1010, 1011,  1012,   4082,
                                   4083, 4084, 5000, 65536, 300001, 3};
    struct dir d;
    weir_store *s = log_of(kind, &d);
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *r = reader_of(s, "p");
    unsigned char *out = malloc(300001), *in = malloc(300001);
    size_t i, k;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (k = 0; k < sizes[i]; k++)
            out[k] = (unsigned char)(i + k * 7);
        must_eq(weir_store_write(w, out, sizes[i], NULL), 0);
        if (i % 2 == 0) /* also several at a time */
            continue;
        for (k = i - 1; k <= i; k++)
            must_eq(weir_store_read(r, in, 300001, NULL), sizes[k]);
        must(memcmp(in, out, sizes[i]) == 0);
    }
    must_eq(stats_of(s, "p").written, sizeof sizes / sizeof sizes[0]);
    free(out);
    free(in);
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    log_end(kind, s, &d);
    (void)crew;
}

LOG_BEHAVIOUR(paths_exist_end_and_go)
{
    struct dir d;
    weir_store *s = log_of(kind, &d);
    weir_store_writer *a = writer_of(s, "x/a"), *b = writer_of(s, "x/b"), *w;
    weir_store_reader *c = reader_of(s, "c"), *r;
    weir_store_names names;
    weir_store_counts counts;
    weir_store_stats st;

    must_eq(weir_store_exists(s, "x/a"), 1);
    must_eq(weir_store_exists(s, "x"), 0);
    must_eq(weir_store_list(s, "x/", &names), 0);
    must_eq(names.n, 2);
    must(strcmp(names.names[0], "x/a") == 0);
    must(strcmp(names.names[1], "x/b") == 0);
    weir_store_names_free(&names);
    must_eq(say(a, "old"), 0);
    must_eq(weir_store_writer_close(a), 0);
    must_eq(weir_store_writer_open(&w, s, "x/a"), WEIR_CLOSED);
    must_eq(weir_store_count(s, &counts), 0);
    must(counts.open == 2 && counts.closed == 1);
    must(stats_of(s, "x/a").ended);
    must_eq(weir_store_get_stats(s, "none", &st), -ENOENT);
    must_eq(weir_store_exists(s, "none"), 0);

    r = reader_of(s, "x/a");
    must_eq(weir_store_delete(s, "x/a"), 0);
    must_eq(weir_store_delete(s, "x/a"), 0);
    must_eq(weir_store_exists(s, "x/a"), 0);
    w = writer_of(s, "x/a");
    must_eq(say(w, "new"), 0);
    hear(r, "old");
    must_eq(read_code(r), WEIR_CLOSED);
    weir_store_reader_free(r);
    r = reader_of(s, "x/a");
    hear(r, "new");
    must_eq(weir_store_delete(s, "x/a"), 0);
    must_eq(say(w, "no"), WEIR_CLOSED);
    must_eq(read_code(r), WEIR_CLOSED);
    weir_store_writer_free(a);
    weir_store_writer_free(b);
    weir_store_writer_free(w);
    weir_store_reader_free(c);
    weir_store_reader_free(r);
    log_end(kind, s, &d);
    (void)crew;
}

LOG_BEHAVIOUR(a_broadcast_with_its_account)
{
    struct dir d;
    weir_store *s = log_of(kind, &d);
    weir_store_reader *a = reader_of(s, "sub/a"), *b = reader_of(s, "sub/b");
    weir_store_writer *ended = writer_of(s, "sub/c");
    weir_store_account got;

    weir_store_writer_free(ended);
    must_eq(
        weir_store_broadcast(s, "sub/", "all", 3, WEIR_STORE_SKIP, NULL, &got),
        0);
    must(got.matched == 3 && got.sent == 2 && got.closed == 1);
    hear(a, "all");
    hear(b, "all");
    must_eq(stats_of(s, "sub/a").written, 1);
    must_eq(weir_store_close(s), 0);
    must_eq(weir_store_broadcast(s, "", "x", 1, WEIR_STORE_SKIP, NULL, &got),
            WEIR_CLOSED);
    weir_store_reader_free(a);
    weir_store_reader_free(b);
    log_end(kind, s, &d);
    (void)crew;
}

LOG_BEHAVIOUR(whatever_waits_can_be_ended)
{
    struct dir d;
    weir_store *s = log_of(kind, &d);
    weir_store_reader *r = reader_of(s, "p"), *q = reader_of(s, "p");
    weir_ctx ctx = WEIR_CTX_INIT;
    struct call canceled = {.r = q, .ctx = &ctx};
    struct call first = {.r = r}, second = {.r = r}, third = {.r = q};

    call_start(crew, &canceled);
    call_start(crew, &first);
    call_start(crew, &second);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    must_eq(weir_store_reader_close(r), 0);
    must_eq(weir_store_reader_close(r), 0);
    crew_wait(crew);
    must_eq(canceled.result, WEIR_CANCELED);
    must_eq(first.result, WEIR_CLOSED);
    must_eq(second.result, WEIR_CLOSED);
    must_eq(read_code(r), WEIR_CLOSED);
    must_eq(stats_of(s, "p").readers, 1);
    call_start(crew, &third);
    must_eq(weir_store_close(s), 0);
    must_eq(weir_store_close(s), 0);
    crew_wait(crew);
    must_eq(third.result, WEIR_CLOSED);
    must_eq(weir_ctx_fini(&ctx), 0);
    weir_store_reader_free(r);
    weir_store_reader_free(q);
    log_end(kind, s, &d);
}

/* Not even what was read ahead comes after close. */
LOG_BEHAVIOUR(a_closed_reader_gets_nothing_more)
{
    struct dir d;
    weir_store *s = log_of(kind, &d);
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *r = reader_of(s, "p");
    char b;

    must_eq(say(w, "12"), 0);
    must_eq(say(w, "3"), 0);
    must_eq(weir_store_read(r, &b, 1, NULL), 1);
    must_eq(weir_store_reader_close(r), 0);
    must_eq(weir_store_read(r, &b, 1, NULL), WEIR_CLOSED);
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    log_end(kind, s, &d);
    (void)crew;
}

LOG_BEHAVIOUR(a_closed_store_ends_everything)
{
    struct dir d;
    weir_store *s = log_of(kind, &d), *gone;
    weir_store_writer *w = writer_of(s, "p"), *other;
    weir_store_reader *r = reader_of(s, "p"), *more;

    must_eq(say(w, "x"), 0);
    must_eq(weir_store_close(s), 0);
    must_eq(say(w, "no"), WEIR_CLOSED);
    must_eq(weir_store_writer_open(&other, s, "p"), WEIR_CLOSED);
    must_eq(weir_store_reader_open(&more, s, "q"), WEIR_CLOSED);
    must_eq(weir_store_exists(s, "p"), 1);
    must_eq(weir_store_exists(s, "q"), 0);
    must(stats_of(s, "p").ended && stats_of(s, "p").written == 1);
    gone = s;
    log_end(kind, gone, &d);
    hear(r, "x"); /* handles outlive the store */
    must_eq(read_code(r), WEIR_CLOSED);
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    (void)crew;
}

START_TEST(a_limit_in_bytes)
{
    const weir_store_file_opts o = {.max_bytes = 48};
    struct dir d;
    weir_store *s;
    weir_store_writer *w;
    weir_store_account got;

    if (_i == MEMORY) {
        must_eq(weir_store_memory(&s, 48), 0);
    } else {
        dir_make(&d);
        s = files_of(&d, &o);
    }
    w = writer_of(s, "p");
    must_eq(weir_store_write(w, "01234567890123456789012345678901", 32, NULL),
            WEIR_LIMIT);
    must_eq(say(w, "0123456"), 0); /* 24 with its frame */
    must_eq(say(w, "01234567"), WEIR_FULL);
    must_eq(weir_store_broadcast(s, "", "01234567", 8, WEIR_STORE_DROP_OLDEST,
                                 NULL, &got),
            0);
    must_eq(got.full, 1);
    must_eq(got.dropped, 0);
    must_eq(say(w, "0123456"), 0);
    must_eq(say(w, ""), WEIR_FULL);
    must_eq(stats_of(s, "p").kept, 2);
    must_eq(stats_of(s, "p").kept_bytes, 14);
    must_eq(stats_of(s, "p").queue.max_bytes, 48);
    weir_store_writer_free(w);
    log_end(_i, s, &d);
}
END_TEST

/* ---- all at once --------------------------------------------------------- */

LOG_BEHAVIOUR(all_readers_see_one_order)
{
    struct dir d;
    weir_store *s = log_of(kind, &d);
    const int n = must_see_one_order(crew, s, check_scale(300));

    must_eq(stats_of(s, "p").kept, (uint64_t)n);
    log_end(kind, s, &d);
}

static const char *const paths[] = {"a", "b", "c"};

struct visitor {
    weir_store *s;
    int id, n;
};

/* Opens, writes, reads, ends and deletes, all of the same few paths. */
static void come_and_go(void *arg)
{
    struct visitor *v = arg;
    weir_store_writer *w;
    weir_store_reader *r;
    weir_store_counts c;
    char buf[8];
    int i, err;

    for (i = 0; i < v->n; i++) {
        const char *path = paths[(i + v->id) % 3];

        err = weir_store_writer_open(&w, v->s, path);
        must(err == 0 || err == WEIR_CLOSED);
        if (err == 0) {
            err = say(w, "message");
            must(err == 0 || err == WEIR_CLOSED);
        }
        must_eq(weir_store_reader_open(&r, v->s, path), 0);
        if (i % 3 == 0)
            must_eq(weir_store_delete(v->s, path), 0);
        else if (w != NULL)
            must_eq(weir_store_writer_close(w), 0);
        while ((err = (int)weir_store_read(r, buf, sizeof buf, NULL)) == 7 &&
               i % 2 == 0)
            ;
        must(err == 7 || err == WEIR_CLOSED);
        must_eq(weir_store_count(v->s, &c), 0);
        weir_store_writer_free(w);
        weir_store_reader_free(r);
    }
}

/* The last of them may open a path anew that another deleted meanwhile, and
 * then nobody is left to end it: that is for the body to do. */
static bool some_go_on(struct crew *crew)
{
    weir_ctx soon;
    int err;

    must_eq(weir_ctx_init_timeout(&soon, NULL, WEIR_MILLISECOND), 0);
    err = weir_wg_wait(&crew->live, &soon);
    must_eq(weir_ctx_fini(&soon), 0);
    must(err == 0 || err == WEIR_TIMEDOUT);
    return err == WEIR_TIMEDOUT;
}

LOG_BEHAVIOUR(paths_come_and_go_at_the_same_time)
{
    struct dir d;
    weir_store *s = log_of(kind, &d);
    struct visitor v[4];
    int i;

    for (i = 0; i < 4; i++) {
        v[i] = (struct visitor){.s = s, .id = i, .n = check_scale(60)};
        crew_go(crew, come_and_go, &v[i]);
    }
    while (some_go_on(crew))
        for (i = 0; i < 3; i++)
            must_eq(weir_store_delete(s, paths[i]), 0);
    crew_wait(crew);
    log_end(kind, s, &d);
}

/* ---- no memory ----------------------------------------------------------- */

static bool all_done(int kind, int64_t n)
{
    struct dir d;
    weir_store *s = NULL;
    weir_store_writer *w = NULL;
    weir_store_reader *r = NULL;
    weir_store_names names = {0};
    char large[5000] = {0};
    uint64_t read = 0;
    int err, i;

    dir_make(&d);
    wr_mem_fail_after(n);
    err = kind == MEMORY ? weir_store_memory(&s, 0)
                         : weir_store_files(&s, d.path, NULL);
    err = err ? err : weir_store_writer_open(&w, s, "p");
    err = err ? err : weir_store_reader_open(&r, s, "p");
    for (i = 0; i < 40 && !err; i++)
        err = weir_store_write(w, large, sizeof large, NULL);
    err =
        err ? err
            : weir_store_broadcast(s, "", "y", 1, WEIR_STORE_SKIP, NULL, NULL);
    err = err ? err : weir_store_list(s, "", &names);
    if (!err) {
        const ptrdiff_t got = weir_store_read(r, large, sizeof large, NULL);

        must(got == 5000 || got == WEIR_ENOMEM);
        if (got < 0)
            err = WEIR_ENOMEM; /* and the message is still to come */
        else
            read = 1;
    }
    wr_mem_fail_after(-1);
    must(err == 0 || err == WEIR_ENOMEM);
    weir_store_names_free(&names);
    if (r != NULL) { /* what was written is all there, and it goes on */
        const uint64_t written = stats_of(s, "p").written;
        uint64_t k;

        must_eq(say(w, "last"), 0);
        for (k = read; k < written && k < 40; k++)
            must_eq(weir_store_read(r, large, sizeof large, NULL), 5000);
        if (written == 41)
            hear(r, "y");
        hear(r, "last");
    }
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    weir_store_free(s);
    dir_end(&d);
    return err == 0;
}

START_TEST(each_allocation_may_fail)
{
    int64_t n = 0;

    while (!all_done(_i, n))
        must(++n < 500);
    must(n > 8);
    must_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

START_TEST(bad_calls)
{
    const weir_store_file_opts odd = {.sync = (enum weir_store_sync)9};
    weir_store *s;

    must_eq(weir_store_memory(NULL, 0), WEIR_EINVAL);
    must_eq(weir_store_memory(&s, UINT64_MAX), WEIR_EINVAL);
    must(s == NULL);
    must_eq(weir_store_files(NULL, "/tmp", NULL), WEIR_EINVAL);
    must_eq(weir_store_files(&s, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_store_files(&s, "/tmp", &odd), WEIR_EINVAL);
    must(s == NULL);
}
END_TEST

CHECK_MAIN(CHECK_MODES(every_reader_gets_all_from_the_first),
           CHECK_MODES(a_read_never_crosses_messages),
           CHECK_MODES(messages_of_every_size),
           CHECK_MODES(paths_exist_end_and_go),
           CHECK_MODES(a_broadcast_with_its_account),
           CHECK_MODES(whatever_waits_can_be_ended),
           CHECK_MODES(a_closed_reader_gets_nothing_more),
           CHECK_MODES(a_closed_store_ends_everything),
           CHECK_LOOP(a_limit_in_bytes, LOGS),
           CHECK_MODES(all_readers_see_one_order),
           CHECK_MODES(paths_come_and_go_at_the_same_time),
           CHECK_LOOP(each_allocation_may_fail, LOGS), CHECK_TEST(bad_calls))
