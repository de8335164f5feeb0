/* SPDX-License-Identifier: MIT */
/* The transaction, and what is kept in memory of its rows. */
#include "engine/file/file.h"

#include <errno.h>
#include <sys/stat.h>

/* ---- transactions -------------------------------------------------------- */

/* Others have written: what is in memory is of old. */
int wr_file_look_for_others(struct db *db)
{
    int64_t version;
    const int err = wr_file_number(db, DATA_VERSION, &version, 0, "");
    if (!err && version != db->data_version) {
        db->data_version = version;
        db->epoch++;
        wr_file_news_for_all(db);
    }
    return err;
}

int wr_file_check(struct db *db)
{
    struct stat st;
    if (stat(db->path, &st) == 0 && st.st_dev == db->dev &&
        st.st_ino == db->ino)
        return 0;
    return weir_why_set(&db->why, -ESTALE,
                        "file:%.200s: was removed or replaced while it was "
                        "open",
                        db->path);
}

int wr_file_begin(struct db *db)
{
    int err = wr_file_check(db);
    if (!err)
        err = wr_file_run(db, BEGIN, "");
    db->now = wr_file_clock();
    db->uptime = weir_now();
    return err ? err : wr_file_look_for_others(db);
}

void wr_file_roll_back(struct db *db)
{
    if (!sqlite3_get_autocommit(db->sql))
        wr_file_run(db, ROLLBACK, "");
    db->epoch++;
    for (struct topic *t = db->touched; t; t = t->next_touched) {
        t->gone = false;
        for (struct group *g = t->groups; g; g = g->next)
            g->gone = false;
    }
}

void wr_file_note_stored(const struct jobs *list)
{
    for (struct job *j = list->first; j; j = j->next)
        if (j->kind == ASK_PUBLISH)
            __atomic_store_n(&request_of(j)->stored, request_of(j)->at,
                             __ATOMIC_RELEASE);
}

static int save(struct db *db)
{
    int err = 0;
    for (struct topic *t = db->touched; t && !err; t = t->next_touched) {
        err = wr_file_topic_save(db, t);
        if (!err)
            err = wr_file_groups_save(db, t, false);
    }
    return err;
}

/* Tells others when there is something to tell, then those who asked. */
int wr_file_commit(struct db *db)
{
    int err = save(db);
    if (!err)
        err = wr_file_run(db, COMMIT, "");
    if (err)
        return err;
    const int changes = sqlite3_total_changes(db->sql);
    if (changes != db->changes)
        wr_file_news_tell(db);
    db->changes = changes;
    for (struct topic *t = db->touched; t; t = t->next_touched)
        wr_file_note_stored(&t->blocked);
    wr_file_note_stored(&db->served);
    for (struct job *j; (j = wr_file_jobs_pop(&db->served)) != NULL;)
        wr_file_finish(db, j);
    wr_file_plan(db);
    return 0;
}

/* ---- how safe ------------------------------------------------------------ */

/* That a message was delivered is worth no fsync. */
static enum sync sync_of(const struct job *j)
{
    if (j->kind == GIVE_BACK)
        return SYNC_OFF;
    const enum sync sync = request_of((struct job *)(uintptr_t)j)->sync;
    return j->kind == ASK_RECV && sync == SYNC_FULL ? SYNC_NORMAL : sync;
}

static enum sync most_of(const struct jobs *list, enum sync most)
{
    for (const struct job *j = list->first; j; j = j->next)
        if (sync_of(j) > most)
            most = sync_of(j);
    return most;
}

/* Any commit may be the one that moves what is in the WAL to the file, the data
 * of other handles and processes with it, who may have asked for more than this
 * one does. So that is waited for in every mode. With `off` it is done less
 * often, for which the WAL may grow to 8000 pages: 32 MB. */
static const char *const modes[] = {
    "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 8000",
    "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000",
};

int wr_file_set_sync(struct db *db, const struct jobs *list)
{
    enum sync sync = most_of(list, SYNC_OFF);
    for (const struct topic *t = db->touched; t; t = t->next_touched)
        if (t->news)
            sync = most_of(&t->blocked, sync);
    if (sync == db->sync)
        return 0;
    const int rc = sqlite3_exec(db->sql, modes[sync], NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return wr_file_failed(db, rc);
    db->sync = sync;
    return 0;
}

/* The commits of `normal` and `off` are the same. */
bool wr_file_is_safe(const struct db *db, const struct job *j)
{
    return db->sync == SYNC_FULL || sync_of(j) < SYNC_FULL;
}
