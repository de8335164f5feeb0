/* SPDX-License-Identifier: MIT */
/*
 * Those who wait, in the list of their group or topic: tried again when
 * something may let them go on (`news`), or when a time has come (`wake_at`),
 * which is news as well.
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
    wr_file_touch(db, h->topic);
    if (!first)
        return 0;
    if (g) {
        g->news = g->wake_at == 0; /* it stopped before the end */
        return g->news ? 0 : wr_file_due_at(db, g);
    }
    h->topic->news = false;
    return wr_file_room_at(db, h->topic);
}

/* Runs them until one has to wait, or for a transaction that is safer than this
 * one: that is 2. 1: some were served. */
static int retry(struct db *db, struct jobs *list)
{
    int served = 0;
    for (struct job *j; (j = wr_file_jobs_pop(list)) != NULL; served = 1) {
        const int rc = wr_file_is_safe(db, j) ? wr_file_run_job(db, j) : 2;
        if (rc) {
            wr_file_jobs_put_first(list, j);
            return rc == 1 ? served : rc;
        }
        wr_file_jobs_add(&db->served, j);
    }
    return served;
}

static int retry_topic(struct db *db, struct topic *t)
{
    if (!t->news || !t->blocked.first)
        return 0;
    t->news = false;
    const int rc = retry(db, &t->blocked);
    t->news |= rc == 2;
    const int err = rc >= 0 && t->blocked.first ? wr_file_room_at(db, t) : 0;
    return err ? err : rc == 2 ? 0 : rc;
}

static int retry_group(struct db *db, struct group *g)
{
    const int buried = wr_file_bury_due(db, g);
    if (buried < 0 || !g->news || !g->waiting.first)
        return buried;
    g->news = false;
    g->wake_at = INT64_MAX;
    const int rc = retry(db, &g->waiting);
    if (rc < 0 || !g->waiting.first)
        return rc < 0 ? rc : rc | buried;
    g->news = g->wake_at == 0 || rc == 2;
    const int err = wr_file_due_at(db, g);
    return err ? err : buried | (rc == 1);
}

/* One may let others go on: a dead letter those of another topic. */
int wr_file_retry(struct db *db)
{
    int again = 1;
    while (again > 0) {
        again = 0;
        for (struct topic *t = db->touched; t && again >= 0;
             t = t->next_touched) {
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

/* ---- those who do not wait any more -------------------------------------- */

static void thin(struct db *db, struct jobs *list)
{
    struct jobs all = *list;
    list->first = NULL;
    for (struct job *j; (j = wr_file_jobs_pop(&all)) != NULL;) {
        struct request *r = request_of(j);
        if (!__atomic_load_n(&r->handle->closed, __ATOMIC_ACQUIRE) &&
            !is_abandoned(r)) {
            wr_file_jobs_add(list, j);
            continue;
        }
        r->result = r->stored ? (ptrdiff_t)r->stored : WEIR_CLOSED;
        wr_file_answer(db, r);
    }
}

void wr_file_look(struct db *db, struct handle *h)
{
    __atomic_exchange_n(&h->looked_for, 0, __ATOMIC_ACQ_REL);
    if (h->group)
        thin(db, &h->group->waiting);
    else if (h->topic)
        thin(db, &h->topic->blocked);
}

void wr_file_look_for(struct handle *h)
{
    if (!__atomic_exchange_n(&h->looked_for, 1, __ATOMIC_ACQ_REL))
        wr_file_push(h->db, &h->look);
}
