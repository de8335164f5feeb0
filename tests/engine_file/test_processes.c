/* SPDX-License-Identifier: MIT */
/* Several processes on one file: they share topics and groups, and what one
 * of them does wakes the others. */
#include "files.h"

/* Who waits for the turn of another process gives up late. */
#define SHARED "sync=off&busy=1m"

enum { KEPT_MOST = 3 };

/* ---- parts --------------------------------------------------------------- */

/* Publishes args[1] .. args[2] - 1, by eight tasks. */
struct range {
    weir_pub *pub;
    int from, to, step;
};

static void publish_range(void *arg)
{
    const struct range *r = arg;

    for (int n = r->from; n < r->to; n += r->step)
        must_eq(publish_number(r->pub, n, NULL), 0);
}

enum { TASKS_EACH = 8 };

static int publish_part(char **args)
{
    struct range r[TASKS_EACH];
    weir_wg wg = WEIR_WG_INIT;
    weir_pub *p = publisher(args[0]);

    for (int i = 0; i < TASKS_EACH; i++) {
        r[i] = (struct range){p, atoi(args[1]) + i, atoi(args[2]), TASKS_EACH};
        must_eq(weir_wg_go(&wg, publish_range, &r[i]), 0);
    }
    must_eq(weir_wg_wait(&wg, NULL), 0);
    weir_pub_free(p);
    return weir_stop(WEIR_FOREVER);
}

/* Receives and acks until a message has the number -1: "n deliveries". */
static int consume_part(char **args)
{
    weir_sub *s = subscriber(args[0], (weir_sub_opts){.group = args[1]});
    weir_message *m;
    int n;

    say("ready");
    do {
        must_eq(weir_sub_recv(s, &m, NULL), 0);
        n = number_in(m);
        say("%d %u", n, m->deliveries);
        must_eq(weir_message_ack(m, NULL), 0);
        weir_message_free(m);
    } while (n >= 0);
    weir_sub_free(s);
    return 0;
}

/* Receives as many as it is told to, and keeps them: "n deliveries". All at
 * once: it may not get one again while it is about the others. */
static int keep_part(char **args)
{
    weir_sub *s = subscriber(
        args[0], (weir_sub_opts){.group = args[1], .ack_wait = WEIR_SECOND});
    weir_message *m[KEPT_MOST];
    const int n = atoi(args[2]);

    must_eq(weir_sub_recv_n(s, m, (size_t)n, NULL), n);
    for (int i = 0; i < n; i++)
        say("%d %u", number_in(m[i]), m[i]->deliveries);
    stay();
}

/* A subscription without a group, until it is killed. */
static int alone_part(char **args)
{
    subscriber(args[0], (weir_sub_opts){0});
    say("ready");
    stay();
}

/* Makes one file after the other, or finds that another has made it. */
static int make_part(char **args)
{
    const int files = atoi(args[1]);
    char url[256];

    for (int i = 0; i < files; i++) {
        snprintf(url, sizeof url, "%s%d?" SHARED, args[0], i);
        weir_pub *p = publisher(url);
        must_eq(publish_number(p, i, NULL), 0);
        weir_pub_free(p);
    }
    say("done");
    return 0;
}

ROLES({"make", make_part}, {"publish", publish_part}, {"consume", consume_part},
      {"keep", keep_part}, {"alone", alone_part});

/* ---- sharing ------------------------------------------------------------- */

enum { MOST = 4 };

static int messages_each(void)
{
    return check_is_slow() ? 40 : 200;
}

/* Hears all that the processes of a group received: each message once. */
static void hear_all(struct other *o, int n, int total)
{
    bool *seen = calloc((size_t)total, sizeof *seen);
    char line[64];
    int heard = 0, number;
    unsigned deliveries;

    for (int i = 0; i < n; i++)
        while (other_says(&o[i], line, sizeof line)) {
            must_eq(sscanf(line, "%d %u", &number, &deliveries), 2);
            if (number < 0)
                continue;
            must(number < total && !seen[number]);
            must_eq(deliveries, 1);
            seen[number] = true;
            heard++;
        }
    must_eq(heard, total);
    free(seen);
}

/* It received that number, for the first time. */
static void hear_number(struct other *o, int n)
{
    char want[16];

    snprintf(want, sizeof want, "%d 1", n);
    other_must_say(o, want);
}

