/* SPDX-License-Identifier: MIT */
/*
 * Close: every waiter wakes exactly once, no send succeeds afterwards, what
 * was queued is still received, and closing again is no harm.
 */
#include "parties.h"

enum { BY_CALL, BY_SELECT, BY_BATCH, WAYS };

struct waiter {
    ints *c;
    int way;
    bool sends;
    atomic_int wakes;
    ptrdiff_t status;
};

static ptrdiff_t wait_once(struct waiter *w)
{
    int v[2] = {-1, -1};
    weir_case cs[1];

    if (w->way == BY_SELECT) {
        cs[0] = w->sends ? ints_send_case(w->c, v) : ints_recv_case(w->c, v);
        must_eq(weir_select(cs, 1, NULL), 0);
        return cs[0].status;
    }
    if (w->way == BY_BATCH)
        return w->sends ? ints_send_n(w->c, v, 2, NULL)
                        : ints_recv_n(w->c, v, 2, NULL);
    return w->sends ? ints_send(w->c, -1, NULL) : ints_recv(w->c, v, NULL);
}

static void waiter_run(void *arg)
{
    struct waiter *w = arg;

    w->status = wait_once(w);
    atomic_fetch_add(&w->wakes, 1);
}

/* A full buffer of fill elements in front of waiters that all want in, or an
 * empty one in front of waiters that all want out; then close. */
static void close_on(struct crew *crew, size_t cap, bool sends, int chance)
{
    enum { EACH = 12 };

    ints *c = ints_new(cap);
    struct waiter w[EACH];
    int i, v;

    for (i = 0; i < (int)cap && sends; i++)
        put(c, i);
    for (i = 0; i < EACH; i++) {
        w[i] = (struct waiter){.c = c, .way = i % WAYS, .sends = sends};
        crew_go(crew, waiter_run, &w[i]);
    }
    if (chance)
        settle();
    must_eq(ints_close(c), 0);
    must_eq(ints_send(c, 1, NULL), WEIR_CLOSED);
    crew_wait(crew);
    for (i = 0; i < EACH; i++) {
        must_eq(w[i].wakes, 1);
        must_eq(w[i].status, WEIR_CLOSED);
    }
    for (i = 0; i < (int)cap && sends; i++)
        must_eq(get(c), i);
    must_eq(ints_recv(c, &v, NULL), WEIR_CLOSED);
    ints_unref(c);
}

BEHAVIOUR(receivers_wake_once)
{
    int i;

    for (i = 0; i < check_scale(40); i++)
        close_on(crew, (size_t)i % 3, false, i % 4);
}

BEHAVIOUR(senders_wake_once_and_queue_nothing)
{
    int i;

    for (i = 0; i < check_scale(40); i++)
        close_on(crew, (size_t)i % 3, true, i % 4);
}

BEHAVIOUR(close_is_idempotent)
{
    ints *c = ints_new(1);
    int i, v = 0;

    put(c, 8);
    for (i = 0; i < 3; i++) {
        must_eq(ints_close(c), 0);
        must(weir_chan_is_closed(ints_base(c)));
    }
    must_eq(get(c), 8);
    must_eq(ints_close(c), 0);
    must_eq(ints_recv(c, &v, NULL), WEIR_CLOSED);
    ints_unref(c);
    (void)crew;
}

/* Every form of send, on every fill: closed, and nothing is queued. */
BEHAVIOUR(no_send_after_close)
{
    size_t cap, fill;
    int v[3] = {1, 2, 3};
    weir_ctx ended = WEIR_CTX_INIT;

    must_eq(weir_ctx_cancel(&ended, 0), 0);
    for (cap = 0; cap < 4; cap++) {
        for (fill = 0; fill <= cap; fill++) {
            ints *c = ints_new(cap);

            must_eq(ints_send_n(c, v, fill, NULL), fill);
            must_eq(ints_close(c), 0);
            must_eq(ints_send(c, 1, NULL), WEIR_CLOSED);
            must_eq(ints_send(c, 1, &ended), WEIR_CLOSED);
            must_eq(ints_try_send(c, 1), WEIR_CLOSED);
            must_eq(ints_send_n(c, v, 3, NULL), WEIR_CLOSED);
            must_eq(weir_chan_try_send_n(ints_base(c), v, 3), WEIR_CLOSED);
            must_eq(ints_len(c), fill);
            ints_unref(c);
        }
    }
    must_eq(weir_ctx_fini(&ended), 0);
    (void)crew;
}

/* Selects on a channel that closes and on one that stays: every one of them
 * wakes, once, through the first. */
struct both {
    ints *closing;
    ints *staying;
    atomic_int wakes;
};

