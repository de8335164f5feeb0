/* SPDX-License-Identifier: MIT */
/*
 * Files that say whether they are complete: opened again, verified, resumed;
 * and cut, damaged, replaced or foreign ones, which are never taken for
 * complete.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include "stream/mark.h"
#include "streams.h"

static weir_stream *open_again(weir_fs *fs)
{
    weir_stream *s;

    must_eq(weir_stream_open(fs, "a", &s), 0);
    return s;
}

static int try_open(weir_fs *fs)
{
    weir_stream *s;
    int err = weir_stream_open(fs, "a", &s);

    must((err == 0) == (s != NULL));
    weir_stream_unref(s);
    return err;
}

static weir_stream *resume(weir_fs *fs, const weir_stream_opts *o)
{
    weir_stream *s;

    must_eq(weir_stream_resume(fs, "a", o, NULL, &s), 0);
    return s;
}

static int try_resume(weir_fs *fs)
{
    weir_stream *s;
    int err = weir_stream_resume(fs, "a", NULL, NULL, &s);

    must((err == 0) == (s != NULL));
    weir_stream_unref(s);
    return err;
}

/* A file of n bytes, closed with code, or left without an end if it is > 0. */
static void make(weir_fs *fs, size_t n, int code)
{
    weir_stream *s = stream_on(fs, "a");

    if (n > 0)
        put_bytes(s, n);
    if (code == 0)
        must_eq(weir_stream_close(s), 0);
    else if (code < 0)
        must_eq(weir_stream_close_with(s, code), 0);
    weir_stream_unref(s);
}

/* All from its start on is there, and then the end. */
static void must_hold(weir_stream *s, int64_t n)
{
    weir_reader *r = reader_of(s);
    const int64_t start = weir_reader_seek(r, 0, SEEK_CUR, NULL);
    unsigned char buf[10000];
    ptrdiff_t got;
    int64_t off = start;

    while ((got = weir_reader_read(r, buf, sizeof buf, NULL)) > 0) {
        must_be(buf, (size_t)got, off);
        off += got;
    }
    must_eq(got, 0);
    must_eq(off, n);
    weir_reader_free(r);
}

static const size_t sizes[] = {0,
                               1,
                               100,
                               WR_MARK_BLOCK - 1,
                               WR_MARK_BLOCK,
                               WR_MARK_BLOCK + 1,
                               200000,
                               3 * WR_MARK_BLOCK};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

/* ---- complete ------------------------------------------------------------ */

OVER_EACH(a_complete_stream_opens_again)
{
    size_t i;

    for (i = 0; i < SIZES && fs->ops->reopen; i++) {
        weir_stream *s;
        make(fs, sizes[i], 0);
        s = open_again(fs);
        must_hold(s, (int64_t)sizes[i]);
        must(counts_of(s).closed);
        must_eq(weir_stream_write(s, "x", 1, NULL), WEIR_CLOSED);
        must_eq(weir_stream_sync(s), WEIR_CLOSED);
        must_eq(weir_stream_close(s), 0);
        must_eq(weir_stream_verify(fs, "a", NULL), 0);
        must_eq(try_resume(fs), WEIR_CLOSED);
        must_eq(weir_stream_remove(s, NULL), 0);
        weir_stream_unref(s);
        must_eq(try_open(fs), -ENOENT);
        must_eq(try_resume(fs), -ENOENT);
        must_eq(weir_stream_verify(fs, "a", NULL), -ENOENT);
    }
    (void)crew;
}

OVER_EACH(what_did_not_end_well_is_not_complete)
{
    const int ends[] = {-EIO, 1};
    int i;

    for (i = 0; i < 2 && fs->ops->reopen; i++) {
        weir_stream *s;
        make(fs, 1000, ends[i]);
        must_eq(try_open(fs), WEIR_INCOMPLETE);
        must_eq(weir_stream_verify(fs, "a", NULL), WEIR_INCOMPLETE);
        s = resume(fs, NULL);
        must_eq(weir_stream_cancel(s, -EPIPE), 0);
        weir_stream_unref(s);
        must_eq(try_open(fs), WEIR_INCOMPLETE);
        must_eq(fs->ops->remove(fs, "a"), 0);
    }
    (void)crew;
}

