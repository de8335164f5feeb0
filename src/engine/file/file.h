/* SPDX-License-Identifier: MIT */
/*
 * The engine `file`, inside.
 *
 * An open database is a `struct db` with a thread of its own, the only one
 * that calls SQLite; the handles of a process on one file share it.
 *
 *   caller: request --push--> inbox --take--> thread: BEGIN
 *                                                     each request
 *                                                     those it lets go on
 *                                                     COMMIT
 *   caller  <-------- its weir_ctx ends ------------- answers all
 *
 * Who owns what
 *   - A request belongs to its caller until it is pushed and after it was
 *     answered; in between to the thread. A caller whose own context ends
 *     leaves it to the thread (state ABANDONED), which frees it, and does not
 *     begin it any more.
 *   - Topics, groups, lists of requests, and all of `struct db` below the line
 *     are the thread's; handles refer to them and are freed by it.
 *   - Rows of topics and groups are kept in memory for as long as nobody else
 *     has written to the file: `epoch` of the row is that of the database.
 *     What a transaction changed is written at its end.
 *
 * A request that cannot be served yet (nothing to receive, no room) waits in
 * the list of its group or topic, with no transaction open. It is tried again
 * in each transaction that may let it go on, and when its time has come.
 */
#ifndef WR_ENGINE_FILE_FILE_H
#define WR_ENGINE_FILE_FILE_H

#include <pthread.h>
#include <string.h>
#include <sys/types.h>
#include <weir/file.h>
#include <weir/mutex.h>
#include <weir/task.h>
#include <weir/time.h>
#include "engine/file/request.h"
#include "engine/file/sql.h"

enum {
    LEASE_SECONDS = 30,
    PATH_LIMIT = 480, /* SQLite's is 512, with its suffixes                  */
    NAME_LIMIT = 255,
    SEQ_BITS = 44, /* of a row's number; the topic or group has the others  */
    BUCKETS = 1024 /* of topics by name                                     */
};

/* ---- what the file has --------------------------------------------------- */

struct topic {
    struct topic *next; /* of the same bucket                               */
    uint32_t refs;      /* handles                                          */
    char *name;
    int64_t id, born;
    uint64_t epoch; /* of the row below                                     */
    bool gone;      /* removed: for ever                                    */
    bool dirty;
    /* Messages first..last are kept, without a gap; stamp: when the last one
     * was published. */
    int64_t first, last, bytes, max_age, stamp;
    /* Below it every group has settled all; it may be too low. */
    int64_t floor;
    int64_t since; /* the latest time at which a group of it begins         */
    struct group *groups;
    struct jobs blocked; /* publishes that wait for room                    */
    int64_t wake_at;     /* wall clock; INT64_MAX: only for news            */
    bool news;           /* there may be room                               */
    /* agenda.c */
    struct topic *next_touched;
    bool touched;
    size_t place; /* on the agenda, from 1; 0: it is not                    */
    int64_t look_at; /* on weir_now                                         */
};

struct group {
    struct group *next;
    struct topic *topic;
    uint32_t refs; /* handles                                               */
    char *name;
    int64_t id, born;
    uint64_t epoch;
    bool gone, dirty;
    bool own; /* it has a lease, which is ours to renew                     */
    /* `told` of the `lost` were reported by WEIR_LAGGED. */
    int64_t cursor, dead, lost, told;
    int64_t since; /* what is published before is not for it; 0: all is     */
    struct jobs waiting; /* receives                                        */
    int64_t wake_at;
    bool news;
    struct handle *mortals; /* with max_deliveries                          */
    int64_t dies_at; /* wall clock: something of it may; 0: to be looked at */
};

/* ---- handles ------------------------------------------------------------- */

/* A publisher or a subscription. */
struct handle {
    struct db *db;
    struct topic *topic;
    struct group *group; /* of a subscription                               */
    enum sync sync;
    int64_t busy;
    uint32_t closed, looked_for;
    weir_limits limits;
    int64_t ack_wait;
    uint32_t max_deliveries;
    struct handle *next_mortal;
    char *dead; /* the topic of the dead letters                            */
    struct job look; /* in the inbox: looked_for                            */
    struct request end;
};

