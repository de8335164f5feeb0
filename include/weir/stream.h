/* SPDX-License-Identifier: MIT */
/*
 * Streams: one writer, many readers, each at its own pace. What is written
 * goes to a file of a file system that the caller chooses; readers may come
 * while it is written or after it was closed, start at its first byte, and
 * wait at its end until there is more or it is closed. After Dustin J.
 * Hiebert's Go package stream; here with errors that reach the readers,
 * contexts on every wait, bounds, reading without a copy, and files that say
 * whether they are complete.
 *
 * Any task or thread may make any call at any time, except for those that end
 * a handle (weir_stream_unref, weir_reader_free, weir_fs_free). Offsets, sizes
 * and counts are bytes. A NULL handle is WEIR_EINVAL, except where it says
 * what else; ctx may be NULL. In a fork, a call that would have to wait is
 * WEIR_FORKED.
 */
#ifndef WEIR_STREAM_H
#define WEIR_STREAM_H

#include <stdio.h> /* SEEK_SET, SEEK_CUR, SEEK_END */
#include <weir/ctx.h>
#include <weir/policy.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- file systems -------------------------------------------------------- */

typedef struct weir_fs weir_fs;
typedef struct weir_file weir_file;

/* A range of a stream, lent without a copy. Caller-owned. */
typedef struct weir_loan {
    const void *data;
    size_t size;
    void *owner_;
} weir_loan;

/* What storage says of a file. */
typedef struct weir_file_info {
    bool complete;   /* it was finished, and nothing says otherwise        */
    int64_t length;  /* bytes that are good, from 0 on, trimmed ones too;
                        -1: nobody knows, nor whether it is complete       */
    int64_t start;   /* the first one that is kept                         */
    int64_t changed; /* when it was written last: ns since 1970            */
    uint64_t id;     /* tells it from others of its name; 0: not known     */
} weir_file_info;

/*
 * What a file does. Streams call these outside every lock: write by one party
 * at a time, and then, once, finish; the others by any number beside it and
 * each other.
 * Failures are negative codes or negated errnos, and reach the caller of the
 * stream as they are.
 */
typedef struct weir_file_ops {
    /* Appends at most n (> 0) bytes: how many (> 0). Of a failed write
     * nothing is kept, and the next one goes to the same place. */
    ptrdiff_t (*write)(weir_file *f, const void *buf, size_t n);
    /* Reads at most n (> 0) bytes at off; asked only for what a write has
     * returned before. How many (> 0); WEIR_LAGGED: they were trimmed. 0, a
     * file that is shorter than it was, ends the read with -EIO. */
    ptrdiff_t (*read_at)(weir_file *f, void *buf, size_t n, int64_t off);
    /* Ends the handle, which is gone whatever is returned. */
    int (*close)(weir_file *f);
    /* What lies before upto may go: reads of it get WEIR_LAGGED or anything.
     * Not always in order. NULL: it cannot. */
    void (*trim)(weir_file *f, int64_t upto);
    /* Lends at most max bytes at off, as read_at gives them, until give_back,
     * which comes before close. Both NULL: it cannot. */
    int (*borrow)(weir_file *f, int64_t off, size_t max, weir_loan *loan);
    void (*give_back)(weir_file *f, weir_loan *loan);

    /* What follows is for files that outlive their stream; NULL: they do not,
     * or nobody can tell whether they are complete. */

    /* What was written is safe when the machine stops. 0, or why not. */
    int (*sync)(weir_file *f);
    /* All was written: syncs, then marks it as complete. 0, or why not: then
     * it is not complete. */
    int (*finish)(weir_file *f);
    /* How it stands, without reading it all. 0; WEIR_CORRUPT: it is no such
     * file. */
    int (*info)(weir_file *f, weir_file_info *out);
    /* Reads it all, at most until ctx ends: 0, or WEIR_CORRUPT. */
    int (*verify)(weir_file *f, weir_ctx *ctx);
} weir_file_ops;

/* The start of each file: an implementation embeds it as the first field. */
struct weir_file {
    const weir_file_ops *ops;
};

