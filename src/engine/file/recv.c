/* SPDX-License-Identifier: MIT */
/*
 * Receiving: first what is due again, then what the cursor comes to. A
 * message whose key has an earlier one pending is passed, and leaves a row
 * without a time behind, which the end of that earlier one gives one.
 */
#include "engine/file/file.h"

#include <stdlib.h>

enum {
    BYTES_AT_ONCE = 8 << 20, /* of payloads, after the first                */
    PASSED_AT_ONCE = 4096    /* messages that others of their keys hold back */
};

/* A receive, while it is served. */
struct taking {
    struct db *db;
    struct request *r;
    struct handle *sub;
    struct group *g;
    struct delivery **end;
    size_t count, bytes;
};

/* ---- a delivery ---------------------------------------------------------- */

void wr_file_delivery_free(struct delivery *d)
{
    weir_event_unref(d->face.message.event);
    free(d);
}

static size_t count_headers(const char *p, size_t size)
{
    size_t zeros = 0;
    for (size_t i = 0; i < size; i++)
        zeros += !p[i];
    return zeros / 2;
}

static void decode(const char *p, weir_event_header *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i].name = p;
        to[i].value = p + strlen(p) + 1;
        p = to[i].value + strlen(to[i].value) + 1;
    }
}

/* The columns of MESSAGE_GET: id, published, time, name, type, key, headers,
 * payload. */
static int make_event(sqlite3_stmt *s, weir_event **e)
{
    const char *headers = sqlite3_column_blob(s, 6);
    const size_t n = count_headers(headers, (size_t)sqlite3_column_bytes(s, 6));
    weir_event_header few[8], *all = few;
    if (n > 8)
        all = wr_file_alloc(n * sizeof(*all));
    if (!all)
        return WEIR_ENOMEM;
    decode(headers, all, n);
    const weir_event_opts o = {
        .type = (const char *)sqlite3_column_text(s, 4),
        .key = sqlite3_column_blob(s, 5),
        .key_size = (size_t)sqlite3_column_bytes(s, 5),
        .time = sqlite3_column_int64(s, 2),
        .headers = all,
        .header_count = n,
        .payload = sqlite3_column_blob(s, 7),
        .size = (size_t)sqlite3_column_bytes(s, 7),
    };
    const int err = weir_event_new(e, &o);
    if (all != few)
        free(all);
    return err;
}

/* With the id behind it. */
static struct delivery *new_delivery(sqlite3_stmt *s)
{
    const char *id = (const char *)sqlite3_column_text(s, 3);
    const size_t size = id ? strlen(id) + 1 : 0;
    struct delivery *d = wr_file_alloc(sizeof(*d) + size);
    if (d && id)
        d->face.message.id = memcpy(d + 1, id, size);
    return d;
}

/* Adds the message of the row to what was received. */
static int add(struct taking *k, sqlite3_stmt *s, int64_t deliveries)
{
    struct delivery *d = new_delivery(s);
    if (!d)
        return WEIR_ENOMEM;
    weir_message *m = &d->face.message;
    d->sub = k->sub;
    m->seq = (uint64_t)seq_of(sqlite3_column_int64(s, 0));
    m->published = sqlite3_column_int64(s, 1);
    m->deliveries = (uint32_t)deliveries;
    const int err = make_event(s, &m->event);
    if (err) {
        free(d);
        return err;
    }
    *k->end = d;
    k->end = &d->next;
    k->count++;
    k->bytes += m->event->size;
    return 0;
}

static bool enough(const struct taking *k)
{
    return k->count == k->r->n || k->bytes >= BYTES_AT_ONCE;
}

/* ---- what is due again --------------------------------------------------- */

static int deliver_again(struct taking *k, const struct pending *p)
{
    sqlite3_stmt *s;
    const int64_t row = row_of(k->g->topic->id, p->seq);
    const int found = wr_file_row(k->db, MESSAGE_GET, &s, "ii", row, row);
    if (found < 0)
        return found;
    if (!found)
        return wr_file_unpend(k->db, p);
    const int err = add(k, s, p->deliveries + 1);
    wr_file_reset(s);
    if (err)
        return err;
    const int64_t due = later(k->db->now, k->sub->ack_wait);
    k->g->wake_at = sooner(k->g->wake_at, due);
    wr_file_may_die(k->g, p->deliveries + 1, due);
    return wr_file_run(k->db, PENDING_TAKE, "iiii", k->g->id, p->seq,
                       p->deliveries + 1, due);
}

/* 1: there was one; 0: there is none. */
static int take_due(struct taking *k)
{
    sqlite3_stmt *s;
    const int found =
        wr_file_row(k->db, PENDING_DUE, &s, "ii", k->g->id, k->db->now);
    if (found <= 0)
        return found;
    const struct pending p = {
        .sub = k->sub,
        .seq = seq_of(sqlite3_column_int64(s, 0)),
        .deliveries = sqlite3_column_int64(s, 1),
        .key = sqlite3_column_int64(s, 2),
        .has_key = sqlite3_column_type(s, 2) != SQLITE_NULL,
    };
    wr_file_reset(s);
    const uint32_t most = k->sub->max_deliveries;
    const int err = most && p.deliveries >= most
                        ? wr_file_bury(k->db, &p, "deliveries")
                        : deliver_again(k, &p);
    return err ? err : 1;
}

