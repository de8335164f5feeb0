/* SPDX-License-Identifier: MIT */
/* Handles and the database behind them: shared in a process, whole at the
 * end, dead in the child of a fork. */
#include <dirent.h>
#include "files.h"

ROLES({"", NULL});

/* The entries of a folder of the process, such as its threads. */
static int count_entries(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;

    must(d != NULL);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

static int threads(void)
{
    return count_entries("/proc/self/task");
}

/* The system lists a thread a moment longer than it can be joined. */
static void threads_become(int n)
{
    while (threads() != n)
        weir_yield();
}

static int descriptors(void)
{
    return count_entries("/proc/self/fd");
}

/* ---- the end ------------------------------------------------------------- */

static void use(const char *url)
{
    weir_pub *p = publisher(url);
    weir_sub *s = worker_of(url);

    must_eq(publish_number(p, 1, NULL), 0);
    must_eq(next_number(s), 1);
    weir_sub_free(s);
    weir_pub_free(p);
}

START_TEST(the_last_handle_gives_all_back)
{
    files_begin();
    const char *url = url_of("t.db", "sync=off");
    const int threads_before = threads(), fds_before = descriptors();
    for (int i = 0; i < 3; i++) {
        weir_pub *p = publisher(url), *q = publisher(url);
        weir_sub *s = worker_of(url);
        must_eq(threads(), threads_before + 1); /* they share one */
        must_eq(publish_number(p, i, NULL), 0);
        weir_pub_free(p);
        must_eq(publish_number(q, i, NULL), 0);
        must_eq(next_number(s), i);
        must_eq(next_number(s), i);
        must_eq(access(path_of("t.db-wal"), F_OK), 0);
        weir_sub_free(s);
        weir_pub_free(q);
        must(access(path_of("t.db-wal"), F_OK) != 0);
        must(access(path_of("t.db-shm"), F_OK) != 0);
        threads_become(threads_before);
        must_eq(descriptors(), fds_before);
        must_eq(sqlite3_memory_used(), 0);
    }
    files_end();
}
END_TEST

/* A subscription that its messages outlive ends with the last of them. */
START_TEST(a_message_may_be_the_last_to_go)
{
    weir_message *m;

    files_begin();
    const char *url = url_of("t.db", "sync=off");
    const int before = threads();
    weir_pub *p = publisher(url);
    weir_sub *s = worker_of(url);
    must_eq(publish_number(p, 5, NULL), 0);
    must_eq(weir_sub_recv(s, &m, NULL), 0);
    weir_sub_free(s);
    weir_pub_free(p);
    must_eq(number_in(m), 5);
    must_eq(weir_message_ack(m, NULL), 0);
    weir_message_free(m);
    threads_become(before);
    must_eq(raw_number(path_of("t.db"), "SELECT count(*) FROM pending"), 0);
    files_end();
}
END_TEST

static void open_and_use(void *arg)
{
    for (int i = 0; i < 5; i++)
        use(arg);
}

/* Opened and closed by many at a time: whoever is last closes it. */
BEHAVIOUR(opens_and_ends_may_overlap)
{
    files_begin();
    const char *url = url_of("t.db", "sync=off");
    for (int i = 0; i < 6; i++)
        crew_go(crew, open_and_use, (void *)(uintptr_t)url);
    crew_wait(crew);
    must_eq(raw_number(path_of("t.db"), "SELECT last FROM topic"), 30);
    must(access(path_of("t.db-wal"), F_OK) != 0);
    files_end();
}

START_TEST(a_group_of_its_own_ends_with_its_subscription)
{
    weir_topic_counts c;

    files_begin();
    const char *url = url_of("t.db", "sync=off");
    weir_pub *p = publisher(url);
    weir_sub *s = subscriber(url, (weir_sub_opts){0});
    must_eq(publish_number(p, 5, NULL), 0);
    must_eq(next_number(s), 5);
    must_eq(weir_topic_get_counts(url, &c, NULL), 0);
    must_eq(c.groups, 1);
    weir_sub_free(s);
    must_eq(weir_topic_get_counts(url, &c, NULL), 0);
    must_eq(c.groups, 0);
    weir_pub_free(p);
    files_end();
}
END_TEST

/* ---- what stays ---------------------------------------------------------- */

START_TEST(all_of_it_is_there_when_it_is_opened_again)
{
    weir_message *m;
    weir_sub_counts c;

    files_begin();
    const char *url = url_of("t.db", "");
    weir_pub *p = publisher(url);
    weir_sub *s = worker_of(url);
    for (int n = 0; n < 5; n++)
        must_eq(publish_number(p, n, NULL), 0);
    must_eq(next_number(s), 0);
    must_eq(weir_sub_recv(s, &m, NULL), 0); /* 1 is given back */
    weir_message_free(m);
    must_eq(weir_sub_recv(s, &m, NULL), 0);
    must_eq(weir_message_term(m, NULL), 0); /* 1 is dead */
    weir_message_free(m);
    weir_event *e = number_event(9);
    must_eq(weir_pub_publish(p, e, "nine", NULL), 0);
    weir_sub_free(s);
    weir_pub_free(p);

    p = publisher(url);
    must_eq(weir_pub_publish(p, e, "nine", NULL), WEIR_DUPLICATE);
    weir_event_unref(e);
    s = worker_of(url);
    must_eq(weir_sub_get_counts(s, &c, NULL), 0);
    must_eq(c.waiting, 4);
    must_eq(c.dead, 1);
    for (int n = 2; n < 5; n++)
        must_eq(next_number(s), n);
    must_eq(next_number(s), 9);
    weir_sub_free(s);
    weir_pub_free(p);
    files_end();
}
END_TEST

/* ---- forks --------------------------------------------------------------- */

static int in_child(weir_pub *p, weir_sub *s, weir_message *m)
{
    weir_topic_counts c;
    weir_pub *new_pub = NULL;
    weir_message *got;
    const char *url = url_of("t.db", "");

    const bool ok = publish_number(p, 9, NULL) == WEIR_FORKED &&
                    weir_sub_try_recv(s, &got) == WEIR_FORKED &&
                    weir_sub_recv(s, &got, NULL) == WEIR_FORKED &&
                    weir_message_ack(m, NULL) == WEIR_FORKED &&
                    weir_pub_open(&new_pub, url, NULL) == WEIR_FORKED &&
                    weir_topic_get_counts(url, &c, NULL) == WEIR_FORKED;
    weir_message_free(m);
    weir_sub_free(s);
    weir_pub_free(p);
    return ok ? 0 : 1;
}

START_TEST(the_child_of_a_fork_never_touches_the_file)
{
    weir_message *m;
    int status = -1;

    files_begin();
    const char *url = url_of("t.db", "sync=off");
    weir_pub *p = publisher(url);
    weir_sub *s = worker_of(url);
    for (int n = 0; n < 3; n++)
        must_eq(publish_number(p, n, NULL), 0);
    must_eq(weir_sub_recv(s, &m, NULL), 0);
    const pid_t pid = fork();
    must(pid >= 0);
    if (pid == 0)
        _exit(in_child(p, s, m));
    must_eq(waitpid(pid, &status, 0), pid);
    must_eq(status, 0);
    must_eq(weir_message_ack(m, NULL), 0);
    weir_message_free(m);
    must_eq(next_number(s), 1);
    must_eq(publish_number(p, 3, NULL), 0);
    must_eq(next_number(s), 2);
    must_eq(next_number(s), 3);
    weir_sub_free(s);
    weir_pub_free(p);
    raw_check(path_of("t.db"));
    files_end();
}
END_TEST

FILES_MAIN(CHECK_TEST(the_last_handle_gives_all_back),
           CHECK_TEST(a_message_may_be_the_last_to_go),
           CHECK_MODES(opens_and_ends_may_overlap),
           CHECK_TEST(a_group_of_its_own_ends_with_its_subscription),
           CHECK_TEST(all_of_it_is_there_when_it_is_opened_again),
           CHECK_TEST(the_child_of_a_fork_never_touches_the_file))
