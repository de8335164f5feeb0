/* SPDX-License-Identifier: MIT */
#include "queue.h"

#include <stdlib.h>
#include <string.h>

#include "count.h"

enum {
    CHUNK_MOST = 256 * 1024,
    HAND_MOST = 4096, /* taken at once while the rest may still be dropped  */
    SPARES_MOST = 8   /* kept when a burst is over                          */
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
    *q = (struct queue){.o = *o};
    q->chunk_size = (size_t)most(1, least(o->most_bytes / 4, CHUNK_MOST));
    q->started = o->start_fill == 0;
}

static void free_chunk(struct chunk *c)
{
    free(c->data);
    free(c);
}

void queue_fini(struct queue *q)
{
    while (q->spare) {
        struct chunk *c = q->spare;
        q->spare = c->next;
        free_chunk(c);
    }
}

uint64_t queue_count(const struct queue *q, const char *data, size_t n)
{
    return q->o.mark < 0 ? n : count_byte(data, n, (char)q->o.mark);
}

/* ---- chunks -------------------------------------------------------------- */

static struct chunk *new_chunk(size_t size)
{
    struct chunk *c = calloc(1, sizeof *c);
    char *data = malloc(size);
    if (!c || !data) {
        free(c);
        free(data);
        return NULL;
    }
    c->data = data;
    c->size = size;
    return c;
}

/* Under the lock. */
static struct chunk *find_chunk(struct queue *q)
{
    struct chunk *c = q->spare;
    if (c) {
        q->spare = c->next;
        q->spares--;
        c->next = NULL;
        return c;
    }
    c = new_chunk(q->chunk_size);
    if (c)
        q->allocated++;
    return c;
}

int queue_chunk(struct queue *q, struct chunk **c, weir_ctx *ctx)
{
    int code = 0;
    weir_mutex_lock(&q->lock, NULL);
    while (!(*c = find_chunk(q)) && !code) {
        q->started = true;
        code = q->first ? weir_cond_wait(&q->room, &q->lock, ctx) : WEIR_ENOMEM;
    }
    weir_mutex_unlock(&q->lock);
    return *c ? 0 : code;
}

/* Under the lock. One that has grown for a long record is not kept. */
static void recycle(struct queue *q, struct chunk *c)
{
    if (q->spares >= SPARES_MOST || c->size != q->chunk_size) {
        q->allocated--;
        free_chunk(c);
        return;
    }
    c->start = c->end = 0;
    c->units = 0;
    c->next = q->spare;
    q->spare = c;
    q->spares++;
}

void queue_recycle(struct queue *q, struct chunk *c)
{
    weir_mutex_lock(&q->lock, NULL);
    recycle(q, c);
    weir_cond_signal(&q->room);
    weir_mutex_unlock(&q->lock);
}

/* ---- the pieces of a chunk that fit or must go --------------------------- */

struct piece {
    size_t bytes;
    uint64_t units;
};

static size_t record_length(const struct queue *q, const char *data, size_t n)
{
    const char *mark = memchr(data, q->o.mark, n);
    return mark ? (size_t)(mark - data) + 1 : n;
}

/* The longest front of the chunk that is within both bounds. */
static struct piece front_within(const struct queue *q, const struct chunk *c,
                                 uint64_t bytes, uint64_t units)
{
    struct piece p = {0, 0};
    size_t n = c->end - c->start;
    if (n <= bytes && c->units <= units)
        return (struct piece){n, c->units};
    if (q->o.mark < 0) {
        p.units = least(least(bytes, units), n);
        p.bytes = (size_t)p.units;
        return p;
    }
    while (p.bytes < n && p.units < units) {
        size_t len =
            record_length(q, c->data + c->start + p.bytes, n - p.bytes);
        if (p.bytes + len > bytes)
            break;
        p.bytes += len;
        p.units++;
    }
    return p;
}

/* The shortest front of the chunk that reaches both numbers, or all of it. */
static struct piece front_reaching(const struct queue *q, const struct chunk *c,
                                   uint64_t bytes, uint64_t units)
{
    struct piece p = {0, 0};
    size_t n = c->end - c->start;
    if (n <= bytes || c->units <= units)
        return (struct piece){n, c->units};
    if (q->o.mark < 0) {
        p.units = most(bytes, units);
        p.bytes = (size_t)p.units;
        return p;
    }
    while (p.bytes < bytes || p.units < units) {
        p.bytes += record_length(q, c->data + c->start + p.bytes, n - p.bytes);
        p.units++;
    }
    return p;
}

static void cut_front(struct chunk *c, struct piece p)
{
    c->start += p.bytes;
    c->units -= p.units;
}

/* ---- putting ------------------------------------------------------------- */

static uint64_t room_bytes(const struct queue *q)
{
    return q->o.most_bytes - q->bytes;
}

static uint64_t room_units(const struct queue *q)
{
    return q->units < q->o.most_units ? q->o.most_units - q->units : 0;
}

uint64_t queue_wait_room(struct queue *q, weir_ctx *ctx)
{
    int code = 0;
    weir_mutex_lock(&q->lock, NULL);
    while ((room_bytes(q) == 0 || room_units(q) == 0) && !code) {
        q->started = true;
        weir_cond_signal(&q->filled);
        code = weir_cond_wait(&q->room, &q->lock, ctx);
    }
    uint64_t room = code ? 0 : room_bytes(q);
    weir_mutex_unlock(&q->lock);
    return room;
}

static bool is_started(const struct queue *q)
{
    unsigned percent = q->o.start_fill;
    return q->bytes >= q->o.most_bytes / 100 * percent +
                           q->o.most_bytes % 100 * percent / 100 ||
           (q->o.most_units != UINT64_MAX &&
            q->units >= q->o.most_units * percent / 100);
}

