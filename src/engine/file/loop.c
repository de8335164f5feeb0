/* SPDX-License-Identifier: MIT */
/* The thread of a database: takes what came, executes it, and sleeps until
 * something comes, others wrote, or a time has come. */
#include "engine/file/file.h"

enum { BACKOFF_LEAST = 50, BACKOFF_MOST = 2000 }; /* us, of a lock */

static void gather(struct db *db)
{
    struct jobs came = wr_file_take(db);
    for (struct job *j; (j = wr_file_jobs_pop(&came)) != NULL;)
        if (j->kind == STOP)
            db->stopping = true;
        else if (j->kind == LOOK)
            wr_file_look(db, handle_of_look(j));
        else
            wr_file_jobs_add(&db->todo, j);
}

/* A lock is tried again soon, and less soon when it stays. */
static void back_off(struct db *db)
{
    const int64_t least = BACKOFF_LEAST * WEIR_MICROSECOND,
                  most = BACKOFF_MOST * WEIR_MICROSECOND;
    db->backoff = db->backoff ? sooner(2 * db->backoff, most) : least;
    wr_file_news_wait(db, weir_now() + db->backoff);
}

/* Did others write, or take the file away, while somebody waits for that? */
static void hear(struct db *db)
{
    if (!db->sql)
        return;
    if (wr_file_check(db))
        wr_file_news_for_all(db); /* that it is gone */
    else
        wr_file_look_for_others(db);
}

static void work_or_wait(struct db *db)
{
    int64_t until;
    const bool ready = wr_file_ready(db, &until);
    if (db->sql && db->renew_at <= weir_now())
        wr_file_renew(db);
    if (ready || db->todo.first) {
        if (wr_file_batch(db))
            db->backoff = 0;
        else
            back_off(db);
    } else if (wr_file_news_wait(db, sooner(until, db->renew_at))) {
        hear(db);
    }
}

void *wr_file_thread(void *arg)
{
    struct db *db = arg;
    pthread_setname_np(pthread_self(), "weir-file");
    gather(db);
    while (!db->stopping || db->todo.first) {
        work_or_wait(db);
        gather(db);
    }
    for (struct topic *t = NULL; (t = wr_file_next_topic(db, t)) != NULL;)
        wr_file_touch(db, t);
    wr_file_plan(db); /* nobody refers to any of them */
    wr_file_sql_close(db);
    return NULL;
}
