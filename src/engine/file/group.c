/* SPDX-License-Identifier: MIT */
/*
 * Groups: a row each, kept in memory while nobody else writes. One that a
 * subscription has for itself has a name that no user can give, and a lease,
 * which its process renews; anybody drops it when that is over.
 *
 * Leases are on the clock of weir_now, which nobody sets and which all
 * processes on a WAL share, as they are on one system. When that is started
 * anew, so is the clock: a lease that ends later than any can is of before.
 */
#include "engine/file/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The end of one that begins now. */
static int64_t lease_of(const struct db *db)
{
    return later(db->uptime, LEASE_SECONDS * WEIR_SECOND);
}

/* ---- in memory ----------------------------------------------------------- */

static int find(struct db *db, const struct topic *t, const char *name,
                struct group **out)
{
    *out = NULL;
    for (struct group *g = t->groups; g && !*out; g = g->next) {
        if (strcmp(g->name, name) != 0)
            continue;
        const int err = wr_file_group_load(db, g);
        if (err && err != WEIR_CLOSED)
            return err;
        if (!err)
            *out = g;
    }
    return 0;
}

static struct group *add(struct topic *t, const char *name)
{
    struct group *g = wr_file_alloc(sizeof(*g));
    if (!g)
        return NULL;
    g->name = wr_file_copy(name);
    if (!g->name) {
        free(g);
        return NULL;
    }
    g->topic = t;
    g->wake_at = INT64_MAX;
    g->next = t->groups;
    t->groups = g;
    return g;
}

void wr_file_group_put(struct group *g)
{
    g->refs--;
}

void wr_file_groups_prune(struct topic *t)
{
    struct group **p = &t->groups;
    while (*p) {
        struct group *g = *p;
        if (g->refs) {
            p = &g->next;
            continue;
        }
        *p = g->next;
        free(g->name);
        free(g);
    }
}

/* ---- rows ---------------------------------------------------------------- */

int wr_file_group_load(struct db *db, struct group *g)
{
    sqlite3_stmt *s;
    wr_file_touch(db, g->topic);
    if (g->gone || g->epoch == db->epoch)
        return g->gone ? WEIR_CLOSED : 0;
    const int found = wr_file_row(db, GROUP_LOAD, &s, "i", g->id);
    if (found < 0)
        return found;
    g->gone = !found || sqlite3_column_int64(s, 0) != g->born;
    if (!g->gone) {
        g->cursor = sqlite3_column_int64(s, 1);
        g->dead = sqlite3_column_int64(s, 2);
        g->lost = sqlite3_column_int64(s, 3);
        g->told = sqlite3_column_int64(s, 4);
        g->since = sqlite3_column_int64(s, 5);
        g->epoch = db->epoch;
        g->dirty = false;
    }
    wr_file_reset(s);
    return g->gone ? WEIR_CLOSED : 0;
}

int wr_file_group_save(struct db *db, struct group *g)
{
    if (!g->dirty || g->gone || g->epoch != db->epoch)
        return 0;
    g->dirty = false;
    return wr_file_run(db, GROUP_SAVE, "iiiii", g->cursor, g->dead, g->lost,
                       g->told, g->id);
}

int wr_file_groups_save(struct db *db, struct topic *t, bool forget)
{
    int err = 0;
    for (struct group *g = t->groups; g && !err; g = g->next) {
        err = wr_file_group_save(db, g);
        if (forget)
            g->epoch = 0;
    }
    return err;
}

/* ---- a new one ----------------------------------------------------------- */

/* The first message published at that time or later: they are in order. */
static int seek_time(struct db *db, const struct topic *t, int64_t time,
                     int64_t *cursor)
{
    int64_t low = t->first, high = t->last + 1;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        int64_t at;
        const int err = wr_file_number(db, MESSAGE_STAMP, &at, 0, "i",
                                       row_of(t->id, middle));
        if (err)
            return err;
        if (at < time)
            low = middle + 1;
        else
            high = middle;
    }
    *cursor = low;
    return 0;
}

static int find_begin(struct db *db, const struct topic *t,
                      const weir_sub_opts *o, int64_t *cursor)
{
    const uint64_t most = (UINT64_C(1) << SEQ_BITS) - 1;
    *cursor = t->first;
    if (o->from == WEIR_FROM_TIME)
        return seek_time(db, t, o->time, cursor);
    if (o->from == WEIR_FROM_END)
        *cursor = t->last + 1;
    else if (o->from == WEIR_FROM_SEQ && o->seq > (uint64_t)t->first)
        *cursor = (int64_t)(o->seq < most ? o->seq : most);
    return 0;
}

static int make_row(struct db *db, struct group *g, const weir_sub_opts *o)
{
    struct topic *t = g->topic;
    int64_t cursor, since = 0;
    const int64_t lease = g->own ? lease_of(db) : 0;
    int err = find_begin(db, t, o, &cursor);
    if (err)
        return err;
    if (o->from == WEIR_FROM_TIME && cursor > t->last)
        since = o->time;
    g->born = wr_file_nonce();
    err = wr_file_run(db, GROUP_ADD, "itiiii", t->id, g->name, g->born, cursor,
                      lease, since);
    t->floor = 0;
    if (t->since < since)
        t->since = since;
    return err ? err : wr_file_new_id(db, &g->id);
}