/* What a file system does. Any number of parties at a time. */
typedef struct weir_fs_ops {
    /* A new file for writing; -EEXIST when the name is in use. */
    int (*create)(weir_fs *fs, const char *name, weir_file **out);
    /* An existing one for reading, once more; -ENOENT when there is none. */
    int (*open)(weir_fs *fs, const char *name, weir_file **out);
    /* Takes the name away; -ENOENT. Open handles go on. */
    int (*remove)(weir_fs *fs, const char *name);
    void (*free)(weir_fs *fs);
    /* An incomplete one for writing after its last good byte (info says
     * where), which it looks for at most until ctx ends. -ENOENT; WEIR_BUSY:
     * it is being written; WEIR_CLOSED: it is complete; WEIR_CORRUPT. NULL: it
     * cannot. */
    int (*reopen)(weir_fs *fs, const char *name, weir_ctx *ctx,
                  weir_file **out);
    /* Calls each, outside every lock, with the names there are, in no order,
     * until it returns not 0: that, or 0. NULL: it cannot. */
    int (*list)(weir_fs *fs, int (*each)(const char *name, void *arg),
                void *arg);
} weir_fs_ops;

struct weir_fs {
    const weir_fs_ops *ops;
};

/*
 * Files in memory, in segments of so many bytes (0: 64 KiB; at most 1 GiB):
 * growing copies nothing, trimming frees the segments that lie wholly before,
 * and ranges can be lent. A name is any text but "". Files are complete when
 * their stream was closed; the file system's end is theirs. NULL: out of
 * memory, or too large a segment.
 */
WEIR_API weir_fs *weir_memfs_new(size_t segment);

/*
 * Files in the directory, which must exist. A name is one component of a path
 * (no '/', neither "." nor ".."), without control characters, at most 255
 * bytes; others are WEIR_EINVAL. Symbolic links are not followed (-ELOOP), and
 * what is no regular file is not opened for reading (WEIR_UNSUPPORTED). A
 * task's disk accesses block a thread of the pool, not a worker; what the
 * page cache has is read in place. A file holds the bytes of its stream and
 * nothing else, so none says whether it is complete. They can be trimmed where
 * the kernel's file system can make holes, and not be lent. 0 and *out, a
 * negated errno, WEIR_ENOMEM, WEIR_EINVAL.
 */
WEIR_API int weir_dirfs_new(const char *dir, weir_fs **out);

/* Options of a directory. */
typedef struct weir_dirfs_opts {
    /* Files carry marks: one at the start that tells the file, one after each
     * 64 KiB and one at the end, with length and checksum (CRC-64/XZ), of
     * which the last is written by weir_stream_close after all else. So they
     * can be opened again, verified and resumed; 32 bytes each. While it is
     * written a file is locked (flock): two processes never write to one. */
    bool marked;
    /* Marks are not made safe against a stop of the machine, only against the
     * end of the process. Closing does not wait for the disk then. */
    bool unsynced;
} weir_dirfs_opts;

/* The same with options, which may be NULL. Names of files that are not
 * marked are files all the same: WEIR_CORRUPT. */
WEIR_API int weir_dirfs_new_with(const char *dir, const weir_dirfs_opts *o,
                                 weir_fs **out);

/* Frees a file system whose streams and files are gone. NULL is allowed. */
WEIR_API void weir_fs_free(weir_fs *fs);

/* ---- the stream and its writer ------------------------------------------- */

typedef struct weir_stream weir_stream;

/* Options of a stream. Zero means the default: keep everything. */
typedef struct weir_stream_opts {
    /* What all open readers have passed goes. With none, what they left is
     * kept for the next one. */
    bool trim;
    /* At most so many bytes are kept (0: no limit); the memory in use may be
     * more by two segments, and what is lent, a directory's disk by 192 KiB. */
    int64_t max_bytes;
    /* With max_bytes: a write that finds no room waits for the slowest reader
     * (WEIR_BLOCK; needs trim), makes room by dropping the oldest bytes
     * (WEIR_DROP_OLDEST), or returns WEIR_FULL (WEIR_ERROR). */
    enum weir_policy policy;

    /* Of weir_stream_new_mem alone. */
    size_t segment; /* as for weir_memfs_new */
    /* At most so many bytes stay in memory, in whole segments and at least
     * one, beside the segment being written and what is lent; older ones move
     * to a file, which the writer writes, and readers read on from there
     * without a difference. 0: all stays. The file is one of spill_to, or an
     * unnamed one in $TMPDIR, else /tmp. What is trimmed there goes where its
     * file system can. */
    size_t spill_above;
    weir_fs *spill_to;
} weir_stream_opts;

