/* SPDX-License-Identifier: MIT */
/*
 * What a disk refuses: permission, writing where all is read-only, room. Each
 * has the system's code, nothing is lost unsaid, and it goes on when it can.
 *
 * A small file system is mounted in a namespace of one's own, where that is
 * allowed; that needs a process with one thread, which starts no runtime.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <weir/store_multi.h>
#include "logs.h"

/* ---- permission ---------------------------------------------------------- */

/* Nothing is forbidden to root, so the test becomes somebody else. */
static void dir_of_nobody(struct dir *d)
{
    const uid_t nobody = 65534;

    dir_make(d);
    if (geteuid() == 0) {
        must_eq(chown(d->path, nobody, nobody), 0);
        must_eq(setegid(nobody), 0);
        must_eq(seteuid(nobody), 0);
    }
}

static void end_of_nobody(const struct dir *d)
{
    must_eq(seteuid(getuid()), 0);
    dir_end(d);
}

START_TEST(a_directory_without_permission)
{
    struct dir d;
    weir_store *s, *none;
    weir_store_writer *w, *other;
    weir_store_reader *r;

    dir_of_nobody(&d);
    s = files_of(&d, NULL);
    w = writer_of(s, "a");
    must_eq(say(w, "x"), 0);
    must_eq(chmod(d.path, 0500), 0);
    must_eq(weir_store_writer_open(&other, s, "b"), -EACCES);
    must_eq(weir_store_reader_open(&r, s, "b"), -EACCES);
    must_eq(weir_store_delete(s, "a"), -EACCES);
    must_eq(say(w, "y"), 0); /* still there, and not ended */
    r = reader_of(s, "a");
    hear(r, "x");
    hear(r, "y");
    weir_store_reader_free(r);
    must_eq(chmod(d.path, 0), 0);
    must_eq(weir_store_exists(s, "a"), -EACCES);
    must_eq(weir_store_files(&none, d.path, NULL), -EACCES);
    must_eq(chmod(d.path, 0700), 0);
    must_eq(weir_store_delete(s, "a"), 0);
    must_eq(say(w, "z"), WEIR_CLOSED);
    weir_store_writer_free(w);
    weir_store_free(s);
    end_of_nobody(&d);
}
END_TEST

START_TEST(a_file_without_permission)
{
    struct dir d;
    weir_store *s;
    weir_store_writer *w;
    weir_store_reader *r;
    weir_store_account got;

    dir_of_nobody(&d);
    s = files_of(&d, NULL);
    w = writer_of(s, "a");
    must_eq(say(w, "x"), 0);
    weir_store_writer_leave(w);
    weir_store_free(s);
    must_eq(chmod(in_dir(&d, "a.msgs"), 0), 0);
    s = files_of(&d, NULL);
    must_eq(weir_store_writer_open(&w, s, "a"), -EACCES);
    must_eq(weir_store_reader_open(&r, s, "a"), -EACCES);
    must_eq(weir_store_broadcast(s, "", "x", 1, WEIR_STORE_SKIP, NULL, &got),
            0);
    must_eq(got.failed, 1);
    must_eq(got.err, -EACCES);
    must_eq(chmod(in_dir(&d, "a.msgs"), 0600), 0);
    r = reader_of(s, "a");
    hear(r, "x");
    weir_store_reader_free(r);
    weir_store_free(s);
    end_of_nobody(&d);
}
END_TEST

/* ---- a disk of our own --------------------------------------------------- */

enum { SKIP = 77 };

static bool put_text(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY);
    const ssize_t n = (ssize_t)strlen(text);
    const bool done = fd >= 0 && write(fd, text, (size_t)n) == n;

    close(fd);
    return done;
}

