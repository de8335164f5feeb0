/* SPDX-License-Identifier: MIT */
/*
 * Elements in place: built where they will lie, read where they lie; mixed
 * with the other ways in and out, with parties that wait, and with the end of
 * the channel coming in between.
 */
#include <weir/inplace.h>
#include "flowctl.h"

/* Large enough that it would not pass by chance, and not a power of two. */
struct record {
    uint64_t number, words[5];
};

static void build(struct record *r, uint64_t number)
{
    size_t i;

    r->number = number;
    for (i = 0; i < 5; i++)
        r->words[i] = number * 31 + i;
}

static void check(const struct record *r, uint64_t number)
{
    size_t i;

    must_eq(r->number, number);
    for (i = 0; i < 5; i++)
        must_eq(r->words[i], number * 31 + i);
}

/* Declared on both sides, or by itself with what drops the oldest. */
static weir_chan *records(size_t cap, uint32_t timed)
{
    const weir_chan_opts o = {.elem_size = sizeof(struct record),
                              .capacity = cap,
                              .timed_every = timed,
                              .single_producer = true,
                              .single_consumer = true};

    return chan_of(&o);
}

static void produce(weir_chan *c, uint64_t number)
{
    void *place = NULL;

    must_eq(weir_chan_reserve(c, &place, NULL), 0);
    must((uintptr_t)place % sizeof(uint64_t) == 0);
    build(place, number);
    must_eq(weir_chan_commit(c), 0);
}

static void consume(weir_chan *c, uint64_t number)
{
    void *elem = NULL;

    must_eq(weir_chan_peek(c, &elem, NULL), 0);
    check(elem, number);
    must_eq(weir_chan_release(c), 0);
}

/* With clocks, every step goes under the lock. */
BEHAVIOUR(around_and_around)
{
    static const size_t caps[] = {1, 2, 3, 7, 8};
    size_t i;
    uint64_t in, out;

    for (i = 0; i < 10; i++) {
        weir_chan *c = records(caps[i / 2], i % 2);
        void *p;

        for (in = out = 0; out < 100;) {
            while (weir_chan_len(c) < caps[i / 2])
                produce(c, in++);
            must_eq(weir_chan_try_reserve(c, &p), WEIR_FULL);
            must_eq(weir_chan_commit(c), WEIR_FULL);
            must_eq(account(c).queued, caps[i / 2]);
            consume(c, out++);
            if (out % 3 == 0)
                while (out < in)
                    consume(c, out++);
        }
        while (out < in)
            consume(c, out++);
        must_eq(weir_chan_try_peek(c, &p), WEIR_EMPTY);
        must_eq(weir_chan_release(c), WEIR_EMPTY);
        must_eq(account(c).sent, in);
        must_eq(account(c).received, in);
        must_eq(account(c).highest, caps[i / 2]);
        weir_chan_unref(c);
    }
    (void)crew;
}

/* Not committed, not released: the same again. */
BEHAVIOUR(found_again)
{
    weir_chan *c = records(2, 0);
    void *a, *b;

    must_eq(weir_chan_reserve(c, &a, NULL), 0);
    must_eq(weir_chan_try_reserve(c, &b), 0);
    must(a == b);
    must_eq(weir_chan_len(c), 0);
    must_eq(weir_chan_try_recv(c, NULL), WEIR_EMPTY);
    build(a, 7);
    must_eq(weir_chan_commit(c), 0);
    must_eq(weir_chan_peek(c, &a, NULL), 0);
    must_eq(weir_chan_try_peek(c, &b), 0);
    must(a == b);
    must_eq(weir_chan_len(c), 1);
    ((struct record *)a)->number = 8; /* it may be changed there */
    must_eq(weir_chan_try_peek(c, &b), 0);
    must_eq(((struct record *)b)->number, 8);
    must_eq(weir_chan_release(c), 0);
    must_eq(weir_chan_len(c), 0);
    weir_chan_unref(c);
    (void)crew;
}

/* ---- mixed with the other ways --------------------------------------------
 */

static void produce_some_way(weir_chan *c, uint64_t n, int way)
{
    struct record r = {0};
    weir_case cs[] = {WEIR_SEND(c, &r)};

    build(&r, n);
    if (way == 0)
        produce(c, n);
    else if (way == 1)
        must_eq(weir_chan_send(c, &r, NULL), 0);
    else if (way == 2)
        must_eq(weir_chan_send_n(c, &r, 1, NULL), 1);
    else
        must(weir_select(cs, 1, NULL) == 0 && cs[0].status == 0);
}

