/* SPDX-License-Identifier: MIT */
/* One of the files: its head, its end, and the bytes in between. All that may
 * wait for a disk is done by weir_blocking, but reading what the page cache
 * has. */
#include "store/msgdir.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <weir/task.h>

#include "base/mem.h"
#include "store/frame.h"

enum { HEAD = 16, MAGIC = 8, END = 16 + WR_FRAME_REST };

static const unsigned char magic[MAGIC] = "weir-m1\n";

/* ---- what may block ------------------------------------------------------ */

/* One access. */
struct access {
    struct wr_msgfile *f;
    const void *out;
    void *in;
    size_t n;
    int64_t off;
    ptrdiff_t done;
    weir_file_info *info;
};

/* Without memory for a thread that may block, this one does. */
int wr_msgfile_blocking(int (*fn)(void *), void *arg)
{
    const int err = weir_blocking(fn, arg);
    return err == WEIR_ENOMEM ? fn(arg) : err;
}

static int write_there(void *arg)
{
    struct access *a = arg;
    do
        a->done = pwrite(a->f->fd, a->out, a->n, HEAD + a->off);
    while (a->done < 0 && errno == EINTR);
    return a->done < 0 ? -errno : 0;
}

static int read_there(void *arg)
{
    struct access *a = arg;
    do
        a->done = pread(a->f->fd, a->in, a->n, HEAD + a->off);
    while (a->done < 0 && errno == EINTR);
    return a->done < 0 ? -errno : 0;
}

static int sync_there(void *arg)
{
    const struct wr_msgfile *f = arg;
    if (f->fs->sync == WEIR_STORE_SYNC_NEVER)
        return 0;
    return fdatasync(f->fd) < 0 ? -errno : 0;
}

static int close_there(void *arg)
{
    const struct wr_msgfile *f = arg;
    return close(f->fd) < 0 && errno != EINTR ? -errno : 0;
}

/* ---- the head and the end ------------------------------------------------ */

static void make_end(const struct wr_msgfile *f, int64_t length,
                     unsigned char *record)
{
    const uint64_t payload[2] = {htole64((uint64_t)length), htole64(f->id)};
    wr_frame_head(record, sizeof(payload));
    memcpy(record + WR_FRAME_HEAD, payload, sizeof(payload));
    wr_frame_tail(record + WR_FRAME_HEAD + sizeof(payload), payload,
                  sizeof(payload), WR_FRAME_END, true);
}

/* A place n bytes long in the file, as it must be. */
static bool is_there(const struct wr_msgfile *f, const void *bytes, size_t n,
                     int64_t off)
{
    unsigned char found[END];
    return pread(f->fd, found, n, off) == (ptrdiff_t)n &&
           memcmp(found, bytes, n) == 0;
}

int wr_msgfile_ask(struct wr_msgfile *f, weir_file_info *info)
{
    unsigned char record[END];
    struct stat st;
    if (fstat(f->fd, &st) < 0)
        return -errno;
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
    return wr_msgfile_ask(a->f, a->info);
}

/* The end that was written is taken back when it is not safe. */
static int finish_there(void *arg)
{
    struct access *a = arg;
    struct wr_msgfile *f = a->f;
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
        err = -errno;
    if (err && ftruncate(f->fd, HEAD + f->end) < 0)
        return -errno;
    return err;
}

int wr_msgfile_begin(struct wr_msgfile *f)
{
    unsigned char head[HEAD];
    do {
        if (getrandom(&f->id, sizeof(f->id), 0) != sizeof(f->id))
            return -errno;
    } while (f->id == 0);
    memcpy(head, magic, MAGIC);
    memcpy(head + MAGIC, &f->id, sizeof(f->id));
    const ptrdiff_t put = pwrite(f->fd, head, HEAD, 0);
    return put == HEAD ? 0 : put < 0 ? -errno : -ENOSPC;
}

/* An interrupted beginning is one, too; everything else is another's. */
int wr_msgfile_look(struct wr_msgfile *f)
{
    unsigned char head[HEAD];
    const ptrdiff_t got = pread(f->fd, head, HEAD, 0);
    if (got < 0)
        return -errno;
    if (memcmp(head, magic, got < MAGIC ? (size_t)got : MAGIC) != 0)
        return WEIR_CORRUPT;
    if (got == HEAD)
        memcpy(&f->id, head + MAGIC, sizeof(f->id));
    return got == HEAD && f->id == 0 ? WEIR_CORRUPT : 0;
}

/* ---- a file -------------------------------------------------------------- */

static struct wr_msgfile *of(weir_file *f)
{
    return (struct wr_msgfile *)f;
}

static ptrdiff_t file_write(weir_file *file, const void *buf, size_t n)
{
    struct wr_msgfile *f = of(file);
    struct access a = {.f = f, .out = buf, .n = n, .off = f->end};
    const int err = wr_msgfile_blocking(write_there, &a);
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
    const int err = wr_msgfile_blocking(read_there, &a);
    return err ? err : a.done;
}

static int file_close(weir_file *f)
{
    const int err = wr_msgfile_blocking(close_there, f);
    wr_free(f);
    return err;
}

static int file_sync(weir_file *f)
{
    return wr_msgfile_blocking(sync_there, f);
}

static int file_finish(weir_file *f)
{
    struct access a = {.f = of(f)};
    return wr_msgfile_blocking(finish_there, &a);
}

static int file_info(weir_file *f, weir_file_info *out)
{
    struct access a = {.f = of(f), .info = out};
    return wr_msgfile_blocking(ask_there, &a);
}

const weir_file_ops wr_msgfile_ops = {
    .write = file_write,
    .read_at = file_read_at,
    .close = file_close,
    .sync = file_sync,
    .finish = file_finish,
    .info = file_info,
};
