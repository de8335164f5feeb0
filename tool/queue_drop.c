/* SPDX-License-Identifier: MIT */
/* The policies that drop: only whole records, each under a reason. Called
 * under the queue's lock. */
#include "queue_list.h"

#include <string.h>

/* What is over one of the bounds with the span in. */
static uint64_t excess(uint64_t have, uint64_t more, uint64_t bound)
{
    return have + more > bound ? have + more - bound : 0;
}

/* Makes room for the span at the cost of what is older, the span's own front
 * last. */
static void drop_oldest(struct queue *q, struct span *s, enum drop_reason why)
{
    for (;;) {
        uint64_t bytes = excess(q->bytes, span_length(s), q->o.most_bytes);
        uint64_t units = excess(q->units, s->units, q->o.most_units);
        if ((bytes == 0 && units == 0) || span_length(s) == 0)
            return;
        struct span *victim = q->first ? &q->first->at : s;
        struct piece p = span_reaching(q->o.mark, victim, bytes, units);
        queue_drop(q, why, p.units);
        span_cut(victim, p);
        if (victim == s)
            continue;
        queue_lessen(q, p.bytes, p.units);
        if (span_length(victim) == 0)
            queue_free_slice(queue_remove_first(q));
    }
}

/* Enters what fits and leaves the rest in *s. */
static void enter_front(struct queue *q, struct span *s, int64_t now)
{
    struct piece p =
        span_front(q->o.mark, s, queue_room_bytes(q), queue_room_units(q));
    queue_enter(q, span_cut(s, p), now);
}

static bool chosen(struct queue *q)
{
    q->dice ^= q->dice << 13;
    q->dice ^= q->dice >> 7;
    q->dice ^= q->dice << 17;
    return q->dice % q->o.sample_every == 0;
}

/* One in so many takes the oldest's place. */
static void enter_sample(struct queue *q, struct span *s, int64_t now)
{
    while (span_length(s) > 0) {
        size_t n = span_record(q->o.mark, span_at(s, 0), span_length(s));
        struct span one = span_cut(s, (struct piece){n, 1});
        if (chosen(q)) {
            drop_oldest(q, &one, DROP_SAMPLED);
            queue_enter(q, one, now);
        } else {
            queue_drop(q, DROP_SAMPLED, 1);
        }
    }
}

/* The last record in the place of whatever waits. */
static void enter_latest(struct queue *q, struct span *s, int64_t now)
{
    while (q->first) {
        struct slice *old = queue_remove_first(q);
        queue_drop(q, DROP_LATEST, old->at.units);
        queue_lessen(q, span_length(&old->at), old->at.units);
        queue_free_slice(old);
    }
    if (s->units > 1) {
        const char *from = span_at(s, 0);
        const char *mark = memrchr(from, q->o.mark, span_length(s) - 1);
        size_t older = (size_t)(mark - from) + 1;
        queue_drop(q, DROP_LATEST, s->units - 1);
        span_cut(s, (struct piece){older, s->units - 1});
    }
    queue_enter(q, *s, now);
}

void queue_enter_by_policy(struct queue *q, struct span s, int64_t now)
{
    if (q->o.policy == WEIR_DROP_OLDEST) {
        drop_oldest(q, &s, DROP_OLDEST);
        queue_enter(q, s, now);
    } else if (q->o.policy == WEIR_LATEST) {
        enter_latest(q, &s, now);
    } else {
        enter_front(q, &s, now);
        if (span_length(&s) == 0)
            return;
        if (q->o.policy == WEIR_SAMPLE)
            enter_sample(q, &s, now);
        else if (q->o.policy == WEIR_ERROR)
            q->overrun = q->closed = true;
        queue_drop(q, q->overrun ? DROP_REFUSED : DROP_NEWEST, s.units);
    }
}

/* ---- records that come in pieces ----------------------------------------- */

static void skip(struct queue *q, enum drop_reason why)
{
    q->open = 0;
    q->skipping = true;
    q->reason = why;
}

/* More of the record that is open. */
static void open_add(struct queue *q, const char *data, size_t n)
{
    if (q->skipping || n == 0)
        return;
    if (n > q->o.most_bytes - q->open) {
        skip(q, DROP_TOO_BIG);
    } else if (!queue_own_reserve(q, n)) {
        skip(q, DROP_NEWEST);
    } else {
        memcpy(q->own->data + q->own->used + q->open, data, n);
        q->open += n;
    }
}

void queue_end_record(struct queue *q, int64_t now)
{
    if (q->skipping) {
        q->skipping = false;
        queue_drop(q, q->reason, 1);
        return;
    }
    size_t from = q->own->used;
    q->own->used += q->open;
    q->open = 0;
    queue_enter_by_policy(q, (struct span){q->own, from, q->own->used, 1}, now);
}

void queue_put_records(struct queue *q, struct span *s, int64_t now)
{
    if ((q->open || q->skipping) && s->units == 0) {
        open_add(q, span_at(s, 0), span_length(s));
        return;
    }
    if (q->open || q->skipping) {
        size_t n = span_record(q->o.mark, span_at(s, 0), span_length(s));
        open_add(q, span_at(s, 0), n);
        queue_end_record(q, now);
        span_cut(s, (struct piece){n, 1});
    }
    if (s->units > 0) {
        const char *from = span_at(s, 0);
        const char *mark = memrchr(from, q->o.mark, span_length(s));
        size_t n = (size_t)(mark - from) + 1;
        queue_enter_by_policy(q, span_cut(s, (struct piece){n, s->units}), now);
    }
    if (span_length(s) > 0)
        open_add(q, span_at(s, 0), span_length(s));
}
