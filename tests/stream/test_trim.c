/* SPDX-License-Identifier: MIT */
/* Files of a directory with a bound: the disk gets back what is behind it, and
 * a stream that is opened again begins where the kept part does. */
#include <sys/stat.h>
#include "stream/mark.h"
#include "streams.h"

enum { BOUND = 300 << 10, SLACK = 192 << 10, PIECE = 10000 };

static int64_t used(const struct scratch *d)
{
    char path[80];
    struct stat st;

    snprintf(path, sizeof path, "%s/a", d->path);
    must_eq(stat(path, &st), 0);
    return (int64_t)st.st_blocks * 512;
}

/* Does the file system under /tmp make holes? */
static weir_stream *bounded(weir_fs *fs, weir_stream_opts o)
{
    weir_stream *s;
    int err = weir_stream_new(fs, "a", &o, &s);

    if (err == WEIR_UNSUPPORTED) {
        printf("skipped: no holes can be made in /tmp\n");
        exit(EXIT_SUCCESS);
    }
    must_eq(err, 0);
    return s;
}

#define OVER_DIRS(name)                                                        \
    static void name##_over(struct crew *crew, weir_fs *fs,                    \
                            const struct scratch *d);                          \
    BEHAVIOUR(name)                                                            \
    {                                                                          \
        struct scratch d = scratch_new();                                      \
        weir_fs *each[] = {dirfs_of(&d), marked_of(&d)};                       \
        int i;                                                                 \
        for (i = 0; i < 2; i++) {                                              \
            name##_over(crew, each[i], &d);                                    \
            crew_wait(crew);                                                   \
            weir_fs_free(each[i]);                                             \
            scratch_clear(&d);                                                 \
        }                                                                      \
        scratch_free(&d);                                                      \
    }                                                                          \
    static void name##_over(struct crew *crew, weir_fs *fs,                    \
                            const struct scratch *d)

OVER_DIRS(what_all_have_read_leaves_the_disk)
{
    weir_stream *s = bounded(fs, (weir_stream_opts){.trim = true});
    weir_reader *r = reader_of(s), *slow = reader_of(s);
    static unsigned char buf[PIECE];
    int64_t off;

    for (off = 0; off < 2000000; off += PIECE) {
        put_bytes(s, PIECE);
        must_eq(read_n(r, buf, PIECE), PIECE);
        must_be(buf, PIECE, off);
        if (off >= BOUND)
            must_eq(read_n(slow, buf, PIECE), PIECE);
        must(used(d) <= BOUND + SLACK);
    }
    must_eq(counts_of(s).start, 2000000 - BOUND / PIECE * PIECE - PIECE);
    weir_reader_free(slow);
    weir_reader_free(r);
    must(used(d) <= SLACK);
    weir_stream_unref(s);
    (void)crew;
}

OVER_DIRS(the_oldest_leave_the_disk)
{
    weir_stream *s = bounded(fs, (weir_stream_opts){
                                     .max_bytes = BOUND,
                                     .policy = WEIR_DROP_OLDEST,
                                 });
    weir_reader *r = reader_of(s);
    static unsigned char buf[BOUND];
    int i;

    for (i = 0; i < 200; i++) {
        put_bytes(s, PIECE);
        must(used(d) <= BOUND + SLACK);
    }
    must_eq(weir_reader_read(r, buf, 1, NULL), WEIR_LAGGED);
    must_eq(weir_reader_lost(r, NULL), 2000000 - BOUND);
    must_eq(read_n(r, buf, BOUND), BOUND);
    must_be(buf, BOUND, 2000000 - BOUND);
    must_eq(weir_reader_read_at(r, buf, 1, 0, 1, NULL), WEIR_LAGGED);
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

static void write_all(void *arg)
{
    int i;

    for (i = 0; i < 100; i++)
        put_bytes(arg, PIECE);
    must_eq(weir_stream_close(arg), 0);
}

OVER_DIRS(the_writer_waits_for_room)
{
    weir_stream *s =
        bounded(fs, (weir_stream_opts){.trim = true, .max_bytes = 30000});
    weir_reader *r = reader_of(s);
    static unsigned char buf[777];
    int64_t off = 0;
    ptrdiff_t got;

    crew_go(crew, write_all, s);
    until_blocked(s);
    while ((got = weir_reader_read(r, buf, sizeof buf, NULL)) > 0) {
        must_be(buf, (size_t)got, off);
        off += got;
    }
    must_eq(off, 100 * PIECE);
    crew_wait(crew);
    must(used(d) <= 30000 + SLACK);
    weir_reader_free(r);
    weir_stream_unref(s);
}

/* A reader at what is dropped all the time: what it gets is what was there,
 * and never the hole. */
OVER_DIRS(a_hole_is_never_read)
{
    weir_stream *s = bounded(fs, (weir_stream_opts){
                                     .max_bytes = 20000,
                                     .policy = WEIR_DROP_OLDEST,
                                 });
    weir_reader *r = reader_of(s);
    static unsigned char buf[20000];
    int64_t off = 0, all = 0;
    ptrdiff_t got;

    crew_go(crew, write_all, s);
    while ((got = weir_reader_read(r, buf, sizeof buf, NULL)) != 0) {
        if (got == WEIR_LAGGED) {
            off += weir_reader_lost(r, &all);
            continue;
        }
        must(got > 0);
        must_be(buf, (size_t)got, off);
        off += got;
    }
    must_eq(off, 100 * PIECE);
    must(all <= off);
    crew_wait(crew);
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)d;
}

