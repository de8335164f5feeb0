/* SPDX-License-Identifier: MIT */
/* A reader beside other things that one waits for: as a case of select, and as
 * a descriptor in poll. */
#include <poll.h>
#include "streams.h"

static weir_chan *ready_of(weir_reader *r)
{
    weir_chan *c;

    must_eq(weir_reader_ready(r, &c), 0);
    must(c != NULL);
    return c;
}

static bool polls(weir_reader *r)
{
    struct pollfd p = {weir_reader_fd(r), POLLIN, 0};

    must(p.fd >= 0);
    return poll(&p, 1, 0) == 1;
}

/* Is the case ready? That takes it. */
static bool is_ready(weir_chan *c)
{
    weir_case cs[] = {WEIR_RECV(c, NULL)};
    int i = weir_try_select(cs, 1);

    must(i == 0 || i == WEIR_EMPTY);
    return i == 0;
}

/* ---- select -------------------------------------------------------------- */

struct follower {
    weir_reader *r;
    weir_ctx *ctx;
    ints *other;
    int others;
};

/* Reads the stream to its end, and what comes beside it. */
static void follow(void *arg)
{
    struct follower *f = arg;
    unsigned char buf[100];
    int64_t off = 0;
    ptrdiff_t got = 1;
    int n;

    while (got != 0) {
        weir_case cs[] = {WEIR_RECV(ready_of(f->r), NULL),
                          ints_recv_case(f->other, &n)};
        if (weir_select(cs, 2, NULL) == 1) {
            must_eq(n, f->others++);
            continue;
        }
        got = weir_reader_read(f->r, buf, sizeof buf, NULL);
        must(got >= 0);
        must_be(buf, (size_t)got, off);
        off += got;
    }
    must_eq(off, 20000);
}

OVER_EACH(a_reader_is_a_case_of_select)
{
    weir_stream *s = stream_on(fs, "a");
    ints *other = ints_new(0);
    struct follower f = {reader_of(s), NULL, other, 0};
    int i;

    crew_go(crew, follow, &f);
    for (i = 0; i < 100; i++) {
        put_bytes(s, (size_t)(i % 7 * 50 + 50));
        put(other, i);
    }
    put_bytes(s, (size_t)(20000 - counts_of(s).written));
    must_eq(weir_stream_close(s), 0);
    crew_wait(crew);
    must_eq(f.others, 100);
    weir_reader_free(f.r);
    weir_stream_unref(s);
    ints_unref(other);
}

static void select_or_done(void *arg)
{
    struct follower *f = arg;
    weir_case cs[] = {WEIR_RECV(ready_of(f->r), NULL), WEIR_DONE(f->ctx)};

    must_eq(weir_select(cs, 2, NULL), 1);
}

BEHAVIOUR(a_select_on_a_reader_can_be_cancelled)
{
    weir_stream *s = mem_with((weir_stream_opts){0});
    weir_ctx ctx = WEIR_CTX_INIT;
    struct follower f = {reader_of(s), &ctx, NULL, 0};

    crew_go(crew, select_or_done, &f);
    settle();
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    crew_wait(crew);
    must_eq(weir_ctx_fini(&ctx), 0);
    weir_reader_free(f.r);
    weir_stream_unref(s);
}

OVER_EACH(it_is_ready_as_often_as_a_read_would_not_wait)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);
    weir_chan *c = ready_of(r);
    char buf[10];

    must(c == ready_of(r));
    must(!is_ready(c));
    put_text(s, "abcdef");
    must(is_ready(c));
    must(!is_ready(c));
    must_read(r, "ab");
    must(is_ready(c));
    must_read(r, "cdef");
    must(!is_ready(c));
    must_eq(weir_reader_seek(r, 1, SEEK_SET, NULL), 1);
    must(is_ready(c));
    must_eq(weir_reader_seek(r, 9, SEEK_SET, NULL), 9);
    must(!is_ready(c));
    put_text(s, "ghi");
    must(!is_ready(c));
    put_text(s, "j");
    must(is_ready(c));
    must_eq(weir_reader_read_at(r, buf, 10, 0, 10, NULL), 10);
    must_read(r, "j");
    must(!is_ready(c));
    must_eq(counts_of(s).waiting, 0);
    must_eq(counts_of(s).woken, 0);
    must_eq(weir_stream_close(s), 0);
    must(is_ready(c));
    must(is_ready(c));
    must_end(r);
    must(is_ready(c));
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

/* ---- poll ---------------------------------------------------------------- */

OVER_EACH(it_polls_exactly_while_a_read_would_not_wait)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s), *other = reader_of(s);

    must_eq(weir_reader_fd(r), weir_reader_fd(r));
    must(weir_reader_fd(r) != weir_reader_fd(other));
    must(!polls(r));
    put_text(s, "abcdef");
    must(polls(r) && polls(r) && polls(other));
    must_read(r, "abc");
    must(polls(r));
    must_read(r, "def");
    must(!polls(r) && polls(other));
    must_eq(weir_reader_seek(r, 0, SEEK_SET, NULL), 0);
    must(polls(r));
    must_eq(weir_reader_seek(r, 0, WEIR_SEEK_WRITTEN, NULL), 6);
    must(!polls(r));
    must_eq(weir_reader_close(other), 0);
    must(polls(other));
    must_eq(weir_stream_close(s), 0);
    must(polls(r));
    must_end(r);
    must(polls(r));
    weir_reader_free(r);
    weir_reader_free(other);
    weir_stream_unref(s);
    (void)crew;
}

