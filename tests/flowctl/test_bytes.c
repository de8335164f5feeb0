/* SPDX-License-Identifier: MIT */
/*
 * A limit in bytes beside the one in elements: both hold, in every policy and
 * way in; order is kept behind an element that waits because it is large; and
 * what leaves, by whichever door, gives its bytes back.
 */
#include "flowctl.h"

/* An element's value is its size. */
static size_t own_size(const void *elem, void *arg)
{
    (void)arg;
    return (size_t)(*(const int *)elem);
}

static weir_chan *bytes_chan(enum weir_policy p, size_t cap, size_t max_bytes,
                             struct heard *h)
{
    weir_chan_opts o = opts_of(p, cap, h);

    o.max_bytes = max_bytes;
    o.size_of = own_size;
    return chan_of(&o);
}

static void holds(const weir_chan *c, uint64_t queued, uint64_t bytes)
{
    const weir_chan_stats s = account(c);

    must_eq(s.queued, queued);
    must_eq(s.bytes, bytes);
    must(s.bytes <= s.max_bytes);
}

BEHAVIOUR(both_limits_hold)
{
    weir_chan *c = bytes_chan(WEIR_BLOCK, 3, 100, NULL);

    must_eq(try_send_int(c, 40), 0);
    must_eq(try_send_int(c, 60), 0);
    holds(c, 2, 100);
    must(account(c).utilization == 1);
    must_eq(try_send_int(c, 1), WEIR_FULL); /* by bytes */
    must_eq(try_send_int(c, 0), 0);         /* of none, it counts one */
    must_eq(try_send_int(c, 0), WEIR_FULL); /* by elements */
    must_eq(try_recv_int(c), 40);
    holds(c, 2, 60);
    must_eq(try_send_int(c, 41), WEIR_FULL);
    must_eq(try_send_int(c, 40), 0);
    holds(c, 3, 100);
    must_eq(account(c).highest_bytes, 100);
    must_eq(account(c).highest, 3);
    must_eq(account(c).refused, 3);
    weir_chan_unref(c);
    (void)crew;
}

/* Larger than all there ever is: LIMIT, at once, whatever the policy. */
BEHAVIOUR(too_large)
{
    int p, i;

    for (p = 0; p < WEIR_POLICIES; p++) {
        struct heard h = {0};
        weir_chan *c = bytes_chan((enum weir_policy)p, 1, 10, &h);
        int v[2] = {11, 5};
        weir_case cs[] = {WEIR_SEND(c, v)};

        must_eq(weir_chan_send(c, v, NULL), WEIR_LIMIT);
        must_eq(weir_chan_try_send(c, v), WEIR_LIMIT);
        must_eq(weir_chan_send_n(c, v, 2, NULL), WEIR_LIMIT);
        must_eq(weir_chan_try_send_n(c, v, 2), WEIR_LIMIT);
        must_eq(weir_select(cs, 1, NULL), 0);
        must_eq(cs[0].status, WEIR_LIMIT);
        must_eq(weir_try_select(cs, 1), 0);
        must_eq(cs[0].status, WEIR_LIMIT);
        must_eq(account(c).refused, 6);
        must_eq(account(c).sent, 0);
        must_eq(h.errors, 6);
        for (i = 0; i < 6; i++)
            must_eq(h.code[i], WEIR_LIMIT);
        must_eq(h.drops + h.blocks, 0);
        must_eq(send_int(c, 10), 0);
        holds(c, 1, 10);
        weir_chan_unref(c);
    }
    (void)crew;
}

/* ---- waiting --------------------------------------------------------------
 */

struct sender {
    weir_chan *c;
    weir_ctx *ctx;
    int value, result;
    bool selects;
};

static void send_value(void *arg)
{
    struct sender *s = arg;
    weir_case cs[] = {WEIR_SEND(s->c, &s->value)};

    if (!s->selects) {
        s->result = weir_chan_send(s->c, &s->value, s->ctx);
    } else {
        s->result = weir_select(cs, 1, s->ctx);
        if (s->result == 0)
            s->result = cs[0].status;
    }
}

/* Starts them so that they queue in this order. */
static void queue_up(struct crew *crew, struct sender *s, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        crew_go(crew, send_value, &s[i]);
        await_queued_sends(s[i].c, (size_t)i + 1);
    }
}

/* What is small waits behind what is large, also when it comes later and
 * would fit. */
