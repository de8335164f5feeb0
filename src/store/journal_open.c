/* SPDX-License-Identifier: MIT */
/* Opening stores whose paths are journals, by call and by name. */
#include <string.h>

#include "base/mem.h"
#include "base/misuse.h"
#include "store/journal.h"
#include "store/msgdir.h"
#include "store/store.h"

struct opts {
    const char *dir; /* NULL: in memory                                     */
    weir_store_file_opts file;
};

static const char *wrong(const struct opts *o)
{
    if (o->file.max_bytes > WR_MOST_BYTES)
        return "max_bytes is over 2^62";
    if ((unsigned)o->file.sync > WEIR_STORE_SYNC_MESSAGE)
        return "sync is none of enum weir_store_sync";
    return NULL;
}

static int open_fs(weir_fs **fs, const struct opts *o)
{
    if (o->dir)
        return wr_msgdir_new(o->dir, o->file.sync, fs);
    *fs = weir_memfs_new(0);
    return *fs ? 0 : WEIR_ENOMEM;
}

static int make(void **store, const struct opts *o)
{
    struct wr_journals *c = wr_alloc(sizeof(*c));
    if (!c)
        return WEIR_ENOMEM;
    c->refs = 1;
    c->files = o->dir;
    c->max_bytes = o->file.max_bytes;
    c->sync = o->dir ? o->file.sync : WEIR_STORE_SYNC_NEVER;
    int err = open_fs(&c->fs, o);
    if (err)
        wr_free(c);
    else
        *store = c;
    return err;
}

static int open_store(weir_store **s, const struct opts *o)
{
    void *self;
    int err = make(&self, o);
    if (err)
        return err;
    *s = wr_store_new(&wr_store_journal_ops, self);
    return *s ? 0 : WEIR_ENOMEM;
}

/* ---- by call ------------------------------------------------------------- */

int weir_store_memory(weir_store **s, uint64_t max_bytes)
{
    const struct opts o = {.file.max_bytes = max_bytes};
    if (s)
        *s = NULL;
    if (!s || wrong(&o))
        return WR_MISUSE(s ? wrong(&o) : "no place for the store");
    return open_store(s, &o);
}

int weir_store_files(weir_store **s, const char *dir,
                     const weir_store_file_opts *file)
{
    struct opts o = {.dir = dir};
    if (file)
        o.file = *file;
    if (s)
        *s = NULL;
    if (!s || !dir)
        return WR_MISUSE("no place for the store, or no directory");
    if (wrong(&o))
        return WR_MISUSE(wrong(&o));
    return open_store(s, &o);
}

/* ---- by name ------------------------------------------------------------- */

static const char *read_dir(void *opts, const char *v)
{
    ((struct opts *)opts)->dir = v;
    return *v ? NULL : "dir is empty";
}

static const char *read_max_bytes(void *opts, const char *v)
{
    return wr_option_number(v, WR_MOST_BYTES,
                            &((struct opts *)opts)->file.max_bytes)
               ? NULL
               : "max_bytes must be a number from 1 to 2^62";
}

static const char *read_sync(void *opts, const char *v)
{
    static const char *const names[] = {"end", "never", "message"};
    for (int i = 0; i < 3; i++)
        if (strcmp(v, names[i]) == 0) {
            ((struct opts *)opts)->file.sync = (enum weir_store_sync)i;
            return NULL;
        }
    return "sync must be end, never or message";
}

int wr_store_memory_open(void **store, const weir_store_option *options,
                         const char **why)
{
    static const struct wr_option known[] = {
        WR_OPTION("max_bytes", read_max_bytes),
        {NULL, NULL, NULL, NULL},
    };
    struct opts o = {0};
    int err = wr_options_read(
        &o, known, "an unknown option: there is max_bytes", options, why);
    return err ? err : make(store, &o);
}

int wr_store_file_open(void **store, const weir_store_option *options,
                       const char **why)
{
    static const struct wr_option known[] = {
        WR_OPTION("dir", read_dir),
        WR_OPTION("max_bytes", read_max_bytes),
        WR_OPTION("sync", read_sync),
        {NULL, NULL, NULL, NULL},
    };
    struct opts o = {0};
    int err = wr_options_read(
        &o, known, "an unknown option: there are dir, max_bytes and sync",
        options, why);
    if (err)
        return err;
    *why = o.dir ? "dir cannot be opened as a directory"
                 : "the option dir is missing: it names a directory";
    return o.dir ? make(store, &o) : WEIR_EINVAL;
}
