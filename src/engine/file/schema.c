/* SPDX-License-Identifier: MIT */
/*
 * The tables, and every statement on them.
 *
 *   message        id = topic << 44 | number: the messages of a topic are one
 *                  range, without an index more; a name ("" or no bytes) that
 *                  is not there is null; headers: name, 0, value, 0, ...
 *   consumer_group cursor: the next number that it was never delivered
 *   pending        id = group << 44 | number: delivered and not settled, or
 *                  passed by the cursor because of its key
 *                  taken  1: in flight until `due`; 0: waits until `due`
 *                  due    null: an earlier one of the same key is pending
 *                  key    a hash of the message's, null without one
 *   ids            known until `until`
 *
 * A database is ours by its application_id, and of a version by user_version.
 */
#include "engine/file/file.h"

#include <stdlib.h>
#include <unistd.h>

#define APPLICATION 2003134834 /* "weir" */
#define VERSION     1
#define STRING_(x)  #x
#define STRING(x)   STRING_(x)

_Static_assert(SEQ_BITS == 44, "the statements shift by it");

static const char tables[] =
    "CREATE TABLE topic("
    " id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " born INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, max_age INTEGER NOT NULL,"
    " stamp INTEGER NOT NULL) STRICT;"
    "CREATE TABLE message("
    " id INTEGER PRIMARY KEY, published INTEGER NOT NULL,"
    " size INTEGER NOT NULL, time INTEGER NOT NULL, name TEXT, type TEXT,"
    " key BLOB, headers BLOB, payload BLOB) STRICT;"
    "CREATE TABLE consumer_group("
    " id INTEGER PRIMARY KEY, topic INTEGER NOT NULL, name TEXT NOT NULL,"
    " born INTEGER NOT NULL, cursor INTEGER NOT NULL, dead INTEGER NOT NULL,"
    " lost INTEGER NOT NULL, told INTEGER NOT NULL, lease INTEGER,"
    " since INTEGER NOT NULL,"
    " UNIQUE(topic, name)) STRICT;"
    "CREATE TABLE pending("
    " id INTEGER PRIMARY KEY, grp INTEGER NOT NULL,"
    " deliveries INTEGER NOT NULL, taken INTEGER NOT NULL, due INTEGER,"
    " key INTEGER) STRICT;"
    "CREATE INDEX pending_due ON pending(grp, due) WHERE due IS NOT NULL;"
    "CREATE INDEX pending_key ON pending(grp, key) WHERE key IS NOT NULL;"
    "CREATE TABLE ids("
    " n INTEGER PRIMARY KEY, topic INTEGER NOT NULL, id TEXT NOT NULL,"
    " seq INTEGER NOT NULL, until INTEGER NOT NULL,"
    " UNIQUE(topic, id)) STRICT;"
    "CREATE INDEX ids_until ON ids(until);"
    "PRAGMA application_id = " STRING(
        APPLICATION) ";"
                     "PRAGMA user_version = " STRING(VERSION) ";";

/* ?1 is the group, ?2 the number: its row, and the range of its rows. */
#define ROW   "((?1 << 44) + ?2)"
#define RANGE "id >= (?1 << 44) AND id < ((?1 + 1) << 44)"

