/* SPDX-License-Identifier: MIT */
/*
 * Publishing: ids, limits, and the line of those who wait for room.
 *
 * A publisher that finds a line, or one whose turn it is, goes to the end of
 * the line. Who is woken from it has the turn: until it has stored what it
 * has, left, or gone back to the head of the line, nobody who waits passes
 * it. Publishers that do not wait (drop-oldest, error) take no notice.
 */
#include <string.h>
#include <time.h>
#include <weir/time.h>

#include "event/mem_topic.h"

static int64_t wall_clock(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (int64_t)now.tv_sec * WEIR_SECOND + now.tv_nsec;
}

/* ---- room ---------------------------------------------------------------- */

static uint64_t bytes_of(const weir_post *post)
{
    const weir_event *e = post->event;
    uint64_t sum = post->id ? strlen(post->id) : 0;
    if (!e)
        return sum;
    sum += strlen(e->type) + e->key_size + e->size;
    for (size_t i = 0; i < e->header_count; i++)
        sum += strlen(e->headers[i].name) + strlen(e->headers[i].value);
    return sum;
}

bool wr_mem_is_settled(struct wr_mem_topic *t, uint64_t seq)
{
    if (seq < t->settled)
        return true;
    t->settled = t->groups ? UINT64_MAX : 0;
    for (struct wr_mem_group *g = t->groups; g; g = g->next) {
        const uint64_t floor = wr_mem_group_floor(g);
        if (floor < t->settled)
            t->settled = floor;
    }
    return seq < t->settled;
}

/* Takes the first message away, and from the groups that have not settled
 * it. */
static void take_first(struct wr_mem_topic *t)
{
    if (!wr_mem_is_settled(t, t->log.first))
        for (struct wr_mem_group *g = t->groups; g; g = g->next)
            wr_mem_group_lose_first(g);
    wr_mem_log_drop(&t->log);
    wr_mem_next_turn(t);
}

static bool is_empty(const struct wr_mem_topic *t)
{
    return t->log.first > t->log.last;
}

void wr_mem_expire(struct wr_mem_topic *t, int64_t now)
{
    while (!is_empty(t)) {
        const int64_t end = wr_mem_log_at(&t->log, t->log.first)->expires;
        if (!end || end > now)
            return;
        take_first(t);
    }
}

static bool fits(const struct wr_mem_topic *t, const weir_limits *l,
                 uint64_t bytes)
{
    if (l->max_messages && wr_mem_log_count(&t->log) >= l->max_messages)
        return false;
    return !l->max_bytes ||
           (bytes <= l->max_bytes && t->log.bytes <= l->max_bytes - bytes);
}

/* 0, WEIR_FULL. */
static int make_room(struct wr_mem_topic *t, const weir_limits *l, bool drop,
                     uint64_t bytes)
{
    while (!fits(t, l, bytes) && !is_empty(t)) {
        if (!drop && !wr_mem_is_settled(t, t->log.first))
            return WEIR_FULL;
        take_first(t);
    }
    return 0;
}

void wr_mem_next_turn(struct wr_mem_topic *t)
{
    if (t->turn || !t->room.first)
        return;
    t->turn = t->room.first;
    wr_mem_wake(t, &t->room, t->turn);
}

void wr_mem_settled_some(struct wr_mem_topic *t)
{
    if (t->room.first && wr_mem_is_settled(t, t->log.first))
        wr_mem_next_turn(t);
}

/* ---- storing ------------------------------------------------------------- */

struct clocks {
    int64_t wall, now; /* now: 0 where nothing asks for it */
};

/* Puts a message behind the last one; its event and id are the log's now.
 * There is room. Its number. */
static uint64_t push(struct wr_mem_topic *t, struct wr_mem_msg msg,
                     struct clocks c, int64_t max_age)
{
    if (c.wall > t->newest)
        t->newest = c.wall;
    msg.published = t->newest;
    msg.expires = max_age ? wr_mem_after(c.now, max_age) : 0;
    *wr_mem_log_push(&t->log) = msg;
    t->log.bytes += msg.bytes;
    return t->log.last;
}

/* 0, WEIR_ENOMEM: the event and the id of a message, with references. */
static int take(struct wr_mem_msg *msg, const weir_post *post)
{
    if (post->id && !(msg->id = wr_mem_id_new(post->id)))
        return WEIR_ENOMEM;
    msg->event = weir_event_ref(post->event);
    const int err =
        post->event ? 0 : weir_event_new(&msg->event, &(weir_event_opts){0});
    if (err)
        wr_mem_id_unref(msg->id);
    return err;
}

static int store_new(struct wr_mem_pub *p, weir_post *post, struct clocks c)
{
    struct wr_mem_topic *t = p->topic;
    struct wr_mem_msg msg = {.bytes = bytes_of(post)};
    if (p->limits.max_bytes && msg.bytes > p->limits.max_bytes)
        return WEIR_LIMIT;
    int err = take(&msg, post);
    if (err)
        return err;
    err = wr_mem_log_reserve(&t->log, 1);
    if (!err)
        err = make_room(t, &p->limits, p->limits.on_full == WEIR_DROP_OLDEST,
                        msg.bytes);
    if (err) {
        weir_event_unref(msg.event); /* not the last: the caller has one */
        wr_mem_id_unref(msg.id);
        return err;
    }
    post->seq = push(t, msg, c, p->limits.max_age);
    if (msg.id) {
        msg.id->seq = post->seq;
        msg.id->at = c.now;
        wr_mem_ids_add(&t->ids, msg.id);
    }
    return 0;
}

