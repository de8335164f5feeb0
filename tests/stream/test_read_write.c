/* SPDX-License-Identifier: MIT */
/*
 * One writer, many readers: each has its own offset, starts at 0, may come
 * while the stream is written or after it was closed, sees the same bytes,
 * waits at the end of an open stream and gets the end only when it is closed
 * and drained.
 */
#include "streams.h"

OVER_EACH(each_reader_has_its_own_offset)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *one = reader_of(s), *two;

    put_text(s, "Hello World!");
    must_read(one, "Hello");
    two = reader_of(s);
    must_read(two, "Hello World!");
    must_read(one, " World!");
    weir_reader_free(one);
    weir_reader_free(two);
    weir_stream_unref(s);
    (void)crew;
}

OVER_EACH(a_reader_may_come_after_the_close)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r;

    put_text(s, "Hello");
    must_eq(weir_stream_close(s), 0);
    must_eq(weir_stream_close(s), 0);
    must_eq(weir_stream_write(s, "x", 1, NULL), WEIR_CLOSED);
    r = reader_of(s);
    weir_stream_unref(s);
    must_read(r, "Hello");
    must_end(r);
    ck_assert_str_eq(weir_reader_name(r), "a");
    weir_reader_free(r);
    (void)crew;
}

/* A whole copy, in pieces of odd sizes; waits at the end of what is there. */
static void copy_all(void *arg)
{
    weir_reader *r = arg;
    unsigned char buf[333];
    int64_t off = 0;
    ptrdiff_t got;

    while ((got = weir_reader_read(r, buf, sizeof buf, NULL)) > 0) {
        must_be(buf, (size_t)got, off);
        off += got;
    }
    must_eq(got, 0);
    must_eq(off, 50 * 777);
    weir_reader_free(r);
}

OVER_EACH(all_see_the_same_while_it_is_written)
{
    weir_stream *s = stream_on(fs, "a");
    int i;

    for (i = 0; i < 50; i++) {
        if (i % 10 == 0)
            crew_go(crew, copy_all, reader_of(s));
        put_bytes(s, 777);
    }
    crew_go(crew, copy_all, reader_of(s));
    must_eq(weir_stream_close(s), 0);
    crew_go(crew, copy_all, reader_of(s));
    must_eq(weir_stream_remove(s, NULL), 0);
    weir_stream_unref(s);
}

static void read_end(void *arg)
{
    must_end(arg);
}

OVER_EACH(a_reader_waits_at_the_end_of_an_open_stream)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);

    crew_go(crew, read_end, r);
    until_waiting(s, 1);
    must_eq(weir_stream_close(s), 0);
    crew_wait(crew);
    weir_reader_free(r);
    weir_stream_unref(s);
}

static void write_piece(void *arg)
{
    weir_stream *s = arg;
    char buf[1000];
    int i;

    memset(buf, 'a' + (int)(counts_of(s).written % 3), sizeof buf);
    for (i = 0; i < 20; i++)
        must_eq(weir_stream_write(s, buf, sizeof buf, NULL), sizeof buf);
}

OVER_EACH(writes_are_not_mixed)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);
    char buf[1000];
    int i, k;

    for (i = 0; i < 4; i++)
        crew_go(crew, write_piece, s);
    for (i = 0; i < 80; i++) {
        must_eq(read_n(r, buf, sizeof buf), sizeof buf);
        for (k = 1; k < 1000; k++)
            must_eq(buf[k], buf[0]);
    }
    crew_wait(crew);
    must_eq(counts_of(s).written, 80000);
    weir_reader_free(r);
    weir_stream_unref(s);
}

OVER_EACH(a_zero_length_read_returns_at_once)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);

    must_eq(weir_reader_read(r, NULL, 0, NULL), 0);
    must_eq(weir_reader_read_at(r, NULL, 0, 1000, 0, NULL), 0);
    must_eq(weir_stream_write(s, NULL, 0, NULL), 0);
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

struct range {
    weir_reader *r;
    int64_t off;
    size_t n, at_least;
    ptrdiff_t want;
    atomic_bool done;
};

