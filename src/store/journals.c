/* SPDX-License-Identifier: MIT */
/*
 * The backends "memory" and "file": what paths there are, the file system
 * knows; the table has those in use. Files may block, so none of their calls is
 * made under the store's lock, and one path's do not hold up another's: they
 * are made with that path's turn.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "store/journal.h"
#include "store/store.h"

void wr_journals_unref(struct wr_journals *c)
{
    if (__atomic_fetch_sub(&c->refs, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    weir_fs_free(c->fs);
    wr_free(c);
}

/* ---- a path's journal ---------------------------------------------------- */

/* Locked. */
static struct wr_journal *insert(struct wr_journals *c, const char *path)
{
    struct wr_journal *j = wr_journal_new(c, path);
    if (j && wr_table_insert(&c->table, &j->named)) {
        wr_journal_unref(j);
        return NULL;
    }
    return j;
}

/* Its turn, and a reference. It may have no stream yet. */
static int enter(struct wr_journals *c, const char *path,
                 struct wr_journal **out)
{
    int err = weir_mutex_lock(&c->lock, NULL);
    if (err)
        return err;
    struct wr_journal *j = (struct wr_journal *)wr_table_find(&c->table, path);
    j = j ? j : insert(c, path);
    if (j)
        wr_journal_ref(j);
    weir_mutex_unlock(&c->lock);
    if (!j)
        return WEIR_ENOMEM;
    err = weir_mutex_lock(&j->turn, NULL);
    if (err)
        wr_journal_unref(j);
    *out = j;
    return err;
}

/* With the turn: takes it out of the table. */
static void forget(struct wr_journal *j)
{
    struct wr_journals *c = j->of;
    weir_mutex_lock(&c->lock, NULL);
    if (wr_table_find(&c->table, j->name) == &j->named) {
        wr_table_take(&c->table, j->name);
        wr_journal_unref(j);
    }
    weir_mutex_unlock(&c->lock);
}

/* With the turn: who comes next starts anew. */
static void drop(struct wr_journal *j)
{
    j->gone = true;
    forget(j);
}

static void leave(struct wr_journal *j)
{
    if (!j->stream && !j->gone)
        drop(j);
    weir_mutex_unlock(&j->turn);
    wr_journal_unref(j);
}

/* The same with a stream. */
static int enter_open(struct wr_journals *c, const char *path,
                      struct wr_journal **out)
{
    int err;
    do {
        err = enter(c, path, out);
        if (err)
            return err;
        err = wr_journal_open(*out);
        if (err)
            leave(*out);
    } while (err == WEIR_REMOVING);
    return err;
}

static int writer_open(void *store, const char *path, void **out)
{
    struct wr_journal *j;
    int err = enter_open(store, path, &j);
    if (err)
        return err;
    err = wr_journal_writer(j, out);
    if (!err)
        wr_journal_ref(j);
    leave(j);
    return err;
}

/* Once a path has ended, another store may delete its file, or make it anew. */
static int reader_open(void *store, const char *path, void **out)
{
    struct wr_journal *j;
    bool stale;
    int err;
    do {
        err = enter_open(store, path, &j);
        if (err)
            return err;
        err = wr_journal_reader(j, out);
        if (!err)
            wr_journal_ref(j);
        stale = (err == -ESTALE || err == -ENOENT) && wr_journal_has_ended(j);
        if (stale)
            drop(j);
        leave(j);
    } while (stale);
    return err;
}

/* ---- what paths there are ------------------------------------------------ */

static const char *file_of(const struct wr_journals *c, const char *path,
                           char *escaped)
{
    if (!c->files)
        return path;
    wr_file_name(escaped, path);
    return escaped;
}

/* 1, 0, or why nobody can say. */
static int look(struct wr_journals *c, const char *path, weir_file_info *info)
{
    char escaped[WR_FILE_NAME_MAX + 1];
    weir_file *f;
    int err = c->fs->ops->open(c->fs, file_of(c, path, escaped), &f);
    if (err)
        return err == -ENOENT ? 0 : err;
    if (info)
        err = f->ops->info ? f->ops->info(f, info) : WEIR_UNSUPPORTED;
    f->ops->close(f);
    return err ? err : 1;
}

static int exists(void *store, const char *path)
{
    return look(store, path, NULL);
}

struct listing {
    struct wr_journals *of;
    const char *prefix;
    int (*each)(void *arg, const char *path);
    void *arg;
};

static int each_file(const char *name, void *arg)
{
    struct listing *l = arg;
    char path[WR_FILE_NAME_MAX + 1];
    if (l->of->files && !wr_file_path(path, name))
        return 0;
    const char *found = l->of->files ? path : name;
    const bool match = strncmp(found, l->prefix, strlen(l->prefix)) == 0;
    return match ? l->each(l->arg, found) : 0;
}

static int list(void *store, const char *prefix,
                int (*each)(void *arg, const char *path), void *arg)
{
    struct wr_journals *c = store;
    struct listing l = {c, prefix, each, arg};
    return c->fs->ops->list(c->fs, each_file, &l);
}

