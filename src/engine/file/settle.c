/* SPDX-License-Identifier: MIT */
/* Settling: what is pending and still the delivery that is settled, goes, goes
 * back, or goes to the dead letters. */
#include "engine/file/file.h"

/* ---- what is pending ----------------------------------------------------- */

int wr_file_unpend(struct db *db, const struct pending *p)
{
    struct group *g = p->sub->group;
    int err = wr_file_run(db, PENDING_DROP, "ii", g->id, p->seq);
    if (!err && p->has_key)
        err = wr_file_run(db, PENDING_UNBLOCK, "iii", g->id, p->key, db->now);
    g->news |= p->has_key;
    g->topic->news = true;
    return err;
}

/* 1 and the rest of *p: it is in flight, by that delivery, and its time was
 * not over at that instant. */
static int find(struct db *db, struct pending *p, int64_t at)
{
    sqlite3_stmt *s;
    const int found =
        wr_file_row(db, PENDING_GET, &s, "ii", p->sub->group->id, p->seq);
    if (found <= 0)
        return found;
    const bool current = sqlite3_column_int64(s, 0) == p->deliveries &&
                         sqlite3_column_int64(s, 1) &&
                         sqlite3_column_int64(s, 2) > at;
    p->key = sqlite3_column_int64(s, 3);
    p->has_key = sqlite3_column_type(s, 3) != SQLITE_NULL;
    wr_file_reset(s);
    return current;
}

static int give_back(struct db *db, const struct pending *p, int64_t deliveries,
                     int64_t delay)
{
    struct group *g = p->sub->group;
    const uint32_t most = p->sub->max_deliveries;
    const int64_t due = later(db->now, delay);
    if (most && deliveries >= most)
        return wr_file_bury(db, p, "deliveries");
    g->wake_at = sooner(g->wake_at, due);
    g->news |= due <= db->now;
    wr_file_may_die(g, deliveries, due);
    return wr_file_run(db, PENDING_BACK, "iiii", g->id, p->seq, deliveries,
                       due);
}

/* ---- requests ------------------------------------------------------------ */

/* 1: it is done, in the way that most go. */
static int ack_plain(struct db *db, const struct request *r,
                     const struct claim *c)
{
    struct group *g = r->handle->group;
    const int err = wr_file_run(db, PENDING_ACK, "iiii", g->id, (int64_t)c->seq,
                                (int64_t)c->deliveries, r->asked);
    g->topic->news = true;
    return err ? err : sqlite3_changes(db->sql);
}

static int settle_any(struct db *db, const struct request *r, struct claim *c)
{
    struct pending p = {
        .sub = r->handle, .seq = (int64_t)c->seq, .deliveries = c->deliveries};
    struct group *g = r->handle->group;
    const int found = find(db, &p, r->asked);
    c->code = found > 0 ? 0 : WEIR_EXPIRED;
    if (found <= 0)
        return found;
    const int64_t due = later(db->now, r->handle->ack_wait);
    switch (r->how) {
    case WEIR_SETTLE_ACK:
        return wr_file_unpend(db, &p);
    case WEIR_SETTLE_NAK:
        return give_back(db, &p, p.deliveries, r->delay);
    case WEIR_SETTLE_TERM:
        return wr_file_bury(db, &p, "term");
    default:
        g->wake_at = sooner(g->wake_at, due);
        return wr_file_run(db, PENDING_MORE, "iii", g->id, p.seq, due);
    }
}

static int settle_one(struct db *db, const struct request *r, struct claim *c)
{
    const int done = r->how == WEIR_SETTLE_ACK ? ack_plain(db, r, c) : 0;
    c->code = 0;
    return done ? (done < 0 ? done : 0) : settle_any(db, r, c);
}

static int load(struct db *db, struct group *g)
{
    const int err = wr_file_topic_load(db, g->topic);
    return err ? err : wr_file_group_load(db, g);
}

int wr_file_settle(struct db *db, struct request *r)
{
    int err = load(db, r->handle->group);
    r->result = err;
    if (err == WEIR_CLOSED)
        return 0;
    for (size_t i = 0; i < r->n && !err; i++)
        err = settle_one(db, r, &r->claims[i]);
    return err;
}

int wr_file_give_back(struct db *db, struct delivery *d)
{
    const weir_message *m = &d->face.message;
    struct pending p = {
        .sub = d->sub, .seq = (int64_t)m->seq, .deliveries = m->deliveries};
    int err = load(db, d->sub->group);
    if (err)
        return err == WEIR_CLOSED ? 0 : err;
    const int found = find(db, &p, 0);
    if (found <= 0)
        return found;
    if (d->unseen) {
        struct group *g = d->sub->group;
        g->news = true;
        return wr_file_run(db, PENDING_BACK, "iiii", g->id, p.seq,
                           p.deliveries - 1, db->now);
    }
    return give_back(db, &p, p.deliveries, 0);
}
