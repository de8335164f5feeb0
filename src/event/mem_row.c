/* SPDX-License-Identifier: MIT */
/*
 * The rows of a group: a list by number, a binary heap by time, and for each
 * key a list of which the first is in a table. The heap has room for every
 * row before there is the row, so a row that exists can always be given back.
 */
#include "base/mem.h"
#include "event/mem_topic.h"

enum { SMALLEST = 16 };  /* rows of a heap */
#define NOWHERE SIZE_MAX /* a row's `at`: not in the heap */

/* ---- the heap ------------------------------------------------------------ */

static bool before(const struct wr_mem_row *a, const struct wr_mem_row *b)
{
    return a->due != b->due ? a->due < b->due : a->seq < b->seq;
}

static void set(struct wr_mem_heap *h, size_t at, struct wr_mem_row *r)
{
    h->rows[at] = r;
    r->at = at;
}

static void sift_up(struct wr_mem_heap *h, size_t at, struct wr_mem_row *r)
{
    while (at > 0 && before(r, h->rows[(at - 1) / 2])) {
        set(h, at, h->rows[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    set(h, at, r);
}

static void sift_down(struct wr_mem_heap *h, size_t at, struct wr_mem_row *r)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= h->count)
            break;
        if (child + 1 < h->count && before(h->rows[child + 1], h->rows[child]))
            child++;
        if (!before(h->rows[child], r))
            break;
        set(h, at, h->rows[child]);
        at = child;
    }
    set(h, at, r);
}

static void place(struct wr_mem_heap *h, size_t at, struct wr_mem_row *r)
{
    if (at > 0 && before(r, h->rows[(at - 1) / 2]))
        sift_up(h, at, r);
    else
        sift_down(h, at, r);
}

static int heap_resize(struct wr_mem_heap *h, size_t room)
{
    struct wr_mem_row **rows = wr_alloc(room * sizeof(*rows));
    if (!rows)
        return WEIR_ENOMEM;
    for (size_t i = 0; i < h->count; i++)
        rows[i] = h->rows[i];
    wr_free(h->rows);
    h->rows = rows;
    h->room = room;
    return 0;
}

static void heap_out(struct wr_mem_heap *h, struct wr_mem_row *r)
{
    const size_t at = r->at;
    if (at == NOWHERE)
        return;
    struct wr_mem_row *last = h->rows[--h->count];
    r->at = NOWHERE;
    if (last != r)
        place(h, at, last);
}

struct wr_mem_row *wr_mem_earliest(const struct wr_mem_group *g)
{
    return g->heap.count ? g->heap.rows[0] : NULL;
}

/* ---- keys ---------------------------------------------------------------- */

/* Puts a new row behind those of its key. */
static void key_in(struct wr_mem_group *g, struct wr_mem_row *r,
                   const weir_event *e)
{
    if (!e->key_size)
        return;
    wr_mem_entry_init(&r->key, e->key, e->key_size);
    struct wr_mem_entry *entry = wr_mem_find(&g->keys, &r->key);
    if (!entry) {
        r->last = r;
        wr_mem_add(&g->keys, &r->key);
        return;
    }
    struct wr_mem_row *first =
        (struct wr_mem_row *)(void *)((char *)entry -
                                      offsetof(struct wr_mem_row, key));
    first->last->behind = r;
    first->last = r;
    r->state = WR_MEM_BLOCKED;
}

/* The first of its key goes; the next may be delivered. */
static void key_out(struct wr_mem_group *g, struct wr_mem_row *r)
{
    struct wr_mem_row *next = r->behind;
    if (!r->key.size)
        return;
    wr_mem_remove(&g->keys, &r->key);
    r->behind = NULL;
    if (!next)
        return;
    next->last = r->last;
    wr_mem_add(&g->keys, &next->key);
    wr_mem_row_set(g, next, WR_MEM_WAITING, 0);
}

/* ---- rows ---------------------------------------------------------------- */

static struct wr_mem_row *row_alloc(struct wr_mem_topic *t)
{
    struct wr_mem_row *r = t->spare;
    if (r) {
        t->spare = r->next;
        t->spare_count--;
    } else {
        r = wr_alloc_unset(sizeof(*r));
    }
    if (r)
        *r = (struct wr_mem_row){0};
    return r;
}

void wr_mem_row_free(struct wr_mem_topic *t, struct wr_mem_row *r)
{
    if (t->spare_count == WR_MEM_SPARE || t->removed) {
        wr_free(r);
        return;
    }
    r->next = t->spare;
    t->spare = r;
    t->spare_count++;
}

struct wr_mem_row *wr_mem_row_new(struct wr_mem_group *g)
{
    struct wr_mem_heap *h = &g->heap;
    if (g->rows == h->room && heap_resize(h, h->room ? 2 * h->room : SMALLEST))
        return NULL;
    struct wr_mem_row *r = row_alloc(g->topic);
    if (!r)
        return NULL;
    r->state = WR_MEM_WAITING;
    r->at = NOWHERE;
    r->seq = g->cursor++;
    r->prev = g->last;
    *(g->last ? &g->last->next : &g->first) = r;
    g->last = r;
    g->rows++;
    key_in(g, r, wr_mem_log_at(&g->topic->log, r->seq)->event);
    return r;
}

static bool is_out(enum wr_mem_state s)
{
    return s == WR_MEM_IN_FLIGHT || s == WR_MEM_DYING;
}

static void set_state(struct wr_mem_group *g, struct wr_mem_row *r,
                      enum wr_mem_state state)
{
    g->in_flight += is_out(state);
    g->in_flight -= is_out(r->state);
    r->state = state;
}

void wr_mem_row_set(struct wr_mem_group *g, struct wr_mem_row *r,
                    enum wr_mem_state state, int64_t due)
{
    struct wr_mem_heap *h = &g->heap;
    set_state(g, r, state);
    r->due = due;
    place(h, r->at == NOWHERE ? h->count++ : r->at, r);
    if (!due)
        wr_mem_group_wake(g, 1);
    else if (g->line.first && (!g->keeper || due < g->keeps))
        wr_mem_group_rouse(g);
}

void wr_mem_row_detach(struct wr_mem_row *r)
{
    if (r->handle)
        r->handle->row = NULL;
    r->handle = NULL;
}

void wr_mem_row_dies(struct wr_mem_group *g, struct wr_mem_row *r,
                     struct wr_mem_row **dying)
{
    heap_out(&g->heap, r);
    set_state(g, r, WR_MEM_DYING);
    r->dying = *dying;
    *dying = r;
}

void wr_mem_row_remove(struct wr_mem_group *g, struct wr_mem_row *r)
{
    struct wr_mem_heap *h = &g->heap;
    wr_mem_row_detach(r);
    heap_out(h, r);
    g->in_flight -= is_out(r->state);
    *(r->prev ? &r->prev->next : &g->first) = r->next;
    *(r->next ? &r->next->prev : &g->last) = r->prev;
    g->rows--;
    key_out(g, r);
    if (h->room > SMALLEST && g->rows < h->room / 8)
        (void)heap_resize(h, h->room / 2);
}
