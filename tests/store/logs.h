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

static inline size_t size_of(const char *path)
{
    struct stat st;

    must_eq(stat(path, &st), 0);
    return (size_t)st.st_size;
}

static inline void put_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    must(f != NULL);
    must(fputs(text, f) >= 0);
    must_eq(fclose(f), 0);
}

static inline weir_store *files_of(const struct dir *d,
                                   const weir_store_file_opts *o)
{
    weir_store *s;

    must_eq(weir_store_files(&s, d->path, o), 0);
    return s;
}

/* ---- what a path has ----------------------------------------------------- */

enum { MOST = 64 }; /* messages that are looked at                          */

/* What a path has: as many messages as can be read without waiting. */
struct found {
    char text[MOST][16];
    int n;
    int corrupt; /* how many reads were that                                */
    int end;     /* WEIR_CLOSED: it has ended, WEIR_CANCELED: not yet       */
};

static inline void read_what_there_is(weir_store_reader *r, struct found *f)
{
    weir_ctx done = WEIR_CTX_INIT;
    ptrdiff_t n;
    char buf[1000];

    *f = (struct found){0};
    must_eq(weir_ctx_cancel(&done, 0), 0);
    for (;;) {
        n = weir_store_read(r, buf, sizeof buf, &done);
        if (n == WEIR_CORRUPT && f->corrupt++ < 3)
            continue;
        if (n < 0)
            break;
        must(f->n < MOST);
        snprintf(f->text[f->n++], sizeof f->text[0], "%.*s", (int)n, buf);
    }
    f->end = (int)n;
    must_eq(weir_ctx_fini(&done), 0);
}

static inline int find(weir_store *s, const char *path, struct found *f)
{
    weir_store_reader *r;
    int err = weir_store_reader_open(&r, s, path);

    if (err == 0)
        read_what_there_is(r, f);
    weir_store_reader_free(r);
    return err;
}

static inline void must_find(weir_store *s, const char *path, int n, int end)
{
    struct found f;
    char text[16];
    int i;

    must_eq(find(s, path, &f), 0);
    must_eq(f.corrupt, 0);
    must_eq(f.end, end);
    must_eq(f.n, n);
    for (i = 0; i < n; i++) {
        snprintf(text, sizeof text, "%d", i);
        must(strcmp(f.text[i], text) == 0);
    }
}

/* Writes the numbers from..to - 1. */
static inline void put_numbers(weir_store *s, const char *path, int from,
                               int to)
{
    weir_store_writer *w = writer_of(s, path);
    char text[16];

    for (; from < to; from++) {
        snprintf(text, sizeof text, "%d", from);
        must_eq(say(w, text), 0);
    }
    weir_store_writer_leave(w);
}

/* ---- the backends, for loops over both ----------------------------------- */

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