/* What is no path's file has ended, too. */
static int has_ended(void *store, const char *path)
{
    struct wr_journals *c = store;
    weir_file_info info = {0};
    weir_mutex_lock(&c->lock, NULL);
    struct wr_journal *j = (struct wr_journal *)wr_table_find(&c->table, path);
    if (j)
        wr_journal_ref(j);
    weir_mutex_unlock(&c->lock);
    bool ended = false, known = false;
    if (j) {
        weir_mutex_lock(&j->turn, NULL);
        known = j->stream;
        ended = known && wr_journal_has_ended(j);
        weir_mutex_unlock(&j->turn);
        wr_journal_unref(j);
    }
    if (known)
        return ended;
    const int found = look(c, path, &info);
    if (found == 0)
        return -ENOENT;
    return found != WEIR_INCOMPLETE && (found < 0 || info.complete);
}

static int get_stats(void *store, const char *path, weir_store_stats *out)
{
    struct wr_journal *j;
    int err = look(store, path, NULL);
    if (err <= 0)
        return err ? err : -ENOENT;
    err = enter(store, path, &j);
    if (err)
        return err;
    err = j->stream ? 0 : wr_journal_open(j);
    if (!err)
        err = wr_journal_stats(j, out);
    leave(j);
    return err == WEIR_REMOVING ? -ENOENT : err;
}

/* ---- ends ---------------------------------------------------------------- */

/* Does another store write to it? */
static bool is_busy(const struct wr_journal *j, const char *name)
{
    weir_fs *fs = j->of->fs;
    weir_file *f;
    if (j->stream || !fs->ops->reopen)
        return false;
    const int err = fs->ops->reopen(fs, name, NULL, &f);
    if (!err)
        f->ops->close(f);
    return err == WEIR_BUSY;
}

static int delete (void *store, const char *path)
{
    struct wr_journals *c = store;
    char escaped[WR_FILE_NAME_MAX + 1];
    const char *name = file_of(c, path, escaped);
    struct wr_journal *j;
    int err = enter(c, path, &j);
    if (err)
        return err;
    if (!j->gone) {
        err = is_busy(j, name) ? WEIR_BUSY : c->fs->ops->remove(c->fs, name);
        err = err == -ENOENT ? 0 : err;
        if (!err) {
            wr_journal_leave(j);
            drop(j);
        }
    }
    leave(j);
    return err;
}

/* A reference to the first journal after that path. */
static struct wr_journal *after(struct wr_journals *c, const char *path)
{
    weir_mutex_lock(&c->lock, NULL);
    struct wr_journal *j = (struct wr_journal *)wr_table_after(&c->table, path);
    if (j)
        wr_journal_ref(j);
    weir_mutex_unlock(&c->lock);
    return j;
}

static int close_all(void *store)
{
    struct wr_journals *c = store;
    int err = weir_mutex_lock(&c->lock, NULL);
    if (err)
        return err;
    c->closed = true;
    weir_mutex_unlock(&c->lock);
    struct wr_journal *j = after(c, ""), *last;
    while (j) {
        weir_mutex_lock(&j->turn, NULL);
        wr_journal_leave(j);
        weir_mutex_unlock(&j->turn);
        last = j;
        j = after(c, last->name);
        wr_journal_unref(last);
    }
    return 0;
}

static void free_all(void *store)
{
    struct wr_journals *c = store;
    for (size_t i = 0; i < c->table.n; i++)
        wr_journal_unref((struct wr_journal *)c->table.at[i]);
    wr_table_free(&c->table);
    wr_journals_unref(c);
}

/* ---- broadcast ----------------------------------------------------------- */

static int shout(struct wr_journals *c, const char *path, const void *data,
                 size_t size)
{
    struct wr_journal *j;
    int err = enter_open(c, path, &j);
    if (err)
        return err;
    err = wr_journal_append(j, data, size);
    leave(j);
    return err;
}

static int broadcast(void *store, const char *prefix, const void *data,
                     size_t size, enum weir_store_full full, weir_ctx *ctx,
                     weir_store_account *account)
{
    struct wr_journals *c = store;
    weir_store_names names = {0};
    struct wr_store_naming to = {.out = &names};
    (void)full, (void)ctx;
    int err = weir_mutex_lock(&c->lock, NULL);
    if (err)
        return err;
    const bool closed = c->closed;
    weir_mutex_unlock(&c->lock);
    err = closed ? WEIR_CLOSED : list(c, prefix, wr_store_names_add, &to);
    wr_store_names_sort(&names);
    for (size_t i = 0; i < names.n && !err; i++)
        wr_account_add(account, shout(c, names.names[i], data, size));
    weir_store_names_free(&names);
    return err;
}

static const char *path_error(void *store, const char *path)
{
    return ((struct wr_journals *)store)->files ? wr_file_path_error(path)
                                                : NULL;
}

const weir_store_ops wr_store_journal_ops = {
    .close = close_all,
    .free = free_all,
    .writer_open = writer_open,
    .write = wr_journal_write,
    .writer_close = wr_journal_writer_close,
    .writer_free = wr_journal_writer_free,
    .reader_open = reader_open,
    .read = wr_journal_read,
    .rest = wr_journal_rest,
    .reader_close = wr_journal_reader_close,
    .reader_free = wr_journal_reader_free,
    .exists = exists,
    .remove = delete,
    .list = list,
    .path_error = path_error,
    .get_stats = get_stats,
    .broadcast = broadcast,
    .has_ended = has_ended,
};
