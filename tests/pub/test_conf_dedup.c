/* SPDX-License-Identifier: MIT */
/* An id is stored once, as long as it is known. */
#include "conf.h"

enum { LONGEST = 255, PARTIES = 4, IDS = 40 };

static int post_id(weir_pub *p, int n, const char *id)
{
    return post_with(p, n, NULL, id, NULL);
}

CONFORMS_IF(dedup, a_second_one_is_not_stored)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();

    must_eq(post_id(p, 1, "a"), 0);
    must_eq(post_id(p, 2, "a"), WEIR_DUPLICATE);
    must_eq(post_id(p, 3, "b"), 0);
    must_eq(post_id(p, 4, "A"), 0);
    must_eq(post_id(p, 5, "a"), WEIR_DUPLICATE);
    post(p, 6);
    post(p, 6); /* without an id nothing is the same */
    must_eq(topic_of("events").messages, 5);
    expect(s, 1, 2);
    expect(s, 3, 5);
    expect(s, 6, 7);
    expect(s, 6, 7);
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(dedup, an_id_outlives_its_message_and_its_publisher)
{
    weir_pub *p = pub_on("max_messages=1&on_full=error");
    weir_sub *s = worker();

    must_eq(post_id(p, 1, "a"), 0);
    expect(s, 1, 2);
    must_eq(post_id(p, 2, "a"), WEIR_DUPLICATE);
    post(p, 3);
    expect(s, 3, 4);
    weir_pub_free(p);
    p = pub_on("");
    must_eq(post_id(p, 4, "a"), WEIR_DUPLICATE);
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(dedup, an_id_is_forgotten_in_time)
{
    weir_pub *p = pub_on("dedup=20ms");
    weir_sub *s = worker();
    int err;

    must_eq(post_id(p, 1, "a"), 0);
    while ((err = post_id(p, 2, "a")) == WEIR_DUPLICATE)
        weir_yield(); /* and asking does not prolong it */
    must_eq(err, 0);
    expect(s, 1, 3);
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* What was not stored is no first one. */
CONFORMS_IF(dedup, a_refused_one_may_be_repeated)
{
    weir_pub *p = pub_on("max_messages=1&on_full=error");
    weir_sub *s = worker();

    post(p, 1);
    must_eq(post_id(p, 2, "a"), WEIR_FULL);
    must_eq(post_id(p, 2, "a"), WEIR_FULL);
    expect(s, 1, 2);
    must_eq(post_id(p, 2, "a"), 0);
    must_eq(post_id(p, 2, "a"), WEIR_DUPLICATE); /* needs no room */
    expect(s, 2, 3);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(dedup, each_topic_has_ids_of_its_own)
{
    weir_pub *p = pub_on(""), *other = NULL;

    must_eq(weir_pub_open(&other, conf_url("other", ""), NULL), 0);
    must_eq(post_id(p, 1, "a"), 0);
    must_eq(post_id(other, 2, "a"), 0);
    must_eq(topic_of("other").messages, 1);
    weir_pub_free(other);
    weir_pub_free(p);
}

CONFORMS_IF(dedup, a_removed_topic_knows_none)
{
    weir_pub *p = pub_on("");

    must_eq(post_id(p, 1, "a"), 0);
    must_eq(weir_topic_remove(conf_url("events", ""), NULL), 0);
    weir_pub_free(p);
    p = pub_on("");
    must_eq(post_id(p, 1, "a"), 0);
    must_eq(topic_of("events").messages, 1);
    weir_pub_free(p);
}

CONFORMS_IF(dedup, ids_have_up_to_255_bytes)
{
    char id[LONGEST + 2];
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m;

    memset(id, 'x', sizeof id);
    id[LONGEST + 1] = '\0';
    must_eq(post_id(p, 1, id), WEIR_EINVAL);
    must_eq(post_id(p, 1, ""), WEIR_EINVAL);
    must_eq(topic_of("events").messages, 0);
    id[LONGEST] = '\0';
    must_eq(post_id(p, 1, id), 0);
    must_eq(post_id(p, 2, id), WEIR_DUPLICATE);
    id[LONGEST - 1] = 'y'; /* every byte counts */
    must_eq(post_id(p, 2, id), 0);
    drop(take_nth(s, 1, 1));
    m = take(s);
    must_eq(strlen(m->id), LONGEST);
    drop(m);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(dedup, a_batch_has_duplicates_inside)
{
    static const char *const ids[] = {"a", "b", "a", NULL, "c", "b", NULL};
    static const bool twice[] = {false, false, true, false, true, true, false};
    enum { N = sizeof ids / sizeof ids[0] };
    weir_post posted[N];
    weir_pub *p = pub_on("");
    weir_sub *s = worker();

    must_eq(post_id(p, 100, "c"), 0);
    for (int i = 0; i < N; i++)
        posted[i] = (weir_post){.event = event_of(i, NULL), .id = ids[i]};
    must_eq(weir_pub_publish_n(p, posted, N, NULL), N);
    for (int i = 0; i < N; i++) {
        must_eq(posted[i].duplicate, twice[i]);
        weir_event_unref(posted[i].event);
    }
    must(posted[2].seq == 0 || posted[2].seq == posted[0].seq);
    must(posted[5].seq == 0 || posted[5].seq == posted[1].seq);
    must(posted[0].seq < posted[1].seq && posted[1].seq < posted[3].seq);
    expect(s, 100, 101);
    expect(s, 0, 2);
    expect(s, 3, 4);
    expect(s, 6, 7);
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

static struct {
    weir_pub *p;
    atomic_int stored;
} race;

static void publish_ids(void *arg)
{
    char id[16];

    for (int i = 0; i < IDS; i++) {
        snprintf(id, sizeof id, "id %d", i);
        if (post_id(race.p, i, id) == 0)
            atomic_fetch_add(&race.stored, 1);
    }
    (void)arg;
}

CONFORMS_IF(dedup, of_several_at_once_one_is_the_first)
{
    weir_sub *s = worker();
    bool seen[IDS] = {false};

    race.p = pub_on("");
    for (int i = 0; i < PARTIES; i++)
        go(publish_ids, NULL);
    wait_all();
    must_eq(race.stored, IDS);
    for (int i = 0; i < IDS; i++) {
        weir_message *m = take(s);

        must(!seen[number(m)]);
        seen[number(m)] = true;
        ack(m);
    }
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(race.p);
}

CONF_MAIN(CHECK_ENGINES(a_second_one_is_not_stored),
          CHECK_ENGINES(an_id_outlives_its_message_and_its_publisher),
          CHECK_ENGINES(an_id_is_forgotten_in_time),
          CHECK_ENGINES(a_refused_one_may_be_repeated),
          CHECK_ENGINES(each_topic_has_ids_of_its_own),
          CHECK_ENGINES(a_removed_topic_knows_none),
          CHECK_ENGINES(ids_have_up_to_255_bytes),
          CHECK_ENGINES(a_batch_has_duplicates_inside),
          CHECK_ENGINES(of_several_at_once_one_is_the_first))
