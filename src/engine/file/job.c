/* SPDX-License-Identifier: MIT */
/* What a job does, and its end. A request that others are rolled back with is
 * done again, so `undo` takes back what it has in memory. */
#include "engine/file/file.h"

#include <errno.h>

static bool is_request(const struct job *j)
{
    return j->kind != GIVE_BACK;
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
    if (h->group) {
        wr_file_not_mortal(h);
        wr_file_group_put(h->group);
    }
    if (h->topic)
        wr_file_topic_put(h->db, h->topic);
    h->group = NULL;
    h->topic = NULL;
}

void wr_file_finish(struct db *db, struct job *j)
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

void wr_file_undo(struct job *j)
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

void wr_file_fail(struct db *db, struct job *j, int code)
{
    wr_file_undo(j);
    if (is_request(j)) {
        struct request *r = request_of(j);
        r->result = r->stored ? (ptrdiff_t)r->stored : code;
    }
    wr_file_finish(db, j);
}

/* ---- what it does -------------------------------------------------------- */

static int open_handle(struct db *db, struct request *r)
{
    struct handle *h = r->handle;
    int err = wr_file_topic_get(db, &h->topic, r->topic, true);
    if (err || r->job.kind == ASK_PUB_OPEN)
        return err;
    err = wr_file_leases_end(db, h->topic);
    if (!err)
        err = wr_file_group_get(db, &h->group, h->topic, r->opts);
    if (err || !h->max_deliveries)
        return err;
    wr_file_mortal(h);
    return wr_file_news_watch(db); /* of what others are delivered */
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
    wr_file_topic_put(db, t);
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
    return wr_file_group_drop(db, g->topic, g->id);
}

/* Who has to wait, waits for news. */
static int or_wait(struct db *db, int rc)
{
    const int err = rc == 1 ? wr_file_news_watch(db) : 0;
    return err ? err : rc;
}

int wr_file_run_job(struct db *db, struct job *j)
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
