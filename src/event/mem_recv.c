/* SPDX-License-Identifier: MIT */
/*
 * Receiving. First what is due again, then what the cursor has not passed.
 *
 * Of those who wait in a group one, the keeper, sleeps only until the first
 * row of the heap is due; who leaves and leaves work or time behind wakes the
 * next. So a message, a time and a loss each find somebody, and no more are
 * woken than there is to do.
 */
#include <weir/time.h>

#include "base/mem.h"
#include "event/mem_topic.h"

enum { BURY = 64 }; /* dead letters in a turn */

/* ---- handles ------------------------------------------------------------- */

/* Takes over what was freed since. */
static void collect(struct wr_mem_sub *s)
{
    size_t n = 0;
    struct wr_mem_delivery *d =
        __atomic_exchange_n(&s->freed, NULL, __ATOMIC_ACQUIRE);
    s->spare = d;
    for (; d; d = d->next)
        n++;
    __atomic_fetch_sub(&s->freed_count, n, __ATOMIC_RELAXED);
}

struct wr_mem_delivery *wr_mem_delivery_get(struct wr_mem_sub *s)
{
    if (!s->spare)
        collect(s);
    struct wr_mem_delivery *d = s->spare;
    if (d)
        s->spare = d->next;
    else
        d = wr_alloc_unset(sizeof(*d));
    if (d)
        *d = (struct wr_mem_delivery){0};
    return d;
}

