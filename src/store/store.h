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

extern const weir_store_ops wr_store_channel_ops, wr_store_journal_ops;
weir_store_open_fn wr_store_channel_open;
weir_store_open_fn wr_store_memory_open, wr_store_file_open;

/* A new handle of the backend's store. NULL: no memory, and new has closed and
 * freed the store; over has not touched it. */
weir_store *wr_store_new(const weir_store_ops *ops, void *self);
weir_store *wr_store_over(const weir_store_ops *ops, void *self);

/* The backend's store, or writer, if it is one of these ops; else NULL. */
void *wr_store_self(const weir_store *s, const weir_store_ops *ops);
void *wr_store_writer_self(const weir_store_writer *w,
                           const weir_store_ops *ops);

/* The names that `each` of the backend's list is given. */
struct wr_store_naming {
    weir_store_names *out;
    size_t room;
};

/* Appends a copy; as `each` has it: 0 or WEIR_ENOMEM. arg: struct
 * wr_store_naming. */
int wr_store_names_add(void *arg, const char *name);
void wr_store_names_sort(weir_store_names *names);

/* Has the path ended? As has_ended of the backends. */
int wr_store_has_ended(weir_store *s, const char *path);

/* One path more that a broadcast matched, where it came to this. */
void wr_account_add(weir_store_account *a, int err);

/* ---- option strings ------------------------------------------------------ */

/* An option that a backend knows: reads a value, and says what is wrong. */
struct wr_option {
    const char *key;
    const char *(*read)(void *opts, const char *value);
    const char *twice, *without; /* said when it is there twice, or has none */
};

#define WR_OPTION(key, read)                                                   \
    {                                                                          \
        key, read, key " stands there twice", key " has no value"              \
    }

/* Reads the options into *opts by the table, which ends with a NULL key and
 * has at most 32: 0, or WEIR_EINVAL and *why. unknown: said of other keys. */
int wr_options_read(void *opts, const struct wr_option *known,
                    const char *unknown, const weir_store_option *options,
                    const char **why);

/* A number of decimal digits and nothing else, 1 .. most. */
bool wr_option_number(const char *value, uint64_t most, uint64_t *out);

/* The most that a limit in bytes may be. */
#define WR_MOST_BYTES (UINT64_C(1) << 62)

/* Reads the options of "channel". */
int wr_store_channel_parse(weir_store_channel_opts *o,
                           const weir_store_option *options, const char **why);

#endif
