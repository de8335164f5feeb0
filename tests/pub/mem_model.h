/* SPDX-License-Identifier: MIT */
/*
 * A topic as its contract says it, by looking through arrays: what the engine
 * `mem` is compared with. Its time is weir_now's plus `ahead`.
 */
#ifndef MEM_MODEL_H
#define MEM_MODEL_H

#include "mem_checks.h"

enum { MESSAGES = 400, GROUPS = 3, KEYS = 4, IDS = 12 };

enum model_state { NEW, FLIGHT, WAIT, BLOCKED, DYING, DONE };

struct model_group {
    bool open;
    uint64_t cursor, dead, lost;
    uint32_t max_deliveries;
    struct {
        enum model_state state;
        uint32_t deliveries;
        int64_t due;
    } of[MESSAGES + 1]; /* by number */
};

struct model {
    int64_t ahead, ack_wait, dedup;
    uint64_t first, last, bytes;
    struct {
        int key; /* 0: none */
        int64_t expires;
        uint64_t bytes;
    } msg[MESSAGES + 1];
    struct {
        uint64_t seq; /* 0: unknown */
        int64_t at;
    } ids[IDS];
    struct model_group groups[GROUPS];
};

/* ---- groups -------------------------------------------------------------- */

static inline bool pending(const struct model_group *g, uint64_t seq)
{
    return g->of[seq].state != NEW && g->of[seq].state != DONE;
}

/* It is settled; the next one of its key, if there is one, is free to go. */
static inline void model_done(const struct model *m, struct model_group *g,
                              uint64_t seq)
{
    uint64_t s;

    g->of[seq].state = DONE;
    if (m->msg[seq].key == 0)
        return;
    for (s = seq + 1; s < g->cursor; s++) {
        if (g->of[s].state == BLOCKED && m->msg[s].key == m->msg[seq].key) {
            g->of[s].state = WAIT;
            g->of[s].due = 0;
            return;
        }
    }
}

static inline uint64_t model_floor(const struct model *m,
                                   const struct model_group *g)
{
    uint64_t s;

    for (s = m->first; s < g->cursor && s <= m->last; s++)
        if (pending(g, s))
            return s;
    return g->cursor;
}

static inline bool model_settled(const struct model *m, uint64_t seq)
{
    bool any = false;
    int i;

    for (i = 0; i < GROUPS; i++) {
        if (!m->groups[i].open)
            continue;
        any = true;
        if (model_floor(m, &m->groups[i]) <= seq)
            return false;
    }
    return any;
}

static inline void model_take_first(struct model *m)
{
    const uint64_t seq = m->first;
    int i;

    for (i = 0; i < GROUPS; i++) {
        struct model_group *g = &m->groups[i];

        if (!g->open)
            continue;
        if (g->cursor <= seq) {
            g->cursor = seq + 1;
            g->of[seq].state = DONE;
            g->lost++;
        } else if (pending(g, seq)) {
            model_done(m, g, seq);
            g->lost++;
        }
    }
    m->bytes -= m->msg[seq].bytes;
    m->first++;
}

static inline bool too_old(const struct model *m, uint64_t seq, int64_t now)
{
    return m->msg[seq].expires != 0 && m->msg[seq].expires <= now;
}

static inline void model_expire(struct model *m, int64_t now)
{
    while (m->first <= m->last && too_old(m, m->first, now))
        model_take_first(m);
}

/* ---- publishing ---------------------------------------------------------- */

/* 1: stored; 0: a duplicate, *seq says of which; or a code. */
static inline int model_publish(struct model *m, const weir_limits *l, int key,
                                int id, uint64_t bytes, int64_t now,
                                uint64_t *seq)
{
    if (id >= 0 && m->ids[id].seq != 0 && now - m->ids[id].at < l->dedup) {
        *seq = m->ids[id].seq;
        return 0;
    }
    if (l->max_bytes != 0 && bytes > l->max_bytes)
        return WEIR_LIMIT;
    while (
        m->first <= m->last &&
        ((l->max_messages != 0 && m->last + 1 - m->first >= l->max_messages) ||
         (l->max_bytes != 0 && m->bytes + bytes > l->max_bytes))) {
        if (l->on_full != WEIR_DROP_OLDEST && !model_settled(m, m->first))
            return WEIR_FULL;
        model_take_first(m);
    }
    *seq = ++m->last;
    m->msg[*seq].key = key;
    m->msg[*seq].bytes = bytes;
    m->msg[*seq].expires = l->max_age != 0 ? now + l->max_age : 0;
    m->bytes += bytes;
    if (id >= 0) {
        m->ids[id].seq = *seq;
        m->ids[id].at = now;
    }
    return 1;
}

