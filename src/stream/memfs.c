/* SPDX-License-Identifier: MIT */
/*
 * A file system in memory: names, in a table that doubles as it fills, and
 * handles. What a file is made of is in memfile.h.
 */
#include "stream/memfs.h"

#include <errno.h>
#include <string.h>
#include "base/mem.h"
#include "base/misuse.h"
#include "stream/memfile.h"
#include "stream/names.h"
#include "stream/stream.h"

#define DEFAULT_SEGMENT ((size_t)64 << 10)

struct wr_memfs {
    weir_fs base;
    size_t segment;
    size_t spill_above;
    weir_fs *spill_to;

    weir_mutex lock;
    struct wr_mem **table; /* by hash; the files that have a name */
    size_t room, named;    /* room: 0 or a power of two           */
    uint64_t last_id;
};

/* ---- names; under the lock ----------------------------------------------- */

/* FNV-1a (Fowler, Noll and Vo). */
static uint64_t hash_of(const char *name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return h;
}

static struct wr_mem **chain(const struct wr_memfs *fs, uint64_t hash)
{
    return &fs->table[(hash ^ hash >> 32) & (fs->room - 1)];
}

/* The link to the file of that name, or NULL. */
static struct wr_mem **find(const struct wr_memfs *fs, const char *name)
{
    const uint64_t hash = hash_of(name);
    if (fs->room == 0)
        return NULL;
    struct wr_mem **m = chain(fs, hash);
    while (*m && ((*m)->hash != hash || strcmp((*m)->name, name) != 0))
        m = &(*m)->next;
    return *m ? m : NULL;
}

static void insert(struct wr_memfs *fs, struct wr_mem *m)
{
    struct wr_mem **head = chain(fs, m->hash);
    m->next = *head;
    *head = m;
}

static bool widen_table(struct wr_memfs *fs)
{
    if (fs->named < fs->room)
        return true;
    struct wr_memfs wide = *fs;
    wide.room = fs->room ? fs->room * 2 : 16;
    wide.table = wr_alloc(wide.room * sizeof(struct wr_mem *));
    if (!wide.table)
        return false;
    for (size_t i = 0; i < fs->room; i++)
        for (struct wr_mem *m = fs->table[i], *next; m; m = next) {
            next = m->next;
            insert(&wide, m);
        }
    wr_free(fs->table);
    fs->table = wide.table;
    fs->room = wide.room;
    return true;
}

static struct wr_mem *mem_new(struct wr_memfs *fs, const char *name)
{
    const size_t size = strlen(name) + 1;
    struct wr_mem *m = widen_table(fs) ? wr_alloc(sizeof *m + size) : NULL;
    if (!m)
        return NULL;
    m->name = memcpy(m + 1, name, size);
    m->hash = hash_of(name);
    m->id = ++fs->last_id;
    m->size = fs->segment;
    m->spill.above = fs->spill_above;
    m->spill.fs = fs->spill_to;
    insert(fs, m);
    fs->named++;
    return m;
}

/* ---- handles ------------------------------------------------------------- */

static void drop_user(struct wr_memfs *fs, struct wr_mem *m, bool writes)
{
    weir_mutex_lock(&fs->lock, NULL);
    const bool last = --m->users == 0;
    if (writes)
        m->writing = false;
    weir_mutex_unlock(&fs->lock);
    if (last)
        wr_mem_free(m);
}

static int mem_close(weir_file *file)
{
    struct wr_mem_file *f = (struct wr_mem_file *)file;
    drop_user(f->fs, f->mem, f->writes);
    wr_free(f);
    return 0;
}

static const weir_file_ops mem_file_ops = {
    .write = wr_mem_write,
    .read_at = wr_mem_read_at,
    .close = mem_close,
    .trim = wr_mem_trim,
    .borrow = wr_mem_borrow,
    .give_back = wr_mem_give_back,
    .finish = wr_mem_finish,
    .info = wr_mem_info,
    .verify = wr_mem_verify,
};

/* The three ways to come to a file; under the lock. */

static int create_named(struct wr_memfs *fs, const char *name,
                        struct wr_mem **out)
{
    if (find(fs, name))
        return -EEXIST;
    *out = mem_new(fs, name);
    if (!*out)
        return WEIR_ENOMEM;
    (*out)->users = 1; /* the name */
    (*out)->writing = true;
    return 0;
}

