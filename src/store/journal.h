/* SPDX-License-Identifier: MIT */
/*
 * A path of the backends "memory" and "file": its messages in a stream, of
 * which nothing goes before the path does. Each reader follows on its own.
 *
 *   journals   the store: a file system, and the journals in use by path
 *   journal    turn: who writes, or opens, ends or deletes the stream
 *
 * Invariants
 *   the stream is set once, under the turn, and read by who has seen it there;
 *   gone: the path was deleted, this journal is not in the table any more;
 *   frames begin at the stream's start; what the last one lacks, if it is
 *   torn, is written before anything else;
 *   broken: what lies behind some of them is no frame, so nothing is added.
 * The store's lock may be taken with a turn, never the other way round, and
 * nobody waits under it.
 */
#ifndef WR_STORE_JOURNAL_H
#define WR_STORE_JOURNAL_H

#include <weir/mutex.h>
#include <weir/store_log.h>
#include <weir/stream.h>

#include "store/frame.h"
#include "store/table.h"

struct wr_journals {
    weir_mutex lock;
    weir_fs *fs;
    bool files;         /* names are escaped, messages are checked          */
    uint64_t max_bytes; /* of a path's frames                               */
    enum weir_store_sync sync;
    uint32_t refs; /* atomic: the store's, and its journals'                */
    struct wr_table table; /* a reference to each                           */
    bool closed;
};

struct wr_journal {
    struct wr_named named; /* the first                                     */
    struct wr_journals *of;
    weir_mutex turn;
    uint32_t refs; /* atomic */
    weir_stream *stream;
    bool gone, counted;       /* counted: the next two take in all          */
    uint64_t messages, bytes; /* under turn, as all below                   */
    uint64_t written, written_bytes;
    struct wr_torn torn;
    int broken; /* 0, or WEIR_CORRUPT                                       */
    size_t writers, readers;
    char name[];
};

/* ---- journals.c ---------------------------------------------------------- */

void wr_journals_unref(struct wr_journals *c);

/* ---- journal.c ----------------------------------------------------------- */

struct wr_journal *wr_journal_new(struct wr_journals *of, const char *name);
struct wr_journal *wr_journal_ref(struct wr_journal *j);
void wr_journal_unref(struct wr_journal *j);

/* With the turn: makes or opens its stream, if there is none yet. */
int wr_journal_open(struct wr_journal *j);
/* With the turn, and a stream. */
bool wr_journal_has_ended(const struct wr_journal *j);
int wr_journal_append(struct wr_journal *j, const void *data, size_t size);
/* Ends the path: its file says so. A torn frame at its end stays one. */
int wr_journal_end(struct wr_journal *j);
/* Nothing more comes from this store; the file does not end. */
void wr_journal_leave(struct wr_journal *j);
/* With the turn: fills *out. */
int wr_journal_stats(struct wr_journal *j, weir_store_stats *out);

/* ---- journal_io.c: its writers and readers ------------------------------- */

/* Takes over the reference to j, unless it fails. With the turn. */
int wr_journal_writer(struct wr_journal *j, void **out);
int wr_journal_reader(struct wr_journal *j, void **out);

int wr_journal_write(void *writer, const void *data, size_t size,
                     weir_ctx *ctx);
int wr_journal_writer_close(void *writer);
void wr_journal_writer_free(void *writer);
ptrdiff_t wr_journal_read(void *reader, void *buf, size_t size, weir_ctx *ctx);
ptrdiff_t wr_journal_rest(const void *reader);
int wr_journal_reader_close(void *reader);
void wr_journal_reader_free(void *reader);

/* ---- file_name.c --------------------------------------------------------- */

enum { WR_FILE_NAME_MAX = 255 };

/* What is wrong with a path for a file, a static sentence; NULL: nothing. */
const char *wr_file_path_error(const char *path);
/* The name of its file, in WR_FILE_NAME_MAX + 1 bytes. It has no error. */
void wr_file_name(char *out, const char *path);
/* The path, in as many; false: not the name of a path's file. */
bool wr_file_path(char *out, const char *name);

#endif
