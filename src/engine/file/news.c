/* SPDX-License-Identifier: MIT */
/*
 * News of other processes, without polling. SQLite writes a commit to the WAL
 * and makes it visible in shared memory only then, so a watcher of the writes
 * would come too early. Who has committed therefore touches the WAL file (its
 * times, IN_ATTRIB), and who waits watches for that. Should it be killed in
 * between, the system closes its file, which is heard as well
 * (IN_CLOSE_WRITE). And who waits watches the file itself, whose name may be
 * taken away or given to another.
 *
 * SQLite takes no locks on the WAL file, so to have it open a second time is
 * harmless. It stays the same file while a connection is open.
 */
#include "engine/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int failed(struct db *db, int err, const char *what)
{
    return weir_why_set(&db->why, -err, "file:%.200s: %s: %s", db->path, what,
                        strerror(err));
}

/* A first read makes the WAL. */
static int touch_database(struct db *db)
{
    const int rc =
        sqlite3_exec(db->sql, "BEGIN IMMEDIATE; COMMIT", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        return 0;
    const int code = wr_file_failed(db, rc);
    if (!sqlite3_get_autocommit(db->sql))
        sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

static const char *wal_of(const struct db *db)
{
    return sqlite3_filename_wal(sqlite3_db_filename(db->sql, "main"));
}

int wr_file_news_open(struct db *db)
{
    const int err = touch_database(db);
    if (err)
        return err;
    db->wal_fd = open(wal_of(db), O_RDONLY | O_CLOEXEC);
    return db->wal_fd < 0 ? failed(db, errno, "its WAL") : 0;
}

static int add_watches(struct db *db)
{
    const int fd = db->news_fd;
    if (inotify_add_watch(fd, wal_of(db), IN_ATTRIB | IN_CLOSE_WRITE) < 0 ||
        inotify_add_watch(fd, db->path,
                          IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF) < 0)
        return failed(db, errno, "no inotify");
    return wr_file_check(db); /* it is that file which is watched */
}

int wr_file_news_watch(struct db *db)
{
    if (db->news_fd >= 0)
        return 0;
    db->news_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (db->news_fd < 0)
        return failed(db, errno, "no inotify");
    const int err = add_watches(db);
    if (!err)
        return 0;
    close(db->news_fd);
    db->news_fd = -1;
    return err;
}

void wr_file_news_close(struct db *db)
{
    if (db->wal_fd >= 0)
        close(db->wal_fd);
    if (db->news_fd >= 0)
        close(db->news_fd);
    db->wal_fd = db->news_fd = -1;
}

void wr_file_news_tell(struct db *db)
{
    futimens(db->wal_fd, NULL);
}

/* What is queued is one piece of news. */
static bool read_news(struct db *db)
{
    char events[4096];
    bool any = false;
    while (db->news_fd >= 0 && read(db->news_fd, events, sizeof(events)) > 0)
        any = true;
    return any;
}

static struct timespec until_then(int64_t until)
{
    const int64_t left = until - weir_now(), ns = left < 0 ? 0 : left;
    return (struct timespec){.tv_sec = (time_t)(ns / WEIR_SECOND),
                             .tv_nsec = (long)(ns % WEIR_SECOND)};
}

bool wr_file_news_wait(struct db *db, int64_t until)
{
    uint64_t wakes;
    struct pollfd fds[] = {{.fd = db->wake_fd, .events = POLLIN},
                           {.fd = db->news_fd, .events = POLLIN}};
    __atomic_store_n(&db->asleep, 1, __ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&db->inbox, __ATOMIC_SEQ_CST)) {
        const struct timespec left = until_then(until);
        ppoll(fds, 2, &left, NULL);
    }
    /* Who took `asleep` away, writes, or has written. */
    if (!__atomic_exchange_n(&db->asleep, 0, __ATOMIC_SEQ_CST))
        while (read(db->wake_fd, &wakes, sizeof(wakes)) < 0 && errno == EINTR)
            ;
    return read_news(db);
}
