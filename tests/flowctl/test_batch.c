/* SPDX-License-Identifier: MIT */
/*
 * Batches with a minimum, a maximum and a time to linger: what counts is how
 * many come back and in which order, and that what ends the call in the
 * middle takes nothing away.
 */
#include "flowctl.h"

static const int64_t moment = WEIR_MILLISECOND;

static weir_chan *filled(size_t cap, int n)
{
    weir_chan *c = weir_chan_new(sizeof(int), cap);
    int i;

    must(c != NULL);
    for (i = 0; i < n; i++)
        must_eq(send_int(c, i), 0);
    return c;
}

static void in_order(const int *v, ptrdiff_t n, int from)
{
    ptrdiff_t i;

    for (i = 0; i < n; i++)
        must_eq(v[i], from + (int)i);
}

/* What is there is taken at once, up to the maximum. */
BEHAVIOUR(takes_what_is_there)
{
    weir_chan *c = filled(10, 10);
    int v[10];

    must_eq(weir_chan_recv_batch(c, v, 1, 4, WEIR_FOREVER, NULL), 4);
    in_order(v, 4, 0);
    must_eq(weir_chan_recv_batch(c, v, 3, 3, WEIR_FOREVER, NULL), 3);
    in_order(v, 3, 4);
    must_eq(weir_chan_recv_batch(c, v, 1, 10, 0, NULL), 3);
    in_order(v, 3, 7);
    weir_chan_unref(c);
    (void)crew;
}

/* The time for more ends the call, not the channel's peace: it has come to
 * its minimum, so nobody has run out of time. */
BEHAVIOUR(lingers_for_more)
{
    struct heard h = {0};
    weir_chan_opts o = opts_of(WEIR_BLOCK, 4, &h);
    weir_chan *c = chan_of(&o);
    int64_t begin = weir_now();
    int v[8] = {0, 1, 2, 3, 4, 5, 6, 7};

    must_eq(send_int(c, 0), 0);
    must_eq(weir_chan_recv_batch(c, v, 1, 8, moment, NULL), 1);
    must(weir_now() - begin >= moment);
    begin = weir_now();
    must_eq(weir_chan_send_batch(c, v, 1, 8, moment, NULL), 4);
    must(weir_now() - begin >= moment);
    must_eq(weir_chan_recv_batch(c, v, 1, 8, -5, NULL), 4);
    must_eq(account(c).timed_out, 0);
    must_eq(account(c).blocked_sends + account(c).blocked_recvs, 0);
    must_eq(h.errors + h.blocks, 0);
    weir_chan_unref(c);
    (void)crew;
}

struct call {
    weir_chan *c;
    weir_ctx *ctx;
    size_t min, max;
    int64_t linger;
    ptrdiff_t result;
    int v[16];
};

static void receive_batch(void *arg)
{
    struct call *k = arg;

    k->result =
        weir_chan_recv_batch(k->c, k->v, k->min, k->max, k->linger, k->ctx);
}

static void send_batch(void *arg)
{
    struct call *k = arg;
    int i;

    for (i = 0; i < 16; i++)
        k->v[i] = 100 + i;
    k->result =
        weir_chan_send_batch(k->c, k->v, k->min, k->max, k->linger, k->ctx);
}

/* The minimum is waited for, however long. */
BEHAVIOUR(waits_for_the_minimum)
{
    int i, cap;

    for (cap = 0; cap < 3; cap++) {
        struct call k = {.c = filled((size_t)cap, 0), .min = 5, .max = 5};

        crew_go(crew, receive_batch, &k);
        for (i = 0; i < 5; i++) {
            settle();
            must_eq(send_int(k.c, i), 0);
        }
        crew_wait(crew);
        must_eq(k.result, 5);
        in_order(k.v, 5, 0);
        weir_chan_unref(k.c);
    }
}

/* More that comes while it lingers is taken, and the maximum ends it. */
BEHAVIOUR(more_comes_while_it_lingers)
{
    int i, cap;

    for (cap = 0; cap < 3; cap++) {
        struct call k = {.c = filled((size_t)cap, 0),
                         .min = 1,
                         .max = 6,
                         .linger = WEIR_MINUTE};

        crew_go(crew, receive_batch, &k);
        for (i = 0; i < 6; i++) {
            settle();
            must_eq(send_int(k.c, i), 0);
        }
        crew_wait(crew);
        must_eq(k.result, 6);
        in_order(k.v, 6, 0);
        weir_chan_unref(k.c);
    }
}

BEHAVIOUR(room_comes_while_it_lingers)
{
    int i, cap, v;

    for (cap = 0; cap < 3; cap++) {
        struct call k = {.c = filled((size_t)cap, 0),
                         .min = 1,
                         .max = 6,
                         .linger = WEIR_MINUTE};

        crew_go(crew, send_batch, &k);
        for (i = 0; i < 6; i++) {
            settle();
            must_eq(weir_chan_recv(k.c, &v, NULL), 0);
            must_eq(v, 100 + i);
        }
        crew_wait(crew);
        must_eq(k.result, 6);
        weir_chan_unref(k.c);
    }
}