static void consume_some_way(weir_chan *c, uint64_t n, int way)
{
    struct record r = {0};
    weir_case cs[] = {WEIR_RECV(c, &r)};

    if (way == 0) {
        consume(c, n);
        return;
    }
    if (way == 1)
        must_eq(weir_chan_recv(c, &r, NULL), 0);
    else if (way == 2)
        must_eq(weir_chan_recv_n(c, &r, 1, NULL), 1);
    else
        must(weir_select(cs, 1, NULL) == 0 && cs[0].status == 0);
    check(&r, n);
}

struct stream {
    weir_chan *c;
    uint64_t n;
    int mix; /* of the ways: 0 in place only, 1 all in turn, 2 others only */
};

static int way_of(const struct stream *s, uint64_t i)
{
    return s->mix == 0 ? 0 : s->mix == 1 ? (int)(i % 4) : 1 + (int)(i % 3);
}

static void run_producer(void *arg)
{
    const struct stream *s = arg;
    uint64_t i;

    for (i = 0; i < s->n; i++)
        produce_some_way(s->c, i, way_of(s, i));
}

/* Each way in with each way out, with waits on both sides. */
BEHAVIOUR(streams)
{
    int k;
    uint64_t i;

    for (k = 0; k < 18; k++) {
        struct stream in = {records((size_t)(1 + k % 2 * 3), k / 2 % 2 ? 2 : 0),
                            (uint64_t)check_scale(crew_many(crew, 3000, 500)),
                            k % 3};
        const struct stream out = {in.c, in.n, k / 3 % 3};

        crew_go(crew, run_producer, &in);
        for (i = 0; i < out.n; i++)
            consume_some_way(out.c, i, way_of(&out, i));
        crew_wait(crew);
        must_eq(account(in.c).sent, in.n);
        must_eq(account(in.c).received, in.n);
        weir_chan_unref(in.c);
    }
}

/* ---- parties that wait ----------------------------------------------------
 */

static void consume_five(void *arg)
{
    consume(arg, 5);
}

static void recv_five(void *arg)
{
    struct record r;

    must_eq(weir_chan_recv(arg, &r, NULL), 0);
    check(&r, 5);
}

BEHAVIOUR(a_receiver_waits_for_the_commit)
{
    int i;

    for (i = 0; i < check_scale(100); i++) {
        weir_chan *c = records(2, i / 2 % 2 ? 1 : 0);
        void *p;

        crew_go(crew, i % 2 ? recv_five : consume_five, c);
        await_blocked_recvs(c, 1);
        must_eq(weir_chan_reserve(c, &p, NULL), 0);
        settle();
        build(p, 5);
        must_eq(weir_chan_commit(c), 0);
        crew_wait(crew);
        must_eq(account(c).received, 1);
        produce(c, 6);
        consume(c, 6);
        weir_chan_unref(c);
    }
}

static void produce_five(void *arg)
{
    produce(arg, 5);
}

BEHAVIOUR(a_producer_waits_for_the_release)
{
    int i;

    for (i = 0; i < check_scale(100); i++) {
        weir_chan *c = records(1, i / 2 % 2 ? 1 : 0);
        void *p;

        produce(c, 4);
        must_eq(weir_chan_peek(c, &p, NULL), 0);
        crew_go(crew, produce_five, c);
        await_blocked_sends(c, 1);
        check(p, 4); /* nobody writes there yet */
        if (i % 2)
            must_eq(weir_chan_recv(c, NULL, NULL), 0);
        else
            must_eq(weir_chan_release(c), 0);
        consume(c, 5);
        crew_wait(crew);
        must_eq(account(c).blocked_sends, 1);
        weir_chan_unref(c);
    }
}

struct ended {
    weir_chan *c;
    weir_ctx *ctx;
    int result;
};

static void reserve_there(void *arg)
{
    struct ended *e = arg;
    void *p;

    e->result = weir_chan_reserve(e->c, &p, e->ctx);
}

static void peek_there(void *arg)
{
    struct ended *e = arg;
    void *p;

    e->result = weir_chan_peek(e->c, &p, e->ctx);
}

/* Closed or cancelled while it waits. */
BEHAVIOUR(the_end_of_a_wait)
{
    int i;

    for (i = 0; i < check_scale(80); i++) {
        weir_ctx ctx;
        struct ended e = {records(1, 0), &ctx, 1};

        must_eq(weir_ctx_init(&ctx, NULL), 0);
        if (i % 2)
            produce(e.c, 1);
        crew_go(crew, i % 2 ? reserve_there : peek_there, &e);
        if (i % 2)
            await_blocked_sends(e.c, 1);
        else
            await_blocked_recvs(e.c, 1);
        if (i % 4 < 2)
            must_eq(weir_chan_close(e.c), 0);
        else
            must_eq(weir_ctx_cancel(&ctx, 0), 0);
        crew_wait(crew);
        must_eq(e.result, i % 4 < 2 ? WEIR_CLOSED : WEIR_CANCELED);
        must_eq(weir_ctx_fini(&ctx), 0);
        weir_chan_unref(e.c);
    }
}

