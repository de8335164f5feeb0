/* SPDX-License-Identifier: MIT */
/*
 * What leaves a cache. A stream that is being written stays: its writer would
 * only make it again. One that leaves is read to the end by those who read it;
 * the file system gives its space back when the last of them has closed.
 */
#include <weir/time.h>
#include "base/mem.h"
#include "stream/cache.h"
#include "stream/stream.h"

static bool older(int64_t limit, int64_t since)
{
    return limit > 0 && weir_now() - since >= limit;
}

bool wr_cache_expired(const weir_stream_cache *c, const struct wr_entry *e)
{
    return older(c->opts.max_age, e->born_at) ||
           older(c->opts.max_idle, e->used_at);
}

bool wr_cache_failed(const struct wr_entry *e)
{
    weir_stream_counts counts;
    return e->stream && weir_stream_get_counts(e->stream, &counts) == 0 &&
           counts.code != 0;
}

/* ---- gathering; under the lock ------------------------------------------- */

struct leaving {
    weir_stream_cache *c;
    const struct wr_entry *but;
    struct wr_entry *list;
};

static void leave(struct leaving *l, struct wr_entry *e, uint64_t *counter)
{
    wr_cache_take_out(l->c, e);
    e->next = l->list;
    l->list = e;
    ++*counter;
}

#define ENTRY(link, field)                                                     \
    ((struct wr_entry *)(void *)((char *)(link)-offsetof(struct wr_entry,      \
                                                         field)))

static weir_stream_counts measure(weir_stream_cache *c, struct wr_entry *e)
{
    weir_stream_counts counts;
    weir_stream_get_counts(e->stream, &counts);
    wr_cache_measure(c, e, counts.written);
    return counts;
}

void wr_cache_measure_writers(weir_stream_cache *c)
{
    struct wr_link *at = c->writing.next;
    for (; at != &c->writing; at = at->next)
        measure(c, ENTRY(at, writing));
}

/* Those that have ended are settled; unless they failed. */
static void look_at_writers(struct leaving *l)
{
    weir_stream_cache *c = l->c;
    for (struct wr_link *at = c->writing.next, *next; at != &c->writing;
         at = next) {
        struct wr_entry *e = ENTRY(at, writing);
        next = at->next;
        const weir_stream_counts counts = measure(c, e);
        if (counts.code && e != l->but)
            leave(l, e, &c->counts.failed);
        else if (counts.closed && !counts.code)
            wr_cache_unlink(at);
    }
}

static bool may_leave(const struct leaving *l, const struct wr_entry *e)
{
    return e != l->but && !e->making && wr_cache_is_settled(e);
}

static void expire(struct leaving *l, struct wr_link *list, bool by_age)
{
    for (struct wr_link *at = list->next, *next; at != list; at = next) {
        struct wr_entry *e = by_age ? ENTRY(at, born) : ENTRY(at, used);
        next = at->next;
        if (!wr_cache_expired(l->c, e))
            break;
        if (may_leave(l, e))
            leave(l, e, &l->c->counts.expired);
    }
}

static bool too_much(const weir_stream_cache *c)
{
    return (c->opts.max_bytes > 0 && c->counts.bytes > c->opts.max_bytes) ||
           (c->opts.max_streams > 0 && c->counts.streams > c->opts.max_streams);
}

static void evict(struct leaving *l)
{
    weir_stream_cache *c = l->c;
    for (struct wr_link *at = c->used.next, *next;
         at != &c->used && too_much(c); at = next) {
        struct wr_entry *e = ENTRY(at, used);
        next = at->next;
        if (may_leave(l, e))
            leave(l, e, &c->counts.evicted);
    }
}

struct wr_entry *wr_cache_beyond(weir_stream_cache *c,
                                 const struct wr_entry *but)
{
    struct leaving l = {c, but, NULL};
    look_at_writers(&l);
    expire(&l, &c->born, true);
    expire(&l, &c->used, false);
    evict(&l);
    return l.list;
}

/* ---- disposing; outside the lock ----------------------------------------- */

int wr_cache_dispose(weir_stream_cache *c, struct wr_entry *e)
{
    char name[WR_CACHE_NAME];
    if (e->stream)
        wr_stream_refuse(e->stream, WEIR_REMOVING);
    int err = wr_cache_name(e->key, e->number, name);
    if (!err)
        err = c->fs->ops->remove(c->fs, name);
    weir_stream_unref(e->stream);
    wr_free(e);
    return err;
}

ptrdiff_t wr_cache_dispose_all(weir_stream_cache *c, struct wr_entry *list)
{
    ptrdiff_t n = 0;
    for (struct wr_entry *next; list; list = next, n++) {
        next = list->next;
        wr_cache_dispose(c, list);
    }
    return n;
}