/* 0, WEIR_FULL (no room), or another reason why not. */
static int store(struct wr_mem_pub *p, weir_post *post, struct clocks c)
{
    struct wr_mem_id *known = NULL;
    post->duplicate = false;
    if (post->id)
        known =
            wr_mem_ids_find(&p->topic->ids, post->id, c.now, p->limits.dedup);
    if (!known)
        return store_new(p, post, c);
    post->duplicate = true;
    post->seq = known->seq;
    return 0;
}

static struct clocks look(const struct wr_mem_topic *t, const weir_post *posts,
                          size_t n)
{
    bool needed = t->aged;
    for (size_t i = 0; !needed && i < n; i++)
        needed = posts[i].id != NULL;
    return (struct clocks){wall_clock(), needed ? weir_now() : 0};
}

/* Stores from *done on, as many as it can. 0: all; otherwise why not. */
static int store_some(struct wr_mem_pub *p, weir_post *posts, size_t n,
                      size_t *done)
{
    struct wr_mem_topic *t = p->topic;
    const struct clocks c = look(t, posts + *done, n - *done);
    int err = 0;
    if (t->aged)
        wr_mem_expire(t, c.now);
    while (!err && *done < n) {
        err = store(p, &posts[*done], c);
        *done += !err;
    }
    return err;
}

/* Tells the groups of what came behind `told`. */
static void announce(struct wr_mem_topic *t, uint64_t *told)
{
    for (struct wr_mem_group *g = t->groups; g && *told < t->log.last;
         g = g->next) {
        wr_mem_group_skip(g);
        wr_mem_group_wake(g, t->log.last - *told);
    }
    *told = t->log.last;
}

static void end_turn(struct wr_mem_topic *t, const struct wr_mem_waiter *w)
{
    if (t->turn == w)
        t->turn = NULL;
}

/* As the head of the line, if it was that before. 0: look again. */
static int wait_for_room(struct wr_mem_pub *p, struct wr_mem_waiter *w,
                         bool head, weir_ctx *ctx)
{
    struct wr_mem_topic *t = p->topic;
    int64_t until = WEIR_FOREVER;
    end_turn(t, w);
    wr_mem_join(&t->room, w, p, head);
    if (t->room.first == w && !t->turn && !is_empty(t)) {
        const int64_t end = wr_mem_log_at(&t->log, t->log.first)->expires;
        until = end ? end : until;
    }
    const int err = wr_mem_wait(t, &t->room, w, until, ctx);
    if (!err && !t->turn)
        t->turn = w; /* by its time */
    return err;
}

ptrdiff_t wr_mem_publish(struct wr_mem_pub *p, weir_post *posts, size_t n,
                         weir_ctx *ctx)
{
    struct wr_mem_topic *t = p->topic;
    const bool blocks = p->limits.on_full == WEIR_BLOCK;
    struct wr_mem_waiter w;
    size_t done = 0;
    int err = wr_mem_enter(t);
    if (err)
        return err;
    bool head = !t->turn && !t->room.first;
    uint64_t told = t->log.last;
    do {
        if (t->removed || p->closed)
            err = WEIR_CLOSED;
        else
            err = head || !blocks ? store_some(p, posts, n, &done) : WEIR_FULL;
        announce(t, &told);
        if (err != WEIR_FULL || !blocks)
            break;
        err = wait_for_room(p, &w, head, ctx);
        head = true;
    } while (!err);
    end_turn(t, &w);
    wr_mem_next_turn(t);
    wr_mem_leave(t);
    return done ? (ptrdiff_t)done : err;
}

/* ---- dead letters -------------------------------------------------------- */

static void store_letters(struct wr_mem_topic *t, struct wr_mem_row *rows)
{
    const struct clocks c = {wall_clock(), t->aged ? weir_now() : 0};
    for (struct wr_mem_row *r = rows; r; r = r->dying) {
        const weir_post post = {.event = r->letter};
        struct wr_mem_msg msg = {r->letter, .bytes = bytes_of(&post)};
        (void)make_room(t, &t->limits, true, msg.bytes);
        push(t, msg, c, t->limits.max_age);
        r->letter = NULL;
    }
}

int wr_mem_publish_letters(struct wr_mem_topic *t, struct wr_mem_row *rows)
{
    size_t n = 0;
    for (const struct wr_mem_row *r = rows; r; r = r->dying)
        n++;
    int err = wr_mem_enter(t);
    if (err)
        return err;
    err = t->removed ? WEIR_CLOSED : wr_mem_log_reserve(&t->log, n);
    if (!err) {
        uint64_t told = t->log.last;
        store_letters(t, rows);
        announce(t, &told);
    }
    wr_mem_leave(t);
    return err;
}
