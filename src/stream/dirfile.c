/* SPDX-License-Identifier: MIT */
/*
 * Files that hold the bytes of their stream and nothing else, and what all
 * files of a directory share. A write says where it goes, so one that failed
 * leaves no hole.
 */
#include "stream/dirfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <weir/task.h>
#include "base/mem.h"

/* What is trimmed goes in steps of so many bytes. */
#define TRIM_STEP ((int64_t)64 << 10)

/* ---- what may block ------------------------------------------------------ */

/* Without memory for a thread that may block, this one does. */
int wr_dir_blocking(int (*fn)(void *), void *arg)
{
    int err = weir_blocking(fn, arg);
    return err == WEIR_ENOMEM ? fn(arg) : err;
}

ptrdiff_t wr_dir_pread(int fd, void *buf, size_t n, int64_t off)
{
    size_t done = 0;
    while (done < n) {
        const ptrdiff_t got =
            pread(fd, (char *)buf + done, n - done, off + (int64_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ptrdiff_t)done;
}

int wr_dir_pwrite(int fd, const void *buf, size_t n, int64_t off)
{
    while (n > 0) {
        const ptrdiff_t put = pwrite(fd, buf, n, off);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put ? -errno : -EIO;
        buf = (const char *)buf + put;
        n -= (size_t)put;
        off += put;
    }
    return 0;
}

int wr_dir_punch(const struct dir_file *f, int64_t from, int64_t to)
{
    int fd = f->fd, err = 0;
    if (!f->writes) {
        char path[32];
        snprintf(path, sizeof path, "/proc/self/fd/%d", f->fd);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
            return -errno;
    }
    if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from,
                  to - from) < 0)
        err = -errno;
    if (fd != f->fd)
        close(fd);
    return err;
}

/* ---- reading and writing ------------------------------------------------- */

/* One access. */
struct access {
    struct dir_file *f;
    const void *out;
    void *in;
    size_t n;
    int64_t off;
    ptrdiff_t done;
};

static int write_there(void *arg)
{
    struct access *a = arg;
    do
        a->done = pwrite(a->f->fd, a->out, a->n, a->f->end);
    while (a->done < 0 && errno == EINTR);
    return a->done < 0 ? -errno : 0;
}

static ptrdiff_t plain_write(weir_file *f, const void *buf, size_t n)
{
    struct access a = {.f = wr_dir_file(f), .out = buf, .n = n};
    int err = weir_blocking(write_there, &a);
    if (err)
        return err;
    a.f->end += a.done;
    return a.done;
}

static int read_there(void *arg)
{
    struct access *a = arg;
    do
        a->done = pread(a->f->fd, a->in, a->n, a->off);
    while (a->done < 0 && errno == EINTR);
    return a->done < 0 ? -errno : 0;
}

/* What the page cache has needs no other thread. */
static ptrdiff_t read_range(struct dir_file *f, void *buf, size_t n,
                            int64_t off)
{
    const struct iovec v = {buf, n};
    const ptrdiff_t done = preadv2(f->fd, &v, 1, off, RWF_NOWAIT);
    if (done > 0)
        return done;
    struct access a = {.f = f, .in = buf, .n = n, .off = off};
    int err = weir_blocking(read_there, &a);
    return err ? err : a.done;
}

static ptrdiff_t plain_read_at(weir_file *f, void *buf, size_t n, int64_t off)
{
    return read_range(wr_dir_file(f), buf, n, off);
}

/* ---- the rest ------------------------------------------------------------ */

static int trim_there(void *arg)
{
    const struct dir_file *f = arg;
    return wr_dir_punch(f, 0, f->trimmed);
}

/* A hole that cannot be made is made by the next one that can. */
static void plain_trim(weir_file *file, int64_t upto)
{
    struct dir_file *f = wr_dir_file(file);
    const int64_t whole = upto - upto % TRIM_STEP;
    weir_mutex_lock(&f->trimming, NULL);
    if (whole > f->trimmed) {
        f->trimmed = whole;
        wr_dir_blocking(trim_there, f);
    }
    weir_mutex_unlock(&f->trimming);
}

static int close_there(void *arg)
{
    const struct dir_file *f = arg;
    return close(f->fd) < 0 && errno != EINTR ? -errno : 0;
}

int wr_dir_close(weir_file *f)
{
    int err = wr_dir_blocking(close_there, f);
    wr_free(f);
    return err;
}

/* The name is to be there as well. */
static int sync_there(void *arg)
{
    const struct dir_file *f = arg;
    return fdatasync(f->fd) < 0 || fsync(f->fs->dir) < 0 ? -errno : 0;
}

int wr_dir_sync(weir_file *f)
{
    return wr_dir_blocking(sync_there, f);
}

/* The number of an inode that is gone is used again, and then with another
 * time of birth, where the kernel's file system knows of one. */
static uint64_t identity(const struct statx *st)
{
    const uint64_t born =
        (uint64_t)st->stx_btime.tv_sec * 1000000000 + st->stx_btime.tv_nsec;
    const uint64_t id = st->stx_ino * UINT64_C(0x9e3779b97f4a7c15) ^ born;
    return id ? id : 1;
}

struct asking {
    const struct dir_file *f;
    weir_file_info *info;
};

static int ask_there(void *arg)
{
    const struct asking *a = arg;
    struct statx st;
    if (statx(a->f->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME,
              &st) < 0)
        return -errno;
    *a->info = (weir_file_info){
        .length = -1,
        .changed = st.stx_mtime.tv_sec * WEIR_SECOND + st.stx_mtime.tv_nsec,
        .id = identity(&st),
    };
    return 0;
}

static int plain_info(weir_file *file, weir_file_info *out)
{
    return wr_dir_blocking(ask_there, &(struct asking){wr_dir_file(file), out});
}

const weir_file_ops wr_plain_ops = {
    .write = plain_write,
    .read_at = plain_read_at,
    .close = wr_dir_close,
    .trim = plain_trim,
    .sync = wr_dir_sync,
    .info = plain_info,
};
