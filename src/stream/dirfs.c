/* SPDX-License-Identifier: MIT */
/*
 * Files in a directory. Every access is relative to a descriptor of it, and a
 * name is one component, so no name leads out of it and the directory may be
 * moved. A write says where it goes, so one that failed leaves no hole.
 */
#include <weir/stream.h>
#include <weir/task.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/misuse.h"

struct dirfs {
    weir_fs base;
    int dir;
};

struct dir_file {
    weir_file base;
    int fd;
    int64_t end; /* of what was written through this handle */
};

/* ---- what may block ------------------------------------------------------ */

/* One access, on a thread that may block. */
struct access {
    int fd, flags;
    const char *name;
    const void *out;
    void *in;
    size_t n;
    int64_t off;
    ptrdiff_t done;
};

static int failed(void)
{
    return -errno;
}

/* The result of fn, or why it could not be called. */
static ptrdiff_t run(int (*fn)(void *), struct access *a)
{
    int err = weir_blocking(fn, a);
    return err ? err : a->done;
}

static int write_there(void *arg)
{
    struct access *a = arg;
    do
        a->done = pwrite(a->fd, a->out, a->n, a->off);
    while (a->done < 0 && errno == EINTR);
    return a->done < 0 ? failed() : 0;
}

static int read_there(void *arg)
{
    struct access *a = arg;
    do
        a->done = pread(a->fd, a->in, a->n, a->off);
    while (a->done < 0 && errno == EINTR);
    return a->done < 0 ? failed() : 0;
}

static int close_there(void *arg)
{
    const struct access *a = arg;
    return close(a->fd) < 0 && errno != EINTR ? failed() : 0;
}

/* A fifo of that name does not hold up the opening. */
static int open_there(void *arg)
{
    struct access *a = arg;
    const int fd = openat(a->fd, a->name,
                          a->flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (fd < 0)
        return failed();
    struct stat st;
    int err = fstat(fd, &st) < 0    ? failed()
              : S_ISREG(st.st_mode) ? 0
                                    : WEIR_UNSUPPORTED;
    if (err)
        close(fd);
    a->done = fd;
    return err;
}

static int remove_there(void *arg)
{
    const struct access *a = arg;
    return unlinkat(a->fd, a->name, 0) < 0 ? failed() : 0;
}

/* ---- a file -------------------------------------------------------------- */

static struct dir_file *of(weir_file *f)
{
    return (struct dir_file *)f;
}

static ptrdiff_t dir_write(weir_file *f, const void *buf, size_t n)
{
    struct access a = {.fd = of(f)->fd, .out = buf, .n = n, .off = of(f)->end};
    const ptrdiff_t done = run(write_there, &a);
    of(f)->end += done > 0 ? done : 0;
    return done;
}

/* What the page cache has needs no other thread. */
static ptrdiff_t dir_read_at(weir_file *f, void *buf, size_t n, int64_t off)
{
    const struct iovec v = {buf, n};
    const ptrdiff_t done = preadv2(of(f)->fd, &v, 1, off, RWF_NOWAIT);
    if (done > 0)
        return done;
    struct access a = {.fd = of(f)->fd, .in = buf, .n = n, .off = off};
    return run(read_there, &a);
}

/* Without memory for a thread that may block, this one does. */
static int dir_close(weir_file *f)
{
    struct access a = {.fd = of(f)->fd};
    int err = weir_blocking(close_there, &a);
    if (err == WEIR_ENOMEM)
        err = close_there(&a);
    wr_free(f);
    return err;
}

static const weir_file_ops dir_file_ops = {
    .write = dir_write,
    .read_at = dir_read_at,
    .close = dir_close,
};

/* ---- names --------------------------------------------------------------- */

static bool good(const char *name)
{
    const size_t n = strnlen(name, NAME_MAX + 1);
    if (n == 0 || n > NAME_MAX || !strcmp(name, ".") || !strcmp(name, ".."))
        return false;
    for (const char *c = name; *c; c++)
        if (*c == '/' || (unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    return true;
}

static int open_handle(weir_fs *fs, const char *name, int flags,
                       weir_file **out)
{
    if (!good(name))
        return WR_MISUSE("a name that is no plain file name");
    struct dir_file *f = wr_alloc(sizeof *f);
    if (!f)
        return WEIR_ENOMEM;
    struct access a = {
        .fd = ((struct dirfs *)fs)->dir, .flags = flags, .name = name};
    const ptrdiff_t fd = run(open_there, &a);
    if (fd < 0) {
        wr_free(f);
        return (int)fd;
    }
    f->base.ops = &dir_file_ops;
    f->fd = (int)fd;
    *out = &f->base;
    return 0;
}

static int dirfs_create(weir_fs *fs, const char *name, weir_file **out)
{
    return open_handle(fs, name, O_WRONLY | O_CREAT | O_EXCL, out);
}

static int dirfs_open(weir_fs *fs, const char *name, weir_file **out)
{
    return open_handle(fs, name, O_RDONLY, out);
}

static int dirfs_remove(weir_fs *fs, const char *name)
{
    if (!good(name))
        return WR_MISUSE("a name that is no plain file name");
    struct access a = {.fd = ((struct dirfs *)fs)->dir, .name = name};
    return weir_blocking(remove_there, &a);
}

static void dirfs_free(weir_fs *fs)
{
    close(((struct dirfs *)fs)->dir);
    wr_free(fs);
}

int weir_dirfs_new(const char *dir, weir_fs **out)
{
    static const weir_fs_ops ops = {
        .create = dirfs_create,
        .open = dirfs_open,
        .remove = dirfs_remove,
        .free = dirfs_free,
    };
    if (out)
        *out = NULL;
    if (!dir || !out)
        return WR_MISUSE("no directory or no place for the file system");
    struct dirfs *fs = wr_alloc(sizeof *fs);
    if (!fs)
        return WEIR_ENOMEM;
    fs->base.ops = &ops;
    fs->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fs->dir < 0) {
        int err = failed();
        wr_free(fs);
        return err;
    }
    *out = &fs->base;
    return 0;
}
