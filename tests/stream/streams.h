/* SPDX-License-Identifier: MIT */
/* What the tests of streams share: streams over each file system, contents
 * that tell their offset, and waiting until somebody waits. */
#ifndef STREAM_TEST_H
#define STREAM_TEST_H

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <unistd.h>
#include <weir/stream.h>
#include "../chan/parties.h"
#include "base/mem.h"

/* The byte at an offset; no power of two is its period. */
static inline unsigned char byte_at(int64_t off)
{
    return (unsigned char)(off % 251 + off / 251 % 7);
}

static inline void fill(void *buf, size_t n, int64_t off)
{
    unsigned char *p = buf;
    size_t i;

    for (i = 0; i < n; i++)
        p[i] = byte_at(off + (int64_t)i);
}

static inline void must_be(const void *buf, size_t n, int64_t off)
{
    const unsigned char *p = buf;
    size_t i;

    for (i = 0; i < n; i++)
        if (p[i] != byte_at(off + (int64_t)i))
            ck_abort_msg("offset %lld holds another byte",
                         (long long)off + (long long)i);
}

static inline weir_stream_counts counts_of(weir_stream *s)
{
    weir_stream_counts c;

    must_eq(weir_stream_get_counts(s, &c), 0);
    return c;
}

/* Appends n bytes that tell their offset. One writer at a time. */
static inline void put_bytes(weir_stream *s, size_t n)
{
    const int64_t off = counts_of(s).written;
    void *buf = malloc(n);

    must(buf != NULL);
    fill(buf, n, off);
    must_eq(weir_stream_write(s, buf, n, NULL), (ptrdiff_t)n);
    free(buf);
}

static inline void put_text(weir_stream *s, const char *text)
{
    must_eq(weir_stream_write(s, text, strlen(text), NULL),
            (ptrdiff_t)strlen(text));
}

/* Reads until n bytes are there or something else comes. */
static inline ptrdiff_t read_n(weir_reader *r, void *buf, size_t n)
{
    size_t done = 0;
    ptrdiff_t got;

    while (done < n) {
        got = weir_reader_read(r, (char *)buf + done, n - done, NULL);
        if (got <= 0)
            return done > 0 ? (ptrdiff_t)done : got;
        done += (size_t)got;
    }
    return (ptrdiff_t)done;
}

static inline void must_read(weir_reader *r, const char *text)
{
    char buf[64] = "";
    const size_t n = strlen(text);

    must(n < sizeof buf);
    must_eq(read_n(r, buf, n), (ptrdiff_t)n);
    if (strcmp(buf, text) != 0)
        ck_abort_msg("read \"%s\", not \"%s\"", buf, text);
}

static inline void must_end(weir_reader *r)
{
    char c;

    must_eq(weir_reader_read(r, &c, 1, NULL), 0);
    must_eq(weir_reader_read(r, &c, 1, NULL), 0);
}

static inline weir_stream *mem_with(weir_stream_opts o)
{
    weir_stream *s;

    must_eq(weir_stream_new_mem("stream", &o, &s), 0);
    return s;
}

static inline weir_reader *reader_of(weir_stream *s)
{
    weir_reader *r;

    must_eq(weir_stream_next_reader(s, &r), 0);
    return r;
}

/* Until n calls of readers wait: no time decides, the test's limit ends it. */
static inline void until_waiting(weir_stream *s, size_t n)
{
    while (counts_of(s).waiting < n)
        must_eq(weir_sleep(WEIR_MILLISECOND / 10, NULL), 0);
}

static inline void until_blocked(weir_stream *s)
{
    while (!counts_of(s).blocked)
        must_eq(weir_sleep(WEIR_MILLISECOND / 10, NULL), 0);
}

/* ---- file systems -------------------------------------------------------- */

/* A directory of its own, removed with what is in it. */
struct scratch {
    char path[64];
};

static inline struct scratch scratch_new(void)
{
    struct scratch d = {"/tmp/weir-stream-XXXXXX"};

    must(mkdtemp(d.path) != NULL);
    return d;
}

static inline int scratch_files(const struct scratch *d)
{
    DIR *dir = opendir(d->path);
    struct dirent *e;
    int n = 0;

    must(dir != NULL);
    while ((e = readdir(dir)) != NULL)
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

static inline void scratch_clear(const struct scratch *d)
{
    DIR *dir = opendir(d->path);
    struct dirent *e;

    while ((e = readdir(dir)) != NULL)
        unlinkat(dirfd(dir), e->d_name, 0);
    closedir(dir);
}

static inline void scratch_free(const struct scratch *d)
{
    scratch_clear(d);
    must_eq(rmdir(d->path), 0);
}

static inline weir_fs *dirfs_of(const struct scratch *d)
{
    weir_fs *fs;

    must_eq(weir_dirfs_new(d->path, &fs), 0);
    return fs;
}

static inline weir_fs *marked_of(const struct scratch *d)
{
    const weir_dirfs_opts o = {.marked = true, .unsynced = true};
    weir_fs *fs;

    must_eq(weir_dirfs_new_with(d->path, &o, &fs), 0);
    return fs;
}

/* A behaviour of streams over each file system: the body gets an fs. */
#define OVER_EACH(name)                                                        \
    static void name##_over(struct crew *crew, weir_fs *fs);                   \
    BEHAVIOUR(name)                                                            \
    {                                                                          \
        struct scratch d = scratch_new();                                      \
        weir_fs *each[] = {weir_memfs_new(100), dirfs_of(&d), marked_of(&d)};  \
        int i;                                                                 \
        for (i = 0; i < 3; i++) {                                              \
            name##_over(crew, each[i]);                                        \
            crew_wait(crew);                                                   \
            weir_fs_free(each[i]);                                             \
            scratch_clear(&d);                                                 \
        }                                                                      \
        scratch_free(&d);                                                      \
    }                                                                          \
    static void name##_over(struct crew *crew, weir_fs *fs)

static inline weir_stream *stream_on(weir_fs *fs, const char *name)
{
    weir_stream *s;

    must_eq(weir_stream_new(fs, name, NULL, &s), 0);
    return s;
}

#endif
