/* SPDX-License-Identifier: MIT */
/*
 * Every access is relative to a descriptor of the directory, and names are of
 * one component, so no name leads out of it. Who writes to a file has it
 * locked. All that may wait for a disk is done by weir_blocking, but reading
 * what the page cache has.
 */
#include "store/msgdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <weir/task.h>

#include "base/mem.h"
#include "store/frame.h"
#include "store/store.h"

enum { HEAD = 16, MAGIC = 8, END = 16 + WR_FRAME_REST };

struct msgdir {
    weir_fs base;
    int dir;
    enum weir_store_sync sync;
};

struct msgfile {
    weir_file base;
    const struct msgdir *fs;
    int fd;
    int64_t end; /* of the stream, as far as this handle has written it     */
    uint64_t id; /* 0: it has no head yet                                   */
};

static const unsigned char magic[MAGIC] = "weir-m1\n";

/* ---- what may block ------------------------------------------------------ */

/* One access. */
struct access {
    struct msgfile *f;
    const void *out;
    void *in;
    size_t n;
    int64_t off;
    ptrdiff_t done;
    weir_file_info *info;
};

/* Without memory for a thread that may block, this one does. */
static int blocking(int (*fn)(void *), void *arg)
{
    const int err = weir_blocking(fn, arg);
    return err == WEIR_ENOMEM ? fn(arg) : err;
}

static int failed(void)
{
    return -errno;
}

static int write_there(void *arg)
{
    struct access *a = arg;
    do
        a->done = pwrite(a->f->fd, a->out, a->n, HEAD + a->off);
    while (a->done < 0 && errno == EINTR);
    return a->done < 0 ? failed() : 0;
}

static int read_there(void *arg)
{
    struct access *a = arg;
    do
        a->done = pread(a->f->fd, a->in, a->n, HEAD + a->off);
    while (a->done < 0 && errno == EINTR);
    return a->done < 0 ? failed() : 0;
}

static int sync_there(void *arg)
{
    const struct msgfile *f = arg;
    if (f->fs->sync == WEIR_STORE_SYNC_NEVER)
        return 0;
    return fdatasync(f->fd) < 0 ? failed() : 0;
}

static int close_there(void *arg)
{
    const struct msgfile *f = arg;
    return close(f->fd) < 0 && errno != EINTR ? failed() : 0;
}

/* ---- the head and the end ------------------------------------------------ */

static void make_end(const struct msgfile *f, int64_t length,
                     unsigned char *record)
{
    const uint64_t payload[2] = {htole64((uint64_t)length), htole64(f->id)};
    wr_frame_head(record, sizeof(payload));
    memcpy(record + WR_FRAME_HEAD, payload, sizeof(payload));
    wr_frame_tail(record + WR_FRAME_HEAD + sizeof(payload), payload,
                  sizeof(payload), WR_FRAME_END, true);
}

/* A place n bytes long in the file, as it must be. */
static bool is_there(const struct msgfile *f, const void *bytes, size_t n,
                     int64_t off)
{
    unsigned char found[END];
    return pread(f->fd, found, n, off) == (ptrdiff_t)n &&
           memcmp(found, bytes, n) == 0;
}

static int ask(struct msgfile *f, weir_file_info *info)
{
    unsigned char record[END];
    struct stat st;
    if (fstat(f->fd, &st) < 0)
        return failed();
    const int64_t length = st.st_size - HEAD, less = length - END;
    *info = (weir_file_info){
        .length = length > 0 ? length : 0,
        .changed = st.st_mtim.tv_sec * WEIR_SECOND + st.st_mtim.tv_nsec,
        .id = f->id,
    };
    if (less < 0)
        return 0;
    make_end(f, less, record);
    info->complete = is_there(f, record, END, HEAD + less);
    info->length = info->complete ? less : length;
    return 0;
}

static int ask_there(void *arg)
{
    const struct access *a = arg;
    return ask(a->f, a->info);
}

/* The end that was written is taken back when it is not safe. */
static int finish_there(void *arg)
{
    struct access *a = arg;
    struct msgfile *f = a->f;
    unsigned char record[END];
    int err = sync_there(f);
    if (err)
        return err;
    make_end(f, f->end, record);
    *a = (struct access){.f = f, .out = record, .n = END, .off = f->end};
    err = write_there(a);
    if (!err && a->done < END)
        err = -ENOSPC;
    if (!err)
        err = sync_there(f);
    if (!err && f->fs->sync != WEIR_STORE_SYNC_NEVER && fsync(f->fs->dir) < 0)
        err = failed();
    if (err && ftruncate(f->fd, HEAD + f->end) < 0)
        return failed();
    return err;
}

static int put_head(struct msgfile *f)
{
    unsigned char head[HEAD];
    do {
        if (getrandom(&f->id, sizeof(f->id), 0) != sizeof(f->id))
            return failed();
    } while (f->id == 0);
    memcpy(head, magic, MAGIC);
    memcpy(head + MAGIC, &f->id, sizeof(f->id));
    const ptrdiff_t put = pwrite(f->fd, head, HEAD, 0);
    return put == HEAD ? 0 : put < 0 ? failed() : -ENOSPC;
}

/* An interrupted beginning is one, too; everything else is another's. */
static int look_at_head(struct msgfile *f)
{
    unsigned char head[HEAD];
    const ptrdiff_t got = pread(f->fd, head, HEAD, 0);
    if (got < 0)
        return failed();
    if (memcmp(head, magic, got < MAGIC ? (size_t)got : MAGIC) != 0)
        return WEIR_CORRUPT;
    if (got == HEAD)
        memcpy(&f->id, head + MAGIC, sizeof(f->id));
    return got == HEAD && f->id == 0 ? WEIR_CORRUPT : 0;
}

