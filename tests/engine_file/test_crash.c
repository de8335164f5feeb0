/* SPDX-License-Identifier: MIT */
/*
 * A process that publishes and consumes is killed at a random point, again
 * and again, on one file. Whatever it had been told is so:
 *   - what was published is delivered to the group;
 *   - what was acked is never delivered again;
 *   - what was termed lies with the dead letters;
 *   - the database is whole.
 *
 * It says what it was told, a line each: "P n" published, "R n d" received
 * for the d-th time, "A n d" acked, "T n d" termed, "N n d" given back.
 */
#include "files.h"

enum { PUBLISHERS = 3, CONSUMERS = 3, NUMBERS = 1 << 20, A_ROUND = 4000 };

/* ---- the process that is killed ------------------------------------------ */

struct part {
    weir_pub *pub;
    weir_sub *sub;
    int from;
    unsigned seed;
};

static void publish_all(void *arg)
{
    const struct part *a = arg;

    for (int n = a->from; n < a->from + A_ROUND / PUBLISHERS; n++) {
        must_eq(publish_number(a->pub, n, NULL), 0);
        say("P %d", n);
    }
}

/* Of twenty, one is given back, one termed. */
static void settle_one(weir_message *m, unsigned chance)
{
    const int n = number_in(m);
    int err;

    say("R %d %u", n, m->deliveries);
    if (chance == 0) {
        err = weir_message_nak(m, 0, NULL);
        if (err == 0)
            say("N %d %u", n, m->deliveries);
    } else if (chance == 1) {
        err = weir_message_term(m, NULL);
        if (err == 0)
            say("T %d %u", n, m->deliveries);
    } else {
        err = weir_message_ack(m, NULL);
        if (err == 0)
            say("A %d %u", n, m->deliveries);
    }
}

static void consume_all(void *arg)
{
    struct part *a = arg;
    weir_message *m;

    while (weir_sub_recv(a->sub, &m, NULL) == 0) {
        settle_one(m, (unsigned)rand_r(&a->seed) % 20);
        weir_message_free(m);
    }
}

static int work(void *arg)
{
    struct part *a = arg, publishers[PUBLISHERS], consumers[CONSUMERS];
    weir_wg wg = WEIR_WG_INIT;

    for (int i = 0; i < CONSUMERS; i++) {
        consumers[i] = *a;
        consumers[i].seed += (unsigned)i;
        must_eq(weir_wg_go(&wg, consume_all, &consumers[i]), 0);
    }
    for (int i = 0; i < PUBLISHERS; i++) {
        publishers[i] = *a;
        publishers[i].from += i * (A_ROUND / PUBLISHERS);
        must_eq(weir_wg_go(&wg, publish_all, &publishers[i]), 0);
    }
    return weir_wg_wait(&wg, NULL); /* it is killed before */
}

static int be_killed(char **args)
{
    struct part a = {.from = atoi(args[1]), .seed = (unsigned)atoi(args[1])};

    a.pub = publisher(args[0]);
    a.sub =
        subscriber(args[0], (weir_sub_opts){.group = "workers",
                                            .ack_wait = 20 * WEIR_MILLISECOND});
    return weir_run(work, &a);
}

ROLES({"be_killed", be_killed});

/* ---- what it said -------------------------------------------------------- */

static struct {
    bool published, seen, dead;
    unsigned last; /* delivery that was heard of                            */
    bool open;     /* that one is perhaps settled, without a word of it     */
    unsigned settled; /* by which delivery; 0: it was not                   */
} numbers[NUMBERS];
static int published, settled;

static void hear(const char *line)
{
    int n = -1;
    unsigned deliveries = 0;
    char what = 0;

    must_eq(sscanf(line, "%c %d %u", &what, &n, &deliveries) >= 2, true);
    must(n >= 0 && n < NUMBERS);
    if (what == 'P') {
        numbers[n].published = true;
        published++;
    } else if (what == 'R') {
        must(numbers[n].settled == 0 || deliveries <= numbers[n].settled);
        if (deliveries > numbers[n].last) {
            numbers[n].last = deliveries;
            numbers[n].open = true;
        }
    } else if (what == 'N') {
        if (deliveries == numbers[n].last)
            numbers[n].open = false;
    } else {
        must(numbers[n].settled == 0 && deliveries >= numbers[n].last);
        numbers[n].settled = deliveries;
        numbers[n].dead = what == 'T';
        settled++;
    }
}