int wr_file_groups_pass(struct db *db, struct topic *t)
{
    for (struct group *g = t->groups; g; g = g->next)
        if (g->epoch == db->epoch && g->since > t->stamp)
            g->cursor = t->last + 1;
    return wr_file_run(db, GROUPS_PASS, "iii", t->id, t->stamp, t->last + 1);
}

static int look_up(struct db *db, struct group *g, const weir_sub_opts *o)
{
    sqlite3_stmt *s;
    const int found =
        wr_file_row(db, GROUP_FIND, &s, "it", g->topic->id, g->name);
    if (found <= 0)
        return found < 0 ? found : make_row(db, g, o);
    g->id = sqlite3_column_int64(s, 0);
    g->born = sqlite3_column_int64(s, 1);
    wr_file_reset(s);
    return 0;
}

static int add_group(struct db *db, struct group **out, struct topic *t,
                     const char *name, const weir_sub_opts *o)
{
    struct group *g = add(t, name);
    if (!g)
        return WEIR_ENOMEM;
    g->own = !o->group;
    int err = look_up(db, g, o);
    if (!err)
        err = wr_file_group_load(db, g);
    g->gone = err != 0;
    if (g->own) {
        db->lease_end = sooner(db->lease_end, lease_of(db));
        db->renew_at = sooner(
            db->renew_at, later(db->uptime, LEASE_SECONDS * WEIR_SECOND / 3));
    }
    *out = g;
    return err;
}

int wr_file_group_get(struct db *db, struct group **g, struct topic *t,
                      const weir_sub_opts *o)
{
    char own[24];
    snprintf(own, sizeof(own), "\x01%" PRIx64, (uint64_t)wr_file_nonce());
    const char *name = o->group ? o->group : own;
    int err = find(db, t, name, g);
    if (!err && !*g)
        err = add_group(db, g, t, name, o);
    if (err)
        *g = NULL; /* nobody has a reference */
    else
        (*g)->refs++;
    return err;
}

/* ---- the end of one ------------------------------------------------------ */

/* Whoever has it in memory is to look again. */
static void forget(struct topic *t, int64_t id)
{
    for (struct group *g = t->groups; g; g = g->next)
        if (g->id == id) {
            g->epoch = 0;
            g->news = t->news = true;
        }
}

int wr_file_group_drop(struct db *db, struct topic *t, int64_t id)
{
    int err = wr_file_run(db, PENDING_ALL, "i", id);
    if (!err)
        err = wr_file_run(db, GROUP_DROP, "i", id);
    forget(t, id);
    return err;
}

int wr_file_group_remove(struct db *db, struct topic *t, const char *name)
{
    int64_t id;
    const int err = wr_file_number(db, GROUP_FIND, &id, -1, "it", t->id, name);
    if (err)
        return err;
    return id < 0 ? -ENOENT : wr_file_group_drop(db, t, id);
}

/* Drops what the statement finds, one after another. */
static int drop_each(struct db *db, enum statement which, const char *form,
                     struct topic *t)
{
    int64_t id = 0;
    int err = 0;
    while (!err && id >= 0) {
        err = wr_file_number(db, which, &id, -1, form, t->id, db->uptime,
                             lease_of(db));
        if (!err && id >= 0)
            err = wr_file_group_drop(db, t, id);
    }
    return err;
}

int wr_file_groups_drop(struct db *db, struct topic *t)
{
    return drop_each(db, GROUPS_ANY, "i", t);
}

/* ---- leases -------------------------------------------------------------- */

static int renew(struct db *db, const struct topic *t, bool *any)
{
    int err = 0;
    for (const struct group *g = t->groups; g && !err; g = g->next)
        if (g->own && !g->gone) {
            *any = true;
            err = wr_file_run(db, LEASE_RENEW, "iii", lease_of(db), g->id,
                              g->born);
        }
    return err;
}

int wr_file_leases_renew(struct db *db)
{
    int err = 0;
    bool any = false;
    for (struct topic *t = NULL; (t = wr_file_next_topic(db, t)) && !err;)
        err = renew(db, t, &any);
    db->renew_at =
        any ? later(db->uptime, LEASE_SECONDS * WEIR_SECOND / 3) : INT64_MAX;
    return err;
}

/* If ours are over, that is because the thread could not renew them. */
int wr_file_leases_end(struct db *db, struct topic *t)
{
    bool any;
    const int err = db->lease_end <= db->uptime ? renew(db, t, &any) : 0;
    return err ? err : drop_each(db, LEASE_OVER, "iii", t);
}

/* ---- counts -------------------------------------------------------------- */

int wr_file_group_counts(struct db *db, struct group *g, weir_sub_counts *out)
{
    sqlite3_stmt *s;
    const struct topic *t = g->topic;
    const int found = wr_file_row(db, PENDING_COUNT, &s, "i", g->id);
    if (found < 0)
        return found;
    const int64_t from = g->cursor > t->first ? g->cursor : t->first,
                  all = sqlite3_column_int64(s, 0),
                  taken = sqlite3_column_int64(s, 1);
    wr_file_reset(s);
    *out = (weir_sub_counts){
        .waiting = (uint64_t)(all - taken),
        .pending = (uint64_t)taken,
        .dead = (uint64_t)g->dead,
        .lost = (uint64_t)g->lost,
    };
    if (from <= t->last)
        out->waiting += (uint64_t)(t->last - from + 1);
    return 0;
}
