/* SPDX-License-Identifier: MIT */
/*
 * One transaction for all that is asked for at a time.
 *
 *   todo --run--> served ---------------------> COMMIT --> answered
 *          \--> waits in its topic or group
 *               --run, when something let it go on--> served
 *
 * Should anything fail, all of it is rolled back, and each request is done
 * again in a transaction of its own: only those that fail there get the code.
 * So a request must be able to run twice: `undo` takes back what it has in
 * memory.
 */
#include "engine/file/file.h"

/* ---- all of them --------------------------------------------------------- */

static int run_all(struct db *db)
{
    for (struct job *j; (j = wr_file_jobs_pop(&db->todo)) != NULL;) {
        int rc = wr_file_run_job(db, j);
        if (rc == 0)
            wr_file_jobs_add(&db->served, j);
        else if (rc > 0)
            rc = wr_file_park(db, j);
        else
            wr_file_jobs_put_first(&db->todo, j);
        if (rc < 0)
            return rc;
    }
    return wr_file_retry(db);
}

/* One alone; false: a lock was met. It waits only after the commit, so that a
 * failure of that finds it in no list. */
static bool run_alone(struct db *db, struct job *j)
{
    int rc = wr_file_begin(db);
    if (rc == WEIR_BUSY)
        return false;
    if (!rc)
        rc = wr_file_run_job(db, j);
    if (rc == 0)
        wr_file_jobs_add(&db->served, j);
    const int err = rc < 0 ? rc : wr_file_commit(db);
    if (err) {
        wr_file_roll_back(db);
        db->served.first = NULL;
        wr_file_fail(db, j, err);
    } else if (rc == 1) {
        wr_file_note_stored(&(struct jobs){j, j});
        wr_file_park(db, j);
    }
    return true;
}

static bool run_each(struct db *db, struct jobs *list)
{
    for (struct job *j; (j = wr_file_jobs_pop(list)) != NULL;)
        if (!run_alone(db, j)) {
            wr_file_jobs_put_first(list, j);
            wr_file_jobs_move(list, &db->todo);
            wr_file_jobs_move(&db->todo, list);
            return false;
        }
    return true;
}

/* All that was served, asked for, or waits, as if none had run. */
static struct jobs collect(struct db *db)
{
    struct jobs all = {0};
    const int64_t soon = later(wr_file_clock(), WEIR_SECOND);
    wr_file_jobs_move(&all, &db->served);
    wr_file_jobs_move(&all, &db->todo);
    for (struct topic *t = NULL; (t = wr_file_next_topic(db, t)) != NULL;) {
        wr_file_jobs_move(&all, &t->blocked);
        for (struct group *g = t->groups; g; g = g->next) {
            wr_file_jobs_move(&all, &g->waiting);
            if (g->dies_at <= soon)
                g->dies_at = soon; /* not at once again */
        }
    }
    for (struct job *j = all.first; j; j = j->next)
        wr_file_undo(j);
    return all;
}

/* ---- a lock of another process ------------------------------------------- */

static bool is_back_of(struct job *j, const struct handle *h)
{
    return j->kind == GIVE_BACK && delivery_of(j)->sub == h;
}

/* The handle is about to end: what was given back to it goes before. */
static void drop_backs(struct db *db, const struct handle *h)
{
    struct jobs all = db->todo;
    db->todo.first = NULL;
    for (struct job *j; (j = wr_file_jobs_pop(&all)) != NULL;)
        if (is_back_of(j, h))
            wr_file_fail(db, j, WEIR_BUSY);
        else
            wr_file_jobs_add(&db->todo, j);
}

/* Is the job's time over? */
static bool is_over(const struct db *db, struct job *j, int64_t now)
{
    struct request *r = request_of(j);
    if (j->kind == GIVE_BACK)
        return db->stopping;
    if (!r->give_up)
        r->give_up = later(now, r->busy);
    return now >= r->give_up || is_abandoned(r);
}

/* Those whose time is over go; nobody else does. */
static void give_up(struct db *db)
{
    struct jobs all = db->todo;
    const int64_t now = weir_now();
    db->todo.first = NULL;
    for (struct job *j; (j = wr_file_jobs_pop(&all)) != NULL;) {
        if (!is_over(db, j, now)) {
            wr_file_jobs_add(&db->todo, j);
            continue;
        }
        if (j->kind == ASK_FREE)
            drop_backs(db, request_of(j)->handle);
        wr_file_fail(db, j, WEIR_BUSY);
    }
}

/* ---- a batch ------------------------------------------------------------- */

static int prepare(struct db *db)
{
    wr_file_agenda_due(db);
    int err = db->sql ? 0 : wr_file_sql_open(db);
    if (!err)
        err = wr_file_set_sync(db, &db->todo);
    return err ? err : wr_file_begin(db);
}

/* All of it has failed. */
static bool do_each(struct db *db, bool begun, int err)
{
    struct jobs all = collect(db);
    if (db->sql)
        wr_file_roll_back(db);
    const int failed = begun ? wr_file_set_sync(db, &all) : err;
    if (!failed)
        return run_each(db, &all);
    for (struct job *j; (j = wr_file_jobs_pop(&all)) != NULL;)
        wr_file_fail(db, j, failed);
    return true;
}

bool wr_file_batch(struct db *db)
{
    int err = prepare(db);
    if (err == WEIR_BUSY) {
        give_up(db);
        return false;
    }
    const bool begun = !err;
    if (!err)
        err = run_all(db);
    if (!err)
        err = wr_file_commit(db);
    const bool done = err ? do_each(db, begun, err) : true;
    wr_file_plan(db);
    return done;
}

void wr_file_renew(struct db *db)
{
    int err = wr_file_begin(db);
    if (!err)
        err = wr_file_leases_renew(db);
    if (!err)
        err = wr_file_commit(db);
    if (!err) {
        db->lease_end = later(db->uptime, LEASE_SECONDS * WEIR_SECOND);
        return;
    }
    wr_file_roll_back(db);
    db->renew_at = later(weir_now(), WEIR_SECOND);
}
