/* SPDX-License-Identifier: MIT */
/*
 * A cache of streams by key. A hit is found and its reader opened in two steps,
 * between which the key may be removed: then the stream refuses the reader, and
 * the caller looks again. What it gets was in the cache while it asked.
 */
#include "stream/cache.h"

#include <errno.h>
#include "base/mem.h"
#include "base/misuse.h"

/* ---- the cache ----------------------------------------------------------- */

static void empty(struct wr_link *list)
{
    list->next = list->prev = list;
}

int weir_stream_cache_new(weir_fs *fs, const weir_stream_cache_opts *o,
                          weir_stream_cache **out)
{
    static const weir_stream_cache_opts no_limits;
    o = o ? o : &no_limits;
    if (out)
        *out = NULL;
    if (!fs || !out)
        return WR_MISUSE("no file system or no place for the cache");
    if (o->max_bytes < 0 || o->max_age < 0 || o->max_idle < 0)
        return WR_MISUSE("a limit below 0");
    weir_stream_cache *c = wr_alloc(sizeof *c);
    if (!c)
        return WEIR_ENOMEM;
    c->fs = fs;
    c->opts = *o;
    empty(&c->used);
    empty(&c->born);
    empty(&c->writing);
    int err = wr_cache_load(c);
    if (err)
        weir_stream_cache_free(c);
    else
        *out = c;
    return err;
}

void weir_stream_cache_free(weir_stream_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->room; i++)
        for (struct wr_entry *e = c->table[i], *next; e; e = next) {
            next = e->next;
            weir_stream_unref(e->stream);
            wr_free(e);
        }
    wr_free(c->table);
    wr_free(c);
}

/* ---- making; the entry is marked, the lock is free ----------------------- */

enum { TRIES = 10 };

/* Under the lock. */
static void made(weir_stream_cache *c, struct wr_entry *e)
{
    e->making = false;
    weir_cond_broadcast(&c->made);
}

/* A number that is in use, by a file that the cache did not know, is passed. */
static int create(weir_stream_cache *c, struct wr_entry *e, weir_stream **s)
{
    char name[WR_CACHE_NAME];
    int err = -EEXIST;
    for (int i = 0; i < TRIES && err == -EEXIST; i++) {
        err = wr_cache_name(e->key, e->number, name);
        if (!err)
            err = weir_stream_new(c->fs, name, NULL, s);
        if (err == -EEXIST) {
            weir_mutex_lock(&c->lock, NULL);
            e->number = ++c->last_number;
            weir_mutex_unlock(&c->lock);
        }
    }
    return err;
}

static int create_with_reader(weir_stream_cache *c, struct wr_entry *e,
                              weir_reader **r, weir_stream **s)
{
    int err = create(c, e, s);
    if (err || !r)
        return err;
    err = weir_stream_next_reader(*s, r);
    if (err) {
        weir_stream_cancel(*s, 0);
        weir_stream_remove(*s, NULL);
        weir_stream_unref(*s);
        *s = NULL;
    }
    return err;
}

/* Under the lock, which it gives up for the file. 1, or an error. */
static int make(weir_stream_cache *c, const char *key, weir_reader **r,
                weir_stream **w)
{
    weir_stream *s = NULL;
    struct wr_entry *e = wr_cache_add(c, key, ++c->last_number);
    if (!e)
        return WEIR_ENOMEM;
    e->making = true;
    weir_mutex_unlock(&c->lock);
    int err = create_with_reader(c, e, r, &s);
    weir_mutex_lock(&c->lock, NULL);
    made(c, e);
    if (err) {
        wr_cache_take_out(c, e);
        wr_free(e);
        return err;
    }
    e->stream = s;
    *w = weir_stream_ref(s);
    wr_cache_link(&c->writing, &e->writing);
    c->counts.misses++;
    return 1;
}

/* ---- asking -------------------------------------------------------------- */

/* Takes e out and disposes of it. Under the lock, which it gives up
 * meanwhile. */
static void let_go(weir_stream_cache *c, struct wr_entry *e, uint64_t *counter)
{
    wr_cache_take_out(c, e);
    ++*counter;
    weir_mutex_unlock(&c->lock);
    wr_cache_dispose(c, e);
    weir_mutex_lock(&c->lock, NULL);
}

/* The file is not what it was, or the stream is on its way out. */
static bool is_gone(int err)
{
    return err == -ENOENT || err == -ESTALE || err == WEIR_REMOVING ||
           err == WEIR_CORRUPT || err == WEIR_INCOMPLETE;
}

/* Opens what an earlier cache has left, or lets it go: 0. Under the lock, which
 * it gives up for the file. */
static int open_again(weir_stream_cache *c, struct wr_entry *e)
{
    char name[WR_CACHE_NAME];
    weir_stream *s = NULL;
    e->making = true;
    weir_mutex_unlock(&c->lock);
    int err = wr_cache_name(e->key, e->number, name);
    if (!err)
        err = weir_stream_open(c->fs, name, &s);
    weir_mutex_lock(&c->lock, NULL);
    made(c, e);
    e->stream = s;
    if (!is_gone(err))
        return err;
    let_go(c, e, &c->counts.failed);
    return 0;
}

/* The entry of a key that can be read, in *out, or NULL. Under the lock, which
 * it may give up. */
