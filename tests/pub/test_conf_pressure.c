/* SPDX-License-Identifier: MIT */
/* Back-pressure: publishers wait for room, subscribers for less in hand. */
#include "conf.h"
#include "waiting.h"

enum { WAITERS = 6, SMALL = 3, PUBLISHERS = 4 };

/* A publish that has to wait, and how it ended. */
struct waiter {
    weir_pub *p;
    int n;
    weir_ctx ctx;
    atomic_int result;
};

enum { UNDER_WAY = 1000 };

static void publish_one(void *arg)
{
    struct waiter *w = arg;

    atomic_store(&w->result, post_with(w->p, w->n, NULL, NULL, &w->ctx));
}

static void start(struct waiter *w, weir_pub *p, int n)
{
    w->p = p;
    w->n = n;
    atomic_store(&w->result, UNDER_WAY);
    must_eq(weir_ctx_init(&w->ctx, NULL), 0);
    go(publish_one, w);
    settle();
    must_eq(atomic_load(&w->result), UNDER_WAY);
}

static void end(struct waiter *w, int result)
{
    wait_all();
    must_eq(w->result, result);
    must_eq(weir_ctx_fini(&w->ctx), 0);
}

static weir_pub *narrow(void)
{
    return pub_on("max_messages=3"); /* on_full=block */
}