static int open_named(struct wr_memfs *fs, const char *name,
                      struct wr_mem **out)
{
    struct wr_mem **link = find(fs, name);
    if (!link)
        return -ENOENT;
    *out = *link;
    return 0;
}

static bool is_complete(struct wr_mem *m)
{
    weir_mutex_lock(&m->lock, NULL);
    const bool complete = m->complete;
    weir_mutex_unlock(&m->lock);
    return complete;
}

static int reopen_named(struct wr_memfs *fs, const char *name,
                        struct wr_mem **out)
{
    int err = open_named(fs, name, out);
    if (err)
        return err;
    if ((*out)->writing)
        return WEIR_BUSY;
    if (is_complete(*out))
        return WEIR_CLOSED;
    (*out)->writing = true;
    return 0;
}

typedef int way(struct wr_memfs *, const char *, struct wr_mem **);

static int open_handle(weir_fs *base, const char *name, weir_file **out,
                       way *get)
{
    struct wr_memfs *fs = (struct wr_memfs *)base;
    if (!*name)
        return WR_MISUSE("an empty name");
    struct wr_mem_file *f = wr_alloc(sizeof *f);
    if (!f)
        return WEIR_ENOMEM;
    f->base.ops = &mem_file_ops;
    f->fs = fs;
    f->writes = get != open_named;
    weir_mutex_lock(&fs->lock, NULL);
    int err = get(fs, name, &f->mem);
    if (!err)
        f->mem->users++;
    weir_mutex_unlock(&fs->lock);
    if (err)
        wr_free(f);
    else
        *out = &f->base;
    return err;
}

/* ---- the file system ----------------------------------------------------- */

static int memfs_create(weir_fs *fs, const char *name, weir_file **out)
{
    return open_handle(fs, name, out, create_named);
}

static int memfs_open(weir_fs *fs, const char *name, weir_file **out)
{
    return open_handle(fs, name, out, open_named);
}

static int memfs_reopen(weir_fs *fs, const char *name, weir_ctx *ctx,
                        weir_file **out)
{
    (void)ctx;
    return open_handle(fs, name, out, reopen_named);
}

static int memfs_remove(weir_fs *base, const char *name)
{
    struct wr_memfs *fs = (struct wr_memfs *)base;
    struct wr_mem *m = NULL;
    weir_mutex_lock(&fs->lock, NULL);
    struct wr_mem **link = find(fs, name);
    if (link) {
        m = *link;
        *link = m->next;
        fs->named--;
    }
    weir_mutex_unlock(&fs->lock);
    if (!m)
        return -ENOENT;
    drop_user(fs, m, false);
    return 0;
}

static int memfs_list(weir_fs *base, int (*each)(const char *, void *),
                      void *arg)
{
    struct wr_memfs *fs = (struct wr_memfs *)base;
    struct wr_names names = {0};
    int err = 0;
    weir_mutex_lock(&fs->lock, NULL);
    for (size_t i = 0; i < fs->room && !err; i++)
        for (struct wr_mem *m = fs->table[i]; m && !err; m = m->next)
            err = wr_names_add(&names, m->name);
    weir_mutex_unlock(&fs->lock);
    int result = wr_names_tell(&names, err ? NULL : each, arg);
    return err ? err : result;
}

static void memfs_free(weir_fs *base)
{
    struct wr_memfs *fs = (struct wr_memfs *)base;
    for (size_t i = 0; i < fs->room; i++)
        for (struct wr_mem *m = fs->table[i], *next; m; m = next) {
            next = m->next;
            wr_mem_free(m);
        }
    wr_free(fs->table);
    wr_free(fs);
}

weir_fs *wr_memfs_new(size_t segment, size_t spill_above, weir_fs *spill_to)
{
    static const weir_fs_ops ops = {
        .create = memfs_create,
        .open = memfs_open,
        .remove = memfs_remove,
        .free = memfs_free,
        .reopen = memfs_reopen,
        .list = memfs_list,
    };
    if (segment > WR_SEGMENT_MAX)
        return NULL;
    struct wr_memfs *fs = wr_alloc(sizeof *fs);
    if (!fs)
        return NULL;
    fs->base.ops = &ops;
    fs->segment = segment ? segment : DEFAULT_SEGMENT;
    fs->spill_above = spill_above;
    fs->spill_to = spill_to;
    return &fs->base;
}

weir_fs *weir_memfs_new(size_t segment)
{
    return wr_memfs_new(segment, 0, NULL);
}

void weir_fs_free(weir_fs *fs)
{
    if (fs)
        fs->ops->free(fs);
}
