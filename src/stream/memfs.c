/* SPDX-License-Identifier: MIT */
/*
 * Files in memory: segments of one size, found through a ring of pointers.
 * Growing adds a segment, and now and then a ring twice as large; no byte of a
 * file is ever moved.
 *
 *   ring   [ . . first ... last-1 . . ]      segment i holds the bytes from
 *                                            i * segment on, at ring[i % room]
 *
 * - A file lives while it has a name or a handle; handles and names are under
 *   the file system's lock, the rest of a file under its own.
 * - A segment lives while it is in the ring or pinned, by a read or a loan; so
 *   bytes are copied without the lock. The ring's place is a pin.
 * - Bytes below len never change. Those after it are the one writer's, and the
 *   segment they lie in ends after len, where no trim comes.
 */
#include <errno.h>
#include <string.h>
#include "base/mem.h"
#include "base/misuse.h"
#include "stream/stream.h"

#define DEFAULT_SEGMENT ((size_t)64 << 10)

struct segment {
    size_t pins;
    char data[];
};

struct mem {
    struct mem *next; /* in the file system's list, while it has a name */
    char *name;
    size_t users; /* handles, and the name */
    weir_mutex lock;
    struct segment **ring;
    size_t room; /* of the ring; 0 or a power of two */
    int64_t first, last, len;
    struct segment *spare; /* the one trimmed last, for the next write */
};

struct memfs {
    weir_fs base;
    weir_mutex lock;
    size_t segment;
    struct mem *files;
};

struct mem_file {
    weir_file base;
    struct memfs *fs;
    struct mem *mem;
};

/* ---- segments ------------------------------------------------------------ */

static struct segment **place(const struct mem *m, int64_t i)
{
    return &m->ring[(size_t)i & (m->room - 1)];
}

static bool widen_ring(struct mem *m)
{
    if ((size_t)(m->last - m->first) < m->room)
        return true;
    struct mem wide = *m;
    wide.room = m->room ? m->room * 2 : 4;
    wide.ring = wr_alloc(wide.room * sizeof *wide.ring);
    if (!wide.ring)
        return false;
    for (int64_t i = m->first; i < m->last; i++)
        *place(&wide, i) = *place(m, i);
    wr_free(m->ring);
    m->ring = wide.ring;
    m->room = wide.room;
    return true;
}

static bool add_segment(struct mem *m, size_t size)
{
    if (!widen_ring(m))
        return false;
    struct segment *g = m->spare;
    m->spare = NULL;
    if (!g)
        g = wr_alloc(sizeof *g + size);
    if (!g)
        return false;
    g->pins = 1;
    *place(m, m->last++) = g;
    return true;
}

static void unpin(struct mem *m, struct segment *g)
{
    if (--g->pins > 0)
        return;
    wr_free(m->spare);
    m->spare = g;
}

static void free_mem(struct mem *m)
{
    for (int64_t i = m->first; i < m->last; i++)
        wr_free(*place(m, i));
    wr_free(m->spare);
    wr_free(m->ring);
    wr_free(m);
}

/* ---- a file -------------------------------------------------------------- */

static struct mem_file *of(weir_file *f)
{
    return (struct mem_file *)f;
}

/* The segment that holds the byte at off, or NULL. */
static struct segment *segment_for(struct mem *m, int64_t off, size_t size)
{
    const int64_t i = off / (int64_t)size;
    if (i == m->last && !add_segment(m, size))
        return NULL;
    return *place(m, i);
}

static size_t piece(size_t segment, int64_t off, uint64_t n)
{
    const size_t left = segment - (size_t)off % segment;
    return n < left ? (size_t)n : left;
}

static ptrdiff_t mem_write(weir_file *f, const void *buf, size_t n)
{
    struct mem *m = of(f)->mem;
    const size_t size = of(f)->fs->segment;
    weir_mutex_lock(&m->lock, NULL);
    const int64_t at = m->len;
    struct segment *g = segment_for(m, at, size);
    weir_mutex_unlock(&m->lock);
    if (!g)
        return WEIR_ENOMEM;
    n = piece(size, at, n);
    memcpy(g->data + (size_t)at % size, buf, n);
    weir_mutex_lock(&m->lock, NULL);
    m->len += (int64_t)n;
    weir_mutex_unlock(&m->lock);
    return (ptrdiff_t)n;
}

static int mem_borrow(weir_file *f, int64_t off, size_t max, weir_loan *loan)
{
    struct mem *m = of(f)->mem;
    const size_t size = of(f)->fs->segment;
    int err = WEIR_LAGGED;
    weir_mutex_lock(&m->lock, NULL);
    if (off / (int64_t)size >= m->first) {
        struct segment *g = *place(m, off / (int64_t)size);
        const int64_t left = m->len - off;
        g->pins++;
        loan->owner_ = g;
        loan->data = g->data + (size_t)off % size;
        loan->size =
            piece(size, off, (uint64_t)left < max ? (uint64_t)left : max);
        err = 0;
    }
    weir_mutex_unlock(&m->lock);
    return err;
}

