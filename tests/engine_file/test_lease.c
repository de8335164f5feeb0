/* SPDX-License-Identifier: MIT */
/* Leases of groups without a name, on a wall clock that the test sets. */
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

FILES_MAIN(CHECK_TEST(a_group_that_was_removed_renews_no_other),
           CHECK_TEST(a_subscription_that_lives_keeps_its_group))
