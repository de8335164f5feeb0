/* SPDX-License-Identifier: MIT */
/* What publishers and subscriptions share, and the calls of the engine. */
#ifndef WR_ENGINE_FILE_HANDLE_H
#define WR_ENGINE_FILE_HANDLE_H

#include "engine/file/file.h"

/* What the URL says. */
struct place {
    const char *topic;
    enum sync sync;
    int64_t busy;
    weir_limits limits;
};

/* 0; WEIR_EINVAL, WEIR_FORKED, and why. No file is touched. */
int wr_file_read_url(struct place *p, const weir_url *url, weir_why *why);
/* 0; WEIR_EINVAL, and why: it is empty, too long, or has control characters.
 * `what` says what it is the name of. */
int wr_file_check_name(const char *what, const char *name, weir_why *why);

struct handle *wr_file_handle_new(const struct place *p);
/* Opens the database, and there by that kind of request. 0, or a code and
 * why. */
int wr_file_handle_open(struct handle *h, enum kind kind, const weir_url *url,
                        const char *topic, const weir_sub_opts *o,
                        weir_why *why);
/* One that was not opened, or whose end was answered. */
void wr_file_handle_free(struct handle *h);
void wr_file_handle_close(void *handle);
void wr_file_handle_end(void *handle);

int wr_file_pub_open(void **pub, const weir_url *url, weir_why *why);
ptrdiff_t wr_file_pub_publish(void *pub, weir_post *posts, size_t n,
                              weir_ctx *ctx);

int wr_file_sub_open(void **sub, const weir_url *url, const weir_sub_opts *o,
                     weir_why *why);
ptrdiff_t wr_file_sub_recv(void *sub, weir_delivery **d, size_t n, bool now,
                           weir_ctx *ctx);
int wr_file_sub_settle(void *sub, weir_delivery *const *d, size_t n,
                       enum weir_settle how, int64_t delay, int *codes,
                       weir_ctx *ctx);
void wr_file_sub_delivery_free(void *sub, weir_delivery *d, bool give_back);
int wr_file_sub_counts(void *sub, weir_sub_counts *out, weir_ctx *ctx);

#endif
