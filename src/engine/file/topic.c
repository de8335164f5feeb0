/* SPDX-License-Identifier: MIT */
/* Topics: a row each, kept in memory while nobody else writes. */
#include "engine/file/file.h"

#include <errno.h>
#include <stdlib.h>

/* ---- in memory ----------------------------------------------------------- */

static size_t bucket(const char *name)
{
    return wr_file_hash(name, strlen(name)) % BUCKETS;
}

struct topic *wr_file_next_topic(const struct db *db, const struct topic *t)
{
    size_t i = t ? bucket(t->name) + 1 : 0;
    struct topic *next = t ? t->next : NULL;
    while (!next && i < BUCKETS)
        next = db->topics[i++];
    return next;
}

/* The topic of the name whose row is there: 0 and *out (NULL: none), or a
 * code. */
static int find(struct db *db, const char *name, struct topic **out)
{
    int err = 0;
    *out = NULL;
    for (struct topic *t = db->topics[bucket(name)]; t && !*out; t = t->next) {
        if (strcmp(t->name, name) != 0)
            continue;
        err = wr_file_topic_load(db, t);
        if (err && err != WEIR_CLOSED)
            return err;
        if (!err)
            *out = t;
    }
    return 0;
}

static struct topic *add(struct db *db, const char *name)
{
    if (wr_file_agenda_reserve(db, db->topic_count + 1))
        return NULL;
    struct topic *t = wr_file_alloc(sizeof(*t));
    if (!t)
        return NULL;
    t->name = wr_file_copy(name);
    if (!t->name) {
        free(t);
        return NULL;
    }
    t->wake_at = INT64_MAX;
    struct topic **list = &db->topics[bucket(name)];
    t->next = *list;
    *list = t;
    db->topic_count++;
    wr_file_touch(db, t);
    return t;
}

void wr_file_topic_put(struct db *db, struct topic *t)
{
    t->refs--;
    wr_file_touch(db, t);
}

void wr_file_topic_free(struct db *db, struct topic *t)
{
    struct topic **p = &db->topics[bucket(t->name)];
    while (*p != t)
        p = &(*p)->next;
    *p = t->next;
    db->topic_count--;
    free(t->name);
    free(t);
}

/* ---- rows ---------------------------------------------------------------- */

int wr_file_topic_load(struct db *db, struct topic *t)
{
    sqlite3_stmt *s;
    wr_file_touch(db, t);
    if (t->gone || t->epoch == db->epoch)
        return t->gone ? WEIR_CLOSED : 0;
    const int found = wr_file_row(db, TOPIC_LOAD, &s, "i", t->id);
    if (found < 0)
        return found;
    t->gone = !found || sqlite3_column_int64(s, 0) != t->born;
    if (!t->gone) {
        t->first = sqlite3_column_int64(s, 1);
        t->last = sqlite3_column_int64(s, 2);
        t->bytes = sqlite3_column_int64(s, 3);
        t->max_age = sqlite3_column_int64(s, 4);
        t->stamp = sqlite3_column_int64(s, 5);
        t->since = sqlite3_column_int64(s, 6);
        t->floor = 0;
        t->epoch = db->epoch;
        t->dirty = false;
    }
    wr_file_reset(s);
    return t->gone ? WEIR_CLOSED : 0;
}

int wr_file_topic_save(struct db *db, struct topic *t)
{
    if (!t->dirty || t->gone || t->epoch != db->epoch)
        return 0;
    t->dirty = false;
    return wr_file_run(db, TOPIC_SAVE, "iiiiii", t->first, t->last, t->bytes,
                       t->max_age, t->stamp, t->id);
}

int64_t wr_file_nonce(void)
{
    uint64_t n;
    sqlite3_randomness(sizeof(n), &n);
    return (int64_t)(n >> 1);
}

int wr_file_new_id(struct db *db, int64_t *id)
{
    *id = sqlite3_last_insert_rowid(db->sql);
    if (*id + 1 < INT64_C(1) << (63 - SEQ_BITS))
        return 0;
    return weir_why_set(&db->why, WEIR_LIMIT,
                        "file:%.200s: too many topics or groups", db->path);
}

static int make_row(struct db *db, struct topic *t)
{
    t->born = wr_file_nonce();
    const int err = wr_file_run(db, TOPIC_ADD, "ti", t->name, t->born);
    return err ? err : wr_file_new_id(db, &t->id);
}

/* The row of the name, in a new topic. */
static int look_up(struct db *db, struct topic *t, bool make)
{
    sqlite3_stmt *s;
    const int found = wr_file_row(db, TOPIC_FIND, &s, "t", t->name);
    if (found < 0)
        return found;
    if (!found)
        return make ? make_row(db, t) : -ENOENT;
    t->id = sqlite3_column_int64(s, 0);
    t->born = sqlite3_column_int64(s, 1);
    wr_file_reset(s);
    return 0;
}

static int add_topic(struct db *db, struct topic **out, const char *name,
                     bool make)
{
    struct topic *t = add(db, name);
    if (!t)
        return WEIR_ENOMEM;
    int err = look_up(db, t, make);
    if (!err)
        err = wr_file_topic_load(db, t);
    t->gone = err != 0;
    *out = t;
    return err;
}

int wr_file_topic_get(struct db *db, struct topic **t, const char *name,
                      bool make)
{
    int err = find(db, name, t);
    if (!err && !*t)
        err = add_topic(db, t, name, make);
    if (err)
        *t = NULL; /* nobody has a reference */
    else
        (*t)->refs++;
    return err;
}

int wr_file_topic_next(struct db *db, struct topic *t, int64_t size,
                       int64_t *row)
{
    if (t->last + 1 >= INT64_C(1) << SEQ_BITS)
        return weir_why_set(&db->why, WEIR_LIMIT,
                            "file:%.200s: the topic is used up", db->path);
    t->last++;
    t->bytes += size;
    if (t->stamp < db->now)
        t->stamp = db->now;
    t->dirty = true;
    *row = row_of(t->id, t->last);
    return t->since > t->stamp ? wr_file_groups_pass(db, t) : 0;
}

void wr_file_topic_news(struct topic *t)
{
    for (struct group *g = t->groups; g; g = g->next)
        g->news = true;
}

int wr_file_topic_remove(struct db *db, struct topic *t)
{
    const int64_t from = row_of(t->id, 0), to = row_of(t->id + 1, 0) - 1;
    int err = wr_file_groups_drop(db, t);
    if (!err)
        err = wr_file_run(db, MESSAGE_DROP, "ii", from, to);
    if (!err)
        err = wr_file_run(db, IDS_DROP, "i", t->id);
    if (!err)
        err = wr_file_run(db, TOPIC_DROP, "i", t->id);
    t->epoch = 0;
    t->news = true;
    wr_file_topic_news(t);
    return err;
}
