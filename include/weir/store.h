/* SPDX-License-Identifier: MIT */
/*
 * Stores: messages of bytes under names. A writer of a path and its readers
 * need not know each other; what a path is made of is the backend's affair,
 * which a registry finds by name. After omnistorage and its channel backend.
 *
 *   backend "channel"   in memory; each path a channel, or a log that is kept
 *   "memory", "file"    logs that are kept whole (weir/store_log.h)
 *
 * Several stores may be one (weir/store_multi.h).
 *
 * One write is one message. A read never crosses messages; what a buffer has
 * no room for is left for the next read; an empty message arrives as a read
 * of 0 bytes. The end of a path is WEIR_CLOSED, each time one asks.
 *
 * Any task or thread. A path has 1 to WEIR_STORE_PATH_MAX bytes, none of them
 * a control character (below 32, or 127), else it is WEIR_EINVAL; so is a NULL
 * where nothing says that it is allowed. Every call may return WEIR_FORKED, and
 * those on a store that is not of channels the codes that its backend tells of.
 */
#ifndef WEIR_STORE_H
#define WEIR_STORE_H

#include <weir/base.h>
#include <weir/ctx.h>
#include <weir/policy.h>
#include <weir/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_STORE_PATH_MAX    1024
#define WEIR_STORE_MESSAGE_MAX ((size_t)1 << 30)

typedef struct weir_store weir_store;
typedef struct weir_store_writer weir_store_writer;
typedef struct weir_store_reader weir_store_reader;

/* ---- a store ------------------------------------------------------------- */

/* An option of a backend; an array of them ends with a NULL key. */
typedef struct weir_store_option {
    const char *key, *value;
} weir_store_option;

/*
 * Opens a store of that backend: 0 and *s, which weir_store_free ends.
 * options may be NULL; they are read during the call. WEIR_EINVAL: an option
 * that is unknown, stands there twice or has a bad value; -ENOENT: no such
 * backend; WEIR_ENOMEM; or the backend's code. why (may be NULL) then gets a
 * sentence that names what is wrong, a static one; after success it is NULL.
 *
 * Options of "channel", as in weir_store_channel_opts:
 *   buffer_size    1 .. 2147483648; 100
 *   persistent     true, 1, false, 0; false
 *   readers        compete, all; compete
 *   policy         a name of weir/policy.h; block
 *   keep_messages  1 .. 2147483648; 65536
 *   keep_bytes     1 .. 2^62; 67108864
 *   buffer_bytes   1 .. 2^62; no limit
 * and of the others in weir/store_log.h.
 */
WEIR_API int weir_store_open(weir_store **s, const char *backend,
                             const weir_store_option *options,
                             const char **why);

/* How a store of channels is made. Zero means the default. */
typedef struct weir_store_channel_opts {
    size_t buffer_size; /* messages queued for a reader; 0: 100, and 1 with
                           WEIR_LATEST                                       */

    size_t buffer_bytes; /* and at most so many bytes in them; 0: no limit.
                            A larger message is WEIR_LIMIT. With a limit each
                            write and read takes the queue's lock            */

    enum weir_policy policy; /* when that is full; WEIR_BLOCK               */

    /* Readers of a path compete: each message goes to one of them. With it
     * each message goes to all that are open, which the policy then treats
     * apart: with WEIR_DROP the one who lags loses it, the others do not. What
     * is written while nobody reads waits for the first reader. */
    bool all_readers;

    /* A path keeps its messages: a reader, whenever it comes, also after the
     * path has ended, gets each of them once, from the oldest on. Nobody
     * holds up a writer: the limits below make the oldest go. A reader that
     * had not had it gets WEIR_LAGGED once and goes on with the oldest that is
     * left. The buffer, policy and all_readers do not matter then. */
    bool persistent;
    size_t keep_messages; /* 0: 65536                                       */
    size_t keep_bytes;    /* 0: 64 MiB; a larger message is WEIR_LIMIT      */

    /* Told of each message that is dropped: by the policy, by a broadcast, by
     * a log's limits, or because who it was queued for has left (what nobody
     * has read when a path goes for good is that, too; what a log keeps then
     * is not). Called by the party whose call dropped it, before that call
     * returns, outside every lock; so several may run at a time, but while
     * it runs with all_readers the path's other writers wait their turn. It
     * may make any call but one that frees what it is called from, and any on
     * the store while that is being freed; a write of the same party to the
     * same path that would have to drop, or with all_readers any, is
     * WEIR_FULL. arg stays valid until all writers and readers are freed. */
    void (*on_drop)(const char *path, const void *data, size_t size,
                    enum weir_drop reason, void *arg);
    void *arg;
} weir_store_channel_opts;

