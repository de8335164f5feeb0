/* SPDX-License-Identifier: MIT */
/* Bad input: paths, options and files that are no database of ours. Each is
 * an error that names the thing. */
#include "files.h"

/* Another program, whose rows are in the WAL alone. */
static int write_part(char **args)
{
    sqlite3 *db = raw_open(args[0]);

    raw_exec(db, "PRAGMA journal_mode = WAL; CREATE TABLE notes(n);"
                 "INSERT INTO notes VALUES(7)");
    say("written");
    stay();
}

ROLES({"write", write_part});

/* Neither a publisher nor a subscription nor a look is to be had there. */
static void refused(const char *url, int code, const char *words)
{
    weir_pub *p = NULL;
    weir_sub *s = NULL;
    weir_topic_counts c;
    weir_why why[3] = {{{0}}};
    const weir_sub_opts o = {.group = "g"};

    const int pub = weir_pub_open(&p, url, &why[0]);
    const int sub = weir_sub_open(&s, url, &o, &why[1]);
    const int counts = weir_topic_get_counts(url, &c, &why[2]);
    must(p == NULL && s == NULL);
    if (pub != code || sub != code || !strstr(why[0].text, words) ||
        !strstr(why[1].text, words))
        ck_abort_msg("%.200s: %s, %s: %s (not %s, %s)", url, weir_errname(pub),
                     weir_errname(sub), why[0].text, weir_errname(code), words);
    must(counts == code || counts == -ENOENT);
    must(why[2].text[0]);
}

static void write_file(const char *name, const void *bytes, size_t size)
{
    FILE *f = fopen(path_of(name), "w");

    must(f != NULL);
    must_eq(fwrite(bytes, 1, size, f), size);
    must_eq(fclose(f), 0);
}

enum { MESSAGES = 2000, BATCH = 100 };

/* A database of ours with some messages. */
static void make_database(const char *name)
{
    weir_pub *p = publisher(url_of(name, "sync=off"));

    for (int n = 0; n < MESSAGES; n += BATCH) {
        weir_post posts[BATCH] = {{0}};
        for (int i = 0; i < BATCH; i++)
            posts[i].event = number_event(n + i);
        must_eq(weir_pub_publish_n(p, posts, BATCH, NULL), BATCH);
        for (int i = 0; i < BATCH; i++)
            weir_event_unref(posts[i].event);
    }
    weir_pub_free(p);
}

/* ---- paths --------------------------------------------------------------- */

START_TEST(a_path_that_is_none_is_refused)
{
    char longer[5000];

    files_begin();
    refused("file:", WEIR_EINVAL, "needs the path of a file");
    refused("file:?topic=a", WEIR_EINVAL, "needs the path of a file");
    refused("file:a%0Ab", WEIR_EINVAL, "control character (byte 2)");
    refused("file:a%7f", WEIR_EINVAL, "control character (byte 2)");
    memset(longer, 'x', sizeof longer);
    memcpy(longer, "file:/", 6);
    longer[300] = 0;
    refused(longer, -ENAMETOOLONG, "too long");
    memset(longer, 'x', sizeof longer - 1);
    memcpy(longer, "file:/", 6);
    for (size_t i = 200; i < sizeof longer; i += 200)
        longer[i] = '/';
    longer[sizeof longer - 1] = 0;
    refused(longer, -ENAMETOOLONG, "too long");
    files_end();
}
END_TEST