static void must_begin_late(weir_fs *fs, int64_t from, int64_t upto)
{
    weir_stream *s;
    weir_reader *r;
    unsigned char buf[1000];
    int64_t off;

    must_eq(weir_stream_open(fs, "a", &s), 0);
    off = counts_of(s).start;
    must(off <= from && off > from - 2 * WR_MARK_BLOCK);
    r = reader_of(s);
    for (; off < upto; off += 1000) {
        const size_t n = upto - off < 1000 ? (size_t)(upto - off) : 1000;
        must_eq(read_n(r, buf, n), (ptrdiff_t)n);
        must_be(buf, n, off);
    }
    must_end(r);
    must_eq(weir_reader_read_at(r, buf, 1, 0, 1, NULL), WEIR_LAGGED);
    weir_reader_free(r);
    weir_stream_unref(s);
}

/* Also when it was left without an end, and resumed. */
START_TEST(what_was_trimmed_stays_so)
{
    const weir_stream_opts o = {.max_bytes = BOUND, .policy = WEIR_DROP_OLDEST};
    struct scratch d = scratch_new();
    weir_fs *fs = marked_of(&d);
    weir_stream *s = bounded(fs, o);

    put_bytes(s, 1000000);
    weir_stream_unref(s);
    must_eq(weir_stream_resume(fs, "a", &o, NULL, &s), 0);
    must_eq(counts_of(s).written, 1000000);
    must(counts_of(s).start > 0);
    put_bytes(s, 1000000);
    must(used(&d) <= BOUND + SLACK);
    must_eq(weir_stream_close(s), 0);
    weir_stream_unref(s);
    must_eq(weir_stream_verify(fs, "a", NULL), 0);
    must_begin_late(fs, 2000000 - BOUND, 2000000);
    weir_fs_free(fs);
    scratch_free(&d);
}
END_TEST

/* A stream of zeros in a copy that has holes in their place. */
START_TEST(a_hole_of_zeros_is_none_of_trimming)
{
    struct scratch d = scratch_new();
    weir_fs *fs = marked_of(&d);
    weir_stream *s = bounded(fs, (weir_stream_opts){.trim = true});
    static char zeros[WR_MARK_BLOCK + 5000];
    char command[400];

    must_eq(weir_stream_write(s, zeros, sizeof zeros, NULL), sizeof zeros);
    must_eq(weir_stream_close(s), 0);
    weir_stream_unref(s);
    snprintf(command, sizeof command,
             "cp --sparse=always %s/a %s/b && mv %s/b %s/a", d.path, d.path,
             d.path, d.path);
    must_eq(system(command), 0);
    must_eq(weir_stream_verify(fs, "a", NULL), 0);
    must_eq(weir_stream_open(fs, "a", &s), 0);
    must_eq(counts_of(s).start, 0);
    weir_stream_unref(s);
    weir_fs_free(fs);
    scratch_free(&d);
}
END_TEST

/* A copy that has no holes knows from the head. */
START_TEST(a_copy_without_holes_begins_there_too)
{
    const weir_stream_opts o = {.max_bytes = BOUND, .policy = WEIR_DROP_OLDEST};
    struct scratch d = scratch_new();
    weir_fs *fs = marked_of(&d);
    weir_stream *s = bounded(fs, o);
    char command[400];

    put_bytes(s, 1000000);
    must_eq(weir_stream_close(s), 0);
    weir_stream_unref(s);
    snprintf(command, sizeof command,
             "cp --sparse=never %s/a %s/b && mv %s/b %s/a", d.path, d.path,
             d.path, d.path);
    must_eq(system(command), 0);
    must_eq(weir_stream_verify(fs, "a", NULL), 0);
    must_begin_late(fs, 1000000 - BOUND, 1000000);
    weir_fs_free(fs);
    scratch_free(&d);
}
END_TEST

CHECK_MAIN(CHECK_MODES(what_all_have_read_leaves_the_disk),
           CHECK_MODES(the_oldest_leave_the_disk),
           CHECK_MODES(the_writer_waits_for_room),
           CHECK_MODES(a_hole_is_never_read),
           CHECK_TEST(what_was_trimmed_stays_so),
           CHECK_TEST(a_hole_of_zeros_is_none_of_trimming),
           CHECK_TEST(a_copy_without_holes_begins_there_too))