BEHAVIOUR(nobody_overtakes_the_large)
{
    weir_chan *c = bytes_chan(WEIR_BLOCK, 10, 100, NULL);
    struct sender s[] = {{c, NULL, 80, 1, false}, {c, NULL, 5, 1, false}};
    int v;

    must_eq(send_int(c, 50), 0);
    must_eq(send_int(c, 30), 0);
    queue_up(crew, s, 2);
    must_eq(try_send_int(c, 1), WEIR_FULL);
    must_eq(try_recv_int(c), 50);
    holds(c, 1, 30); /* 80 still has no room, and holds back the 5 */
    must_eq(try_send_int(c, 1), WEIR_FULL);
    must_eq(try_recv_int(c), 30);
    crew_wait(crew);
    must_eq(s[0].result, 0);
    must_eq(s[1].result, 0);
    holds(c, 2, 85);
    must_eq(weir_chan_recv(c, &v, NULL), 0);
    must_eq(v, 80);
    must_eq(try_recv_int(c), 5);
    weir_chan_unref(c);
}

/* One that leaves may let several in. */
BEHAVIOUR(one_out_many_in)
{
    weir_chan *c = bytes_chan(WEIR_BLOCK, 10, 100, NULL);
    struct sender s[5];
    int i;

    must_eq(send_int(c, 100), 0);
    for (i = 0; i < 5; i++)
        s[i] = (struct sender){c, NULL, 20 + i, 1, false};
    queue_up(crew, s, 5);
    must_eq(try_recv_int(c), 100);
    holds(c, 4, 20 + 21 + 22 + 23);
    must_eq(try_recv_int(c), 20);
    crew_wait(crew);
    for (i = 1; i < 5; i++)
        must_eq(try_recv_int(c), 20 + i);
    holds(c, 0, 0);
    weir_chan_unref(c);
}

/* A large one that goes away no longer holds up those behind it. */
BEHAVIOUR(who_gives_up_lets_others_in)
{
    int i;

    for (i = 0; i < 2; i++) {
        weir_chan *c = bytes_chan(WEIR_BLOCK, 10, 100, NULL);
        weir_ctx ctx;
        struct sender s[] = {{c, &ctx, 90, 1, false},
                             {c, NULL, 10, 1, i == 1},
                             {c, NULL, 20, 1, i == 1}};

        must_eq(weir_ctx_init(&ctx, NULL), 0);
        must_eq(send_int(c, 60), 0);
        queue_up(crew, s, 1);
        crew_go(crew, send_value, &s[1]);
        await_queued_sends(c, 2);
        crew_go(crew, send_value, &s[2]);
        await_queued_sends(c, 3);
        holds(c, 1, 60);
        must_eq(weir_ctx_cancel(&ctx, 0), 0);
        crew_wait(crew);
        must_eq(s[0].result, WEIR_CANCELED);
        must_eq(s[1].result, 0);
        must_eq(s[2].result, 0);
        holds(c, 3, 90);
        must_eq(try_recv_int(c), 60);
        must_eq(weir_ctx_fini(&ctx), 0);
        weir_chan_unref(c);
    }
}

/* The same when the large one is a case of a select that goes elsewhere. */
struct either {
    weir_chan *bytes, *other;
    int chosen;
};

static void send_either(void *arg)
{
    struct either *e = arg;
    int large = 90, v = 0;
    weir_case cs[] = {WEIR_SEND(e->bytes, &large), WEIR_RECV(e->other, &v)};

    e->chosen = weir_select(cs, 2, NULL);
}

BEHAVIOUR(a_select_that_goes_elsewhere)
{
    int i;

    for (i = 0; i < check_scale(50); i++) {
        weir_chan *c = bytes_chan(WEIR_BLOCK, 10, 100, NULL);
        weir_chan *other = weir_chan_new(sizeof(int), 0);
        struct either e = {c, other, -1};
        struct sender s = {c, NULL, 10, 1, i % 2 == 1};

        must_eq(send_int(c, 60), 0);
        crew_go(crew, send_either, &e);
        settle();
        crew_go(crew, send_value, &s);
        settle();
        must_eq(send_int(other, 1), 0);
        crew_wait(crew);
        must_eq(e.chosen, 1);
        must_eq(s.result, 0);
        holds(c, 2, 70);
        weir_chan_unref(c);
        weir_chan_unref(other);
    }
}