/*
 * A new stream, with one reference and open for writing, on a new file of fs.
 * fs must stay until the stream is gone; o may be NULL. 0 and *out; -EEXIST:
 * the name is in use; WEIR_UNSUPPORTED: the options need trimming, and a file
 * of fs cannot; WEIR_ENOMEM, WEIR_EINVAL (also for options that say nothing
 * sensible), or what fs returns.
 */
WEIR_API int weir_stream_new(weir_fs *fs, const char *name,
                             const weir_stream_opts *o, weir_stream **out);

/* The same in memory of its own, with a name that only names it (NULL: ""). A
 * write that cannot spill returns why and keeps everything in order. */
WEIR_API int weir_stream_new_mem(const char *name, const weir_stream_opts *o,
                                 weir_stream **out);

/*
 * A complete stream that is there already, closed, for readers. 0 and *out;
 * -ENOENT; WEIR_INCOMPLETE: it was cut off, its end is damaged, or it is being
 * written; WEIR_CORRUPT: another kind of file, or a damaged beginning (what
 * lies between them is looked at by weir_stream_verify); WEIR_UNSUPPORTED:
 * files of fs do not say whether they are complete; WEIR_ENOMEM, WEIR_EINVAL,
 * or what fs returns.
 */
WEIR_API int weir_stream_open(weir_fs *fs, const char *name, weir_stream **out);

/*
 * An incomplete one, open for writing after its last good byte: what was
 * written before the process died (less by up to 64 KiB when that was amid a
 * write), or as much of it as the disk has kept. All of it is read to find
 * that, at most until ctx ends; weir_stream_get_counts says where it is, and
 * readers find what is kept of it. As weir_stream_new,
 * and -ENOENT; WEIR_BUSY: it is being written; WEIR_CLOSED: it is complete;
 * WEIR_CORRUPT: another kind of file; WEIR_UNSUPPORTED, WEIR_CANCELED,
 * WEIR_TIMEDOUT.
 */
WEIR_API int weir_stream_resume(weir_fs *fs, const char *name,
                                const weir_stream_opts *o, weir_ctx *ctx,
                                weir_stream **out);

/* Reads all that is kept of a stream, at most until ctx ends: 0, it is complete
 * and as it was written; WEIR_INCOMPLETE, WEIR_CORRUPT, -ENOENT,
 * WEIR_UNSUPPORTED, WEIR_CANCELED, WEIR_TIMEDOUT, WEIR_ENOMEM, WEIR_EINVAL, or
 * what fs returns. */
WEIR_API int weir_stream_verify(weir_fs *fs, const char *name, weir_ctx *ctx);

/* One more reference; returns s. */
WEIR_API weir_stream *weir_stream_ref(weir_stream *s);

/* One reference less. Each reader has one of its own. The last one ends an
 * open writer, whose file stays incomplete, and frees the stream, not its file.
 * NULL is allowed. */
WEIR_API void weir_stream_unref(weir_stream *s);

/* The name it was made with; valid as long as the stream. "" for NULL. */
WEIR_API const char *weir_stream_name(const weir_stream *s);

/*
 * Appends n bytes, which readers see in order and never mixed with those of
 * another write. Waits, at most until ctx ends, for other writes and under
 * WEIR_BLOCK for room; the file's own time is not bounded by ctx. No reader
 * holds it up otherwise. How many were written: below n when something ended
 * the write early; when that number is 0 and n is not, the reason: WEIR_CLOSED
 * (also when it waits while another closes), WEIR_FULL, WEIR_CANCELED,
 * WEIR_TIMEDOUT, WEIR_LIMIT (at 2^63 - 1 bytes), the code that cancelled the
 * stream, or what the file returned, after which the stream is still open.
 */
