/* SPDX-License-Identifier: MIT */
/* Several stores as one store: a backend like others, made of the public calls
 * on those below. */
#include "store/multi.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/misuse.h"
#include "store/store.h"

/* ---- how many are needed ------------------------------------------------- */

void wr_tally_add(struct wr_tally *t, int err)
{
    t->good += err == 0;
    if (!t->err)
        t->err = err;
}

bool wr_tally_over(const struct wr_multi *m, const struct wr_tally *t)
{
    return m->all && t->err;
}

int wr_tally_result(const struct wr_multi *m, const struct wr_tally *t)
{
    return t->good >= m->needed ? 0 : t->err;
}

/* ---- the store ----------------------------------------------------------- */

static int close_all(void *store)
{
    struct wr_multi *m = store;
    int err = 0;
    for (size_t i = 0; i < m->n; i++) {
        const int one = weir_store_close(m->stores[i]);
        err = err ? err : one;
    }
    return err;
}

void wr_multi_unref(struct wr_multi *m)
{
    if (__atomic_fetch_sub(&m->refs, 1, __ATOMIC_ACQ_REL) == 1)
        wr_free(m);
}

static void free_all(void *store)
{
    struct wr_multi *m = store;
    for (size_t i = 0; i < m->n; i++)
        weir_store_free(m->stores[i]);
    wr_multi_unref(m);
}

static const char *path_error(void *store, const char *path)
{
    const struct wr_multi *m = store;
    const char *error = NULL;
    for (size_t i = 0; i < m->n && !error; i++)
        error = weir_store_path_error(m->stores[i], path);
    return error;
}

/* ---- paths --------------------------------------------------------------- */

/* The first store that has the path: 1 and *out; 0; or why one cannot say. */
static int first_with(const struct wr_multi *m, const char *path,
                      weir_store **out)
{
    int result = 0;
    for (size_t i = 0; i < m->n && result != 1; i++) {
        const int has = weir_store_exists(m->stores[i], path);
        if (has == 1)
            *out = m->stores[i];
        if (has == 1 || !result)
            result = has;
    }
    return result;
}

static int exists(void *store, const char *path)
{
    weir_store *unused;
    return first_with(store, path, &unused);
}

static int delete (void *store, const char *path)
{
    struct wr_multi *m = store;
    int err = 0;
    for (size_t i = 0; i < m->n; i++) {
        const int one = weir_store_delete(m->stores[i], path);
        err = err ? err : one;
    }
    return err;
}

/* All names of all stores, sorted; some may be there more than once. */
static int gather(struct wr_multi *m, const char *prefix, weir_store_names *all)
{
    struct wr_store_naming to = {.out = all};
    int err = 0;
    for (size_t i = 0; i < m->n && !err; i++) {
        weir_store_names names;
        err = weir_store_list(m->stores[i], prefix, &names);
        for (size_t k = 0; k < names.n && !err; k++)
            err = wr_store_names_add(&to, names.names[k]);
        weir_store_names_free(&names);
    }
    wr_store_names_sort(all);
    return err;
}

static int list(void *store, const char *prefix,
                int (*each)(void *arg, const char *path), void *arg)
{
    weir_store_names all = {0};
    int err = gather(store, prefix, &all);
    for (size_t i = 0; i < all.n && !err; i++)
        if (i == 0 || strcmp(all.names[i - 1], all.names[i]) != 0)
            err = each(arg, all.names[i]);
    weir_store_names_free(&all);
    return err;
}

static int get_stats(void *store, const char *path, weir_store_stats *out)
{
    weir_store *first;
    const int has = first_with(store, path, &first);
    if (has != 1)
        return has ? has : -ENOENT;
    return weir_store_get_stats(first, path, out);
}

/* What no store can tell of takes no messages. */
static int has_ended(void *store, const char *path)
{
    weir_store *first;
    const int has = first_with(store, path, &first);
    if (has != 1)
        return has ? 1 : -ENOENT;
    return wr_store_has_ended(first, path);
}

/* ---- reading ------------------------------------------------------------- */

/* Opens it in the first store that can, of those that have the path, or of all
 * of them. 1: there was none; or the first failure. */
static int open_first(struct wr_multi *m, const char *path, bool having,
                      weir_store_reader **out)
{
    int result = 1;
    for (size_t i = 0; i < m->n && result != 0; i++) {
        if (having && weir_store_exists(m->stores[i], path) != 1)
            continue;
        const int err = weir_store_reader_open(out, m->stores[i], path);
        if (err == 0 || result == 1)
            result = err;
    }
    return result;
}

static int reader_open(void *store, const char *path, void **out)
{
    weir_store_reader *r = NULL;
    int err = open_first(store, path, true, &r);
    if (err == 1)
        err = open_first(store, path, false, &r);
    *out = r;
    return err;
}

static ptrdiff_t read_one(void *reader, void *buf, size_t size, weir_ctx *ctx)
{
    return weir_store_read(reader, buf, size, ctx);
}

static ptrdiff_t rest(const void *reader)
{
    return weir_store_rest(reader);
}

static int reader_close(void *reader)
{
    return weir_store_reader_close(reader);
}

static void reader_free(void *reader)
{
    weir_store_reader_free(reader);
}

/* ---- broadcast ----------------------------------------------------------- */

