/* SPDX-License-Identifier: MIT */
/* Publishing: ids that are known, room, a row. */
#include "engine/file/file.h"

#include <stdlib.h>

/* ---- headers: name, 0, value, 0, ... ------------------------------------- */

static size_t headers_size(const weir_event *e)
{
    size_t size = 0;
    for (size_t i = 0; i < e->header_count; i++)
        size += strlen(e->headers[i].name) + strlen(e->headers[i].value) + 2;
    return size;
}

static char *encode(const weir_event *e, size_t size)
{
    char *all = wr_file_alloc(size), *at = all;
    for (size_t i = 0; all && i < e->header_count; i++) {
        at = stpcpy(at, e->headers[i].name) + 1;
        at = stpcpy(at, e->headers[i].value) + 1;
    }
    return all;
}

/* ---- one message --------------------------------------------------------- */

/* The bytes of all that it has. */
static int64_t size_of(const weir_event *e, const char *id)
{
    size_t size = id ? strlen(id) : 0;
    if (e)
        size += strlen(e->type) + e->key_size + e->size + headers_size(e) -
                2 * e->header_count;
    return (int64_t)size;
}

static int add_empty(struct db *db, int64_t row, int64_t stamp, int64_t size,
                     const char *id)
{
    return wr_file_run(db, MESSAGE_ADD, "iiiitnnnn", row, stamp, size, stamp,
                       id);
}

static int add_event(struct db *db, int64_t row, int64_t stamp, int64_t size,
                     const struct item *m)
{
    const weir_event *e = m->event;
    const size_t room = headers_size(e);
    char *headers = room ? encode(e, room) : NULL;
    if (room && !headers)
        return WEIR_ENOMEM;
    const int err =
        wr_file_run(db, MESSAGE_ADD, "iiiittbbb", row, stamp, size, e->time,
                    m->id, *e->type ? e->type : NULL, e->key, e->key_size,
                    headers, room, e->payload, e->size);
    free(headers);
    return err;
}

static int add(struct db *db, struct topic *t, struct item *m, int64_t size)
{
    int64_t row;
    int err = wr_file_topic_next(db, t, size, &row);
    if (err)
        return err;
    m->seq = (uint64_t)t->last;
    return m->event ? add_event(db, row, t->stamp, size, m)
                    : add_empty(db, row, t->stamp, size, m->id);
}

/* ---- ids ----------------------------------------------------------------- */

/* Is the id known? One that is no longer is forgotten. */
static int look_for(struct db *db, const struct topic *t, struct item *m)
{
    sqlite3_stmt *s;
    const int found = wr_file_row(db, ID_FIND, &s, "it", t->id, m->id);
    if (found <= 0)
        return found;
    const int64_t n = sqlite3_column_int64(s, 0);
    m->seq = (uint64_t)sqlite3_column_int64(s, 1);
    m->duplicate = sqlite3_column_int64(s, 2) > db->now;
    wr_file_reset(s);
    return m->duplicate ? 0 : wr_file_run(db, ID_DROP, "i", n);
}

/* Two may go for each that comes, so that they do not pile up. */
static int remember(struct db *db, const struct topic *t, const struct item *m,
                    int64_t dedup)
{
    const int err = wr_file_run(db, ID_EXPIRE, "i", db->now);
    return err ? err
               : wr_file_run(db, ID_ADD, "itii", t->id, m->id, (int64_t)m->seq,
                             later(db->now, dedup));
}

/* ---- a request ----------------------------------------------------------- */

static int publish_one(struct db *db, struct topic *t, struct item *m,
                       const weir_limits *l)
{
    int err = 0;
    const int64_t size = size_of(m->event, m->id);
    m->duplicate = false;
    if (m->id)
        err = look_for(db, t, m);
    if (err || m->duplicate)
        return err;
    err = wr_file_make_room(db, t, l, size);
    if (!err)
        err = add(db, t, m, size);
    if (!err && m->id)
        err = remember(db, t, m, l->dedup);
    return err;
}

static int set_age(struct db *db, struct topic *t, int64_t max_age)
{
    if (t->max_age != max_age) {
        t->max_age = max_age;
        t->dirty = true;
    }
    return wr_file_expire(db, t);
}

/* It ends early: with what it has, or the code. */
static int end_with(struct request *r, int code)
{
    r->result = r->at ? (ptrdiff_t)r->at : code;
    return 0;
}

int wr_file_publish(struct db *db, struct request *r)
{
    const struct handle *h = r->handle;
    struct topic *t = h->topic;
    int err = wr_file_topic_load(db, t);
    if (err == WEIR_CLOSED)
        return end_with(r, err);
    if (!err)
        err = set_age(db, t, h->limits.max_age);
    const size_t before = r->at;
    while (!err && r->at < r->n) {
        err = publish_one(db, t, &r->items[r->at], &h->limits);
        r->at += !err;
    }
    if (r->at > before)
        wr_file_topic_news(t);
    if (err == WEIR_FULL && h->limits.on_full == WEIR_BLOCK) {
        if (!__atomic_load_n(&h->closed, __ATOMIC_ACQUIRE))
            return 1;
        err = WEIR_CLOSED;
        return end_with(r, err);
    }
    if (!err || err == WEIR_FULL || err == WEIR_LIMIT)
        return end_with(r, err);
    return err;
}
