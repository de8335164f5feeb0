/* SPDX-License-Identifier: MIT */
/* The directory. Every access is relative to a descriptor of it, and names are
 * of one component, so no name leads out of it. Who writes to a file has it
 * locked. */
#include "store/msgdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/store.h"

/* ---- opening ------------------------------------------------------------- */

struct opening {
    struct wr_msgfile *f;
    const char *name;
    int flags;
};

static int lock(const struct wr_msgfile *f)
{
    if (flock(f->fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK ? WEIR_BUSY : -errno;
}

/* A new one leaves no name when it cannot begin. */
static int begin(const struct opening *o)
{
    const struct wr_msgdir *fs = o->f->fs;
    int err = lock(o->f);
    if (!err)
        err = wr_msgfile_begin(o->f);
    if (!err && fs->sync == WEIR_STORE_SYNC_MESSAGE && fsync(fs->dir) < 0)
        err = -errno;
    if (err && err != WEIR_BUSY)
        unlinkat(fs->dir, o->name, 0);
    return err;
}

/* One that is there already. */
static int look(struct wr_msgfile *f)
{
    struct stat st;
    if (fstat(f->fd, &st) < 0)
        return -errno;
    return S_ISREG(st.st_mode) ? wr_msgfile_look(f) : WEIR_UNSUPPORTED;
}

/* The same, to go on with. */
static int go_on(struct wr_msgfile *f)
{
    weir_file_info info;
    int err = lock(f);
    if (!err)
        err = look(f);
    if (!err && f->id == 0)
        err = wr_msgfile_begin(f);
    if (!err)
        err = wr_msgfile_ask(f, &info);
    if (err)
        return err;
    f->end = info.length;
    return info.complete ? WEIR_CLOSED : 0;
}

/* A fifo of that name does not hold up the opening. */
static int open_there(void *arg)
{
    const struct opening *o = arg;
    struct wr_msgfile *f = o->f;
    f->fd = openat(f->fs->dir, o->name,
                   o->flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (f->fd < 0)
        return -errno;
    int err = o->flags & O_CREAT  ? begin(o)
              : o->flags & O_RDWR ? go_on(f)
                                  : look(f);
    if (err)
        close(f->fd);
    return err;
}

static int open_file(weir_fs *fs, const char *name, int flags, weir_file **out)
{
    struct wr_msgfile *f = wr_alloc(sizeof(*f));
    if (!f)
        return WEIR_ENOMEM;
    f->base.ops = &wr_msgfile_ops;
    f->fs = (const struct wr_msgdir *)fs;
    const int err =
        wr_msgfile_blocking(open_there, &(struct opening){f, name, flags});
    if (err)
        wr_free(f);
    else
        *out = &f->base;
    return err;
}

/* ---- the directory ------------------------------------------------------- */

static int dir_create(weir_fs *fs, const char *name, weir_file **out)
{
    return open_file(fs, name, O_RDWR | O_CREAT | O_EXCL, out);
}

static int dir_open(weir_fs *fs, const char *name, weir_file **out)
{
    return open_file(fs, name, O_RDONLY, out);
}

static int dir_reopen(weir_fs *fs, const char *name, weir_ctx *ctx,
                      weir_file **out)
{
    (void)ctx; /* nothing is read but the ends */
    return open_file(fs, name, O_RDWR, out);
}

struct naming {
    const struct wr_msgdir *fs;
    const char *name;
    struct wr_store_naming names;
};

static int remove_there(void *arg)
{
    const struct naming *a = arg;
    return unlinkat(a->fs->dir, a->name, 0) < 0 ? -errno : 0;
}

static int dir_remove(weir_fs *fs, const char *name)
{
    struct naming a = {.fs = (const struct wr_msgdir *)fs, .name = name};
    return wr_msgfile_blocking(remove_there, &a);
}

/* Begins anew each time. */
static int list_there(void *arg)
{
    struct naming *a = arg;
    weir_store_names_free(a->names.out);
    a->names.room = 0;
    const int fd = openat(a->fs->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;
    int err = dir ? 0 : -errno;
    if (!dir && fd >= 0)
        close(fd);
    while (!err && (errno = 0, e = readdir(dir)) != NULL)
        err = wr_store_names_add(&a->names, e->d_name);
    err = err ? err : -errno;
    if (dir)
        closedir(dir);
    return err;
}

static int dir_list(weir_fs *fs, int (*each)(const char *name, void *arg),
                    void *arg)
{
    weir_store_names all = {0};
    struct naming a = {.fs = (const struct wr_msgdir *)fs, .names.out = &all};
    int err = wr_msgfile_blocking(list_there, &a);
    for (size_t i = 0; i < all.n && !err; i++)
        err = each(all.names[i], arg);
    weir_store_names_free(&all);
    return err;
}

static void dir_free(weir_fs *fs)
{
    close(((struct wr_msgdir *)fs)->dir);
    wr_free(fs);
}

static int open_dir(void *arg)
{
    struct opening *o = arg;
    const int fd = open(o->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    o->flags = fd;
    return fd < 0 ? -errno : 0;
}

int wr_msgdir_new(const char *dir, enum weir_store_sync sync, weir_fs **out)
{
    static const weir_fs_ops ops = {
        .create = dir_create,
        .open = dir_open,
        .remove = dir_remove,
        .free = dir_free,
        .reopen = dir_reopen,
        .list = dir_list,
    };
    struct wr_msgdir *fs = wr_alloc(sizeof(*fs));
    struct opening o = {.name = dir};
    if (!fs)
        return WEIR_ENOMEM;
    const int err = wr_msgfile_blocking(open_dir, &o);
    if (err) {
        wr_free(fs);
        return err;
    }
    *fs = (struct wr_msgdir){{&ops}, o.flags, sync};
    *out = &fs->base;
    return 0;
}
