/* SPDX-License-Identifier: MIT */
/*
 * Dead letters, and the death of what nobody asks for: a message whose last
 * delivery is over goes there at its time, by the rules of a subscription that
 * is open here. `dies_at` of a group is not later than that: the next time at
 * which anything of it is due, or at which a last delivery of this process is.
 */
#include "engine/file/file.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- letters ------------------------------------------------------------- */

enum { HEADERS_ROOM = 1024, NUMBER_ROOM = 24 };

static size_t put(char *to, size_t at, const char *name, const char *value)
{
    const int n =
        snprintf(to + at, HEADERS_ROOM - at, "%s%c%s", name, 0, value);
    return at + (size_t)n + 1;
}

static size_t dead_headers(char *to, const struct pending *p,
                           const char *reason)
{
    char seq[NUMBER_ROOM], deliveries[NUMBER_ROOM];
    const struct group *g = p->sub->group;
    snprintf(seq, sizeof(seq), "%" PRId64, p->seq);
    snprintf(deliveries, sizeof(deliveries), "%" PRId64, p->deliveries);
    size_t at = put(to, 0, "weir-dead-topic", g->topic->name);
    at = put(to, at, "weir-dead-group", g->own ? "" : g->name);
    at = put(to, at, "weir-dead-seq", seq);
    at = put(to, at, "weir-dead-deliveries", deliveries);
    return put(to, at, "weir-dead-reason", reason);
}

static int copy(struct db *db, struct topic *to, const struct pending *p,
                const char *reason)
{
    char headers[HEADERS_ROOM];
    const size_t size = dead_headers(headers, p, reason);
    const int64_t from = row_of(p->sub->group->topic->id, p->seq);
    int64_t row, bytes;
    int err = wr_file_topic_next(db, to, 0, &row);
    if (err)
        return err;
    /* The zeros that end names and values are not of the event. */
    err = wr_file_number(db, MESSAGE_BURY, &bytes, 0, "iiibi", row, to->stamp,
                         (int64_t)size - 10, headers, size, from);
    to->bytes += bytes;
    wr_file_topic_news(to);
    return err;
}

int wr_file_bury(struct db *db, const struct pending *p, const char *reason)
{
    struct topic *to;
    struct group *g = p->sub->group;
    int err = wr_file_topic_get(db, &to, p->sub->dead, true);
    if (err)
        return err;
    err = copy(db, to, p, reason);
    wr_file_topic_put(db, to);
    if (err)
        return err;
    g->dead++;
    g->dirty = true;
    return wr_file_unpend(db, p);
}

/* ---- on their own -------------------------------------------------------- */

enum { BURIED_AT_ONCE = 64 };

void wr_file_mortal(struct handle *h)
{
    struct group *g = h->group;
    h->next_mortal = g->mortals;
    g->mortals = h;
    g->dies_at = 0;
}

void wr_file_not_mortal(struct handle *h)
{
    struct handle **p = &h->group->mortals;
    while (*p && *p != h)
        p = &(*p)->next_mortal;
    if (*p)
        *p = h->next_mortal;
}

/* The strictest. */
static const struct handle *judge_of(const struct group *g)
{
    const struct handle *judge = g->mortals;
    for (const struct handle *h = judge; h; h = h->next_mortal)
        if (h->max_deliveries < judge->max_deliveries)
            judge = h;
    return judge;
}

void wr_file_may_die(struct group *g, int64_t deliveries, int64_t due)
{
    if (g->mortals && deliveries >= judge_of(g)->max_deliveries)
        g->dies_at = sooner(g->dies_at, due);
}

/* 1: there was one; 0: there is none. */
static int bury_next(struct db *db, struct group *g)
{
    sqlite3_stmt *s;
    const struct handle *judge = judge_of(g);
    const int found = wr_file_row(db, PENDING_DEAD, &s, "iii", g->id, db->now,
                                  (int64_t)judge->max_deliveries);
    if (found <= 0)
        return found;
    const struct pending p = {
        .sub = judge,
        .seq = seq_of(sqlite3_column_int64(s, 0)),
        .deliveries = sqlite3_column_int64(s, 1),
        .key = sqlite3_column_int64(s, 2),
        .has_key = sqlite3_column_type(s, 2) != SQLITE_NULL,
    };
    wr_file_reset(s);
    const int err = wr_file_bury(db, &p, "deliveries");
    return err ? err : 1;
}

static int load(struct db *db, struct group *g)
{
    const int err = wr_file_topic_load(db, g->topic);
    return err ? err : wr_file_group_load(db, g);
}

int wr_file_bury_due(struct db *db, struct group *g)
{
    int found = 1, n = 0;
    if (!g->mortals || g->dies_at > db->now)
        return 0;
    const int err = load(db, g);
    g->dies_at = err == WEIR_CLOSED ? INT64_MAX : later(db->now, WEIR_SECOND);
    if (err)
        return err == WEIR_CLOSED ? 0 : err;
    while (n < BURIED_AT_ONCE && (found = bury_next(db, g)) > 0)
        n++;
    if (found == 0)
        found = wr_file_number(db, PENDING_NEXT, &g->dies_at, INT64_MAX, "ii",
                               g->id, db->now);
    else if (found > 0)
        g->dies_at = 0;
    return found < 0 ? found : n > 0;
}