/* ---- what is new --------------------------------------------------------- */

/* FNV-1a. */
uint64_t wr_file_hash(const void *p, size_t size)
{
    const unsigned char *bytes = p;
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
    return h;
}

static int take_plain(struct taking *k, sqlite3_stmt *s, int64_t due)
{
    const int err = wr_file_run(k->db, PENDING_ADD, "iiiin", k->g->id,
                                k->g->cursor, INT64_C(1), due);
    return err ? err : add(k, s, 1);
}

static int take_keyed(struct taking *k, sqlite3_stmt *s, int64_t due)
{
    int64_t held;
    const int64_t key = (int64_t)wr_file_hash(
        sqlite3_column_blob(s, 5), (size_t)sqlite3_column_bytes(s, 5));
    int err = wr_file_number(k->db, PENDING_KEY, &held, 0, "ii", k->g->id, key);
    if (err)
        return err;
    if (held)
        return wr_file_run(k->db, PENDING_ADD, "iiini", k->g->id, k->g->cursor,
                           INT64_C(0), key);
    err = wr_file_run(k->db, PENDING_ADD, "iiiii", k->g->id, k->g->cursor,
                      INT64_C(1), due, key);
    return err ? err : add(k, s, 1);
}

/* 1: it stopped before the end, to give others their turn. */
static int take_new(struct taking *k)
{
    sqlite3_stmt *s;
    struct group *g = k->g;
    const int64_t due = later(k->db->now, k->sub->ack_wait);
    int passed = 0, err = 0;
    if (g->cursor < g->topic->first)
        g->cursor = g->topic->first;
    int found = wr_file_row(k->db, MESSAGE_GET, &s, "ii",
                            row_of(g->topic->id, g->cursor),
                            row_of(g->topic->id, g->topic->last));
    while (found > 0 && !err && !enough(k) && passed < PASSED_AT_ONCE) {
        g->cursor = seq_of(sqlite3_column_int64(s, 0));
        const size_t before = k->count;
        err = sqlite3_column_type(s, 5) == SQLITE_NULL ? take_plain(k, s, due)
                                                       : take_keyed(k, s, due);
        passed += k->count == before;
        g->cursor++;
        g->dirty = true;
        const int rc = sqlite3_step(s);
        found = rc == SQLITE_ROW    ? 1
                : rc == SQLITE_DONE ? 0
                                    : wr_file_failed(k->db, rc);
    }
    wr_file_reset(s);
    if (k->count) {
        g->wake_at = sooner(g->wake_at, due);
        wr_file_may_die(g, 1, due);
    }
    return err || found < 0 ? (err ? err : found) : passed == PASSED_AT_ONCE;
}

/* ---- a request ----------------------------------------------------------- */

int wr_file_due_at(struct db *db, struct group *g)
{
    return wr_file_number(db, PENDING_NEXT_DUE, &g->wake_at, INT64_MAX, "i",
                          g->id);
}

static int load(struct db *db, struct group *g)
{
    int err = wr_file_topic_load(db, g->topic);
    if (!err)
        err = wr_file_expire(db, g->topic);
    return err ? err : wr_file_group_load(db, g);
}

static int take(struct taking *k)
{
    int more = 1;
    while (more > 0 && !enough(k))
        more = take_due(k);
    if (more < 0 || enough(k))
        return more < 0 ? more : 0;
    more = take_new(k);
    if (more == 1) {
        k->g->wake_at = 0;
        more = 0;
    }
    return more;
}

static int end_with(struct request *r, ptrdiff_t result)
{
    r->result = result;
    return 0;
}

/* That the group lags is told to one, who waits for that as long as it takes:
 * once it is stored, nobody is told again. So who was to be told and had to be
 * undone, is told also when another process has told it meanwhile. */
static bool is_told(struct group *g, struct request *r)
{
    const bool lags = g->lost > g->told;
    if (!lags && __atomic_load_n(&r->state, __ATOMIC_ACQUIRE) != CLAIMED)
        return false;
    if (!wr_file_claim(r))
        return false;
    g->told = g->lost;
    g->dirty = true;
    return true;
}

int wr_file_recv(struct db *db, struct request *r)
{
    struct handle *h = r->handle;
    struct group *g = h->group;
    struct taking k = {db, r, h, g, &r->got, 0, 0};
    if (__atomic_load_n(&h->closed, __ATOMIC_ACQUIRE))
        return end_with(r, WEIR_CLOSED);
    int err = load(db, g);
    if (err)
        return err == WEIR_CLOSED ? end_with(r, err) : err;
    if (is_told(g, r))
        return end_with(r, WEIR_LAGGED);
    err = take(&k);
    if (err)
        return err;
    if (k.count || r->now)
        return end_with(r, k.count ? (ptrdiff_t)k.count : WEIR_EMPTY);
    return 1;
}
