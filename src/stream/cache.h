/* SPDX-License-Identifier: MIT */
/*
 * The inside of a cache of streams.
 *
 * - An entry is in the table while its key is a hit, or will be; whoever takes
 *   it out disposes of it, outside the lock. All of it is under the lock, but
 *   for what one party does to the entry that it has marked as `making`:
 *   others wait for that.
 * - Each entry has a file of its own: the key, and a number that no other file
 *   has or had. So a file that loses its name is never mistaken for the next
 *   one of the same key.
 * - `used` has the entries by when they were asked for, `born` by age, both
 *   oldest first; `writing` those whose size may still grow. bytes is the sum
 *   of the entries' bytes.
 */
#ifndef WR_STREAM_CACHE_H
#define WR_STREAM_CACHE_H

#include <weir/cond.h>
#include <weir/stream_cache.h>

enum { WR_CACHE_NAME = 256 };

/* A ring; the list's own link is its start. */
struct wr_link {
    struct wr_link *next, *prev;
};

struct wr_entry {
    struct wr_entry *next; /* in its chain; or to be disposed of */
    uint64_t hash;
    struct wr_link used, born, writing; /* writing: alone, if it is not */
    int64_t used_at, born_at;           /* by weir_now */
    int64_t bytes;
    uint64_t number;
    weir_stream *stream; /* NULL: not open yet */
    bool making;
    char key[];
};

struct weir_stream_cache {
    weir_fs *fs;
    weir_stream_cache_opts opts;
    weir_mutex lock;
    weir_cond made; /* broadcast when a making has ended */
    struct wr_entry **table;
    size_t room; /* of the table: a power of two, or 0 */
    struct wr_link used, born, writing;
    uint64_t last_number;
    weir_stream_cache_counts counts;
};

/* ---- names (cache_name.c) ------------------------------------------------ */

/* The name of a key's file: 0, or WEIR_LIMIT. */
int wr_cache_name(const char *key, uint64_t number, char name[WR_CACHE_NAME]);
/* The other way: false, it is none. */
bool wr_cache_parse(const char *name, char key[WR_CACHE_NAME],
                    uint64_t *number);

/* ---- entries (cache_table.c); under the lock ----------------------------- */

struct wr_entry *wr_cache_find(const weir_stream_cache *c, const char *key);
/* A new one, youngest and last used; NULL: no memory. */
struct wr_entry *wr_cache_add(weir_stream_cache *c, const char *key,
                              uint64_t number);
void wr_cache_take_out(weir_stream_cache *c, struct wr_entry *e);
void wr_cache_use(weir_stream_cache *c, struct wr_entry *e);
/* Its size from now on. */
void wr_cache_measure(weir_stream_cache *c, struct wr_entry *e, int64_t bytes);
void wr_cache_link(struct wr_link *list, struct wr_link *l);
void wr_cache_unlink(struct wr_link *l);

/* ---- limits (cache_limits.c) --------------------------------------------- */

bool wr_cache_expired(const weir_stream_cache *c, const struct wr_entry *e);
bool wr_cache_failed(const struct wr_entry *e);
/* Its writer has ended, as far as the cache knows. */
static inline bool wr_cache_is_settled(const struct wr_entry *e)
{
    return e->writing.next == &e->writing;
}
/* How far those being written have come. Under the lock. */
void wr_cache_measure_writers(weir_stream_cache *c);
/* Takes out what is beyond the limits or has failed, but for `but`: a list by
 * `next`. Under the lock. */
struct wr_entry *wr_cache_beyond(weir_stream_cache *c,
                                 const struct wr_entry *but);
/* Nobody new reads it, its file loses its name, and it is gone: what the file
 * system said. Outside the lock. */
int wr_cache_dispose(weir_stream_cache *c, struct wr_entry *e);
/* A whole list: how many. */
ptrdiff_t wr_cache_dispose_all(weir_stream_cache *c, struct wr_entry *list);

/* Takes over what the file system has (cache_load.c). */
int wr_cache_load(weir_stream_cache *c);

#endif
