/* SPDX-License-Identifier: MIT */
/* Leases of groups without a name, and ids that are known for a time, on a wall
 * clock that the test sets. */
#include <sys/syscall.h>
#include <time.h>
#include "files.h"

ROLES({"", NULL});

static _Atomic int64_t shift; /* s */

int clock_gettime(clockid_t id, struct timespec *now)
{
    const long rc = syscall(SYS_clock_gettime, id, now);

    if (rc == 0 && id == CLOCK_REALTIME)
        now->tv_sec += (time_t)shift;
    return (int)rc;
}

/* The engine looks at the clock when it is asked for something. */
static void pass(const char *url, int64_t seconds)
{
    weir_topic_counts c;

    shift += seconds;
    must_eq(weir_topic_get_counts(url, &c, NULL), 0);
}

/* A row's number may be given again. */
START_TEST(a_group_that_was_removed_renews_no_other)
{
    weir_topic_counts c;

    files_begin();
    const char *url = url_of("t.db", "sync=off");
    weir_sub *own = subscriber(url, (weir_sub_opts){0});
    must_eq(weir_topic_remove(url, NULL), 0);
    weir_sub *s = worker_of(url);
    pass(url, 12);
    weir_sub_free(own);
    pass(url, 40);
    must_eq(weir_topic_get_counts(url, &c, NULL), 0);
    must_eq(c.groups, 1);
    weir_sub_free(s);
    files_end();
}
END_TEST

START_TEST(a_subscription_that_lives_keeps_its_group)
{
    weir_topic_counts c;

    files_begin();
    const char *url = url_of("t.db", "sync=off");
    weir_sub *own = subscriber(url, (weir_sub_opts){0});
    for (int i = 0; i < 5; i++)
        pass(url, 12);
    must_eq(weir_topic_get_counts(url, &c, NULL), 0);
    must_eq(c.groups, 1);
    weir_sub_free(own);
    files_end();
}
END_TEST

static void publish_ids(weir_pub *p, char kind, int n)
{
    char id[16];

    for (int i = 0; i < n; i++) {
        snprintf(id, sizeof id, "%c%d", kind, i);
        must_eq(weir_pub_publish(p, NULL, id, NULL), 0);
    }
}

/* Two go for each that comes, whatever is known for longer. */
START_TEST(ids_that_are_over_go_behind_one_that_is_not)
{
    files_begin();
    weir_pub *week = publisher(url_of("t.db", "sync=off&topic=week&dedup=7d"));
    weir_pub *hour = publisher(url_of("t.db", "sync=off&topic=hour&dedup=1h"));
    publish_ids(week, 'w', 2);
    publish_ids(hour, 'a', 20);
    shift += 2 * 3600;
    publish_ids(hour, 'b', 20);
    weir_pub_free(hour);
    weir_pub_free(week);
    must_eq(raw_number(path_of("t.db"), "SELECT count(*) FROM ids"), 2 + 20);
    files_end();
}
END_TEST

FILES_MAIN(CHECK_TEST(a_group_that_was_removed_renews_no_other),
           CHECK_TEST(a_subscription_that_lives_keeps_its_group),
           CHECK_TEST(ids_that_are_over_go_behind_one_that_is_not))
