/* SPDX-License-Identifier: MIT */
/* The face of the stores: looks at the arguments and hands the call to the
 * backend. */
#include <errno.h>
#include <weir/store.h>

#include "base/mem.h"
#include "base/misuse.h"
#include "store/store.h"

struct weir_store {
    const weir_store_ops *ops;
    void *self;
};

struct weir_store_writer {
    const weir_store_ops *ops;
    void *self;
};

struct weir_store_reader {
    const weir_store_ops *ops;
    void *self;
};

/* What is wrong with the path; NULL: nothing. */
static const char *bad_path(const weir_store *s, const char *path)
{
    if (!wr_store_path_ok(path))
        return "a path that is empty, too long or has control characters";
    return s->ops->path_error ? s->ops->path_error(s->self, path) : NULL;
}

/* ---- the store ----------------------------------------------------------- */

weir_store *wr_store_over(const weir_store_ops *ops, void *self)
{
    weir_store *s = wr_alloc(sizeof(*s));
    if (s)
        *s = (weir_store){ops, self};
    return s;
}

weir_store *wr_store_new(const weir_store_ops *ops, void *self)
{
    weir_store *s = wr_store_over(ops, self);
    if (!s) {
        ops->close(self);
        ops->free(self);
    }
    return s;
}

void *wr_store_self(const weir_store *s, const weir_store_ops *ops)
{
    return s && s->ops == ops ? s->self : NULL;
}

void *wr_store_writer_self(const weir_store_writer *w,
                           const weir_store_ops *ops)
{
    return w && w->ops == ops ? w->self : NULL;
}

int weir_store_close(weir_store *s)
{
    return s ? s->ops->close(s->self) : WR_MISUSE("no store");
}

void weir_store_free(weir_store *s)
{
    if (!s)
        return;
    s->ops->close(s->self);
    s->ops->free(s->self);
    wr_free(s);
}

/* ---- writing ------------------------------------------------------------- */

int weir_store_writer_open(weir_store_writer **out, weir_store *s,
                           const char *path)
{
    if (out)
        *out = NULL;
    if (!out || !s)
        return WR_MISUSE("no store, or no place for the writer");
    if (bad_path(s, path))
        return WR_MISUSE(bad_path(s, path));
    weir_store_writer *w = wr_alloc(sizeof(*w));
    if (!w)
        return WEIR_ENOMEM;
    w->ops = s->ops;
    int err = s->ops->writer_open(s->self, path, &w->self);
    if (err)
        wr_free(w);
    else
        *out = w;
    return err;
}

int weir_store_write(weir_store_writer *w, const void *data, size_t size,
                     weir_ctx *ctx)
{
    if (!w || (!data && size > 0))
        return WR_MISUSE("no writer, or no data");
    if (size > WEIR_STORE_MESSAGE_MAX)
        return WEIR_LIMIT;
    return w->ops->write(w->self, data, size, ctx);
}

int weir_store_writer_close(weir_store_writer *w)
{
    return w ? w->ops->writer_close(w->self) : WR_MISUSE("no writer");
}

void weir_store_writer_free(weir_store_writer *w)
{
    if (!w)
        return;
    w->ops->writer_close(w->self);
    weir_store_writer_leave(w);
}

void weir_store_writer_leave(weir_store_writer *w)
{
    if (!w)
        return;
    w->ops->writer_free(w->self);
    wr_free(w);
}

/* ---- reading ------------------------------------------------------------- */

int weir_store_reader_open(weir_store_reader **out, weir_store *s,
                           const char *path)
{
    if (out)
        *out = NULL;
    if (!out || !s)
        return WR_MISUSE("no store, or no place for the reader");
    if (bad_path(s, path))
        return WR_MISUSE(bad_path(s, path));
    weir_store_reader *r = wr_alloc(sizeof(*r));
    if (!r)
        return WEIR_ENOMEM;
    r->ops = s->ops;
    int err = s->ops->reader_open(s->self, path, &r->self);
    if (err)
        wr_free(r);
    else
        *out = r;
    return err;
}

ptrdiff_t weir_store_read(weir_store_reader *r, void *buf, size_t size,
                          weir_ctx *ctx)
{
    if (!r || !buf || size == 0)
        return WR_MISUSE("no reader, or no buffer");
    return r->ops->read(r->self, buf, size, ctx);
}

