/* SPDX-License-Identifier: MIT */
/*
 * Streams in memory: segments, no byte moved as they grow, and reading without
 * a copy; and a file system of one's own under the same streams.
 */
#include "streams.h"

static bool lend(weir_reader *r, weir_loan *loan, size_t max)
{
    int got = weir_reader_borrow(r, loan, max, NULL);

    must(got >= 0);
    must((got == 1) == (loan->data != NULL));
    return got == 1;
}

BEHAVIOUR(growth_copies_nothing)
{
    enum { SEGMENTS = 300, SIZE = 64 };
    weir_stream *s = mem_with((weir_stream_opts){.segment = SIZE});
    weir_reader *r = reader_of(s), *again;
    const void *at[SEGMENTS];
    weir_loan loan;
    int i;

    for (i = 0; i < SEGMENTS; i++) {
        put_bytes(s, SIZE);
        must(lend(r, &loan, 0));
        must_eq(loan.size, SIZE);
        at[i] = loan.data;
        must_eq(weir_reader_give_back(r, &loan), 0);
    }
    again = reader_of(s);
    for (i = 0; i < SEGMENTS; i++) {
        must(lend(again, &loan, 0));
        must(loan.data == at[i]);
        must_be(loan.data, loan.size, (int64_t)i * SIZE);
        must_eq(weir_reader_give_back(again, &loan), 0);
    }
    weir_reader_free(again);
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

/* Each size of segment with writes and reads of any length across its ends. */
BEHAVIOUR(segments_of_any_size_join)
{
    const size_t sizes[] = {1, 2, 7, 64, 100, 4096};
    unsigned char buf[400];
    size_t i, k;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        weir_stream *s = mem_with((weir_stream_opts){.segment = sizes[i]});
        weir_reader *r = reader_of(s);

        for (k = 1; k < 60; k++) {
            put_bytes(s, k);
            must_eq(weir_reader_read_at(r, buf, k, 0, k, NULL), k);
            must_be(buf, k, 0);
        }
        must_eq(weir_stream_close(s), 0);
        for (k = 0; k < 1770; k += 295) {
            must_eq(weir_reader_read(r, buf, 295, NULL), 295);
            must_be(buf, 295, (int64_t)k);
        }
        must_end(r);
        weir_reader_free(r);
        weir_stream_unref(s);
    }
    (void)crew;
}