/* ---- ended in the middle --------------------------------------------------
 */

/* By closing or by the context, before and after the minimum. */
BEHAVIOUR(what_was_received_is_kept)
{
    int i;

    for (i = 0; i < 16; i++) {
        weir_ctx ctx;
        struct call k = {.c = filled(8, i % 4),
                         .ctx = &ctx,
                         .min = i < 8 ? 2 : 5,
                         .max = 6,
                         .linger = WEIR_MINUTE};

        must_eq(weir_ctx_init(&ctx, NULL), 0);
        crew_go(crew, receive_batch, &k);
        while (account(k.c).received < (uint64_t)(i % 4))
            weir_yield();
        settle();
        if (i % 8 < 4)
            must_eq(weir_chan_close(k.c), 0);
        else
            must_eq(weir_ctx_cancel(&ctx, 0), 0);
        crew_wait(crew);
        if (i % 4 > 0)
            must_eq(k.result, i % 4);
        else
            must_eq(k.result, i % 8 < 4 ? WEIR_CLOSED : WEIR_CANCELED);
        in_order(k.v, i % 4, 0);
        must_eq(weir_ctx_fini(&ctx), 0);
        weir_chan_unref(k.c);
    }
}

BEHAVIOUR(what_was_sent_is_sent)
{
    int i, n;

    for (i = 0; i < 16; i++) {
        weir_ctx ctx;
        struct call k = {.c = filled(3, i % 4),
                         .ctx = &ctx,
                         .min = i < 8 ? 2 : 5,
                         .max = 6,
                         .linger = WEIR_MINUTE};
        const int room = 3 - i % 4;

        must_eq(weir_ctx_init(&ctx, NULL), 0);
        crew_go(crew, send_batch, &k);
        while (account(k.c).queued < 3)
            weir_yield();
        settle();
        if (i % 8 < 4)
            must_eq(weir_chan_close(k.c), 0);
        else
            must_eq(weir_ctx_cancel(&ctx, 0), 0);
        crew_wait(crew);
        if (room > 0)
            must_eq(k.result, room);
        else
            must_eq(k.result, i % 8 < 4 ? WEIR_CLOSED : WEIR_CANCELED);
        for (n = 0; n < 3; n++)
            must_eq(try_recv_int(k.c), n < i % 4 ? n : 100 + n - i % 4);
        must_eq(try_recv_int(k.c), -1);
        must_eq(weir_ctx_fini(&ctx), 0);
        weir_chan_unref(k.c);
    }
}

/* Closed with less than the minimum inside: what is there, then the end. */
BEHAVIOUR(a_closed_channel_is_drained)
{
    weir_chan *c = filled(8, 3);
    int v[8];

    must_eq(weir_chan_close(c), 0);
    must_eq(weir_chan_recv_batch(c, v, 5, 8, WEIR_FOREVER, NULL), 3);
    in_order(v, 3, 0);
    must_eq(weir_chan_recv_batch(c, v, 5, 8, WEIR_FOREVER, NULL), WEIR_CLOSED);
    must_eq(weir_chan_send_batch(c, v, 1, 2, WEIR_FOREVER, NULL), WEIR_CLOSED);
    weir_chan_unref(c);
    (void)crew;
}

/* A context that has ended already: what need not wait goes. */
BEHAVIOUR(with_an_ended_context)
{
    weir_chan *c = filled(4, 2);
    weir_ctx ended;
    int v[8] = {0};

    must_eq(weir_ctx_init(&ended, NULL), 0);
    must_eq(weir_ctx_cancel(&ended, 0), 0);
    must_eq(weir_chan_recv_batch(c, v, 1, 8, WEIR_MINUTE, &ended), 2);
    must_eq(weir_chan_recv_batch(c, v, 1, 8, WEIR_MINUTE, &ended),
            WEIR_CANCELED);
    must_eq(weir_chan_send_batch(c, v, 1, 8, WEIR_MINUTE, &ended), 4);
    must_eq(weir_chan_send_batch(c, v, 1, 8, WEIR_MINUTE, &ended),
            WEIR_CANCELED);
    must_eq(weir_ctx_fini(&ended), 0);
    weir_chan_unref(c);
    (void)crew;
}

/* ---- under each policy ----------------------------------------------------
 */

/* Ten into a buffer of four (one for latest), and nobody receives. Only a
 * channel that blocks lingers. */