BEHAVIOUR(a_select_waits_for_bytes)
{
    int i;

    for (i = 0; i < check_scale(100); i++) {
        weir_chan *c = bytes_chan(WEIR_BLOCK, 10, 100, NULL);
        struct sender s = {c, NULL, 70, 1, true};

        must_eq(send_int(c, 40), 0);
        must_eq(send_int(c, 20), 0);
        crew_go(crew, send_value, &s);
        settle();
        holds(c, 2, 60);
        must_eq(try_recv_int(c), 40);
        settle();
        must_eq(try_recv_int(c), 20);
        crew_wait(crew);
        must_eq(s.result, 0);
        must_eq(try_recv_int(c), 70);
        weir_chan_unref(c);
    }
}

/* A party that waits to receive is served even though the channel may not
 * hold much; and closing lets the large one go. */
BEHAVIOUR(closed_while_the_large_waits)
{
    weir_chan *c = bytes_chan(WEIR_BLOCK, 10, 100, NULL);
    struct sender s[] = {{c, NULL, 80, 1, false}, {c, NULL, 5, 1, false}};

    must_eq(send_int(c, 50), 0);
    queue_up(crew, s, 2);
    must_eq(weir_chan_close(c), 0);
    crew_wait(crew);
    must_eq(s[0].result, WEIR_CLOSED);
    must_eq(s[1].result, WEIR_CLOSED);
    holds(c, 1, 50);
    must_eq(try_recv_int(c), 50);
    holds(c, 0, 0);
    weir_chan_unref(c);
}

/* ---- policies -------------------------------------------------------------
 */

/* The large one drives out as many as need be, and no more. */
BEHAVIOUR(several_make_room)
{
    static const enum weir_policy oldest[] = {WEIR_DROP_OLDEST, WEIR_SAMPLE};
    int i, k;

    for (i = 0; i < 2; i++) {
        struct heard h = {0};
        weir_chan_opts o = opts_of(oldest[i], 10, &h);
        weir_chan *c;

        o.max_bytes = 100;
        o.size_of = own_size;
        o.sample_every = (uint32_t)i;
        c = chan_of(&o);
        for (k = 0; k < 9; k++)
            must_eq(send_int(c, 10 + k % 2), 0); /* 94 in all */
        must_eq(send_int(c, 38), 0);
        must_eq(h.drops, 4); /* 10, 11, 10: 31; and 11 more */
        for (k = 0; k < 4; k++) {
            must_eq(h.elem[k], 10 + k % 2);
            must_eq(h.reason[k], i == 0 ? WEIR_DROP_FIRST : WEIR_DROP_SAMPLED);
        }
        holds(c, 6, 52 + 38);
        must_eq(send_int(c, 100), 0); /* all of them */
        must_eq(h.drops, 10);
        holds(c, 1, 100);
        must_eq(try_recv_int(c), 100);
        weir_chan_unref(c);
    }
    (void)crew;
}

BEHAVIOUR(the_new_one_has_no_room)
{
    static const enum weir_policy newest[] = {WEIR_DROP, WEIR_ERROR,
                                              WEIR_SAMPLE};
    int i;

    for (i = 0; i < 3; i++) {
        struct heard h = {0};
        weir_chan_opts o = opts_of(newest[i], 10, &h);
        weir_chan *c;

        o.max_bytes = 100;
        o.size_of = own_size;
        o.sample_every = newest[i] == WEIR_SAMPLE ? UINT32_MAX : 0;
        c = chan_of(&o);
        must_eq(send_int(c, 70), 0);
        must_eq(send_int(c, 31), newest[i] == WEIR_ERROR ? WEIR_FULL : 0);
        must_eq(h.drops, newest[i] != WEIR_ERROR);
        holds(c, 1, 70);
        must_eq(send_int(c, 30), 0);
        holds(c, 2, 100);
        weir_chan_unref(c);
    }
    (void)crew;
}

/* A hook that sends while several make room: it may, and the large one still
 * gets in before long. */
struct refill {
    int calls, sent;
};

static void send_again(weir_chan *c, const void *elem, enum weir_drop reason,
                       void *arg)
{
    struct refill *r = arg;

    r->calls++;
    if (reason != WEIR_DROP_LEFT && weir_chan_try_send(c, elem) == 0)
        r->sent++;
}

BEHAVIOUR(a_hook_that_refills)
{
    struct refill r = {0};
    weir_chan_opts o = opts_of(WEIR_DROP_OLDEST, 100, NULL);
    weir_chan *c;
    int i;

    o.hooks = (weir_chan_hooks){.on_drop = send_again, .arg = &r};
    o.max_bytes = 100;
    o.size_of = own_size;
    c = chan_of(&o);
    for (i = 0; i < 10; i++)
        must_eq(send_int(c, 10), 0);
    must_eq(send_int(c, 50), 0);
    must(account(c).bytes <= 100);
    weir_chan_unref(c);
    (void)crew;
}

