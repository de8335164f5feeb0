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

/* The directory must exist. 0, a negated errno, WEIR_ENOMEM. */
int wr_msgdir_new(const char *dir, enum weir_store_sync sync, weir_fs **out);

#endif