void wr_mem_delivery_put(struct wr_mem_sub *s, struct wr_mem_delivery *d)
{
    if (__atomic_fetch_add(&s->freed_count, 1, __ATOMIC_RELAXED) >=
        WR_MEM_SPARE) {
        __atomic_fetch_sub(&s->freed_count, 1, __ATOMIC_RELAXED);
        wr_free(d);
        return;
    }
    d->next = __atomic_load_n(&s->freed, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&s->freed, &d->next, d, true,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
}

void wr_mem_deliveries_free(struct wr_mem_sub *s)
{
    struct wr_mem_delivery *next;
    for (int i = 0; i < 2; i++, collect(s))
        for (; s->spare; s->spare = next) {
            next = s->spare->next;
            wr_free(s->spare);
        }
}

/* ---- fetching ------------------------------------------------------------ */

struct fetch {
    struct wr_mem_sub *sub;
    int64_t now;
    struct wr_mem_row *dying;
    size_t dead; /* of the list */
};

static bool is_too_old(const struct fetch *f, uint64_t seq)
{
    const int64_t end = wr_mem_log_at(&f->sub->topic->log, seq)->expires;
    return end && end <= f->now;
}

static void deliver(struct fetch *f, struct wr_mem_row *r,
                    struct wr_mem_delivery *d)
{
    struct wr_mem_sub *s = f->sub;
    const struct wr_mem_msg *m = wr_mem_log_at(&s->topic->log, r->seq);
    wr_mem_row_detach(r);
    r->handle = d;
    r->deliveries += r->deliveries < UINT32_MAX;
    d->row = r;
    d->id = wr_mem_id_ref(m->id);
    d->face.message = (weir_message){
        .event = weir_event_ref(m->event),
        .seq = r->seq,
        .deliveries = r->deliveries,
        .published = m->published,
        .id = m->id ? m->id->text : NULL,
    };
    wr_mem_row_set(s->group, r, WR_MEM_IN_FLIGHT,
                   wr_mem_after(f->now, s->ack_wait));
    wr_mem_may_die(s->group, r);
}

/* A row that is due: true if it can be delivered; otherwise it is off the
 * heap. */
static bool is_fit(struct fetch *f, struct wr_mem_row *r)
{
    struct wr_mem_sub *s = f->sub;
    wr_mem_row_detach(r);
    if (is_too_old(f, r->seq)) {
        wr_mem_row_remove(s->group, r);
        wr_mem_row_free(s->topic, r);
        wr_mem_group_lose(s->group);
        return false;
    }
    if (!s->max_deliveries || r->deliveries < s->max_deliveries)
        return true;
    wr_mem_row_dies(s->group, r, &f->dying);
    f->dead++;
    return false;
}

/* The next row that can be delivered: 0 and *out; WEIR_EMPTY, WEIR_ENOMEM. */
static int next_row(struct fetch *f, struct wr_mem_row **out)
{
    struct wr_mem_group *g = f->sub->group;
    const struct wr_mem_log *l = &f->sub->topic->log;
    struct wr_mem_row *r;
    while ((r = wr_mem_earliest(g)) && r->due <= f->now && f->dead < BURY)
        if (is_fit(f, r)) {
            *out = r;
            return 0;
        }
    while (g->cursor <= l->last) {
        if (is_too_old(f, g->cursor)) {
            g->cursor++;
            wr_mem_group_lose(g);
            continue;
        }
        r = wr_mem_row_new(g);
        *out = r;
        if (!r || r->state != WR_MEM_BLOCKED)
            return r ? 0 : WEIR_ENOMEM;
    }
    return WEIR_EMPTY;
}

static int fetch_one(struct fetch *f, weir_delivery **out)
{
    struct wr_mem_row *r = NULL;
    struct wr_mem_delivery *d = wr_mem_delivery_get(f->sub);
    const int err = d ? next_row(f, &r) : WEIR_ENOMEM;
    if (!err) {
        deliver(f, r, d);
        *out = &d->face;
    } else if (d) {
        wr_mem_delivery_put(f->sub, d);
    }
    return err;
}

/* Those whose letters could not be stored stay to be delivered. */
static int bury(struct fetch *f)
{
    struct wr_mem_row *r, *next;
    const int err = wr_mem_bury(f->sub, &f->dying, "deliveries");
    for (r = f->dying; r; r = next) {
        next = r->dying;
        wr_mem_row_set(f->sub->group, r, WR_MEM_WAITING, 0);
    }
    return err;
}

/* How many; WEIR_EMPTY, or why none. */
static ptrdiff_t fetch(struct wr_mem_sub *s, weir_delivery **d, size_t n)
{
    struct fetch f = {.sub = s, .now = weir_now()};
    size_t k = 0;
    int err = 0;
    if (s->topic->aged)
        wr_mem_expire(s->topic, f.now);
    if (s->lost != s->group->lost) {
        s->lost = s->group->lost;
        return WEIR_LAGGED;
    }
    while (!err && k < n) {
        err = fetch_one(&f, &d[k]);
        k += !err;
    }
    const bool again = f.dying || s->lost != s->group->lost;
    const int failed = f.dying ? bury(&f) : 0;
    if (k)
        return (ptrdiff_t)k;
    return failed ? failed : again ? 0 : err;
}

/* ---- waiting ------------------------------------------------------------- */

static int wait_for_message(struct wr_mem_sub *s, weir_ctx *ctx)
{
    struct wr_mem_group *g = s->group;
    const struct wr_mem_row *r = wr_mem_earliest(g);
    struct wr_mem_waiter w;
    int64_t until = WEIR_FOREVER;
    wr_mem_join(&g->line, &w, s, false);
    if (r && (!g->keeper || r->due < g->keeps)) {
        g->keeper = &w;
        until = g->keeps = r->due;
    }
    const int err = wr_mem_wait(s->topic, &g->line, &w, until, ctx);
    if (g->keeper == &w)
        g->keeper = NULL;
    return err;
}

/* Leaves no work, and no time to be kept, to those who sleep. */
static void pass_on(struct wr_mem_group *g)
{
    if (!g->line.first)
        return;
    if (wr_mem_group_ready(g, weir_now()))
        wr_mem_group_wake(g, 1);
    else if (g->heap.count && !g->keeper)
        wr_mem_group_rouse(g);
}

ptrdiff_t wr_mem_recv(struct wr_mem_sub *s, weir_delivery **d, size_t n,
                      bool now, weir_ctx *ctx)
{
    ptrdiff_t got;
    int err = wr_mem_enter(s->topic);
    if (err)
        return err;
    do {
        got = s->closed || s->group->removed ? WEIR_CLOSED : fetch(s, d, n);
        if (got != WEIR_EMPTY || now)
            continue;
        err = wait_for_message(s, ctx);
        got = err ? err : 0;
    } while (got == 0);
    pass_on(s->group);
    wr_mem_settled_some(s->topic);
    wr_mem_leave(s->topic);
    return got;
}
