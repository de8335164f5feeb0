/* SPDX-License-Identifier: MIT */
/* Leases of groups without a name, and ids that are known for a time, on clocks
 * that the test sets. */
#include <sys/syscall.h>
#include <time.h>
#include "files.h"

/* A subscription without a group, until it is killed. */
static int alone_part(char **args)
{
    subscriber(args[0], (weir_sub_opts){0});
    say("ready");
    stay();
}

ROLES({"alone", alone_part}, {"hold", hold_part});

static _Atomic int64_t wall, uptime; /* they are ahead by so much           */

int clock_gettime(clockid_t id, struct timespec *now)
{
    const long rc = syscall(SYS_clock_gettime, id, now);

    if (rc == 0) {
        const int64_t ns =
            now->tv_nsec + (id == CLOCK_REALTIME ? wall : uptime);
        now->tv_sec += (time_t)(ns / WEIR_SECOND);
        now->tv_nsec = (long)(ns % WEIR_SECOND);
    }
    return (int)rc;
}

/* The engine looks at the clock when it is asked for something. */
static uint64_t groups_of(const char *url)
{
    weir_topic_counts c;

    must_eq(weir_topic_get_counts(url, &c, NULL), 0);
    return c.groups;
}

static void pass(const char *url, int64_t seconds)
{
    uptime += seconds * WEIR_SECOND;
    groups_of(url);
}

/* A row's number may be given again. */
START_TEST(a_group_that_was_removed_renews_no_other)
{
    files_begin();
    const char *url = url_of("t.db", "sync=off");
    weir_sub *own = subscriber(url, (weir_sub_opts){0});
    must_eq(weir_topic_remove(url, NULL), 0);
    weir_sub *s = worker_of(url);
    pass(url, 12);
    weir_sub_free(own);
    pass(url, 40);
    must_eq(groups_of(url), 1);
    weir_sub_free(s);
    files_end();
}
END_TEST

/* Also when its process came to nothing for a while. */
START_TEST(a_subscription_that_lives_keeps_its_group)
{
    files_begin();
    const char *url = url_of("t.db", "sync=off");
    weir_sub *own = subscriber(url, (weir_sub_opts){0});
    for (int i = 0; i < 5; i++)
        pass(url, 12);
    pass(url, 100);
    must_eq(groups_of(url), 1);
    weir_sub_free(own);
    files_end();
}
END_TEST

/* Or could not renew it: it drops no group of its own for that. */
START_TEST(a_lease_that_could_not_be_renewed_is_not_over)
{
    weir_topic_counts c;

    files_begin();
    const char *url = url_of("t.db", "sync=off&busy=1ms");
    weir_sub *own = subscriber(url, (weir_sub_opts){0});
    struct other o = holder("t.db");
    uptime += 40 * WEIR_SECOND;
    must_eq(weir_topic_get_counts(url, &c, NULL), WEIR_BUSY);
    set_free(&o);
    must_eq(other_end(&o), 0);
    must_eq(groups_of(url_of("t.db", "sync=off")), 1);
    weir_sub_free(own);
    files_end();
}
END_TEST

/* Neither its own nor that of another process. */
START_TEST(a_wall_clock_that_is_set_ends_no_lease)
{
    files_begin();
    const char *url = url_of("t.db", "sync=off");
    struct other o = other_start("alone", url, NULL, NULL);
    other_must_say(&o, "ready");
    weir_sub *own = subscriber(url, (weir_sub_opts){0});
    wall += AN_HOUR;
    must_eq(groups_of(url), 2);
    wall -= AN_HOUR;
    must_eq(groups_of(url), 2);
    kill(o.pid, SIGKILL);
    other_end(&o);
    pass(url, 40);
    must_eq(groups_of(url), 1);
    weir_sub_free(own);
    files_end();
}
END_TEST

static void publish_two(void *arg)
{
    must_eq(publish_number(arg, 2, NULL), 0);
}

/* Who waits for its end is woken then. */
START_TEST(a_wall_clock_that_is_set_holds_up_no_end_of_a_lease)
{
    weir_wg wg = WEIR_WG_INIT;

    files_begin();
    wall = AN_HOUR;
    const char *url = url_of("t.db", "sync=off&max_messages=1");
    struct other o = other_start("alone", url, NULL, NULL);
    other_must_say(&o, "ready");
    kill(o.pid, SIGKILL);
    other_end(&o);
    weir_pub *p = publisher(url);
    weir_sub *s = worker_of(url);
    must_eq(publish_number(p, 1, NULL), 0);
    must_eq(next_number(s), 1);
    uptime = 30 * WEIR_SECOND - 300 * WEIR_MILLISECOND;
    must_eq(weir_wg_go(&wg, publish_two, p), 0);
    settle();
    wall = 0;
    must_eq(weir_wg_wait(&wg, NULL), 0);
    weir_sub_free(s);
    weir_pub_free(p);
    files_end();
}
END_TEST

/* The clock of leases begins anew with the system: those of before are over. */
START_TEST(a_lease_of_before_a_restart_is_over)
{
    char text[80];

    files_begin();
    const char *url = url_of("t.db", "sync=off");
    struct other o = other_start("alone", url, NULL, NULL);
    other_must_say(&o, "ready");
    kill(o.pid, SIGKILL);
    other_end(&o);
    must_eq(groups_of(url), 1);
    snprintf(text, sizeof text, "UPDATE consumer_group SET lease = %lld",
             (long long)(weir_now() + AN_HOUR));
    raw_do(path_of("t.db"), text);
    must_eq(groups_of(url), 0);
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
    wall += 2 * AN_HOUR;
    publish_ids(hour, 'b', 20);
    weir_pub_free(hour);
    weir_pub_free(week);
    must_eq(raw_number(path_of("t.db"), "SELECT count(*) FROM ids"), 2 + 20);
    files_end();
}
END_TEST

FILES_MAIN(CHECK_TEST(a_group_that_was_removed_renews_no_other),
           CHECK_TEST(a_subscription_that_lives_keeps_its_group),
           CHECK_TEST(a_lease_that_could_not_be_renewed_is_not_over),
           CHECK_TEST(a_wall_clock_that_is_set_ends_no_lease),
           CHECK_TEST(a_wall_clock_that_is_set_holds_up_no_end_of_a_lease),
           CHECK_TEST(a_lease_of_before_a_restart_is_over),
           CHECK_TEST(ids_that_are_over_go_behind_one_that_is_not))
