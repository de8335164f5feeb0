/* SPDX-License-Identifier: MIT */
/* What the files of the stores share: the handles, the registry's entry for
 * the backend that is built in, and its options. */
#ifndef WR_STORE_STORE_H
#define WR_STORE_STORE_H

#include <weir/store.h>

/* Is it 1 to WEIR_STORE_PATH_MAX bytes without control characters? A prefix
 * may be empty. */
bool wr_store_path_ok(const char *path);
bool wr_store_prefix_ok(const char *prefix);

extern const weir_store_ops wr_store_channel_ops;
weir_store_open_fn wr_store_channel_open;

/* A new handle of the backend's store; NULL: no memory. */
weir_store *wr_store_new(const weir_store_ops *ops, void *self);

/* The names that `each` of the backend's list is given. */
struct wr_names {
    weir_store_names *out;
    size_t room;
};

/* Appends a copy; as `each` has it: 0 or WEIR_ENOMEM. arg: struct wr_names. */
int wr_names_add(void *arg, const char *name);
void wr_names_sort(weir_store_names *names);

/* Reads the options of "channel". 0, or WEIR_EINVAL and *why. */
int wr_store_channel_parse(weir_store_channel_opts *o,
                           const weir_store_option *options, const char **why);

#endif