OVER_EACH(a_stream_is_resumed_after_its_last_byte)
{
    size_t i;

    for (i = 0; i < SIZES && fs->ops->reopen; i++) {
        weir_stream *s;
        weir_reader *r;
        char buf[10];
        make(fs, sizes[i], 1);
        s = resume(fs, NULL);
        must_eq(counts_of(s).written, (int64_t)sizes[i]);
        r = reader_of(s);
        must_eq(weir_reader_read_at(r, buf, 10, 0, 0, NULL), sizes[i] > 10 ? 10
                                                             : sizes[i]
                                                                 ? (int)sizes[i]
                                                                 : WEIR_EMPTY);
        weir_reader_free(r);
        put_bytes(s, 70000);
        must_eq(weir_stream_close(s), 0);
        weir_stream_unref(s);
        must_eq(weir_stream_verify(fs, "a", NULL), 0);
        s = open_again(fs);
        must_hold(s, (int64_t)sizes[i] + 70000);
        weir_stream_unref(s);
        must_eq(fs->ops->remove(fs, "a"), 0);
    }
    (void)crew;
}

OVER_EACH(one_writer_at_a_time)
{
    weir_stream *s = stream_on(fs, "a");

    put_text(s, "x");
    if (fs->ops->reopen) {
        must_eq(try_resume(fs), WEIR_BUSY);
        must_eq(try_open(fs), WEIR_INCOMPLETE);
    }
    must_eq(weir_stream_close(s), 0);
    weir_stream_unref(s);
    (void)crew;
}

START_TEST(plain_files_do_not_say)
{
    struct scratch d = scratch_new();
    weir_fs *fs = dirfs_of(&d);

    make(fs, 10, 0);
    must_eq(try_open(fs), WEIR_UNSUPPORTED);
    must_eq(try_resume(fs), WEIR_UNSUPPORTED);
    must_eq(weir_stream_verify(fs, "a", NULL), WEIR_UNSUPPORTED);
    weir_fs_free(fs);
    scratch_free(&d);
}
END_TEST

START_TEST(marked_files_are_made_safe)
{
    const weir_dirfs_opts o = {.marked = true};
    struct scratch d = scratch_new();
    weir_stream *s;
    weir_fs *fs;

    must_eq(weir_dirfs_new_with(d.path, &o, &fs), 0);
    s = stream_on(fs, "a");
    put_bytes(s, 100);
    must_eq(weir_stream_sync(s), 0);
    put_bytes(s, 100);
    must_eq(weir_stream_close(s), 0);
    weir_stream_unref(s);
    must_eq(weir_stream_verify(fs, "a", NULL), 0);
    weir_fs_free(fs);
    s = mem_with((weir_stream_opts){0});
    must_eq(weir_stream_sync(s), WEIR_UNSUPPORTED);
    weir_stream_unref(s);
    must_eq(weir_stream_sync(NULL), WEIR_EINVAL);
    scratch_free(&d);
}
END_TEST

/* ---- cut and damaged ----------------------------------------------------- */

/* A directory with one marked file. */
struct marked {
    struct scratch d;
    weir_fs *fs;
    char path[80];
    int64_t size; /* of the file */
};

static void look_size(struct marked *m)
{
    struct stat st;

    must_eq(stat(m->path, &st), 0);
    m->size = st.st_size;
}

static struct marked marked_new(size_t n, int code)
{
    struct marked m = {.d = scratch_new()};

    m.fs = marked_of(&m.d);
    snprintf(m.path, sizeof m.path, "%s/a", m.d.path);
    make(m.fs, n, code);
    look_size(&m);
    return m;
}

static void marked_free(struct marked *m)
{
    weir_fs_free(m->fs);
    scratch_free(&m->d);
}

static char *load(const struct marked *m)
{
    char *all = malloc((size_t)m->size);
    int fd = open(m->path, O_RDONLY);

    must(all != NULL && fd >= 0);
    must_eq(read(fd, all, (size_t)m->size), m->size);
    close(fd);
    return all;
}

