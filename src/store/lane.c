/* SPDX-License-Identifier: MIT */
/*
 * The queues of a path. Where all readers get all, a writer sends to one lane
 * after the other and may wait at each, with the turn and without the lock.
 * So lanes come at the end of the list at any time, and go from it only when
 * somebody has the turn: what a writer stands at stays linked.
 */
#include <weir/stats.h>

#include "base/mem.h"
#include "store/path.h"

enum { DEFAULT_SIZE = 100 };

static struct wr_message *message(const void *elem)
{
    return *(struct wr_message *const *)elem;
}

static void destroy(void *elem)
{
    wr_message_unref(message(elem));
}

static size_t size_of(const void *elem, void *path)
{
    (void)path;
    return message(elem)->size;
}

static void dropped(weir_chan *c, const void *elem, enum weir_drop reason,
                    void *path)
{
    (void)c;
    wr_drop_tell(path, message(elem), reason);
}

weir_chan_opts wr_lane_opts(const weir_store_channel_opts *o, struct wr_path *p)
{
    const bool one = o->policy == WEIR_LATEST;
    return (weir_chan_opts){
        .elem_size = sizeof(struct wr_message *),
        .capacity = o->buffer_size ? o->buffer_size
                    : one          ? 1
                                   : DEFAULT_SIZE,
        .name = p ? p->name : NULL,
        .destroy = destroy,
        .policy = o->policy,
        .hooks = {.on_drop = o->on_drop ? dropped : NULL, .arg = p},
        .max_bytes = o->buffer_bytes,
        .size_of = o->buffer_bytes ? size_of : NULL,
    };
}

/* ---- coming and going ---------------------------------------------------- */

int wr_lane_add(struct wr_path *p)
{
    const weir_chan_opts o = wr_lane_opts(&p->opts, p);
    struct wr_lane *l = wr_alloc(sizeof(*l));
    if (!l)
        return WEIR_ENOMEM;
    *l = (struct wr_lane){.chan = weir_chan_new_with(&o), .refs = 1};
    if (!l->chan) {
        wr_free(l);
        return WEIR_ENOMEM;
    }
    if (p->ended)
        weir_chan_close(l->chan);
    struct wr_lane **at = &p->lanes;
    while (*at)
        at = &(*at)->next;
    *at = l;
    return 0;
}

static void add_up(weir_chan_stats *sum, const weir_chan *c)
{
    weir_chan_stats s;
    if (weir_chan_get_stats(c, &s))
        return;
    sum->sent += s.sent;
    sum->received += s.received;
    sum->dropped += s.dropped;
    sum->queued += s.queued;
    sum->entered += s.entered;
    for (int i = 0; i < WEIR_DROPS; i++)
        sum->dropped_by[i] += s.dropped_by[i];
    sum->timed_out += s.timed_out;
    sum->canceled += s.canceled;
    sum->refused += s.refused;
    sum->blocked_sends += s.blocked_sends;
    sum->blocked_recvs += s.blocked_recvs;
    sum->bytes += s.bytes;
}

/* Locked. Drops the oldest message in l, which v has room for. */
static bool drop(struct wr_path *p, struct wr_lane *l, struct wr_victims *v,
                 enum weir_drop reason)
{
    if (weir_chan_try_recv(l->chan, &v->list[v->n]))
        return false;
    v->n++;
    p->dropped_by[reason]++;
    return true;
}

void wr_lane_drain(struct wr_path *p, struct wr_lane *l)
{
    struct wr_victims v = {.n = 0};
    bool more = true;
    while (more) {
        weir_mutex_lock(&p->lock, NULL);
        while (more && !wr_victims_full(&v))
            more = drop(p, l, &v, WEIR_DROP_LEFT);
        weir_mutex_unlock(&p->lock);
        wr_victims_tell(p, &v, WEIR_DROP_LEFT);
    }
}

/* Nothing is in it any more. */
void wr_lane_unref(struct wr_path *p, struct wr_lane *l)
{
    if (--l->refs > 0)
        return;
    add_up(&p->past, l->chan);
    weir_chan_unref(l->chan);
    wr_free(l);
}

void wr_lanes_free(struct wr_path *p)
{
    while (p->lanes) {
        struct wr_lane *l = p->lanes;
        p->lanes = l->next;
        wr_lane_drain(p, l);
        wr_lane_unref(p, l);
    }
}

void wr_lanes_close(struct wr_path *p)
{
    for (struct wr_lane *l = p->lanes; l; l = l->next)
        weir_chan_close(l->chan);
}

static struct wr_lane *live(struct wr_lane *l)
{
    while (l && l->gone)
        l = l->next;
    return l;
}

static struct wr_lane *last(struct wr_path *p)
{
    struct wr_lane *l = p->lanes;
    while (l->next)
        l = l->next;
    return l;
}

int wr_lane_take(struct wr_path *p, struct wr_lane **out)
{
    struct wr_lane *l = live(p->lanes);
    if (p->opts.all_readers && l->taken) {
        int err = wr_lane_add(p);
        if (err)
            return err;
        l = last(p);
    }
    l->taken = true;
    l->refs++;
    *out = l;
    return 0;
}

/* The last reader leaves its lane to the path. */
bool wr_lane_leave(struct wr_path *p, struct wr_lane *l)
{
    if (!p->opts.all_readers)
        return false;
    l->gone = true;
    if (!live(p->lanes)) {
        l->gone = l->taken = false;
        return false;
    }
    weir_chan_close(l->chan);
    return true;
}

/* ---- sending ------------------------------------------------------------- */

static int send_one(struct wr_lane *l, struct wr_message *m, weir_ctx *ctx)
{
    wr_message_ref(m);
    int err = weir_chan_send(l->chan, &m, ctx);
    if (err)
        wr_message_unref(m);
    return err;
}