START_TEST(a_path_beyond_what_sqlite_takes_is_refused)
{
    char deep[1024];

    files_begin();
    strcpy(deep, "");
    for (int i = 0; i < 5; i++) {
        strcat(deep, i ? "/" : "");
        memset(deep + strlen(deep) + 100, 0, 1);
        memset(deep + strlen(deep), 'd', 100);
        must_eq(mkdir(path_of(deep), 0700), 0);
    }
    strcat(deep, "/t.db");
    refused(url_of(deep, ""), -ENAMETOOLONG, "more than 480 bytes");
    files_end();
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
    files_begin();
    must_eq(mkdir(path_of("folder"), 0700), 0);
    refused(url_of("folder", ""), -EISDIR, "is a directory");
    refused(url_of("folder/", ""), -EISDIR, "is a directory");
    refused(url_of("new/", ""), -EISDIR, "s a directory");
    must_eq(mkfifo(path_of("fifo"), 0600), 0);
    refused(url_of("fifo", ""), WEIR_EINVAL, "no regular file");
    refused("file:/dev/null", WEIR_EINVAL, "no regular file");
    must_eq(symlink("loop", path_of("loop")), 0);
    refused(url_of("loop", ""), -ELOOP, "loop: Too many");
    refused(url_of("none/t.db", ""), -ENOENT, "its directory is not there");
    write_file("plain", "", 0);
    refused(url_of("plain/t.db", ""), -ENOTDIR, "plain/t.db: Not a directory");
    files_end();
}
END_TEST

/* Absolute, climbing, through a link: the user's choice. Each is the same
 * file. */
START_TEST(any_path_to_a_file_is_that_file)
{
    char here[4096];
    const char *name;

    files_begin();
    must(getcwd(here, sizeof here) != NULL);
    must_eq(chdir(folder), 0);
    must_eq(mkdir("sub", 0700), 0);
    must_eq(symlink("../t.db", "sub/link"), 0);
    weir_pub *p = publisher("file:t.db?sync=off");
    must_eq(publish_number(p, 1, NULL), 0);
    const char *paths[] = {"file:./sub/../t.db", "file:sub/link",
                           url_of("t.db", "")};
    for (size_t i = 0; i < 3; i++) {
        weir_topic_counts c = {0};
        name = paths[i];
        must_eq(weir_topic_get_counts(name, &c, NULL), 0);
        must_eq(c.messages, 1);
    }
    weir_pub_free(p);
    must_eq(chdir(here), 0);
    files_end();
}
END_TEST

START_TEST(a_name_that_sqlite_takes_for_something_else_is_a_file)
{
    files_begin();
    must_eq(chdir(folder), 0);
    weir_pub *p = publisher("file::memory:?sync=off");
    must_eq(publish_number(p, 1, NULL), 0);
    weir_pub_free(p);
    must_eq(access(":memory:", F_OK), 0);
    p = publisher("file:file%3at.db%3Fmode=memory?sync=off");
    must_eq(publish_number(p, 1, NULL), 0);
    weir_pub_free(p);
    must_eq(access("file:t.db?mode=memory", F_OK), 0);
    must_eq(chdir("/"), 0);
    files_end();
}
END_TEST

/* ---- permission ---------------------------------------------------------- */

START_TEST(what_may_not_be_written_is_refused)
{
    files_begin();
    make_database("t.db");
    must_eq(chmod(folder, 0755), 0);
    must_eq(chmod(path_of("t.db"), 0444), 0);
    if (geteuid() == 0)
        must_eq(seteuid(65534), 0);
    refused(url_of("t.db", ""), -EACCES, "t.db: Permission denied");
    refused(url_of("new.db", ""), -EACCES, "new.db: Permission denied");
    if (getuid() == 0)
        must_eq(seteuid(0), 0);
    files_end();
}
END_TEST

/* ---- options ------------------------------------------------------------- */

START_TEST(options_that_are_wrong_are_refused)
{
    char name[400] = "topic=";

    files_begin();
    refused(url_of("t.db", "sync=always"), WEIR_EINVAL, "sync");
    refused(url_of("t.db", "busy=0"), WEIR_EINVAL, "busy");
    refused(url_of("t.db", "busy=-1s"), WEIR_EINVAL, "busy");
    refused(url_of("t.db", "busy=soon"), WEIR_EINVAL, "busy");
    refused(url_of("t.db", "topics=a"), WEIR_EINVAL, "topics");
    refused(url_of("t.db", "topic="), WEIR_EINVAL, "topic");
    refused(url_of("t.db", "topic=a%01"), WEIR_EINVAL, "control character");
    refused(url_of("t.db", "max_age=1&max_age=2"), WEIR_EINVAL, "max_age");
    memset(name + 6, 't', 300);
    refused(url_of("t.db", name), WEIR_EINVAL, "topic has 300 bytes");
    must(access(path_of("t.db"), F_OK) != 0); /* no file was touched */
    files_end();
}
END_TEST

