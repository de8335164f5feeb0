/* SPDX-License-Identifier: MIT */
/*
 * Batches: many elements by one call, in order, with the number that went
 * through when something ended the call early, and the reason only when that
 * number is 0.
 */
#include "parties.h"

enum { MOST = 64 };

static void count_up(int *v, int n, int from)
{
    int i;

    for (i = 0; i < n; i++)
        v[i] = from + i;
}

BEHAVIOUR(try_forms_take_what_there_is)
{
    weir_chan *c = weir_chan_new(sizeof(int), 5);
    int v[8], out[8] = {0}, i;

    count_up(v, 8, 0);
    must_eq(weir_chan_try_recv_n(c, out, 8), WEIR_EMPTY);
    must_eq(weir_chan_try_send_n(c, v, 3), 3);
    must_eq(weir_chan_try_send_n(c, v + 3, 5), 2);
    must_eq(weir_chan_try_send_n(c, v + 5, 3), WEIR_FULL);
    must_eq(weir_chan_try_recv_n(c, out, 2), 2);
    must_eq(weir_chan_try_send_n(c, v + 5, 3), 2);
    must_eq(weir_chan_try_recv_n(c, out + 2, 6), 5);
    for (i = 0; i < 7; i++)
        must_eq(out[i], i);
    must_eq(out[7], 0);
    weir_chan_unref(c);
    (void)crew;
}

/* Nothing asked for is nothing done. */
BEHAVIOUR(none_is_none)
{
    weir_chan *c = weir_chan_new(sizeof(int), 1);
    int v = 1;

    must_eq(weir_chan_send_n(c, &v, 0, NULL), 0);
    must_eq(weir_chan_recv_n(c, &v, 0, NULL), 0);
    must_eq(weir_chan_len(c), 0);
    weir_chan_unref(c);
    (void)crew;
}

struct batches {
    ints *c;
    int n;
    int step;
    ptrdiff_t result;
};

static void send_batches(void *arg)
{
    const struct batches *b = arg;
    int v[MOST], i, step;

    for (i = 0; i < b->n; i += step) {
        step = b->n - i < b->step ? b->n - i : b->step;
        count_up(v, step, i);
        must_eq(ints_send_n(b->c, v, (size_t)step, NULL), step);
    }
}

static void receive_batches(const struct batches *b)
{
    int v[MOST], seen = 0;
    ptrdiff_t r, i;

    while (seen < b->n) {
        r = ints_recv_n(b->c, v, (size_t)b->step, NULL);
        must(r >= 1 && r <= b->step);
        for (i = 0; i < r; i++)
            must_eq(v[i], seen++);
    }
}

/* All sizes of batch on both sides, at all capacities, the elements come in
 * order: also a batch larger than the buffer, and single ones against it. */
BEHAVIOUR(any_batch_through_any_capacity)
{
    static const size_t caps[] = {0, 1, 3, 8, 200};
    static const int steps[] = {1, 2, 7, MOST};
    size_t k, s, r;

    for (k = 0; k < 5; k++) {
        for (s = 0; s < 4; s++) {
            for (r = 0; r < 4; r++) {
                struct batches in = {.c = ints_new(caps[k]), .n = 200};
                struct batches out = in;

                in.step = steps[s];
                out.step = steps[r];
                crew_go(crew, send_batches, &in);
                receive_batches(&out);
                crew_wait(crew);
                must_eq(ints_len(in.c), 0);
                ints_unref(in.c);
            }
        }
    }
}

/* A receive of many does not wait for many. */
BEHAVIOUR(receive_waits_for_the_first_only)
{
    ints *c = ints_new(8);
    int v[MOST];

    put(c, 1);
    put(c, 2);
    must_eq(ints_recv_n(c, v, MOST, NULL), 2);
    must_eq(v[0], 1);
    must_eq(v[1], 2);
    ints_unref(c);
    (void)crew;
}

/* Ended in the middle: the sender learns how many went before. */
static void send_batch_once(void *arg)
{
    struct batches *b = arg;
    int v[MOST];

    count_up(v, b->n, 0);
    b->result = ints_send_n(b->c, v, (size_t)b->n, NULL);
}

BEHAVIOUR(close_ends_a_batch_with_its_count)
{
    int i, cap, v;

    for (i = 0; i < check_scale(100); i++) {
        struct batches b = {.c = ints_new((size_t)i % 5), .n = 20};

        cap = i % 5;
        crew_go(crew, send_batch_once, &b);
        if (i % 2)
            must_eq(get(b.c), 0);
        while ((int)ints_len(b.c) < cap)
            weir_yield();
        must_eq(ints_close(b.c), 0);
        crew_wait(crew);
        if (cap + i % 2 == 0)
            must_eq(b.result, WEIR_CLOSED);
        else
            must_eq(b.result, cap + i % 2);
        while (ints_recv(b.c, &v, NULL) == 0)
            cap--;
        must_eq(cap, 0);
        ints_unref(b.c);
    }
}