static void read_range(void *arg)
{
    struct range *g = arg;
    unsigned char *buf = malloc(g->n);

    must_eq(weir_reader_read_at(g->r, buf, g->n, g->off, g->at_least, NULL),
            g->want);
    if (g->want > 0)
        must_be(buf, (size_t)g->want, g->off);
    free(buf);
    atomic_store(&g->done, true);
}

OVER_EACH(read_at_waits_for_its_whole_range_or_the_end)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);
    struct range full = {r, 50, 200, 200, 200, 0};
    struct range some = {r, 50, 200, 1, 10, 0};
    struct range cut = {r, 200, 500, 500, 100, 0}, past = {r, 301, 5, 5, 0, 0};

    crew_go(crew, read_range, &full);
    crew_go(crew, read_range, &some);
    crew_go(crew, read_range, &cut);
    crew_go(crew, read_range, &past);
    until_waiting(s, 4);
    put_bytes(s, 60);
    while (!atomic_load(&some.done))
        weir_yield();
    must_eq(counts_of(s).waiting, 3);
    put_bytes(s, 189);
    must_eq(counts_of(s).waiting, 3);
    put_bytes(s, 51);
    must_eq(counts_of(s).waiting, 2);
    must_eq(weir_stream_close(s), 0);
    crew_wait(crew);
    weir_reader_free(r);
    weir_stream_unref(s);
}

OVER_EACH(read_at_of_what_is_there_now_does_not_wait)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);
    char buf[8];

    must_eq(weir_reader_read_at(r, buf, 8, 0, 0, NULL), WEIR_EMPTY);
    must_eq(weir_reader_read_at(r, buf, 8, 100, 0, NULL), WEIR_EMPTY);
    put_text(s, "abcdef");
    must_eq(weir_reader_read_at(r, buf, 4, 1, 4, NULL), 4);
    ck_assert_mem_eq(buf, "bcde", 4);
    must_eq(weir_reader_read_at(r, buf, 8, 4, 0, NULL), 2);
    must_read(r, "abcdef");
    must_eq(weir_stream_close(s), 0);
    must_eq(weir_reader_read_at(r, buf, 8, 4, 8, NULL), 2);
    must_eq(weir_reader_read_at(r, buf, 8, INT64_MAX, 8, NULL), 0);
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

/* The wait of one for less does not cost the others theirs. */
OVER_EACH(only_those_whose_offset_was_reached_are_woken)
{
    enum { WAITERS = 10 };
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);
    struct range range[WAITERS] = {0};
    int i;

    for (i = 0; i < WAITERS; i++) {
        const size_t n = (size_t)(i * 7 % WAITERS + 1) * 100;
        range[i].r = r;
        range[i].n = range[i].at_least = n;
        range[i].want = (ptrdiff_t)n;
        crew_go(crew, read_range, &range[i]);
    }
    until_waiting(s, WAITERS);
    for (i = 0; i < WAITERS; i++) {
        put_bytes(s, 99);
        must_eq(counts_of(s).woken, i);
        put_bytes(s, 1);
        must_eq(counts_of(s).woken, i + 1);
        must_eq(counts_of(s).waiting, WAITERS - i - 1);
    }
    crew_wait(crew);
    weir_reader_free(r);
    weir_stream_unref(s);
}

CHECK_MAIN(CHECK_MODES(each_reader_has_its_own_offset),
           CHECK_MODES(a_reader_may_come_after_the_close),
           CHECK_MODES(all_see_the_same_while_it_is_written),
           CHECK_MODES(a_reader_waits_at_the_end_of_an_open_stream),
           CHECK_MODES(writes_are_not_mixed),
           CHECK_MODES(a_zero_length_read_returns_at_once),
           CHECK_MODES(read_at_waits_for_its_whole_range_or_the_end),
           CHECK_MODES(read_at_of_what_is_there_now_does_not_wait),
           CHECK_MODES(only_those_whose_offset_was_reached_are_woken))