static inline struct handle *handle_of_look(struct job *j)
{
    return (struct handle *)(void *)((char *)j - offsetof(struct handle, look));
}

struct delivery {
    weir_delivery face;
    struct job job;
    struct delivery *next;
    struct handle *sub;
    int64_t due;
    bool unseen; /* its receive was abandoned: it does not count            */
};

static inline struct delivery *delivery_of(struct job *j)
{
    return (struct delivery *)(void *)((char *)j -
                                       offsetof(struct delivery, job));
}

/* ---- the database -------------------------------------------------------- */

struct db {
    struct db *next;
    uint32_t refs;
    dev_t dev;
    ino_t ino;
    char *path; /* absolute, without links                                  */
    pthread_t thread;
    struct job stop;
    struct job *inbox; /* the newest first; any thread pushes               */
    uint32_t asleep;   /* who pushes then, wakes it                         */
    int wake_fd;

    /* ---- the thread's own ---- */
    sqlite3 *sql;
    sqlite3_stmt *statements[STATEMENTS];
    weir_why why; /* what was wrong last                                    */
    struct jobs todo;
    struct jobs served; /* by the transaction that is open                  */
    struct topic *topics[BUCKETS];
    size_t topic_count;
    struct topic *touched, **agenda;
    size_t agenda_size, agenda_room;
    int64_t now;          /* wall clock, of the transaction                 */
    int64_t uptime;       /* weir_now, then                                 */
    uint64_t epoch;       /* changes when others wrote, and by a rollback   */
    int64_t data_version; /* SQLite's, of that epoch                        */
    enum sync sync;       /* as it is set                                   */
    int64_t renew_at;     /* leases, on weir_now; INT64_MAX: none           */
    int64_t lease_end;    /* of ours, the earliest                          */
    int64_t backoff;      /* of the lock that was met; 0: it is free        */
    int changes;          /* sqlite3_total_changes at the last commit       */
    bool stopping;
    int news_fd, wal_fd;
};

/* ---- memory (mem.c) ------------------------------------------------------ */

/* As wr_alloc of libweir, which a shared library of its own cannot reach. */
void *wr_file_alloc(size_t size);
char *wr_file_copy(const char *s);
void wr_file_mem_fail_after(int64_t n);

/* ---- databases of the process (db.c) ------------------------------------- */

/* The database of the URL's path, made if `make`; a reference. 0, or a code
 * and why. */
int wr_file_db_get(struct db **db, const char *path, bool make, weir_why *why);
/* The last reference joins the thread, which has closed the file. */
void wr_file_db_put(struct db *db);
/* In the child of a fork, of a process that has used the engine. */
bool wr_file_forked(void);

/* ---- the thread (loop.c) ------------------------------------------------- */

void *wr_file_thread(void *db);

/* ---- a job (job.c) ------------------------------------------------------- */

/* 0: it was served; 1: it has to wait; or a code, and nothing of it counts. */
int wr_file_run_job(struct db *db, struct job *j);
/* What was served is stored: answers. */
void wr_file_finish(struct db *db, struct job *j);
/* As if it had not run. */
void wr_file_undo(struct job *j);
/* The same, and that is the answer. */
void wr_file_fail(struct db *db, struct job *j, int code);

/* ---- those who wait (wait.c) --------------------------------------------- */

/* To the list of its group or topic. 0, or a code. */
int wr_file_park(struct db *db, struct job *j);
/* Runs those who may go on, to `served`. Not negative, or a code. */
int wr_file_retry(struct db *db);
/* Lets go of those who wait where the handle does, and whose handle was closed
 * or who were abandoned. */
void wr_file_look(struct db *db, struct handle *h);
/* Any thread that has the handle: there is somebody to be let go of. */
void wr_file_look_for(struct handle *h);