/* ---- files --------------------------------------------------------------- */

START_TEST(what_is_no_database_is_refused)
{
    static const char text[4096] = "This is a text, and no database at all.";
    char bytes[200] = "SQLite format 3";

    files_begin();
    write_file("text", text, sizeof text);
    refused(url_of("text", ""), WEIR_CORRUPT, "text: the database is damaged");
    write_file("short", bytes, sizeof bytes);
    refused(url_of("short", ""), WEIR_CORRUPT, "short: the database is");
    files_end();
}
END_TEST

/* It stays as it was. */
START_TEST(a_database_of_another_program_is_refused)
{
    files_begin();
    raw_do(path_of("t.db"), "CREATE TABLE topic(id); "
                            "INSERT INTO topic VALUES(7)");
    refused(url_of("t.db", ""), WEIR_CORRUPT, "database of another program");
    raw_do(path_of("t.db"), "PRAGMA application_id = 5");
    refused(url_of("t.db", ""), WEIR_CORRUPT, "database of another program");
    must_eq(raw_number(path_of("t.db"), "SELECT id FROM topic"), 7);
    must(access(path_of("t.db-wal"), F_OK) != 0);
    files_end();
}
END_TEST

START_TEST(a_database_of_a_newer_version_is_refused)
{
    files_begin();
    make_database("t.db");
    raw_do(path_of("t.db"), "PRAGMA user_version = 9");
    refused(url_of("t.db", ""), WEIR_CORRUPT,
            "newer version of weir: its format is 9");
    files_end();
}
END_TEST

START_TEST(a_database_that_lacks_a_table_is_refused)
{
    files_begin();
    make_database("t.db");
    raw_do(path_of("t.db"), "DROP TABLE pending");
    refused(url_of("t.db", ""), WEIR_CORRUPT, "no such table");
    files_end();
}
END_TEST

/* It is noticed where it is come to, and nothing is made up. */
START_TEST(a_database_that_was_cut_off_or_overwritten_is_noticed)
{
    static const char zeros[4096];
    weir_message *m;
    int err;

    files_begin();
    for (int how = 0; how < 2; how++) {
        const char *name = how ? "cut.db" : "zero.db";
        make_database(name);
        const int fd = open(path_of(name), O_RDWR);
        must(fd >= 0);
        if (how)
            must_eq(ftruncate(fd, 20 * 4096), 0);
        else
            must_eq(pwrite(fd, zeros, sizeof zeros, 20 * 4096), sizeof zeros);
        close(fd);
        weir_sub *s = NULL;
        weir_why why;
        const weir_sub_opts o = {.group = "g"};
        err = weir_sub_open(&s, url_of(name, "sync=off"), &o, &why);
        for (int n = 0; err == 0; n++) {
            err = weir_sub_try_recv(s, &m);
            if (err == 0) {
                must_eq(number_in(m), n);
                err = weir_message_ack(m, NULL);
                weir_message_free(m);
            }
            must(err == 0 || err == WEIR_CORRUPT);
        }
        must_eq(err, WEIR_CORRUPT);
        weir_sub_free(s);
    }
    files_end();
}
END_TEST

static void recv_stale(void *arg)
{
    weir_message *m;

    must_eq(weir_sub_recv(arg, &m, NULL), -ESTALE);
}

static void publish_stale(void *arg)
{
    must_eq(publish_number(arg, 2, NULL), -ESTALE);
}

static void take_away(int how)
{
    if (how == 0)
        must_eq(unlink(path_of("t.db")), 0);
    else if (how == 1)
        must_eq(rename(path_of("t.db"), path_of("away.db")), 0);
    else
        must_eq(rename(path_of("other.db"), path_of("t.db")), 0);
}

/* A publish into a file that nobody finds any more would be a loss, and who
 * waits there would wait for ever: it is told without a call of anybody. */
