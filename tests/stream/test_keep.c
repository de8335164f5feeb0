/* SPDX-License-Identifier: MIT */
/*
 * What is kept: everything, what the slowest reader still needs, or so many
 * bytes; and what a writer does at the bound: wait, drop the oldest and tell
 * those who lost them, or fail.
 */
#include "streams.h"

static const weir_stream_opts trims = {.trim = true, .segment = 4};
static const weir_stream_opts waits = {
    .trim = true, .segment = 4, .max_bytes = 10};
static const weir_stream_opts drops = {
    .segment = 4, .max_bytes = 10, .policy = WEIR_DROP_OLDEST};

static void must_keep(weir_stream *s, int64_t start, int64_t written)
{
    const weir_stream_counts c = counts_of(s);

    must_eq(c.start, start);
    must_eq(c.written, written);
}

/* ---- behind the slowest reader ------------------------------------------- */

BEHAVIOUR(nothing_goes_without_being_asked)
{
    weir_stream *s = mem_with((weir_stream_opts){0});
    weir_reader *r = reader_of(s);

    put_text(s, "0123456789");
    must_read(r, "0123456789");
    must_keep(s, 0, 10);
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

BEHAVIOUR(what_the_slowest_has_passed_goes)
{
    weir_stream *s = mem_with(trims);
    weir_reader *a = reader_of(s), *b = reader_of(s), *c = reader_of(s);

    put_text(s, "0123456789");
    must_read(a, "012345");
    must_read(b, "01");
    must_keep(s, 0, 10);
    must_read(c, "0123");
    must_keep(s, 2, 10);
    must_read(b, "23456");
    must_keep(s, 4, 10);
    weir_reader_free(c);
    must_keep(s, 6, 10);
    c = reader_of(s);
    must_read(c, "6");
    must_keep(s, 6, 10);
    must_read(a, "6789");
    must_keep(s, 7, 10);
    must_read(b, "789");
    must_read(c, "789");
    must_keep(s, 10, 10);
    weir_reader_free(a);
    weir_reader_free(b);
    weir_reader_free(c);
    weir_stream_unref(s);
    (void)crew;
}

BEHAVIOUR(without_readers_it_waits_for_the_next)
{
    weir_stream *s = mem_with(trims);
    weir_reader *r;

    put_text(s, "0123");
    r = reader_of(s);
    must_read(r, "01");
    weir_reader_free(r);
    put_text(s, "4567");
    must_keep(s, 2, 8);
    must_eq(weir_stream_close(s), 0);
    r = reader_of(s);
    must_read(r, "234567");
    must_end(r);
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

/* A reader ahead of what is written lets all go; one that goes back finds
 * what is kept, and is told of the rest. */
BEHAVIOUR(a_seek_counts_as_passing)
{
    weir_stream *s = mem_with(trims);
    weir_reader *r = reader_of(s);
    int64_t total;
    char buf[9];

    put_text(s, "0123");
    must_eq(weir_reader_seek(r, 6, SEEK_SET, NULL), 6);
    must_keep(s, 4, 4);
    put_text(s, "456789");
    must_keep(s, 6, 10);
    must_eq(weir_reader_seek(r, 1, SEEK_SET, NULL), 1);
    must_eq(weir_reader_read_at(r, buf, 9, 5, 1, NULL), WEIR_LAGGED);
    must_eq(weir_reader_lost(r, NULL), 0);
    must_eq(weir_reader_read(r, buf, 9, NULL), WEIR_LAGGED);
    must_eq(weir_reader_lost(r, &total), 5);
    must_eq(total, 5);
    must_read(r, "6789");
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

/* The least of them, but no less than start. */
static int64_t least_of(const int64_t *at, int n, int64_t start)
{
    int64_t least = at[0];
    int i;

    for (i = 1; i < n; i++)
        least = at[i] < least ? at[i] : least;
    return least > start ? least : start;
}

/* The readers' moves against a plain look at all of them. */
START_TEST(the_slowest_is_known_whoever_moves)
{
    enum { READERS = 6 };
    weir_stream *s = mem_with(trims);
    weir_reader *r[READERS];
    int64_t at[READERS] = {0}, start = 0;
    unsigned rng = 1;
    char buf[40];
    int i, k, n;

    put_bytes(s, 20000);
    for (k = 0; k < READERS; k++)
        r[k] = reader_of(s);
    for (i = 0; i < check_scale(4000); i++) {
        rng = rng * 1103515245 + 12345;
        k = (int)(rng >> 16) % READERS;
        n = (int)(rng >> 20) % 8;
        if (n == 7) {
            weir_reader_free(r[k]);
            at[k] = INT64_MAX;
            start = least_of(at, READERS, start);
            r[k] = reader_of(s);
            at[k] = start;
        } else if (n == 6 && at[k] > start) {
            at[k] = start + (at[k] - start) / 2;
            must_eq(weir_reader_seek(r[k], at[k], SEEK_SET, NULL), at[k]);
        } else {
            n = n % 3 * 8;
            must_eq(weir_reader_read(r[k], buf, (size_t)n, NULL), n);
            must_be(buf, (size_t)n, at[k]);
            at[k] += n;
        }
        start = least_of(at, READERS, start);
        must_eq(counts_of(s).start, start);
        if (start > 15000)
            break;
    }
    for (k = 0; k < READERS; k++)
        weir_reader_free(r[k]);
    weir_stream_unref(s);
}
END_TEST

/* Without trimming this would need 64 MiB and more; the test's memory may grow
 * by a small part of that. */
START_TEST(trimmed_memory_returns)
{
    enum { CHUNK = 1 << 16 };
    weir_stream *s = mem_with((weir_stream_opts){.trim = true});
    weir_reader *r = reader_of(s);
    static char buf[CHUNK];
    int i;

    wr_mem_fail_after(20);
    for (i = 0; i < 1000; i++) {
        must_eq(weir_stream_write(s, buf, CHUNK, NULL), CHUNK);
        must_eq(read_n(r, buf, CHUNK), CHUNK);
    }
    wr_mem_fail_after(-1);
    weir_reader_free(r);
    weir_stream_unref(s);
}
END_TEST

/* ---- a bound: wait ------------------------------------------------------- */

struct writing {
    weir_stream *s;
    weir_ctx *ctx;
    const char *text;
    ptrdiff_t want;
};

static void write_it(void *arg)
{
    struct writing *w = arg;

    must_eq(weir_stream_write(w->s, w->text, strlen(w->text), w->ctx), w->want);
}

BEHAVIOUR(a_write_waits_for_the_slowest_reader)
{
    weir_stream *s = mem_with(waits);
    weir_reader *a = reader_of(s), *b = reader_of(s);
    struct writing w = {s, NULL, "0123456789abcdef", 16};

    crew_go(crew, write_it, &w);
    until_blocked(s);
    must_keep(s, 0, 10);
    must_read(a, "0123456789");
    must_keep(s, 0, 10);
    must_read(b, "01234");
    must_read(a, "abcde");
    until_blocked(s);
    must_keep(s, 5, 15);
    weir_reader_free(b);
    must_read(a, "f");
    crew_wait(crew);
    must_keep(s, 16, 16);
    weir_reader_free(a);
    weir_stream_unref(s);
}

BEHAVIOUR(a_write_that_waits_ends_with_its_context)
{
    weir_stream *s = mem_with(waits);
    weir_ctx ctx = WEIR_CTX_INIT;
    struct writing w = {s, &ctx, "0123456789abcdef", 10};

    crew_go(crew, write_it, &w);
    until_blocked(s);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    crew_wait(crew);
    must_eq(weir_stream_write(s, "x", 1, &ctx), WEIR_CANCELED);
    must_keep(s, 0, 10);
    must_eq(weir_ctx_fini(&ctx), 0);
    weir_stream_unref(s);
}

BEHAVIOUR(a_write_that_waits_ends_with_the_stream)
{
    weir_stream *s = mem_with(waits), *t = mem_with(waits);
    struct writing full = {s, NULL, "0123456789", 10};
    struct writing closed = {s, NULL, "x", WEIR_CLOSED};
    struct writing canceled = {t, NULL, "x", -EPIPE};
    int i;

    write_it(&full);
    full.s = t;
    write_it(&full);
    for (i = 0; i < 3; i++) {
        crew_go(crew, write_it, &closed);
        crew_go(crew, write_it, &canceled);
    }
    until_blocked(s);
    until_blocked(t);
    must_eq(weir_stream_close(s), 0);
    must_eq(weir_stream_cancel(t, -EPIPE), 0);
    crew_wait(crew);
    must_keep(s, 0, 10);
    weir_stream_unref(s);
    weir_stream_unref(t);
}

/* ---- a bound: fail, or drop ---------------------------------------------- */

BEHAVIOUR(a_full_stream_may_be_an_error)
{
    weir_stream *s = mem_with(
        (weir_stream_opts){.max_bytes = 4, .policy = WEIR_ERROR, .trim = true});
    weir_reader *r = reader_of(s);

    must_eq(weir_stream_write(s, "012345", 6, NULL), 4);
    must_eq(weir_stream_write(s, "45", 2, NULL), WEIR_FULL);
    must_read(r, "012");
    must_eq(weir_stream_write(s, "4567", 4, NULL), 3);
    must_read(r, "3456");
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

BEHAVIOUR(a_lagging_reader_is_told_what_it_lost_and_goes_on)
{
    weir_stream *s = mem_with(drops);
    weir_reader *slow = reader_of(s), *fast = reader_of(s), *late;
    int64_t total;
    char buf[20];

    put_text(s, "01234567");
    must_read(fast, "01234567");
    must_read(slow, "0");
    put_text(s, "89abcdef");
    must_keep(s, 6, 16);
    must_eq(counts_of(s).dropped, 6);
    must_read(fast, "89abcdef");
    must_eq(weir_reader_lost(fast, &total), 0);
    must_eq(weir_reader_read(slow, buf, 20, NULL), WEIR_LAGGED);
    must_eq(weir_reader_lost(slow, &total), 5);
    must_read(slow, "67");
    put_text(s, "ghij");
    must_eq(weir_reader_read(slow, buf, 20, NULL), WEIR_LAGGED);
    must_eq(weir_reader_lost(slow, &total), 2);
    must_eq(total, 7);
    must_eq(weir_reader_read_at(slow, buf, 20, 9, 1, NULL), WEIR_LAGGED);
    late = reader_of(s);
    must_eq(weir_stream_close(s), 0);
    must_read(slow, "abcdefghij");
    must_end(slow);
    must_read(late, "abcdefghij");
    weir_reader_free(late);
    weir_reader_free(slow);
    weir_reader_free(fast);
    weir_stream_unref(s);
    (void)crew;
}

BEHAVIOUR(a_write_beyond_the_bound_leaves_its_last_part)
{
    weir_stream *s = mem_with(drops);
    weir_reader *r;
    char buf[20];

    put_text(s, "0123456789abcdefghijklmnopqrstuvwxyz");
    must_keep(s, 26, 36);
    must_eq(counts_of(s).dropped, 26);
    r = reader_of(s);
    must_read(r, "qrstuvwxyz");
    must_eq(weir_reader_read_at(r, buf, 20, 0, 11, NULL), WEIR_LIMIT);
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(nothing_goes_without_being_asked),
           CHECK_MODES(what_the_slowest_has_passed_goes),
           CHECK_MODES(without_readers_it_waits_for_the_next),
           CHECK_MODES(a_seek_counts_as_passing),
           CHECK_TEST(the_slowest_is_known_whoever_moves),
           CHECK_TEST(trimmed_memory_returns),
           CHECK_MODES(a_write_waits_for_the_slowest_reader),
           CHECK_MODES(a_write_that_waits_ends_with_its_context),
           CHECK_MODES(a_write_that_waits_ends_with_the_stream),
           CHECK_MODES(a_full_stream_may_be_an_error),
           CHECK_MODES(a_lagging_reader_is_told_what_it_lost_and_goes_on),
           CHECK_MODES(a_write_beyond_the_bound_leaves_its_last_part))
