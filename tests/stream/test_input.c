/* SPDX-License-Identifier: MIT */
/*
 * What streams and file systems do not take, and what goes wrong under them:
 * a code that names it, no crash, nothing left behind.
 */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include "streams.h"

static int try_stream(weir_fs *fs, const char *name)
{
    weir_stream *s;
    int err = weir_stream_new(fs, name, NULL, &s);

    must((err == 0) == (s != NULL));
    weir_stream_unref(s);
    return err;
}

START_TEST(no_handle_is_invalid)
{
    weir_stream *s = mem_with((weir_stream_opts){0}), *unnamed;
    weir_reader *r = reader_of(s);
    weir_loan loan = {0};
    char c = 0;

    must_eq(weir_stream_write(NULL, &c, 1, NULL), WEIR_EINVAL);
    must_eq(weir_stream_write(s, NULL, 1, NULL), WEIR_EINVAL);
    must_eq(weir_stream_write(s, &c, SIZE_MAX, NULL), WEIR_EINVAL);
    must_eq(weir_stream_close(NULL), WEIR_EINVAL);
    must_eq(weir_stream_close_with(NULL, -1), WEIR_EINVAL);
    must_eq(weir_stream_close_with(s, 0), WEIR_EINVAL);
    must_eq(weir_stream_cancel(NULL, 0), WEIR_EINVAL);
    must_eq(weir_stream_cancel(s, 1), WEIR_EINVAL);
    must_eq(weir_stream_shutdown(s, 0, NULL), WEIR_EINVAL);
    must_eq(weir_stream_remove(NULL, NULL), WEIR_EINVAL);
    must_eq(weir_stream_get_counts(s, NULL), WEIR_EINVAL);
    must_eq(weir_stream_next_reader(s, NULL), WEIR_EINVAL);
    must_eq(weir_reader_read(NULL, &c, 1, NULL), WEIR_EINVAL);
    must_eq(weir_reader_read(r, NULL, 1, NULL), WEIR_EINVAL);
    must_eq(weir_reader_read_at(r, &c, 1, -1, 1, NULL), WEIR_EINVAL);
    must_eq(weir_reader_read_at(r, &c, 1, INT64_MIN, 1, NULL), WEIR_EINVAL);
    must_eq(weir_reader_read_at(r, &c, 1, 0, 2, NULL), WEIR_EINVAL);
    must_eq(weir_reader_borrow(r, NULL, 0, NULL), WEIR_EINVAL);
    must_eq(weir_reader_give_back(r, &loan), WEIR_EINVAL);
    must_eq(weir_reader_seek(NULL, 0, SEEK_SET, NULL), WEIR_EINVAL);
    must_eq(weir_reader_size(NULL, NULL), WEIR_EINVAL);
    must_eq(weir_reader_lost(NULL, NULL), WEIR_EINVAL);
    must_eq(weir_reader_close(NULL), WEIR_EINVAL);
    ck_assert_str_eq(weir_stream_name(NULL), "");
    ck_assert_str_eq(weir_reader_name(NULL), "");
    ck_assert_str_eq(weir_stream_name(s), "stream");
    must_eq(weir_stream_new_mem(NULL, NULL, &unnamed), 0);
    ck_assert_str_eq(weir_stream_name(unnamed), "");
    weir_stream_unref(unnamed);
    must(!counts_of(s).closed);
    weir_reader_free(r);
    weir_stream_unref(s);
    weir_reader_free(NULL);
    weir_stream_unref(NULL);
    weir_fs_free(NULL);
}
END_TEST

START_TEST(options_that_say_nothing_sensible)
{
    const weir_stream_opts bad[] = {
        {.max_bytes = -1},
        {.segment = SIZE_MAX},
        {.policy = WEIR_ERROR},
        {.max_bytes = 9},
        {.max_bytes = 9, .policy = WEIR_LATEST},
        {.max_bytes = 9, .policy = (enum weir_policy)99},
    };
    weir_stream *s;
    size_t i;

    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        must_eq(weir_stream_new_mem("a", &bad[i], &s), WEIR_EINVAL);
        must(s == NULL);
    }
    must_eq(weir_stream_new_mem("a", NULL, NULL), WEIR_EINVAL);
    must(weir_memfs_new(SIZE_MAX) == NULL);
}
END_TEST

