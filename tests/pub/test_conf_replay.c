/* SPDX-License-Identifier: MIT */
/* Where a group begins: what was published before is replayed from there. */
#include "conf.h"

enum { MANY = 12 };

CONFORMS(from_the_beginning)
{
    weir_pub *p = pub_on("");
    weir_sub *s;

    posts(p, 0, MANY);
    s = sub_on((weir_sub_opts){.group = "a", .from = WEIR_FROM_BEGIN});
    must_eq(counts_of(s).waiting, MANY);
    expect(s, 0, MANY);
    post(p, MANY);
    expect(s, MANY, MANY + 1);
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(from_the_end)
{
    weir_pub *p = pub_on("");
    weir_sub *s;

    posts(p, 0, MANY);
    s = sub_on((weir_sub_opts){.group = "a", .from = WEIR_FROM_END});
    must_eq(counts_of(s).waiting, 0);
    expect_nothing(s);
    posts(p, MANY, MANY + 3);
    expect(s, MANY, MANY + 3);
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* The numbers and times of what is in the topic, as a subscriber sees them. */
struct seen {
    uint64_t seq[MANY];
    int64_t time[MANY];
};

static void look(struct seen *seen)
{
    weir_sub *s = sub_on((weir_sub_opts){0});

    for (int i = 0; i < MANY; i++) {
        weir_message *m = take_nth(s, i, 1);

        seen->seq[i] = m->seq;
        seen->time[i] = m->published;
        must(i == 0 || seen->seq[i] > seen->seq[i - 1]);
        ack(m);
    }
    weir_sub_free(s);
}

CONFORMS_IF(from_seq, from_a_number)
{
    weir_pub *p = pub_on("");
    struct seen seen;

    posts(p, 0, MANY);
    look(&seen);
    for (int i = 0; i < MANY; i++) {
        weir_sub *s =
            sub_on((weir_sub_opts){.from = WEIR_FROM_SEQ, .seq = seen.seq[i]});

        must_eq(counts_of(s).waiting, MANY - i);
        expect(s, i, MANY);
        expect_nothing(s);
        weir_sub_free(s);
    }
    weir_pub_free(p);
}

CONFORMS_IF(from_seq, from_numbers_that_are_not_there)
{
    weir_pub *p = pub_on("");
    struct seen seen;
    weir_sub *first, *later;

    posts(p, 0, MANY);
    look(&seen);
    first = sub_on((weir_sub_opts){.from = WEIR_FROM_SEQ, .seq = 0});
    later = sub_on(
        (weir_sub_opts){.from = WEIR_FROM_SEQ, .seq = seen.seq[MANY - 1] + 1});
    expect(first, 0, MANY);
    expect_nothing(later);
    post(p, MANY);
    expect(later, MANY, MANY + 1);
    weir_sub_free(later);
    later = sub_on((weir_sub_opts){.from = WEIR_FROM_SEQ, .seq = UINT64_MAX});
    post(p, MANY + 1);
    expect_nothing(later);
    weir_sub_free(later);
    weir_sub_free(first);
    weir_pub_free(p);
}

/* Several may have been published at one instant. */
static int since(const struct seen *seen, int64_t time, int *first)
{
    int n = 0;

    *first = MANY;
    for (int i = MANY - 1; i >= 0; i--) {
        if (seen->time[i] >= time) {
            *first = i;
            n++;
        }
    }
    return n;
}

CONFORMS_IF(from_time, from_an_instant)
{
    weir_pub *p = pub_on("");
    struct seen seen;
    int first;

    posts(p, 0, MANY);
    look(&seen);
    for (int i = 0; i < MANY; i++) {
        weir_sub *s = sub_on(
            (weir_sub_opts){.from = WEIR_FROM_TIME, .time = seen.time[i]});

        must(since(&seen, seen.time[i], &first) > 0);
        expect(s, first, MANY);
        expect_nothing(s);
        weir_sub_free(s);
    }
    weir_pub_free(p);
}

CONFORMS_IF(from_time, from_long_ago_and_from_a_time_to_come)
{
    static const int64_t before[] = {0, -1, INT64_MIN, 1};
    weir_pub *p = pub_on("");
    struct seen seen;
    weir_sub *s;

    posts(p, 0, MANY);
    look(&seen);
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        s = sub_on((weir_sub_opts){.from = WEIR_FROM_TIME, .time = before[i]});
        expect(s, 0, MANY);
        weir_sub_free(s);
    }
    s = sub_on((weir_sub_opts){.from = WEIR_FROM_TIME,
                               .time = seen.time[MANY - 1] + AN_HOUR});
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* What comes before that time passes a group by, what comes after does not. */
CONFORMS_IF(from_time, from_a_time_that_comes)
{
    weir_pub *p = pub_on("");
    weir_sub *s, *soon, *late;
    weir_message *m = NULL, *at;
    struct seen seen;
    int64_t then;

    posts(p, 0, MANY);
    look(&seen);
    then = seen.time[MANY - 1] + 20 * WEIR_MILLISECOND;
    soon = sub_on((weir_sub_opts){.from = WEIR_FROM_TIME, .time = then});
    late = sub_on((weir_sub_opts){.from = WEIR_FROM_TIME,
                                  .time = seen.time[MANY - 1] + AN_HOUR});
    s = sub_on((weir_sub_opts){.from = WEIR_FROM_END});
    for (int n = MANY; weir_sub_try_recv(soon, &m) != 0; n++) {
        post(p, n);
        weir_yield();
    }
    must(m->published >= then);
    for (at = take(s); at->seq != m->seq; at = take(s)) {
        must(at->published < then);
        ack(at);
    }
    ack(at);
    expect_nothing(late);
    ack(m);
    weir_sub_free(s);
    weir_sub_free(late);
    weir_sub_free(soon);
    weir_pub_free(p);
}

/* What all groups have settled stays as long as there is room. */
CONFORMS(what_was_settled_is_replayed)
{
    weir_pub *p = pub_on("max_messages=5&on_full=error");
    weir_sub *s = worker(), *late;

    posts(p, 0, 5);
    expect(s, 0, 5);
    late = sub_on((weir_sub_opts){.group = "late"});
    expect(late, 0, 5);
    posts(p, 5, 7); /* no room: the oldest settled ones go */
    must_eq(topic_of("events").messages, 5);
    weir_sub_free(late);
    late = sub_on((weir_sub_opts){.group = "later"});
    expect(late, 2, 7);
    expect(s, 5, 7);
    weir_sub_free(late);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(ids_are_told)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m;

    if (conf.caps->dedup)
        must_eq(post_with(p, 0, NULL, "first", NULL), 0);
    post(p, 1);
    if (conf.caps->dedup) {
        m = take_nth(s, 0, 1);
        must(m->id != NULL && strcmp(m->id, "first") == 0);
        nak(m, 0);
        m = take_nth(s, 0, 2);
        must(m->id != NULL && strcmp(m->id, "first") == 0);
        ack(m);
    }
    m = take_nth(s, 1, 1);
    must(m->id == NULL);
    ack(m);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* A message is the same whenever it is delivered and to whomever. */
CONFORMS(numbers_and_times_are_the_same_for_all)
{
    weir_pub *p = pub_on("");
    struct seen a, b;

    posts(p, 0, MANY);
    look(&a);
    look(&b);
    must(memcmp(a.seq, b.seq, sizeof a.seq) == 0);
    must(memcmp(a.time, b.time, sizeof a.time) == 0);
    must(topic_of("events").first == a.seq[0]);
    must(topic_of("events").last == a.seq[MANY - 1]);
    weir_pub_free(p);
}

CONF_MAIN(CHECK_ENGINES(from_the_beginning), CHECK_ENGINES(from_the_end),
          CHECK_ENGINES(from_a_number),
          CHECK_ENGINES(from_numbers_that_are_not_there),
          CHECK_ENGINES(from_an_instant),
          CHECK_ENGINES(from_long_ago_and_from_a_time_to_come),
          CHECK_ENGINES(from_a_time_that_comes),
          CHECK_ENGINES(what_was_settled_is_replayed),
          CHECK_ENGINES(ids_are_told),
          CHECK_ENGINES(numbers_and_times_are_the_same_for_all))
