/* SPDX-License-Identifier: MIT */
/* What the tests of the engine `mem` share: its calls, and its invariants,
 * looked at from inside. */
#ifndef MEM_CHECKS_H
#define MEM_CHECKS_H

#include <errno.h>
#include "../chan/parties.h"
#include "base/mem.h"
#include "event/engine.h"
#include "event/mem_topic.h"

static inline weir_url *mem_url(const char *text)
{
    weir_url *url = NULL;
    weir_why why;

    must_eq(weir_url_parse(&url, text, &why), 0);
    return url;
}

static inline struct wr_mem_pub *mem_pub(const char *text)
{
    weir_url *url = mem_url(text);
    void *p = NULL;

    must_eq(wr_mem_engine()->pub_open(&p, url, NULL), 0);
    weir_url_free(url);
    return p;
}

static inline struct wr_mem_sub *mem_sub(const char *text, weir_sub_opts o)
{
    weir_url *url = mem_url(text);
    void *s = NULL;

    must_eq(wr_mem_engine()->sub_open(&s, url, &o, NULL), 0);
    weir_url_free(url);
    return s;
}

static inline void mem_sub_end(struct wr_mem_sub *s)
{
    wr_mem_engine()->sub_close(s);
    wr_mem_engine()->sub_free(s);
}

static inline void mem_pub_end(struct wr_mem_pub *p)
{
    wr_mem_engine()->pub_close(p);
    wr_mem_engine()->pub_free(p);
}

static inline weir_event *mem_event(int n, const char *key)
{
    weir_event *e = NULL;
    const weir_event_opts o = {.key = key,
                               .key_size = key != NULL ? strlen(key) : 0,
                               .payload = &n,
                               .size = sizeof n};

    must_eq(weir_event_new(&e, &o), 0);
    return e;
}

/* What publishing one event returns. */
static inline ptrdiff_t mem_post(struct wr_mem_pub *p, int n, const char *key,
                                 const char *id, weir_ctx *ctx)
{
    weir_event *e = mem_event(n, key);
    weir_post post = {.event = e, .id = id};
    const ptrdiff_t got = wr_mem_publish(p, &post, 1, ctx);

    weir_event_unref(e);
    return got;
}

/* One, or NULL: there is none now. */
static inline weir_delivery *mem_take(struct wr_mem_sub *s)
{
    weir_delivery *d = NULL;
    const ptrdiff_t got = wr_mem_recv(s, &d, 1, true, NULL);

    if (got != WEIR_EMPTY)
        must_eq(got, 1);
    return d;
}

static inline int mem_settle(struct wr_mem_sub *s, weir_delivery *d,
                             enum weir_settle how, int64_t delay)
{
    int code = 1;
    const int err = wr_mem_settle(s, &d, 1, how, delay, &code);

    return err ? err : code;
}

/* ---- invariants (mem_topic.h) -------------------------------------------- */

static inline void check_heap(const struct wr_mem_group *g)
{
    const struct wr_mem_heap *h = &g->heap;

    must(h->room >= g->rows || g->rows == 0);
    for (size_t i = 0; i < h->count; i++) {
        const struct wr_mem_row *r = h->rows[i],
                                *up = h->rows[i > 0 ? (i - 1) / 2 : 0];

        must_eq(r->at, i);
        must(r->state == WR_MEM_IN_FLIGHT || r->state == WR_MEM_WAITING);
        if (i > 0)
            must(up->due < r->due || (up->due == r->due && up->seq < r->seq));
    }
}

/* The rows of r's key: r is the first of them. */
static inline size_t check_key(const struct wr_mem_group *g,
                               const struct wr_mem_row *r)
{
    const struct wr_mem_row *next = r->behind, *last = r;
    size_t n = 1;

    must(wr_mem_find(&g->keys, &r->key) == &r->key);
    for (; next != NULL; last = next, next = next->behind, n++) {
        must(next->seq > last->seq && next->state == WR_MEM_BLOCKED);
        must_eq(next->key.size, r->key.size);
        must(memcmp(next->key.key, r->key.key, r->key.size) == 0);
    }
    must(r->last == last);
    return n;
}

static inline void check_group(const struct wr_mem_group *g)
{
    const struct wr_mem_log *l = &g->topic->log;
    const struct wr_mem_row *r, *prev = NULL;
    size_t rows = 0, out = 0, in_heap = 0, of_keys = 0, keyed = 0, keys = 0;

    for (r = g->first; r != NULL; prev = r, r = r->next, rows++) {
        must(r->prev == prev && (prev == NULL || prev->seq < r->seq));
        must(r->seq >= l->first && r->seq < g->cursor);
        must(r->handle == NULL || r->handle->row == r);
        out += r->state == WR_MEM_IN_FLIGHT || r->state == WR_MEM_DYING;
        in_heap += r->state == WR_MEM_IN_FLIGHT || r->state == WR_MEM_WAITING;
        keyed += r->key.size > 0;
        if (r->key.size > 0 && r->state != WR_MEM_BLOCKED) {
            of_keys += check_key(g, r);
            keys++;
        }
    }
    must(g->last == prev);
    must_eq(g->rows, rows);
    must_eq(g->in_flight, out);
    must_eq(g->heap.count, in_heap);
    must_eq(keyed, of_keys);
    must_eq(g->keys.count, keys);
    check_heap(g);
}

static inline void check_log(const struct wr_mem_log *l)
{
    uint64_t bytes = 0;
    int64_t last = 0;

    must(l->base <= l->first && l->first <= l->last + 1);
    for (uint64_t s = l->first; s <= l->last; s++) {
        const struct wr_mem_msg *m = wr_mem_log_at(l, s);

        must(m->event != NULL && m->published >= last);
        last = m->published;
        bytes += m->bytes;
    }
    must_eq(l->bytes, bytes);
}

static inline void check_topic(const struct wr_mem_topic *t)
{
    size_t groups = 0;

    check_log(&t->log);
    for (const struct wr_mem_group *g = t->groups; g != NULL; g = g->next) {
        must(t->settled <= wr_mem_group_floor(g));
        check_group(g);
        groups++;
    }
    must_eq(t->group_count, groups);
    must(groups > 0 || t->settled == 0);
}

#endif