/* ---- sizes ----------------------------------------------------------------
 */

struct asked {
    atomic_int calls;
};

static size_t count_and_size(const void *elem, void *arg)
{
    atomic_fetch_add(&((struct asked *)arg)->calls, 1);
    return (size_t)(*(const int *)elem);
}

/* Once for each element, with the hooks' argument. */
BEHAVIOUR(asked_once)
{
    struct asked a = {0};
    weir_chan_opts o = opts_of(WEIR_DROP_OLDEST, 4, NULL);
    weir_chan *c;
    int v[6] = {1, 2, 3, 4, 5, 6};

    o.max_bytes = 12;
    o.size_of = count_and_size;
    o.hooks.arg = &a;
    c = chan_of(&o);
    must_eq(send_int(c, 3), 0);
    must_eq(try_send_int(c, 3), 0);
    must_eq(a.calls, 2);
    must_eq(weir_chan_send_n(c, v, 6, NULL), 6);
    must_eq(a.calls, 8);
    while (try_recv_int(c) >= 0)
        continue;
    must_eq(a.calls, 8);
    must_eq(account(c).bytes, 0);
    weir_chan_unref(c);
    (void)crew;
}

/* Sizes near the top of what there is do not wrap around. */
static size_t enormous(const void *elem, void *arg)
{
    (void)arg;
    return *(const int *)elem == 1 ? SIZE_MAX : (size_t)INT64_MAX;
}

BEHAVIOUR(enormous_sizes)
{
    weir_chan_opts o = opts_of(WEIR_ERROR, 4, NULL);
    weir_chan *c;

    o.max_bytes = (size_t)INT64_MAX;
    o.size_of = enormous;
    c = chan_of(&o);
    must_eq(send_int(c, 1), WEIR_LIMIT);
    must_eq(send_int(c, 2), 0);
    must_eq(send_int(c, 2), WEIR_FULL);
    holds(c, 1, (uint64_t)INT64_MAX);
    must_eq(try_recv_int(c), 2);
    holds(c, 0, 0);
    weir_chan_unref(c);
    (void)crew;
}

/* ---- both sides at once ---------------------------------------------------
 */

struct traffic {
    weir_chan *c;
    int n;
    atomic_llong sent, received;
};

static void send_sizes(void *arg)
{
    struct traffic *t = arg;
    long long sum = 0;
    int i;

    for (i = 0; i < t->n; i++) {
        must_eq(send_int(t->c, i % 51), 0);
        sum += i % 51;
    }
    atomic_fetch_add(&t->sent, sum);
}

static void receive_sizes(void *arg)
{
    struct traffic *t = arg;
    int v;

    while (weir_chan_recv(t->c, &v, NULL) == 0) {
        atomic_fetch_add(&t->received, v);
        must(account(t->c).bytes <= 50);
    }
}

BEHAVIOUR(traffic_of_mixed_sizes)
{
    struct crew senders = CREW(crew->mode);
    struct traffic t = {.c = bytes_chan(WEIR_BLOCK, 7, 50, NULL)};
    int i;

    t.n = check_scale(2000);
    for (i = 0; i < 3; i++) {
        crew_go(&senders, send_sizes, &t);
        crew_go(crew, receive_sizes, &t);
    }
    crew_wait(&senders);
    must_eq(weir_chan_close(t.c), 0);
    crew_wait(crew);
    must_eq(t.sent, t.received);
    must_eq(account(t.c).sent, 3 * t.n);
    holds(t.c, 0, 0);
    weir_chan_unref(t.c);
}

CHECK_MAIN(CHECK_MODES(both_limits_hold), CHECK_MODES(too_large),
           CHECK_MODES(nobody_overtakes_the_large),
           CHECK_MODES(one_out_many_in),
           CHECK_MODES(who_gives_up_lets_others_in),
           CHECK_MODES(a_select_that_goes_elsewhere),
           CHECK_MODES(a_select_waits_for_bytes),
           CHECK_MODES(closed_while_the_large_waits),
           CHECK_MODES(several_make_room), CHECK_MODES(the_new_one_has_no_room),
           CHECK_LOOP(a_hook_that_refills, 1), CHECK_MODES(asked_once),
           CHECK_MODES(enormous_sizes), CHECK_MODES(traffic_of_mixed_sizes))