/* clang-format off */
static const char *const statements[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [DATA_VERSION] = "PRAGMA data_version",
    [TOPIC_FIND] = "SELECT id, born FROM topic WHERE name = ?",
    [TOPIC_LOAD] =
        "SELECT born, first, last, bytes, max_age, stamp,"
        " (SELECT max(since) FROM consumer_group WHERE topic = topic.id)"
        " FROM topic WHERE id = ?",
    [TOPIC_ADD] =
        "INSERT INTO topic(name, born, first, last, bytes, max_age, stamp)"
        " VALUES(?, ?, 1, 0, 0, 0, 0)",
    [TOPIC_SAVE] =
        "UPDATE topic SET first = ?, last = ?, bytes = ?, max_age = ?,"
        " stamp = ? WHERE id = ?",
    [TOPIC_DROP] = "DELETE FROM topic WHERE id = ?",
    [GROUP_FIND] =
        "SELECT id, born FROM consumer_group WHERE topic = ? AND name = ?",
    [GROUP_LOAD] =
        "SELECT born, cursor, dead, lost, told, since"
        " FROM consumer_group WHERE id = ?",
    [GROUP_ADD] =
        "INSERT INTO consumer_group"
        "(topic, name, born, cursor, lease, since, dead, lost, told)"
        " VALUES(?, ?, ?, ?, nullif(?, 0), ?, 0, 0, 0)",
    [GROUP_SAVE] =
        "UPDATE consumer_group SET cursor = ?, dead = ?, lost = ?, told = ?"
        " WHERE id = ?",
    [GROUPS_PASS] =
        "UPDATE consumer_group SET cursor = ?3 WHERE topic = ?1 AND since > ?2",
    [GROUP_DROP] = "DELETE FROM consumer_group WHERE id = ?",
    [GROUPS_ANY] = "SELECT id FROM consumer_group WHERE topic = ? LIMIT 1",
    [GROUPS_COUNT] = "SELECT count(*) FROM consumer_group WHERE topic = ?",
    [GROUPS_FLOOR] =
        "SELECT min(ifnull((SELECT p.id - (g.id << 44) FROM pending p"
        "  WHERE p.id >= (g.id << 44) AND p.id < ((g.id + 1) << 44)"
        "  ORDER BY p.id LIMIT 1), g.cursor))"
        " FROM consumer_group g WHERE g.topic = ?",
    /* A topic's messages from ?2 to before ?3 go. */
    [GROUPS_LOSE] =
        "UPDATE consumer_group SET cursor = max(cursor, ?3),"
        " lost = lost + max(0, ?3 - max(cursor, ?2))"
        "  + (SELECT count(*) FROM pending p"
        "   WHERE p.id >= (consumer_group.id << 44)"
        "   AND p.id < (consumer_group.id << 44) + ?3)"
        " WHERE topic = ?1",
    [LEASE_RENEW] = "UPDATE consumer_group SET lease = ? WHERE id = ? AND born = ?",
    [LEASE_FIRST] = "SELECT min(lease) FROM consumer_group WHERE topic = ?",
    [LEASE_OVER] =
        "SELECT id FROM consumer_group WHERE topic = ?1"
        " AND (lease <= ?2 OR lease > ?3) LIMIT 1",
    [MESSAGE_ADD] =
        "INSERT INTO message"
        "(id, published, size, time, name, type, key, headers, payload)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [MESSAGE_GET] =
        "SELECT id, published, time, name, type, key, headers, payload"
        " FROM message WHERE id BETWEEN ? AND ? ORDER BY id",
    [MESSAGE_STAMP] = "SELECT published FROM message WHERE id = ?",
    [MESSAGE_YOUNGER] =
        "SELECT id FROM message WHERE id BETWEEN ? AND ? AND published > ?"
        " ORDER BY id LIMIT 1",
    [MESSAGE_SIZES] = "SELECT sum(size) FROM message WHERE id BETWEEN ? AND ?",
    [MESSAGE_POP] = "DELETE FROM message WHERE id = ? RETURNING size",
    [MESSAGE_DROP] = "DELETE FROM message WHERE id BETWEEN ? AND ?",
    [MESSAGE_BURY] =
        "INSERT INTO message"
        "(id, published, size, time, type, key, headers, payload)"
        " SELECT ?, ?, size + ?, time, type, key,"
        "  CAST(ifnull(headers, x'') || ? AS BLOB), payload"
        " FROM message WHERE id = ? RETURNING size",
    [ID_FIND] = "SELECT n, seq, until FROM ids WHERE topic = ? AND id = ?",
    [ID_ADD] = "INSERT INTO ids(topic, id, seq, until) VALUES(?, ?, ?, ?)",
    [ID_DROP] = "DELETE FROM ids WHERE n = ?",
    [ID_EXPIRE] =
        "DELETE FROM ids WHERE n IN"
        " (SELECT n FROM ids WHERE until <= ? ORDER BY until LIMIT 2)",
    [IDS_DROP] = "DELETE FROM ids WHERE topic = ?",
    [PENDING_ADD] =
        "INSERT INTO pending(id, grp, deliveries, taken, due, key)"
        " VALUES(" ROW ", ?1, ?3, ?3, ?4, ?5)",
    [PENDING_GET] =
        "SELECT deliveries, taken, due, key FROM pending WHERE id = " ROW,
    [PENDING_DUE] =
        "SELECT id, deliveries, key FROM pending"
        " WHERE grp = ?1 AND due <= ?2 ORDER BY due, id LIMIT 1",
    [PENDING_NEXT_DUE] =
        "SELECT min(due) FROM pending WHERE grp = ? AND due IS NOT NULL",
    [PENDING_NEXT] =
        "SELECT min(due) FROM pending WHERE grp = ?1 AND due > ?2",
    [PENDING_DEAD] =
        "SELECT id, deliveries, key FROM pending"
        " WHERE grp = ?1 AND due <= ?2 AND deliveries >= ?3"
        " ORDER BY due, id LIMIT 1",
    [PENDING_KEY] = "SELECT 1 FROM pending WHERE grp = ? AND key = ? LIMIT 1",
    [PENDING_TAKE] =
        "UPDATE pending SET taken = 1, deliveries = ?3, due = ?4"
        " WHERE id = " ROW,
    [PENDING_BACK] =
        "UPDATE pending SET taken = 0, deliveries = ?3, due = ?4"
        " WHERE id = " ROW,
    [PENDING_MORE] = "UPDATE pending SET due = ?3 WHERE id = " ROW,
    [PENDING_DROP] = "DELETE FROM pending WHERE id = " ROW,
    /* That of no key, which nobody waits for, in one step. */
    [PENDING_ACK] =
        "DELETE FROM pending WHERE id = " ROW " AND deliveries = ?3"
        " AND taken = 1 AND due > ?4 AND key IS NULL",
    [PENDING_UNBLOCK] =
        "UPDATE pending SET due = ?3 WHERE due IS NULL AND id ="
        " (SELECT min(id) FROM pending WHERE grp = ?1 AND key = ?2)",
    [PENDING_COUNT] =
        "SELECT count(*), sum(taken) FROM pending WHERE " RANGE,
    [PENDING_ALL] = "DELETE FROM pending WHERE " RANGE,
    /* Of the groups of topic ?1, before number ?2. */
    [PENDING_LOSE] =
        "DELETE FROM pending WHERE id IN (SELECT p.id FROM consumer_group g"
        " CROSS JOIN pending p ON p.id >= (g.id << 44)"
        "  AND p.id < (g.id << 44) + ?2 WHERE g.topic = ?1)",
    /* The first of each key that stays, when those go. */
    [PENDING_ORPHANS] =
        "UPDATE pending SET due = ?3 WHERE due IS NULL AND id IN"
        " (SELECT (SELECT min(q.id) FROM pending q WHERE q.grp = p.grp"
        "   AND q.key = p.key AND q.id >= (g.id << 44) + ?2)"
        "  FROM consumer_group g CROSS JOIN pending p ON p.id >= (g.id << 44)"
        "   AND p.id < (g.id << 44) + ?2"
        "  WHERE g.topic = ?1 AND p.key IS NOT NULL)",
};
/* clang-format on */