struct limited {
    ints *c;
    weir_ctx ctx;
    ptrdiff_t result;
};

static void send_batch_limited(void *arg)
{
    struct limited *l = arg;
    int v[10];

    count_up(v, 10, 0);
    l->result = ints_send_n(l->c, v, 10, &l->ctx);
}

BEHAVIOUR(cancel_ends_a_batch_with_its_count)
{
    int i, k, taken;

    for (i = 0; i < check_scale(100); i++) {
        struct limited l = {.c = ints_new(2)};

        taken = i % 5;
        must_eq(weir_ctx_init(&l.ctx, NULL), 0);
        crew_go(crew, send_batch_limited, &l);
        for (k = 0; k < taken; k++)
            must_eq(get(l.c), k);
        while (ints_len(l.c) < 2)
            weir_yield();
        must_eq(weir_ctx_cancel(&l.ctx, 0), 0);
        crew_wait(crew);
        must_eq(l.result, taken + 2);
        must_eq(get(l.c), taken);
        must_eq(get(l.c), taken + 1);
        must_eq(ints_len(l.c), 0);
        must_eq(weir_ctx_fini(&l.ctx), 0);
        ints_unref(l.c);
    }
}

/* Batches of several senders: all arrive once, each sender's in order. */
enum { SIDES = 3 };

struct sides {
    ints *c;
    int n;
    int sender;
    atomic_int *total;
};

static void send_side(void *arg)
{
    const struct sides *s = arg;
    int v[16], i, k, step;

    for (i = 0; i < s->n; i += step) {
        step = i % 13 + 1;
        step = s->n - i < step ? s->n - i : step;
        for (k = 0; k < step; k++)
            v[k] = (i + k) * SIDES + s->sender;
        must_eq(ints_send_n(s->c, v, (size_t)step, NULL), step);
    }
}

static void receive_side(void *arg)
{
    const struct sides *s = arg;
    int v[16], last[SIDES] = {-1, -1, -1};
    ptrdiff_t r, i;

    while ((r = ints_recv_n(s->c, v, 16, NULL)) > 0) {
        for (i = 0; i < r; i++) {
            must(v[i] > last[v[i] % SIDES]);
            last[v[i] % SIDES] = v[i];
        }
        atomic_fetch_add(s->total, (int)r);
    }
    must_eq(r, WEIR_CLOSED);
}

BEHAVIOUR(batches_from_many_to_many)
{
    static const size_t caps[] = {0, 1, 16, 100};
    size_t k;
    int i;

    for (k = 0; k < 4; k++) {
        struct crew senders = CREW(crew->mode);
        ints *c = ints_new(caps[k]);
        atomic_int total = 0;
        struct sides s[SIDES];

        for (i = 0; i < SIDES; i++) {
            s[i] = (struct sides){c, check_scale(3000), i, &total};
            crew_go(&senders, send_side, &s[i]);
            crew_go(crew, receive_side, &s[i]);
        }
        crew_wait(&senders);
        must_eq(ints_close(c), 0);
        crew_wait(crew);
        must_eq(total, SIDES * s[0].n);
        ints_unref(c);
    }
}

/* One batch serves many single receivers that wait, and the reverse. */
static void receive_single(void *arg)
{
    const struct sides *s = arg;

    atomic_fetch_add(s->total, get(s->c));
}

static void send_single(void *arg)
{
    const struct sides *s = arg;

    put(s->c, s->sender);
}

BEHAVIOUR(one_batch_serves_all_waiters)
{
    enum { N = 10 };
    int i, round, v[N];

    for (round = 0; round < check_scale(30); round++) {
        ints *c = ints_new((size_t)round % 3);
        atomic_int total = 0;
        struct sides s[N];
        ptrdiff_t r, got = 0;

        for (i = 0; i < N; i++) {
            s[i] = (struct sides){c, 0, i, &total};
            crew_go(crew, receive_single, &s[i]);
        }
        count_up(v, N, 0);
        must_eq(ints_send_n(c, v, N, NULL), N);
        crew_wait(crew);
        must_eq(total, N * (N - 1) / 2);
        for (i = 0; i < N; i++)
            crew_go(crew, send_single, &s[i]);
        for (; got < N; got += r) {
            r = ints_recv_n(c, v, N, NULL);
            must(r > 0);
            for (i = 0; i < r; i++)
                total -= v[i];
        }
        crew_wait(crew);
        must_eq(total, 0);
        ints_unref(c);
    }
}

CHECK_MAIN(CHECK_MODES(try_forms_take_what_there_is), CHECK_MODES(none_is_none),
           CHECK_MODES(any_batch_through_any_capacity),
           CHECK_MODES(receive_waits_for_the_first_only),
           CHECK_MODES(close_ends_a_batch_with_its_count),
           CHECK_MODES(cancel_ends_a_batch_with_its_count),
           CHECK_MODES(batches_from_many_to_many),
           CHECK_MODES(one_batch_serves_all_waiters))
