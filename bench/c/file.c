/* SPDX-License-Identifier: MIT */
/*
 * The engine `file` beside SQLite itself: a publisher's batches, and plain
 * inserts of the same rows in transactions of the same size by the same
 * thread, in turn, at each level of synchronous; the share is the time of
 * the one as a percentage of the other's, of the medians. An operation is an
 * event of 100 bytes, made and stored, by the one or the other. And replay: a
 * message received and acknowledged, by a group that begins at the beginning.
 *
 * The file is in $TMPDIR, or /tmp: how long a disk takes is half of it.
 */
#include "bench.h"
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <weir/file.h>

enum { TURNS = 7, SIZE = 100, BATCH_MOST = 256, PATH_ROOM = 200 };

static const char *const syncs[] = {"off", "normal", "full"};
static const char payload[SIZE] = "a record of a hundred bytes";
static const weir_event_opts record = {
    .type = "order", .payload = payload, .size = SIZE};

/* ---- the file ------------------------------------------------------------ */

static void path_of(char *path, const char *suffix)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, PATH_ROOM, "%s/weir-bench-%d.db%s", folder ? folder : "/tmp",
             (int)getpid(), suffix);
}

static void remove_file(void)
{
    char path[PATH_ROOM];
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        path_of(path, suffixes[i]);
        unlink(path);
    }
}

/* ---- weir ---------------------------------------------------------------- */

static void know_engine(void)
{
    const int err = weir_engine_register(weir_file_engine());
    if (err != -EEXIST)
        must(err);
}

static weir_pub *open_pub(const char *sync)
{
    char path[PATH_ROOM], url[PATH_ROOM + 20];
    weir_pub *p;
    path_of(path, "");
    snprintf(url, sizeof(url), "file:%s?sync=%s", path, sync);
    must(weir_pub_open(&p, url, NULL));
    return p;
}

static void publish(weir_pub *p, int64_t ops, int64_t batch)
{
    weir_post posts[BATCH_MOST] = {{NULL, NULL, 0, false}};
    for (int64_t i = 0; i < ops; i += batch) {
        for (int64_t k = 0; k < batch; k++)
            must(weir_event_new(&posts[k].event, &record));
        expect("published", weir_pub_publish_n(p, posts, (size_t)batch, NULL),
               batch);
        for (int64_t k = 0; k < batch; k++)
            weir_event_unref(posts[k].event);
    }
}

static int64_t with_weir(const char *sync, int64_t ops, int64_t batch)
{
    weir_pub *p = open_pub(sync);
    const int64_t start = bench_clock();
    publish(p, ops, batch);
    const int64_t time = bench_clock() - start;
    weir_pub_free(p);
    remove_file();
    return time;
}

/* ---- SQLite alone -------------------------------------------------------- */