/* Root at home, for the right to mount. */
static bool own_namespace(void)
{
    char uid[40], gid[40];

    if (geteuid() == 0)
        return unshare(CLONE_NEWNS) == 0;
    snprintf(uid, sizeof uid, "0 %u 1", (unsigned)geteuid());
    snprintf(gid, sizeof gid, "0 %u 1", (unsigned)getegid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           put_text("/proc/self/setgroups", "deny") &&
           put_text("/proc/self/uid_map", uid) &&
           put_text("/proc/self/gid_map", gid);
}

static bool mount_small(const struct dir *d)
{
    return own_namespace() &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("weir", d->path, "tmpfs", 0, "size=256k") == 0;
}

static void on_small_disk(void (*body)(const struct dir *))
{
    struct dir d;
    pid_t pid;
    int status;

    dir_make(&d);
    pid = fork();
    must(pid >= 0);
    if (pid == 0) {
        if (!mount_small(&d))
            _exit(SKIP);
        body(&d);
        _exit(0);
    }
    must_eq(waitpid(pid, &status, 0), pid);
    dir_end(&d);
    must(WIFEXITED(status));
    if (WEXITSTATUS(status) == SKIP)
        printf("skipped: no file system of one's own can be mounted here\n");
    else
        must_eq(WEXITSTATUS(status), 0);
}

/* Takes all room, or some of it; and gives it back. */
static void occupy(const struct dir *d, int blocks)
{
    static char block[4096];
    const int fd =
        open(in_dir(d, "filler"), O_WRONLY | O_CREAT | O_APPEND, 0600);

    must(fd >= 0);
    while (blocks-- > 0 && write(fd, block, sizeof block) > 0)
        ;
    close(fd);
}

static void release(const struct dir *d)
{
    must_eq(unlink(in_dir(d, "filler")), 0);
}

enum { ALL = 1000, HALF = 32 };

static char large[100000];

/* Numbers in messages of that size until none goes in: how many did. */
static int fill_up(weir_store_writer *w, size_t size)
{
    int i = 0, err;

    do {
        memcpy(large, &i, sizeof i);
        err = weir_store_write(w, large, size, NULL);
        i += err == 0;
    } while (err == 0);
    must_eq(err, -ENOSPC);
    must_eq(weir_store_write(w, large, size, NULL), -ENOSPC);
    return i;
}

static void must_have(weir_store *s, int n, size_t size, const char *then)
{
    weir_store_reader *r = reader_of(s, "p");
    int i, k;

    for (i = 0; i < n; i++) {
        must_eq(weir_store_read(r, large, sizeof large, NULL), size);
        memcpy(&k, large, sizeof k);
        must_eq(k, i);
    }
    hear(r, then);
    weir_store_reader_free(r);
}

static const size_t sizes[] = {10, 1000, 5000, 40000};

/* Of what was torn nothing is served; what was written is, and so is what
 * comes after. */
static void goes_on(const struct dir *d)
{
    size_t i;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        weir_store *s = files_of(d, NULL);
        weir_store_writer *w = writer_of(s, "p");
        int n;

        occupy(d, HALF);
        n = fill_up(w, sizes[i]);
        must(n > 0);
        must_eq(stats_of(s, "p").written, (uint64_t)n);
        release(d);
        must_eq(say(w, "on"), 0);
        must_have(s, n, sizes[i], "on");
        must_eq(weir_store_writer_close(w), 0);
        weir_store_writer_free(w);
        weir_store_free(s);
        s = files_of(d, NULL);
        must_have(s, n, sizes[i], "on");
        must_eq(weir_store_delete(s, "p"), 0);
        weir_store_free(s);
    }
}

/* The same when the process ends in between, so that the torn one stays. */
static void goes_on_later(const struct dir *d)
{
    size_t i;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        weir_store *s = files_of(d, NULL);
        weir_store_writer *w = writer_of(s, "p");
        int n;

        occupy(d, HALF);
        n = fill_up(w, sizes[i]);
        weir_store_writer_leave(w);
        weir_store_free(s);
        release(d);
        s = files_of(d, NULL);
        w = writer_of(s, "p");
        must_eq(stats_of(s, "p").kept, (uint64_t)n);
        must_eq(say(w, "on"), 0);
        must_have(s, n, sizes[i], "on");
        weir_store_writer_free(w);
        must_eq(weir_store_delete(s, "p"), 0);
        weir_store_free(s);
    }
}

