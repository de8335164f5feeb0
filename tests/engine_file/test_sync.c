/* SPDX-License-Identifier: MIT */
/*
 * When the disk is waited for: as the URL says, once for all that is asked
 * for at a time, and never for what is only received. SQLite's file system
 * is told here through one that counts.
 */
#include "files.h"

/* ---- a file system that counts ------------------------------------------- */

enum { KINDS = 4 }; /* of files: with locks, without                          */

static sqlite3_vfs *real;
static atomic_int syncs;
static const sqlite3_io_methods *kinds[KINDS];
static sqlite3_io_methods counted[KINDS];
static int (*real_sync)(sqlite3_file *f, int flags);

static int count_sync(sqlite3_file *f, int flags)
{
    atomic_fetch_add(&syncs, 1);
    return real_sync(f, flags);
}

static const sqlite3_io_methods *count_in(const sqlite3_io_methods *m)
{
    int i = 0;

    while (kinds[i] != NULL && kinds[i] != m)
        must(++i < KINDS);
    if (kinds[i] == NULL) {
        must(real_sync == NULL || real_sync == m->xSync);
        real_sync = m->xSync;
        kinds[i] = m;
        counted[i] = *m;
        counted[i].xSync = count_sync;
    }
    return &counted[i];
}

static int open_counted(sqlite3_vfs *vfs, const char *name, sqlite3_file *f,
                        int flags, int *out)
{
    const int rc = real->xOpen(real, name, f, flags, out);

    (void)vfs;
    if (rc == SQLITE_OK && f->pMethods != NULL)
        f->pMethods = count_in(f->pMethods);
    return rc;
}

