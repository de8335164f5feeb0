/* SPDX-License-Identifier: MIT */
/*
 * A stream in memory whose older part moves to disk: read through without a
 * difference, in order, with so much in memory and no more.
 */
#include "streams.h"

enum { SEGMENT = 1000, ABOVE = 3000 };

static weir_stream *spilling(weir_fs *to, bool trim)
{
    return mem_with((weir_stream_opts){.segment = SEGMENT,
                                       .spill_above = ABOVE,
                                       .spill_to = to,
                                       .trim = trim});
}

static void read_all(void *arg)
{
    weir_reader *r = arg;
    unsigned char buf[777];
    int64_t off = 0;
    ptrdiff_t got;

    while ((got = weir_reader_read(r, buf, sizeof buf, NULL)) > 0) {
        must_be(buf, (size_t)got, off);
        off += got;
    }
    must_eq(got, 0);
    must_eq(off, weir_reader_size(r, NULL));
    weir_reader_free(r);
}

static void borrow_all(void *arg)
{
    weir_reader *r = arg;
    weir_loan loan;
    int64_t off = 0;
    int got;

    while ((got = weir_reader_borrow(r, &loan, 0, NULL)) > 0) {
        must_be(loan.data, loan.size, off);
        off += (int64_t)loan.size;
        must_eq(weir_reader_give_back(r, &loan), 0);
    }
    must_eq(got, 0);
    weir_reader_free(r);
}

OVER_EACH(readers_read_through_what_was_spilled)
{
    weir_stream *s = spilling(fs, false);
    int i;

    for (i = 0; i < 100; i++) {
        if (i % 20 == 0) {
            crew_go(crew, read_all, reader_of(s));
            crew_go(crew, borrow_all, reader_of(s));
        }
        put_bytes(s, 777);
    }
    must_eq(weir_stream_close(s), 0);
    crew_go(crew, read_all, reader_of(s));
    crew_wait(crew);
    weir_stream_unref(s);
}

/* One segment costs one allocation: what may be allocated is what may be in
 * memory, whatever is written. */
BEHAVIOUR(memory_is_bounded)
{
    struct scratch d = scratch_new();
    weir_fs *fs = dirfs_of(&d);
    weir_stream *s = spilling(fs, false);
    weir_reader *r = reader_of(s);
    static unsigned char buf[100000];

    put_bytes(s, 10 * SEGMENT);
    must_eq(weir_sleep(1, NULL), 0);
    wr_mem_fail_after(0);
    fill(buf, sizeof buf, 10 * SEGMENT);
    must_eq(weir_stream_write(s, buf, sizeof buf, NULL), sizeof buf);
    wr_mem_fail_after(-1);
    must_eq(read_n(r, buf, 10 * SEGMENT), 10 * SEGMENT);
    must_be(buf, 10 * SEGMENT, 0);
    must_eq(read_n(r, buf, sizeof buf), sizeof buf);
    must_be(buf, sizeof buf, 10 * SEGMENT);
    weir_reader_free(r);
    weir_stream_unref(s);
    weir_fs_free(fs);
    scratch_free(&d);
    (void)crew;
}

BEHAVIOUR(its_file_has_no_name)
{
    struct scratch d = scratch_new();
    weir_fs *fs = dirfs_of(&d);
    weir_stream *s = spilling(fs, false), *t;

    put_bytes(s, 10 * SEGMENT);
    must_eq(scratch_files(&d), 0);
    weir_stream_unref(s);
    must_eq(setenv("TMPDIR", d.path, 1), 0);
    t = spilling(NULL, false);
    put_bytes(t, 10 * SEGMENT);
    must_eq(scratch_files(&d), 0);
    must_eq(weir_stream_close(t), 0);
    read_all(reader_of(t));
    weir_stream_unref(t);
    weir_fs_free(fs);
    scratch_free(&d);
    (void)crew;
}

BEHAVIOUR(without_a_place_for_it_the_write_says_so)
{
    unsigned char buf[10 * SEGMENT];
    weir_stream *s;

    must_eq(setenv("TMPDIR", "/nonexistent/weir", 1), 0);
    s = spilling(NULL, false);
    fill(buf, sizeof buf, 0);
    must_eq(weir_stream_write(s, buf, sizeof buf, NULL), ABOVE + SEGMENT);
    must_eq(weir_stream_write(s, buf, 1, NULL), -ENOENT);
    must_eq(setenv("TMPDIR", "/tmp", 1), 0);
    must_eq(weir_stream_write(s, buf + ABOVE + SEGMENT, 6 * SEGMENT, NULL),
            6 * SEGMENT);
    must_eq(weir_stream_close(s), 0);
    read_all(reader_of(s));
    weir_stream_unref(s);
    (void)crew;
}