static void add_up(weir_store_account *sum, const weir_store_account *a)
{
    sum->matched += a->matched;
    sum->sent += a->sent;
    sum->full += a->full;
    sum->closed += a->closed;
    sum->failed += a->failed;
    sum->dropped += a->dropped;
    if (!sum->err)
        sum->err = a->err;
}

static int broadcast(void *store, const char *prefix, const void *data,
                     size_t size, enum weir_store_full full, weir_ctx *ctx,
                     weir_store_account *account)
{
    struct wr_multi *m = store;
    struct wr_tally tally = {0};
    for (size_t i = 0; i < m->n && !wr_tally_over(m, &tally); i++) {
        weir_store_account one;
        wr_tally_add(&tally, weir_store_broadcast(m->stores[i], prefix, data,
                                                  size, full, ctx, &one));
        add_up(account, &one);
    }
    return wr_tally_result(m, &tally);
}

/* ---- making one ---------------------------------------------------------- */

static const weir_store_ops multi_ops = {
    .close = close_all,
    .free = free_all,
    .writer_open = wr_multi_writer_open,
    .write = wr_multi_write,
    .writer_close = wr_multi_writer_close,
    .writer_free = wr_multi_writer_free,
    .reader_open = reader_open,
    .read = read_one,
    .rest = rest,
    .reader_close = reader_close,
    .reader_free = reader_free,
    .exists = exists,
    .remove = delete,
    .list = list,
    .path_error = path_error,
    .get_stats = get_stats,
    .broadcast = broadcast,
    .has_ended = has_ended,
};

static size_t given(weir_store *const *stores, size_t n)
{
    size_t some = 0;
    for (size_t i = 0; i < n; i++)
        some += stores[i] != NULL;
    return some;
}

static bool any_twice(weir_store *const *stores, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (stores[i] && stores[i] == stores[k])
                return true;
    return false;
}

static const char *wrong(weir_store *const *stores, size_t n,
                         const weir_store_multi_opts *o)
{
    if (!stores || given(stores, n) == 0)
        return "no stores";
    if (any_twice(stores, n))
        return "a store stands there twice";
    if ((unsigned)o->need > WEIR_STORE_QUORUM)
        return "need is none of enum weir_store_need";
    if (o->quorum > given(stores, n))
        return "the quorum is more than there are stores";
    if (o->quorum > 0 && o->need != WEIR_STORE_QUORUM)
        return "a quorum is for WEIR_STORE_QUORUM";
    return NULL;
}

static size_t needed(const weir_store_multi_opts *o, size_t n)
{
    if (o->need == WEIR_STORE_ALL)
        return n;
    if (o->need == WEIR_STORE_BEST_EFFORT)
        return 1;
    return o->quorum ? o->quorum : n / 2 + 1;
}

/* With its arrays behind it. */
static struct wr_multi *make(weir_store *const *stores, size_t n,
                             const weir_store_multi_opts *o)
{
    const size_t some = given(stores, n);
    struct wr_multi *m = wr_alloc(sizeof(*m) + some * sizeof(weir_store_share) +
                                  some * sizeof(weir_store *));
    if (!m)
        return NULL;
    m->refs = 1;
    m->needed = needed(o, some);
    m->all = o->need == WEIR_STORE_ALL;
    m->shares = (weir_store_share *)(m + 1);
    m->stores = (weir_store **)(m->shares + some);
    for (size_t i = 0; i < n; i++)
        if (stores[i])
            m->stores[m->n++] = stores[i];
    return m;
}

int weir_store_multi(weir_store **s, weir_store *const *stores, size_t n,
                     const weir_store_multi_opts *o)
{
    static const weir_store_multi_opts none;
    o = o ? o : &none;
    if (s)
        *s = NULL;
    if (!s || wrong(stores, n, o))
        return WR_MISUSE(s ? wrong(stores, n, o) : "no place for the store");
    struct wr_multi *m = make(stores, n, o);
    if (!m)
        return WEIR_ENOMEM;
    *s = wr_store_over(&multi_ops, m);
    if (!*s)
        wr_multi_unref(m);
    return *s ? 0 : WEIR_ENOMEM;
}

/* ---- the account --------------------------------------------------------- */

ptrdiff_t weir_store_shares(const weir_store *s, weir_store_share *shares,
                            size_t n)
{
    if (!s || (!shares && n > 0))
        return WR_MISUSE("no store, or no place for the shares");
    struct wr_multi *m = wr_store_self(s, &multi_ops);
    if (!m)
        return WEIR_UNSUPPORTED;
    weir_mutex_lock(&m->lock, NULL);
    for (size_t i = 0; i < n && i < m->n; i++)
        shares[i] = m->shares[i];
    weir_mutex_unlock(&m->lock);
    return (ptrdiff_t)m->n;
}

int weir_store_write_each(weir_store_writer *w, const void *data, size_t size,
                          weir_ctx *ctx, int *codes, size_t n)
{
    if (!w || (!data && size > 0) || !codes)
        return WR_MISUSE("no writer, no data, or no place for the codes");
    void *self = wr_store_writer_self(w, &multi_ops);
    if (!self)
        return WEIR_UNSUPPORTED;
    if (n != wr_multi_writer_n(self))
        return WR_MISUSE("another number of codes than there are stores");
    if (size > WEIR_STORE_MESSAGE_MAX)
        return WEIR_LIMIT;
    return wr_multi_write_each(self, data, size, ctx, codes, n);
}