BEHAVIOUR(each_end_makes_it_ready)
{
    weir_stream *s[3];
    weir_reader *r[3];
    int i;

    for (i = 0; i < 3; i++) {
        s[i] = mem_with((weir_stream_opts){0});
        r[i] = reader_of(s[i]);
        must(!polls(r[i]) && !is_ready(ready_of(r[i])));
        if (i == 1) {
            put_text(s[i], "x");
            must(is_ready(ready_of(r[i])) && !is_ready(ready_of(r[i])));
        }
    }
    must_eq(weir_stream_cancel(s[0], 0), 0);
    must_eq(weir_stream_close_with(s[1], -EIO), 0);
    must_eq(weir_reader_close(r[2]), 0);
    for (i = 0; i < 3; i++) {
        must(polls(r[i]) && is_ready(ready_of(r[i])));
        must(is_ready(ready_of(r[i])));
        weir_reader_free(r[i]);
        weir_stream_unref(s[i]);
    }
    (void)crew;
}

BEHAVIOUR(bytes_that_were_dropped_make_it_ready)
{
    weir_stream *s = mem_with(
        (weir_stream_opts){.max_bytes = 4, .policy = WEIR_DROP_OLDEST});
    weir_reader *r = reader_of(s);
    char c;

    must(!polls(r));
    put_text(s, "abcdefgh");
    must(polls(r) && is_ready(ready_of(r)));
    must_eq(weir_reader_read(r, &c, 1, NULL), WEIR_LAGGED);
    must(polls(r) && is_ready(ready_of(r)));
    must_read(r, "efgh");
    must(!polls(r) && !is_ready(ready_of(r)));
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

/* A loop over many readers with one poll. */
static void write_some(void *arg)
{
    int i;

    for (i = 0; i < 30; i++)
        put_bytes(arg, 100);
    must_eq(weir_stream_close(arg), 0);
}

BEHAVIOUR(one_loop_polls_many_readers)
{
    enum { N = 10 };
    weir_stream *s[N];
    weir_reader *r[N];
    struct pollfd p[N];
    unsigned char buf[70];
    int64_t off[N] = {0};
    int i, left = N;

    for (i = 0; i < N; i++) {
        s[i] = mem_with((weir_stream_opts){0});
        r[i] = reader_of(s[i]);
        p[i] = (struct pollfd){weir_reader_fd(r[i]), POLLIN, 0};
        crew_go(crew, write_some, s[i]);
    }
    while (left > 0) {
        for (i = 0; i < N && poll(p, N, 0) == 0; i++)
            weir_yield();
        for (i = 0; i < N; i++)
            if (p[i].fd >= 0 && p[i].revents) {
                ptrdiff_t got = weir_reader_read(r[i], buf, sizeof buf, NULL);
                must(got >= 0);
                must_be(buf, (size_t)got, off[i]);
                off[i] += got;
                p[i].fd = got ? p[i].fd : -1;
                left -= got == 0;
            }
    }
    crew_wait(crew);
    for (i = 0; i < N; i++) {
        must_eq(off[i], 3000);
        weir_reader_free(r[i]);
        weir_stream_unref(s[i]);
    }
}

START_TEST(it_needs_memory_and_a_reader)
{
    weir_stream *s = mem_with((weir_stream_opts){0});
    weir_reader *r = reader_of(s);
    weir_chan *c;
    int n;

    for (n = 0; n < 2; n++) {
        wr_mem_fail_after(n);
        must_eq(weir_reader_ready(r, &c), WEIR_ENOMEM);
        must(c == NULL);
    }
    wr_mem_fail_after(-1);
    must_eq(weir_reader_ready(r, &c), 0);
    must_eq(weir_reader_ready(NULL, &c), WEIR_EINVAL);
    must_eq(weir_reader_ready(r, NULL), WEIR_EINVAL);
    must_eq(weir_reader_fd(NULL), WEIR_EINVAL);
    weir_reader_free(r);
    weir_stream_unref(s);
}
END_TEST

CHECK_MAIN(CHECK_MODES(a_reader_is_a_case_of_select),
           CHECK_MODES(a_select_on_a_reader_can_be_cancelled),
           CHECK_MODES(it_is_ready_as_often_as_a_read_would_not_wait),
           CHECK_MODES(it_polls_exactly_while_a_read_would_not_wait),
           CHECK_MODES(each_end_makes_it_ready),
           CHECK_MODES(bytes_that_were_dropped_make_it_ready),
           CHECK_MODES(one_loop_polls_many_readers),
           CHECK_TEST(it_needs_memory_and_a_reader))
