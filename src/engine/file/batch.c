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

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- lists --------------------------------------------------------------- */

static void put_first(struct jobs *list, struct job *j)
{
    j->next = list->first;
    if (!list->first)
        list->last = j;
    list->first = j;
}

static bool is_request(const struct job *j)
{
    return j->kind != GIVE_BACK;
}

static struct delivery *delivery_of(struct job *j)
{
    return (struct delivery *)(void *)((char *)j -
                                       offsetof(struct delivery, job));
}

/* ---- the end of a job ---------------------------------------------------- */

static void explain(struct db *db, const struct request *r)
{
    if (!r->why || r->result >= 0 || r->why->text[0])
        return;
    if (r->result == WEIR_ENOMEM || !db->why.text[0])
        weir_why_set(r->why, (int)r->result, "file:%.200s: %s", db->path,
                     weir_strerror((int)r->result));
    else
        *r->why = db->why;
}

static void let_go(struct handle *h)
{
    if (h->group)
        wr_file_group_put(h->group);
    if (h->topic)
        wr_file_topic_put(h->topic);
    h->group = NULL;
    h->topic = NULL;
}

static void finish(struct db *db, struct job *j)
{
    if (!is_request(j)) {
        wr_file_delivery_free(delivery_of(j));
        return;
    }
    struct request *r = request_of(j);
    if (j->kind == ASK_FREE)
        let_go(r->handle);
    explain(db, r);
    wr_file_answer(db, r);
}

static void finish_all(struct db *db, struct jobs *list)
{
    for (struct job *j; (j = wr_file_jobs_pop(list)) != NULL;)
        finish(db, j);
}

/* As if it had not run. */
static void undo(struct job *j)
{
    if (!is_request(j))
        return;
    struct request *r = request_of(j);
    while (r->got) {
        struct delivery *d = r->got;
        r->got = d->next;
        wr_file_delivery_free(d);
    }
    r->at = r->stored;
    if (j->kind == ASK_PUB_OPEN || j->kind == ASK_SUB_OPEN)
        let_go(r->handle);
}

static void fail(struct db *db, struct job *j, int code)
{
    undo(j);
    if (is_request(j))
        request_of(j)->result = code;
    finish(db, j);
}

static void fail_all(struct db *db, struct jobs *list, int code)
{
    for (struct job *j; (j = wr_file_jobs_pop(list)) != NULL;)
        fail(db, j, code);
}

/* ---- one job: 0 served, 1 it has to wait, or a code ---------------------- */

static int open_handle(struct db *db, struct request *r)
{
    struct handle *h = r->handle;
    int err = wr_file_topic_get(db, &h->topic, r->topic, true);
    if (err || r->job.kind == ASK_PUB_OPEN)
        return err;
    err = wr_file_leases_end(db, h->topic);
    return err ? err : wr_file_group_get(db, &h->group, h->topic, r->opts);
}

static int count(struct db *db, struct request *r)
{
    struct group *g = r->handle->group;
    int err = wr_file_topic_load(db, g->topic);
    if (!err)
        err = wr_file_group_load(db, g);
    r->result = err;
    if (err)
        return err == WEIR_CLOSED ? 0 : err;
    return wr_file_group_counts(db, g, &r->counts);
}

static int count_topic(struct db *db, struct topic *t, weir_topic_counts *out)
{
    int64_t groups = 0;
    int err = wr_file_expire(db, t);
    if (!err)
        err = wr_file_leases_end(db, t);
    if (!err)
        err = wr_file_number(db, GROUPS_COUNT, &groups, 0, "i", t->id);
    *out = (weir_topic_counts){
        .messages = (uint64_t)(t->last - t->first + 1),
        .bytes = (uint64_t)t->bytes,
        .first = (uint64_t)t->first,
        .last = (uint64_t)t->last,
        .groups = (uint64_t)groups,
    };
    return err;
}