/* A path that could not say that it has ended has not. */
static void ends(const struct dir *d)
{
    size_t i;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        weir_store *s = files_of(d, NULL);
        weir_store_writer *w = writer_of(s, "p");
        int n, err;

        occupy(d, HALF);
        n = fill_up(w, sizes[i]);
        err = weir_store_writer_close(w);
        must(err == 0 || err == -ENOSPC);
        must_eq(say(w, "no"), WEIR_CLOSED);
        weir_store_writer_free(w);
        weir_store_free(s);
        release(d);
        s = files_of(d, NULL);
        must_eq(stats_of(s, "p").kept, (uint64_t)n);
        must_eq(stats_of(s, "p").ended, err == 0);
        must_eq(weir_store_delete(s, "p"), 0);
        weir_store_free(s);
    }
}

/* A new path that has no room leaves no name. */
static void begins(const struct dir *d)
{
    weir_store *s = files_of(d, NULL);
    weir_store_writer *w;

    occupy(d, ALL);
    must_eq(weir_store_writer_open(&w, s, "new"), -ENOSPC);
    must_eq(weir_store_exists(s, "new"), 0);
    release(d);
    w = writer_of(s, "new");
    must_eq(say(w, "x"), 0);
    weir_store_writer_free(w);
    weir_store_free(s);
}

START_TEST(a_full_disk_tears_nothing)
{
    on_small_disk(goes_on);
    on_small_disk(goes_on_later);
}
END_TEST

START_TEST(a_full_disk_ends_and_begins_nothing)
{
    on_small_disk(ends);
    on_small_disk(begins);
}
END_TEST

/* One of two is full: the account says which. */
static void two(const struct dir *d)
{
    const weir_store_multi_opts o = {.need = WEIR_STORE_BEST_EFFORT};
    weir_store *in[2] = {files_of(d, NULL), NULL}, *s;
    weir_store_writer *w;
    int codes[2];

    must_eq(weir_store_memory(&in[1], 0), 0);
    must_eq(weir_store_multi(&s, in, 2, &o), 0);
    w = writer_of(s, "p");
    must_eq(say(w, "x"), 0);
    occupy(d, ALL);
    do
        must_eq(weir_store_write_each(w, large, 1000, NULL, codes, 2), 0);
    while (codes[0] == 0);
    must_eq(codes[0], -ENOSPC);
    must_eq(codes[1], 0);
    release(d);
    weir_store_writer_free(w);
    weir_store_free(s);
}

START_TEST(the_other_store_takes_it)
{
    on_small_disk(two);
}
END_TEST

static void read_only(const struct dir *d)
{
    weir_store *s = files_of(d, NULL);
    weir_store_writer *w = writer_of(s, "ended"), *other;
    weir_store_reader *r;

    must_eq(say(w, "x"), 0);
    weir_store_writer_free(w);
    w = writer_of(s, "open");
    must_eq(say(w, "y"), 0);
    weir_store_writer_leave(w);
    weir_store_free(s);
    must_eq(mount(NULL, d->path, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    s = files_of(d, NULL);
    must_eq(weir_store_writer_open(&other, s, "new"), -EROFS);
    must_eq(weir_store_writer_open(&other, s, "open"), -EROFS);
    must_eq(weir_store_writer_open(&other, s, "ended"), WEIR_CLOSED);
    must_eq(weir_store_delete(s, "ended"), -EROFS);
    must_eq(weir_store_exists(s, "ended"), 1);
    r = reader_of(s, "ended");
    hear(r, "x");
    must_eq(read_code(r), WEIR_CLOSED);
    weir_store_reader_free(r);
    weir_store_free(s);
}

START_TEST(a_disk_that_is_read_only)
{
    on_small_disk(read_only);
}
END_TEST

CHECK_MAIN(CHECK_TEST(a_directory_without_permission),
           CHECK_TEST(a_file_without_permission),
           CHECK_TEST(a_full_disk_tears_nothing),
           CHECK_TEST(a_full_disk_ends_and_begins_nothing),
           CHECK_TEST(the_other_store_takes_it),
           CHECK_TEST(a_disk_that_is_read_only))
