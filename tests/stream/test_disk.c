/* SPDX-License-Identifier: MIT */
/*
 * What a directory refuses: permission, a file system that is for reading
 * only, a disk that is full. The code names it, and with the cause gone it
 * goes on without a gap.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "streams.h"

static int try_stream(weir_fs *fs, const char *name)
{
    weir_stream *s;
    int err = weir_stream_new(fs, name, NULL, &s);

    must((err == 0) == (s != NULL));
    weir_stream_unref(s);
    return err;
}

static void put_end(weir_fs *fs, const char *name, size_t n)
{
    weir_stream *s = stream_on(fs, name);

    put_bytes(s, n);
    must_eq(weir_stream_close(s), 0);
    weir_stream_unref(s);
}

/* ---- permission ---------------------------------------------------------- */

/* Nothing is forbidden to root, so the test becomes somebody else. */
static struct scratch scratch_of_nobody(void)
{
    const uid_t nobody = 65534;
    struct scratch d = scratch_new();

    if (geteuid() == 0) {
        must_eq(chown(d.path, nobody, nobody), 0);
        must_eq(setegid(nobody), 0);
        must_eq(seteuid(nobody), 0);
    }
    return d;
}

static void end_of_nobody(const struct scratch *d)
{
    must_eq(seteuid(getuid()), 0);
    scratch_free(d);
}

START_TEST(a_directory_without_permission)
{
    struct scratch d = scratch_of_nobody();
    weir_fs *fs = marked_of(&d), *none;
    weir_stream *s;

    put_end(fs, "a", 100);
    must_eq(chmod(d.path, 0500), 0);
    must_eq(try_stream(fs, "b"), -EACCES);
    must_eq(weir_stream_open(fs, "a", &s), 0);
    must_eq(weir_stream_remove(s, NULL), -EACCES);
    weir_stream_unref(s);
    must_eq(weir_stream_verify(fs, "a", NULL), 0);
    must_eq(chmod(d.path, 0), 0);
    must_eq(weir_dirfs_new(d.path, &none), -EACCES);
    must(none == NULL);
    must_eq(weir_stream_open(fs, "a", &s), -EACCES);
    must_eq(chmod(d.path, 0700), 0);
    weir_fs_free(fs);
    end_of_nobody(&d);
}
END_TEST

START_TEST(a_file_without_permission)
{
    struct scratch d = scratch_of_nobody();
    weir_fs *fs = marked_of(&d);
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r;
    char path[80];

    put_bytes(s, 100);
    snprintf(path, sizeof path, "%s/a", d.path);
    must_eq(chmod(path, 0), 0);
    must_eq(weir_stream_next_reader(s, &r), -EACCES);
    put_bytes(s, 100);
    must_eq(chmod(path, 0400), 0);
    r = reader_of(s);
    weir_stream_unref(s);
    weir_reader_free(r);
    must_eq(weir_stream_resume(fs, "a", NULL, NULL, &s), -EACCES);
    must_eq(weir_stream_open(fs, "a", &s), WEIR_INCOMPLETE);
    must_eq(chmod(path, 0600), 0);
    must_eq(weir_stream_resume(fs, "a", NULL, NULL, &s), 0);
    must_eq(counts_of(s).written, 200);
    weir_stream_unref(s);
    weir_fs_free(fs);
    end_of_nobody(&d);
}
END_TEST

/* ---- a disk of our own --------------------------------------------------- */

enum { SKIP = 77, DISK = 256 << 10 };

static bool say(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY);
    const ssize_t n = (ssize_t)strlen(text);
    const bool said = fd >= 0 && write(fd, text, (size_t)n) == n;

    close(fd);
    return said;
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
           say("/proc/self/setgroups", "deny") &&
           say("/proc/self/uid_map", uid) && say("/proc/self/gid_map", gid);
}

/* A small file system that only this process sees, over the directory. */
static bool mount_small(const struct scratch *d, const char *kind)
{
    return own_namespace() &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("weir", d->path, kind, 0, "size=256k") == 0;
}