/* ---- whose is it? -------------------------------------------------------- */

static int pragma(struct db *db, const char *text, int64_t *out)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db->sql, text, -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return rc == SQLITE_ROW ? 0 : wr_file_failed(db, rc);
}

static int execute(struct db *db, const char *text)
{
    const int rc = sqlite3_exec(db->sql, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : wr_file_failed(db, rc);
}

static int foreign(struct db *db)
{
    return weir_why_set(&db->why, WEIR_CORRUPT,
                        "file:%.200s: is a database of another program",
                        db->path);
}

static int newer(struct db *db, int64_t version)
{
    return weir_why_set(&db->why, WEIR_CORRUPT,
                        "file:%.200s: was made by a newer version of weir: "
                        "its format is %lld, this library's is %d",
                        db->path, (long long)version, VERSION);
}

/* 0 and *fresh: it is ours, or empty. */
static int check(struct db *db, bool *fresh)
{
    int64_t application = 0, version = 0, things = 0;
    int err = pragma(db, "PRAGMA application_id", &application);
    if (!err)
        err = pragma(db, "PRAGMA user_version", &version);
    if (!err)
        err = pragma(db, "SELECT count(*) FROM sqlite_schema", &things);
    if (err)
        return err;
    *fresh = !application && !version && !things;
    if (*fresh)
        return 0;
    if (application != APPLICATION || version < 1)
        return foreign(db);
    return version > VERSION ? newer(db, version) : 0;
}

/* ---- opening ------------------------------------------------------------- */

static int connect(struct db *db)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                      SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE;
    if (!sqlite3_threadsafe())
        return weir_why_set(&db->why, WEIR_UNSUPPORTED,
                            "file: this SQLite was built without threads");
    const int rc = sqlite3_open_v2(db->path, &db->sql, flags, NULL);
    if (rc != SQLITE_OK)
        return wr_file_failed(db, rc);
    return execute(db, "PRAGMA trusted_schema = OFF;"
                       "PRAGMA temp_store = MEMORY;"
                       "PRAGMA cell_size_check = ON;");
}