static int with_topic(struct db *db, struct request *r)
{
    struct topic *t;
    r->result = 0;
    int err = wr_file_topic_get(db, &t, r->topic, false);
    if (err == -ENOENT) {
        r->result =
            weir_why_set(r->why, err, "file:%.200s: has no topic \"%.100s\"",
                         db->path, r->topic);
        return 0;
    }
    if (err)
        return err;
    if (r->job.kind == ASK_TOPIC_COUNTS)
        err = count_topic(db, t, &r->topic_counts);
    else if (r->job.kind == ASK_TOPIC_REMOVE)
        err = wr_file_topic_remove(db, t);
    else
        err = wr_file_group_remove(db, t, r->group);
    wr_file_topic_put(t);
    if (err != -ENOENT)
        return err;
    r->result = weir_why_set(r->why, err,
                             "file:%.200s: topic \"%.100s\" has no group "
                             "\"%.100s\"",
                             db->path, r->topic, r->group);
    return 0;
}

/* A group of its own ends with its subscription. */
static int free_handle(struct db *db, struct request *r)
{
    struct group *g = r->handle->group;
    if (!g || !g->own)
        return 0;
    const int err = wr_file_group_load(db, g);
    if (err)
        return err == WEIR_CLOSED ? 0 : err;
    return wr_file_group_drop(db, g->id);
}

/* Who has to wait, waits for news. */
static int or_wait(struct db *db, int rc)
{
    const int err = rc == 1 ? wr_file_news_watch(db) : 0;
    return err ? err : rc;
}

static int run(struct db *db, struct job *j)
{
    struct request *r = request_of(j);
    if (j->kind == GIVE_BACK)
        return wr_file_give_back(db, delivery_of(j));
    if (is_abandoned(r))
        return 0;
    switch (j->kind) {
    case ASK_PUB_OPEN:
    case ASK_SUB_OPEN:
        return open_handle(db, r);
    case ASK_PUBLISH:
        return or_wait(db, wr_file_publish(db, r));
    case ASK_RECV:
        return or_wait(db, wr_file_recv(db, r));
    case ASK_SETTLE:
        return wr_file_settle(db, r);
    case ASK_COUNTS:
        return count(db, r);
    case ASK_FREE:
        return free_handle(db, r);
    default:
        return with_topic(db, r);
    }
}

/* ---- those who wait ------------------------------------------------------ */

static int park(struct db *db, struct job *j)
{
    const struct handle *h = request_of(j)->handle;
    struct group *g = h->group;
    struct jobs *list = g ? &g->waiting : &h->topic->blocked;
    const bool first = !list->first;
    wr_file_jobs_add(list, j);
    if (!first)
        return 0;
    if (g) {
        g->news = g->wake_at == 0; /* it stopped before the end */
        return g->news ? 0 : wr_file_due_at(db, g);
    }
    h->topic->news = false;
    return wr_file_room_at(db, h->topic);
}

static bool may_go(const struct jobs *list, bool news, int64_t wake_at,
                   int64_t now)
{
    return list->first && (news || wake_at <= now);
}

/* Runs them until one has to wait. 1: some were served. */
static int retry(struct db *db, struct jobs *list)
{
    int served = 0;
    for (struct job *j; (j = wr_file_jobs_pop(list)) != NULL; served = 1) {
        const int rc = run(db, j);
        if (rc) {
            put_first(list, j);
            return rc < 0 ? rc : served;
        }
        wr_file_jobs_add(&db->served, j);
    }
    return served;
}

static int retry_topic(struct db *db, struct topic *t)
{
    if (!may_go(&t->blocked, t->news, t->wake_at, db->now))
        return 0;
    t->news = false;
    const int rc = retry(db, &t->blocked);
    const int err = rc >= 0 && t->blocked.first ? wr_file_room_at(db, t) : 0;
    return err ? err : rc;
}

static int retry_group(struct db *db, struct group *g)
{
    if (!may_go(&g->waiting, g->news, g->wake_at, db->now))
        return 0;
    g->news = false;
    g->wake_at = INT64_MAX;
    const int rc = retry(db, &g->waiting);
    if (rc < 0 || !g->waiting.first)
        return rc;
    g->news = g->wake_at == 0;
    const int err = wr_file_due_at(db, g);
    return err ? err : rc;
}

