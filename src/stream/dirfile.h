/* SPDX-License-Identifier: MIT */
/* A file of a directory: its bytes as they are (dirfile.c), or with marks
 * between them (marked.c). */
#ifndef WR_STREAM_DIRFILE_H
#define WR_STREAM_DIRFILE_H

#include <weir/mutex.h>
#include <weir/stream.h>

struct dirfs {
    weir_fs base;
    weir_dirfs_opts opts;
    int dir;
};

struct dir_file {
    weir_file base;
    weir_file_ops ops; /* its own: without trim where no holes can be made */
    const struct dirfs *fs;
    int fd;
    bool writes;
    int64_t end; /* of a writer: where the next byte goes */

    weir_mutex trimming;
    int64_t trimmed; /* under trimming: by this handle, up to here */

    /* Marked ones. */
    uint64_t id;
    uint64_t crc;  /* of a writer: of all bytes before end   */
    int64_t start; /* the first one that was kept when it was opened */
};

static inline struct dir_file *wr_dir_file(weir_file *f)
{
    return (struct dir_file *)f;
}

/* The call fn(arg), whose result is a code, where it may block. */
int wr_dir_blocking(int (*fn)(void *), void *arg);

/* All n bytes at off of a file, or fewer at its end; or a negated errno. */
ptrdiff_t wr_dir_pread(int fd, void *buf, size_t n, int64_t off);
/* All n bytes. 0, or a negated errno. */
int wr_dir_pwrite(int fd, const void *buf, size_t n, int64_t off);

/* Gives the bytes of f's file in [from, to) back to the disk. A reader's
 * handle is for reading only, so it opens the file once more. */
int wr_dir_punch(const struct dir_file *f, int64_t from, int64_t to);

int wr_dir_close(weir_file *f);
int wr_dir_sync(weir_file *f);

extern const weir_file_ops wr_plain_ops, wr_marked_ops;

/* ---- marked files; where they may block ---------------------------------- */

/* A new file gets its head and first mark. */
int wr_marked_begin(struct dir_file *f);
/* An existing one: who it is, and what is kept of it. 0; WEIR_CORRUPT;
 * WEIR_INCOMPLETE: it has not even a head. */
int wr_marked_look(struct dir_file *f);
/* Finds its last good byte and cuts off the rest. */
int wr_marked_resume(struct dir_file *f, weir_ctx *ctx);

#endif
