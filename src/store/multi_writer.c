/* SPDX-License-Identifier: MIT */
/* The writer of several stores: a writer of each, in their order. The turn
 * keeps the messages of one such writer in one order; closing does not wait
 * for it, and so ends a write that waits in one of the stores. */
#include "store/multi.h"

#include "base/mem.h"

struct part {
    weir_store_writer *writer; /* NULL: it could not be opened              */
    int err;
};

struct writer {
    struct wr_multi *of;
    weir_mutex turn;
    struct part parts[];
};

/* ---- coming and going ---------------------------------------------------- */

static void leave(struct writer *w)
{
    for (size_t i = 0; i < w->of->n; i++)
        weir_store_writer_leave(w->parts[i].writer);
    wr_multi_unref(w->of);
    wr_free(w);
}

int wr_multi_writer_open(void *store, const char *path, void **out)
{
    struct wr_multi *m = store;
    struct wr_tally tally = {0};
    struct writer *w = wr_alloc(sizeof(*w) + m->n * sizeof(struct part));
    if (!w)
        return WEIR_ENOMEM;
    w->of = m;
    __atomic_fetch_add(&m->refs, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < m->n && !wr_tally_over(m, &tally); i++) {
        struct part *p = &w->parts[i];
        p->err = weir_store_writer_open(&p->writer, m->stores[i], path);
        wr_tally_add(&tally, p->err);
    }
    int err = wr_tally_result(m, &tally);
    if (err)
        leave(w);
    else
        *out = w;
    return err;
}

int wr_multi_writer_close(void *writer)
{
    struct writer *w = writer;
    struct wr_tally tally = {0};
    for (size_t i = 0; i < w->of->n; i++) {
        const struct part *p = &w->parts[i];
        wr_tally_add(&tally,
                     p->writer ? weir_store_writer_close(p->writer) : p->err);
    }
    return wr_tally_result(w->of, &tally);
}

void wr_multi_writer_free(void *writer)
{
    leave(writer);
}

size_t wr_multi_writer_n(const void *writer)
{
    return ((const struct writer *)writer)->of->n;
}

/* ---- writing ------------------------------------------------------------- */

enum outcome { TAKEN, FAILED, SKIPPED };

static void note(struct wr_multi *m, size_t i, enum outcome outcome, int err)
{
    weir_store_share *s = &m->shares[i];
    weir_mutex_lock(&m->lock, NULL);
    s->taken += outcome == TAKEN;
    s->failed += outcome == FAILED;
    s->skipped += outcome == SKIPPED;
    if (outcome == FAILED)
        s->err = err;
    weir_mutex_unlock(&m->lock);
}

static int write_part(const struct part *p, const void *data, size_t size,
                      weir_ctx *ctx)
{
    return p->writer ? weir_store_write(p->writer, data, size, ctx) : p->err;
}

int wr_multi_write_each(void *writer, const void *data, size_t size,
                        weir_ctx *ctx, int *codes, size_t n)
{
    struct writer *w = writer;
    struct wr_multi *m = w->of;
    struct wr_tally tally = {0};
    int err = weir_mutex_lock(&w->turn, ctx);
    if (err)
        return err;
    for (size_t i = 0; i < m->n; i++) {
        const bool skip = wr_tally_over(m, &tally);
        err = skip ? WEIR_CANCELED : write_part(&w->parts[i], data, size, ctx);
        if (!skip)
            wr_tally_add(&tally, err);
        note(m, i, skip ? SKIPPED : err ? FAILED : TAKEN, err);
        if (i < n)
            codes[i] = err;
    }
    weir_mutex_unlock(&w->turn);
    return wr_tally_result(m, &tally);
}

int wr_multi_write(void *writer, const void *data, size_t size, weir_ctx *ctx)
{
    return wr_multi_write_each(writer, data, size, ctx, NULL, 0);
}
