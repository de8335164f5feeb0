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
/* A publisher, or, by options, a subscription. 0, or a code and why. */
int wr_file_handle_open(void **handle, const weir_url *url,
                        const weir_sub_opts *o, weir_why *why);
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
