/* SPDX-License-Identifier: MIT */
/*
 * A directory as a file system. Every access is relative to a descriptor of it,
 * and a name is one component, so no name leads out of it and the directory may
 * be moved.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/task.h>
#include "base/mem.h"
#include "base/misuse.h"
#include "stream/dirfile.h"
#include "stream/names.h"

/* ---- opening ------------------------------------------------------------- */

/* One opening, on a thread that may block. */
struct opening {
    struct dir_file *f;
    const char *name;
    int flags;
};

static int regular(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    return S_ISREG(st.st_mode) ? 0 : WEIR_UNSUPPORTED;
}

static int lock(int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK ? WEIR_BUSY : -errno;
}

/* Can holes be made there? Tries it behind the end. */
static void look_for_holes(struct dir_file *f)
{
    const int64_t end = lseek(f->fd, 0, SEEK_END) | 4095;
    if (fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, end + 1,
                  4096) < 0)
        f->ops.trim = NULL;
}

/* A new file, with its name for now. */
static int begin(struct dir_file *f)
{
    if (!f->fs->opts.marked)
        return 0;
    int err = lock(f->fd);
    return err ? err : wr_marked_begin(f);
}

static int begin_or_remove(struct opening *o)
{
    int err = begin(o->f);
    if (err && err != WEIR_BUSY)
        unlinkat(o->f->fs->dir, o->name, 0);
    return err;
}

/* An existing one. */
static int look(struct dir_file *f)
{
    int err = regular(f->fd);
    if (!err && f->writes)
        err = lock(f->fd);
    return err || !f->fs->opts.marked ? err : wr_marked_look(f);
}

/* A fifo of that name does not hold up the opening. */
static int open_there(void *arg)
{
    struct opening *o = arg;
    struct dir_file *f = o->f;
    f->fd = openat(f->fs->dir, o->name,
                   o->flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (f->fd < 0)
        return -errno;
    int err = o->flags & O_CREAT ? begin_or_remove(o) : look(f);
    if (err == WEIR_INCOMPLETE && f->writes)
        err = begin(f);
    if (err)
        close(f->fd);
    else if (f->writes)
        look_for_holes(f);
    return err;
}

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

static struct dir_file *handle(const struct dirfs *fs, bool writes)
{
    struct dir_file *f = wr_alloc(sizeof *f);
    if (!f)
        return NULL;
    f->ops = fs->opts.marked ? wr_marked_ops : wr_plain_ops;
    f->base.ops = &f->ops;
    f->fs = fs;
    f->writes = writes;
    return f;
}

static int open_handle(weir_fs *fs, const char *name, int flags,
                       struct dir_file **out)
{
    if (!good(name))
        return WR_MISUSE("a name that is no plain file name");
    struct dir_file *f =
        handle((struct dirfs *)fs, (flags & O_ACCMODE) != O_RDONLY);
    if (!f)
        return WEIR_ENOMEM;
    int err = weir_blocking(open_there, &(struct opening){f, name, flags});
    if (err)
        wr_free(f);
    else
        *out = f;
    return err;
}

static int dirfs_create(weir_fs *fs, const char *name, weir_file **out)
{
    struct dir_file *f;
    int err = open_handle(fs, name, O_RDWR | O_CREAT | O_EXCL, &f);
    if (!err)
        *out = &f->base;
    return err;
}

static int dirfs_open(weir_fs *fs, const char *name, weir_file **out)
{
    struct dir_file *f;
    int err = open_handle(fs, name, O_RDONLY, &f);
    if (!err)
        *out = &f->base;
    return err;
}

static int not_complete(weir_file *f)
{
    weir_file_info info;
    int err = f->ops->info(f, &info);
    return !err && info.complete ? WEIR_CLOSED : err;
}

static int dirfs_reopen(weir_fs *fs, const char *name, weir_ctx *ctx,
                        weir_file **out)
{
    struct dir_file *f;
    int err = open_handle(fs, name, O_RDWR, &f);
    if (err)
        return err;
    err = not_complete(&f->base);
    if (!err)
        err = wr_marked_resume(f, ctx);
    if (err)
        wr_dir_close(&f->base);
    else
        *out = &f->base;
    return err;
}

struct removal {
    int dir;
    const char *name;
};

static int remove_there(void *arg)
{
    const struct removal *r = arg;
    return unlinkat(r->dir, r->name, 0) < 0 ? -errno : 0;
}

static int dirfs_remove(weir_fs *fs, const char *name)
{
    if (!good(name))
        return WR_MISUSE("a name that is no plain file name");
    return weir_blocking(remove_there,
                         &(struct removal){((struct dirfs *)fs)->dir, name});
}

/* ---- listing ------------------------------------------------------------- */

struct listing {
    int dir;
    struct wr_names names;
};

static bool is_file(int dir, const struct dirent *e)
{
    struct stat st;
    if (e->d_type != DT_UNKNOWN)
        return e->d_type == DT_REG;
    return fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(st.st_mode);
}

static int add_all(struct listing *l, DIR *dir)
{
    int err = 0;
    while (!err) {
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (!e)
            return -errno;
        if (good(e->d_name) && is_file(l->dir, e))
            err = wr_names_add(&l->names, e->d_name);
    }
    return err;
}

static int list_there(void *arg)
{
    struct listing *l = arg;
    const int fd = openat(l->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int err = -errno;
        if (fd >= 0)
            close(fd);
        return err;
    }
    int err = add_all(l, dir);
    closedir(dir);
    return err;
}

static int dirfs_list(weir_fs *fs, int (*each)(const char *, void *), void *arg)
{
    struct listing l = {.dir = ((struct dirfs *)fs)->dir};
    int err = weir_blocking(list_there, &l);
    int result = wr_names_tell(&l.names, err ? NULL : each, arg);
    return err ? err : result;
}

/* ---- the directory ------------------------------------------------------- */

static void dirfs_free(weir_fs *fs)
{
    close(((struct dirfs *)fs)->dir);
    wr_free(fs);
}

#define DIRFS_OPS                                                              \
    .create = dirfs_create, .open = dirfs_open, .remove = dirfs_remove,        \
    .free = dirfs_free, .list = dirfs_list

int weir_dirfs_new_with(const char *dir, const weir_dirfs_opts *o,
                        weir_fs **out)
{
    static const weir_fs_ops plain = {DIRFS_OPS};
    static const weir_fs_ops marked = {DIRFS_OPS, .reopen = dirfs_reopen};
    static const weir_dirfs_opts none;
    if (out)
        *out = NULL;
    if (!dir || !out)
        return WR_MISUSE("no directory or no place for the file system");
    struct dirfs *fs = wr_alloc(sizeof *fs);
    if (!fs)
        return WEIR_ENOMEM;
    fs->opts = o ? *o : none;
    fs->base.ops = fs->opts.marked ? &marked : &plain;
    fs->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fs->dir < 0) {
        int err = -errno;
        wr_free(fs);
        return err;
    }
    *out = &fs->base;
    return 0;
}

int weir_dirfs_new(const char *dir, weir_fs **out)
{
    return weir_dirfs_new_with(dir, NULL, out);
}
