/* SPDX-License-Identifier: MIT */
/* At least once: what is not settled comes again, what is settled does not. */
#include "conf.h"

enum { SHORT = 20 }; /* ms */

static weir_sub *hasty(void)
{
    return sub_on((weir_sub_opts){.group = "hasty",
                                  .ack_wait = SHORT * WEIR_MILLISECOND});
}

CONFORMS(an_ack_is_final)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m;

    post(p, 1);
    m = take_nth(s, 1, 1);
    must_eq(weir_message_ack(m, NULL), 0);
    must_eq(weir_message_ack(m, NULL), WEIR_EMPTY);
    must_eq(weir_message_nak(m, 0, NULL), WEIR_EMPTY);
    if (conf.caps->dead_letter)
        must_eq(weir_message_term(m, NULL), WEIR_EMPTY);
    if (conf.caps->in_progress)
        must_eq(weir_message_in_progress(m, NULL), WEIR_EMPTY);
    must_eq(weir_message_ack_n(&m, 1, NULL), 0); /* it is settled */
    weir_message_free(m);
    expect_nothing(s);
    weir_sub_free(s);
    s = worker();
    expect_nothing(s);
    must_eq(counts_of(s).waiting + counts_of(s).pending, 0);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(a_nak_brings_it_again_and_counts)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    uint64_t seq;
    weir_message *m;

    post(p, 1);
    m = take_nth(s, 1, 1);
    seq = m->seq;
    must_eq(weir_message_nak(m, 0, NULL), 0);
    must_eq(weir_message_ack(m, NULL), WEIR_EMPTY);
    weir_message_free(m);
    for (uint32_t i = 2; i < 10; i++) {
        m = take_nth(s, 1, i);
        must(m->seq == seq);
        nak(m, 0);
    }
    ack(take_nth(s, 1, 10));
    must_eq(counts_of(s).received, 10);
    must_eq(counts_of(s).redelivered, 9);
    must_eq(counts_of(s).naked, 9);
    must_eq(counts_of(s).returned, 0);
    must_eq(counts_of(s).acked, 1);
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(a_free_gives_it_back)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker(), *mate;

    post(p, 1);
    drop(take_nth(s, 1, 1));
    drop(take_nth(s, 1, 2));
    mate = worker();
    drop(take_nth(mate, 1, 3));
    ack(take_nth(s, 1, 4));
    expect_nothing(s);
    expect_nothing(mate);
    must_eq(counts_of(s).returned, 2);
    must_eq(counts_of(mate).returned, 1);
    weir_sub_free(mate);
    weir_sub_free(s);
    weir_pub_free(p);
}

static void take_given_back(void *arg)
{
    ack(take_nth(arg, 1, 2));
}

static void take_dropped(void *arg)
{
    ack(take_nth(arg, 2, 2));
}