/* ---- which topics are looked at (agenda.c) ------------------------------- */

void wr_file_touch(struct db *db, struct topic *t);
/* Room for so many topics. 0, WEIR_ENOMEM. */
int wr_file_agenda_reserve(struct db *db, size_t topics);
/* Touches those whose time has come. */
void wr_file_agenda_due(struct db *db);
/* Is there somebody who may go on? *at: when, on weir_now, there will be,
 * without news. */
bool wr_file_ready(const struct db *db, int64_t *at);
/* Of those that were touched: frees what nobody refers to, and plans when the
 * others are to be looked at. Not within a transaction, which may still save
 * them. */
void wr_file_plan(struct db *db);

/* ---- a transaction (transaction.c) --------------------------------------- */

/* As safe as those of the list ask for, and those who wait and may go on;
 * before begin. */
int wr_file_set_sync(struct db *db, const struct jobs *list);
/* Is the transaction as safe as that asks for? */
bool wr_file_is_safe(const struct db *db, const struct job *j);
/* WEIR_BUSY: another process has the lock. */
int wr_file_begin(struct db *db);
/* Stores, tells other processes, and answers what is in `served`. */
int wr_file_commit(struct db *db);
void wr_file_roll_back(struct db *db);
/* What the publishes of the list have stored is there for ever. */
void wr_file_note_stored(const struct jobs *list);
/* -ESTALE: its path is not that of the file any more. */
int wr_file_check(struct db *db);
/* Those who wait may go on, all of them. */
void wr_file_news_for_all(struct db *db);
/* When others have written since the last look: those who wait may go on. */
int wr_file_look_for_others(struct db *db);

/* ---- all of them (batch.c) ----------------------------------------------- */

/* Executes what is in todo, and tries those who wait and may go on. False: a
 * lock of another process was met, and what is left is still in todo. */
bool wr_file_batch(struct db *db);
/* Renews the leases that are ours. */
void wr_file_renew(struct db *db);

/* ---- opening (schema.c) -------------------------------------------------- */

/* 0; WEIR_BUSY: to be tried again; or a code, and db->why. */
int wr_file_sql_open(struct db *db);
void wr_file_sql_close(struct db *db);

/* ---- news of other processes (news.c) ------------------------------------ */

int wr_file_news_open(struct db *db);
/* Within a transaction that somebody is to wait after: from now on no news
 * are missed. To end a watch takes the system milliseconds, so there is none
 * before. */
int wr_file_news_watch(struct db *db);
void wr_file_news_close(struct db *db);
void wr_file_news_tell(struct db *db);
/* Waits for a push, for news (true), or until the instant on weir_now. */
bool wr_file_news_wait(struct db *db, int64_t until);

/* ---- topics (topic.c) ---------------------------------------------------- */

static inline int64_t row_of(int64_t id, int64_t seq)
{
    return (id << SEQ_BITS) + seq;
}

static inline int64_t seq_of(int64_t row)
{
    return row & ((INT64_C(1) << SEQ_BITS) - 1);
}

/* The topic of a name, with a reference, made if `make`. 0, -ENOENT, or a
 * code. */
int wr_file_topic_get(struct db *db, struct topic **t, const char *name,
                      bool make);
void wr_file_topic_put(struct db *db, struct topic *t);
void wr_file_topic_free(struct db *db, struct topic *t);
/* All of them, one after the other: the one behind t; NULL: the first, or that
 * there is none. */
struct topic *wr_file_next_topic(const struct db *db, const struct topic *t);
/* Sees to it that the row is that of the file. 0; WEIR_CLOSED: it is gone. */
int wr_file_topic_load(struct db *db, struct topic *t);
int wr_file_topic_save(struct db *db, struct topic *t);
int wr_file_topic_remove(struct db *db, struct topic *t);
/* Those who wait for messages may go on. */
void wr_file_topic_news(struct topic *t);
/* The row of a new message, which is accounted for. 0; WEIR_LIMIT. */
int wr_file_topic_next(struct db *db, struct topic *t, int64_t size,
                       int64_t *row);