/* ---- a file -------------------------------------------------------------- */

static struct msgfile *of(weir_file *f)
{
    return (struct msgfile *)f;
}

static ptrdiff_t file_write(weir_file *file, const void *buf, size_t n)
{
    struct msgfile *f = of(file);
    struct access a = {.f = f, .out = buf, .n = n, .off = f->end};
    const int err = blocking(write_there, &a);
    if (err)
        return err;
    f->end += a.done;
    return a.done;
}

static ptrdiff_t file_read_at(weir_file *f, void *buf, size_t n, int64_t off)
{
    const struct iovec part = {buf, n};
    const ptrdiff_t got = preadv2(of(f)->fd, &part, 1, HEAD + off, RWF_NOWAIT);
    if (got > 0)
        return got;
    struct access a = {.f = of(f), .in = buf, .n = n, .off = off};
    const int err = blocking(read_there, &a);
    return err ? err : a.done;
}

static int file_close(weir_file *f)
{
    const int err = blocking(close_there, f);
    wr_free(f);
    return err;
}

static int file_sync(weir_file *f)
{
    return blocking(sync_there, f);
}

static int file_finish(weir_file *f)
{
    struct access a = {.f = of(f)};
    return blocking(finish_there, &a);
}

static int file_info(weir_file *f, weir_file_info *out)
{
    struct access a = {.f = of(f), .info = out};
    return blocking(ask_there, &a);
}

static const weir_file_ops file_ops = {
    .write = file_write,
    .read_at = file_read_at,
    .close = file_close,
    .sync = file_sync,
    .finish = file_finish,
    .info = file_info,
};

/* ---- opening ------------------------------------------------------------- */

struct opening {
    struct msgfile *f;
    const char *name;
    int flags;
};

static int lock(const struct msgfile *f)
{
    if (flock(f->fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK ? WEIR_BUSY : failed();
}

/* A new one leaves no name when it cannot begin. */
static int begin(const struct opening *o)
{
    const struct msgdir *fs = o->f->fs;
    int err = lock(o->f);
    if (!err)
        err = put_head(o->f);
    if (!err && fs->sync == WEIR_STORE_SYNC_MESSAGE && fsync(fs->dir) < 0)
        err = failed();
    if (err && err != WEIR_BUSY)
        unlinkat(fs->dir, o->name, 0);
    return err;
}

/* One that is there already. */
static int look(struct msgfile *f)
{
    struct stat st;
    if (fstat(f->fd, &st) < 0)
        return failed();
    return S_ISREG(st.st_mode) ? look_at_head(f) : WEIR_UNSUPPORTED;
}

/* The same, to go on with. */
static int go_on(struct msgfile *f)
{
    weir_file_info info;
    int err = lock(f);
    if (!err)
        err = look(f);
    if (!err && f->id == 0)
        err = put_head(f);
    if (!err)
        err = ask(f, &info);
    if (err)
        return err;
    f->end = info.length;
    return info.complete ? WEIR_CLOSED : 0;
}

/* A fifo of that name does not hold up the opening. */
static int open_there(void *arg)
{
    const struct opening *o = arg;
    struct msgfile *f = o->f;
    f->fd = openat(f->fs->dir, o->name,
                   o->flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (f->fd < 0)
        return failed();
    int err = o->flags & O_CREAT  ? begin(o)
              : o->flags & O_RDWR ? go_on(f)
                                  : look(f);
    if (err)
        close(f->fd);
    return err;
}

static int open_file(weir_fs *fs, const char *name, int flags, weir_file **out)
{
    struct msgfile *f = wr_alloc(sizeof(*f));
    if (!f)
        return WEIR_ENOMEM;
    f->base.ops = &file_ops;
    f->fs = (const struct msgdir *)fs;
    const int err = blocking(open_there, &(struct opening){f, name, flags});
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
    const struct msgdir *fs;
    const char *name;
    struct wr_store_naming names;
};

static int remove_there(void *arg)
{
    const struct naming *a = arg;
    return unlinkat(a->fs->dir, a->name, 0) < 0 ? failed() : 0;
}

static int dir_remove(weir_fs *fs, const char *name)
{
    struct naming a = {.fs = (const struct msgdir *)fs, .name = name};
    return blocking(remove_there, &a);
}

static int list_there(void *arg)
{
    struct naming *a = arg;
    const int fd = openat(a->fs->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;
    int err = dir ? 0 : failed();
    if (!dir && fd >= 0)
        close(fd);
    while (!err && (errno = 0, e = readdir(dir)) != NULL)
        err = wr_store_names_add(&a->names, e->d_name);
    err = err ? err : failed();
    if (dir)
        closedir(dir);
    return err;
}

static int dir_list(weir_fs *fs, int (*each)(const char *name, void *arg),
                    void *arg)
{
    weir_store_names all = {0};
    struct naming a = {.fs = (const struct msgdir *)fs, .names.out = &all};
    int err = blocking(list_there, &a);
    for (size_t i = 0; i < all.n && !err; i++)
        err = each(all.names[i], arg);
    weir_store_names_free(&all);
    return err;
}

static void dir_free(weir_fs *fs)
{
    close(((struct msgdir *)fs)->dir);
    wr_free(fs);
}

static int open_dir(void *arg)
{
    struct opening *o = arg;
    const int fd = open(o->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    o->flags = fd;
    return fd < 0 ? failed() : 0;
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
    struct msgdir *fs = wr_alloc(sizeof(*fs));
    struct opening o = {.name = dir};
    if (!fs)
        return WEIR_ENOMEM;
    const int err = blocking(open_dir, &o);
    if (err) {
        wr_free(fs);
        return err;
    }
    *fs = (struct msgdir){{&ops}, o.flags, sync};
    *out = &fs->base;
    return 0;
}