OVER_EACH(a_name_in_use_is_an_error)
{
    weir_stream *s = stream_on(fs, "a"), *b = stream_on(fs, "b");
    weir_reader *r;

    put_text(s, "mine");
    must_eq(try_stream(fs, "a"), -EEXIST);
    must_eq(try_stream(fs, ""), WEIR_EINVAL);
    must_eq(try_stream(fs, NULL), WEIR_EINVAL);
    must_eq(try_stream(NULL, "c"), WEIR_EINVAL);
    r = reader_of(s);
    must_read(r, "mine");
    weir_reader_free(r);
    must_eq(weir_stream_close(s), 0);
    must_eq(weir_stream_remove(s, NULL), 0);
    must_eq(fs->ops->remove(fs, "a"), -ENOENT);
    must_eq(try_stream(fs, "a"), 0);
    must_eq(try_stream(fs, "a"), -EEXIST);
    weir_stream_unref(s);
    weir_stream_unref(b);
    (void)crew;
}

OVER_EACH(a_file_that_is_gone_has_no_new_readers)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s), *none;

    must_eq(fs->ops->remove(fs, "a"), 0);
    put_text(s, "to those who have it");
    must_read(r, "to those who have it");
    must_eq(weir_stream_next_reader(s, &none), -ENOENT);
    must(none == NULL);
    weir_reader_free(r);
    must_eq(weir_stream_close(s), 0);
    must_eq(weir_stream_remove(s, NULL), -ENOENT);
    weir_stream_unref(s);
    (void)crew;
}

/* ---- directories --------------------------------------------------------- */

START_TEST(a_name_leads_out_of_no_directory)
{
    struct scratch d = scratch_new();
    weir_fs *fs = dirfs_of(&d);
    char longest[NAME_MAX + 2];

    must_eq(try_stream(fs, ".."), WEIR_EINVAL);
    must_eq(try_stream(fs, "."), WEIR_EINVAL);
    must_eq(try_stream(fs, "../up"), WEIR_EINVAL);
    must_eq(try_stream(fs, "/tmp/up"), WEIR_EINVAL);
    must_eq(try_stream(fs, "sub/a"), WEIR_EINVAL);
    must_eq(try_stream(fs, "line\n"), WEIR_EINVAL);
    must_eq(try_stream(fs, "\x7f"), WEIR_EINVAL);
    must_eq(fs->ops->remove(fs, "../up"), WEIR_EINVAL);
    memset(longest, 'x', sizeof longest);
    longest[NAME_MAX + 1] = 0;
    must_eq(try_stream(fs, longest), WEIR_EINVAL);
    must_eq(scratch_files(&d), 0);
    longest[NAME_MAX] = 0;
    must_eq(try_stream(fs, longest), 0);
    must_eq(try_stream(fs, "..."), 0);
    weir_fs_free(fs);
    scratch_free(&d);
}
END_TEST

START_TEST(a_directory_must_be_one)
{
    weir_fs *fs;

    must_eq(weir_dirfs_new("/nonexistent/weir", &fs), -ENOENT);
    must(fs == NULL);
    must_eq(weir_dirfs_new("/dev/null", &fs), -ENOTDIR);
    must_eq(weir_dirfs_new("", &fs), -ENOENT);
    must_eq(weir_dirfs_new(NULL, &fs), WEIR_EINVAL);
    must_eq(weir_dirfs_new("/tmp", NULL), WEIR_EINVAL);
}
END_TEST

/* Somebody puts a link, a fifo or a directory where the file was. */
START_TEST(what_is_no_file_is_not_opened)
{
    struct scratch d = scratch_new();
    weir_fs *fs = dirfs_of(&d);
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r;
    char path[80];

    snprintf(path, sizeof path, "%s/a", d.path);
    must_eq(unlink(path), 0);
    must_eq(symlink("/etc/passwd", path), 0);
    must_eq(weir_stream_next_reader(s, &r), -ELOOP);
    must_eq(unlink(path), 0);
    must_eq(mkfifo(path, 0600), 0);
    must_eq(weir_stream_next_reader(s, &r), WEIR_UNSUPPORTED);
    must_eq(try_stream(fs, "a"), -EEXIST);
    weir_stream_unref(s);
    weir_fs_free(fs);
    scratch_free(&d);
}
END_TEST

