/* SPDX-License-Identifier: MIT */
/*
 * The databases that this process has open, each once: two connections of one
 * process to a file would only wait for each other. A file is told by device
 * and inode, whatever the path to it.
 *
 * A file that is open is never opened a second time here, not even to look at
 * it: closing that descriptor would give back the locks that SQLite holds.
 */
#include "engine/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

static weir_mutex lock = WEIR_MUTEX_INIT;
static struct db *dbs; /* under the lock */

/* ---- forks --------------------------------------------------------------- */

static uint32_t is_fork;

static void forked_child(void)
{
    is_fork = 1;
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forked_child);
}

bool wr_file_forked(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (is_fork)
        return true;
    pthread_once(&once, watch_forks);
    return false;
}

/* ---- the path ------------------------------------------------------------ */

/* What db_get looks for, and finds. */
struct search {
    const char *path;
    bool make;
    weir_why *why;
    struct db *db;
    struct stat st;
};

static int refuse(const struct search *s, int code, const char *what)
{
    return weir_why_set(s->why, code, "file:%.200s: %s", s->path, what);
}

static int refuse_errno(const struct search *s, int err)
{
    if (err == ENOENT && s->make)
        return refuse(s, -ENOENT, "its directory is not there");
    return refuse(s, -err, strerror(err));
}

static int check_path(const struct search *s)
{
    if (!*s->path)
        return weir_why_set(s->why, WEIR_EINVAL,
                            "file: needs the path of a file, as in "
                            "file:/var/lib/app/orders.db");
    for (const char *p = s->path; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            return weir_why_set(s->why, WEIR_EINVAL,
                                "file: the path has a control character "
                                "(byte %zu)",
                                (size_t)(p - s->path) + 1);
    return 0;
}

/* An empty file is a new database. */
static int make_file(struct search *s)
{
    const int fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return errno == EEXIST ? 0 : refuse_errno(s, errno);
    close(fd);
    return 0;
}

static int look_at_file(struct search *s)
{
    int err = 0;
    if (stat(s->path, &s->st) != 0) {
        if (errno != ENOENT || !s->make)
            return refuse_errno(s, errno);
        err = make_file(s);
        if (!err && stat(s->path, &s->st) != 0)
            return refuse_errno(s, errno);
    }
    if (err)
        return err;
    if (S_ISDIR(s->st.st_mode))
        return refuse(s, -EISDIR, "is a directory");
    if (!S_ISREG(s->st.st_mode))
        return refuse(s, WEIR_EINVAL, "is no regular file");
    if (faccessat(AT_FDCWD, s->path, R_OK | W_OK, AT_EACCESS) != 0)
        return refuse_errno(s, errno);
    return 0;
}

/* ---- one database -------------------------------------------------------- */

static void db_free(struct db *db)
{
    if (db->wake_fd >= 0)
        close(db->wake_fd);
    free(db->path);
    free(db->agenda);
    free(db);
}

static int start_thread(struct db *db)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    const int err = pthread_create(&db->thread, NULL, wr_file_thread, db);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return err ? WEIR_ENOMEM : 0;
}

static int db_init(struct db *db, const struct search *s)
{
    db->dev = s->st.st_dev;
    db->ino = s->st.st_ino;
    db->refs = 1;
    db->news_fd = db->wal_fd = -1;
    db->renew_at = db->lease_end = INT64_MAX;
    db->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (db->wake_fd < 0)
        return refuse_errno(s, errno);
    db->path = realpath(s->path, NULL);
    if (!db->path)
        return refuse_errno(s, errno);
    if (strlen(db->path) > PATH_LIMIT)
        return refuse(s, -ENAMETOOLONG,
                      "made absolute, the path has more than 480 bytes");
    return start_thread(db);
}

static int db_new(struct search *s)
{
    struct db *db = wr_file_alloc(sizeof(*db));
    if (!db)
        return WEIR_ENOMEM;
    const int err = db_init(db, s);
    if (err) {
        db_free(db);
        return err;
    }
    db->next = dbs;
    dbs = db;
    s->db = db;
    return 0;
}

/* Under the lock, where it may block. */
static int find_or_make(void *arg)
{
    struct search *s = arg;
    const int err = look_at_file(s);
    if (err)
        return err;
    for (struct db *db = dbs; db; db = db->next)
        if (db->dev == s->st.st_dev && db->ino == s->st.st_ino) {
            db->refs++;
            s->db = db;
            return 0;
        }
    return db_new(s);
}

int wr_file_db_get(struct db **db, const char *path, bool make, weir_why *why)
{
    struct search s = {.path = path, .make = make, .why = why};
    int err = check_path(&s);
    if (!err)
        err = weir_mutex_lock(&lock, NULL);
    if (err)
        return err;
    err = weir_blocking(find_or_make, &s);
    weir_mutex_unlock(&lock);
    *db = s.db;
    if (err == WEIR_ENOMEM)
        return weir_why_set(why, err, "file:%.200s: no memory", path);
    return err;
}

static int join(void *arg)
{
    struct db *db = arg;
    pthread_join(db->thread, NULL);
    return 0;
}

static void stop(struct db *db)
{
    db->stop.kind = STOP;
    wr_file_push(db, &db->stop);
    while (weir_blocking(join, db) != 0)
        weir_yield(); /* no thread to wait with */
    db_free(db);
}

void wr_file_db_put(struct db *db)
{
    while (weir_mutex_lock(&lock, NULL) != 0)
        weir_yield();
    const bool last = --db->refs == 0;
    if (last) {
        struct db **p = &dbs;
        while (*p != db)
            p = &(*p)->next;
        *p = db->next;
    }
    weir_mutex_unlock(&lock);
    if (last)
        stop(db);
}