/* One may let others go on: a dead letter those of another topic. */
static int retry_all(struct db *db)
{
    int again = 1;
    while (again > 0) {
        again = 0;
        for (struct topic *t = db->topics; t && again >= 0; t = t->next) {
            int rc = retry_topic(db, t);
            again = rc < 0 ? rc : again | rc;
            for (struct group *g = t->groups; g && again >= 0; g = g->next) {
                rc = retry_group(db, g);
                again = rc < 0 ? rc : again | rc;
            }
        }
    }
    return again;
}

bool wr_file_ready(struct db *db, int64_t *at)
{
    const int64_t now = wr_file_clock();
    *at = INT64_MAX;
    for (struct topic *t = db->topics; t; t = t->next) {
        if (may_go(&t->blocked, t->news, t->wake_at, now))
            return true;
        if (t->blocked.first)
            *at = sooner(*at, t->wake_at);
        for (struct group *g = t->groups; g; g = g->next) {
            if (may_go(&g->waiting, g->news, g->wake_at, now))
                return true;
            if (g->waiting.first)
                *at = sooner(*at, g->wake_at);
        }
    }
    return false;
}

/* Answers those of the list that the handle has, or who were abandoned. */
static void thin(struct db *db, struct jobs *list, const struct handle *h)
{
    struct jobs all = *list;
    list->first = NULL;
    for (struct job *j; (j = wr_file_jobs_pop(&all)) != NULL;) {
        struct request *r = request_of(j);
        if (r->handle != h && !is_abandoned(r)) {
            wr_file_jobs_add(list, j);
            continue;
        }
        r->result = r->stored ? (ptrdiff_t)r->stored : WEIR_CLOSED;
        wr_file_answer(db, r);
    }
}

void wr_file_close(struct db *db, const struct handle *h)
{
    if (h->group)
        thin(db, &h->group->waiting, h);
    else if (h->topic)
        thin(db, &h->topic->blocked, h);
}

void wr_file_sweep(struct db *db)
{
    for (struct topic *t = db->topics; t; t = t->next) {
        thin(db, &t->blocked, NULL);
        for (struct group *g = t->groups; g; g = g->next)
            thin(db, &g->waiting, NULL);
    }
}

/* ---- transactions -------------------------------------------------------- */

static void news_for_all(struct db *db)
{
    for (struct topic *t = db->topics; t; t = t->next) {
        t->news = true;
        wr_file_topic_news(t);
    }
}

/* Others have written: what is in memory is of old. */
int wr_file_look_for_others(struct db *db)
{
    int64_t version;
    const int err = wr_file_number(db, DATA_VERSION, &version, 0, "");
    if (!err && version != db->data_version) {
        db->data_version = version;
        db->epoch++;
        news_for_all(db);
    }
    return err;
}

static int check_file(struct db *db)
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

static int begin(struct db *db)
{
    int err = check_file(db);
    if (!err)
        err = wr_file_run(db, BEGIN, "");
    db->now = wr_file_clock();
    return err ? err : wr_file_look_for_others(db);
}

static void roll_back(struct db *db)
{
    if (!sqlite3_get_autocommit(db->sql))
        wr_file_run(db, ROLLBACK, "");
    db->epoch++;
    for (struct topic *t = db->topics; t; t = t->next) {
        t->gone = false;
        for (struct group *g = t->groups; g; g = g->next)
            g->gone = false;
    }
}

static void note_stored(const struct jobs *list)
{
    for (struct job *j = list->first; j; j = j->next)
        if (j->kind == ASK_PUBLISH)
            __atomic_store_n(&request_of(j)->stored, request_of(j)->at,
                             __ATOMIC_RELEASE);
}

static int save(struct db *db)
{
    int err = 0;
    for (struct topic *t = db->topics; t && !err; t = t->next) {
        err = wr_file_topic_save(db, t);
        if (!err)
            err = wr_file_groups_save(db, t, false);
    }
    return err;
}

/* Tells others when there is something to tell, then those who asked. */
static int commit(struct db *db)
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
    for (struct topic *t = db->topics; t; t = t->next)
        note_stored(&t->blocked);
    note_stored(&db->served);
    finish_all(db, &db->served);
    wr_file_topics_prune(db);
    return 0;
}

