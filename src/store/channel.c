/* SPDX-License-Identifier: MIT */
/*
 * The backend "channel": the paths of a store, sorted by name.
 *
 * A path lives as long as the store knows it or a writer or reader of it
 * exists, so these outlive the path's deletion and the store itself.
 */
#include <errno.h>

#include "base/mem.h"
#include "base/misuse.h"
#include "store/path.h"
#include "store/store.h"

struct channels {
    weir_mutex lock;
    weir_store_channel_opts opts;
    struct wr_table paths; /* a reference to each                           */
    bool closed;
};

struct writer {
    struct wr_path *path;
    bool closed; /* under the path's lock                                   */
};

/* ---- the table ----------------------------------------------------------- */

/* Locked. NULL: there is none. */
static struct wr_path *find(const struct channels *c, const char *name)
{
    return (struct wr_path *)wr_table_find(&c->paths, name);
}

/* Locked. */
static struct wr_path *path_at(const struct channels *c, size_t i)
{
    return (struct wr_path *)c->paths.at[i];
}

/* Locked. Makes the path. NULL: no memory. */
static struct wr_path *insert(struct channels *c, const char *name)
{
    struct wr_path *p = wr_path_new(name, &c->opts);
    if (p && wr_table_insert(&c->paths, &p->named)) {
        wr_path_unref(p);
        return NULL;
    }
    return p;
}

/* A reference to the path of that name, which is made if need be. */
static int get(struct channels *c, const char *name, struct wr_path **out)
{
    int err = weir_mutex_lock(&c->lock, NULL);
    if (err)
        return err;
    struct wr_path *p = c->closed ? NULL : find(c, name);
    if (!p && !c->closed)
        p = insert(c, name);
    if (p)
        *out = wr_path_ref(p);
    else
        err = c->closed ? WEIR_CLOSED : WEIR_ENOMEM;
    weir_mutex_unlock(&c->lock);
    return err;
}

/* ---- the store ----------------------------------------------------------- */

static const char *wrong(const weir_store_channel_opts *o)
{
    const weir_chan_opts lane = wr_lane_opts(o, NULL);
    if (o->policy == WEIR_LATEST && o->buffer_size > 1)
        return "the policy latest holds one message: buffer_size must be 1";
    return weir_chan_opts_error(&lane);
}

static int make(void **store, const weir_store_channel_opts *o)
{
    struct channels *c = wr_alloc(sizeof(*c));
    if (!c)
        return WEIR_ENOMEM;
    c->opts = *o;
    *store = c;
    return 0;
}

int wr_store_channel_open(void **store, const weir_store_option *options,
                          const char **why)
{
    weir_store_channel_opts o;
    int err = wr_store_channel_parse(&o, options, why);
    if (err)
        return err;
    const char *found = wrong(&o);
    if (found) {
        *why = found;
        return WEIR_EINVAL;
    }
    return make(store, &o);
}

int weir_store_channel(weir_store **s, const weir_store_channel_opts *o)
{
    static const weir_store_channel_opts none;
    void *self;
    o = o ? o : &none;
    if (s)
        *s = NULL;
    if (!s || wrong(o))
        return WR_MISUSE(s ? wrong(o) : "no place for the store");
    int err = make(&self, o);
    if (err)
        return err;
    *s = wr_store_new(&wr_store_channel_ops, self);
    return *s ? 0 : WEIR_ENOMEM;
}

static int close_all(void *store)
{
    struct channels *c = store;
    int err = weir_mutex_lock(&c->lock, NULL);
    if (err)
        return err;
    c->closed = true;
    for (size_t i = 0; i < c->paths.n; i++)
        wr_path_end(path_at(c, i));
    weir_mutex_unlock(&c->lock);
    return 0;
}

static void free_all(void *store)
{
    struct channels *c = store;
    for (size_t i = 0; i < c->paths.n; i++)
        wr_path_unref(path_at(c, i));
    wr_table_free(&c->paths);
    wr_free(c);
}

/* ---- writers and readers ------------------------------------------------- */

static int writer_open(void *store, const char *path, void **out)
{
    struct writer *w = wr_alloc(sizeof(*w));
    if (!w)
        return WEIR_ENOMEM;
    int err = get(store, path, &w->path);
    if (!err) {
        err = wr_path_enter(w->path);
        if (err)
            wr_path_unref(w->path);
    }
    if (err)
        wr_free(w);
    else
        *out = w;
    return err;
}

static int writer_write(void *writer, const void *data, size_t size,
                        weir_ctx *ctx)
{
    struct writer *w = writer;
    struct wr_message *m = wr_message_new(data, size);
    if (!m)
        return WEIR_ENOMEM;
    int err = wr_path_write(w->path, m, ctx);
    wr_message_unref(m);
    return err;
}

/* One writer less, once. */
static int leave(struct writer *w)
{
    int err = weir_mutex_lock(&w->path->lock, NULL);
    if (err)
        return err;
    w->path->writers -= !w->closed;
    w->closed = true;
    weir_mutex_unlock(&w->path->lock);
    return 0;
}