static void store(const struct marked *m, const char *all, int64_t n)
{
    int fd = open(m->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    must(fd >= 0);
    must_eq(write(fd, all, (size_t)n), n);
    close(fd);
}

/* Each cut near a mark or the ends, and some elsewhere. */
static int64_t next_cut(int64_t at)
{
    const int64_t in = (at - WR_HEAD_SIZE) % WR_MARK_STRIDE;

    return at < 100 || in < 4 || in > WR_MARK_BLOCK - 5 ? at + 1 : at + 4999;
}

START_TEST(a_file_that_was_cut_is_never_complete)
{
    const size_t n = 2 * WR_MARK_BLOCK + 3000;
    struct marked m = marked_new(n, 0);
    char *all = load(&m);
    int64_t at, lost;
    weir_stream *s;

    for (at = 0; at < m.size; at = next_cut(at)) {
        store(&m, all, at);
        must(try_open(m.fs) == WEIR_INCOMPLETE || at < WR_HEAD_SIZE);
        must(try_open(m.fs) == WEIR_CORRUPT || at == 0 || at >= WR_HEAD_SIZE);
        must(weir_stream_verify(m.fs, "a", NULL) < 0);
        if (at > 0 && at < WR_HEAD_SIZE) {
            must_eq(try_resume(m.fs), WEIR_CORRUPT);
            continue;
        }
        s = resume(m.fs, NULL);
        lost = (int64_t)n - counts_of(s).written;
        must(lost > 0);
        must(at == 0 || at - counts_of(s).written < 2 * WR_MARK_STRIDE);
        put_bytes(s, (size_t)lost);
        must_eq(weir_stream_close(s), 0);
        must_hold(s, (int64_t)n);
        weir_stream_unref(s);
        must_eq(weir_stream_verify(m.fs, "a", NULL), 0);
    }
    free(all);
    marked_free(&m);
}
END_TEST

/* What a stream carries is no mark of its own file. */
START_TEST(a_stream_that_carries_a_file_is_not_complete)
{
    struct marked m = marked_new(5000, 0);
    char *all = load(&m);
    weir_stream *s;

    must_eq(weir_stream_new(m.fs, "b", NULL, &s), 0);
    must_eq(weir_stream_write(s, all, (size_t)m.size, NULL), m.size);
    weir_stream_unref(s);
    snprintf(m.path, sizeof m.path, "%s/b", m.d.path);
    look_size(&m);
    must_eq(truncate(m.path, m.size - WR_MARK_SIZE), 0);
    must_eq(weir_stream_open(m.fs, "b", &s), WEIR_INCOMPLETE);
    must_eq(weir_stream_verify(m.fs, "b", NULL), WEIR_INCOMPLETE);
    free(all);
    marked_free(&m);
}
END_TEST

/* Nor is the mark of another file, where its own would be and of the same
 * bytes. */
START_TEST(the_mark_of_another_file_is_none)
{
    struct marked m = marked_new(5000, 0);
    char *all = load(&m);
    weir_stream *s;

    must_eq(weir_stream_new(m.fs, "b", NULL, &s), 0);
    must_eq(weir_stream_write(s, all + WR_HEAD_SIZE, 5000 + WR_MARK_SIZE, NULL),
            5000 + WR_MARK_SIZE);
    weir_stream_unref(s);
    snprintf(m.path, sizeof m.path, "%s/b", m.d.path);
    look_size(&m);
    must_eq(truncate(m.path, m.size - WR_MARK_SIZE), 0);
    must_eq(weir_stream_open(m.fs, "b", &s), WEIR_INCOMPLETE);
    must_eq(weir_stream_verify(m.fs, "b", NULL), WEIR_INCOMPLETE);
    free(all);
    marked_free(&m);
}
END_TEST

START_TEST(a_file_that_lacks_a_piece_is_not_complete)
{
    struct marked m = marked_new(400000, 0);
    const int64_t lacks[] = {1, 1000, WR_MARK_STRIDE, 2 * WR_MARK_STRIDE};
    int i;

    for (i = 0; i < 4; i++) {
        char *all = load(&m);
        must(m.size > 5000 + lacks[i]);
        m.size -= lacks[i];
        memmove(all + 5000, all + 5000 + lacks[i], (size_t)m.size - 5000);
        store(&m, all, m.size);
        must_eq(try_open(m.fs), WEIR_INCOMPLETE);
        free(all);
    }
    marked_free(&m);
}
END_TEST

START_TEST(each_damaged_byte_is_found)
{
    struct marked m = marked_new(WR_MARK_BLOCK + 3000, 0);
    char *all = load(&m);
    int64_t at;
    int err;

    for (at = 0; at < m.size; at = next_cut(at)) {
        all[at] ^= 16;
        store(&m, all, m.size);
        err = weir_stream_verify(m.fs, "a", NULL);
        must(err == WEIR_CORRUPT || err == WEIR_INCOMPLETE);
        err = try_open(m.fs);
        must(err == 0 || err == WEIR_CORRUPT || err == WEIR_INCOMPLETE);
        must(err != 0 || (at >= WR_HEAD_SIZE && at < m.size - WR_MARK_SIZE));
        all[at] ^= 16;
    }
    store(&m, all, m.size);
    must_eq(weir_stream_verify(m.fs, "a", NULL), 0);
    free(all);
    marked_free(&m);
}
END_TEST

START_TEST(resuming_keeps_what_lies_before_the_damage)
{
    struct marked m = marked_new(2 * WR_MARK_BLOCK + 3000, 1);
    char *all = load(&m);
    int64_t at, kept;
    weir_stream *s;

    for (at = WR_HEAD_SIZE; at < m.size; at += 4999) {
        all[at] ^= 1;
        store(&m, all, m.size);
        s = resume(m.fs, NULL);
        kept = counts_of(s).written;
        must(kept <= at);
        must(at - kept < 2 * WR_MARK_STRIDE);
        must_eq(weir_stream_close(s), 0);
        must_hold(s, kept);
        weir_stream_unref(s);
        all[at] ^= 1;
    }
    free(all);
    marked_free(&m);
}
END_TEST

START_TEST(a_foreign_file_is_corrupt)
{
    struct marked m = marked_new(100, 0);
    weir_stream *s;
    weir_reader *r;

    s = open_again(m.fs);
    store(&m, "#!/bin/sh\necho not a stream, but a script of some length\n",
          57);
    must_eq(try_open(m.fs), WEIR_CORRUPT);
    must_eq(try_resume(m.fs), WEIR_CORRUPT);
    must_eq(weir_stream_verify(m.fs, "a", NULL), WEIR_CORRUPT);
    must_eq(weir_stream_next_reader(s, &r), WEIR_CORRUPT);
    must(r == NULL);
    weir_stream_unref(s);
    marked_free(&m);
}
END_TEST

/* Nor is the other one removed. */
OVER_EACH(a_file_that_was_replaced_has_no_new_readers)
{
    weir_stream *s = stream_on(fs, "a"), *other;
    weir_reader *r, *none;

    must_eq(weir_stream_close(s), 0);
    r = reader_of(s);
    must_eq(fs->ops->remove(fs, "a"), 0);
    other = stream_on(fs, "a");
    put_text(other, "another");
    must_eq(weir_stream_close(other), 0);
    must_eq(weir_stream_next_reader(s, &none), -ESTALE);
    must_eq(weir_reader_close(r), 0);
    must_eq(weir_stream_remove(s, NULL), -ESTALE);
    weir_reader_free(r);
    r = reader_of(other);
    must_read(r, "another");
    weir_reader_free(r);
    weir_stream_unref(other);
    weir_stream_unref(s);
    (void)crew;
}

START_TEST(a_marked_file_that_shrinks_is_an_error)
{
    struct marked m = marked_new(100000, 0);
    weir_stream *s = open_again(m.fs);
    weir_reader *r = reader_of(s);
    static char buf[100000];

    must_eq(truncate(m.path, 70000), 0);
    must(read_n(r, buf, sizeof buf) < 70000);
    must_eq(weir_reader_read(r, buf, sizeof buf, NULL), -EIO);
    weir_reader_free(r);
    weir_stream_unref(s);
    marked_free(&m);
}
END_TEST

/* ---- a crash ------------------------------------------------------------- */

/* Writes until it is killed, and says after each write how much. No task and
 * no thread: it is a fork. */
static void write_until_killed(const struct marked *m, int out)
{
    weir_stream *s;
    unsigned char buf[3000];
    int64_t off = 0;
    size_t n;

    if (weir_stream_new(m->fs, "k", NULL, &s) != 0)
        _exit(1);
    for (;;) {
        n = (size_t)(off % 2999) + 1;
        fill(buf, n, off);
        if (weir_stream_write(s, buf, n, NULL) != (ptrdiff_t)n)
            _exit(1);
        off += (int64_t)n;
        if (write(out, &off, sizeof off) != sizeof off)
            _exit(1);
    }
}

/* How much the child had written at least when it was killed. */
static int64_t kill_at(const struct marked *m, int64_t least)
{
    int64_t off = 0, told = 0;
    int ends[2], status;
    pid_t pid;

    must_eq(pipe(ends), 0);
    pid = fork();
    must(pid >= 0);
    if (pid == 0)
        write_until_killed(m, ends[1]);
    close(ends[1]);
    while (off < least)
        must_eq(read(ends[0], &off, sizeof off), sizeof off);
    must_eq(kill(pid, SIGKILL), 0);
    while (read(ends[0], &told, sizeof told) == sizeof told)
        off = told;
    close(ends[0]);
    must_eq(waitpid(pid, &status, 0), pid);
    must(WIFSIGNALED(status));
    return off;
}

/* A file that another process writes is left alone. */
START_TEST(a_file_that_another_process_writes_is_busy)
{
    struct marked m = marked_new(0, 0);
    weir_stream *s;
    int ends[2], status;
    int64_t off;
    pid_t pid;

    must_eq(pipe(ends), 0);
    pid = fork();
    must(pid >= 0);
    if (pid == 0)
        write_until_killed(&m, ends[1]);
    close(ends[1]);
    must_eq(read(ends[0], &off, sizeof off), sizeof off);
    must_eq(kill(pid, SIGSTOP), 0);
    must_eq(weir_stream_resume(m.fs, "k", NULL, NULL, &s), WEIR_BUSY);
    must_eq(weir_stream_open(m.fs, "k", &s), WEIR_INCOMPLETE);
    must_eq(kill(pid, SIGKILL), 0);
    must_eq(waitpid(pid, &status, 0), pid);
    must_eq(weir_stream_resume(m.fs, "k", NULL, NULL, &s), 0);
    weir_stream_unref(s);
    close(ends[0]);
    marked_free(&m);
}
END_TEST

/* What was written is there, unless the kill came amid a write: then a block
 * may be missing. */
START_TEST(what_was_written_outlives_the_process)
{
    struct marked m = marked_new(0, 0);
    const int rounds = check_scale(30);
    weir_stream *s;
    int64_t told, kept;
    int i;

    for (i = 0; i < rounds; i++) {
        told = kill_at(&m, 1 + (int64_t)i * 10007);
        must_eq(weir_stream_open(m.fs, "k", &s), WEIR_INCOMPLETE);
        must_eq(weir_stream_resume(m.fs, "k", NULL, NULL, &s), 0);
        kept = counts_of(s).written;
        must(kept >= told - WR_MARK_BLOCK);
        put_bytes(s, 100);
        must_eq(weir_stream_close(s), 0);
        must_hold(s, kept + 100);
        must_eq(weir_stream_verify(m.fs, "k", NULL), 0);
        must_eq(weir_stream_remove(s, NULL), 0);
        weir_stream_unref(s);
    }
    marked_free(&m);
}
END_TEST

/* ---- waits and memory ---------------------------------------------------- */

START_TEST(reading_it_all_ends_with_a_context)
{
    struct marked m = marked_new(100000, 1), full = marked_new(100000, 0);
    weir_ctx ctx = WEIR_CTX_INIT;
    weir_stream *s;

    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    must_eq(weir_stream_resume(m.fs, "a", NULL, &ctx, &s), WEIR_CANCELED);
    must_eq(weir_stream_verify(full.fs, "a", &ctx), WEIR_CANCELED);
    must_eq(weir_ctx_fini(&ctx), 0);
    s = resume(m.fs, NULL);
    must_eq(counts_of(s).written, 100000);
    weir_stream_unref(s);
    marked_free(&m);
    marked_free(&full);
}
END_TEST

static int open_with(weir_fs *fs, int n)
{
    weir_stream *s;
    int err;

    wr_mem_fail_after(n);
    err = weir_stream_resume(fs, "a", NULL, NULL, &s);
    if (err == 0)
        err = weir_stream_close(s);
    weir_stream_unref(s);
    s = NULL;
    if (err == 0)
        err = weir_stream_open(fs, "a", &s);
    weir_stream_unref(s);
    if (err == 0)
        err = weir_stream_verify(fs, "a", NULL);
    wr_mem_fail_after(-1);
    return err;
}

OVER_EACH(without_memory_nothing_is_lost)
{
    int n, err = WEIR_ENOMEM;

    must_eq(weir_sleep(1, NULL), 0);
    for (n = 0; err != 0 && fs->ops->reopen; n++) {
        make(fs, 1000, 1);
        err = open_with(fs, n);
        must(err == 0 || err == WEIR_ENOMEM);
        if (weir_stream_verify(fs, "a", NULL) == WEIR_INCOMPLETE)
            must_eq(open_with(fs, -1), 0);
        must_eq(weir_stream_verify(fs, "a", NULL), 0);
        must_eq(fs->ops->remove(fs, "a"), 0);
    }
    (void)crew;
}

START_TEST(what_is_no_argument)
{
    weir_fs *fs = weir_memfs_new(0);
    const weir_stream_opts bad = {.max_bytes = -1};
    weir_stream *s;

    must_eq(weir_stream_open(NULL, "a", &s), WEIR_EINVAL);
    must_eq(weir_stream_open(fs, NULL, &s), WEIR_EINVAL);
    must_eq(weir_stream_open(fs, "a", NULL), WEIR_EINVAL);
    must_eq(weir_stream_open(fs, "", &s), WEIR_EINVAL);
    must_eq(weir_stream_resume(NULL, "a", NULL, NULL, &s), WEIR_EINVAL);
    must_eq(weir_stream_resume(fs, "a", NULL, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_stream_resume(fs, "a", &bad, NULL, &s), WEIR_EINVAL);
    must_eq(weir_stream_verify(NULL, "a", NULL), WEIR_EINVAL);
    must_eq(weir_stream_verify(fs, NULL, NULL), WEIR_EINVAL);
    weir_fs_free(fs);
}
END_TEST

/* ---- names --------------------------------------------------------------- */

static int count(const char *name, void *n)
{
    must(name[0] == 'n');
    return ++*(int *)n == 150 ? -EINTR : 0;
}

OVER_EACH(a_file_system_lists_its_names)
{
    char name[20];
    int i, n = 0;

    must_eq(fs->ops->list(fs, count, &n), 0);
    must_eq(n, 0);
    for (i = 0; i < 149; i++) {
        weir_stream *s;
        snprintf(name, sizeof name, "n%d", i * i);
        must_eq(weir_stream_new(fs, name, NULL, &s), 0);
        weir_stream_unref(s);
    }
    must_eq(fs->ops->list(fs, count, &n), 0);
    must_eq(n, 149);
    must_eq(fs->ops->list(fs, count, &n), -EINTR);
    for (i = 0; i < 149; i++) {
        snprintf(name, sizeof name, "n%d", i * i);
        must_eq(fs->ops->remove(fs, name), 0);
        must_eq(fs->ops->remove(fs, name), -ENOENT);
    }
    n = 0;
    must_eq(fs->ops->list(fs, count, &n), 0);
    must_eq(n, 0);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(a_complete_stream_opens_again),
           CHECK_MODES(what_did_not_end_well_is_not_complete),
           CHECK_MODES(a_stream_is_resumed_after_its_last_byte),
           CHECK_MODES(one_writer_at_a_time),
           CHECK_TEST(plain_files_do_not_say),
           CHECK_TEST(marked_files_are_made_safe),
           CHECK_TEST(a_file_that_was_cut_is_never_complete),
           CHECK_TEST(a_stream_that_carries_a_file_is_not_complete),
           CHECK_TEST(the_mark_of_another_file_is_none),
           CHECK_TEST(a_file_that_lacks_a_piece_is_not_complete),
           CHECK_TEST(each_damaged_byte_is_found),
           CHECK_TEST(resuming_keeps_what_lies_before_the_damage),
           CHECK_TEST(a_foreign_file_is_corrupt),
           CHECK_MODES(a_file_that_was_replaced_has_no_new_readers),
           CHECK_TEST(a_marked_file_that_shrinks_is_an_error),
           CHECK_TEST(what_was_written_outlives_the_process),
           CHECK_TEST(a_file_that_another_process_writes_is_busy),
           CHECK_TEST(reading_it_all_ends_with_a_context),
           CHECK_MODES(without_memory_nothing_is_lost),
           CHECK_TEST(what_is_no_argument),
           CHECK_MODES(a_file_system_lists_its_names))