static int find_good(weir_stream_cache *c, const char *key, weir_ctx *ctx,
                     struct wr_entry **out)
{
    for (int err = 0;;) {
        struct wr_entry *e = *out = wr_cache_find(c, key);
        if (!e || err)
            return err;
        if (e->making)
            err = weir_cond_wait(&c->made, &c->lock, ctx);
        else if (wr_cache_failed(e))
            let_go(c, e, &c->counts.failed);
        else if (wr_cache_is_settled(e) && wr_cache_expired(c, e))
            let_go(c, e, &c->counts.expired);
        else if (e->stream)
            return 0;
        else
            err = open_again(c, e);
    }
}

/* The reader could not be opened: the reason, or WEIR_EMPTY, to look again.
 * Under the lock. */
static int look_why(weir_stream_cache *c, const char *key, uint64_t number,
                    int err)
{
    struct wr_entry *e = wr_cache_find(c, key);
    if (!e || e->number != number)
        return WEIR_EMPTY;
    if (!is_gone(err) && !wr_cache_failed(e))
        return err;
    let_go(c, e, &c->counts.failed);
    return WEIR_EMPTY;
}

/* Under the lock, which it gives up for the file. */
static int open_reader(weir_stream_cache *c, struct wr_entry *e,
                       weir_reader **r)
{
    weir_stream *s = weir_stream_ref(e->stream);
    weir_mutex_unlock(&c->lock);
    int err = r ? weir_stream_next_reader(s, r) : 0;
    weir_stream_unref(s);
    weir_mutex_lock(&c->lock, NULL);
    return err;
}

/* 0, a hit; -ENOENT, a miss, and the lock was not given up since. */
static int look_up(weir_stream_cache *c, const char *key, weir_reader **r,
                   weir_ctx *ctx)
{
    struct wr_entry *e;
    int err;
    do {
        err = find_good(c, key, ctx, &e);
        if (err)
            return err;
        if (!e)
            return -ENOENT;
        const uint64_t number = e->number;
        wr_cache_use(c, e);
        err = open_reader(c, e, r);
        if (err)
            err = look_why(c, key, number, err);
    } while (err == WEIR_EMPTY);
    return err;
}

/* ---- calls --------------------------------------------------------------- */

/* Gives up the lock, and what is beyond the limits. */
static ptrdiff_t leave(weir_stream_cache *c, const char *key)
{
    const struct wr_entry *but = key ? wr_cache_find(c, key) : NULL;
    struct wr_entry *list = wr_cache_beyond(c, but);
    weir_mutex_unlock(&c->lock);
    return wr_cache_dispose_all(c, list);
}

static int enter(weir_stream_cache *c, const char *key)
{
    char name[WR_CACHE_NAME];
    int err = wr_cache_name(key, 0, name);
    return err ? err : weir_mutex_lock(&c->lock, NULL);
}

int weir_stream_cache_get(weir_stream_cache *c, const char *key,
                          weir_reader **r, weir_stream **w, weir_ctx *ctx)
{
    if (r)
        *r = NULL;
    if (w)
        *w = NULL;
    if (!c || !key || !w)
        return WR_MISUSE("no cache, key or place for the writer's stream");
    int err = enter(c, key);
    if (err)
        return err;
    err = look_up(c, key, r, ctx);
    c->counts.hits += err == 0;
    if (err == -ENOENT)
        err = make(c, key, r, w);
    leave(c, key);
    return err;
}

int weir_stream_cache_find(weir_stream_cache *c, const char *key,
                           weir_reader **r, weir_ctx *ctx)
{
    if (r)
        *r = NULL;
    if (!c || !key || !r)
        return WR_MISUSE("no cache, key or place for the reader");
    int err = enter(c, key);
    if (err)
        return err;
    err = look_up(c, key, r, ctx);
    c->counts.hits += err == 0;
    c->counts.misses += err == -ENOENT;
    leave(c, key);
    return err;
}

/* Takes the key's entry out, once nobody is making it. Under the lock. */
static int take(weir_stream_cache *c, const char *key, weir_ctx *ctx,
                struct wr_entry **out)
{
    int err = 0;
    while (!err && (*out = wr_cache_find(c, key)) && (*out)->making)
        err = weir_cond_wait(&c->made, &c->lock, ctx);
    if (err || !*out)
        return err ? err : -ENOENT;
    wr_cache_take_out(c, *out);
    c->counts.removed++;
    return 0;
}

int weir_stream_cache_remove(weir_stream_cache *c, const char *key,
                             weir_ctx *ctx)
{
    struct wr_entry *e;
    if (!c || !key)
        return WR_MISUSE("no cache or key");
    int err = enter(c, key);
    if (err)
        return err;
    err = take(c, key, ctx, &e);
    weir_mutex_unlock(&c->lock);
    if (err)
        return err;
    weir_stream *s = weir_stream_ref(e->stream);
    err = wr_cache_dispose(c, e);
    int waiting = s ? weir_stream_shutdown(s, WEIR_REMOVING, ctx) : 0;
    weir_stream_unref(s);
    return err ? err : waiting;
}

ptrdiff_t weir_stream_cache_trim(weir_stream_cache *c)
{
    if (!c)
        return WR_MISUSE("no cache");
    int err = weir_mutex_lock(&c->lock, NULL);
    return err ? err : leave(c, NULL);
}

int weir_stream_cache_get_counts(weir_stream_cache *c,
                                 weir_stream_cache_counts *out)
{
    if (!c || !out)
        return WR_MISUSE("no cache or no place for its counts");
    int err = weir_mutex_lock(&c->lock, NULL);
    if (err)
        return err;
    wr_cache_measure_writers(c);
    *out = c->counts;
    weir_mutex_unlock(&c->lock);
    return 0;
}