static void watch_syncs(void)
{
    static sqlite3_vfs vfs;

    real = sqlite3_vfs_find(NULL);
    must(real != NULL);
    vfs = *real;
    vfs.zName = "counts";
    vfs.xOpen = open_counted;
    must_eq(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

/* Since the last time that it was asked. */
static int syncs_since(void)
{
    return atomic_exchange(&syncs, 0);
}

/* ---- another process ----------------------------------------------------- */

/* Publishes one that is to be safe, and stays. */
static int safe_part(char **args)
{
    weir_pub *p = publisher(args[0]);

    must_eq(publish_number(p, 0, NULL), 0);
    say("published");
    stay();
}

ROLES({"hold", hold_part}, {"safe", safe_part});

/* ---- tests --------------------------------------------------------------- */

START_TEST(full_waits_for_each_publish_and_ack)
{
    watch_syncs();
    files_begin();
    weir_pub *p = publisher(url_of("t.db", "sync=full"));
    weir_sub *s = worker_of(url_of("t.db", "sync=full"));
    syncs_since();
    for (int n = 0; n < 5; n++) {
        weir_message *m;
        must_eq(publish_number(p, n, NULL), 0);
        must(syncs_since() > 0);
        must_eq(weir_sub_recv(s, &m, NULL), 0);
        must_eq(syncs_since(), 0);
        must_eq(weir_message_ack(m, NULL), 0);
        must(syncs_since() > 0);
        weir_message_free(m);
    }
    weir_sub_free(s);
    weir_pub_free(p);
    files_end();
}
END_TEST

/* normal: at the checkpoint, which is due at the end at the latest. */
START_TEST(normal_waits_at_the_checkpoint_alone)
{
    watch_syncs();
    files_begin();
    weir_pub *p = publisher(url_of("t.db", "sync=normal"));
    weir_sub *s = worker_of(url_of("t.db", "sync=normal"));
    must_eq(publish_number(p, 0, NULL), 0);
    syncs_since();
    for (int n = 1; n < 5; n++)
        must_eq(publish_number(p, n, NULL), 0);
    for (int n = 0; n < 5; n++)
        must_eq(next_number(s), n);
    must_eq(syncs_since(), 0);
    weir_sub_free(s);
    weir_pub_free(p);
    must(syncs_since() > 0);
    files_end();
}
END_TEST

/* off: the same, and seldom. */
START_TEST(off_waits_at_a_checkpoint_alone)
{
    watch_syncs();
    files_begin();
    weir_pub *p = publisher(url_of("t.db", "sync=off"));
    must_eq(publish_number(p, 0, NULL), 0);
    syncs_since();
    for (int n = 0; n < 1000; n++)
        must_eq(publish_number(p, n, NULL), 0);
    must_eq(syncs_since(), 0);
    weir_pub_free(p);
    must(syncs_since() > 0);
    files_end();
}
END_TEST

/* The one who asks for more is not given less for the other's sake. */
START_TEST(two_handles_of_a_file_each_get_what_they_ask_for)
{
    watch_syncs();
    files_begin();
    weir_pub *off = publisher(url_of("t.db", "sync=off"));
    weir_pub *full = publisher(url_of("t.db", "sync=full"));
    for (int n = 0; n < 3; n++) {
        must_eq(publish_number(full, n, NULL), 0);
        must(syncs_since() > 0);
        must_eq(publish_number(off, n, NULL), 0);
        must_eq(syncs_since(), 0);
    }
    weir_pub_free(full);
    weir_pub_free(off);
    files_end();
}
END_TEST

/* More than goes into the WAL before a checkpoint. */
static void publish_a_lot(weir_pub *p)
{
    enum { SIZE = 1 << 20 };
    char *payload = calloc(1, SIZE);
    weir_event *e = NULL;

    must(payload != NULL);
    must_eq(weir_event_new(
                &e, &(weir_event_opts){.payload = payload, .size = SIZE}),
            0);
    for (int n = 0; n < 40; n++)
        must_eq(weir_pub_publish(p, e, NULL, NULL), 0);
    weir_event_unref(e);
    free(payload);
}

/* Nor is what another process has in the WAL moved to the file without a wait,
 * by a commit of one that does not care, or by the end of it. */
START_TEST(what_was_to_be_safe_stays_so_when_others_do_not_care)
{
    watch_syncs();
    files_begin();
    weir_pub *off = publisher(url_of("t.db", "sync=off"));
    struct other o = other_start("safe", url_of("t.db", ""), NULL, NULL);
    other_must_say(&o, "published");
    syncs_since();
    publish_a_lot(off);
    must(syncs_since() > 0);
    kill(o.pid, SIGKILL);
    other_end(&o);
    must_eq(publish_number(off, 1, NULL), 0);
    syncs_since();
    weir_pub_free(off);
    must(syncs_since() > 0);
    files_end();
}
END_TEST

static atomic_int come;

static void publish_one(void *arg)
{
    atomic_fetch_add(&come, 1);
    must_eq(publish_number(arg, 1, NULL), 0);
}

/* They come while the file is locked, and are stored together after. */
BEHAVIOUR(many_publishes_are_one_commit)
{
    enum { PARTIES = 64 };
    weir_topic_counts c;

    watch_syncs();
    files_begin();
    weir_pub *p = publisher(url_of("t.db", "sync=full&busy=1h"));
    struct other o = holder("t.db");
    syncs_since();
    for (int i = 0; i < PARTIES; i++)
        crew_go(crew, publish_one, p);
    while (atomic_load(&come) < PARTIES)
        weir_yield();
    settle();
    set_free(&o);
    must_eq(other_end(&o), 0);
    crew_wait(crew);
    must(atomic_load(&syncs) > 0 && atomic_load(&syncs) < PARTIES);
    must_eq(weir_topic_get_counts(url_of("t.db", ""), &c, NULL), 0);
    must_eq(c.messages, PARTIES);
    weir_pub_free(p);
    files_end();
}

FILES_MAIN(CHECK_TEST(full_waits_for_each_publish_and_ack),
           CHECK_TEST(normal_waits_at_the_checkpoint_alone),
           CHECK_TEST(off_waits_at_a_checkpoint_alone),
           CHECK_TEST(two_handles_of_a_file_each_get_what_they_ask_for),
           CHECK_TEST(what_was_to_be_safe_stays_so_when_others_do_not_care),
           CHECK_MODES(many_publishes_are_one_commit))
