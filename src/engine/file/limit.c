/* SPDX-License-Identifier: MIT */
/*
 * What a topic keeps. Messages go from the front alone, so that their numbers
 * have no gap: first those that every group has settled, then, where the
 * policy says so or they are too old, those that a group loses.
 */
#include "engine/file/file.h"

/* Takes [first, to) away, whatever the groups have of it. */
static int lose(struct db *db, struct topic *t, int64_t to)
{
    const int64_t from = row_of(t->id, t->first), last = row_of(t->id, to) - 1;
    int64_t bytes = 0;
    int err = wr_file_groups_save(db, t, true);
    if (!err)
        err = wr_file_run(db, GROUPS_LOSE, "iii", t->id, t->first, to);
    if (!err)
        err = wr_file_run(db, PENDING_ORPHANS, "iii", t->id, to, db->now);
    if (!err)
        err = wr_file_run(db, PENDING_LOSE, "ii", t->id, to);
    if (!err)
        err = wr_file_number(db, MESSAGE_SIZES, &bytes, 0, "ii", from, last);
    if (!err)
        err = wr_file_run(db, MESSAGE_DROP, "ii", from, last);
    t->first = to;
    t->bytes -= bytes;
    t->dirty = t->news = true;
    wr_file_topic_news(t); /* they are to hear that they lag */
    return err;
}

/* Takes the first message away, which every group has settled. */
static int pop(struct db *db, struct topic *t)
{
    int64_t bytes = 0;
    const int err = wr_file_number(db, MESSAGE_POP, &bytes, 0, "i",
                                   row_of(t->id, t->first));
    t->first++;
    t->bytes -= bytes;
    t->dirty = true;
    return err;
}

/* ---- age ----------------------------------------------------------------- */

/* When the first message was published; INT64_MAX: there is none. */
static int first_stamp(struct db *db, const struct topic *t, int64_t *at)
{
    return wr_file_number(db, MESSAGE_STAMP, at, INT64_MAX, "i",
                          row_of(t->id, t->first));
}

int wr_file_expire(struct db *db, struct topic *t)
{
    if (!t->max_age)
        return 0;
    const int64_t limit = db->now - t->max_age;
    int64_t at, row;
    int err = first_stamp(db, t, &at);
    if (err || at > limit)
        return err;
    err = wr_file_number(db, MESSAGE_YOUNGER, &row, row_of(t->id, t->last + 1),
                         "iii", row_of(t->id, t->first), row_of(t->id, t->last),
                         limit);
    return err ? err : lose(db, t, seq_of(row));
}

/* ---- room ---------------------------------------------------------------- */

static bool is_full(const struct topic *t, const weir_limits *l, int64_t size)
{
    const uint64_t messages = (uint64_t)(t->last - t->first + 1);
    return (l->max_messages && messages >= l->max_messages) ||
           (l->max_bytes && (uint64_t)(t->bytes + size) > l->max_bytes);
}

/* Without a group nothing is settled. */
static int find_floor(struct db *db, struct topic *t)
{
    int err = wr_file_leases_end(db, t);
    if (!err)
        err = wr_file_groups_save(db, t, false);
    return err ? err
               : wr_file_number(db, GROUPS_FLOOR, &t->floor, 0, "i", t->id);
}

int wr_file_make_room(struct db *db, struct topic *t, const weir_limits *l,
                      int64_t size)
{
    if (l->max_bytes && (uint64_t)size > l->max_bytes)
        return WEIR_LIMIT;
    while (is_full(t, l, size)) {
        int err = t->first < t->floor ? 0 : find_floor(db, t);
        if (err)
            return err;
        if (t->first < t->floor)
            err = pop(db, t);
        else if (l->on_full == WEIR_DROP_OLDEST)
            err = lose(db, t, t->first + 1);
        else
            return WEIR_FULL;
        if (err)
            return err;
    }
    return 0;
}

int wr_file_room_at(struct db *db, struct topic *t)
{
    int64_t age = INT64_MAX, lease;
    int err = wr_file_number(db, LEASE_FIRST, &lease, INT64_MAX, "i", t->id);
    if (!err && t->max_age)
        err = first_stamp(db, t, &age);
    t->wake_at =
        lease == INT64_MAX ? INT64_MAX : later(db->now, lease - db->uptime);
    if (age != INT64_MAX)
        t->wake_at = sooner(t->wake_at, later(age, t->max_age));
    return err;
}