START_TEST(a_file_that_shrinks_is_an_error)
{
    struct scratch d = scratch_new();
    weir_fs *fs = dirfs_of(&d);
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);
    char path[80], buf[8];

    put_text(s, "abcdefgh");
    snprintf(path, sizeof path, "%s/a", d.path);
    must_eq(truncate(path, 3), 0);
    must_eq(weir_reader_read_at(r, buf, 8, 0, 8, NULL), 3);
    must_eq(weir_reader_read_at(r, buf, 8, 4, 1, NULL), -EIO);
    must_eq(weir_reader_read(r, buf, 8, NULL), 3);
    must_eq(weir_reader_read(r, buf, 8, NULL), -EIO);
    weir_reader_free(r);
    weir_stream_unref(s);
    weir_fs_free(fs);
    scratch_free(&d);
}
END_TEST

/* The limit of a file's size stands for a full disk: a part goes in, the next
 * write fails, and with room there it goes on without a gap. */
START_TEST(a_full_disk_loses_nothing)
{
    struct scratch d = scratch_new();
    weir_fs *fs = dirfs_of(&d);
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);
    struct rlimit was, small;
    char buf[100];

    fill(buf, sizeof buf, 0);
    must(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    must_eq(getrlimit(RLIMIT_FSIZE, &was), 0);
    small = was;
    small.rlim_cur = 64;
    must_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    must_eq(weir_stream_write(s, buf, 100, NULL), 64);
    must_eq(weir_stream_write(s, buf + 64, 36, NULL), -EFBIG);
    must_eq(counts_of(s).written, 64);
    must_eq(setrlimit(RLIMIT_FSIZE, &was), 0);
    must_eq(weir_stream_write(s, buf + 64, 36, NULL), 36);
    memset(buf, 0, sizeof buf);
    must_eq(read_n(r, buf, 100), 100);
    must_be(buf, 100, 0);
    weir_reader_free(r);
    weir_stream_unref(s);
    weir_fs_free(fs);
    scratch_free(&d);
}
END_TEST

START_TEST(a_file_that_cannot_lend_says_so)
{
    struct scratch d = scratch_new();
    weir_fs *fs = dirfs_of(&d);
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);
    weir_loan loan;

    put_text(s, "abc");
    must_eq(weir_reader_borrow(r, &loan, 0, NULL), WEIR_UNSUPPORTED);
    must(loan.data == NULL);
    must_read(r, "abc");
    weir_reader_free(r);
    weir_stream_unref(s);
    weir_fs_free(fs);
    scratch_free(&d);
}
END_TEST

/* ---- no memory ----------------------------------------------------------- */

/* With n allocations granted: 0, or what failed. */
static int use_all(weir_fs *fs, int n)
{
    weir_stream *s = NULL;
    weir_reader *r = NULL;
    ptrdiff_t err;
    char c = 'c';

    wr_mem_fail_after(n);
    err = weir_stream_new(fs, "a", NULL, &s);
    if (err == 0)
        err = weir_stream_next_reader(s, &r);
    if (err == 0)
        err = weir_stream_write(s, &c, 1, NULL);
    if (err == 1)
        err = weir_reader_read(r, &c, 1, NULL);
    wr_mem_fail_after(-1);
    weir_reader_free(r);
    if (s != NULL) {
        must_eq(weir_stream_close(s), 0);
        must_eq(weir_stream_remove(s, NULL), 0);
    }
    weir_stream_unref(s);
    return err == 1 ? 0 : (int)err;
}

OVER_EACH(without_memory_nothing_is_half_made)
{
    int n = 0, err;

    must_eq(weir_sleep(1, NULL), 0);
    while ((err = use_all(fs, n)) != 0) {
        must_eq(err, WEIR_ENOMEM);
        n++;
    }
    must(n >= 4);
    must_eq(try_stream(fs, "a"), 0);
    (void)crew;
}

CHECK_MAIN(CHECK_TEST(no_handle_is_invalid),
           CHECK_TEST(options_that_say_nothing_sensible),
           CHECK_MODES(a_name_in_use_is_an_error),
           CHECK_MODES(a_file_that_is_gone_has_no_new_readers),
           CHECK_TEST(a_name_leads_out_of_no_directory),
           CHECK_TEST(a_directory_must_be_one),
           CHECK_TEST(what_is_no_file_is_not_opened),
           CHECK_TEST(a_file_that_shrinks_is_an_error),
           CHECK_TEST(a_full_disk_loses_nothing),
           CHECK_TEST(a_file_that_cannot_lend_says_so),
           CHECK_MODES(without_memory_nothing_is_half_made))
