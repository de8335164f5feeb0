/* SPDX-License-Identifier: MIT */
/* Subscriptions and their messages, in front of an engine that does as it is
 * told. */
#include "fake.h"

/* ---- opening ------------------------------------------------------------- */

START_TEST(options_have_defaults)
{
    const weir_sub_opts o = {.group = "mail",
                             .from = WEIR_FROM_SEQ,
                             .seq = 7,
                             .max_in_flight = 3,
                             .ack_wait = 5,
                             .max_deliveries = 2,
                             .dead_letter = "dead"};
    weir_sub *s;

    fake_start();
    s = fake_sub(NULL);
    must_eq(fake.opts.max_in_flight, 256);
    must_eq(fake.opts.ack_wait, 30 * WEIR_SECOND);
    must(fake.opts.group == NULL && fake.opts.dead_letter == NULL);
    must(weir_sub_caps(s) == &fake_engine.caps);
    must(weir_sub_caps(NULL) == NULL);
    weir_sub_free(s);
    fake_start();
    s = fake_sub(&o);
    must(strcmp(fake.group, "mail") == 0);
    must_eq(fake.opts.from, WEIR_FROM_SEQ);
    must_eq(fake.opts.seq, 7);
    must_eq(fake.opts.max_in_flight, 3);
    must_eq(fake.opts.ack_wait, 5);
    must_eq(fake.opts.max_deliveries, 2);
    must(strcmp(fake.opts.dead_letter, "dead") == 0);
    weir_sub_free(s);
    weir_sub_free(NULL);
    fake_end();
}
END_TEST

static int open_with(weir_sub_opts o, weir_why *why)
{
    weir_sub *s = (weir_sub *)&o;
    const int err = weir_sub_open(&s, "fake:topic", &o, why);

    must((err == 0) == (s != NULL));
    must((err == 0) == (why->text[0] == '\0'));
    weir_sub_free(s);
    return err;
}

