/* SPDX-License-Identifier: MIT */
/* Stores that keep everything, in memory and in a directory of their own. */
#ifndef LOGS_H
#define LOGS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/store_log.h>
#include "stores.h"

/* A directory that goes at the end, with what is in it. */
struct dir {
    char path[64];
};

static inline void dir_make(struct dir *d)
{
    snprintf(d->path, sizeof d->path, "/tmp/weir-store-XXXXXX");
    must(mkdtemp(d->path) != NULL);
}

static inline void dir_end(const struct dir *d)
{
    DIR *dir = opendir(d->path);
    struct dirent *e;

    must(dir != NULL);
    while ((e = readdir(dir)) != NULL)
        (void)unlinkat(dirfd(dir), e->d_name, 0);
    closedir(dir);
    must_eq(rmdir(d->path), 0);
}

static inline const char *in_dir(const struct dir *d, const char *name)
{
    static char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s", d->path, name);
    return path;
}

static inline weir_store *files_of(const struct dir *d,
                                   const weir_store_file_opts *o)
{
    weir_store *s;

    must_eq(weir_store_files(&s, d->path, o), 0);
    return s;
}

/* The backends, for loops over both. */
enum { MEMORY, FILES, LOGS };

static inline weir_store *log_of(int kind, struct dir *d)
{
    weir_store *s;

    if (kind == MEMORY) {
        must_eq(weir_store_memory(&s, 0), 0);
        return s;
    }
    dir_make(d);
    return files_of(d, NULL);
}

static inline void log_end(int kind, weir_store *s, const struct dir *d)
{
    weir_store_free(s);
    if (kind == FILES)
        dir_end(d);
}

#endif