WEIR_API ptrdiff_t weir_stream_write(weir_stream *s, const void *buf, size_t n,
                                     weir_ctx *ctx);

/* What was written until now is safe when the machine stops. 0;
 * WEIR_UNSUPPORTED; WEIR_CLOSED; WEIR_EINVAL, or why not. */
WEIR_API int weir_stream_sync(weir_stream *s);

/*
 * No write succeeds from now on; one that waits returns, one that is in the
 * file is waited for. Readers get what was written and then the end; after
 * that the file is marked as complete, if it has marks. 0, also when it was
 * closed before; or what marking or closing the file returned.
 */
WEIR_API int weir_stream_close(weir_stream *s);

/* The same, but after the data readers get code, which is negative, in place
 * of the end, and the file stays incomplete. The first close counts. Also
 * WEIR_EINVAL (code >= 0). */
WEIR_API int weir_stream_close_with(weir_stream *s, int code);

/*
 * Ends everything at once: calls that wait and later ones, of the writer and
 * of all readers, return code (0: WEIR_CANCELED), also when there are data
 * left; readers count as closed. What was lent stays valid until it is given
 * back. The first cancel counts. Comes back when no
 * write is in the file any more. 0, WEIR_EINVAL (code > 0).
 */
WEIR_API int weir_stream_cancel(weir_stream *s, int code);

/*
 * New readers get code (negative; the first one counts) from now on. Waits
 * until the writer and all readers have been closed, at most until ctx ends;
 * both may go on until then. 0, WEIR_CANCELED, WEIR_TIMEDOUT, WEIR_EINVAL.
 */
WEIR_API int weir_stream_shutdown(weir_stream *s, int code, weir_ctx *ctx);

/* weir_stream_shutdown with WEIR_REMOVING, then takes the file's name away.
 * Removing again returns 0. -ESTALE: another file has taken the name, which
 * stays. Also what the file system's remove returned; a
 * remove that failed, or whose ctx ended, may be tried again. */
WEIR_API int weir_stream_remove(weir_stream *s, weir_ctx *ctx);

/* How a stream stands at one instant. */
typedef struct weir_stream_counts {
    int64_t written; /* bytes in all: the offset of the end             */
    int64_t start;   /* the first byte that is kept                     */
    int64_t dropped; /* bytes that made room under WEIR_DROP_OLDEST     */
    uint64_t woken;  /* waits of readers that ended because data came   */
    size_t readers;  /* that are open                                   */
    size_t waiting;  /* readers' calls that wait                        */
    bool blocked;    /* a write waits for room                          */
    bool closed;     /* no more can be written                          */
    int code;        /* of close_with or cancel; else 0                 */
} weir_stream_counts;

/* 0, WEIR_EINVAL. */
WEIR_API int weir_stream_get_counts(weir_stream *s, weir_stream_counts *out);

/* ---- readers ------------------------------------------------------------- */

typedef struct weir_reader weir_reader;

/* A new reader at the first byte that is kept: 0 and *out; WEIR_REMOVING or
 * the code of a shutdown; the code of a cancel; -ESTALE: another file has taken
 * the name;
 * WEIR_ENOMEM, WEIR_EINVAL, or what the file system's open returned. */
WEIR_API int weir_stream_next_reader(weir_stream *s, weir_reader **out);

/*
 * Reads what there is at the reader's offset, at most n bytes, and moves it on
 * by as many; waits for the first one at most until ctx ends. How many; 0 at
 * the end of a closed stream, or at once for n = 0. WEIR_LAGGED: bytes were
 * dropped before they were read (weir_reader_lost says how many), or a seek
 * went before what is kept; the next read goes on with what is kept.
 * WEIR_CLOSED (the reader, also meanwhile), WEIR_CANCELED, WEIR_TIMEDOUT; the
 * code of close_with in place of the end; the code of a cancel; WEIR_EINVAL;
 * -EIO or what the file returned. Two reads of one reader take turns.
 */
WEIR_API ptrdiff_t weir_reader_read(weir_reader *r, void *buf, size_t n,
                                    weir_ctx *ctx);