BEHAVIOUR(limits_of_time)
{
    weir_chan_opts o = {.elem_size = 8,
                        .capacity = 1,
                        .send_timeout = WEIR_MILLISECOND,
                        .recv_timeout = WEIR_MILLISECOND,
                        .single_producer = true,
                        .single_consumer = true};
    weir_chan *c = chan_of(&o);
    void *p;

    must_eq(weir_chan_peek(c, &p, NULL), WEIR_TIMEDOUT);
    must_eq(weir_chan_reserve(c, &p, NULL), 0);
    must_eq(weir_chan_commit(c), 0);
    must_eq(weir_chan_reserve(c, &p, NULL), WEIR_TIMEDOUT);
    must_eq(account(c).timed_out, 2);
    must_eq(account(c).blocked_sends, 1);
    must_eq(account(c).blocked_recvs, 1);
    weir_chan_unref(c);
    (void)crew;
}

/* ---- closed in between ----------------------------------------------------
 */

BEHAVIOUR(closed_in_between)
{
    weir_chan *c = records(3, 0);
    void *p, *q;

    produce(c, 1);
    must_eq(weir_chan_reserve(c, &p, NULL), 0);
    build(p, 2);
    must_eq(weir_chan_peek(c, &q, NULL), 0);
    must_eq(weir_chan_close(c), 0);
    must_eq(weir_chan_commit(c), WEIR_CLOSED); /* it stays the caller's */
    must_eq(weir_chan_reserve(c, &p, NULL), WEIR_CLOSED);
    must_eq(weir_chan_try_reserve(c, &p), WEIR_CLOSED);
    check(q, 1);
    must_eq(weir_chan_release(c), 0);
    must_eq(weir_chan_peek(c, &q, NULL), WEIR_CLOSED);
    must_eq(weir_chan_try_peek(c, &q), WEIR_CLOSED);
    must_eq(weir_chan_release(c), WEIR_EMPTY);
    must_eq(account(c).sent, 1);
    weir_chan_unref(c);
    (void)crew;
}

static atomic_int destroyed;

static void count_destroyed(void *elem)
{
    (void)elem;
    atomic_fetch_add(&destroyed, 1);
}

/* What was reserved and never committed is nobody's to destroy. */
BEHAVIOUR(what_is_left)
{
    const weir_chan_opts o = {.elem_size = sizeof(struct record),
                              .capacity = 4,
                              .destroy = count_destroyed,
                              .single_producer = true,
                              .single_consumer = true};
    weir_chan *c = chan_of(&o);
    void *p;
    uint64_t i;

    for (i = 0; i < 3; i++)
        produce(c, i);
    must_eq(weir_chan_reserve(c, &p, NULL), 0);
    must_eq(weir_chan_peek(c, &p, NULL), 0);
    weir_chan_unref(c);
    must_eq(atomic_load(&destroyed), 3);
    (void)crew;
}

/* Who has received the last one may free the channel: the producer's commit
 * is through with it then. */
static void produce_once(void *arg)
{
    produce(arg, 9);
}

BEHAVIOUR(freed_by_the_consumer)
{
    int i;

    for (i = 0; i < check_scale(crew_many(crew, 3000, 300)); i++) {
        weir_chan *c = records(1 + (size_t)i % 2, 0);
        void *p;

        crew_go(crew, produce_once, c);
        while (weir_chan_try_peek(c, &p) != 0)
            weir_yield();
        must_eq(weir_chan_release(c), 0);
        weir_chan_unref(c);
        crew_wait(crew);
    }
}

/* ---- policies -------------------------------------------------------------
 */

/* A full channel that does not block has no place to give, whatever it does
 * with a send. */
BEHAVIOUR(under_other_policies)
{
    int i;

    for (i = WEIR_DROP; i < WEIR_POLICIES; i++) {
        weir_chan_opts o = opts_of((enum weir_policy)i, 1, NULL);
        weir_chan *c;
        void *p;

        o.single_producer = true;
        c = chan_of(&o);
        must_eq(weir_chan_reserve(c, &p, NULL), 0);
        *(int *)p = 4;
        must_eq(weir_chan_commit(c), 0);
        must_eq(weir_chan_reserve(c, &p, NULL), WEIR_FULL);
        must_eq(weir_chan_try_reserve(c, &p), WEIR_FULL);
        must_eq(account(c).dropped, 0);
        must_eq(send_int(c, 5), i == WEIR_ERROR ? WEIR_FULL : 0);
        must(try_recv_int(c) >= 4);
        weir_chan_unref(c);
    }
    (void)crew;
}

