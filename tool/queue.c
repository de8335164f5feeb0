/* SPDX-License-Identifier: MIT */
#include "queue_list.h"

#include <stdlib.h>

enum {
    HAND_MOST = 4096,          /* taken while the rest may still be dropped */
    LINGER_ENOUGH = 64 * 1024, /* as much as this waits for no more         */
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void queue_init(struct queue *q, const struct queue_opts *o)
{
    *q = (struct queue){.o = *o, .dice = 0x9e3779b97f4a7c15};
    q->started = o->start_fill == 0;
}

void queue_fini(struct queue *q)
{
    while (q->first) {
        struct slice *s = q->first;
        q->first = s->next;
        queue_free_slice(s);
    }
    block_unref(q->own);
    q->own = NULL;
}

/* ---- putting ------------------------------------------------------------- */

static int put_blocking(struct queue *q, struct span *s, int64_t now)
{
    if (!queue_has_room(q))
        return 0;
    struct span rest = *s;
    struct piece p =
        span_raw_front(q->o.mark, s, queue_room_bytes(q), queue_room_units(q));
    struct span front = span_cut(&rest, p);
    if (!queue_append(q, &front, now))
        return WEIR_ENOMEM;
    *s = rest;
    return 0;
}

static void wake_writer(struct queue *q)
{
    if (q->started)
        weir_cond_signal(&q->filled);
}

int queue_put(struct queue *q, struct span *s, int64_t now)
{
    int code = 0;
    weir_mutex_lock(&q->lock, NULL);
    if (q->gone || q->overrun) {
        *(q->gone ? q->gone : &q->o.ledger->dropped[DROP_REFUSED]) += s->units;
        code = WEIR_CLOSED;
    } else if (q->o.policy == WEIR_BLOCK) {
        code = put_blocking(q, s, now);
    } else if (q->o.mark < 0) {
        queue_enter_by_policy(q, *s, now);
    } else {
        queue_put_records(q, s, now);
    }
    if (code == WEIR_CLOSED || q->o.policy != WEIR_BLOCK)
        s->start = s->end;
    wake_writer(q);
    weir_mutex_unlock(&q->lock);
    return code;
}

int queue_wait_room(struct queue *q, weir_ctx *ctx)
{
    int code = 0;
    weir_mutex_lock(&q->lock, NULL);
    if (!queue_has_room(q)) {
        q->blocked_since = weir_now();
        q->started = q->pressed = true;
        weir_cond_signal(&q->filled);
        while (!queue_has_room(q) && !code)
            code = weir_cond_wait(&q->room, &q->lock, ctx);
        q->pressed = false;
        q->blocked += weir_now() - q->blocked_since;
        q->blocked_since = 0;
    }
    code = queue_has_room(q) ? 0 : code;
    weir_mutex_unlock(&q->lock);
    return code;
}

void queue_press(struct queue *q)
{
    weir_mutex_lock(&q->lock, NULL);
    q->started = q->pressed = true;
    weir_cond_signal(&q->filled);
    weir_mutex_unlock(&q->lock);
}

/* The last record lacks its mark: it counts, though no byte comes. */
static void end_unmarked(struct queue *q)
{
    struct span nothing = {.units = 1};
    if (q->gone)
        *q->gone += 1;
    else if (q->overrun)
        queue_drop(q, DROP_REFUSED, 1);
    else if (q->o.policy != WEIR_BLOCK)
        queue_end_record(q, weir_now());
    else if (!queue_append(q, &nothing, weir_now()))
        q->o.ledger->out++;
}

void queue_close(struct queue *q, bool unmarked)
{
    weir_mutex_lock(&q->lock, NULL);
    if (unmarked)
        end_unmarked(q);
    q->closed = true;
    weir_cond_broadcast(&q->filled);
    weir_mutex_unlock(&q->lock);
}

/* ---- taking -------------------------------------------------------------- */

/* Under the lock, and something is there: is it to wait for more? */
static bool lingers(const struct queue *q)
{
    return q->o.linger > 0 && !q->closed && !q->pressed &&
           q->bytes < least(LINGER_ENOUGH, q->o.most_bytes) &&
           q->units < q->o.most_units &&
           weir_now() < q->first->arrived + q->o.linger;
}

/* Waits once; 0 also when the time to linger is over. */
static int wait_filled(struct queue *q, weir_ctx *ctx)
{
    weir_ctx limit;
    if (!q->first || !q->started)
        return weir_cond_wait(&q->filled, &q->lock, ctx);
    int code =
        weir_ctx_init_deadline(&limit, ctx, q->first->arrived + q->o.linger);
    if (code)
        return code;
    code = weir_cond_wait(&q->filled, &q->lock, &limit);
    weir_ctx_fini(&limit);
    return code == WEIR_TIMEDOUT && !weir_ctx_err(ctx) ? 0 : code;
}

/* How much is taken at once; the rest may still be dropped. */
static struct piece hand(const struct queue *q, uint64_t bytes, uint64_t units)
{
    if (q->o.policy == WEIR_DROP_OLDEST || q->o.policy == WEIR_SAMPLE) {
        bytes = least(bytes, least(HAND_MOST, q->o.most_bytes / 4));
        units = least(units, q->o.most_units / 4);
    }
    return (struct piece){(size_t)most(1, bytes), most(1, units)};
}

/* The first slice, or a front of it as a slice of its own. */
static struct slice *take_front(struct queue *q, struct piece limit)
{
    struct slice *s = q->first;
    bool whole = q->o.policy != WEIR_BLOCK;
    struct piece p =
        whole ? span_front(q->o.mark, &s->at, limit.bytes, limit.units)
              : span_raw_front(q->o.mark, &s->at, limit.bytes, limit.units);
    if (p.bytes == 0 && span_length(&s->at) > 0)
        p = span_reaching(q->o.mark, &s->at, 1, 1);
    if (p.bytes == span_length(&s->at))
        return queue_remove_first(q);
    struct slice *front = malloc(sizeof *front);
    if (!front)
        return queue_remove_first(q);
    *front = (struct slice){.at = span_cut(&s->at, p), .arrived = s->arrived};
    block_ref(front->at.block);
    return front;
}

bool queue_await(struct queue *q, weir_ctx *ctx)
{
    int code = 0;
    weir_mutex_lock(&q->lock, NULL);
    while (!code &&
           (q->first && (q->started || q->closed) ? lingers(q) : !q->closed))
        code = wait_filled(q, ctx);
    bool some = q->first && !code;
    weir_mutex_unlock(&q->lock);
    return some;
}

struct slice *queue_take(struct queue *q, uint64_t most_bytes,
                         uint64_t most_units)
{
    weir_mutex_lock(&q->lock, NULL);
    struct slice *s = take_front(q, hand(q, most_bytes, most_units));
    q->hand_arrived = s->arrived;
    weir_mutex_unlock(&q->lock);
    return s;
}

void queue_written(struct queue *q, uint64_t bytes, uint64_t units)
{
    weir_mutex_lock(&q->lock, NULL);
    queue_lessen(q, bytes, units);
    if (queue_has_room(q))
        weir_cond_signal(&q->room);
    weir_mutex_unlock(&q->lock);
}

void queue_done(struct queue *q, struct slice *s, bool stayed)
{
    if (stayed)
        residence_add(&q->residence, weir_now() - s->arrived, s->at.units);
    queue_written(q, span_length(&s->at), s->at.units);
    q->hand_arrived = 0;
    queue_free_slice(s);
}

void queue_refuse(struct queue *q, _Atomic uint64_t *column)
{
    weir_mutex_lock(&q->lock, NULL);
    q->gone = column;
    while (q->first) {
        struct slice *s = queue_remove_first(q);
        *column += s->at.units;
        queue_lessen(q, span_length(&s->at), s->at.units);
        queue_free_slice(s);
    }
    weir_cond_signal(&q->room);
    weir_mutex_unlock(&q->lock);
}

void queue_reopen(struct queue *q)
{
    weir_mutex_lock(&q->lock, NULL);
    q->gone = NULL;
    q->closed = false;
    weir_mutex_unlock(&q->lock);
}

/* ---- looking ------------------------------------------------------------- */

struct flow_state queue_look(void *arg)
{
    struct queue *q = arg;
    int64_t now = weir_now();
    weir_mutex_lock(&q->lock, NULL);
    int64_t since = q->hand_arrived ? q->hand_arrived
                    : q->first      ? q->first->arrived
                                    : now;
    struct flow_state state = {
        .fill = (unsigned)(queue_fill(q) < 100 ? queue_fill(q) : 100),
        .highest = (unsigned)q->highest,
        .blocked = q->blocked + (q->blocked_since ? now - q->blocked_since : 0),
        .oldest = now > since ? now - since : 0,
    };
    weir_mutex_unlock(&q->lock);
    state.p99 = residence_quantile(&q->residence, 0.99);
    return state;
}

bool queue_is_dead(struct queue *q)
{
    weir_mutex_lock(&q->lock, NULL);
    bool dead = q->gone || q->overrun;
    weir_mutex_unlock(&q->lock);
    return dead;
}