static int to_wal(struct db *db)
{
    sqlite3_stmt *s = NULL;
    int rc =
        sqlite3_prepare_v2(db->sql, "PRAGMA journal_mode = WAL", -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    const bool is_wal =
        rc == SQLITE_ROW &&
        strcmp((const char *)sqlite3_column_text(s, 0), "wal") == 0;
    sqlite3_finalize(s);
    if (rc != SQLITE_ROW)
        return wr_file_failed(db, rc);
    if (is_wal)
        return 0;
    return weir_why_set(&db->why, WEIR_UNSUPPORTED,
                        "file:%.200s: its file system has no shared memory, "
                        "which SQLite's WAL needs",
                        db->path);
}

/* The end of a transaction that has come to err. */
static int end(struct db *db, int err)
{
    if (!err)
        err = execute(db, "COMMIT");
    if (err && !sqlite3_get_autocommit(db->sql))
        sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

/* At one instant: another process may be making it. */
static int check_at_once(struct db *db, bool *fresh)
{
    const int err = execute(db, "BEGIN");
    return err ? err : end(db, check(db, fresh));
}

/* Another process may be at it, too. */
static int make_tables(struct db *db)
{
    bool fresh;
    int err = execute(db, "BEGIN IMMEDIATE");
    if (err)
        return err;
    err = check(db, &fresh);
    if (!err && fresh)
        err = execute(db, tables);
    return end(db, err);
}

static int prepare(struct db *db)
{
    for (int i = 0; i < STATEMENTS; i++) {
        const int rc = sqlite3_prepare_v3(db->sql, statements[i], -1,
                                          SQLITE_PREPARE_PERSISTENT,
                                          &db->statements[i], NULL);
        if (rc != SQLITE_OK)
            return wr_file_failed(db, rc);
    }
    return 0;
}

static int open_steps(struct db *db)
{
    bool fresh;
    int err = connect(db);
    if (!err)
        err = check_at_once(db, &fresh);
    if (!err)
        err = to_wal(db);
    if (!err && fresh)
        err = make_tables(db);
    if (!err)
        err = prepare(db);
    if (!err)
        err = wr_file_news_open(db);
    return err;
}

int wr_file_sql_open(struct db *db)
{
    const int err = open_steps(db);
    if (err)
        wr_file_sql_close(db);
    db->sync = SYNC_FULL;
    db->epoch++;
    return err;
}

void wr_file_sql_close(struct db *db)
{
    wr_file_news_close(db);
    for (int i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(db->statements[i]);
        db->statements[i] = NULL;
    }
    sqlite3_close(db->sql);
    db->sql = NULL;
}
