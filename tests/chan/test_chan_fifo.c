/* SPDX-License-Identifier: MIT */
/*
 * First in, first out: through the buffer, through the hand-off, and among
 * those who wait. Many senders are each in order at every receiver.
 */
#include "parties.h"

enum { N = 30 };

BEHAVIOUR(asynchronous_keeps_order)
{
    ints *c = ints_new(N);
    int i;

    for (i = 0; i < N; i++)
        put(c, i);
    for (i = 0; i < N; i++)
        must_eq(get(c), i);
    ints_unref(c);
    (void)crew;
}

/* The buffer's places are used again and again, from every offset. */
BEHAVIOUR(order_survives_the_wrap)
{
    ints *c = ints_new(7);
    int in = 0, out = 0;

    while (out < 1000) {
        while (ints_try_send(c, in) == 0)
            in++;
        must_eq(ints_len(c), 7);
        do
            must_eq(get(c), out++);
        while (out % 5 != 0);
    }
    ints_unref(c);
    (void)crew;
}

/* Each receiver takes its element when the one before it has: by the order
 * of their leave to go, the values must come as they were sent. */
struct taker {
    ints *from;
    ints *leave; /* gets a value when it is this one's turn */
    ints *next;
    int expected;
};

static void take_in_turn(void *arg)
{
    struct taker *t = arg;

    must_eq(get(t->leave), t->expected);
    must_eq(get(t->from), t->expected);
    put(t->next, t->expected + 1);
}

BEHAVIOUR(synchronous_keeps_order)
{
    ints *c = ints_new(0), *links[N + 1];
    struct taker takers[N];
    int i;

    for (i = 0; i <= N; i++)
        links[i] = ints_new(1);
    for (i = 0; i < N; i++) {
        takers[i] = (struct taker){c, links[i], links[i + 1], i};
        crew_go(crew, take_in_turn, &takers[i]);
    }
    put(links[0], 0);
    for (i = 0; i < N; i++)
        put(c, i);
    crew_wait(crew);
    for (i = 0; i <= N; i++)
        ints_unref(links[i]);
    ints_unref(c);
}

/* Values carry their sender: at each receiver, each sender's values rise. */
enum { SIDES = 3 };

struct traffic {
    ints *c;
    int n;
    int sender;
};

static void send_numbered(void *arg)
{
    const struct traffic *t = arg;
    int i;

    for (i = 0; i < t->n; i++)
        put(t->c, i * SIDES + t->sender);
}

static void receive_rising(void *arg)
{
    const struct traffic *t = arg;
    int last[SIDES] = {-1, -1, -1};
    int v;

    while (ints_recv(t->c, &v, NULL) == 0) {
        must(v / SIDES > last[v % SIDES]);
        last[v % SIDES] = v / SIDES;
    }
}

static void traffic_at(struct crew *crew, size_t cap)
{
    ints *c = ints_new(cap);
    struct traffic t[SIDES];
    struct crew senders = CREW(crew->mode);
    int i;

    for (i = 0; i < SIDES; i++) {
        t[i] = (struct traffic){c, check_scale(2000), i};
        crew_go(&senders, send_numbered, &t[i]);
        crew_go(crew, receive_rising, &t[i]);
    }
    crew_wait(&senders);
    must_eq(ints_close(c), 0);
    crew_wait(crew);
    ints_unref(c);
}

BEHAVIOUR(each_sender_in_order_at_each_receiver)
{
    traffic_at(crew, 0);
    traffic_at(crew, 1);
    traffic_at(crew, 2);
    traffic_at(crew, 64);
}

/*
 * Waiters are served in the order of their coming. To know that order, each
 * must be seen to wait before the next one comes: the channel counts them.
 */
struct queuer {
    weir_chan *c;
    bool sends;
    int number;
};

static void queue_up(void *arg)
{
    struct queuer *q = arg;
    int got = q->number;

    if (q->sends)
        must_eq(weir_chan_send(q->c, &got, NULL), 0);
    else
        must_eq(weir_chan_recv(q->c, &got, NULL), 0);
    must_eq(got, q->number);
}

static void wait_till_queued(const weir_chan *c, uint64_t n)
{
    weir_chan_stats s;

    for (;;) {
        must_eq(weir_chan_get_stats(c, &s), 0);
        if (s.blocked_sends + s.blocked_recvs == n)
            return;
        weir_yield();
    }
}

enum { LINE = 12 };

/* The other side of all in the line, one after another. */
static void serve(weir_chan *c, bool they_send)
{
    int i, v;

    for (i = 0; i < LINE; i++) {
        v = i;
        if (!they_send) {
            must_eq(weir_chan_send(c, &v, NULL), 0);
        } else {
            must_eq(weir_chan_recv(c, &v, NULL), 0);
            must_eq(v, i);
        }
    }
}

static int line_main(void *arg)
{
    struct crew *crew = arg;
    struct queuer line[LINE];
    weir_chan *c;
    int sends, i;

    for (sends = 0; sends < 2; sends++) {
        c = weir_chan_new(sizeof(int), 0);
        for (i = 0; i < LINE; i++) {
            line[i] = (struct queuer){.c = c, .sends = sends, .number = i};
            crew_go(crew, queue_up, &line[i]);
            wait_till_queued(c, (uint64_t)i + 1);
        }
        serve(c, sends);
        crew_wait(crew);
        weir_chan_unref(c);
    }
    return 0;
}

START_TEST(waiters_are_served_as_they_came)
{
    const weir_opts one_worker = {.workers = 1};
    struct crew crew = CREW(_i);

    must_eq(weir_start(&one_worker), 0);
    must_eq(weir_run(line_main, &crew), 0);
}
END_TEST

CHECK_MAIN(CHECK_MODES(asynchronous_keeps_order),
           CHECK_MODES(order_survives_the_wrap),
           CHECK_MODES(synchronous_keeps_order),
           CHECK_MODES(each_sender_in_order_at_each_receiver),
           CHECK_MODES(waiters_are_served_as_they_came))
