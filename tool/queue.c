/* SPDX-License-Identifier: MIT */
#include "queue.h"

#include <stdlib.h>
#include <string.h>

#include "count.h"

enum {
    HAND_MOST = 4096,          /* taken while the rest may still be dropped */
    LINGER_ENOUGH = 64 * 1024, /* as much as this waits for no more         */
    SMALL_SHARE = 8            /* of a block: less is copied, not referred to */
};

/* What has come within this time, or an eighth of the oldest's age, counts as
 * having come together. */
#define TOGETHER WEIR_MILLISECOND

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

static void free_slice(struct slice *s)
{
    block_unref(s->at.block);
    free(s);
}

void queue_fini(struct queue *q)
{
    while (q->first) {
        struct slice *s = q->first;
        q->first = s->next;
        free_slice(s);
    }
    block_unref(q->own);
    q->own = NULL;
}

uint64_t queue_count(const struct queue *q, const char *data, size_t n)
{
    return q->o.mark < 0 ? n : count_byte(data, n, (char)q->o.mark);
}

/* ---- spans and their fronts ---------------------------------------------- */

static size_t length(const struct span *s)
{
    return s->end - s->start;
}

static const char *bytes_at(const struct span *s, size_t offset)
{
    return s->block->data + s->start + offset;
}

static size_t record_length(const struct queue *q, const char *data, size_t n)
{
    const char *mark = memchr(data, q->o.mark, n);
    return mark ? (size_t)(mark - data) + 1 : n;
}

struct piece queue_front(const struct queue *q, const struct span *s,
                         uint64_t bytes, uint64_t units)
{
    struct piece p = {0, 0};
    size_t n = length(s);
    if (n <= bytes && s->units <= units)
        return (struct piece){n, s->units};
    if (q->o.mark < 0) {
        p.units = least(least(bytes, units), n);
        p.bytes = (size_t)p.units;
        return p;
    }
    while (p.bytes < n && p.units < units) {
        size_t len = record_length(q, bytes_at(s, p.bytes), n - p.bytes);
        if (p.bytes + len > bytes)
            break;
        p.bytes += len;
        p.units++;
    }
    return p;
}

/* The same where a record may be cut. */
static struct piece raw_front(const struct queue *q, const struct span *s,
                              uint64_t bytes, uint64_t units)
{
    struct span within = *s;
    if (length(s) <= bytes && s->units <= units)
        return (struct piece){length(s), s->units};
    if (length(s) > bytes) {
        within.end = within.start + (size_t)bytes;
        within.units = queue_count(q, bytes_at(&within, 0), (size_t)bytes);
    }
    return queue_front(q, &within, bytes, units);
}

/* The shortest front of the span that reaches both numbers, or all of it. */
static struct piece front_reaching(const struct queue *q, const struct span *s,
                                   uint64_t bytes, uint64_t units)
{
    struct piece p = {0, 0};
    size_t n = length(s);
    if (n <= bytes || s->units <= units)
        return (struct piece){n, s->units};
    if (q->o.mark < 0) {
        p.units = most(bytes, units);
        p.bytes = (size_t)p.units;
        return p;
    }
    while (p.bytes < bytes || p.units < units) {
        p.bytes += record_length(q, bytes_at(s, p.bytes), n - p.bytes);
        p.units++;
    }
    return p;
}

/* Cuts the front off; it is the result. */
static struct span cut(struct span *s, struct piece p)
{
    struct span front = {s->block, s->start, s->start + p.bytes, p.units};
    s->start += p.bytes;
    s->units -= p.units;
    return front;
}

/* ---- fill ---------------------------------------------------------------- */

static uint64_t room_bytes(const struct queue *q)
{
    return q->o.most_bytes - least(q->bytes, q->o.most_bytes);
}

static uint64_t room_units(const struct queue *q)
{
    return q->o.most_units - least(q->units, q->o.most_units);
}

static double fill(const struct queue *q)
{
    double bytes = 100.0 * (double)q->bytes / (double)q->o.most_bytes;
    double units = q->o.most_units == UINT64_MAX
                       ? 0
                       : 100.0 * (double)q->units / (double)q->o.most_units;
    return bytes > units ? bytes : units;
}

static bool has_room(const struct queue *q)
{
    return q->gone || (!q->paused && room_bytes(q) > 0 && room_units(q) > 0);
}

