/* SPDX-License-Identifier: MIT */
/*
 * The inside of a stream: offsets, and who waits for which. The bytes are the
 * file's.
 *
 *   0 ... start ........ written        start: the first byte that is kept
 *           ^off    ^off                each open reader has an offset
 *
 * - All fields are under `lock`, except where it says otherwise. `writing` is
 *   held for a write, the closing of its file and the removal, one at a time,
 *   and is taken before `lock`. No operation of a file or file system is
 *   called under `lock`.
 * - start <= written, and neither ever falls. `ending` is set first: it ends
 *   the writers. `ended` follows when no write is in the file any more, so
 *   what readers see as the end is the end.
 * - slow is the least offset of an open reader, and at_slow > 0 readers are
 *   there; without readers at_slow is 0. Only kept with opts.trim, where slow
 *   rising raises start.
 * - A reader's file is open while `busy` > 0 or the reader is not closed. Who
 *   makes both false closes it, and then takes the reader off `open`.
 */
#ifndef WR_STREAM_STREAM_H
#define WR_STREAM_STREAM_H

#include <weir/cond.h>
#include <weir/stream.h>

#define WR_SEGMENT_MAX ((size_t)1 << 30)

/* One who waits for an offset: a call, or a reader's readiness, which is told
 * to no call. */
struct wr_reach {
    struct wr_reach *next, *prev;       /* by need       */
    struct wr_reach *next_of, *prev_of; /* of one reader */
    weir_reader *reader;
    int64_t need;
    weir_cond cond;
    bool listed, silent;
};

struct wr_ready;

struct weir_stream {
    weir_mutex lock, writing;
    weir_fs *fs, *own_fs; /* own_fs goes with the stream, or is NULL */
    weir_stream_opts opts;
    char *name;
    uint64_t id;  /* of its file; 0: not known */
    bool unnamed; /* the name is its file's alone */
    int64_t refs;

    weir_file *out; /* under writing; NULL: closed */
    bool removed;   /* under writing               */
    bool ending, ended;
    int end_code;  /* what readers get at the end    */
    int cancelled; /* what everybody gets, or 0      */
    int refused;   /* what new readers get, or 0     */

    int64_t written, start, dropped;
    weir_cond room; /* the one write that waits: start rose, or the end */
    bool blocked;

    weir_reader *readers; /* that are open and not closed */
    size_t open;
    int64_t slow;
    size_t at_slow;
    weir_cond quiet; /* broadcast when a shutdown may have reason to look */

    struct wr_reach *first, *last; /* by what they wait for, ascending */
    size_t waiting;
    uint64_t woken;
};

struct weir_reader {
    weir_stream *stream;
    weir_file *file;
    weir_reader *next, *prev;
    weir_mutex turn; /* of its reads and borrows; taken before the lock */
    int64_t off, lost, lost_last;
    size_t busy;
    bool closed;
    struct wr_reach *waits;
    struct wr_ready *ready; /* NULL: nobody asked for it */
};

/* ---- making (stream.c) --------------------------------------------------- */

/* What no making takes, or NULL; *out is NULL after it. */
const char *wr_stream_args(const weir_fs *fs, const char *name,
                           const weir_stream_opts *o, weir_stream **out);
/* How a stream comes to its file: 0, or a code, and nothing is left. */
typedef int wr_stream_way(weir_stream *s, weir_ctx *ctx);
/* Makes one that way; the arguments have been looked at. o may be NULL. */
int wr_stream_make(weir_fs *fs, const char *name, const weir_stream_opts *o,
                   wr_stream_way *way, weir_ctx *ctx, weir_stream **out);
/* Can its file do what the options need? 0, or WEIR_UNSUPPORTED. */
int wr_stream_suits(const weir_stream *s);

/* The file that has its name, for reading; -ESTALE: that is another one. */
int wr_stream_open_file(const weir_stream *s, weir_file **out);

/* New readers get code from now on, if they do not get another already. */
void wr_stream_refuse(weir_stream *s, int code);

/* ---- waiting for an offset (reach.c); under the lock --------------------- */

/* Waits until `need` bytes are written, the stream ends or is cancelled, or r
 * is moved or closed: the caller looks again on 0. Or ctx's error. */
int wr_reach_wait(weir_reader *r, int64_t need, weir_ctx *ctx);
/* Wakes those who waited for what is written now. */
void wr_reach_written(weir_stream *s);
void wr_reach_wake_all(weir_stream *s);
/* The calls of r. */
void wr_reach_wake_reader(weir_reader *r);
void wr_reach_list(struct wr_reach *w);
void wr_reach_unlist(struct wr_reach *w);

/* ---- readiness (ready.c); under the lock --------------------------------- */

/* r may have become ready, or be so no more. */
void wr_ready_update(weir_reader *r);
/* The stream has ended: all readers are ready for good. */
void wr_ready_all(weir_stream *s);
/* Of a reader that is closed. */
void wr_ready_free(weir_reader *r);

/* ---- what is kept (keep.c); under the lock ------------------------------- */

void wr_keep_join(weir_reader *r);
void wr_keep_leave(weir_reader *r);
void wr_keep_move(weir_reader *r, int64_t off);

/* Raises start to where the slowest reader is. The new start when it has
 * risen, for the file's trim after the lock; else 0. */
int64_t wr_keep_raise(weir_stream *s);

/* Finds room for up to want bytes, waiting if that is the policy, and raises
 * start for it: how many (> 0), or the reason for none. */
int64_t wr_keep_room(weir_stream *s, size_t want, weir_ctx *ctx);

/* ---- the two sides ------------------------------------------------------- */

/* Outside the lock. */
static inline void wr_file_trim(weir_file *f, int64_t upto)
{
    if (upto > 0)
        f->ops->trim(f, upto);
}

/* What ends every call of r, or 0. Under the lock. */
int wr_reader_ended(const weir_reader *r);

/* One more user of r's file. Under the lock, r not closed or busy. */
static inline void wr_reader_enter(weir_reader *r)
{
    r->busy++;
}

/* One less, and gives up the lock. What closing the file returned, or 0. */
int wr_reader_leave(weir_reader *r);

#endif
