/* SPDX-License-Identifier: MIT */
#include "stream/spill.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum { TRIES = 10 };

static int find_fs(struct wr_spill *s)
{
    if (s->fs)
        return 0;
    const char *dir = secure_getenv("TMPDIR");
    int err = weir_dirfs_new(dir && *dir ? dir : "/tmp", &s->own);
    s->fs = s->own;
    return err;
}

static int create(struct wr_spill *s, char *name, size_t size)
{
    int err = -EEXIST;
    for (int i = 0; i < TRIES && err == -EEXIST; i++) {
        uint64_t chance;
        if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
            return -errno;
        snprintf(name, size, "weir-spill-%016llx", (unsigned long long)chance);
        err = s->fs->ops->create(s->fs, name, &s->out);
    }
    return err;
}

int wr_spill_open(struct wr_spill *s)
{
    char name[40];
    if (s->in)
        return 0;
    int err = find_fs(s);
    if (!err)
        err = create(s, name, sizeof name);
    if (err)
        return err;
    err = s->fs->ops->open(s->fs, name, &s->in);
    s->fs->ops->remove(s->fs, name);
    if (err) {
        s->out->ops->close(s->out);
        s->out = s->in = NULL;
    }
    return err;
}

/* A part that went in before counts, if the same comes again. If not, it was
 * trimmed meanwhile. */
int wr_spill_write(struct wr_spill *s, const char *data, size_t n, int64_t off,
                   int64_t *at)
{
    if (s->part_from != off)
        s->part = 0;
    s->part_from = off;
    while (s->part < n) {
        const ptrdiff_t put =
            s->out->ops->write(s->out, data + s->part, n - s->part);
        if (put <= 0)
            return put ? (int)put : -EIO;
        s->part += (size_t)put;
        s->written += put;
    }
    s->part = 0;
    *at = s->written - (int64_t)n;
    return 0;
}

void wr_spill_close(struct wr_spill *s)
{
    if (s->in)
        s->in->ops->close(s->in);
    if (s->out)
        s->out->ops->close(s->out);
    weir_fs_free(s->own);
}
