/* SPDX-License-Identifier: MIT */
/*
 * The backends by name.
 *
 * Invariant, under the lock: no two entries of the list have the same name.
 * Those that are built in are static; the others are allocated with their
 * names behind them.
 */
#include <errno.h>
#include <string.h>
#include <weir/mutex.h>

#include "base/mem.h"
#include "base/misuse.h"
#include "store/store.h"

struct backend {
    struct backend *next;
    const weir_store_ops *ops;
    weir_store_open_fn *open;
    const char *name;
    bool is_static;
};

static struct backend built_in[] = {
    {&built_in[1], &wr_store_channel_ops, wr_store_channel_open, "channel",
     true},
    {&built_in[2], &wr_store_journal_ops, wr_store_memory_open, "memory", true},
    {NULL, &wr_store_journal_ops, wr_store_file_open, "file", true},
};

static weir_mutex lock = WEIR_MUTEX_INIT;
static struct backend *backends = built_in; /* under lock                   */

/* Locked. The link to the entry of that name, or to the list's end. */
static struct backend **find(const char *name)
{
    struct backend **at = &backends;
    while (*at && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

static bool complete(const weir_store_ops *o)
{
    return o && o->close && o->free && o->writer_open && o->write &&
           o->writer_close && o->writer_free && o->reader_open && o->read &&
           o->rest && o->reader_close && o->reader_free && o->exists &&
           o->remove && o->list && (o->count || o->has_ended);
}

static struct backend *make(const char *name, const weir_store_ops *ops,
                            weir_store_open_fn *open)
{
    const size_t size = strlen(name) + 1;
    struct backend *b = wr_alloc(sizeof(*b) + size);
    if (!b)
        return NULL;
    *b = (struct backend){.ops = ops, .open = open};
    b->name = memcpy(b + 1, name, size);
    return b;
}

int weir_store_register(const char *name, const weir_store_ops *ops,
                        weir_store_open_fn *open)
{
    if (!wr_store_path_ok(name) || !complete(ops) || !open)
        return WR_MISUSE("a bad name, or a backend with calls missing");
    struct backend *b = make(name, ops, open);
    if (!b)
        return WEIR_ENOMEM;
    int err = weir_mutex_lock(&lock, NULL);
    if (!err) {
        struct backend **at = find(name);
        err = *at ? -EEXIST : 0;
        if (!err)
            *at = b;
        weir_mutex_unlock(&lock);
    }
    if (err)
        wr_free(b);
    return err;
}

int weir_store_unregister(const char *name)
{
    if (!wr_store_path_ok(name))
        return WR_MISUSE("a bad name");
    int err = weir_mutex_lock(&lock, NULL);
    if (err)
        return err;
    struct backend **at = find(name), *b = *at;
    if (b)
        *at = b->next;
    weir_mutex_unlock(&lock);
    if (b && !b->is_static)
        wr_free(b);
    return b ? 0 : -ENOENT;
}

bool weir_store_is_registered(const char *name)
{
    if (!name || weir_mutex_lock(&lock, NULL))
        return false;
    const bool found = *find(name) != NULL;
    weir_mutex_unlock(&lock);
    return found;
}

int weir_store_backends(weir_store_names *out)
{
    if (!out)
        return WR_MISUSE("no place for the names");
    *out = (weir_store_names){0};
    struct wr_store_naming to = {.out = out};
    int err = weir_mutex_lock(&lock, NULL);
    if (err)
        return err;
    for (struct backend *b = backends; b && !err; b = b->next)
        err = wr_store_names_add(&to, b->name);
    weir_mutex_unlock(&lock);
    if (err)
        weir_store_names_free(out);
    wr_store_names_sort(out);
    return err;
}

int weir_store_open(weir_store **s, const char *backend,
                    const weir_store_option *options, const char **why)
{
    static const weir_store_option none = {NULL, NULL};
    const char *nowhere;
    why = why ? why : &nowhere;
    *why = "no place for the store, or a bad name of a backend";
    if (s)
        *s = NULL;
    if (!s || !wr_store_path_ok(backend))
        return WR_MISUSE(*why);
    int err = weir_mutex_lock(&lock, NULL);
    if (err)
        return err;
    const struct backend *b = *find(backend);
    const weir_store_ops *ops = b ? b->ops : NULL;
    weir_store_open_fn *open = b ? b->open : NULL;
    weir_mutex_unlock(&lock);
    *why = "no backend of that name is registered";
    if (!ops)
        return -ENOENT;
    *why = "out of memory, or the backend did not say";
    void *self = NULL;
    err = open(&self, options ? options : &none, why);
    if (err)
        return err;
    *s = wr_store_new(ops, self);
    if (*s)
        *why = NULL;
    return *s ? 0 : WEIR_ENOMEM;
}