ptrdiff_t weir_store_rest(const weir_store_reader *r)
{
    return r ? r->ops->rest(r->self) : WR_MISUSE("no reader");
}

int weir_store_reader_close(weir_store_reader *r)
{
    return r ? r->ops->reader_close(r->self) : WR_MISUSE("no reader");
}

void weir_store_reader_free(weir_store_reader *r)
{
    if (!r)
        return;
    r->ops->reader_close(r->self);
    r->ops->reader_free(r->self);
    wr_free(r);
}

/* ---- paths --------------------------------------------------------------- */

const char *weir_store_path_error(weir_store *s, const char *path)
{
    return s ? bad_path(s, path) : "no store";
}

int weir_store_exists(weir_store *s, const char *path)
{
    if (weir_store_path_error(s, path))
        return WR_MISUSE(weir_store_path_error(s, path));
    return s->ops->exists(s->self, path);
}

int weir_store_delete(weir_store *s, const char *path)
{
    if (weir_store_path_error(s, path))
        return WR_MISUSE(weir_store_path_error(s, path));
    return s->ops->remove(s->self, path);
}

int weir_store_list(weir_store *s, const char *prefix, weir_store_names *out)
{
    if (out)
        *out = (weir_store_names){0};
    if (!s || !out || !wr_store_prefix_ok(prefix))
        return WR_MISUSE("no store, no place for the names, or a bad prefix");
    struct wr_store_naming to = {.out = out};
    int err = s->ops->list(s->self, prefix, wr_store_names_add, &to);
    if (err)
        weir_store_names_free(out);
    wr_store_names_sort(out);
    return err;
}

int wr_store_has_ended(weir_store *s, const char *path)
{
    weir_store_stats stats;
    if (s->ops->has_ended)
        return s->ops->has_ended(s->self, path);
    int err = weir_store_get_stats(s, path, &stats);
    return err ? err : stats.ended;
}

struct counting {
    weir_store *store;
    weir_store_counts *out;
};

/* One that is gone meanwhile does not count. */
static int count_one(void *arg, const char *path)
{
    const struct counting *to = arg;
    const int ended = wr_store_has_ended(to->store, path);
    if (ended < 0)
        return ended == -ENOENT ? 0 : ended;
    to->out->closed += ended == 1;
    to->out->open += ended == 0;
    return 0;
}

int weir_store_count(weir_store *s, weir_store_counts *out)
{
    struct counting to = {s, out};
    if (!s || !out)
        return WR_MISUSE("no store, or no place for the counts");
    *out = (weir_store_counts){0};
    if (s->ops->count)
        return s->ops->count(s->self, out);
    return s->ops->list(s->self, "", count_one, &to);
}

int weir_store_get_stats(weir_store *s, const char *path, weir_store_stats *out)
{
    if (!out || weir_store_path_error(s, path))
        return WR_MISUSE(out ? weir_store_path_error(s, path)
                             : "no place for the account");
    if (!s->ops->get_stats)
        return WEIR_UNSUPPORTED;
    return s->ops->get_stats(s->self, path, out);
}

int weir_store_broadcast(weir_store *s, const char *prefix, const void *data,
                         size_t size, enum weir_store_full full, weir_ctx *ctx,
                         weir_store_account *account)
{
    weir_store_account unread;
    account = account ? account : &unread;
    *account = (weir_store_account){0};
    if (!s || !wr_store_prefix_ok(prefix) || (!data && size > 0))
        return WR_MISUSE("no store, a bad prefix, or no data");
    if ((unsigned)full > WEIR_STORE_WAIT)
        return WR_MISUSE("an unknown way to meet a full path");
    if (size > WEIR_STORE_MESSAGE_MAX)
        return WEIR_LIMIT;
    if (!s->ops->broadcast)
        return WEIR_UNSUPPORTED;
    return s->ops->broadcast(s->self, prefix, data, size, full, ctx, account);
}

void wr_account_add(weir_store_account *a, int err)
{
    a->matched++;
    if (err == 0)
        a->sent++;
    else if (err == WEIR_FULL)
        a->full++;
    else if (err == WEIR_CLOSED)
        a->closed++;
    else if (a->failed++ == 0)
        a->err = err;
}