static void select_receives(void *arg)
{
    struct both *b = arg;
    int in = -1, at;
    weir_case cs[] = {
        ints_recv_case(b->staying, &in), ints_recv_case(b->closing, &in),
        ints_recv_case(b->staying, &in), ints_recv_case(b->closing, &in)};

    at = weir_select(cs, 4, NULL);
    must(at == 1 || at == 3);
    must_eq(cs[at].status, WEIR_CLOSED);
    must_eq(in, -1);
    atomic_fetch_add(&b->wakes, 1);
}

static void select_send_and_receive(void *arg)
{
    struct both *b = arg;
    int in = -1, out = 5, at;
    weir_case cs[] = {ints_send_case(b->closing, &out),
                      ints_recv_case(b->staying, &in)};

    at = weir_select(cs, 2, NULL);
    must_eq(at, 0);
    must_eq(cs[0].status, WEIR_CLOSED);
    must_eq(in, -1);
    atomic_fetch_add(&b->wakes, 1);
}

BEHAVIOUR(selects_waiting_to_receive)
{
    int i, k;

    for (i = 0; i < check_scale(40); i++) {
        struct both b = {ints_new(0), ints_new(0), 0};

        for (k = 0; k < 8; k++)
            crew_go(crew, select_receives, &b);
        if (i % 2)
            settle();
        must_eq(ints_close(b.closing), 0);
        crew_wait(crew);
        must_eq(b.wakes, 8);
        ints_unref(b.closing);
        ints_unref(b.staying);
    }
}

BEHAVIOUR(selects_waiting_to_send)
{
    int i, k;

    for (i = 0; i < check_scale(40); i++) {
        struct both b = {ints_new(1), ints_new(0), 0};

        put(b.closing, 0);
        for (k = 0; k < 8; k++)
            crew_go(crew, select_send_and_receive, &b);
        if (i % 2)
            settle();
        must_eq(ints_close(b.closing), 0);
        crew_wait(crew);
        must_eq(b.wakes, 8);
        must_eq(get(b.closing), 0);
        ints_unref(b.closing);
        ints_unref(b.staying);
    }
}

/*
 * One select waits to send and to receive on the channel that closes; being
 * one party, it cannot meet itself. Others of its kind could meet it, so it
 * waits alone with plain waiters of neither side.
 */
static void select_on_itself(void *arg)
{
    struct both *b = arg;
    int in = -1, out = 5, at;
    weir_case cs[] = {ints_send_case(b->closing, &out),
                      ints_recv_case(b->closing, &in),
                      ints_send_case(b->staying, &out)};

    at = weir_select(cs, 3, NULL);
    must(at == 0 || at == 1);
    must_eq(cs[at].status, WEIR_CLOSED);
    must_eq(in, -1);
    atomic_fetch_add(&b->wakes, 1);
}

BEHAVIOUR(select_waiting_in_both_directions)
{
    int i;

    for (i = 0; i < check_scale(300); i++) {
        struct both b = {ints_new(0), ints_new(0), 0};

        crew_go(crew, select_on_itself, &b);
        if (i % 3)
            settle();
        must_eq(ints_close(b.closing), 0);
        crew_wait(crew);
        must_eq(b.wakes, 1);
        ints_unref(b.closing);
        ints_unref(b.staying);
    }
}

/* Closers race with each other and with senders and receivers: what was sent
 * successfully is received, not one more and not one less. */
struct melee {
    ints *c;
    int n;
    atomic_int sent;
    atomic_int received;
};

static void send_till_closed(void *arg)
{
    struct melee *m = arg;
    int r;

    while ((r = ints_send(m->c, 1, NULL)) == 0)
        if (atomic_fetch_add(&m->sent, 1) == m->n)
            must_eq(ints_close(m->c), 0);
    must_eq(r, WEIR_CLOSED);
    must_eq(ints_try_send(m->c, 1), WEIR_CLOSED);
}

static void receive_till_closed(void *arg)
{
    struct melee *m = arg;
    int v;

    while (ints_recv(m->c, &v, NULL) == 0)
        atomic_fetch_add(&m->received, 1);
}

BEHAVIOUR(closers_among_the_traffic)
{
    int i, k;

    for (i = 0; i < check_scale(100); i++) {
        struct melee m = {.c = ints_new((size_t)i % 4), .n = i};

        for (k = 0; k < 3; k++) {
            crew_go(crew, send_till_closed, &m);
            crew_go(crew, receive_till_closed, &m);
        }
        crew_wait(crew);
        must_eq(m.sent, m.received);
        must_eq(ints_len(m.c), 0);
        ints_unref(m.c);
    }
}

CHECK_MAIN(CHECK_MODES(receivers_wake_once),
           CHECK_MODES(senders_wake_once_and_queue_nothing),
           CHECK_MODES(close_is_idempotent), CHECK_MODES(no_send_after_close),
           CHECK_MODES(selects_waiting_to_receive),
           CHECK_MODES(selects_waiting_to_send),
           CHECK_MODES(select_waiting_in_both_directions),
           CHECK_MODES(closers_among_the_traffic))
