/* SPDX-License-Identifier: MIT */
/* A sorted array: what has a prefix lies together, and broadcasts and lists
 * need no sorting. A new name moves those behind it. */
#include "store/table.h"

#include <string.h>
#include <weir/base.h>

#include "base/mem.h"

/* The place of the first entry that is not before name. */
static size_t place_of(const struct wr_table *t, const char *name)
{
    size_t low = 0, high = t->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(t->at[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct wr_named *wr_table_find(const struct wr_table *t, const char *name)
{
    const size_t i = place_of(t, name);
    const bool found = i < t->n && strcmp(t->at[i]->name, name) == 0;
    return found ? t->at[i] : NULL;
}

static int make_room(struct wr_table *t)
{
    if (t->n < t->room)
        return 0;
    const size_t room = t->room ? 2 * t->room : 16;
    struct wr_named **at = wr_alloc(room * sizeof(*at));
    if (!at)
        return WEIR_ENOMEM;
    if (t->n > 0)
        memcpy(at, t->at, t->n * sizeof(*at));
    wr_free(t->at);
    t->at = at;
    t->room = room;
    return 0;
}

int wr_table_insert(struct wr_table *t, struct wr_named *entry)
{
    if (make_room(t))
        return WEIR_ENOMEM;
    const size_t i = place_of(t, entry->name);
    memmove(&t->at[i + 1], &t->at[i], (t->n - i) * sizeof(*t->at));
    t->at[i] = entry;
    t->n++;
    return 0;
}

struct wr_named *wr_table_take(struct wr_table *t, const char *name)
{
    struct wr_named *entry = wr_table_find(t, name);
    if (!entry)
        return NULL;
    const size_t i = place_of(t, name);
    t->n--;
    memmove(&t->at[i], &t->at[i + 1], (t->n - i) * sizeof(*t->at));
    return entry;
}

struct wr_named *wr_table_after(const struct wr_table *t, const char *name)
{
    size_t i = place_of(t, name);
    i += i < t->n && strcmp(t->at[i]->name, name) == 0;
    return i < t->n ? t->at[i] : NULL;
}

size_t wr_table_matching(const struct wr_table *t, const char *prefix,
                         size_t *first)
{
    const size_t length = strlen(prefix);
    size_t n = 0;
    *first = place_of(t, prefix);
    while (*first + n < t->n &&
           strncmp(t->at[*first + n]->name, prefix, length) == 0)
        n++;
    return n;
}

int wr_table_list(const struct wr_table *t, const char *prefix,
                  int (*each)(void *arg, const char *name), void *arg)
{
    size_t first;
    const size_t n = wr_table_matching(t, prefix, &first);
    int err = 0;
    for (size_t i = first; i < first + n && !err; i++)
        err = each(arg, t->at[i]->name);
    return err;
}

void wr_table_free(struct wr_table *t)
{
    wr_free(t->at);
    *t = (struct wr_table){0};
}
