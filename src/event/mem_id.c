/* SPDX-License-Identifier: MIT */
/*
 * Known ids are on a list, oldest first, and in a table. Each call that comes
 * for one takes a few from the old end of the list that are past `keep`, so
 * that they go faster than they come and no call takes long.
 */
#include "event/mem_id.h"

#include <string.h>

#include "base/mem.h"

enum { STEP = 4 };

struct wr_mem_id *wr_mem_id_new(const char *text)
{
    const size_t size = strlen(text);
    struct wr_mem_id *id = wr_alloc(sizeof(*id) + size + 1);
    if (!id)
        return NULL;
    memcpy(id->text, text, size + 1);
    wr_mem_entry_init(&id->entry, id->text, size);
    id->refs = 1;
    return id;
}

struct wr_mem_id *wr_mem_id_ref(struct wr_mem_id *id)
{
    if (id)
        __atomic_fetch_add(&id->refs, 1, __ATOMIC_RELAXED);
    return id;
}

void wr_mem_id_unref(struct wr_mem_id *id)
{
    if (id && __atomic_sub_fetch(&id->refs, 1, __ATOMIC_ACQ_REL) == 0)
        wr_free(id);
}

static void forget_oldest(struct wr_mem_ids *s)
{
    struct wr_mem_id *id = s->oldest;
    s->oldest = id->newer;
    if (!s->oldest)
        s->newest = NULL;
    if (!id->replaced)
        wr_mem_remove(&s->table, &id->entry);
    wr_mem_id_unref(id);
}

struct wr_mem_id *wr_mem_ids_find(struct wr_mem_ids *s, const char *text,
                                  int64_t now, int64_t dedup)
{
    for (int i = 0; i < STEP && s->oldest && now - s->oldest->at >= s->keep;
         i++)
        forget_oldest(s);
    struct wr_mem_entry like;
    wr_mem_entry_init(&like, text, strlen(text));
    struct wr_mem_id *id = (struct wr_mem_id *)wr_mem_find(&s->table, &like);
    return id && now - id->at < dedup ? id : NULL;
}

void wr_mem_ids_add(struct wr_mem_ids *s, struct wr_mem_id *id)
{
    struct wr_mem_entry *old = wr_mem_find(&s->table, &id->entry);
    if (old) {
        ((struct wr_mem_id *)old)->replaced = true;
        wr_mem_remove(&s->table, old);
    }
    wr_mem_add(&s->table, &wr_mem_id_ref(id)->entry);
    if (s->newest)
        s->newest->newer = id;
    else
        s->oldest = id;
    s->newest = id;
}

void wr_mem_ids_free(struct wr_mem_ids *s)
{
    while (s->oldest)
        forget_oldest(s);
    wr_mem_table_free(&s->table);
}