CONFORMS(what_is_given_back_wakes_who_waits)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker(), *mate = worker();
    weir_message *m;

    post(p, 1);
    m = take_nth(s, 1, 1);
    go(take_given_back, mate);
    settle();
    nak(m, 0);
    wait_all();
    post(p, 2);
    m = take_nth(s, 2, 1);
    go(take_dropped, mate);
    settle();
    drop(m);
    wait_all();
    expect_nothing(s);
    weir_sub_free(mate);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(delay, a_delay_keeps_it_away)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();

    post(p, 1);
    nak(take_nth(s, 1, 1), AN_HOUR);
    expect_nothing(s);
    post(p, 2);
    expect(s, 2, 3); /* it holds up nobody */
    expect_nothing(s);
    must_eq(counts_of(s).waiting, 1);
    must_eq(counts_of(s).pending, 0);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(delay, a_delay_ends)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();

    post(p, 1);
    nak(take_nth(s, 1, 1), 1);
    nak(take_nth(s, 1, 2), SHORT * WEIR_MILLISECOND);
    ack(take_nth(s, 1, 3)); /* with nobody there to wake it */
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(an_unsettled_one_comes_again_after_ack_wait)
{
    weir_pub *p = pub_on("");
    weir_sub *s = hasty();
    weir_message *first, *again;

    post(p, 1);
    first = take_nth(s, 1, 1);
    again = take_nth(s, 1, 2); /* nobody gave it back */
    must(again->seq == first->seq);
    must_eq(weir_message_ack(first, NULL), WEIR_EXPIRED);
    must_eq(counts_of(s).acked, 0);
    must_eq(counts_of(s).expired, 1);
    weir_message_free(first);
    weir_message_free(again);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* Each way to settle finds out, and none of them touches the new delivery. */
CONFORMS(an_expired_settle_changes_nothing)
{
    weir_pub *p = pub_on("");
    weir_sub *s = hasty(), *calm = sub_on((weir_sub_opts){.group = "hasty"});
    weir_message *m[3], *again;

    post(p, 1);
    m[0] = take_nth(s, 1, 1);
    m[1] = take_nth(s, 1, 2);
    m[2] = take_nth(s, 1, 3);
    again = take_nth(calm, 1, 4);
    must_eq(weir_message_nak(m[0], 0, NULL), WEIR_EXPIRED);
    if (conf.caps->dead_letter)
        must_eq(weir_message_term(m[1], NULL), WEIR_EXPIRED);
    if (conf.caps->in_progress)
        must_eq(weir_message_in_progress(m[2], NULL), WEIR_EXPIRED);
    must_eq(weir_message_ack_n(m, 3, NULL), 0);
    must_eq(weir_message_ack(again, NULL), 0);
    for (int i = 0; i < 3; i++)
        weir_message_free(m[i]);
    weir_message_free(again);
    expect_nothing(s);
    must_eq(counts_of(s).waiting + counts_of(s).pending, 0);
    must_eq(counts_of(s).dead, 0);
    weir_sub_free(calm);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(it_goes_to_another_one_of_the_group)
{
    weir_pub *p = pub_on("");
    weir_sub *s = hasty(), *calm = sub_on((weir_sub_opts){.group = "hasty"});
    weir_message *m;

    post(p, 1);
    m = take_nth(s, 1, 1);
    ack(take_nth(calm, 1, 2));
    must_eq(counts_of(calm).redelivered, 1);
    must_eq(weir_message_ack(m, NULL), WEIR_EXPIRED);
    weir_message_free(m);
    weir_sub_free(calm);
    weir_sub_free(s);
    weir_pub_free(p);
}

struct mate {
    weir_sub *s;
    bool got;
};

static void wait_for_one(void *arg)
{
    struct mate *mate = arg;
    weir_message *m;
    const int err = weir_sub_recv(mate->s, &m, NULL);

    mate->got = err == 0;
    if (mate->got)
        ack(m);
    else
        must_eq(err, WEIR_CLOSED);
}

/* Keeps a message for several times its ack_wait, while another subscription
 * of the group waits for it. False: the other one got it, as this machine was
 * too slow for such a short time. */
static bool kept_for(weir_pub *p, int n, int64_t wait)
{
    weir_sub *s = sub_on((weir_sub_opts){.group = "slow", .ack_wait = wait});
    struct mate mate = {sub_on((weir_sub_opts){.group = "slow"}), false};
    const int64_t until = weir_now() + 4 * wait;
    weir_message *m;
    int err = 0;

    post(p, n);
    m = take(s);
    go(wait_for_one, &mate);
    while (err == 0 && weir_now() < until) {
        must_eq(weir_sleep(wait / 10, NULL), 0);
        err = weir_message_in_progress(m, NULL);
    }
    if (err == 0)
        err = weir_message_ack(m, NULL);
    if (err == 0)
        must_eq(weir_sub_close(mate.s, NULL), 0);
    else
        must_eq(err, WEIR_EXPIRED);
    wait_all();
    must_eq(mate.got, err != 0);
    weir_message_free(m);
    weir_sub_free(mate.s);
    weir_sub_free(s);
    return err == 0;
}

CONFORMS_IF(in_progress, in_progress_gives_more_time)
{
    weir_pub *p = pub_on("");
    int64_t wait = SHORT * WEIR_MILLISECOND;

    for (int n = 0; !kept_for(p, n, wait); n++) {
        wait *= 2;
        must(wait < 4 * WEIR_SECOND);
    }
    weir_pub_free(p);
}

CONFORMS_IF(in_progress, the_time_begins_anew_and_ends)
{
    weir_pub *p = pub_on("");
    weir_sub *s = hasty();
    weir_message *m;
    int err;

    post(p, 1);
    m = take_nth(s, 1, 1);
    err = weir_message_in_progress(m, NULL);
    must(err == 0 || err == WEIR_EXPIRED);
    drop(take_nth(s, 1, 2));
    weir_message_free(m);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* A message whose time is over and that was freed is given back once. */
CONFORMS(a_late_free_takes_nothing_from_its_new_owner)
{
    weir_pub *p = pub_on("");
    weir_sub *s = hasty(), *calm = sub_on((weir_sub_opts){.group = "hasty"});
    weir_message *m, *again;

    post(p, 1);
    m = take_nth(s, 1, 1);
    again = take_nth(calm, 1, 2);
    weir_message_free(m);
    expect_nothing(s);
    ack(again);
    expect_nothing(s);
    weir_sub_free(calm);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* It lives on in its messages, which are settled as before. */
CONFORMS(a_freed_subscription_ends_with_its_messages)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m[6];

    posts(p, 0, 10);
    for (int i = 0; i < 6; i++)
        m[i] = take_nth(s, i, 1);
    weir_sub_free(s);
    s = worker();
    expect(s, 6, 10);
    expect_nothing(s);
    ack(m[0]);
    nak(m[1], 0);
    ack(take_nth(s, 1, 2));
    must_eq(weir_message_ack_n(m + 2, 2, NULL), 0);
    for (int i = 2; i < 6; i++)
        weir_message_free(m[i]);
    ack(take_nth(s, 4, 2));
    ack(take_nth(s, 5, 2));
    expect_nothing(s);
    must_eq(counts_of(s).waiting + counts_of(s).pending, 0);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONF_MAIN(CHECK_ENGINES(an_ack_is_final),
          CHECK_ENGINES(a_nak_brings_it_again_and_counts),
          CHECK_ENGINES(a_free_gives_it_back),
          CHECK_ENGINES(what_is_given_back_wakes_who_waits),
          CHECK_ENGINES(a_delay_keeps_it_away), CHECK_ENGINES(a_delay_ends),
          CHECK_ENGINES(an_unsettled_one_comes_again_after_ack_wait),
          CHECK_ENGINES(an_expired_settle_changes_nothing),
          CHECK_ENGINES(it_goes_to_another_one_of_the_group),
          CHECK_ENGINES(in_progress_gives_more_time),
          CHECK_ENGINES(the_time_begins_anew_and_ends),
          CHECK_ENGINES(a_late_free_takes_nothing_from_its_new_owner),
          CHECK_ENGINES(a_freed_subscription_ends_with_its_messages))