static const char table[] =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE message(id INTEGER PRIMARY KEY, published INTEGER NOT NULL,"
    " size INTEGER NOT NULL, time INTEGER NOT NULL, name TEXT, type TEXT,"
    " key BLOB, headers BLOB, payload BLOB) STRICT;";

static void check(sqlite3 *db, int rc, int wanted)
{
    if (rc != wanted)
        bench_fail(sqlite3_errmsg(db), rc, wanted);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *text)
{
    sqlite3_stmt *s = NULL;
    check(db, sqlite3_prepare_v2(db, text, -1, &s, NULL), SQLITE_OK);
    return s;
}

static void run(sqlite3 *db, sqlite3_stmt *s)
{
    check(db, sqlite3_step(s), SQLITE_DONE);
    sqlite3_reset(s);
}

static int64_t wall_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void insert(sqlite3 *db, int64_t ops, int64_t batch)
{
    weir_event *events[BATCH_MOST];
    sqlite3_stmt *begin = prepare(db, "BEGIN IMMEDIATE"),
                 *commit = prepare(db, "COMMIT"),
                 *add = prepare(db, "INSERT INTO message VALUES"
                                    "(?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (int64_t i = 0; i < ops; i += batch) {
        for (int64_t k = 0; k < batch; k++)
            must(weir_event_new(&events[k], &record));
        run(db, begin);
        for (int64_t k = 0; k < batch; k++) {
            const weir_event *e = events[k];
            sqlite3_bind_int64(add, 1, i + k + 1);
            sqlite3_bind_int64(add, 2, wall_clock());
            sqlite3_bind_int64(add, 3, SIZE + 5);
            sqlite3_bind_int64(add, 4, e->time);
            sqlite3_bind_text(add, 6, e->type, -1, SQLITE_STATIC);
            sqlite3_bind_blob(add, 9, e->payload, SIZE, SQLITE_STATIC);
            run(db, add);
        }
        run(db, commit);
        for (int64_t k = 0; k < batch; k++)
            weir_event_unref(events[k]);
    }
    sqlite3_finalize(begin);
    sqlite3_finalize(commit);
    sqlite3_finalize(add);
}

static int64_t with_sqlite(const char *sync, int64_t ops, int64_t batch)
{
    char text[PATH_ROOM];
    sqlite3 *db = NULL;
    path_of(text, "");
    check(db, sqlite3_open(text, &db), SQLITE_OK);
    check(db, sqlite3_exec(db, table, NULL, NULL, NULL), SQLITE_OK);
    snprintf(text, sizeof(text), "PRAGMA synchronous = %s", sync);
    check(db, sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    const int64_t start = bench_clock();
    insert(db, ops, batch);
    const int64_t time = bench_clock() - start;
    sqlite3_close(db);
    remove_file();
    return time;
}

/* ---- side by side -------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double median(int64_t *v)
{
    qsort(v, TURNS, sizeof(*v), by_value);
    return (double)v[TURNS / 2];
}

/* "what-off" for the row "file-off". */
static void report(const char *what, const char *name, double value)
{
    char text[64];
    snprintf(text, sizeof(text), "%s%s", what, strchr(name, '-'));
    bench_report(text, value);
}

/* a: the level of synchronous; b: the size of a batch. */
static void beside(const struct row *row, int64_t ops)
{
    int64_t weir[TURNS], plain[TURNS];
    const char *sync = syncs[row->a];
    know_engine();
    for (int i = 0; i < TURNS; i++) {
        weir[i] = with_weir(sync, ops, row->b);
        plain[i] = with_sqlite(sync, ops, row->b);
    }
    const double ours = median(weir), theirs = median(plain);
    report("file", row->name, ours / (double)ops);
    report("sqlite", row->name, theirs / (double)ops);
    report("share", row->name, 100 * ours / theirs);
}

/* ---- replay -------------------------------------------------------------- */

static void receive(weir_sub *s, int64_t ops)
{
    weir_message *m[BATCH_MOST];
    for (int64_t next = 0; next < ops;) {
        const ptrdiff_t n = weir_sub_recv_n(s, m, BATCH_MOST, NULL);
        if (n < 0)
            must((int)n);
        for (ptrdiff_t i = 0; i < n; i++)
            expect("next", (int64_t)m[i]->seq, ++next);
        must(weir_message_ack_n(m, (size_t)n, NULL));
        for (ptrdiff_t i = 0; i < n; i++)
            weir_message_free(m[i]);
    }
}

/* a: the level of synchronous. */
static void replay(const struct row *row, int64_t ops)
{
    char path[PATH_ROOM], url[PATH_ROOM + 20];
    weir_sub *s;
    know_engine();
    path_of(path, "");
    snprintf(url, sizeof(url), "file:%s?sync=%s", path, syncs[row->a]);
    weir_pub *p = open_pub("off");
    publish(p, ops, BATCH_MOST);
    must(weir_sub_open(&s, url, NULL, NULL));
    const int64_t start = bench_clock();
    receive(s, ops);
    bench_report(row->name, (double)(bench_clock() - start) / (double)ops);
    weir_sub_free(s);
    weir_pub_free(p);
    remove_file();
}

const struct row file_rows[] = {
    {"file-off", beside, 0, BATCH_MOST, REPORTS},
    {"file-normal", beside, 1, BATCH_MOST, REPORTS},
    {"file-full", beside, 2, BATCH_MOST, REPORTS},
    {"file-off-32", beside, 0, 32, REPORTS},
    {"file-normal-32", beside, 1, 32, REPORTS},
    {"replay-off", replay, 0, 0, REPORTS},
    {"replay-normal", replay, 1, 0, REPORTS},
    {"replay-full", replay, 2, 0, REPORTS},
    {NULL, NULL, 0, 0, FROM_TASK},
};