/* Several producers and one consumer, or the other way about. */
BEHAVIOUR(one_side_declared)
{
    weir_chan_opts o = opts_of(WEIR_BLOCK, 2, NULL);
    weir_chan *c;
    void *p;

    o.single_consumer = true;
    c = chan_of(&o);
    must_eq(weir_chan_reserve(c, &p, NULL), WEIR_EINVAL);
    must_eq(weir_chan_try_reserve(c, &p), WEIR_EINVAL);
    must_eq(weir_chan_commit(c), WEIR_EINVAL);
    must_eq(send_int(c, 1), 0);
    must_eq(weir_chan_peek(c, &p, NULL), 0);
    must_eq(*(int *)p, 1);
    must_eq(weir_chan_release(c), 0);
    weir_chan_unref(c);
    o.single_consumer = false;
    o.single_producer = true;
    c = chan_of(&o);
    must_eq(weir_chan_peek(c, &p, NULL), WEIR_EINVAL);
    must_eq(weir_chan_try_peek(c, &p), WEIR_EINVAL);
    must_eq(weir_chan_release(c), WEIR_EINVAL);
    must_eq(weir_chan_reserve(c, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_chan_reserve(NULL, &p, NULL), WEIR_EINVAL);
    must_eq(weir_chan_peek(NULL, &p, NULL), WEIR_EINVAL);
    must_eq(weir_chan_commit(NULL), WEIR_EINVAL);
    must_eq(weir_chan_release(NULL), WEIR_EINVAL);
    weir_chan_unref(c);
    (void)crew;
}

/* Elements of no size have no bytes, but a number. */
BEHAVIOUR(of_no_size)
{
    const weir_chan_opts o = {
        .capacity = 2, .single_producer = true, .single_consumer = true};
    weir_chan *c = chan_of(&o);
    void *p;
    int i;

    for (i = 0; i < 20; i++) {
        must_eq(weir_chan_reserve(c, &p, NULL), 0);
        must_eq(weir_chan_commit(c), 0);
        must_eq(weir_chan_len(c), 1);
        must_eq(weir_chan_peek(c, &p, NULL), 0);
        must_eq(weir_chan_release(c), 0);
    }
    weir_chan_unref(c);
    (void)crew;
}

#if defined(WEIR_DEBUG)
/* Debug builds tell a second producer, or consumer, while the first is in. */
static void wait_in_there(void *arg)
{
    struct ended *e = arg;

    e->result = weir_chan_recv(e->c, NULL, e->ctx);
}

BEHAVIOUR(a_second_party_is_found)
{
    struct record r = {0};
    struct ended e = {records(1, 0), NULL, 1};
    struct ended s = {records(1, 0), NULL, 1};
    void *p;

    crew_go(crew, wait_in_there, &e);
    await_blocked_recvs(e.c, 1);
    must_eq(weir_chan_recv(e.c, &r, NULL), WEIR_EINVAL);
    must_eq(weir_chan_try_recv(e.c, &r), WEIR_EINVAL);
    must_eq(weir_chan_recv_n(e.c, &r, 1, NULL), WEIR_EINVAL);
    must_eq(weir_chan_peek(e.c, &p, NULL), WEIR_EINVAL);
    must_eq(weir_chan_close(e.c), 0);
    produce(s.c, 1);
    crew_go(crew, reserve_there, &s);
    await_blocked_sends(s.c, 1);
    must_eq(weir_chan_send(s.c, &r, NULL), WEIR_EINVAL);
    must_eq(weir_chan_try_send(s.c, &r), WEIR_EINVAL);
    must_eq(weir_chan_try_send_n(s.c, &r, 1), WEIR_EINVAL);
    must_eq(weir_chan_reserve(s.c, &p, NULL), WEIR_EINVAL);
    must_eq(weir_chan_close(s.c), 0);
    crew_wait(crew);
    must_eq(e.result, WEIR_CLOSED);
    must_eq(s.result, WEIR_CLOSED);
    weir_chan_unref(e.c);
    weir_chan_unref(s.c);
}
#define SECOND_PARTY CHECK_MODES(a_second_party_is_found),
#else
#define SECOND_PARTY
#endif

CHECK_MAIN(CHECK_MODES(around_and_around), CHECK_MODES(found_again),
           CHECK_MODES(streams), CHECK_MODES(a_receiver_waits_for_the_commit),
           CHECK_MODES(a_producer_waits_for_the_release),
           CHECK_MODES(the_end_of_a_wait), CHECK_MODES(limits_of_time),
           CHECK_MODES(closed_in_between), CHECK_MODES(what_is_left),
           CHECK_MODES(freed_by_the_consumer),
           CHECK_MODES(under_other_policies), CHECK_MODES(one_side_declared),
           SECOND_PARTY CHECK_MODES(of_no_size))