/* With the turn. Whoever has a reference finds the way on from there. */
static void reap(struct wr_path *p)
{
    for (struct wr_lane **at = &p->lanes; *at;) {
        struct wr_lane *l = *at;
        if (l->gone && l->refs == 1) {
            *at = l->next;
            wr_lane_unref(p, l);
        } else {
            at = &l->next;
        }
    }
}

/* With the turn: the first lane, or the one after l; NULL: no more. */
static struct wr_lane *next_lane(struct wr_path *p, struct wr_lane *l)
{
    weir_mutex_lock(&p->lock, NULL);
    if (!l)
        reap(p);
    l = live(l ? l->next : p->lanes);
    weir_mutex_unlock(&p->lock);
    return l;
}

/* With the turn. A lane that is closed while the path goes on has lost its
 * reader; one that refuses by its policy does not hold up the others. */
static int send_all(struct wr_path *p, struct wr_message *m, weir_ctx *ctx)
{
    int result = 0, err = 0;
    struct wr_lane *l = next_lane(p, NULL);
    for (; l && !err; l = next_lane(p, l)) {
        err = send_one(l, m, ctx);
        if (err == WEIR_FULL)
            result = err;
        if (err == WEIR_FULL || (err == WEIR_CLOSED && !wr_path_has_ended(p)))
            err = 0;
    }
    return err ? err : result;
}

int wr_lanes_send(struct wr_path *p, struct wr_message *m, weir_ctx *ctx)
{
    if (!p->opts.all_readers)
        return send_one(p->lanes, m, ctx);
    if (wr_drop_inside(p))
        return WEIR_FULL;
    int err = weir_mutex_lock(&p->turn, ctx);
    if (err)
        return err;
    err = send_all(p, m, ctx);
    weir_mutex_unlock(&p->turn);
    return err;
}

static bool has_room(const struct wr_lane *l, size_t size)
{
    weir_chan_stats s;
    if (weir_chan_len(l->chan) >= weir_chan_cap(l->chan))
        return false;
    if (weir_chan_get_stats(l->chan, &s) || !s.max_bytes)
        return true;
    return size > s.max_bytes || s.bytes + size <= s.max_bytes;
}

/* Without waiting and, where the policy would drop the new message, without
 * that: WEIR_FULL. For these it is a glance: a writer that comes at the same
 * time may fill it after that. */
static int offer_one(struct wr_lane *l, struct wr_message *m)
{
    const enum weir_policy policy = weir_chan_policy(l->chan);
    const bool drops_new = policy == WEIR_DROP || policy == WEIR_SAMPLE;
    if (drops_new && !has_room(l, m->size))
        return WEIR_FULL;
    wr_message_ref(m);
    int err = weir_chan_try_send(l->chan, &m);
    if (err)
        wr_message_unref(m);
    return err;
}

/* Drops one and offers again before anybody hears of it: a callback that
 * writes would take that room each time. */
static int offer_again(struct wr_path *p, struct wr_lane *l,
                       struct wr_message *m, bool *found)
{
    struct wr_victims v = {.n = 0};
    weir_mutex_lock(&p->lock, NULL);
    *found = drop(p, l, &v, WEIR_DROP_FIRST);
    weir_mutex_unlock(&p->lock);
    int err = offer_one(l, m);
    wr_victims_tell(p, &v, WEIR_DROP_FIRST);
    return err;
}

/* Writers that wait move up into the room that is made. So it is tried as
 * often as there are places, and no more. */
static int offer_with_room(struct wr_path *p, struct wr_lane *l,
                           struct wr_message *m, size_t *dropped)
{
    bool found = true;
    int err = offer_one(l, m);
    for (size_t i = weir_chan_cap(l->chan); err == WEIR_FULL && i > 0; i--) {
        err = offer_again(p, l, m, &found);
        *dropped += found;
    }
    return err;
}

/* A reference to the first lane, or to the one after l, which is let go. */
static struct wr_lane *pin_next(struct wr_path *p, struct wr_lane *l)
{
    weir_mutex_lock(&p->lock, NULL);
    struct wr_lane *next = live(l ? l->next : p->lanes);
    if (next)
        next->refs++;
    if (l)
        wr_lane_unref(p, l);
    weir_mutex_unlock(&p->lock);
    return next;
}

int wr_lanes_offer(struct wr_path *p, struct wr_message *m, bool drop_oldest,
                   size_t *dropped)
{
    int result = 0;
    struct wr_lane *l = pin_next(p, NULL);
    for (; l; l = pin_next(p, l)) {
        int err =
            drop_oldest ? offer_with_room(p, l, m, dropped) : offer_one(l, m);
        const bool left = err == WEIR_CLOSED && !wr_path_has_ended(p);
        result = result || left ? result : err;
    }
    return result;
}

/* What the store took out to drop it, a channel has counted as received. */
void wr_lanes_stats(struct wr_path *p, weir_chan_stats *sum)
{
    *sum = p->past;
    for (struct wr_lane *l = p->lanes; l; l = l->next) {
        add_up(sum, l->chan);
        sum->capacity += l->gone ? 0 : weir_chan_cap(l->chan);
        sum->max_bytes += l->gone ? 0 : p->opts.buffer_bytes;
    }
    for (int i = 0; i < WEIR_DROPS; i++) {
        sum->received -= p->dropped_by[i];
        sum->dropped += p->dropped_by[i];
        sum->dropped_by[i] += p->dropped_by[i];
    }
    sum->utilization =
        sum->capacity ? (double)sum->queued / (double)sum->capacity : 0;
}