BEHAVIOUR(a_loan_advances_and_is_bounded)
{
    weir_stream *s = mem_with((weir_stream_opts){.segment = 8});
    weir_reader *r = reader_of(s);
    weir_loan a, b, none;

    put_text(s, "0123456789");
    must(lend(r, &a, 3));
    must_eq(a.size, 3);
    must(lend(r, &b, 0));
    must_eq(b.size, 5);
    ck_assert_mem_eq(a.data, "012", 3);
    ck_assert_mem_eq(b.data, "34567", 5);
    must_eq(weir_reader_give_back(r, &a), 0);
    must(a.data == NULL);
    must_eq(weir_reader_give_back(r, &a), WEIR_EINVAL);
    must_eq(weir_reader_give_back(r, &b), 0);
    must_read(r, "89");
    must_eq(weir_stream_close(s), 0);
    must(!lend(r, &none, 0));
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

static void borrow_one(void *arg)
{
    weir_loan loan;

    must(lend(arg, &loan, 0));
    ck_assert_mem_eq(loan.data, "x", 1);
    must_eq(weir_reader_give_back(arg, &loan), 0);
}

BEHAVIOUR(a_borrow_waits_as_a_read_does)
{
    weir_stream *s = mem_with((weir_stream_opts){0});
    weir_reader *r = reader_of(s);

    crew_go(crew, borrow_one, r);
    until_waiting(s, 1);
    put_text(s, "x");
    crew_wait(crew);
    weir_reader_free(r);
    weir_stream_unref(s);
}

/* What is lent outlives everything but its giving back. */
BEHAVIOUR(a_loan_outlives_close_trim_and_cancel)
{
    weir_stream *s = mem_with((weir_stream_opts){.trim = true, .segment = 4});
    weir_reader *r = reader_of(s), *other = reader_of(s);
    weir_loan a, b;

    put_text(s, "abcdefgh");
    must(lend(r, &a, 0));
    must(lend(r, &b, 2));
    must_read(other, "abcdefgh");
    must_eq(counts_of(s).start, 6);
    must_eq(weir_reader_close(r), 0);
    must_eq(counts_of(s).readers, 2);
    must_eq(counts_of(s).start, 8);
    put_text(s, "ijklmnop");
    must_read(other, "ijklmnop");
    must_eq(weir_stream_cancel(s, 0), 0);
    ck_assert_mem_eq(a.data, "abcd", 4);
    ck_assert_mem_eq(b.data, "ef", 2);
    must_eq(weir_reader_give_back(r, &a), 0);
    must_eq(counts_of(s).readers, 2);
    must_eq(weir_reader_give_back(r, &b), 0);
    must_eq(counts_of(s).readers, 1);
    weir_reader_free(r);
    weir_reader_free(other);
    weir_stream_unref(s);
    (void)crew;
}

/* A write is whole, short with its count, or fails; what was told stays. */
START_TEST(no_memory_for_a_segment)
{
    weir_stream *s = mem_with((weir_stream_opts){.segment = 10});
    weir_reader *r = reader_of(s);
    char buf[100];

    fill(buf, sizeof buf, 0);
    must_eq(weir_stream_write(s, buf, 5, NULL), 5);
    wr_mem_fail_after(2);
    must_eq(weir_stream_write(s, buf + 5, 60, NULL), 25);
    must_eq(weir_stream_write(s, buf + 30, 60, NULL), WEIR_ENOMEM);
    wr_mem_fail_after(-1);
    must_eq(weir_stream_write(s, buf + 30, 60, NULL), 60);
    must_eq(read_n(r, buf, 90), 90);
    must_be(buf, 90, 0);
    weir_reader_free(r);
    weir_stream_unref(s);
}
END_TEST

/* ---- a file system of one's own ------------------------------------------ */

/* One file of at most 32 bytes that takes and gives at most 3 at a time, and
 * whose reads of one handle can be held up. */
struct tiny {
    weir_fs base;
    char data[32];
    int64_t len;
    int handles, fail;
    weir_mutex slow;
    atomic_int reading;
};

struct tiny_file {
    weir_file base;
    struct tiny *fs;
};

static ptrdiff_t tiny_write(weir_file *f, const void *buf, size_t n)
{
    struct tiny *t = ((struct tiny_file *)f)->fs;

    n = n < 3 ? n : 3;
    if (t->fail)
        return t->fail;
    if ((size_t)t->len + n > sizeof t->data)
        return -ENOSPC;
    memcpy(t->data + t->len, buf, n);
    t->len += (int64_t)n;
    return (ptrdiff_t)n;
}

static ptrdiff_t tiny_read_at(weir_file *f, void *buf, size_t n, int64_t off)
{
    struct tiny *t = ((struct tiny_file *)f)->fs;

    n = n < 3 ? n : 3;
    atomic_fetch_add(&t->reading, 1);
    must_eq(weir_mutex_lock(&t->slow, NULL), 0);
    memcpy(buf, t->data + off, n);
    must_eq(weir_mutex_unlock(&t->slow), 0);
    return (ptrdiff_t)n;
}

static int tiny_close(weir_file *f)
{
    ((struct tiny_file *)f)->fs->handles--;
    free(f);
    return -EDQUOT;
}

static int tiny_open(weir_fs *fs, const char *name, weir_file **out)
{
    static const weir_file_ops ops = {
        .write = tiny_write, .read_at = tiny_read_at, .close = tiny_close};
    struct tiny_file *f = malloc(sizeof *f);

    must(strcmp(name, "tiny") == 0);
    f->base.ops = &ops;
    f->fs = (struct tiny *)fs;
    f->fs->handles++;
    *out = &f->base;
    return 0;
}

static int tiny_remove(weir_fs *fs, const char *name)
{
    (void)fs, (void)name;
    return -EPERM;
}

static const weir_fs_ops tiny_ops = {
    .create = tiny_open, .open = tiny_open, .remove = tiny_remove};

BEHAVIOUR(a_users_own_files)
{
    struct tiny t = {.base = {&tiny_ops}};
    weir_stream *s = stream_on(&t.base, "tiny");
    weir_reader *r = reader_of(s);
    char buf[40] = {0};

    put_text(s, "in pieces of three");
    must_read(r, "in pieces of three");
    must_eq(weir_stream_write(s, buf, 20, NULL), 12);
    must_eq(weir_stream_write(s, buf, 20, NULL), -ENOSPC);
    t.fail = -EIO;
    must_eq(weir_stream_write(s, buf, 1, NULL), -EIO);
    must_eq(read_n(r, buf, 12), 12);
    must_eq(weir_reader_close(r), -EDQUOT);
    must_eq(weir_reader_close(r), 0);
    must_eq(weir_stream_close(s), -EDQUOT);
    must_eq(weir_stream_close(s), 0);
    must_eq(t.handles, 0);
    must_eq(weir_stream_remove(s, NULL), -EPERM);
    must_eq(weir_stream_remove(s, NULL), -EPERM);
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

/* Trimming that leaves zeros behind, as a hole does. */
static void tiny_trim(weir_file *f, int64_t upto)
{
    memset(((struct tiny_file *)f)->fs->data, 0, (size_t)upto);
}

static int holed_open(weir_fs *fs, const char *name, weir_file **out)
{
    static const weir_file_ops ops = {.write = tiny_write,
                                      .read_at = tiny_read_at,
                                      .close = tiny_close,
                                      .trim = tiny_trim};
    int err = tiny_open(fs, name, out);

    (*out)->ops = &ops;
    return err;
}

static void read_what_is_dropped(void *arg)
{
    weir_reader *r = arg;
    char buf[3];

    must_eq(weir_reader_read(r, buf, 3, NULL), WEIR_LAGGED);
    must_eq(weir_reader_lost(r, NULL), 8);
}

static void read_at_what_is_dropped(void *arg)
{
    char buf[3];

    must_eq(weir_reader_read_at(arg, buf, 3, 1, 3, NULL), WEIR_LAGGED);
}

BEHAVIOUR(a_read_that_a_trim_overtakes_gets_no_hole)
{
    static const weir_fs_ops ops = {
        .create = holed_open, .open = holed_open, .remove = tiny_remove};
    const weir_stream_opts o = {.max_bytes = 8, .policy = WEIR_DROP_OLDEST};
    struct tiny t = {.base = {&ops}};
    weir_stream *s;
    weir_reader *r;

    must_eq(weir_stream_new(&t.base, "tiny", &o, &s), 0);
    r = reader_of(s);
    put_text(s, "abcdefgh");
    must_eq(weir_mutex_lock(&t.slow, NULL), 0);
    crew_go(crew, read_what_is_dropped, r);
    crew_go(crew, read_at_what_is_dropped, r);
    while (atomic_load(&t.reading) < 2)
        must_eq(weir_sleep(WEIR_MILLISECOND / 10, NULL), 0);
    put_text(s, "ijklmnop");
    must_eq(weir_mutex_unlock(&t.slow), 0);
    crew_wait(crew);
    must_read(r, "ijklmnop");
    weir_reader_free(r);
    weir_stream_unref(s);
}

START_TEST(a_file_that_cannot_trim_says_so)
{
    const weir_stream_opts trims[] = {
        {.trim = true}, {.max_bytes = 5, .policy = WEIR_DROP_OLDEST}};
    const weir_stream_opts most = {.max_bytes = 5, .policy = WEIR_ERROR};
    struct tiny t = {.base = {&tiny_ops}};
    weir_stream *s;
    int i;

    for (i = 0; i < 2; i++)
        must_eq(weir_stream_new(&t.base, "tiny", &trims[i], &s),
                WEIR_UNSUPPORTED);
    must_eq(t.handles, 0);
    must_eq(weir_stream_new(&t.base, "tiny", &most, &s), 0);
    must_eq(weir_stream_write(s, "abcdefgh", 8, NULL), 5);
    weir_stream_unref(s);
    must_eq(weir_stream_open(&t.base, "tiny", &s), WEIR_UNSUPPORTED);
    must_eq(weir_stream_resume(&t.base, "tiny", NULL, NULL, &s),
            WEIR_UNSUPPORTED);
    must_eq(weir_stream_verify(&t.base, "tiny", NULL), WEIR_UNSUPPORTED);
    must_eq(t.handles, 0);
}
END_TEST

static void read_hello(void *arg)
{
    must_read(arg, "hello");
}

BEHAVIOUR(a_writer_never_waits_for_a_readers_disk)
{
    struct tiny t = {.base = {&tiny_ops}};
    weir_stream *s = stream_on(&t.base, "tiny");
    weir_reader *r = reader_of(s);

    must_eq(weir_mutex_lock(&t.slow, NULL), 0);
    put_text(s, "hello");
    crew_go(crew, read_hello, r);
    while (atomic_load(&t.reading) == 0)
        must_eq(weir_sleep(WEIR_MILLISECOND / 10, NULL), 0);
    put_text(s, "and on");
    must_eq(weir_stream_close(s), -EDQUOT);
    must_eq(weir_reader_close(r), 0);
    must_eq(counts_of(s).readers, 1);
    must_eq(weir_mutex_unlock(&t.slow), 0);
    while (counts_of(s).readers > 0)
        must_eq(weir_sleep(WEIR_MILLISECOND / 10, NULL), 0);
    crew_wait(crew);
    weir_reader_free(r);
    weir_stream_unref(s);
    must_eq(t.handles, 0);
}

CHECK_MAIN(CHECK_MODES(growth_copies_nothing),
           CHECK_MODES(segments_of_any_size_join),
           CHECK_MODES(a_loan_advances_and_is_bounded),
           CHECK_MODES(a_borrow_waits_as_a_read_does),
           CHECK_MODES(a_loan_outlives_close_trim_and_cancel),
           CHECK_TEST(no_memory_for_a_segment),
           CHECK_TEST(a_file_that_cannot_trim_says_so),
           CHECK_MODES(a_read_that_a_trim_overtakes_gets_no_hole),
           CHECK_MODES(a_users_own_files),
           CHECK_MODES(a_writer_never_waits_for_a_readers_disk))