/* n processes publish, n consume. _i: 1, 2 */
START_TEST(processes_share_a_group_and_get_each_message_once)
{
    const int n = 1 << _i, total = n * messages_each();
    struct other in[MOST], out[MOST];
    char from[16], to[16];

    files_begin();
    const char *url = url_of("t.db", SHARED);
    for (int i = 0; i < n; i++) {
        out[i] = other_start("consume", url, "workers", NULL);
        other_must_say(&out[i], "ready");
    }
    for (int i = 0; i < n; i++) {
        snprintf(from, sizeof from, "%d", i * messages_each());
        snprintf(to, sizeof to, "%d", (i + 1) * messages_each());
        in[i] = other_start("publish", url, from, to);
    }
    for (int i = 0; i < n; i++)
        must_eq(other_end(&in[i]), 0);
    weir_pub *p = publisher(url);
    for (int i = 0; i < n; i++)
        must_eq(publish_number(p, -1, NULL), 0);
    hear_all(out, n, total);
    for (int i = 0; i < n; i++)
        must_eq(other_end(&out[i]), 0);
    weir_pub_free(p);
    raw_check(path_of("t.db"));
    files_end();
}
END_TEST

START_TEST(each_group_of_each_process_gets_all)
{
    struct other o[2];
    static const char *const groups[] = {"mail", "audit"};

    files_begin();
    const char *url = url_of("t.db", "sync=off");
    weir_pub *p = publisher(url);
    for (int i = 0; i < 2; i++) {
        o[i] = other_start("consume", url, groups[i], NULL);
        other_must_say(&o[i], "ready");
    }
    for (int n = 10; n >= -1; n--)
        must_eq(publish_number(p, n, NULL), 0);
    for (int i = 0; i < 2; i++) {
        for (int n = 10; n >= -1; n--)
            hear_number(&o[i], n);
        must_eq(other_end(&o[i]), 0);
    }
    weir_pub_free(p);
    files_end();
}
END_TEST

/* ---- news ---------------------------------------------------------------- */

/* How often the thread of that name in a process has slept. */
static long sleeps_of(pid_t pid, const char *name)
{
    char command[512];
    long n = -1;

    snprintf(command, sizeof command,
             "for t in /proc/%d/task/*; do"
             " [ \"$(cat $t/comm)\" = %s ] && grep ^voluntary $t/status; done",
             (int)pid, name);
    FILE *f = popen(command, "r");
    must(f != NULL);
    must_eq(fscanf(f, "voluntary_ctxt_switches: %ld", &n), 1);
    pclose(f);
    return n;
}

/* One who waits, sleeps: a while in which it never wakes comes sooner or
 * later; a poll every so often would leave none. */
static bool sleeps_through(pid_t pid)
{
    const long before = sleeps_of(pid, "weir-file");

    must_eq(weir_sleep(500 * WEIR_MILLISECOND, NULL), 0);
    return sleeps_of(pid, "weir-file") == before;
}

START_TEST(news_of_another_process_come_without_polling)
{
    files_begin();
    const char *url = url_of("t.db", "sync=off");
    weir_pub *p = publisher(url);
    struct other o = other_start("consume", url, "workers", NULL);
    other_must_say(&o, "ready");
    for (int n = 5; n >= 0; n--) {
        char want[16];
        snprintf(want, sizeof want, "%d 1", n);
        must_eq(publish_number(p, n, NULL), 0);
        other_must_say(&o, want);
    }
    for (int i = 0; !sleeps_through(o.pid); i++)
        must(i < 20);
    must_eq(publish_number(p, -1, NULL), 0);
    hear_number(&o, -1);
    must_eq(other_end(&o), 0);
    weir_pub_free(p);
    files_end();
}
END_TEST

/* A publisher that waits for room is woken by another process's ack. */
START_TEST(room_made_by_another_process_is_heard)
{
    files_begin();
    const char *url = url_of("t.db", "sync=off&max_messages=3");
    struct other o = other_start("consume", url, "workers", NULL);
    other_must_say(&o, "ready");
    weir_pub *p = publisher(url);
    for (int n = 50; n >= -1; n--)
        must_eq(publish_number(p, n, NULL), 0);
    for (int n = 50; n >= -1; n--)
        hear_number(&o, n);
    must_eq(other_end(&o), 0);
    weir_pub_free(p);
    files_end();
}
END_TEST

START_TEST(a_removal_by_another_process_is_heard)
{
    char line[64];

    files_begin();
    const char *url = url_of("t.db", "sync=off");
    struct other o = other_start("consume", url, "workers", NULL);
    other_must_say(&o, "ready");
    must_eq(weir_topic_remove(url, NULL), 0);
    must(!other_says(&o, line, sizeof line)); /* WEIR_CLOSED: it ends */
    must(other_end(&o) != 0);
    files_end();
}
END_TEST

/* ---- the death of one ---------------------------------------------------- */

