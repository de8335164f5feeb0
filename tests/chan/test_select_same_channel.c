/* SPDX-License-Identifier: MIT */
/*
 * The same channel in several cases of one select: it queues there several
 * times, is chosen once, and leaves nothing behind in the channel's queues.
 */
#include "parties.h"

struct twice {
    ints *c;
    ints *d;
    ints *out;
    int at;
};

static void select_twice(void *arg)
{
    struct twice *t = arg;
    int v;
    weir_case cs[] = {ints_recv_case(t->c, &v), ints_recv_case(t->c, &v),
                      ints_recv_case(t->d, &v)};

    t->at = weir_select(cs, 3, NULL);
    put(t->out, v);
}

static void receive_plain(void *arg)
{
    const struct twice *t = arg;

    put(t->out, get(t->c));
}

/* One waits on c twice and on d; another waits on c behind it. After the
 * first was woken through d, a send on c must find the second. */
BEHAVIOUR(leaves_the_queue_whole)
{
    int i;

    for (i = 0; i < check_scale(300); i++) {
        struct twice t = {ints_new(0), ints_new(0), ints_new(2), -1};

        crew_go(crew, select_twice, &t);
        if (i % 2)
            settle();
        crew_go(crew, receive_plain, &t);
        if (i % 3)
            settle();
        put(t.d, 7);
        must_eq(get(t.out), 7);
        must_eq(t.at, 2);
        put(t.c, 8);
        must_eq(get(t.out), 8);
        crew_wait(crew);
        must_eq(ints_try_send(t.c, 9), WEIR_FULL);
        ints_unref(t.c);
        ints_unref(t.d);
        ints_unref(t.out);
    }
}

/* The one in the middle of a queue of three leaves it, then the others are
 * served; it comes back as a plain receiver. */
static void select_then_receive(void *arg)
{
    struct twice *t = arg;
    int v;
    weir_case cs[] = {ints_recv_case(t->c, &v), ints_recv_case(t->d, &v)};

    must_eq(weir_select(cs, 2, NULL), 1);
    put(t->out, v);
    must_eq(get(t->c), 1);
}

static void receive_one(void *arg)
{
    const struct twice *t = arg;

    must_eq(get(t->c), 1);
}

BEHAVIOUR(middle_of_the_queue_leaves)
{
    int i;

    for (i = 0; i < check_scale(300); i++) {
        struct twice t = {ints_new(0), ints_new(0), ints_new(1), -1};

        crew_go(crew, receive_one, &t);
        crew_go(crew, select_then_receive, &t);
        crew_go(crew, receive_one, &t);
        if (i % 2)
            settle();
        put(t.d, 5);
        must_eq(get(t.out), 5);
        put(t.c, 1);
        put(t.c, 1);
        put(t.c, 1);
        crew_wait(crew);
        ints_unref(t.c);
        ints_unref(t.d);
        ints_unref(t.out);
    }
}

/* A dozen cases on one channel, sends and receives: one is done. */
static void select_dozen(void *arg)
{
    struct twice *t = arg;
    int v[12], i;
    weir_case cs[12];

    for (i = 0; i < 12; i++) {
        v[i] = 100 + i;
        cs[i] =
            i % 2 ? ints_send_case(t->c, &v[i]) : ints_recv_case(t->c, &v[i]);
    }
    t->at = weir_select(cs, 12, NULL);
    must(t->at >= 0 && t->at < 12);
    for (i = 0; i < 12; i++)
        must_eq(v[i], i == t->at && i % 2 == 0 ? 1 : 100 + i);
}

BEHAVIOUR(a_dozen_cases_on_one_channel)
{
    int i, v;

    for (i = 0; i < check_scale(300); i++) {
        struct twice t = {.c = ints_new(0), .at = -1};

        crew_go(crew, select_dozen, &t);
        if (i % 4 == 0)
            settle();
        if (i % 2) {
            put(t.c, 1);
        } else {
            v = get(t.c);
            must(v > 100 && v < 112 && v % 2 == 1);
        }
        crew_wait(crew);
        must_eq(t.at % 2, i % 2 == 0);
        must_eq(ints_try_send(t.c, 9), WEIR_FULL);
        must_eq(weir_chan_try_recv(ints_base(t.c), NULL), WEIR_EMPTY);
        ints_unref(t.c);
    }
}

/* On a buffered channel with room and content both directions are ready, and
 * each is chosen at some time. */
BEHAVIOUR(both_directions_ready)
{
    ints *c = ints_new(2);
    int i, got, sent = 1, chosen[2] = {0};

    put(c, 1);
    for (i = 0; i < 200; i++) {
        weir_case cs[] = {ints_send_case(c, &sent), ints_recv_case(c, &got)};
        int at = weir_select(cs, 2, NULL);

        must(at == 0 || at == 1);
        chosen[at]++;
        must_eq(ints_len(c), at == 0 ? 2 : 0);
        if (at == 0)
            must_eq(get(c), 1);
        else
            put(c, 1);
    }
    must(chosen[0] > 0 && chosen[1] > 0);
    ints_unref(c);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(leaves_the_queue_whole),
           CHECK_MODES(middle_of_the_queue_leaves),
           CHECK_MODES(a_dozen_cases_on_one_channel),
           CHECK_MODES(both_directions_ready))
