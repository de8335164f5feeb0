/* SPDX-License-Identifier: MIT */
/*
 * Files with marks (see mark.h). The writer keeps the checksum of all it has
 * written; readers only step over the marks; verifying and resuming read the
 * blocks in order and stop at the first that is not what its mark says.
 *
 * A file that was cut off never looks complete: the mark that says so is
 * written when all before it is on the disk, and is valid at the file's end
 * alone, at the place that its length gives it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <weir/task.h>
#include "base/mem.h"
#include "base/crc64.h"
#include "stream/dirfile.h"
#include "stream/mark.h"

/* ---- writing ------------------------------------------------------------- */

static int put_mark(struct dir_file *f, bool complete)
{
    char mark[WR_MARK_SIZE];
    wr_mark_put(mark, f->id, &(struct wr_mark){f->end, f->crc, complete});
    return wr_dir_pwrite(f->fd, mark, sizeof mark, wr_mark_at(f->end));
}

int wr_marked_begin(struct dir_file *f)
{
    char both[WR_HEAD_SIZE + WR_MARK_SIZE];
    do {
        if (getrandom(&f->id, sizeof f->id, 0) != sizeof f->id)
            return -errno;
    } while (f->id == 0);
    f->start = f->end = 0;
    f->crc = 0;
    wr_head_put(both, f->id);
    wr_mark_put(both + WR_HEAD_SIZE, f->id, &(struct wr_mark){0});
    return wr_dir_pwrite(f->fd, both, sizeof both, 0);
}

struct access {
    struct dir_file *f;
    const struct iovec *parts;
    int n;
    int64_t at;
    ptrdiff_t done;
};

static int write_there(void *arg)
{
    struct access *a = arg;
    do
        a->done = pwritev(a->f->fd, a->parts, a->n, a->at);
    while (a->done < 0 && errno == EINTR);
    return a->done < 0 ? -errno : 0;
}

/* The bytes and the mark after them at once. When the mark has no room, the
 * bytes are written all the same. */
static ptrdiff_t marked_write(weir_file *file, const void *buf, size_t n)
{
    struct dir_file *f = wr_dir_file(file);
    char mark[WR_MARK_SIZE];
    const size_t left = wr_mark_left(f->end);
    n = n < left ? n : left;
    const uint64_t crc = wr_crc64(f->crc, buf, n);
    const int64_t end = f->end + (int64_t)n;
    wr_mark_put(mark, f->id, &(struct wr_mark){end, crc, false});
    const struct iovec parts[] = {{(void *)(uintptr_t)buf, n},
                                  {mark, sizeof mark}};
    struct access a = {f, parts, 2, wr_mark_byte_at(f->end), 0};
    int err = weir_blocking(write_there, &a);
    if (err)
        return err;
    if ((size_t)a.done < n) {
        f->crc = wr_crc64(f->crc, buf, (size_t)a.done);
        f->end += a.done;
        return a.done;
    }
    f->crc = crc;
    f->end = end;
    return (ptrdiff_t)n;
}

/* ---- reading ------------------------------------------------------------- */

static int read_there(void *arg)
{
    struct access *a = arg;
    do
        a->done = preadv(a->f->fd, a->parts, a->n, a->at);
    while (a->done < 0 && errno == EINTR);
    return a->done < 0 ? -errno : 0;
}

static ptrdiff_t marked_read_at(weir_file *file, void *buf, size_t n,
                                int64_t off)
{
    struct dir_file *f = wr_dir_file(file);
    const size_t left = wr_mark_left(off);
    const struct iovec part = {buf, n < left ? n : left};
    struct access a = {f, &part, 1, wr_mark_byte_at(off), 0};
    a.done = preadv2(f->fd, &part, 1, a.at, RWF_NOWAIT);
    if (a.done > 0)
        return a.done;
    int err = weir_blocking(read_there, &a);
    return err ? err : a.done;
}

/* ---- trimming ------------------------------------------------------------ */

/* The hole is what tells the new start: it swallows the first block's mark at
 * least, which is never zero, and leaves the one before the start. */
static int trim_there(void *arg)
{
    const struct dir_file *f = arg;
    return wr_dir_punch(f, WR_HEAD_SIZE, wr_mark_at(f->trimmed));
}

static void marked_trim(weir_file *file, int64_t upto)
{
    struct dir_file *f = wr_dir_file(file);
    const int64_t whole = upto - upto % WR_MARK_BLOCK;
    weir_mutex_lock(&f->trimming, NULL);
    if (whole > f->trimmed && whole > WR_MARK_BLOCK) {
        f->trimmed = whole;
        wr_dir_blocking(trim_there, f);
    }
    weir_mutex_unlock(&f->trimming);
}

/* The first byte behind a hole that trimming has made, or 0. */
static int64_t behind_hole(int fd)
{
    const int64_t data = lseek(fd, 4096, SEEK_DATA);
    if (data <= wr_mark_at(WR_MARK_BLOCK))
        return 0;
    return ((data - WR_HEAD_SIZE) / WR_MARK_STRIDE + 1) * WR_MARK_BLOCK;
}

/* ---- finishing ----------------------------------------------------------- */

static int safe(const struct dir_file *f)
{
    if (f->fs->opts.unsynced)
        return 0;
    return fdatasync(f->fd) < 0 ? -errno : 0;
}

/* A copy of the file may have no holes. */
static int put_start(const struct dir_file *f)
{
    char start[16];
    const int64_t hole = behind_hole(f->fd);
    wr_start_put(start, f->id, hole > f->start ? hole : f->start);
    return wr_dir_pwrite(f->fd, start, sizeof start, WR_HEAD_START);
}