/* In a process with one thread, as a mount of one's own needs it; it starts
 * none, so the calls are made in place. */
static void on_disk(const char *kind, void (*body)(const struct scratch *))
{
    struct scratch d = scratch_new();
    const pid_t pid = fork();
    int status;

    must(pid >= 0);
    if (pid == 0) {
        if (!mount_small(&d, kind))
            _exit(SKIP);
        body(&d);
        _exit(0);
    }
    must_eq(waitpid(pid, &status, 0), pid);
    scratch_free(&d);
    must(WIFEXITED(status));
    if (WEXITSTATUS(status) == SKIP)
        printf("skipped: no file system of one's own can be mounted here\n");
    else
        must_eq(WEXITSTATUS(status), 0);
}

static void on_small_disk(void (*body)(const struct scratch *))
{
    on_disk("tmpfs", body);
}

/* Fills the disk, or takes that away. */
static void occupy(const struct scratch *d)
{
    static char block[4096];
    char path[80];
    int fd;

    snprintf(path, sizeof path, "%s/filler", d->path);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    must(fd >= 0);
    while (write(fd, block, sizeof block) > 0)
        ;
    must_eq(errno, ENOSPC);
    close(fd);
}

static void release(const struct scratch *d)
{
    char path[80];

    snprintf(path, sizeof path, "%s/filler", d->path);
    must_eq(unlink(path), 0);
}

/* Writes on, in pieces, until nothing goes in; how much is there then. */
static int64_t write_until(weir_stream *s, int code)
{
    unsigned char buf[1000];
    ptrdiff_t got;
    int64_t off = counts_of(s).written;

    do {
        fill(buf, sizeof buf, off);
        got = weir_stream_write(s, buf, sizeof buf, NULL);
        off += got > 0 ? got : 0;
    } while (got > 0);
    must_eq(got, code);
    must_eq(counts_of(s).written, off);
    return off;
}

static void must_have(weir_stream *s, int64_t n)
{
    weir_reader *r = reader_of(s);
    unsigned char buf[1000];
    int64_t off;

    for (off = 0; off < n; off += 1000) {
        const size_t some = n - off < 1000 ? (size_t)(n - off) : 1000;
        must_eq(read_n(r, buf, some), (ptrdiff_t)some);
        must_be(buf, some, off);
    }
    weir_reader_free(r);
}

static void goes_on(const struct scratch *d, weir_fs *fs)
{
    weir_stream *s = stream_on(fs, "a");
    int64_t n;

    occupy(d);
    release(d);
    n = write_until(s, -ENOSPC);
    must(n > DISK / 2);
    must_have(s, n);
    must_eq(write_until(s, -ENOSPC), n);
    must_eq(weir_stream_sync(s), 0);
    weir_stream_unref(s);
    weir_fs_free(fs);
}

static void plain_goes_on(const struct scratch *d)
{
    goes_on(d, dirfs_of(d));
}

static void marked_goes_on(const struct scratch *d)
{
    goes_on(d, marked_of(d));
}

START_TEST(a_full_disk_is_told)
{
    on_small_disk(plain_goes_on);
    on_small_disk(marked_goes_on);
}
END_TEST

/* Whether the last mark finds room or not: what says it is complete is. */
static void finish_full(const struct scratch *d)
{
    weir_fs *fs = marked_of(d);
    weir_stream *s = stream_on(fs, "a");
    int64_t n = 100000;
    int err;

    put_bytes(s, (size_t)n);
    occupy(d);
    n = write_until(s, -ENOSPC);
    must_have(s, n);
    err = weir_stream_close(s);
    weir_stream_unref(s);
    must(err == 0 || err == -ENOSPC);
    must_eq(weir_stream_verify(fs, "a", NULL), err ? WEIR_INCOMPLETE : 0);
    if (err) {
        release(d);
        must_eq(weir_stream_resume(fs, "a", NULL, NULL, &s), 0);
        must(counts_of(s).written > n - (64 << 10));
        put_bytes(s, 1000);
        must_eq(weir_stream_close(s), 0);
        weir_stream_unref(s);
        must_eq(weir_stream_verify(fs, "a", NULL), 0);
    }
    weir_fs_free(fs);
}