/*
 * Reads [off, off + n) without regard to the reader's offset, as soon as
 * at_least (0..n) of its bytes are written or the stream has ended: n is the
 * full range, 1 some of it, 0 what there is now. As many of the n as there
 * are; below at_least only at the end. As weir_reader_read, but close_with's
 * code comes only when there are none; WEIR_EMPTY (at_least is 0, and there
 * are none yet), WEIR_LIMIT (at_least is more than max_bytes), WEIR_LAGGED (off
 * is no longer kept), WEIR_EINVAL (off < 0, at_least > n). A range that the
 * writer gets room for only when this reader has moved on comes only then.
 */
WEIR_API ptrdiff_t weir_reader_read_at(weir_reader *r, void *buf, size_t n,
                                       int64_t off, size_t at_least,
                                       weir_ctx *ctx);

/*
 * As weir_reader_read, but lends the bytes where they are: 1 and *loan with
 * 1..max of them (max 0: as many as lie together), 0 at the end. WEIR_EINVAL
 * also for no loan; WEIR_UNSUPPORTED: the file cannot lend. Each loan is given
 * back once; until then it keeps its memory, and the reader's closing is not
 * complete.
 */
WEIR_API int weir_reader_borrow(weir_reader *r, weir_loan *loan, size_t max,
                                weir_ctx *ctx);

/* Gives a loan of r back; *loan is empty then. 0; WEIR_EINVAL (no reader, or
 * an empty loan). */
WEIR_API int weir_reader_give_back(weir_reader *r, weir_loan *loan);

/* A whence beside SEEK_SET, SEEK_CUR and SEEK_END: from what is written now. */
enum { WEIR_SEEK_WRITTEN = 100 };

/*
 * Moves the reader to off bytes from whence, which need not be written yet; a
 * read of it that waits goes on there. SEEK_END waits for the stream to end,
 * at most until ctx ends, while other calls go on. The new offset; WEIR_EINVAL
 * (it would be negative or beyond 2^63 - 2, an unknown whence), WEIR_CLOSED,
 * WEIR_CANCELED, WEIR_TIMEDOUT, the code of a cancel.
 */
WEIR_API int64_t weir_reader_seek(weir_reader *r, int64_t off, int whence,
                                  weir_ctx *ctx);

/* How many bytes the stream has now, whoever has read them; *final (may be
 * NULL): there will be no more. WEIR_EINVAL; the code of a cancel. */
WEIR_API int64_t weir_reader_size(weir_reader *r, bool *final);

/* The bytes that the last WEIR_LAGGED of a read stood for; *total (may be
 * NULL): of all of them. WEIR_EINVAL. */
WEIR_API int64_t weir_reader_lost(weir_reader *r, int64_t *total);

/*
 * For weir_select: a channel from which a receive succeeds, or finds it closed,
 * when a read would not wait; read the reader then, whatever the status, until
 * a read has returned. What arrives after that, and what that read has left,
 * makes it ready anew; once the stream has ended it is ready for good.
 *
 *     weir_case cs[] = {WEIR_RECV(ready, NULL), WEIR_DONE(&ctx)};
 *
 * Made by the first call; the reader's, until its end. 0 and *out; WEIR_ENOMEM,
 * WEIR_EINVAL.
 */
WEIR_API int weir_reader_ready(weir_reader *r, weir_chan **out);

/* For a loop with poll: a descriptor that polls readable exactly while a read
 * would not wait. Never read from it. Made by the first call; the reader's,
 * until its end. The descriptor (>= 0); -EMFILE and the like, WEIR_EINVAL. */
WEIR_API int weir_reader_fd(weir_reader *r);

/* The stream's name. "" for NULL. */
WEIR_API const char *weir_reader_name(const weir_reader *r);

/*
 * Closes the reader: its calls that wait, and later ones, return WEIR_CLOSED.
 * The stream counts it until its last call has left and its last loan is back.
 * 0, also when it was closed before; what closing the file returned, if this
 * call did it; WEIR_EINVAL.
 */
WEIR_API int weir_reader_close(weir_reader *r);

/* Closes it if need be and frees it. No call of it is under way, and what it
 * borrowed is back. NULL is allowed. */
WEIR_API void weir_reader_free(weir_reader *r);

#ifdef __cplusplus
}
#endif
#endif
