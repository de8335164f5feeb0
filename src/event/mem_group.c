/* SPDX-License-Identifier: MIT */
/* Groups: where they begin, what they lose, and who of their receivers is
 * woken. */
#include <string.h>

#include "base/mem.h"
#include "event/mem_topic.h"

struct wr_mem_group *wr_mem_group_find(const struct wr_mem_topic *t,
                                       const char *name)
{
    struct wr_mem_group *g = t->groups;
    while (g && strcmp(g->name, name) != 0)
        g = g->next;
    return g;
}

static void begin(struct wr_mem_group *g, const weir_sub_opts *o)
{
    const struct wr_mem_log *l = &g->topic->log;
    g->cursor = l->first;
    if (o->from == WEIR_FROM_END)
        g->cursor = l->last + 1;
    else if (o->from == WEIR_FROM_SEQ && o->seq > l->first)
        g->cursor = o->seq;
    else if (o->from == WEIR_FROM_TIME) {
        g->cursor = wr_mem_log_since(l, o->time);
        g->since = g->cursor > l->last ? o->time : 0;
    }
}

struct wr_mem_group *wr_mem_group_new(struct wr_mem_topic *t,
                                      const weir_sub_opts *o)
{
    const char *name = o->group ? o->group : "";
    const size_t size = strlen(name) + 1;
    struct wr_mem_group *g = wr_alloc(sizeof(*g) + size);
    if (!g)
        return NULL;
    memcpy(g->name, name, size);
    g->topic = t;
    g->dies_at = WEIR_FOREVER;
    begin(g, o);
    if (g->cursor < t->settled)
        t->settled = g->cursor;
    g->next = t->groups;
    t->groups = g;
    t->group_count++;
    return g;
}

static void drop_rows(struct wr_mem_group *g)
{
    struct wr_mem_row *r = g->first, *next;
    wr_mem_table_free(&g->keys);
    wr_free(g->heap.rows);
    g->heap = (struct wr_mem_heap){0};
    g->first = g->last = NULL;
    g->rows = g->in_flight = 0;
    for (; r; r = next) {
        next = r->next;
        wr_mem_row_detach(r);
        r->gone = true;
        if (r->state != WR_MEM_DYING)
            wr_mem_row_free(g->topic, r);
    }
}

void wr_mem_group_remove(struct wr_mem_group *g)
{
    struct wr_mem_topic *t = g->topic;
    struct wr_mem_group **at = &t->groups;
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    t->group_count--;
    drop_rows(g);
    g->removed = true;
    g->keeper = NULL;
    wr_mem_wake_all(t, &g->line, NULL);
    if (!t->groups)
        t->settled = 0;
    wr_mem_next_turn(t);
    weir_timer_stop(&g->undertaker);
    wr_mem_group_end(g);
}

void wr_mem_group_end(struct wr_mem_group *g)
{
    if (g->removed && !g->subs &&
        !__atomic_load_n(&g->undertakers, __ATOMIC_RELAXED))
        wr_free(g);
}

void wr_mem_group_put(struct wr_mem_group *g)
{
    g->subs--;
    if (!g->removed && !g->subs && !*g->name)
        wr_mem_group_remove(g);
    else
        wr_mem_group_end(g);
}

uint64_t wr_mem_group_floor(const struct wr_mem_group *g)
{
    return g->first ? g->first->seq : g->cursor;
}

void wr_mem_group_skip(struct wr_mem_group *g)
{
    const struct wr_mem_log *l = &g->topic->log;
    if (!g->since)
        return;
    while (g->cursor <= l->last &&
           wr_mem_log_at(l, g->cursor)->published < g->since)
        g->cursor++;
    if (g->cursor <= l->last)
        g->since = 0;
}

void wr_mem_group_lose(struct wr_mem_group *g)
{
    g->lost++;
    g->keeper = NULL;
    wr_mem_wake_all(g->topic, &g->line, NULL);
}

void wr_mem_group_lose_first(struct wr_mem_group *g)
{
    const uint64_t seq = g->topic->log.first;
    struct wr_mem_row *r = g->first;
    wr_mem_group_skip(g);
    if (g->cursor <= seq) {
        g->cursor = seq + 1;
        wr_mem_group_lose(g);
    } else if (r && r->seq == seq) {
        const bool dying = r->state == WR_MEM_DYING;
        wr_mem_row_remove(g, r);
        r->gone = true; /* and whoever buries it counts it */
        if (dying)
            return;
        wr_mem_row_free(g->topic, r);
        wr_mem_group_lose(g);
    }
}

/* ---- receivers that wait ------------------------------------------------- */

static void wake(struct wr_mem_group *g, struct wr_mem_waiter *w)
{
    if (w == g->keeper)
        g->keeper = NULL;
    wr_mem_wake(g->topic, &g->line, w);
}

/* The keeper last: somebody has to look after the heap. */
void wr_mem_group_wake(struct wr_mem_group *g, uint64_t n)
{
    for (struct wr_mem_waiter *w; n > 0 && (w = g->line.first); n--)
        wake(g, w == g->keeper && w->next ? w->next : w);
}

void wr_mem_group_wake_sub(struct wr_mem_group *g, const struct wr_mem_sub *s)
{
    if (g->keeper && g->keeper->owner == s)
        g->keeper = NULL;
    wr_mem_wake_all(g->topic, &g->line, s);
}

void wr_mem_group_rouse(struct wr_mem_group *g)
{
    wake(g, g->keeper ? g->keeper : g->line.first);
}

bool wr_mem_group_ready(const struct wr_mem_group *g, int64_t now)
{
    const struct wr_mem_row *r = wr_mem_earliest(g);
    return g->cursor <= g->topic->log.last || (r && r->due <= now);
}