CONFORMS_IF(block, an_ack_lets_it_go)
{
    weir_pub *p = narrow();
    weir_sub *s = worker();
    struct waiter w;

    posts(p, 0, SMALL);
    start(&w, p, SMALL);
    must_eq(topic_of("events").messages, SMALL);
    expect(s, 0, 1);
    end(&w, 0);
    expect(s, 1, SMALL + 1);
    expect_nothing(s);
    must_eq(counts_of(s).lost, 0);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(block, acks_in_any_order_make_room)
{
    weir_pub *p = narrow();
    weir_sub *s = worker();
    weir_message *m[SMALL];
    struct waiter w;

    posts(p, 0, SMALL);
    for (int i = 0; i < SMALL; i++)
        m[i] = take_nth(s, i, 1);
    start(&w, p, SMALL);
    for (int i = SMALL - 1; i >= 0; i--)
        ack(m[i]);
    end(&w, 0);
    must(topic_of("events").messages <= SMALL);
    expect(s, SMALL, SMALL + 1);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(block, a_context_ends_it)
{
    weir_pub *p = narrow();
    weir_sub *s = worker();
    weir_ctx short_time;
    struct waiter w;

    posts(p, 0, SMALL);
    start(&w, p, SMALL);
    must_eq(weir_ctx_cancel(&w.ctx, 0), 0);
    end(&w, WEIR_CANCELED);
    must_eq(weir_ctx_init_timeout(&short_time, NULL, WEIR_MILLISECOND), 0);
    must_eq(post_with(p, 4, NULL, NULL, &short_time), WEIR_TIMEDOUT);
    must_eq(weir_ctx_fini(&short_time), 0);
    expect(s, 0, SMALL); /* there was no room, so neither was stored */
    expect_nothing(s);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(block, a_close_ends_it)
{
    weir_pub *p = narrow(), *other = narrow();
    weir_sub *s = worker();
    struct waiter w;

    posts(p, 0, SMALL);
    start(&w, p, SMALL);
    must_eq(weir_pub_close(p, NULL), 0);
    end(&w, WEIR_CLOSED);
    expect(s, 0, SMALL);
    post(other, 9); /* closes itself alone */
    expect(s, 9, 10);
    weir_sub_free(s);
    weir_pub_free(other);
    weir_pub_free(p);
}

CONFORMS_IF(block, a_removed_topic_ends_it)
{
    weir_pub *p = narrow();
    struct waiter w;

    posts(p, 0, SMALL);
    start(&w, p, SMALL);
    must_eq(weir_topic_remove(conf_url("events", ""), NULL), 0);
    end(&w, WEIR_CLOSED);
    weir_pub_free(p);
}

CONFORMS_IF(block, the_last_group_in_the_way_lets_it_go)
{
    weir_pub *p = narrow();
    weir_sub *s = worker(), *slow = sub_on((weir_sub_opts){.group = "slow"});
    weir_sub *own = sub_on((weir_sub_opts){0});
    struct waiter w;

    posts(p, 0, SMALL);
    expect(s, 0, SMALL);
    start(&w, p, SMALL);
    must_eq(weir_group_remove(conf_url("events", ""), "slow", NULL), 0);
    settle();
    must_eq(atomic_load(&w.result), UNDER_WAY);
    weir_sub_free(own);
    end(&w, 0);
    expect(s, SMALL, SMALL + 1);
    weir_sub_free(slow);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF_BOTH(block, dead_letter, a_dead_one_makes_room)
{
    weir_pub *p = narrow();
    weir_sub *s = worker();
    struct waiter w;

    posts(p, 0, SMALL);
    start(&w, p, SMALL);
    term(take_nth(s, 0, 1));
    end(&w, 0);
    expect(s, 1, SMALL + 1);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS_IF(block, age_makes_room)
{
    weir_pub *p = pub_on("max_messages=3&max_age=50ms");
    weir_sub *s = worker();

    posts(p, 0, 3 * SMALL); /* each waits until an older one has gone */
    must(counts_of(s).lost >= 2 * SMALL);
    weir_sub_free(s);
    weir_pub_free(p);
}

static void who_waited_first_body(struct crew *crew)
{
    struct waiter w[WAITERS];
    weir_pub *p;
    weir_sub *s;

    conf_enter(crew);
    if (!conf.caps->block)
        return;
    p = narrow();
    s = worker();
    posts(p, 0, SMALL);
    for (int i = 0; i < WAITERS; i++) {
        start(&w[i], p, SMALL + i);
        await_waiting(NULL, i + 1);
    }
    expect(s, 0, SMALL + WAITERS);
    for (int i = 0; i < WAITERS; i++)
        end(&w[i], 0);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* By tasks alone, of which is known that they wait. */
START_TEST(who_waited_first_goes_first)
{
    conf_run(_i * CONF_MODES, who_waited_first_body);
}
END_TEST

/* ---- in flight ----------------------------------------------------------- */

static void give_back(weir_message *m)
{
    nak(m, 0);
}

static weir_sub *careful(uint32_t in_flight)
{
    return sub_on((weir_sub_opts){.group = "g", .max_in_flight = in_flight});
}

/* Whichever way a message leaves, one more may come, and only one. */
CONFORMS(in_flight_is_bounded)
{
    static void (*const leave[])(weir_message *) = {ack, drop, give_back, term};
    const size_t ways = conf.caps->dead_letter ? 4 : 3;
    weir_pub *p = pub_on("");
    weir_sub *s = careful(2);
    weir_message *m[2], *none;

    posts(p, 0, 20);
    m[0] = take_nth(s, 0, 1);
    m[1] = take_nth(s, 1, 1);
    expect_nothing(s);
    must_eq(weir_sub_recv(s, &none, ended()), WEIR_CANCELED);
    for (size_t i = 0; i < 2 * ways; i++) {
        must_eq(counts_of(s).in_flight, 2);
        must_eq(counts_of(s).pending, 2);
        leave[i % ways](m[i % 2]);
        m[i % 2] = take(s);
        expect_nothing(s);
    }
    drop(m[0]);
    drop(m[1]);
    must_eq(counts_of(s).in_flight, 0);
    weir_sub_free(s);
    weir_pub_free(p);
}

struct taker {
    weir_sub *s;
    _Atomic(weir_message *) m;
};

static void take_one(void *arg)
{
    struct taker *t = arg;

    atomic_store(&t->m, take(t->s));
}

CONFORMS(a_settle_wakes_who_waits_for_less_in_hand)
{
    weir_pub *p = pub_on("");
    struct taker t = {careful(1), NULL};
    weir_message *m;

    posts(p, 0, 2);
    m = take_nth(t.s, 0, 1);
    go(take_one, &t);
    settle();
    must(atomic_load(&t.m) == NULL);
    ack(m);
    wait_all();
    must_eq(number(t.m), 1);
    ack(t.m);
    weir_sub_free(t.s);
    weir_pub_free(p);
}

CONFORMS(a_batch_is_bounded_as_well)
{
    weir_pub *p = pub_on("");
    weir_sub *s = careful(4);
    weir_message *m[10];

    posts(p, 0, 10);
    for (int got = 0; got < 4;) {
        const ptrdiff_t n = weir_sub_recv_n(s, m + got, 10, NULL);

        must(n > 0 && n <= 4 - got);
        got += (int)n;
    }
    must_eq(weir_sub_recv_n(s, m + 4, 6, ended()), WEIR_CANCELED);
    must_eq(weir_message_ack_n(m, 4, NULL), 0);
    for (int i = 0; i < 4; i++)
        weir_message_free(m[i]);
    expect(s, 4, 10);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* ---- all together -------------------------------------------------------- */

static struct {
    weir_pub *p;
    int each;
} load;

static void publish_all(void *arg)
{
    const int from = (int)(intptr_t)arg * load.each;

    posts(load.p, from, from + load.each);
}

CONFORMS_IF(block, a_narrow_topic_passes_everything)
{
    weir_sub *s = worker();
    int last[PUBLISHERS] = {0};

    load.p = narrow();
    load.each = conf_many(check_scale(200));
    for (intptr_t i = 0; i < PUBLISHERS; i++)
        go(publish_all, (void *)i);
    for (int i = 0; i < PUBLISHERS * load.each; i++) {
        weir_message *m = take(s);
        const int n = number(m);

        must_eq(n % load.each, last[n / load.each]++);
        ack(m);
    }
    wait_all();
    expect_nothing(s);
    must_eq(counts_of(s).lost, 0);
    weir_sub_free(s);
    weir_pub_free(load.p);
}

CONF_MAIN(CHECK_ENGINES(an_ack_lets_it_go),
          CHECK_ENGINES(acks_in_any_order_make_room),
          CHECK_ENGINES(a_context_ends_it), CHECK_ENGINES(a_close_ends_it),
          CHECK_ENGINES(a_removed_topic_ends_it),
          CHECK_ENGINES(the_last_group_in_the_way_lets_it_go),
          CHECK_ENGINES(a_dead_one_makes_room), CHECK_ENGINES(age_makes_room),
          CHECK_LOOP(who_waited_first_goes_first, conf_rounds() / CONF_MODES),
          CHECK_ENGINES(in_flight_is_bounded),
          CHECK_ENGINES(a_settle_wakes_who_waits_for_less_in_hand),
          CHECK_ENGINES(a_batch_is_bounded_as_well),
          CHECK_ENGINES(a_narrow_topic_passes_everything))