static struct other start(int from, const char *url)
{
    char number[16];

    snprintf(number, sizeof number, "%d", from);
    return other_start("be_killed", url, number, NULL);
}

/* Kills it after so many lines, and hears what it had still said. */
static void kill_after(struct other *o, int lines)
{
    char line[64];

    while (lines-- > 0 && other_says(o, line, sizeof line))
        hear(line);
    kill(o->pid, SIGKILL);
    while (other_says(o, line, sizeof line))
        hear(line);
    const int status = other_end(o);
    must(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* ---- at the end ---------------------------------------------------------- */

/* All that is left is delivered: each once, and none that was settled. */
static void drain(const char *url)
{
    weir_sub *s = worker_of(url);
    weir_sub_counts c;
    weir_message *m;

    for (;;) {
        must_eq(weir_sub_get_counts(s, &c, NULL), 0);
        if (c.waiting + c.pending == 0)
            break;
        must_eq(weir_sub_recv(s, &m, NULL), 0);
        const int n = number_in(m);
        must(!numbers[n].seen && numbers[n].settled == 0);
        numbers[n].seen = true;
        must_eq(weir_message_ack(m, NULL), 0);
        weir_message_free(m);
    }
    weir_sub_free(s);
}

static void drain_dead(const char *url)
{
    weir_sub *s = subscriber(url, (weir_sub_opts){.group = "workers"});
    weir_message *m;

    while (weir_sub_try_recv(s, &m) == 0) {
        const int n = number_in(m);
        must(!numbers[n].seen);
        numbers[n].seen = true;
        must_eq(weir_message_ack(m, NULL), 0);
        weir_message_free(m);
    }
    weir_sub_free(s);
}

static void check_all(void)
{
    for (int n = 0; n < NUMBERS; n++) {
        const bool acked = numbers[n].settled && !numbers[n].dead;
        must(!acked || !numbers[n].seen);
        must(!numbers[n].dead || numbers[n].seen);
        must(!numbers[n].published || numbers[n].seen || acked ||
             numbers[n].open);
    }
}

START_TEST(a_process_killed_at_any_point_loses_and_repeats_nothing)
{
    static const char *const syncs[] = {"sync=off", "sync=normal", "sync=full"};
    unsigned seed = (unsigned)getpid();
    const int rounds = check_scale(200);
    const char *env = getenv("WEIR_TEST_SEED");

    if (env)
        seed = (unsigned)atoi(env);
    uint64_t shown = seed;
    party_seed = &shown;
    files_begin();
    for (int i = 0; i < rounds; i++) {
        const int from = i * A_ROUND % (NUMBERS - 2 * A_ROUND);
        struct other one =
            start(from, url_of("t.db", syncs[rand_r(&seed) % 3]));
        if (i % 4 == 0) {
            /* Another one works meanwhile, and dies later. */
            struct other two =
                start(from + A_ROUND, url_of("t.db", syncs[rand_r(&seed) % 3]));
            kill_after(&one, rand_r(&seed) % 60);
            kill_after(&two, rand_r(&seed) % 60);
            i++;
        } else {
            kill_after(&one, rand_r(&seed) % 60);
        }
        if (i % 8 == 0)
            raw_check(path_of("t.db"));
    }
    drain(url_of("t.db", ""));
    drain_dead(url_of("t.db", "topic=events.dead"));
    must_eq(weir_stop(WEIR_FOREVER), 0);
    raw_check(path_of("t.db"));
    check_all();
    must(published > rounds && settled > 0);
    files_end();
}
END_TEST

FILES_MAIN(CHECK_LONG(a_process_killed_at_any_point_loses_and_repeats_nothing,
                      120))
