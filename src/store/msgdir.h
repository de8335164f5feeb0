/* SPDX-License-Identifier: MIT */
/*
 * The files of the backend "file": a file system for streams (weir/stream.h)
 * whose files can be gone on with after any end of the process, without the
 * loss of a byte that was written.
 *
 *   head         the stream    end record
 *   "weir-m1\n"  ...           a frame (frame.h) of its length and the id,
 *   id: 8                      of the kind END; when the stream was closed
 *
 * A file without the record at its end is incomplete. What of it counts is the
 * affair of those who know the frames; so nothing is ever cut off.
 */
#ifndef WR_STORE_MSGDIR_H
#define WR_STORE_MSGDIR_H

#include <weir/store_log.h>
#include <weir/stream.h>

struct wr_msgdir {
    weir_fs base;
    int dir;
    enum weir_store_sync sync;
};

struct wr_msgfile {
    weir_file base;
    const struct wr_msgdir *fs;
    int fd;
    int64_t end; /* of the stream, as far as this handle has written it     */
    uint64_t id; /* 0: it has no head yet                                   */
};

/* The directory must exist. 0, a negated errno, WEIR_ENOMEM. */
int wr_msgdir_new(const char *dir, enum weir_store_sync sync, weir_fs **out);

/* ---- msgfile.c ----------------------------------------------------------- */

extern const weir_file_ops wr_msgfile_ops;

/* fn(arg), whose result is a code, where it may wait for a disk. */
int wr_msgfile_blocking(int (*fn)(void *), void *arg);

/* In such a place: gives a file its head; finds out who it is, WEIR_CORRUPT if
 * it is no such file; says how it stands. */
int wr_msgfile_begin(struct wr_msgfile *f);
int wr_msgfile_look(struct wr_msgfile *f);
int wr_msgfile_ask(struct wr_msgfile *f, weir_file_info *info);

#endif