static void mem_give_back(weir_file *f, weir_loan *loan)
{
    struct mem *m = of(f)->mem;
    weir_mutex_lock(&m->lock, NULL);
    unpin(m, loan->owner_);
    weir_mutex_unlock(&m->lock);
}

static ptrdiff_t mem_read_at(weir_file *f, void *buf, size_t n, int64_t off)
{
    weir_loan loan;
    int err = mem_borrow(f, off, n, &loan);
    if (err)
        return err;
    memcpy(buf, loan.data, loan.size);
    mem_give_back(f, &loan);
    return (ptrdiff_t)loan.size;
}

static void mem_trim(weir_file *f, int64_t upto)
{
    struct mem *m = of(f)->mem;
    const int64_t whole = upto / (int64_t)of(f)->fs->segment;
    weir_mutex_lock(&m->lock, NULL);
    while (m->first < m->last && m->first < whole)
        unpin(m, *place(m, m->first++));
    weir_mutex_unlock(&m->lock);
}

/* ---- names and handles --------------------------------------------------- */

static void drop_user(struct memfs *fs, struct mem *m)
{
    weir_mutex_lock(&fs->lock, NULL);
    const bool last = --m->users == 0;
    weir_mutex_unlock(&fs->lock);
    if (last)
        free_mem(m);
}

static int mem_close(weir_file *f)
{
    drop_user(of(f)->fs, of(f)->mem);
    wr_free(f);
    return 0;
}

static const weir_file_ops mem_file_ops = {
    .write = mem_write,
    .read_at = mem_read_at,
    .close = mem_close,
    .trim = mem_trim,
    .borrow = mem_borrow,
    .give_back = mem_give_back,
};

/* The link to the file of that name, or the list's end. */
static struct mem **find(struct memfs *fs, const char *name)
{
    struct mem **m = &fs->files;
    while (*m && strcmp((*m)->name, name) != 0)
        m = &(*m)->next;
    return m;
}

static struct mem *mem_new(const char *name)
{
    const size_t size = strlen(name) + 1;
    struct mem *m = wr_alloc(sizeof *m + size);
    if (m)
        m->name = memcpy(m + 1, name, size);
    return m;
}

static int create_named(struct memfs *fs, const char *name, struct mem **out)
{
    struct mem **end = find(fs, name);
    if (*end)
        return -EEXIST;
    *out = *end = mem_new(name);
    if (!*out)
        return WEIR_ENOMEM;
    (*out)->users = 2;
    return 0;
}

static int open_named(struct memfs *fs, const char *name, struct mem **out)
{
    *out = *find(fs, name);
    if (!*out)
        return -ENOENT;
    (*out)->users++;
    return 0;
}

static int open_handle(weir_fs *base, const char *name, weir_file **out,
                       int (*get)(struct memfs *, const char *, struct mem **))
{
    struct memfs *fs = (struct memfs *)base;
    if (!*name)
        return WR_MISUSE("an empty name");
    struct mem_file *f = wr_alloc(sizeof *f);
    if (!f)
        return WEIR_ENOMEM;
    f->base.ops = &mem_file_ops;
    f->fs = fs;
    weir_mutex_lock(&fs->lock, NULL);
    int err = get(fs, name, &f->mem);
    weir_mutex_unlock(&fs->lock);
    if (err)
        wr_free(f);
    else
        *out = &f->base;
    return err;
}

static int memfs_create(weir_fs *fs, const char *name, weir_file **out)
{
    return open_handle(fs, name, out, create_named);
}

static int memfs_open(weir_fs *fs, const char *name, weir_file **out)
{
    return open_handle(fs, name, out, open_named);
}

static int memfs_remove(weir_fs *base, const char *name)
{
    struct memfs *fs = (struct memfs *)base;
    weir_mutex_lock(&fs->lock, NULL);
    struct mem **link = find(fs, name), *m = *link;
    if (m)
        *link = m->next;
    weir_mutex_unlock(&fs->lock);
    if (!m)
        return -ENOENT;
    drop_user(fs, m);
    return 0;
}

static void memfs_free(weir_fs *base)
{
    struct memfs *fs = (struct memfs *)base;
    for (struct mem *m = fs->files, *next; m; m = next) {
        next = m->next;
        free_mem(m);
    }
    wr_free(fs);
}

weir_fs *weir_memfs_new(size_t segment)
{
    static const weir_fs_ops ops = {
        .create = memfs_create,
        .open = memfs_open,
        .remove = memfs_remove,
        .free = memfs_free,
    };
    if (segment > WR_SEGMENT_MAX)
        return NULL;
    struct memfs *fs = wr_alloc(sizeof *fs);
    if (!fs)
        return NULL;
    fs->base.ops = &ops;
    fs->segment = segment ? segment : DEFAULT_SEGMENT;
    return &fs->base;
}

void weir_fs_free(weir_fs *fs)
{
    if (fs)
        fs->ops->free(fs);
}
