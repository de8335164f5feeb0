/* SPDX-License-Identifier: MIT */
/* Several stores as one: what its store and its writers share. */
#ifndef WR_STORE_MULTI_H
#define WR_STORE_MULTI_H

#include <weir/mutex.h>
#include <weir/store_multi.h>

struct wr_multi {
    size_t n, needed;
    bool all;            /* no further after a failure                     */
    weir_store **stores; /* its own                                        */
    weir_mutex lock;     /* of shares                                      */
    weir_store_share *shares;
    uint32_t refs; /* atomic: the store's, and its writers' (for the lock)  */
};

void wr_multi_unref(struct wr_multi *m);

/* What has come of a call to store after store. */
struct wr_tally {
    size_t good;
    int err; /* the first failure                                           */
};

void wr_tally_add(struct wr_tally *t, int err);
/* Is there no sense in going on? */
bool wr_tally_over(const struct wr_multi *m, const struct wr_tally *t);
int wr_tally_result(const struct wr_multi *m, const struct wr_tally *t);

/* ---- multi_writer.c ------------------------------------------------------ */

int wr_multi_writer_open(void *store, const char *path, void **out);
int wr_multi_write(void *writer, const void *data, size_t size, weir_ctx *ctx);
int wr_multi_write_each(void *writer, const void *data, size_t size,
                        weir_ctx *ctx, int *codes, size_t n);
size_t wr_multi_writer_n(const void *writer);
int wr_multi_writer_close(void *writer);
void wr_multi_writer_free(void *writer);

#endif