/* After something came. */
static void update_fill(struct queue *q)
{
    double now = fill(q);
    if (now > q->highest)
        q->highest = now < 100 ? now : 100;
    if (q->o.high && now >= q->o.high)
        q->paused = true;
    if (!q->started && (now >= q->o.start_fill || q->paused))
        q->started = true;
}

static void lessen(struct queue *q, uint64_t bytes, uint64_t units)
{
    q->bytes -= bytes;
    q->units -= units;
    if (q->paused && fill(q) <= q->o.low)
        q->paused = false;
}

static void drop(struct queue *q, enum drop_reason why, uint64_t units)
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
static bool append(struct queue *q, const struct span *s, int64_t now)
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
    q->bytes += length(s);
    q->units += s->units;
    update_fill(q);
    return true;
}

static struct slice *remove_first(struct queue *q)
{
    struct slice *s = q->first;
    q->first = s->next;
    s->next = NULL;
    return s;
}

/* Makes sure that n more bytes fit behind what own holds of the record that
 * is open. False: out of memory. */
static bool own_reserve(struct queue *q, size_t n)
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
    size_t n = length(s);
    bool gaps = q->o.policy != WEIR_BLOCK && q->o.policy != WEIR_DROP_OLDEST;
    bool next_to = q->first && q->last->at.block == s->block &&
                   q->last->at.end == s->start;
    if (!gaps || next_to || s->block == q->own ||
        n >= q->o.pool->size / SMALL_SHARE || !own_reserve(q, n))
        return;
    memcpy(q->own->data + q->own->used, bytes_at(s, 0), n);
    s->block = q->own;
    s->start = q->own->used;
    s->end = q->own->used += n;
}

static void enter(struct queue *q, struct span s, int64_t now)
{
    if (length(&s) == 0)
        return;
    make_own(q, &s);
    if (!append(q, &s, now))
        drop(q, DROP_NEWEST, s.units);
}

/* ---- the policies that drop ---------------------------------------------- */

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
        uint64_t bytes = excess(q->bytes, length(s), q->o.most_bytes);
        uint64_t units = excess(q->units, s->units, q->o.most_units);
        if ((bytes == 0 && units == 0) || length(s) == 0)
            return;
        struct span *victim = q->first ? &q->first->at : s;
        struct piece p = front_reaching(q, victim, bytes, units);
        drop(q, why, p.units);
        cut(victim, p);
        if (victim == s)
            continue;
        lessen(q, p.bytes, p.units);
        if (length(victim) == 0)
            free_slice(remove_first(q));
    }
}

/* Enters what fits and leaves the rest in *s. */
static void enter_front(struct queue *q, struct span *s, int64_t now)
{
    struct piece p = queue_front(q, s, room_bytes(q), room_units(q));
    enter(q, cut(s, p), now);
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
    while (length(s) > 0) {
        size_t n = record_length(q, bytes_at(s, 0), length(s));
        struct span one = cut(s, (struct piece){n, 1});
        if (chosen(q)) {
            drop_oldest(q, &one, DROP_SAMPLED);
            enter(q, one, now);
        } else {
            drop(q, DROP_SAMPLED, 1);
        }
    }
}

/* The last record in the place of whatever waits. */
static void enter_latest(struct queue *q, struct span *s, int64_t now)
{
    while (q->first) {
        struct slice *old = remove_first(q);
        drop(q, DROP_LATEST, old->at.units);
        lessen(q, length(&old->at), old->at.units);
        free_slice(old);
    }
    if (s->units > 1) {
        const char *from = bytes_at(s, 0);
        const char *mark = memrchr(from, q->o.mark, length(s) - 1);
        size_t older = (size_t)(mark - from) + 1;
        drop(q, DROP_LATEST, s->units - 1);
        cut(s, (struct piece){older, s->units - 1});
    }
    enter(q, *s, now);
}