static int writer_close(void *writer)
{
    struct writer *w = writer;
    int err = leave(w);
    if (!err)
        wr_path_end(w->path);
    return err;
}

static void writer_free(void *writer)
{
    struct writer *w = writer;
    leave(w);
    wr_path_unref(w->path);
    wr_free(w);
}

static int reader_open(void *store, const char *path, void **out)
{
    struct wr_path *p;
    struct wr_reader *r;
    int err = get(store, path, &p);
    if (err)
        return err;
    err = wr_reader_open(&r, p);
    wr_path_unref(p);
    if (!err)
        *out = r;
    return err;
}

/* ---- paths --------------------------------------------------------------- */

static int exists(void *store, const char *path)
{
    struct channels *c = store;
    int err = weir_mutex_lock(&c->lock, NULL);
    if (err)
        return err;
    const bool found = find(c, path) != NULL;
    weir_mutex_unlock(&c->lock);
    return found;
}

static int delete (void *store, const char *path)
{
    struct channels *c = store;
    int err = weir_mutex_lock(&c->lock, NULL);
    if (err)
        return err;
    struct wr_path *p = (struct wr_path *)wr_table_take(&c->paths, path);
    weir_mutex_unlock(&c->lock);
    if (p) {
        wr_path_end(p);
        wr_path_unref(p);
    }
    return 0;
}

static int list(void *store, const char *prefix,
                int (*each)(void *arg, const char *path), void *arg)
{
    struct channels *c = store;
    int err = weir_mutex_lock(&c->lock, NULL);
    if (err)
        return err;
    err = wr_table_list(&c->paths, prefix, each, arg);
    weir_mutex_unlock(&c->lock);
    return err;
}

static int count(void *store, weir_store_counts *out)
{
    struct channels *c = store;
    int err = weir_mutex_lock(&c->lock, NULL);
    if (err)
        return err;
    *out = (weir_store_counts){0};
    for (size_t i = 0; i < c->paths.n; i++)
        out->closed += wr_path_has_ended(path_at(c, i));
    out->open = c->paths.n - out->closed;
    weir_mutex_unlock(&c->lock);
    return 0;
}

static int get_stats(void *store, const char *path, weir_store_stats *out)
{
    struct channels *c = store;
    int err = weir_mutex_lock(&c->lock, NULL);
    if (err)
        return err;
    struct wr_path *p = find(c, path);
    err = p ? wr_path_stats(p, out) : -ENOENT;
    weir_mutex_unlock(&c->lock);
    return err;
}

/* ---- broadcast ----------------------------------------------------------- */

/* References to the paths with the prefix, so that it may wait at one while
 * others come and go: 0, *out (to be freed) and *n. */
static int snapshot(struct channels *c, const char *prefix,
                    struct wr_path ***out, size_t *n)
{
    int err = weir_mutex_lock(&c->lock, NULL);
    if (err)
        return err;
    size_t first;
    *n = wr_table_matching(&c->paths, prefix, &first);
    *out = wr_alloc((*n + 1) * sizeof(struct wr_path *));
    if (c->closed || !*out)
        err = c->closed ? WEIR_CLOSED : WEIR_ENOMEM;
    for (size_t i = 0; i < *n && !err; i++)
        (*out)[i] = wr_path_ref(path_at(c, first + i));
    weir_mutex_unlock(&c->lock);
    if (err)
        wr_free(*out);
    return err;
}

static int broadcast(void *store, const char *prefix, const void *data,
                     size_t size, enum weir_store_full full, weir_ctx *ctx,
                     weir_store_account *account)
{
    struct wr_path **paths;
    size_t n;
    struct wr_message *m = wr_message_new(data, size);
    if (!m)
        return WEIR_ENOMEM;
    int err = snapshot(store, prefix, &paths, &n);
    for (size_t i = 0; i < n && !err; i++) {
        const bool drop = full == WEIR_STORE_DROP_OLDEST;
        wr_account_add(
            account, full == WEIR_STORE_WAIT
                         ? wr_path_write(paths[i], m, ctx)
                         : wr_path_offer(paths[i], m, drop, &account->dropped));
        wr_path_unref(paths[i]);
    }
    if (!err)
        wr_free(paths);
    wr_message_unref(m);
    return err;
}

const weir_store_ops wr_store_channel_ops = {
    .close = close_all,
    .free = free_all,
    .writer_open = writer_open,
    .write = writer_write,
    .writer_close = writer_close,
    .writer_free = writer_free,
    .reader_open = reader_open,
    .read = wr_reader_read,
    .rest = wr_reader_rest,
    .reader_close = wr_reader_close,
    .reader_free = wr_reader_free,
    .exists = exists,
    .remove = delete,
    .list = list,
    .count = count,
    .get_stats = get_stats,
    .broadcast = broadcast,
};