static int finish_there(void *arg)
{
    struct dir_file *f = arg;
    int err = put_start(f);
    if (!err)
        err = safe(f);
    if (!err)
        err = put_mark(f, true);
    if (!err)
        err = safe(f);
    if (!err && !f->fs->opts.unsynced && fsync(f->fs->dir) < 0)
        err = -errno;
    if (err)
        put_mark(f, false);
    return err;
}

static int marked_finish(weir_file *f)
{
    return wr_dir_blocking(finish_there, f);
}

/* ---- what is there ------------------------------------------------------- */

int wr_marked_look(struct dir_file *f)
{
    char head[WR_HEAD_SIZE];
    const ptrdiff_t got = wr_dir_pread(f->fd, head, sizeof head, 0);
    if (got < 0)
        return (int)got;
    if (got == 0)
        return WEIR_INCOMPLETE;
    f->id = got == sizeof head ? wr_head_get(head) : 0;
    if (f->id == 0)
        return WEIR_CORRUPT;
    const int64_t told = wr_start_get(head + WR_HEAD_START, f->id);
    if (told < 0)
        return WEIR_CORRUPT;
    const int64_t hole = behind_hole(f->fd);
    f->start = told > hole ? told : hole;
    return 0;
}

struct asking {
    const struct dir_file *f;
    weir_file_info *info;
};

static int ask_there(void *arg)
{
    const struct asking *a = arg;
    const struct dir_file *f = a->f;
    char at[WR_MARK_SIZE];
    struct wr_mark m;
    struct stat st;
    if (fstat(f->fd, &st) < 0)
        return -errno;
    const int64_t last = st.st_size - WR_MARK_SIZE;
    *a->info = (weir_file_info){
        .start = f->start,
        .changed = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec,
        .id = f->id,
    };
    if (last < WR_HEAD_SIZE ||
        wr_dir_pread(f->fd, at, sizeof at, last) != sizeof at ||
        !wr_mark_get(at, f->id, &m) || wr_mark_at(m.length) != last)
        return 0;
    a->info->length = m.length;
    a->info->complete = m.complete;
    return 0;
}

static int marked_info(weir_file *file, weir_file_info *out)
{
    struct asking a = {wr_dir_file(file), out};
    return wr_dir_blocking(ask_there, &a);
}

/* ---- reading it all ------------------------------------------------------ */

struct scan {
    struct dir_file *f;
    weir_ctx *ctx;
    char *block;         /* room for one, with its mark */
    struct wr_mark good; /* the last mark that holds     */
};

/* What the mark before the start says. */
static int scan_begin(struct scan *s)
{
    char at[WR_MARK_SIZE];
    const int64_t start = s->f->start;
    s->good = (struct wr_mark){0};
    if (start == 0)
        return 0;
    const ptrdiff_t got =
        wr_dir_pread(s->f->fd, at, sizeof at, wr_mark_at(start));
    if (got < 0)
        return (int)got;
    if (got < WR_MARK_SIZE || !wr_mark_get(at, s->f->id, &s->good) ||
        s->good.length != start)
        return WEIR_CORRUPT;
    return 0;
}

/* n bytes and their mark: is it what the mark says? */
static bool holds(struct scan *s, size_t n)
{
    struct wr_mark m;
    if (!wr_mark_get(s->block + n, s->f->id, &m) ||
        m.length != s->good.length + (int64_t)n ||
        m.crc != wr_crc64(s->good.crc, s->block, n))
        return false;
    s->good = m;
    return true;
}

/* The next block: 1, it holds and is full; 0, there is no more that holds. */
static int scan_block(struct scan *s)
{
    const ptrdiff_t got = wr_dir_pread(s->f->fd, s->block, WR_MARK_STRIDE,
                                       wr_mark_byte_at(s->good.length));
    if (got < 0)
        return (int)got;
    if (got < WR_MARK_STRIDE) {
        if (got > WR_MARK_SIZE)
            holds(s, (size_t)got - WR_MARK_SIZE);
        return 0;
    }
    return holds(s, WR_MARK_BLOCK);
}

static int scan_there(void *arg)
{
    struct scan *s = arg;
    int err = scan_begin(s);
    if (err)
        return err;
    do {
        err = weir_ctx_err(s->ctx);
        if (!err)
            err = scan_block(s);
    } while (err > 0);
    return err;
}

static int scan_all(struct scan *s)
{
    s->block = wr_alloc(WR_MARK_STRIDE);
    if (!s->block)
        return WEIR_ENOMEM;
    int err = wr_dir_blocking(scan_there, s);
    wr_free(s->block);
    return err;
}

/* All holds, and the last mark that does is the one that says so. */
static int marked_verify(weir_file *file, weir_ctx *ctx)
{
    struct scan s = {.f = wr_dir_file(file), .ctx = ctx};
    weir_file_info info;
    int err = marked_info(file, &info);
    if (!err)
        err = scan_all(&s);
    if (err)
        return err;
    return s.good.length == info.length ? 0 : WEIR_CORRUPT;
}

static int cut_there(void *arg)
{
    struct dir_file *f = arg;
    if (ftruncate(f->fd, wr_mark_at(f->end)) < 0)
        return -errno;
    return put_mark(f, false);
}

int wr_marked_resume(struct dir_file *f, weir_ctx *ctx)
{
    struct scan s = {.f = f, .ctx = ctx};
    int err = scan_all(&s);
    if (err)
        return err;
    f->end = s.good.length;
    f->crc = s.good.crc;
    return wr_dir_blocking(cut_there, f);
}

const weir_file_ops wr_marked_ops = {
    .write = marked_write,
    .read_at = marked_read_at,
    .close = wr_dir_close,
    .trim = marked_trim,
    .sync = wr_dir_sync,
    .finish = marked_finish,
    .info = marked_info,
    .verify = marked_verify,
};