START_TEST(options_that_are_wrong)
{
    char name[300];
    weir_why why;
    weir_sub *s;

    fake_start();
    memset(name, 'x', sizeof name);
    name[255] = '\0';
    must_eq(open_with((weir_sub_opts){.group = name}, &why), 0);
    name[255] = 'x';
    name[256] = '\0';
    must_eq(open_with((weir_sub_opts){.group = name}, &why), WEIR_EINVAL);
    must_eq(open_with((weir_sub_opts){.group = ""}, &why), WEIR_EINVAL);
    must_eq(open_with((weir_sub_opts){.group = "a\nb"}, &why), WEIR_EINVAL);
    must_eq(open_with((weir_sub_opts){.group = "\001"}, &why), WEIR_EINVAL);
    must_eq(open_with((weir_sub_opts){.dead_letter = ""}, &why), WEIR_EINVAL);
    must_eq(open_with((weir_sub_opts){.ack_wait = -1}, &why), WEIR_EINVAL);
    must(strstr(why.text, "ack_wait") != NULL);
    must_eq(open_with((weir_sub_opts){.from = (enum weir_from)4}, &why),
            WEIR_EINVAL);
    must_eq(weir_sub_open(NULL, "fake:a", NULL, NULL), WEIR_EINVAL);
    must_eq(weir_sub_open(&s, NULL, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_sub_open(&s, "nosuchengine:a", NULL, NULL), -ENOENT);
    must(s == NULL);
    fake.open_code = WEIR_BUSY;
    must_eq(open_with((weir_sub_opts){0}, &why), WEIR_BUSY);
    fake_end();
}
END_TEST

START_TEST(what_the_engine_cannot_do_is_refused)
{
    weir_why why;
    weir_message *m;
    weir_sub *s;

    fake_start();
    fake_engine.caps = (weir_caps){.engine = "fake"};
    must_eq(open_with((weir_sub_opts){.from = WEIR_FROM_SEQ}, &why),
            WEIR_UNSUPPORTED);
    must(strcmp(why.text, "fake: cannot begin at a sequence number") == 0);
    must_eq(open_with((weir_sub_opts){.from = WEIR_FROM_TIME}, &why),
            WEIR_UNSUPPORTED);
    must_eq(open_with((weir_sub_opts){.max_deliveries = 1}, &why),
            WEIR_UNSUPPORTED);
    must_eq(open_with((weir_sub_opts){.dead_letter = "x"}, &why),
            WEIR_UNSUPPORTED);
    must_eq(open_with((weir_sub_opts){.from = WEIR_FROM_END}, &why), 0);
    fake.sub_closed = false;
    s = fake_sub(NULL);
    fake_feed(1);
    m = receive(s);
    must_eq(weir_message_nak(m, 1, NULL), WEIR_UNSUPPORTED);
    must_eq(weir_message_term(m, NULL), WEIR_UNSUPPORTED);
    must_eq(weir_message_in_progress(m, NULL), WEIR_UNSUPPORTED);
    must_eq(weir_message_nak(m, 0, NULL), 0);
    weir_message_free(m);
    weir_sub_free(s);
    fake_end();
}
END_TEST

START_TEST(subscriptions_without_memory)
{
    weir_why why;
    weir_sub *s;
    int n;

    fake_start();
    for (n = 0; n < 2; n++) {
        wr_mem_fail_after(n);
        must_eq(weir_sub_open(&s, "fake:a", NULL, &why), WEIR_ENOMEM);
        must(s == NULL && strstr(why.text, "memory") != NULL);
    }
    wr_mem_fail_after(-1);
    fake_end();
}
END_TEST

/* ---- settling ------------------------------------------------------------ */

START_TEST(each_way_of_settling)
{
    weir_message *m[5];
    weir_sub *s;
    int i;

    fake_start();
    s = fake_sub(NULL);
    fake_feed(5);
    fake.deliveries = 2;
    for (i = 0; i < 5; i++) {
        m[i] = receive(s);
        must_eq(m[i]->seq, i + 1);
        fake.deliveries = 1;
    }
    must_eq(weir_message_in_progress(m[0], NULL), 0);
    must_eq(fake.how, WEIR_SETTLE_IN_PROGRESS);
    must_eq(counts_of(s).in_flight, 5);
    must_eq(weir_message_ack(m[0], NULL), 0);
    must_eq(fake.how, WEIR_SETTLE_ACK);
    must_eq(weir_message_nak(m[1], 77, NULL), 0);
    must_eq(fake.how, WEIR_SETTLE_NAK);
    must_eq(fake.delay, 77);
    must_eq(weir_message_term(m[2], NULL), 0);
    must_eq(fake.how, WEIR_SETTLE_TERM);
    fake.expired = true;
    must_eq(weir_message_in_progress(m[3], NULL), WEIR_EXPIRED);
    must_eq(weir_message_ack(m[3], NULL), WEIR_EXPIRED);
    for (i = 0; i < 5; i++)
        weir_message_free(m[i]);
    must_eq(fake.given_back, 1); /* the fifth */
    must_eq(counts_of(s).received, 5);
    must_eq(counts_of(s).redelivered, 1);
    must_eq(counts_of(s).acked, 1);
    must_eq(counts_of(s).naked, 1);
    must_eq(counts_of(s).termed, 1);
    must_eq(counts_of(s).expired, 1);
    must_eq(counts_of(s).returned, 1);
    must_eq(counts_of(s).in_flight, 0);
    weir_sub_free(s);
    fake_end();
}
END_TEST

START_TEST(a_message_is_settled_once)
{
    weir_message *m;
    weir_sub *s;

    fake_start();
    s = fake_sub(NULL);
    fake_feed(1);
    m = receive(s);
    fake.settle_code = WEIR_ENOMEM;
    must_eq(weir_message_ack(m, NULL), WEIR_ENOMEM);
    must_eq(counts_of(s).in_flight, 1); /* it is open again */
    fake.settle_code = 0;
    must_eq(weir_message_nak(m, 0, NULL), 0);
    must_eq(weir_message_nak(m, 0, NULL), WEIR_EMPTY);
    must_eq(weir_message_ack(m, NULL), WEIR_EMPTY);
    must_eq(weir_message_ack_n(&m, 1, NULL), 0);
    must_eq(weir_message_term(m, NULL), WEIR_EMPTY);
    must_eq(weir_message_in_progress(m, NULL), WEIR_EMPTY);
    must_eq(fake.settles, 1);
    weir_message_free(m);
    must_eq(fake.given_back, 0);
    weir_sub_free(s);
    fake_end();
}
END_TEST

START_TEST(messages_that_are_none)
{
    weir_message *none = NULL, *m;
    weir_sub *s;

    fake_start();
    s = fake_sub(NULL);
    must_eq(weir_message_ack(NULL, NULL), WEIR_EINVAL);
    must_eq(weir_message_nak(NULL, 0, NULL), WEIR_EINVAL);
    must_eq(weir_message_term(NULL, NULL), WEIR_EINVAL);
    must_eq(weir_message_in_progress(NULL, NULL), WEIR_EINVAL);
    must_eq(weir_message_ack_n(&none, 1, NULL), WEIR_EINVAL);
    must_eq(weir_message_ack_n(NULL, 1, NULL), WEIR_EINVAL);
    must_eq(weir_message_ack_n(NULL, 0, NULL), 0);
    weir_message_free(NULL);
    must_eq(weir_sub_recv(NULL, &m, NULL), WEIR_EINVAL);
    must_eq(weir_sub_recv(s, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_sub_recv_n(s, NULL, 1, NULL), WEIR_EINVAL);
    must_eq(weir_sub_recv_n(s, &m, 0, NULL), 0);
    must_eq(weir_sub_try_recv(NULL, &m), WEIR_EINVAL);
    must_eq(weir_sub_close(NULL, NULL), WEIR_EINVAL);
    must_eq(weir_sub_get_counts(s, NULL, NULL), WEIR_EINVAL);
    fake_feed(1);
    m = receive(s);
    must_eq(weir_message_nak(m, -1, NULL), WEIR_EINVAL);
    weir_message_free(m);
    weir_sub_free(s);
    fake_end();
}
END_TEST

/* A few fit on the stack, many do not. */
START_TEST(many_are_settled_at_once)
{
    weir_message *m[100], *other;
    weir_sub *s, *s2;
    int round, i;

    fake_start();
    s = fake_sub(NULL);
    s2 = fake_sub(NULL);
    fake_feed(401);
    for (round = 0; round < 4; round++) {
        const size_t n = round % 2 ? 100 : 20;

        must_eq(weir_sub_recv_n(s, m, n, NULL), n);
        other = m[5];
        m[5] = m[4]; /* one twice, and one that was settled before */
        must_eq(weir_message_ack(m[7], NULL), 0);
        fake.settle_code = WEIR_CORRUPT;
        must_eq(weir_message_ack_n(m, n, NULL), WEIR_CORRUPT);
        fake.settle_code = 0;
        fake.expired = round >= 2;
        must_eq(weir_message_ack_n(m, n, NULL), 0);
        must_eq(fake.n, n - 2);
        must_eq(weir_message_ack_n(m, n, NULL), 0);
        fake.expired = false;
        m[5] = other;
        for (i = 0; i < (int)n; i++)
            weir_message_free(m[i]);
        must_eq(counts_of(s).in_flight, 0);
    }
    must_eq(counts_of(s).acked, 18 + 98 + 4);
    must_eq(counts_of(s).expired, 18 + 98);
    must_eq(counts_of(s).returned, 4);
    m[0] = receive(s);
    m[1] = receive(s2);
    must_eq(weir_message_ack_n(m, 2, NULL), WEIR_EINVAL);
    weir_message_free(m[0]);
    weir_message_free(m[1]);
    weir_sub_free(s);
    weir_sub_free(s2);
    fake_end();
}
END_TEST

START_TEST(many_without_memory)
{
    weir_message *m[100];
    weir_sub *s;
    int i;

    fake_start();
    s = fake_sub(NULL);
    fake_feed(100);
    must_eq(weir_sub_recv_n(s, m, 100, NULL), 100);
    wr_mem_fail_after(0);
    must_eq(weir_message_ack_n(m, 100, NULL), WEIR_ENOMEM);
    must_eq(weir_message_ack_n(m, 32, NULL), 0);
    wr_mem_fail_after(-1);
    must_eq(weir_message_ack_n(m, 100, NULL), 0);
    must_eq(counts_of(s).acked, 100);
    for (i = 0; i < 100; i++)
        weir_message_free(m[i]);
    weir_sub_free(s);
    fake_end();
}
END_TEST

static weir_message *shared;
static atomic_int won, came_late;

static void ack_shared(void *arg)
{
    const int err = weir_message_ack(shared, NULL);

    must(err == 0 || err == WEIR_EMPTY);
    atomic_fetch_add(err ? &came_late : &won, 1);
    (void)arg;
}

BEHAVIOUR(of_many_who_settle_one_message_one_does)
{
    const int rounds = check_scale(100);
    weir_sub *s;
    int round, i;

    fake_start();
    atomic_store(&won, 0);
    s = fake_sub(NULL);
    for (round = 1; round <= rounds; round++) {
        fake_feed(1);
        shared = receive(s);
        for (i = 0; i < 4; i++)
            crew_go(crew, ack_shared, NULL);
        crew_wait(crew);
        weir_message_free(shared);
        must_eq(won, round);
    }
    must_eq(fake.settles, rounds);
    must_eq(counts_of(s).acked, rounds);
    weir_sub_free(s);
    fake_end();
}

/* While the engine is at it, it is neither open nor settled. */
BEHAVIOUR(a_message_that_is_being_settled)
{
    weir_sub *s;

    fake_start();
    s = fake_sub(NULL);
    fake_feed(1);
    shared = receive(s);
    fake.gate = ints_new(0);
    fake.settling = ints_new(0);
    crew_go(crew, ack_shared, NULL);
    get(fake.settling);
    must_eq(weir_message_nak(shared, 0, NULL), WEIR_EMPTY);
    must_eq(weir_message_in_progress(shared, NULL), WEIR_EMPTY);
    must_eq(counts_of(s).in_flight, 1);
    put(fake.gate, 0);
    crew_wait(crew);
    must_eq(counts_of(s).acked, 1);
    weir_message_free(shared);
    weir_sub_free(s);
    fake_end();
}

static void renew_shared(void *arg)
{
    must_eq(weir_message_in_progress(shared, NULL), WEIR_EMPTY);
    (void)arg;
}

/* Expired, to the engine, may mean that an ack has gone before. */
BEHAVIOUR(more_time_for_a_message_that_is_settled_meanwhile)
{
    weir_sub *s;

    fake_start();
    s = fake_sub(NULL);
    fake_feed(1);
    shared = receive(s);
    fake.lapsed = true;
    fake.gate = ints_new(0);
    fake.settling = ints_new(0);
    fake.renewing = ints_new(0);
    crew_go(crew, renew_shared, NULL);
    get(fake.renewing);
    crew_go(crew, ack_shared, NULL);
    get(fake.settling);
    put(fake.gate, 0); /* one of them, and */
    put(fake.gate, 0); /* the other        */
    crew_wait(crew);
    weir_message_free(shared);
    weir_sub_free(s);
    fake_end();
}

/* ---- in flight ----------------------------------------------------------- */

START_TEST(no_more_is_asked_for_than_may_be_in_flight)
{
    weir_message *m[10];
    weir_sub *s;

    fake_start();
    s = fake_sub(&(weir_sub_opts){.max_in_flight = 5});
    fake_feed(2);
    must_eq(weir_sub_recv_n(s, m, 10, NULL), 2);
    must_eq(fake.n, 5);
    fake_feed(100);
    must_eq(weir_sub_recv_n(s, m + 2, 10, NULL), 3);
    must_eq(fake.n, 3);
    must_eq(fake.asked, 2);
    must_eq(weir_sub_try_recv(s, &m[5]), WEIR_EMPTY);
    must(m[5] == NULL);
    must_eq(fake.asked, 2);                   /* not even asked */
    must_eq(weir_message_ack(m[0], NULL), 0); /* settled is enough */
    must_eq(weir_sub_try_recv(s, &m[5]), 0);
    must(fake.now);
    must_eq(weir_sub_try_recv(s, &m[6]), WEIR_EMPTY);
    weir_message_free(m[0]);
    must_eq(weir_sub_try_recv(s, &m[6]), WEIR_EMPTY);
    weir_message_free(m[1]); /* or freed */
    must_eq(weir_sub_try_recv(s, &m[6]), 0);
    must_eq(weir_message_ack_n(m + 2, 5, NULL), 0);
    must_eq(weir_sub_recv_n(s, m, 2, NULL), 2);
    must_eq(fake.n, 2);
    must_eq(weir_message_ack_n(m, 7, NULL), 0);
    must_eq(weir_sub_try_recv(s, NULL), WEIR_EINVAL);
    for (int i = 0; i < 7; i++)
        weir_message_free(m[i]);
    weir_sub_free(s);
    fake_end();
}
END_TEST

START_TEST(what_the_engine_says_goes_through)
{
    static const int codes[] = {WEIR_LAGGED, WEIR_CORRUPT, WEIR_CLOSED,
                                WEIR_ENOMEM};
    weir_message *m = NULL, *many[3];
    weir_ctx over = WEIR_CTX_INIT;
    weir_sub *s;
    size_t i;

    fake_start();
    s = fake_sub(&(weir_sub_opts){.max_in_flight = 1});
    weir_ctx_cancel(&over, 0);
    for (i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        fake.recv_code = codes[i];
        must_eq(weir_sub_recv(s, &m, NULL), codes[i]);
        must_eq(weir_sub_recv_n(s, many, 3, NULL), codes[i]);
        must_eq(weir_sub_try_recv(s, &m), codes[i]);
        must(m == NULL);
    }
    fake.recv_code = 0;
    must_eq(weir_sub_try_recv(s, &m), WEIR_EMPTY);
    must_eq(weir_sub_recv(s, &m, &over), WEIR_CANCELED);
    fake_feed(1);
    must_eq(weir_sub_recv(s, &m, &over), 0); /* no permit was lost */
    must_eq(weir_sub_recv(s, &many[0], &over), WEIR_CANCELED);
    weir_message_free(m);
    weir_sub_free(s);
    fake_end();
}
END_TEST

static weir_sub *sub;
static atomic_int in_flight, most, total;

static void receive_and_ack(void *arg)
{
    weir_message *m[4];
    const bool many = arg != NULL;
    ptrdiff_t n, i;

    while ((n = weir_sub_recv_n(sub, m, many ? 4 : 1, NULL)) > 0) {
        const int now = atomic_fetch_add(&in_flight, (int)n) + (int)n;
        int seen = most;

        while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
            continue;
        if (many)
            weir_yield();
        atomic_fetch_sub(&in_flight, (int)n);
        must_eq(weir_message_ack_n(m, (size_t)n, NULL), 0);
        for (i = 0; i < n; i++)
            weir_message_free(m[i]);
        atomic_fetch_add(&total, (int)n);
    }
    must_eq(n, WEIR_CLOSED);
}

/* The bound holds, nobody who waits for room is forgotten, and the account
 * holds in every snapshot. */
BEHAVIOUR(many_receivers_within_one_bound)
{
    const int messages = check_scale(crew_many(crew, 3000, 1000));
    int i;

    fake_start();
    total = most = 0;
    sub = fake_sub(&(weir_sub_opts){.max_in_flight = 5});
    for (i = 0; i < 6; i++)
        crew_go(crew, receive_and_ack, i % 2 ? &total : NULL);
    for (i = 0; i < messages; i++) {
        fake_feed(1);
        must(counts_of(sub).in_flight <= 5);
    }
    while (total < messages) {
        must(counts_of(sub).in_flight <= 5);
        weir_yield();
    }
    must_eq(weir_sub_close(sub, NULL), 0);
    crew_wait(crew);
    must_eq(total, messages);
    must(most <= 5);
    must_eq(counts_of(sub).acked, messages);
    weir_sub_free(sub);
    fake_end();
}

/* ---- closing ------------------------------------------------------------- */

static void receive_until_closed(void *arg)
{
    weir_message *m = NULL;

    must_eq(weir_sub_recv(sub, &m, NULL), WEIR_CLOSED);
    must(m == NULL);
    (void)arg;
}

/* Those that wait for a message, and those that wait for room, which need not
 * come. */
BEHAVIOUR(a_close_ends_those_that_receive)
{
    weir_ctx over = WEIR_CTX_INIT;
    weir_message *m;
    int i, full;

    weir_ctx_cancel(&over, 0);
    for (full = 0; full < 2; full++) {
        fake_start();
        sub = fake_sub(&(weir_sub_opts){.max_in_flight = 1});
        fake_feed(full);
        m = full ? receive(sub) : NULL;
        for (i = 0; i < 4; i++)
            crew_go(crew, receive_until_closed, NULL);
        settle();
        must_eq(weir_sub_close(sub, full ? &over : NULL),
                full ? WEIR_CANCELED : 0);
        crew_wait(crew);
        weir_message_free(m);
        must_eq(weir_sub_close(sub, NULL), 0);
        must_eq(fake.sub_closes, 1);
        must_eq(weir_sub_try_recv(sub, &m), WEIR_CLOSED);
        weir_sub_free(sub);
        fake_end();
    }
}

static atomic_int closed;

static void close_sub(void *arg)
{
    must_eq(weir_sub_close(sub, NULL), 0);
    atomic_fetch_add(&closed, 1);
    (void)arg;
}

BEHAVIOUR(a_close_waits_for_what_was_received)
{
    weir_ctx over = WEIR_CTX_INIT;
    weir_message *m[3];

    fake_start();
    atomic_store(&closed, 0);
    sub = fake_sub(NULL);
    fake_feed(3);
    must_eq(weir_sub_recv_n(sub, m, 3, NULL), 3);
    weir_ctx_cancel(&over, 0);
    must_eq(weir_sub_close(sub, &over), WEIR_CANCELED);
    crew_go(crew, close_sub, NULL);
    crew_go(crew, close_sub, NULL);
    must_eq(weir_message_ack(m[0], NULL), 0); /* it may still be settled */
    weir_message_free(m[0]);
    weir_message_free(m[1]);
    settle();
    must_eq(closed, 0);
    must_eq(weir_message_nak(m[2], 0, NULL), 0);
    crew_wait(crew);
    must_eq(closed, 2);
    must_eq(weir_sub_close(sub, &over), 0);
    fake.counts_code = WEIR_CLOSED;
    {
        weir_sub_counts n;

        must_eq(weir_sub_get_counts(sub, &n, NULL), WEIR_CLOSED);
        must_eq(n.received, 3); /* its own are there */
        must_eq(n.returned, 1);
    }
    weir_message_free(m[2]);
    weir_sub_free(sub);
    fake_end();
}

/* A subscription that is freed lives as long as its messages. */
START_TEST(messages_outlive_their_subscription)
{
    weir_message *m[3];
    weir_sub *s;

    fake_start();
    s = fake_sub(NULL);
    fake_feed(3);
    must_eq(weir_sub_recv_n(s, m, 3, NULL), 3);
    weir_sub_free(s);
    must_eq(fake.sub_closes, 1);
    must_eq(fake.subs, 1);
    must_eq(weir_message_ack(m[0], NULL), 0);
    weir_message_free(m[0]);
    weir_message_free(m[1]);
    must_eq(fake.subs, 1);
    weir_message_free(m[2]);
    must_eq(fake.subs, 0);
    must_eq(fake.given_back, 2);
    fake_end();
}
END_TEST

static void receive_and_free(void *arg)
{
    weir_message *m;
    int err;

    while ((err = weir_sub_recv(sub, &m, NULL)) == 0) {
        if (m->seq % 2)
            must_eq(weir_message_ack(m, NULL), 0);
        weir_message_free(m);
    }
    must_eq(err, WEIR_CLOSED);
    (void)arg;
}

/* Whenever the close comes, no message is left behind. */
BEHAVIOUR(a_close_in_the_middle_of_all)
{
    const int rounds = check_scale(crew_many(crew, 100, 30));
    int round, i;

    for (round = 0; round < rounds; round++) {
        fake_start();
        sub = fake_sub(&(weir_sub_opts){.max_in_flight = 2});
        for (i = 0; i < 4; i++)
            crew_go(crew, receive_and_free, NULL);
        for (i = 0; i < round % 20; i++)
            fake_feed(3);
        must_eq(weir_sub_close(sub, NULL), 0);
        must_eq(counts_of(sub).in_flight, 0);
        crew_wait(crew);
        must_eq(counts_of(sub).received, fake.taken);
        weir_sub_free(sub);
        fake_end();
    }
}

CHECK_MAIN(
    CHECK_TEST(options_have_defaults), CHECK_TEST(options_that_are_wrong),
    CHECK_TEST(what_the_engine_cannot_do_is_refused),
    CHECK_TEST(subscriptions_without_memory), CHECK_TEST(each_way_of_settling),
    CHECK_TEST(a_message_is_settled_once), CHECK_TEST(messages_that_are_none),
    CHECK_TEST(many_are_settled_at_once), CHECK_TEST(many_without_memory),
    CHECK_MODES(of_many_who_settle_one_message_one_does),
    CHECK_MODES(a_message_that_is_being_settled),
    CHECK_MODES(more_time_for_a_message_that_is_settled_meanwhile),
    CHECK_TEST(no_more_is_asked_for_than_may_be_in_flight),
    CHECK_TEST(what_the_engine_says_goes_through),
    CHECK_MODES(many_receivers_within_one_bound),
    CHECK_MODES(a_close_ends_those_that_receive),
    CHECK_MODES(a_close_waits_for_what_was_received),
    CHECK_TEST(messages_outlive_their_subscription),
    CHECK_MODES(a_close_in_the_middle_of_all))