/* ---- receiving ----------------------------------------------------------- */

/* The earliest that is due, or 0. */
static inline uint64_t model_due(const struct model *m,
                                 const struct model_group *g, int64_t now)
{
    uint64_t s, best = 0;

    for (s = m->first; s < g->cursor && s <= m->last; s++)
        if ((g->of[s].state == FLIGHT || g->of[s].state == WAIT) &&
            g->of[s].due <= now &&
            (best == 0 || g->of[s].due < g->of[best].due))
            best = s;
    return best;
}

static inline bool key_pending(const struct model *m,
                               const struct model_group *g, uint64_t seq)
{
    uint64_t s;

    for (s = m->first; m->msg[seq].key != 0 && s < seq; s++)
        if (pending(g, s) && m->msg[s].key == m->msg[seq].key)
            return true;
    return false;
}

/* The next one to be delivered, or 0. */
static inline uint64_t model_next(struct model *m, struct model_group *g,
                                  int64_t now)
{
    uint64_t s;

    while ((s = model_due(m, g, now)) != 0) {
        if (too_old(m, s, now)) {
            model_done(m, g, s);
            g->lost++;
        } else if (g->max_deliveries != 0 &&
                   g->of[s].deliveries >= g->max_deliveries) {
            g->of[s].state = DYING;
        } else {
            return s;
        }
    }
    while (g->cursor <= m->last) {
        s = g->cursor++;
        if (too_old(m, s, now)) {
            g->of[s].state = DONE;
            g->lost++;
        } else if (key_pending(m, g, s)) {
            g->of[s].state = BLOCKED;
        } else {
            return s;
        }
    }
    return 0;
}

/* The numbers that a receive of at most n gets; how many. */
static inline size_t model_recv(struct model *m, struct model_group *g,
                                size_t n, int64_t now, uint64_t *out)
{
    size_t k = 0;
    uint64_t s;

    while (k < n && (s = model_next(m, g, now)) != 0) {
        g->of[s].state = FLIGHT;
        g->of[s].deliveries++;
        g->of[s].due = now + m->ack_wait;
        out[k++] = s;
    }
    for (s = m->first; s <= m->last; s++) {
        if (g->of[s].state == DYING) {
            model_done(m, g, s);
            g->dead++;
        }
    }
    return k;
}

/* ---- settling ------------------------------------------------------------ */

static inline bool model_current(const struct model_group *g, uint64_t seq,
                                 uint32_t deliveries)
{
    return g->of[seq].state == FLIGHT && g->of[seq].deliveries == deliveries;
}

static inline void model_give_back(const struct model *m, struct model_group *g,
                                   uint64_t seq, int64_t due)
{
    if (g->max_deliveries != 0 && g->of[seq].deliveries >= g->max_deliveries) {
        model_done(m, g, seq);
        g->dead++;
    } else {
        g->of[seq].state = WAIT;
        g->of[seq].due = due;
    }
}

static inline int model_settle(const struct model *m, struct model_group *g,
                               uint64_t seq, uint32_t deliveries,
                               enum weir_settle how, int64_t delay, int64_t now)
{
    if (!model_current(g, seq, deliveries))
        return WEIR_EXPIRED;
    if (g->of[seq].due <= now) {
        g->of[seq].state = WAIT;
        g->of[seq].due = 0;
        return WEIR_EXPIRED;
    }
    if (how == WEIR_SETTLE_NAK) {
        model_give_back(m, g, seq, delay != 0 ? now + delay : 0);
    } else if (how == WEIR_SETTLE_IN_PROGRESS) {
        g->of[seq].due = now + m->ack_wait;
    } else {
        model_done(m, g, seq);
        g->dead += how == WEIR_SETTLE_TERM;
    }
    return 0;
}

static inline void model_counts(const struct model *m,
                                const struct model_group *g,
                                weir_sub_counts *out)
{
    uint64_t s;

    *out = (weir_sub_counts){.dead = g->dead, .lost = g->lost};
    for (s = m->first; s <= m->last; s++) {
        if (s >= g->cursor || g->of[s].state == WAIT ||
            g->of[s].state == BLOCKED)
            out->waiting++;
        else if (pending(g, s))
            out->pending++;
    }
}

#endif