/* The backend "channel" without strings. o may be NULL. 0; WEIR_EINVAL,
 * WEIR_ENOMEM. */
WEIR_API int weir_store_channel(weir_store **s,
                                const weir_store_channel_opts *o);

/* Ends all paths: writers get WEIR_CLOSED, readers what is left and then
 * WEIR_CLOSED, and no path can be opened any more. Idempotent. */
WEIR_API int weir_store_close(weir_store *s);

/* Closes it and frees it; no other call on the store may be under way. Its
 * writers and readers stay valid until they are freed. NULL is allowed. */
WEIR_API void weir_store_free(weir_store *s);

/* ---- writing ------------------------------------------------------------- */

/* Opens the path for writing and makes it if need be: 0 and *w. WEIR_CLOSED:
 * the path has ended (weir_store_delete makes way for a new one), or the
 * store is closed; WEIR_ENOMEM; WEIR_EINVAL. */
WEIR_API int weir_store_writer_open(weir_store_writer **w, weir_store *s,
                                    const char *path);

/*
 * Writes one message, a copy of the size bytes at data (NULL is allowed for
 * size 0). How long it waits and what happens when there is no room is the
 * backend's policy; at most until ctx ends. 0; WEIR_CLOSED: the path has
 * ended, also while it waited; WEIR_CANCELED, WEIR_TIMEDOUT, WEIR_FULL;
 * WEIR_LIMIT: the message is too large; WEIR_ENOMEM; WEIR_EINVAL. Where all
 * readers get all, some of them may have it after a failure.
 */
WEIR_API int weir_store_write(weir_store_writer *w, const void *data,
                              size_t size, weir_ctx *ctx);

/* Ends the path, for its other writers too, and a write that waits with
 * WEIR_CLOSED. Readers get what was written before. Idempotent. */
WEIR_API int weir_store_writer_close(weir_store_writer *w);

/* Closes and frees it; no other call on w may be under way. NULL is allowed. */
WEIR_API void weir_store_writer_free(weir_store_writer *w);

/* Frees it and leaves the path open: for its other writers, or for a later
 * one. Otherwise the same. */
WEIR_API void weir_store_writer_leave(weir_store_writer *w);

/* ---- reading ------------------------------------------------------------- */

/* Opens the path for reading and makes it if need be; one that has ended may
 * be read, too. 0 and *r; WEIR_CLOSED: the store is closed; WEIR_ENOMEM;
 * WEIR_EINVAL. */
WEIR_API int weir_store_reader_open(weir_store_reader **r, weir_store *s,
                                    const char *path);

/*
 * Reads at most size bytes (size > 0) of one message, waiting for it at most
 * until ctx ends. How many, 0 being an empty message; WEIR_CLOSED: the end, or
 * r was closed, also while it waited; WEIR_LAGGED: messages are missing here,
 * go on; WEIR_CANCELED, WEIR_TIMEDOUT; WEIR_EINVAL. Several parties may read
 * from one reader: they take turns.
 */
WEIR_API ptrdiff_t weir_store_read(weir_store_reader *r, void *buf, size_t size,
                                   weir_ctx *ctx);

