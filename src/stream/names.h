/* SPDX-License-Identifier: MIT */
/* The names that a file system lists: gathered first, and told outside every
 * lock. */
#ifndef WR_STREAM_NAMES_H
#define WR_STREAM_NAMES_H

#include <stddef.h>

/* Each with its end, one behind the other. All zero: none. */
struct wr_names {
    char *text;
    size_t size, room;
};

/* 0, WEIR_ENOMEM. */
int wr_names_add(struct wr_names *n, const char *name);

/* Calls each, which may be NULL, until it returns not 0: that, or 0. Then
 * frees them. */
int wr_names_tell(struct wr_names *n, int (*each)(const char *, void *),
                  void *arg);

#endif