BEHAVIOUR(under_each_policy)
{
    static const struct row {
        enum weir_policy policy;
        int sent, first, dropped;
    } rows[] = {
        {WEIR_BLOCK, 4, 0, 0},   {WEIR_DROP, 10, 0, 6},
        {WEIR_ERROR, 4, 0, 0},   {WEIR_DROP_OLDEST, 10, 6, 6},
        {WEIR_LATEST, 10, 9, 9}, {WEIR_SAMPLE, 10, 0, 6},
    };
    int v[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, i;

    for (i = 0; i < 6; i++) {
        weir_chan_opts o = opts_of(rows[i].policy, 4, NULL);
        const int64_t linger =
            rows[i].policy == WEIR_BLOCK ? moment : WEIR_MINUTE;
        weir_chan *c;

        if (rows[i].policy == WEIR_LATEST)
            o.capacity = 1;
        o.sample_every = rows[i].policy == WEIR_SAMPLE ? UINT32_MAX : 0;
        c = chan_of(&o);
        must_eq(weir_chan_send_batch(c, v, 1, 10, linger, NULL), rows[i].sent);
        must_eq(account(c).dropped, rows[i].dropped);
        must_eq(account(c).sent, rows[i].sent);
        must_eq(weir_chan_recv_batch(c, v, 1, 10, 0, NULL),
                rows[i].policy == WEIR_LATEST ? 1 : 4);
        must_eq(v[0], rows[i].first);
        v[0] = 0;
        v[1] = 1;
        v[2] = 2;
        v[3] = 3;
        weir_chan_unref(c);
    }
    (void)crew;
}

BEHAVIOUR(bad_input)
{
    weir_chan *c = filled(2, 1);
    int v[2] = {0};

    must_eq(weir_chan_recv_batch(NULL, v, 1, 1, 0, NULL), WEIR_EINVAL);
    must_eq(weir_chan_recv_batch(c, v, 0, 1, 0, NULL), WEIR_EINVAL);
    must_eq(weir_chan_recv_batch(c, v, 2, 1, 0, NULL), WEIR_EINVAL);
    must_eq(weir_chan_recv_batch(c, v, 1, SIZE_MAX, 0, NULL), WEIR_EINVAL);
    must_eq(weir_chan_send_batch(NULL, v, 1, 1, 0, NULL), WEIR_EINVAL);
    must_eq(weir_chan_send_batch(c, NULL, 1, 1, 0, NULL), WEIR_EINVAL);
    must_eq(weir_chan_send_batch(c, v, 0, 1, 0, NULL), WEIR_EINVAL);
    must_eq(weir_chan_send_batch(c, v, 2, 1, 0, NULL), WEIR_EINVAL);
    must_eq(weir_chan_recv_batch(c, NULL, 1, 2, 0, NULL), 1); /* discards */
    must_eq(account(c).sent, 1);
    weir_chan_unref(c);
    (void)crew;
}

/* ---- both sides at once ---------------------------------------------------
 */

struct flow {
    weir_chan *c;
    int n;
};

static void send_flow(void *arg)
{
    const struct flow *f = arg;
    int v[7], i, k;
    ptrdiff_t r;

    for (i = 0; i < f->n; i += (int)r) {
        const int most = f->n - i < 7 ? f->n - i : 7;

        for (k = 0; k < most; k++)
            v[k] = i + k;
        r = weir_chan_send_batch(f->c, v, 1, (size_t)most,
                                 i % 3 * WEIR_MICROSECOND, NULL);
        must(r >= 1 && r <= most);
    }
    must_eq(weir_chan_close(f->c), 0);
}

BEHAVIOUR(nothing_is_lost_between_batches)
{
    static const size_t caps[] = {0, 1, 5, 64};
    int v[5], k, next;
    ptrdiff_t r, i;

    for (k = 0; k < 4; k++) {
        struct flow f = {filled(caps[k], 0), check_scale(3000)};

        next = 0;
        crew_go(crew, send_flow, &f);
        while ((r = weir_chan_recv_batch(f.c, v, 1 + (size_t)next % 3, 5,
                                         next % 2 * WEIR_MICROSECOND, NULL)) !=
               WEIR_CLOSED) {
            must(r >= 1 && r <= 5);
            for (i = 0; i < r; i++)
                must_eq(v[i], next++);
        }
        crew_wait(crew);
        must_eq(next, f.n);
        weir_chan_unref(f.c);
    }
}

CHECK_MAIN(CHECK_MODES(takes_what_is_there), CHECK_MODES(lingers_for_more),
           CHECK_MODES(waits_for_the_minimum),
           CHECK_MODES(more_comes_while_it_lingers),
           CHECK_MODES(room_comes_while_it_lingers),
           CHECK_MODES(what_was_received_is_kept),
           CHECK_MODES(what_was_sent_is_sent),
           CHECK_MODES(a_closed_channel_is_drained),
           CHECK_MODES(with_an_ended_context), CHECK_MODES(under_each_policy),
           CHECK_MODES(bad_input), CHECK_MODES(nothing_is_lost_between_batches))