/* What the last read left of its message, in bytes: 0 at a boundary. By the
 * party that reads. WEIR_EINVAL. */
WEIR_API ptrdiff_t weir_store_rest(const weir_store_reader *r);

/* Ends its reading, a read that waits too. Idempotent. What was queued for
 * this reader alone is dropped, unless it was the path's last one. */
WEIR_API int weir_store_reader_close(weir_store_reader *r);

/* Closes and frees it; no other call on r may be under way. NULL is allowed. */
WEIR_API void weir_store_reader_free(weir_store_reader *r);

/* ---- paths --------------------------------------------------------------- */

/* What is wrong with a path for this store, a static sentence; NULL: nothing.
 * A path with an error is WEIR_EINVAL everywhere. */
WEIR_API const char *weir_store_path_error(weir_store *s, const char *path);

/* 1: there is such a path, open or ended; 0: there is none; WEIR_EINVAL. */
WEIR_API int weir_store_exists(weir_store *s, const char *path);

/* Ends the path and forgets it: its name may be used anew. Readers that are
 * open still get what is left. 0, also when there is none; WEIR_EINVAL. */
WEIR_API int weir_store_delete(weir_store *s, const char *path);

/* A list of names in the order of strcmp; weir_store_names_free gives it
 * back and leaves an empty one. */
typedef struct weir_store_names {
    size_t n;
    char **names;
} weir_store_names;

/* The paths that begin with prefix ("": all). 0; WEIR_ENOMEM; WEIR_EINVAL. */
WEIR_API int weir_store_list(weir_store *s, const char *prefix,
                             weir_store_names *out);
WEIR_API void weir_store_names_free(weir_store_names *names);

/* How many paths are open, and how many have ended and were not deleted. */
typedef struct weir_store_counts {
    size_t open, closed;
} weir_store_counts;

WEIR_API int weir_store_count(weir_store *s, weir_store_counts *out);

/* The account of a path. */
typedef struct weir_store_stats {
    uint64_t written; /* messages that write and broadcast put in           */
    uint64_t bytes;   /* in these                                           */
    uint64_t kept, kept_bytes; /* now in the log of a persistent path       */
    size_t writers, readers;   /* open                                      */
    bool ended;
    /* Of its queues together: sent = received + dropped + queued. A message
     * counts once for each reader that it is queued for. In a persistent path
     * sent is what came, queued what is kept and dropped what the limits took.
     * No times and no maxima; those of each queue are in weir_stats_write
     * under the name of the path. */
    weir_chan_stats queue;
} weir_store_stats;

/* 0; -ENOENT: no such path; WEIR_UNSUPPORTED; WEIR_EINVAL. Each number is
 * right; while traffic goes on they may be of different moments. */
WEIR_API int weir_store_get_stats(weir_store *s, const char *path,
                                  weir_store_stats *out);

/* ---- broadcast ----------------------------------------------------------- */

/* What a broadcast does at a path that is full. */
enum weir_store_full {
    WEIR_STORE_SKIP,        /* goes on without it, unless the path's own
                               policy makes room for a new message         */
    WEIR_STORE_DROP_OLDEST, /* drops the path's oldest message for the new; a
                               path that writers fill again at once may
                               still be full                               */
    WEIR_STORE_WAIT         /* writes as a writer does: waits, by the path's
                               policy, for one path after the other         */
};

/* Where it went: matched = sent + full + closed + failed. */
typedef struct weir_store_account {
    size_t matched; /* paths with the prefix                                */
    size_t sent;    /* have it, for each of their readers                   */
    size_t full;    /* skipped: no room, for one of their readers at least  */
    size_t closed;  /* skipped: have ended                                  */
    size_t failed;  /* skipped for another reason,                          */
    int err;        /* of which the first one was this code; 0: none        */
    size_t dropped; /* older messages that made room (WEIR_STORE_DROP_OLDEST)*/
} weir_store_account;

