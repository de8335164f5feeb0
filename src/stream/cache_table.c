/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <weir/time.h>
#include "base/mem.h"
#include "stream/cache.h"

/* ---- rings --------------------------------------------------------------- */

/* At the end of the list. */
void wr_cache_link(struct wr_link *list, struct wr_link *l)
{
    l->next = list;
    l->prev = list->prev;
    l->prev->next = l;
    list->prev = l;
}

/* Alone after that, and may be unlinked again. */
void wr_cache_unlink(struct wr_link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    l->next = l->prev = l;
}

/* ---- the table ----------------------------------------------------------- */

/* FNV-1a (Fowler, Noll and Vo). */
static uint64_t hash_of(const char *key)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
    return h;
}

static struct wr_entry **chain(const weir_stream_cache *c, uint64_t hash)
{
    return &c->table[(hash ^ hash >> 32) & (c->room - 1)];
}

static void insert(weir_stream_cache *c, struct wr_entry *e)
{
    struct wr_entry **head = chain(c, e->hash);
    e->next = *head;
    *head = e;
}

static bool widen(weir_stream_cache *c)
{
    if (c->counts.streams < c->room)
        return true;
    weir_stream_cache wide = *c;
    wide.room = c->room ? c->room * 2 : 16;
    wide.table = wr_alloc(wide.room * sizeof(struct wr_entry *));
    if (!wide.table)
        return false;
    for (size_t i = 0; i < c->room; i++)
        for (struct wr_entry *e = c->table[i], *next; e; e = next) {
            next = e->next;
            insert(&wide, e);
        }
    wr_free(c->table);
    c->table = wide.table;
    c->room = wide.room;
    return true;
}

struct wr_entry *wr_cache_find(const weir_stream_cache *c, const char *key)
{
    const uint64_t hash = hash_of(key);
    struct wr_entry *e = c->room ? *chain(c, hash) : NULL;
    while (e && (e->hash != hash || strcmp(e->key, key) != 0))
        e = e->next;
    return e;
}

struct wr_entry *wr_cache_add(weir_stream_cache *c, const char *key,
                              uint64_t number)
{
    const size_t size = strlen(key) + 1;
    struct wr_entry *e = widen(c) ? wr_alloc(sizeof *e + size) : NULL;
    if (!e)
        return NULL;
    memcpy(e->key, key, size);
    e->hash = hash_of(key);
    e->number = number;
    e->used_at = e->born_at = weir_now();
    e->writing.next = e->writing.prev = &e->writing;
    wr_cache_link(&c->used, &e->used);
    wr_cache_link(&c->born, &e->born);
    insert(c, e);
    c->counts.streams++;
    return e;
}

void wr_cache_take_out(weir_stream_cache *c, struct wr_entry *e)
{
    struct wr_entry **link = chain(c, e->hash);
    while (*link != e)
        link = &(*link)->next;
    *link = e->next;
    wr_cache_unlink(&e->used);
    wr_cache_unlink(&e->born);
    wr_cache_unlink(&e->writing);
    wr_cache_measure(c, e, 0);
    c->counts.streams--;
}

void wr_cache_use(weir_stream_cache *c, struct wr_entry *e)
{
    e->used_at = weir_now();
    wr_cache_unlink(&e->used);
    wr_cache_link(&c->used, &e->used);
}

void wr_cache_measure(weir_stream_cache *c, struct wr_entry *e, int64_t bytes)
{
    c->counts.bytes += bytes - e->bytes;
    e->bytes = bytes;
}