/* ---- with a bound and trimming ------------------------------------------- */

OVER_EACH(what_was_spilled_is_trimmed)
{
    weir_stream *s = spilling(fs, true);
    weir_reader *r = reader_of(s);
    static unsigned char buf[20 * SEGMENT];
    weir_loan loan;
    int i;

    for (i = 0; i < 10; i++) {
        put_bytes(s, 10 * SEGMENT);
        must_eq(read_n(r, buf, 9500), 9500);
        must_be(buf, 9500, (int64_t)i * 9500);
        must_eq(counts_of(s).start, (i + 1) * 9500);
    }
    must_eq(weir_reader_read_at(r, buf, 10, 0, 1, NULL), WEIR_LAGGED);
    must_eq(weir_reader_borrow(r, &loan, 0, NULL), 1);
    must_be(loan.data, loan.size, 95000);
    put_bytes(s, 10 * SEGMENT);
    must_eq(weir_stream_close(s), 0);
    must_eq(read_n(r, buf, sizeof buf), 15000 - (ptrdiff_t)loan.size);
    must_be(buf, 15000 - loan.size, 95000 + (int64_t)loan.size);
    must_be(loan.data, loan.size, 95000);
    must_eq(weir_reader_give_back(r, &loan), 0);
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

/* Readers that keep up let nothing be spilled; one that falls behind and
 * catches up does, again and again: where it lies moves each time. */
OVER_EACH(it_spills_again_after_all_was_read)
{
    weir_stream *s = spilling(fs, true);
    weir_reader *r = reader_of(s);
    static unsigned char buf[20 * SEGMENT];
    int64_t off = 0;
    int i;

    for (i = 0; i < 20; i++) {
        const size_t n = (size_t)(i % 5 * 4000 + 700);
        put_bytes(s, n);
        must_eq(read_n(r, buf, n), (ptrdiff_t)n);
        must_be(buf, n, off);
        off += (int64_t)n;
    }
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

static void write_all(void *arg)
{
    int i;

    for (i = 0; i < 100; i++)
        put_bytes(arg, 777);
    must_eq(weir_stream_close(arg), 0);
}

BEHAVIOUR(a_bound_holds_for_both_parts)
{
    const weir_stream_opts o = {.segment = SEGMENT,
                                .spill_above = ABOVE,
                                .trim = true,
                                .max_bytes = 10 * SEGMENT};
    weir_stream *s = mem_with(o);
    weir_reader *r = reader_of(s);

    crew_go(crew, write_all, s);
    until_blocked(s);
    must_eq(counts_of(s).written, 10 * SEGMENT);
    read_all(r);
    crew_wait(crew);
    weir_stream_unref(s);
}

/* ---- whose disk is waited for -------------------------------------------- */

/* A file whose reads can be held up, and whose writes can fail. */
struct slow {
    weir_fs base;
    weir_fs *under;
    weir_mutex held;
    atomic_int reading, fail;
};

struct slow_file {
    weir_file base;
    struct slow *fs;
    weir_file *under;
};

static ptrdiff_t slow_write(weir_file *f, const void *buf, size_t n)
{
    struct slow_file *s = (struct slow_file *)f;

    n = n < 300 ? n : 300;
    if (atomic_load(&s->fs->fail) != 0 &&
        atomic_fetch_sub(&s->fs->fail, 1) == 1)
        return -EDQUOT;
    return s->under->ops->write(s->under, buf, n);
}

static ptrdiff_t slow_read_at(weir_file *f, void *buf, size_t n, int64_t off)
{
    struct slow_file *s = (struct slow_file *)f;

    atomic_fetch_add(&s->fs->reading, 1);
    must_eq(weir_mutex_lock(&s->fs->held, NULL), 0);
    must_eq(weir_mutex_unlock(&s->fs->held), 0);
    return s->under->ops->read_at(s->under, buf, n, off);
}

static int slow_close(weir_file *f)
{
    struct slow_file *s = (struct slow_file *)f;
    int err = s->under->ops->close(s->under);

    free(s);
    return err;
}

static int slow_wrap(struct slow *fs, weir_file *under, weir_file **out)
{
    static const weir_file_ops ops = {
        .write = slow_write, .read_at = slow_read_at, .close = slow_close};
    struct slow_file *f = malloc(sizeof *f);

    must(f != NULL);
    *f = (struct slow_file){{&ops}, fs, under};
    *out = &f->base;
    return 0;
}

static int slow_create(weir_fs *fs, const char *name, weir_file **out)
{
    struct slow *s = (struct slow *)fs;
    weir_file *f;

    must_eq(s->under->ops->create(s->under, name, &f), 0);
    return slow_wrap(s, f, out);
}

static int slow_open(weir_fs *fs, const char *name, weir_file **out)
{
    struct slow *s = (struct slow *)fs;
    weir_file *f;

    must_eq(s->under->ops->open(s->under, name, &f), 0);
    return slow_wrap(s, f, out);
}

static int slow_remove(weir_fs *fs, const char *name)
{
    struct slow *s = (struct slow *)fs;

    return s->under->ops->remove(s->under, name);
}

static const weir_fs_ops slow_ops = {
    .create = slow_create, .open = slow_open, .remove = slow_remove};

BEHAVIOUR(a_writer_never_waits_for_a_readers_disk)
{
    struct slow slow = {.base = {&slow_ops}, .under = weir_memfs_new(0)};
    weir_stream *s = spilling(&slow.base, false);

    put_bytes(s, 10 * SEGMENT);
    must_eq(weir_mutex_lock(&slow.held, NULL), 0);
    crew_go(crew, read_all, reader_of(s));
    crew_go(crew, borrow_all, reader_of(s));
    while (atomic_load(&slow.reading) < 2)
        must_eq(weir_sleep(WEIR_MILLISECOND / 10, NULL), 0);
    put_bytes(s, 20 * SEGMENT);
    must_eq(weir_stream_close(s), 0);
    must_eq(weir_mutex_unlock(&slow.held), 0);
    crew_wait(crew);
    weir_stream_unref(s);
    weir_fs_free(slow.under);
}

/* Amid a segment, too; meanwhile all may have been read, or not. */
BEHAVIOUR(a_spill_that_fails_goes_on_where_it_was)
{
    struct slow slow = {.base = {&slow_ops}, .under = weir_memfs_new(0)};
    static unsigned char buf[30 * SEGMENT];
    int at, trim;

    for (trim = 0; trim < 2; trim++)
        for (at = 1; at < 20; at++) {
            weir_stream *s = spilling(&slow.base, trim);
            weir_reader *r = reader_of(s);
            ptrdiff_t n;
            fill(buf, sizeof buf, 0);
            atomic_store(&slow.fail, at);
            n = weir_stream_write(s, buf, sizeof buf, NULL);
            must(n > 0 && n < (ptrdiff_t)sizeof buf);
            if (trim)
                must_eq(read_n(r, buf, (size_t)n), n);
            fill(buf, sizeof buf, 0);
            must_eq(weir_stream_write(s, buf + n, sizeof buf - (size_t)n, NULL),
                    (ptrdiff_t)sizeof buf - n);
            if (trim)
                n = read_n(r, buf + n, sizeof buf - (size_t)n) + n;
            else
                n = read_n(r, buf, sizeof buf);
            must_eq(n, sizeof buf);
            must_be(buf, sizeof buf, 0);
            weir_reader_free(r);
            weir_stream_unref(s);
        }
    weir_fs_free(slow.under);
    (void)crew;
}

static int spill_with(weir_fs *fs, int n)
{
    unsigned char buf[10 * SEGMENT];
    weir_stream *s = spilling(fs, false);
    ptrdiff_t got, err;

    fill(buf, sizeof buf, 0);
    wr_mem_fail_after(n);
    got = weir_stream_write(s, buf, sizeof buf, NULL);
    err = got;
    if (got >= 0 && got < (ptrdiff_t)sizeof buf)
        err = weir_stream_write(s, buf + got, sizeof buf - (size_t)got, NULL);
    wr_mem_fail_after(-1);
    if (got < (ptrdiff_t)sizeof buf) {
        must_eq(err, WEIR_ENOMEM);
        got = got > 0 ? got : 0;
        put_bytes(s, sizeof buf - (size_t)got);
    }
    must_eq(weir_stream_close(s), 0);
    read_all(reader_of(s));
    weir_stream_unref(s);
    return err < 0 ? (int)err : 0;
}

BEHAVIOUR(without_memory_it_spills_later)
{
    struct scratch d = scratch_new();
    weir_fs *fs = dirfs_of(&d);
    int n = 0;

    must_eq(weir_sleep(1, NULL), 0);
    while (spill_with(fs, n) != 0)
        n++;
    must(n >= 6);
    must_eq(scratch_files(&d), 0);
    weir_fs_free(fs);
    scratch_free(&d);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(readers_read_through_what_was_spilled),
           CHECK_MODES(memory_is_bounded), CHECK_MODES(its_file_has_no_name),
           CHECK_MODES(without_a_place_for_it_the_write_says_so),
           CHECK_MODES(what_was_spilled_is_trimmed),
           CHECK_MODES(it_spills_again_after_all_was_read),
           CHECK_MODES(a_bound_holds_for_both_parts),
           CHECK_MODES(a_writer_never_waits_for_a_readers_disk),
           CHECK_MODES(a_spill_that_fails_goes_on_where_it_was),
           CHECK_MODES(without_memory_it_spills_later))
