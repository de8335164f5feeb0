/* SPDX-License-Identifier: MIT */
/*
 * The death of what nobody asks for: a message whose last delivery is over
 * goes to the dead letters at its time, by the rules of the strictest
 * subscription that is open, and without a receiver.
 *
 *   timer of the group --rise--> task --> looks at all that is in flight, and
 *                                         sets the timer anew
 *
 * The timer is set, under the topic's lock, to when the first of the last
 * deliveries is over, or earlier. Its callback takes no lock, so the timer may
 * be stopped with the lock: that is done before the group is freed. From then
 * on the task holds the group (`undertakers`) and the topic, and while the lock
 * is left the subscription by whose rules it buries (`buries`).
 */
#include <weir/task.h>
#include <weir/time.h>

#include "base/mem.h"
#include "event/mem_topic.h"

enum { AT_ONCE = 64 };
#define AGAIN (10 * WEIR_MILLISECOND) /* when there was no memory */

static void rise(void *group);

/* ---- the time ------------------------------------------------------------ */

/* Without a runtime they die when somebody asks. */
static void set(struct wr_mem_group *g, int64_t at)
{
    if (at >= g->dies_at)
        return;
    g->dies_at = at;
    if (weir_timer_set(&g->undertaker, at - weir_now(), rise, g) < 0)
        g->dies_at = WEIR_FOREVER;
}

void wr_mem_may_die(struct wr_mem_group *g, const struct wr_mem_row *r)
{
    if (g->judge && r->deliveries >= g->judge->max_deliveries)
        set(g, r->due);
}

/* ---- the rules ----------------------------------------------------------- */

static void choose(struct wr_mem_group *g)
{
    g->judge = g->mortals;
    for (struct wr_mem_sub *s = g->mortals; s; s = s->next_mortal)
        if (s->max_deliveries < g->judge->max_deliveries)
            g->judge = s;
}

void wr_mem_mortal(struct wr_mem_sub *s)
{
    struct wr_mem_group *g = s->group;
    if (!s->max_deliveries)
        return;
    s->next_mortal = g->mortals;
    g->mortals = s;
    choose(g);
}

void wr_mem_not_mortal(struct wr_mem_sub *s)
{
    struct wr_mem_sub **at = &s->group->mortals;
    while (*at && *at != s)
        at = &(*at)->next_mortal;
    if (*at)
        *at = s->next_mortal;
    choose(s->group);
}

/* ---- the task ------------------------------------------------------------ */

/* Those that are dead at that time, some of them; *next: when the first of the
 * others is. */
static struct wr_mem_row *find_dead(struct wr_mem_group *g, int64_t now,
                                    int64_t *next)
{
    const struct wr_mem_heap *h = &g->heap;
    struct wr_mem_row *dead = NULL, *dying = NULL;
    size_t n = 0;
    for (size_t i = 0; i < h->count; i++) {
        struct wr_mem_row *r = h->rows[i];
        if (r->deliveries < g->judge->max_deliveries)
            continue;
        if (r->due <= now && n++ < AT_ONCE) {
            r->dying = dead;
            dead = r;
        } else if (r->due < *next) {
            *next = r->due;
        }
    }
    for (struct wr_mem_row *r; (r = dead) != NULL;) {
        dead = r->dying;
        wr_mem_row_detach(r);
        wr_mem_row_dies(g, r, &dying);
    }
    return dying;
}

/* False: there was no memory. */
static bool bury(struct wr_mem_group *g, struct wr_mem_row *dying)
{
    struct wr_mem_sub *s = g->judge;
    s->buries++;
    const int err = wr_mem_bury(s, &dying, "deliveries");
    for (struct wr_mem_row *r; (r = dying) != NULL;) {
        dying = r->dying;
        wr_mem_row_set(g, r, WR_MEM_WAITING, 0);
    }
    if (!--s->buries && s->over)
        wr_free(s);
    wr_mem_settled_some(g->topic);
    return !err;
}

static void look(struct wr_mem_group *g)
{
    const int64_t now = weir_now();
    int64_t next = WEIR_FOREVER;
    g->dies_at = WEIR_FOREVER;
    if (g->topic->aged)
        wr_mem_expire(g->topic, now);
    if (!g->judge || g->removed)
        return;
    struct wr_mem_row *dying = find_dead(g, now, &next);
    if (dying && !bury(g, dying))
        next = weir_now() + AGAIN;
    if (!g->removed)
        set(g, next);
}

static void undertake(void *group)
{
    struct wr_mem_group *g = group;
    struct wr_mem_topic *t = g->topic;
    if (wr_mem_enter(t) == 0) {
        look(g);
        __atomic_fetch_sub(&g->undertakers, 1, __ATOMIC_RELAXED);
        wr_mem_group_end(g);
        wr_mem_leave(t);
    }
    wr_mem_topic_put(t);
}

/* Neither reference is the last, for the group is not freed meanwhile. */
static void rise(void *group)
{
    struct wr_mem_group *g = group;
    __atomic_fetch_add(&g->undertakers, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&g->topic->refs, 1, __ATOMIC_RELAXED);
    if (weir_go(undertake, g) == 0)
        return;
    __atomic_fetch_sub(&g->undertakers, 1, __ATOMIC_RELAXED);
    wr_mem_topic_put(g->topic);
    (void)weir_timer_set(&g->undertaker, AGAIN, rise, g);
}
