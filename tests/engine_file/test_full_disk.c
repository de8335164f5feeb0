/* SPDX-License-Identifier: MIT */
/* A disk that is full, and one that may not be written: a small file system
 * of its own, in a process that may mount one. Elsewhere: skipped. */
#include <sched.h>
#include <sys/mount.h>
#include "files.h"

/* ---- the file system ----------------------------------------------------- */

static bool write_map(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const bool ok =
        fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return ok;
}

/* A name space in which we may mount. */
static bool may_mount(void)
{
    char map[64];
    const unsigned uid = (unsigned)getuid(), gid = (unsigned)getgid();

    if (uid == 0)
        return unshare(CLONE_NEWNS) == 0;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    write_map("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", gid);
    write_map("/proc/self/gid_map", map);
    snprintf(map, sizeof map, "0 %u 1", uid);
    return write_map("/proc/self/uid_map", map);
}

static bool mount_small(const char *size)
{
    return may_mount() &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("small", folder, "tmpfs", 0, size) == 0;
}

/* ---- parts --------------------------------------------------------------- */

static int publish_until_full(weir_pub *p)
{
    weir_event *e = NULL;
    static const char payload[3000];
    const weir_event_opts o = {.payload = payload, .size = sizeof payload};
    int n = 0, err = 0;

    must_eq(weir_event_new(&e, &o), 0);
    while (err == 0) {
        err = weir_pub_publish(p, e, NULL, NULL);
        n += err == 0;
    }
    must_eq(err, -ENOSPC);
    must_eq(weir_pub_publish(p, e, NULL, NULL), -ENOSPC);
    weir_event_unref(e);
    return n;
}

static void receive_all(weir_sub *s, int n)
{
    weir_message *m;

    while (n-- > 0) {
        must_eq(weir_sub_recv(s, &m, NULL), 0);
        must_eq(m->event->size, 3000);
        must_eq(weir_message_ack(m, NULL), 0);
        weir_message_free(m);
    }
    must_eq(weir_sub_try_recv(s, &m), WEIR_EMPTY);
}

/* What was published is there, what was refused is not; with room it goes
 * on. */
static int fill_part(char **args)
{
    strcpy(folder, args[0]);
    if (!mount_small("size=1m")) {
        say("skip");
        return 0;
    }
    weir_pub *p = publisher(url_of("t.db", args[1]));
    const int n = publish_until_full(p);
    must(n > 10);
    must_eq(mount("small", folder, "tmpfs", MS_REMOUNT, "size=16m"), 0);
    weir_sub *s = worker_of(url_of("t.db", args[1]));
    receive_all(s, n);
    must_eq(publish_number(p, 7, NULL), 0);
    must_eq(next_number(s), 7);
    weir_sub_free(s);
    weir_pub_free(p);
    raw_check(path_of("t.db"));
    say("done");
    return 0;
}

/* No room for a database, nor for a file. */
static int no_room_part(char **args)
{
    weir_pub *p = NULL;
    weir_why why;

    strcpy(folder, args[0]);
    if (!mount_small("size=4k")) {
        say("skip");
        return 0;
    }
    must_eq(weir_pub_open(&p, url_of("t.db", ""), &why), -ENOSPC);
    must(p == NULL && strstr(why.text, "t.db") != NULL);
    say("done");
    return 0;
}

static int read_only_part(char **args)
{
    weir_pub *p = NULL;
    weir_why why;

    strcpy(folder, args[0]);
    if (!mount_small("size=1m")) {
        say("skip");
        return 0;
    }
    p = publisher(url_of("t.db", ""));
    weir_pub_free(p);
    must_eq(mount("small", folder, "tmpfs", MS_REMOUNT | MS_RDONLY, ""), 0);
    must_eq(weir_pub_open(&p, url_of("t.db", ""), &why), -EROFS);
    must(strstr(why.text, "t.db: Read-only file system") != NULL);
    must_eq(weir_pub_open(&p, url_of("new.db", ""), &why), -EROFS);
    must(strstr(why.text, "new.db: Read-only file system") != NULL);
    say("done");
    return 0;
}

ROLES({"fill", fill_part}, {"no_room", no_room_part},
      {"read_only", read_only_part});

/* ---- tests --------------------------------------------------------------- */

static void run_part(const char *part, const char *options)
{
    char line[64] = "";

    files_begin();
    struct other o = other_start(part, folder, options, NULL);
    must(other_says(&o, line, sizeof line));
    if (strcmp(line, "skip") == 0)
        printf("skipped: %s: nothing may be mounted here\n", part);
    else
        ck_assert_str_eq(line, "done");
    must_eq(other_end(&o), 0);
    files_end();
}

START_TEST(a_full_disk_refuses_and_loses_nothing)
{
    run_part("fill", _i ? "sync=off" : "sync=full");
}
END_TEST

START_TEST(a_disk_without_room_for_a_database_is_named)
{
    run_part("no_room", NULL);
}
END_TEST

START_TEST(a_disk_that_may_not_be_written_is_named)
{
    run_part("read_only", NULL);
}
END_TEST

FILES_MAIN(CHECK_LOOP(a_full_disk_refuses_and_loses_nothing, 2),
           CHECK_TEST(a_disk_without_room_for_a_database_is_named),
           CHECK_TEST(a_disk_that_may_not_be_written_is_named))
