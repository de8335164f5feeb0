/* SPDX-License-Identifier: MIT */
/*
 * A cache of streams by key: who asks first for a key writes its stream, all
 * others read it, also while it is written. After Dustin J. Hiebert's Go
 * package fscache; here a reader and a removal never meet halfway, and what is
 * found after a restart is complete.
 *
 * Any task or thread may make any call at any time, except for the end of the
 * cache. A NULL handle, place or key is WEIR_EINVAL; ctx may be NULL.
 */
#ifndef WEIR_STREAM_CACHE_H
#define WEIR_STREAM_CACHE_H

#include <weir/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_stream_cache weir_stream_cache;

/* Options of a cache. Zero means no limit. */
typedef struct weir_stream_cache_opts {
    int64_t max_bytes;  /* of all streams, those being written included      */
    size_t max_streams; /* how many                                          */
    int64_t max_age;    /* ns since a stream was made, or by its file's time */
    int64_t max_idle;   /* ns since somebody asked for it                    */
} weir_stream_cache_opts;

/*
 * A cache over fs, which must stay until the cache and all its streams are
 * gone, and should be the cache's alone. What fs has of an earlier cache is
 * taken over if it is complete, and removed if not; other names are left as
 * they are. o may be NULL. 0 and *out; WEIR_UNSUPPORTED: fs lists its files but
 * does not say whether they are complete, as a directory without marks;
 * WEIR_ENOMEM, WEIR_EINVAL, or what fs returned.
 */
WEIR_API int weir_stream_cache_new(weir_fs *fs, const weir_stream_cache_opts *o,
                                   weir_stream_cache **out);

/* Frees it. Streams and readers that are out go on; files stay, but those that
 * are not complete are removed by the next cache. NULL is allowed. */
WEIR_API void weir_stream_cache_free(weir_stream_cache *c);

/*
 * The stream of a key. 0, a hit: *r reads it from its start, *w is NULL. 1, a
 * miss: *w is a new stream, whose only writer the caller is, and *r reads it;
 * it must be ended (weir_stream_close, or close_with or cancel for a failure)
 * and unreferenced. A stream that failed is no hit: the next one to ask writes
 * it anew. r may be NULL for those who only write. While another makes the
 * stream's file, it waits at most until ctx ends.
 *
 * A key is any text; WEIR_LIMIT: it is too long for a file's name, in which
 * letters, digits, '-', '_' and '.' take one byte and all others three, 237 in
 * all. Also WEIR_CANCELED, WEIR_TIMEDOUT, WEIR_ENOMEM, or what fs returned.
 * What is beyond the limits leaves, the one least recently asked for first, but
 * for this one and those being written; who reads it goes on.
 */
WEIR_API int weir_stream_cache_get(weir_stream_cache *c, const char *key,
                                   weir_reader **r, weir_stream **w,
                                   weir_ctx *ctx);

/* A hit or nothing: 0 and *r; -ENOENT, also for a stream that failed. */
WEIR_API int weir_stream_cache_find(weir_stream_cache *c, const char *key,
                                    weir_reader **r, weir_ctx *ctx);

/*
 * Takes a key out: from now on it is a miss, and its file has lost its name.
 * The writer and readers go on; it waits for their end at most until ctx ends.
 * 0; -ENOENT; WEIR_CANCELED, WEIR_TIMEDOUT (it is out all the same), or what
 * fs returned.
 */
WEIR_API int weir_stream_cache_remove(weir_stream_cache *c, const char *key,
                                      weir_ctx *ctx);

/* Lets go what is beyond the limits or has failed, as each get does: for
 * caches that are not asked for long. How many streams; WEIR_EINVAL. */
WEIR_API ptrdiff_t weir_stream_cache_trim(weir_stream_cache *c);

/* How a cache stands. */
typedef struct weir_stream_cache_counts {
    size_t streams; /* that it has                          */
    int64_t bytes;  /* of them                              */
    uint64_t hits, misses;
    uint64_t evicted; /* by max_bytes and max_streams       */
    uint64_t expired; /* by max_age and max_idle            */
    uint64_t failed;  /* whose writer failed                */
    uint64_t removed; /* by weir_stream_cache_remove        */
} weir_stream_cache_counts;

/* 0, WEIR_EINVAL. */
WEIR_API int weir_stream_cache_get_counts(weir_stream_cache *c,
                                          weir_stream_cache_counts *out);

#ifdef __cplusplus
}
#endif
#endif