/*
 * Writes one message to every path that begins with prefix ("": all), in the
 * order of weir_store_list. The bytes are copied once, and shared. ctx matters
 * with WEIR_STORE_WAIT alone. account may be NULL. 0, wherever it went;
 * WEIR_CLOSED: the store is closed; WEIR_LIMIT, WEIR_ENOMEM: it went nowhere;
 * WEIR_UNSUPPORTED; WEIR_EINVAL.
 *
 * Readers of one path that all get all see the messages of its writers in one
 * order; where between them a broadcast comes that does not wait may differ.
 */
WEIR_API int weir_store_broadcast(weir_store *s, const char *prefix,
                                  const void *data, size_t size,
                                  enum weir_store_full full, weir_ctx *ctx,
                                  weir_store_account *account);

/* ---- backends ------------------------------------------------------------ */

/*
 * What a backend does. Arguments have been checked: paths are valid, nothing
 * is NULL but what may be. Each call keeps the contract of its public
 * counterpart. What is static must stay valid as long as any store of it.
 */
typedef struct weir_store_ops {
    int (*close)(void *store);
    void (*free)(void *store); /* after close                               */

    int (*writer_open)(void *store, const char *path, void **writer);
    int (*write)(void *writer, const void *data, size_t size, weir_ctx *ctx);
    int (*writer_close)(void *writer);
    void (*writer_free)(void *writer); /* without writer_close before, its
                                          path goes on                      */

    int (*reader_open)(void *store, const char *path, void **reader);
    ptrdiff_t (*read)(void *reader, void *buf, size_t size, weir_ctx *ctx);
    ptrdiff_t (*rest)(const void *reader);
    int (*reader_close)(void *reader);
    void (*reader_free)(void *reader); /* after reader_close                */

    int (*exists)(void *store, const char *path);
    int (*remove)(void *store, const char *path);
    /* Calls each with every path that begins with prefix, in any order; ends
     * with the first result that is not 0, and returns it. */
    int (*list)(void *store, const char *prefix,
                int (*each)(void *arg, const char *path), void *arg);
    /* May be NULL with has_ended: each path is looked at then. */
    int (*count)(void *store, weir_store_counts *out);

    /* What is wrong with a path, beyond what no store takes: a static
     * sentence; NULL: nothing. All calls ask it. NULL: there is no more. */
    const char *(*path_error)(void *store, const char *path);

    /* May be NULL: WEIR_UNSUPPORTED. */
    int (*get_stats)(void *store, const char *path, weir_store_stats *out);
    int (*broadcast)(void *store, const char *prefix, const void *data,
                     size_t size, enum weir_store_full full, weir_ctx *ctx,
                     weir_store_account *account);

    /* 1: the path has ended, or is of a kind that takes no messages; 0: it is
     * open; -ENOENT. NULL: get_stats tells. */
    int (*has_ended)(void *store, const char *path);
} weir_store_ops;

/* Opens a backend's store: 0 and *store; or a code, and a static sentence in
 * *why. options is an array that ends with a NULL key. */
typedef int weir_store_open_fn(void **store, const weir_store_option *options,
                               const char **why);

/*
 * Makes a backend known by a name (valid as a path is, copied). ops and open
 * must stay valid as long as stores of it exist. 0; -EEXIST: the name is
 * taken; WEIR_ENOMEM; WEIR_EINVAL, also when one of ops is missing.
 */
WEIR_API int weir_store_register(const char *name, const weir_store_ops *ops,
                                 weir_store_open_fn *open);

/* Takes it away; its open stores go on. 0; -ENOENT; WEIR_EINVAL. */
WEIR_API int weir_store_unregister(const char *name);

/* Is there one of that name? No for NULL. */
WEIR_API bool weir_store_is_registered(const char *name);

/* The names of all. 0; WEIR_ENOMEM; WEIR_EINVAL. */
WEIR_API int weir_store_backends(weir_store_names *out);

#ifdef __cplusplus
}
#endif
#endif
