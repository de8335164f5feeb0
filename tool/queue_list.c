/* SPDX-License-Identifier: MIT */
/* The list of slices and what it comes to: everything here is called under
 * the queue's lock. */
#include "queue_list.h"

#include <stdlib.h>
#include <string.h>

enum { SMALL_SHARE = 8 /* of a block: less is copied, not referred to */ };

/* What has come within this time, or an eighth of the oldest's age, counts as
 * having come together. */
#define TOGETHER WEIR_MILLISECOND

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void queue_free_slice(struct slice *s)
{
    block_unref(s->at.block);
    free(s);
}

/* ---- fill ---------------------------------------------------------------- */

uint64_t queue_room_bytes(const struct queue *q)
{
    return q->o.most_bytes - least(q->bytes, q->o.most_bytes);
}

uint64_t queue_room_units(const struct queue *q)
{
    return q->o.most_units - least(q->units, q->o.most_units);
}

double queue_fill(const struct queue *q)
{
    double bytes = 100.0 * (double)q->bytes / (double)q->o.most_bytes;
    double units = q->o.most_units == UINT64_MAX
                       ? 0
                       : 100.0 * (double)q->units / (double)q->o.most_units;
    return bytes > units ? bytes : units;
}

bool queue_has_room(const struct queue *q)
{
    return q->gone ||
           (!q->paused && queue_room_bytes(q) > 0 && queue_room_units(q) > 0);
}

/* After something came. */
static void update_fill(struct queue *q)
{
    double now = queue_fill(q);
    if (now > q->highest)
        q->highest = now < 100 ? now : 100;
    if (q->o.high && now >= q->o.high)
        q->paused = true;
    if (!q->started && (now >= q->o.start_fill || q->paused))
        q->started = true;
}

void queue_lessen(struct queue *q, uint64_t bytes, uint64_t units)
{
    q->bytes -= bytes;
    q->units -= units;
    if (q->paused && queue_fill(q) <= q->o.low)
        q->paused = false;
}

void queue_drop(struct queue *q, enum drop_reason why, uint64_t units)
{
    q->o.ledger->dropped[why] += units;
    q->started = true;
}

/* ---- into the list ------------------------------------------------------- */

static bool came_together(const struct queue *q, int64_t now)
{
    int64_t apart = now - q->last->arrived;
    return apart <= TOGETHER || apart <= q->o.linger ||
           apart <= (now - q->first->arrived) / 8;
}

/* Behind the last; false: out of memory. Takes a reference of its own. */
bool queue_append(struct queue *q, const struct span *s, int64_t now)
{
    struct slice *last = q->first ? q->last : NULL;
    if (last && last->at.block == s->block && last->at.end == s->start &&
        came_together(q, now)) {
        last->at.end = s->end;
        last->at.units += s->units;
    } else {
        struct slice *new = malloc(sizeof *new);
        if (!new)
            return false;
        *new = (struct slice){.at = *s, .arrived = now};
        if (s->block)
            block_ref(s->block);
        if (last)
            last->next = new;
        else
            q->first = new;
        q->last = new;
    }
    q->bytes += span_length(s);
    q->units += s->units;
    update_fill(q);
    return true;
}

struct slice *queue_remove_first(struct queue *q)
{
    struct slice *s = q->first;
    q->first = s->next;
    s->next = NULL;
    return s;
}

/* Makes sure that n more bytes fit behind what own holds of the record that
 * is open. False: out of memory. */
bool queue_own_reserve(struct queue *q, size_t n)
{
    struct block *own = q->own;
    if (own && n <= own->size - own->used - q->open)
        return true;
    size_t need = q->open + n;
    struct block *new = pool_get(q->o.pool, q->open ? 2 * need : need);
    if (!new)
        return false;
    if (q->open)
        memcpy(new->data, own->data + own->used, q->open);
    block_unref(own);
    q->own = new;
    return true;
}

/* A little that would keep a whole block from being used again becomes a
 * copy. Where no gaps arise, every byte of a block is wanted anyway. */
static void make_own(struct queue *q, struct span *s)
{
    size_t n = span_length(s);
    bool gaps = q->o.policy != WEIR_BLOCK && q->o.policy != WEIR_DROP_OLDEST;
    bool next_to = q->first && q->last->at.block == s->block &&
                   q->last->at.end == s->start;
    if (!gaps || next_to || s->block == q->own ||
        n >= q->o.pool->size / SMALL_SHARE || !queue_own_reserve(q, n))
        return;
    memcpy(q->own->data + q->own->used, span_at(s, 0), n);
    s->block = q->own;
    s->start = q->own->used;
    s->end = q->own->used += n;
}

void queue_enter(struct queue *q, struct span s, int64_t now)
{
    if (span_length(&s) == 0)
        return;
    make_own(q, &s);
    if (!queue_append(q, &s, now))
        queue_drop(q, DROP_NEWEST, s.units);
}