START_TEST(a_file_that_is_removed_or_replaced_is_noticed)
{
    weir_wg wg = WEIR_WG_INIT;

    files_begin();
    make_database("other.db");
    for (int how = 0; how < 3; how++) {
        const char *url = url_of("t.db", "sync=off&max_messages=1");
        weir_pub *p = publisher(url);
        weir_sub *s = worker_of(url),
                 *idle = subscriber(url, (weir_sub_opts){.from = WEIR_FROM_END,
                                                         .group = "idle"});
        must_eq(publish_number(p, 1, NULL), 0);
        must_eq(next_number(s), 1);
        must_eq(weir_wg_go(&wg, recv_stale, s), 0);
        must_eq(weir_wg_go(&wg, publish_stale, p), 0);
        settle();
        take_away(how);
        must_eq(weir_wg_wait(&wg, NULL), 0);
        publish_stale(p);
        recv_stale(s);
        weir_sub_free(idle);
        weir_sub_free(s);
        weir_pub_free(p);
        unlink(path_of("t.db-wal"));
        unlink(path_of("t.db-shm"));
    }
    must_eq(raw_number(path_of("t.db"), "SELECT count(*) FROM message"), 2000);
    files_end();
}
END_TEST

/* Its WAL lies where ours was: the end of ours leaves it alone, as SQLite sees
 * to it. */
START_TEST(the_wal_of_what_a_file_was_replaced_by_stays)
{
    files_begin();
    weir_pub *p = publisher(url_of("t.db", "sync=off"));
    must_eq(publish_number(p, 1, NULL), 0);
    must_eq(unlink(path_of("t.db")), 0);
    must_eq(unlink(path_of("t.db-wal")), 0);
    must_eq(unlink(path_of("t.db-shm")), 0);
    struct other o = other_start("write", path_of("t.db"), NULL, NULL);
    other_must_say(&o, "written");
    must_eq(publish_number(p, 2, NULL), -ESTALE);
    weir_pub_free(p);
    must_eq(access(path_of("t.db-wal"), F_OK), 0);
    kill(o.pid, SIGKILL);
    other_end(&o);
    must_eq(raw_number(path_of("t.db"), "SELECT n FROM notes"), 7);
    files_end();
}
END_TEST

/* What had been made for them in memory goes, too. */
START_TEST(a_handle_that_is_refused_leaves_nothing_behind)
{
    weir_sub *s;

    files_begin();
    weir_pub *p = publisher(url_of("t.db", ""));
    raw_do(path_of("t.db"), "DROP TABLE consumer_group");
    for (int i = 0; i < 3; i++) {
        must_eq(weir_sub_open(&s, url_of("t.db", ""), NULL, NULL),
                WEIR_CORRUPT);
        must_eq(weir_sub_open(&s, url_of("t.db", "topic=new"), NULL, NULL),
                WEIR_CORRUPT);
    }
    weir_pub_free(p);
    files_end();
}
END_TEST

FILES_MAIN(CHECK_TEST(a_path_that_is_none_is_refused),
           CHECK_TEST(a_path_beyond_what_sqlite_takes_is_refused),
           CHECK_TEST(what_is_no_file_is_refused),
           CHECK_TEST(any_path_to_a_file_is_that_file),
           CHECK_TEST(a_name_that_sqlite_takes_for_something_else_is_a_file),
           CHECK_TEST(what_may_not_be_written_is_refused),
           CHECK_TEST(options_that_are_wrong_are_refused),
           CHECK_TEST(what_is_no_database_is_refused),
           CHECK_TEST(a_database_of_another_program_is_refused),
           CHECK_TEST(a_database_of_a_newer_version_is_refused),
           CHECK_TEST(a_database_that_lacks_a_table_is_refused),
           CHECK_TEST(a_database_that_was_cut_off_or_overwritten_is_noticed),
           CHECK_TEST(a_file_that_is_removed_or_replaced_is_noticed),
           CHECK_TEST(the_wal_of_what_a_file_was_replaced_by_stays),
           CHECK_TEST(a_handle_that_is_refused_leaves_nothing_behind))