START_TEST(what_a_dead_process_had_is_delivered_to_another)
{
    weir_message *m;

    files_begin();
    const char *url = url_of("t.db", "sync=off");
    weir_pub *p = publisher(url);
    for (int n = 0; n < 3; n++)
        must_eq(publish_number(p, n, NULL), 0);
    struct other o = other_start("keep", url, "workers", "3");
    for (int n = 0; n < 3; n++)
        hear_number(&o, n);
    kill(o.pid, SIGKILL);
    other_end(&o);
    weir_sub *s = worker_of(url);
    for (int n = 0; n < 3; n++) {
        must_eq(weir_sub_recv(s, &m, NULL), 0);
        must_eq(number_in(m), n);
        must_eq(m->deliveries, 2);
        must_eq(weir_message_ack(m, NULL), 0);
        weir_message_free(m);
    }
    weir_sub_free(s);
    weir_pub_free(p);
    files_end();
}
END_TEST

/* Nobody asks for what was delivered too often: it is heard of all the same. */
START_TEST(what_a_dead_process_had_last_is_buried_by_another)
{
    files_begin();
    const char *url = url_of("t.db", "sync=off");
    weir_pub *p = publisher(url);
    weir_sub *s = subscriber(
        url, (weir_sub_opts){.group = "workers", .max_deliveries = 1});
    weir_sub *dead = worker_of(url_of("t.db", "sync=off&topic=events.dead"));
    must_eq(publish_number(p, 1, NULL), 0);
    struct other o = other_start("keep", url, "workers", "1");
    hear_number(&o, 1);
    kill(o.pid, SIGKILL);
    other_end(&o);
    must_eq(next_number(dead), 1);
    weir_sub_free(dead);
    weir_sub_free(s);
    weir_pub_free(p);
    files_end();
}
END_TEST

/* Its lease is over in 30 s: here the row is made older. */
START_TEST(the_group_of_a_dead_subscription_goes_with_its_lease)
{
    weir_topic_counts c;

    files_begin();
    const char *url = url_of("t.db", "sync=off&max_messages=1");
    struct other o = other_start("alone", url, NULL, NULL);
    other_must_say(&o, "ready");
    kill(o.pid, SIGKILL);
    other_end(&o);
    must_eq(weir_topic_get_counts(url, &c, NULL), 0);
    must_eq(c.groups, 1);
    raw_do(path_of("t.db"), "UPDATE consumer_group SET lease = 1");
    must_eq(weir_topic_get_counts(url, &c, NULL), 0);
    must_eq(c.groups, 0);
    files_end();
}
END_TEST

/* The same wakes a publisher whom it kept from going on. */
START_TEST(a_lease_that_ends_makes_room)
{
    files_begin();
    const char *url = url_of("t.db", "sync=off&max_messages=1");
    weir_pub *p = publisher(url);
    weir_sub *s = worker_of(url);
    struct other o = other_start("alone", url, NULL, NULL);
    other_must_say(&o, "ready");
    must_eq(publish_number(p, 1, NULL), 0);
    must_eq(next_number(s), 1);
    kill(o.pid, SIGKILL);
    other_end(&o);
    raw_do(path_of("t.db"),
           "UPDATE consumer_group SET lease = 1 WHERE lease IS NOT NULL");
    must_eq(publish_number(p, 2, NULL), 0);
    weir_sub_free(s);
    weir_pub_free(p);
    files_end();
}
END_TEST

/* Nobody takes a file that another is just making for that of a stranger. */
START_TEST(processes_make_a_file_at_the_same_time)
{
    enum { MAKERS = 3 };
    struct other makers[MAKERS];
    char files[16];

    files_begin();
    snprintf(files, sizeof files, "%d", check_scale(300));
    for (int k = 0; k < MAKERS; k++)
        makers[k] = other_start("make", url_of("t", ""), files, NULL);
    for (int k = 0; k < MAKERS; k++) {
        other_must_say(&makers[k], "done");
        must_eq(other_end(&makers[k]), 0);
    }
    files_end();
}
END_TEST

FILES_MAIN(CHECK_TEST(processes_make_a_file_at_the_same_time),
           CHECK_LOOP(processes_share_a_group_and_get_each_message_once, 3),
           CHECK_TEST(each_group_of_each_process_gets_all),
           CHECK_TEST(news_of_another_process_come_without_polling),
           CHECK_TEST(room_made_by_another_process_is_heard),
           CHECK_TEST(a_removal_by_another_process_is_heard),
           CHECK_TEST(what_a_dead_process_had_is_delivered_to_another),
           CHECK_TEST(what_a_dead_process_had_last_is_buried_by_another),
           CHECK_TEST(the_group_of_a_dead_subscription_goes_with_its_lease),
           CHECK_TEST(a_lease_that_ends_makes_room))