static void drop(struct queue *q, enum drop_reason why, uint64_t units)
{
    q->o.ledger->dropped[why] += units;
    q->started = true;
}

/* Makes room for the chunk at the cost of what is older, the chunk's own
 * front last. */
static void drop_oldest(struct queue *q, struct chunk *c)
{
    for (;;) {
        uint64_t bytes = q->bytes + (c->end - c->start);
        uint64_t units = q->units + c->units;
        if (bytes <= q->o.most_bytes && units <= q->o.most_units)
            return;
        bytes = bytes > q->o.most_bytes ? bytes - q->o.most_bytes : 0;
        units = units > q->o.most_units ? units - q->o.most_units : 0;
        struct chunk *victim = q->first ? q->first : c;
        struct piece p = front_reaching(q, victim, bytes, units);
        drop(q, DROP_OLDEST, p.units);
        cut_front(victim, p);
        if (victim == c)
            return;
        q->bytes -= p.bytes;
        q->units -= p.units;
        if (victim->start == victim->end) {
            q->first = victim->next;
            recycle(q, victim);
        }
    }
}

/* Takes off the chunk's end what does not fit; false: something. */
static bool drop_newest(struct queue *q, struct chunk *c, enum drop_reason why)
{
    struct piece p = front_within(q, c, room_bytes(q), room_units(q));
    if (p.units == c->units)
        return true;
    drop(q, why, c->units - p.units);
    c->end = c->start + p.bytes;
    c->units = p.units;
    return false;
}

/* To the end of the queue, or into its last chunk where there is space. */
static void append(struct queue *q, struct chunk *c)
{
    size_t n = c->end - c->start;
    struct chunk *last = q->first ? q->last : NULL;
    q->bytes += n;
    q->units += c->units;
    if (last && n <= last->size - last->end) {
        memcpy(last->data + last->end, c->data + c->start, n);
        last->end += n;
        last->units += c->units;
        recycle(q, c);
        return;
    }
    c->next = NULL;
    if (last)
        last->next = c;
    else
        q->first = c;
    q->last = c;
}

bool queue_put(struct queue *q, struct chunk *c)
{
    bool fits = true;
    weir_mutex_lock(&q->lock, NULL);
    if (q->o.policy == FULL_DROP_OLDEST)
        drop_oldest(q, c);
    else if (q->o.policy == FULL_DROP)
        drop_newest(q, c, DROP_NEWEST);
    else if (q->o.policy == FULL_ERROR)
        fits = drop_newest(q, c, DROP_REFUSED);
    if (c->units > 0 || c->end > c->start)
        append(q, c);
    else
        recycle(q, c);
    q->started = q->started || is_started(q);
    if (q->started)
        weir_cond_signal(&q->filled);
    weir_mutex_unlock(&q->lock);
    return fits;
}

void queue_close(struct queue *q)
{
    weir_mutex_lock(&q->lock, NULL);
    q->closed = true;
    weir_cond_broadcast(&q->filled);
    weir_mutex_unlock(&q->lock);
}

/* ---- taking -------------------------------------------------------------- */

/* Copies a small front out of the first chunk, so that the rest of it can
 * still be dropped; NULL: it is small enough to be taken whole. */
static struct chunk *take_front(struct queue *q)
{
    struct chunk *c = q->first;
    struct piece p =
        front_within(q, c, most(1, least(HAND_MOST, q->o.most_bytes / 4)),
                     most(1, q->o.most_units / 4));
    if (p.units == c->units)
        return NULL;
    if (p.units == 0)
        p = front_reaching(q, c, 1, 1);
    if (p.units == c->units)
        return NULL;
    struct chunk *piece = p.bytes <= q->chunk_size ? find_chunk(q) : NULL;
    if (!piece)
        return NULL;
    memcpy(piece->data, c->data + c->start, p.bytes);
    piece->end = p.bytes;
    piece->units = p.units;
    cut_front(c, p);
    return piece;
}

struct chunk *queue_take(struct queue *q, weir_ctx *ctx)
{
    struct chunk *c = NULL;
    int code = 0;
    weir_mutex_lock(&q->lock, NULL);
    while ((!q->first || !q->started) && !q->closed && !code)
        code = weir_cond_wait(&q->filled, &q->lock, ctx);
    if (q->first && !code) {
        if (q->o.policy == FULL_DROP_OLDEST)
            c = take_front(q);
        if (!c) {
            c = q->first;
            q->first = c->next;
            c->next = NULL;
        }
    }
    weir_mutex_unlock(&q->lock);
    return c;
}

void queue_done(struct queue *q, uint64_t bytes, uint64_t units)
{
    weir_mutex_lock(&q->lock, NULL);
    q->bytes -= bytes;
    q->units -= units;
    weir_cond_signal(&q->room);
    weir_mutex_unlock(&q->lock);
}

uint64_t queue_drain(struct queue *q)
{
    uint64_t units = 0;
    weir_mutex_lock(&q->lock, NULL);
    while (q->first) {
        struct chunk *c = q->first;
        q->first = c->next;
        units += c->units;
        q->bytes -= c->end - c->start;
        q->units -= c->units;
        recycle(q, c);
    }
    weir_mutex_unlock(&q->lock);
    return units;
}

unsigned queue_fill(struct queue *q)
{
    weir_mutex_lock(&q->lock, NULL);
    double fill = 100.0 * (double)q->bytes / (double)q->o.most_bytes;
    if (q->o.most_units != UINT64_MAX) {
        double units = 100.0 * (double)q->units / (double)q->o.most_units;
        fill = units > fill ? units : fill;
    }
    weir_mutex_unlock(&q->lock);
    return (unsigned)fill;
}