/* ---- how safe ------------------------------------------------------------ */

/* That a message was delivered is worth no fsync. */
static enum sync sync_of(const struct job *j)
{
    if (!is_request(j))
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

static int set_sync(struct db *db)
{
    static const char *const text[] = {"PRAGMA synchronous = OFF",
                                       "PRAGMA synchronous = NORMAL",
                                       "PRAGMA synchronous = FULL"};
    enum sync sync = most_of(&db->todo, SYNC_OFF);
    for (const struct topic *t = db->topics; t; t = t->next)
        sync = most_of(&t->blocked, sync);
    if (sync == db->sync)
        return 0;
    const int rc = sqlite3_exec(db->sql, text[sync], NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return wr_file_failed(db, rc);
    db->sync = sync;
    return 0;
}

/* ---- all of them --------------------------------------------------------- */

static int run_all(struct db *db)
{
    for (struct job *j; (j = wr_file_jobs_pop(&db->todo)) != NULL;) {
        int rc = run(db, j);
        if (rc == 0)
            wr_file_jobs_add(&db->served, j);
        else if (rc > 0)
            rc = park(db, j);
        else
            put_first(&db->todo, j);
        if (rc < 0)
            return rc;
    }
    return retry_all(db);
}

/* One alone; false: a lock was met. It waits only after the commit, so that a
 * failure of that finds it in no list. */
static bool run_alone(struct db *db, struct job *j)
{
    int rc = begin(db);
    if (rc == WEIR_BUSY)
        return false;
    if (!rc)
        rc = run(db, j);
    if (rc == 0)
        wr_file_jobs_add(&db->served, j);
    const int err = rc < 0 ? rc : commit(db);
    if (err) {
        roll_back(db);
        db->served.first = NULL;
        fail(db, j, err);
    } else if (rc == 1) {
        note_stored(&(struct jobs){j, j});
        park(db, j);
    }
    return true;
}

static bool run_each(struct db *db, struct jobs *list)
{
    for (struct job *j; (j = wr_file_jobs_pop(list)) != NULL;)
        if (!run_alone(db, j)) {
            put_first(list, j);
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
    wr_file_jobs_move(&all, &db->served);
    wr_file_jobs_move(&all, &db->todo);
    for (struct topic *t = db->topics; t; t = t->next) {
        wr_file_jobs_move(&all, &t->blocked);
        for (struct group *g = t->groups; g; g = g->next)
            wr_file_jobs_move(&all, &g->waiting);
    }
    for (struct job *j = all.first; j; j = j->next)
        undo(j);
    return all;
}

/* ---- a lock of another process ------------------------------------------- */

/* Those whose time is over go; nobody else does. */
static void give_up(struct db *db)
{
    struct jobs all = db->todo;
    const int64_t now = weir_now();
    db->todo.first = NULL;
    for (struct job *j; (j = wr_file_jobs_pop(&all)) != NULL;) {
        struct request *r = request_of(j);
        if (is_request(j) && !r->give_up)
            r->give_up = later(now, r->busy);
        const bool over =
            is_request(j) ? now >= r->give_up || is_abandoned(r) : db->stopping;
        if (over)
            fail(db, j, WEIR_BUSY);
        else
            wr_file_jobs_add(&db->todo, j);
    }
}

/* ---- a batch ------------------------------------------------------------- */

static int prepare(struct db *db)
{
    int err = db->sql ? 0 : wr_file_sql_open(db);
    if (!err)
        err = set_sync(db);
    return err ? err : begin(db);
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
        err = commit(db);
    if (!err)
        return true;
    struct jobs all = collect(db);
    if (db->sql)
        roll_back(db);
    if (begun)
        return run_each(db, &all);
    fail_all(db, &all, err);
    return true;
}

void wr_file_renew(struct db *db)
{
    int err = begin(db);
    if (!err)
        err = wr_file_leases_renew(db);
    if (!err)
        err = commit(db);
    if (!err)
        return;
    roll_back(db);
    db->renew_at = later(db->now, WEIR_SECOND);
}
