/* SPDX-License-Identifier: MIT */
/*
 * Those who wait, in the list of their group or topic: tried again when
 * something may let them go on (`news`), or when a time has come (`wake_at`).
 */
#include "engine/file/file.h"

/* ---- their lists --------------------------------------------------------- */

int wr_file_park(struct db *db, struct job *j)
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
        const int rc = wr_file_run_job(db, j);
        if (rc) {
            wr_file_jobs_put_first(list, j);
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
int wr_file_retry(struct db *db)
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