/* Whole records, or bytes. */
static void enter_by_policy(struct queue *q, struct span s, int64_t now)
{
    if (q->o.policy == WEIR_DROP_OLDEST) {
        drop_oldest(q, &s, DROP_OLDEST);
        enter(q, s, now);
    } else if (q->o.policy == WEIR_LATEST) {
        enter_latest(q, &s, now);
    } else {
        enter_front(q, &s, now);
        if (length(&s) == 0)
            return;
        if (q->o.policy == WEIR_SAMPLE)
            enter_sample(q, &s, now);
        else if (q->o.policy == WEIR_ERROR)
            q->overrun = q->closed = true;
        drop(q, q->overrun ? DROP_REFUSED : DROP_NEWEST, s.units);
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
    } else if (!own_reserve(q, n)) {
        skip(q, DROP_NEWEST);
    } else {
        memcpy(q->own->data + q->own->used + q->open, data, n);
        q->open += n;
    }
}

/* The record that is open is at its end. */
static void open_end(struct queue *q, int64_t now)
{
    if (q->skipping) {
        q->skipping = false;
        drop(q, q->reason, 1);
        return;
    }
    size_t from = q->own->used;
    q->own->used += q->open;
    q->open = 0;
    enter_by_policy(q, (struct span){q->own, from, q->own->used, 1}, now);
}

static void put_records(struct queue *q, struct span *s, int64_t now)
{
    if ((q->open || q->skipping) && s->units == 0) {
        open_add(q, bytes_at(s, 0), length(s));
        return;
    }
    if (q->open || q->skipping) {
        size_t n = record_length(q, bytes_at(s, 0), length(s));
        open_add(q, bytes_at(s, 0), n);
        open_end(q, now);
        cut(s, (struct piece){n, 1});
    }
    if (s->units > 0) {
        const char *from = bytes_at(s, 0);
        const char *mark = memrchr(from, q->o.mark, length(s));
        size_t n = (size_t)(mark - from) + 1;
        enter_by_policy(q, cut(s, (struct piece){n, s->units}), now);
    }
    if (length(s) > 0)
        open_add(q, bytes_at(s, 0), length(s));
}

/* ---- putting ------------------------------------------------------------- */

static int put_blocking(struct queue *q, struct span *s, int64_t now)
{
    if (!has_room(q))
        return 0;
    struct span rest = *s;
    struct piece p = raw_front(q, s, room_bytes(q), room_units(q));
    struct span front = cut(&rest, p);
    if (!append(q, &front, now))
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
        enter_by_policy(q, *s, now);
    } else {
        put_records(q, s, now);
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
    if (!has_room(q)) {
        q->blocked_since = weir_now();
        q->started = q->pressed = true;
        weir_cond_signal(&q->filled);
        while (!has_room(q) && !code)
            code = weir_cond_wait(&q->room, &q->lock, ctx);
        q->pressed = false;
        q->blocked += weir_now() - q->blocked_since;
        q->blocked_since = 0;
    }
    code = has_room(q) ? 0 : code;
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
        drop(q, DROP_REFUSED, 1);
    else if (q->o.policy != WEIR_BLOCK)
        open_end(q, weir_now());
    else if (!append(q, &nothing, weir_now()))
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
    struct piece p = whole ? queue_front(q, &s->at, limit.bytes, limit.units)
                           : raw_front(q, &s->at, limit.bytes, limit.units);
    if (p.bytes == 0 && length(&s->at) > 0)
        p = front_reaching(q, &s->at, 1, 1);
    if (p.bytes == length(&s->at))
        return remove_first(q);
    struct slice *front = malloc(sizeof *front);
    if (!front)
        return remove_first(q);
    *front = (struct slice){.at = cut(&s->at, p), .arrived = s->arrived};
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
    lessen(q, bytes, units);
    if (has_room(q))
        weir_cond_signal(&q->room);
    weir_mutex_unlock(&q->lock);
}

void queue_done(struct queue *q, struct slice *s, bool stayed)
{
    if (stayed)
        residence_add(&q->residence, weir_now() - s->arrived, s->at.units);
    queue_written(q, length(&s->at), s->at.units);
    q->hand_arrived = 0;
    free_slice(s);
}

void queue_refuse(struct queue *q, _Atomic uint64_t *column)
{
    weir_mutex_lock(&q->lock, NULL);
    q->gone = column;
    while (q->first) {
        struct slice *s = remove_first(q);
        *column += s->at.units;
        lessen(q, length(&s->at), s->at.units);
        free_slice(s);
    }
    weir_cond_signal(&q->room);
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
        .fill = (unsigned)(fill(q) < 100 ? fill(q) : 100),
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