/* A number that tells a row from a later one with the same id. */
int64_t wr_file_nonce(void);
/* The id of the row that was added last. 0; WEIR_LIMIT. */
int wr_file_new_id(struct db *db, int64_t *id);

/* ---- limits (limit.c) ---------------------------------------------------- */

/* Takes away what is too old. */
int wr_file_expire(struct db *db, struct topic *t);
/* Makes room for an event: 0; WEIR_FULL: it is to wait, or to fail;
 * WEIR_LIMIT; or a code. */
int wr_file_make_room(struct db *db, struct topic *t, const weir_limits *l,
                      int64_t size);
/* When there may be room without news. */
int wr_file_room_at(struct db *db, struct topic *t);

/* ---- publishing (publish.c) ---------------------------------------------- */

/* 0: served; 1: it has to wait; or a code. */
int wr_file_publish(struct db *db, struct request *r);

/* ---- groups (group.c) ---------------------------------------------------- */

/* The group of a subscription, with a reference; made if need be. */
int wr_file_group_get(struct db *db, struct group **g, struct topic *t,
                      const weir_sub_opts *o);
void wr_file_group_put(struct group *g);
void wr_file_groups_prune(struct topic *t);
int wr_file_group_load(struct db *db, struct group *g);
int wr_file_group_save(struct db *db, struct group *g);
/* Saves the groups of a topic; the rows are read again when `forget`. */
int wr_file_groups_save(struct db *db, struct topic *t, bool forget);
/* Takes the row, of a group of the topic, and what is pending away. */
int wr_file_group_drop(struct db *db, struct topic *t, int64_t id);
/* 0, -ENOENT, or a code. */
int wr_file_group_remove(struct db *db, struct topic *t, const char *name);
/* All groups of a topic. */
int wr_file_groups_drop(struct db *db, struct topic *t);
int wr_file_group_counts(struct db *db, struct group *g, weir_sub_counts *out);
/* The message that is now the topic's last passes by groups that begin later.
 */
int wr_file_groups_pass(struct db *db, struct topic *t);
/* Renews the leases that are ours. */
int wr_file_leases_renew(struct db *db);
/* Drops the groups of a topic whose lease is over. */
int wr_file_leases_end(struct db *db, struct topic *t);

/* ---- receiving (recv.c) -------------------------------------------------- */

/* 0: served; 1: it has to wait; or a code. */
int wr_file_recv(struct db *db, struct request *r);
/* Sets when something is due in the group without news. */
int wr_file_due_at(struct db *db, struct group *g);
uint64_t wr_file_hash(const void *p, size_t size);
void wr_file_delivery_free(struct delivery *d);

static inline int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* now + ns, at most for ever. */
static inline int64_t later(int64_t now, int64_t ns)
{
    return ns > INT64_MAX - now ? INT64_MAX : now + ns;
}

/* ---- settling (settle.c) ------------------------------------------------- */

int wr_file_settle(struct db *db, struct request *r);
int wr_file_give_back(struct db *db, struct delivery *d);

/* What is pending, and is to be settled. */
struct pending {
    const struct handle *sub;
    int64_t seq, deliveries, key;
    bool has_key;
};

/* Takes it away; the next one of its key may go on. */
int wr_file_unpend(struct db *db, const struct pending *p);

/* ---- the dead (dead.c) --------------------------------------------------- */

/* To the dead letters; what is pending goes. */
int wr_file_bury(struct db *db, const struct pending *p, const char *reason);
/* A handle with max_deliveries has its group, or is about to lose it. */
void wr_file_mortal(struct handle *h);
void wr_file_not_mortal(struct handle *h);
/* A delivery, of so many, is over then. */
void wr_file_may_die(struct group *g, int64_t deliveries, int64_t due);
/* Buries what has been delivered too often and is due, if it is time to look:
 * 1: there was some, 0, or a code. */
int wr_file_bury_due(struct db *db, struct group *g);

#endif