/* A new file that has no room for its head leaves no name. */
static void begin_full(const struct scratch *d)
{
    weir_fs *fs = marked_of(d);

    occupy(d);
    must_eq(try_stream(fs, "a"), -ENOSPC);
    must_eq(scratch_files(d), 1);
    release(d);
    must_eq(try_stream(fs, "a"), 0);
    weir_fs_free(fs);
}

START_TEST(a_full_disk_makes_nothing_complete)
{
    on_small_disk(finish_full);
    on_small_disk(begin_full);
}
END_TEST

static void spill_full(const struct scratch *d)
{
    weir_fs *fs = dirfs_of(d);
    weir_stream *s = mem_with((weir_stream_opts){
        .segment = 10000, .spill_above = 30000, .spill_to = fs});
    int64_t n;

    put_bytes(s, 100000);
    occupy(d);
    n = write_until(s, -ENOSPC);
    must(n >= 100000);
    must_have(s, n);
    must_eq(write_until(s, -ENOSPC), n);
    release(d);
    put_bytes(s, 50000);
    must_have(s, n + 50000);
    weir_stream_unref(s);
    must_eq(scratch_files(d), 0);
    weir_fs_free(fs);
}

START_TEST(a_full_disk_stops_spilling_and_loses_nothing)
{
    on_small_disk(spill_full);
}
END_TEST

static void read_only(const struct scratch *d)
{
    weir_fs *fs = marked_of(d);
    weir_stream *s;

    put_end(fs, "a", 1000);
    must_eq(mount(NULL, d->path, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    must_eq(try_stream(fs, "b"), -EROFS);
    must_eq(weir_stream_resume(fs, "a", NULL, NULL, &s), -EROFS);
    must_eq(weir_stream_open(fs, "a", &s), 0);
    must_have(s, 1000);
    must_eq(weir_stream_remove(s, NULL), -EROFS);
    must_eq(weir_stream_verify(fs, "a", NULL), 0);
    weir_stream_unref(s);
    weir_fs_free(fs);
}

START_TEST(a_disk_for_reading_only)
{
    on_small_disk(read_only);
}
END_TEST

static void no_holes(const struct scratch *d)
{
    const weir_stream_opts trims[] = {
        {.trim = true}, {.max_bytes = 5, .policy = WEIR_DROP_OLDEST}};
    weir_fs *each[] = {dirfs_of(d), marked_of(d)};
    weir_stream *s;
    int i;

    for (i = 0; i < 4; i++)
        must_eq(weir_stream_new(each[i / 2], "a", &trims[i % 2], &s),
                WEIR_UNSUPPORTED);
    must_eq(scratch_files(d), 0);
    s = stream_on(each[1], "a");
    put_bytes(s, 100000);
    must_have(s, 100000);
    weir_stream_unref(s);
    must_eq(weir_stream_resume(each[1], "a", trims, NULL, &s),
            WEIR_UNSUPPORTED);
    must_eq(weir_stream_resume(each[1], "a", NULL, NULL, &s), 0);
    must_eq(weir_stream_close(s), 0);
    weir_stream_unref(s);
    must_eq(weir_stream_verify(each[1], "a", NULL), 0);
    weir_fs_free(each[0]);
    weir_fs_free(each[1]);
}

START_TEST(a_disk_without_holes_cannot_trim)
{
    on_disk("ramfs", no_holes);
}
END_TEST

CHECK_MAIN(CHECK_TEST(a_directory_without_permission),
           CHECK_TEST(a_file_without_permission),
           CHECK_TEST(a_full_disk_is_told),
           CHECK_TEST(a_full_disk_makes_nothing_complete),
           CHECK_TEST(a_full_disk_stops_spilling_and_loses_nothing),
           CHECK_TEST(a_disk_for_reading_only),
           CHECK_TEST(a_disk_without_holes_cannot_trim))
