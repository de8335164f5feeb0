/* SPDX-License-Identifier: MIT */
/*
 * The account of a channel, field by field: each operation by each way changes
 * what it should and nothing else; clocks where the option asks for them; and
 * what begins anew at a reset.
 */
#include <weir/inplace.h>
#include "base/histogram.h"
#include "flowctl.h"

/* ---- counts ---------------------------------------------------------------
 */

/* Everything that can be counted without a clock. */
BEHAVIOUR(each_field)
{
    const weir_chan_opts o = opts_of(WEIR_DROP_OLDEST, 4, NULL);
    weir_chan *c = chan_of(&o);
    int v[6] = {1, 2, 3, 4, 5, 6};
    weir_chan_stats s = account(c);

    must_eq(s.sent + s.received + s.dropped + s.queued + s.highest, 0);
    must_eq(s.capacity, 4);
    must(s.utilization == 0);
    must_eq(weir_chan_send_n(c, v, 3, NULL), 3);
    s = account(c);
    must_eq(s.sent, 3);
    must_eq(s.entered, 3);
    must_eq(s.queued, 3);
    must_eq(s.highest, 3);
    must(s.utilization == 0.75);
    must_eq(weir_chan_send_n(c, v, 3, NULL), 3); /* two make room */
    s = account(c);
    must_eq(s.sent, 6);
    must_eq(s.entered, 6);
    must_eq(s.dropped_by[WEIR_DROP_FIRST], 2);
    must_eq(s.highest, 4);
    must(s.utilization == 1);
    must_eq(weir_chan_recv_n(c, v, 6, NULL), 4);
    must_eq(v[0], 3);
    s = account(c);
    must_eq(s.received, 4);
    must_eq(s.queued, 0);
    must_eq(s.highest, 4);
    must_eq(s.refused + s.timed_out + s.canceled, 0);
    must_eq(s.blocked_sends + s.blocked_recvs, 0);
    /* Without the option nobody looks at a clock. */
    must_eq(s.average_send | s.average_recv | s.last_send | s.last_recv, 0);
    must_eq(s.oldest | s.residence_max | s.residence_p50, 0);
    weir_chan_unref(c);
    (void)crew;
}

/* Try calls are in the account as others are. */
BEHAVIOUR(try_calls_count)
{
    const weir_chan_opts o[] = {opts_of(WEIR_BLOCK, 1, NULL),
                                opts_of(WEIR_ERROR, 1, NULL)};
    int i, v = 1;

    for (i = 0; i < 2; i++) {
        weir_chan *c = chan_of(&o[i]);
        weir_chan_stats s;
        weir_case cs[] = {WEIR_SEND(c, &v)};

        must_eq(try_send_int(c, 1), 0);
        must_eq(try_send_int(c, 2), WEIR_FULL);
        must_eq(weir_chan_try_send_n(c, &v, 1), WEIR_FULL);
        /* Under BLOCK a case that is not ready has failed nobody. */
        must_eq(weir_try_select(cs, 1), i == 0 ? WEIR_EMPTY : 0);
        must_eq(try_recv_int(c), 1);
        must_eq(try_recv_int(c), -1);
        must_eq(weir_chan_try_recv_n(c, &v, 1), WEIR_EMPTY);
        s = account(c);
        must_eq(s.sent, 1);
        must_eq(s.received, 1);
        must_eq(s.refused, 2 + i);
        must_eq(s.blocked_sends + s.blocked_recvs, 0);
        weir_chan_unref(c);
    }
    (void)crew;
}

struct waiting {
    weir_chan *c;
    weir_ctx *ctx;
    int result;
};

static void wait_to_send(void *arg)
{
    struct waiting *w = arg;
    const int v = 5;

    w->result = weir_chan_send(w->c, &v, w->ctx);
}

static void wait_to_recv(void *arg)
{
    struct waiting *w = arg;

    w->result = weir_chan_recv(w->c, NULL, w->ctx);
}

/* By channels with and without flow control: rendezvous, full, empty. */
static weir_chan *plain_or_not(int i, size_t cap)
{
    weir_chan_opts o = opts_of(WEIR_BLOCK, cap, NULL);

    o.timed_every = i % 2 ? 1 : 0;
    return chan_of(&o);
}

BEHAVIOUR(blocked_calls_count_once)
{
    int i;

    for (i = 0; i < 4; i++) {
        struct waiting w = {.c = plain_or_not(i, i < 2 ? 0 : 1)};
        const uint64_t cap = weir_chan_cap(w.c);

        if (cap > 0)
            must_eq(send_int(w.c, 1), 0);
        crew_go(crew, wait_to_send, &w);
        await_blocked_sends(w.c, 1);
        must_eq(account(w.c).sent, cap);
        must_eq(account(w.c).queued, cap);
        must(try_recv_int(w.c) >= 0 || cap == 0);
        if (cap == 0)
            while (account(w.c).received == 0)
                (void)try_recv_int(w.c);
        crew_wait(crew);
        must_eq(w.result, 0);
        if (cap > 0)
            must_eq(try_recv_int(w.c), 5);
        crew_go(crew, wait_to_recv, &w);
        await_blocked_recvs(w.c, 1);
        must_eq(send_int(w.c, 3), 0);
        crew_wait(crew);
        must_eq(account(w.c).sent, cap + 2);
        must_eq(account(w.c).received, cap + 2);
        must_eq(account(w.c).blocked_sends, 1);
        must_eq(account(w.c).blocked_recvs, 1);
        weir_chan_unref(w.c);
    }
}

BEHAVIOUR(ended_calls_count)
{
    int i, k;

    for (i = 0; i < 4; i++) {
        weir_chan *c = plain_or_not(i, i < 2 ? 0 : 1);
        weir_ctx late, ended;
        weir_chan_stats s;
        int v = 1;

        must_eq(weir_ctx_init_timeout(&late, NULL, 0), 0);
        must_eq(weir_ctx_init(&ended, NULL), 0);
        must_eq(weir_ctx_cancel(&ended, -9), 0);
        for (k = 0; k < 3; k++)
            must_eq(weir_chan_recv(c, &v, &late), WEIR_TIMEDOUT);
        must_eq(weir_chan_recv(c, &v, &ended), WEIR_CANCELED);
        if (weir_chan_cap(c) > 0)
            must_eq(weir_chan_send(c, &v, &ended), 0);
        must_eq(weir_chan_send(c, &v, &late), WEIR_TIMEDOUT);
        must_eq(weir_chan_send(c, &v, &ended), WEIR_CANCELED);
        s = account(c);
        must_eq(s.timed_out, 4);
        must_eq(s.canceled, 2);
        must_eq(s.refused, 0);
        must_eq(s.sent, weir_chan_cap(c));
        must_eq(weir_ctx_fini(&late), 0);
        must_eq(weir_ctx_fini(&ended), 0);
        weir_chan_unref(c);
    }
    (void)crew;
}

BEHAVIOUR(not_counted_if_so_asked)
{
    weir_chan_opts o = opts_of(WEIR_BLOCK, 3, NULL);
    weir_chan *c;

    o.uncounted = true;
    c = chan_of(&o);
    must_eq(send_int(c, 1), 0);
    must_eq(send_int(c, 2), 0);
    must_eq(account(c).highest, 0);
    must_eq(account(c).sent, 2);
    must_eq(weir_chan_reset_stats(c), 0);
    must_eq(account(c).highest, 0);
    weir_chan_unref(c);
    (void)crew;
}

/* ---- a reset --------------------------------------------------------------
 */

BEHAVIOUR(a_reset_begins_anew)
{
    weir_chan_opts o = opts_of(WEIR_ERROR, 3, NULL);
    int i, k;

    for (i = 0; i < 2; i++) {
        weir_chan *c;
        weir_chan_stats s;

        o.timed_every = (uint32_t)i;
        c = chan_of(&o);
        for (k = 0; k < 5; k++)
            (void)send_int(c, k);
        must_eq(try_recv_int(c), 0);
        must_eq(account(c).refused, 2);
        must_eq(weir_chan_reset_stats(c), 0);
        s = account(c);
        must_eq(s.sent, 2);
        must_eq(s.entered, 2);
        must_eq(s.queued, 2);
        must_eq(s.highest, 2);
        must_eq(s.received + s.dropped + s.refused, 0);
        must_eq(s.average_send | s.last_send | s.last_recv, 0);
        must_eq(s.residence_max | s.residence_p99, 0);
        must_eq(try_recv_int(c), 1);
        must_eq(send_int(c, 9), 0);
        s = account(c);
        must_eq(s.sent, 3);
        must_eq(s.received, 1);
        must_eq(s.queued, 2);
        must_eq(weir_chan_reset_stats(c), 0);
        must_eq(weir_chan_reset_stats(c), 0);
        must_eq(account(c).sent, 2);
        weir_chan_unref(c);
    }
    (void)crew;
}

struct resetting {
    weir_chan *c;
    atomic_bool over;
};

static void reset_all_the_time(void *arg)
{
    struct resetting *r = arg;

    while (!atomic_load(&r->over)) {
        must_eq(weir_chan_reset_stats(r->c), 0);
        account(r->c);
        weir_yield();
    }
}

/* Amid traffic of all kinds each snapshot balances, from reset to reset. */
BEHAVIOUR(resets_amid_traffic)
{
    static const enum weir_policy some[] = {WEIR_BLOCK, WEIR_DROP,
                                            WEIR_DROP_OLDEST, WEIR_ERROR};
    int i, k;

    for (i = 0; i < 4; i++) {
        const weir_chan_opts o = opts_of(some[i], 2, NULL);
        struct resetting r = {.c = chan_of(&o)};

        crew_go(crew, reset_all_the_time, &r);
        for (k = 0; k < check_scale(20000); k++) {
            (void)try_send_int(r.c, k);
            if (k % 3 != 0)
                (void)try_recv_int(r.c);
        }
        atomic_store(&r.over, true);
        crew_wait(crew);
        weir_chan_unref(r.c);
    }
}

/* ---- clocks ---------------------------------------------------------------
 */

static weir_chan *timed(uint32_t every, size_t cap)
{
    weir_chan_opts o = opts_of(WEIR_BLOCK, cap, NULL);

    o.timed_every = every;
    return chan_of(&o);
}

/* An element stays for 5 ms or more: so say its age, its residence, and the
 * instants; none of them more than has passed in all. */
BEHAVIOUR(residence_and_age)
{
    const int64_t stay = 5 * WEIR_MILLISECOND, begin = weir_now();
    weir_chan *c = timed(1, 8);
    weir_chan_stats s;
    int64_t passed;
    int i;

    for (i = 0; i < 8; i++)
        must_eq(send_int(c, i), 0);
    must_eq(weir_sleep(stay, NULL), 0);
    s = account(c);
    must(s.oldest >= stay && s.oldest <= weir_now() - begin);
    must(s.last_send >= begin && s.last_send <= weir_now() - stay);
    must_eq(s.last_recv, 0);
    must_eq(s.residence_max, 0);
    for (i = 0; i < 8; i++)
        must_eq(try_recv_int(c), i);
    passed = weir_now() - begin;
    s = account(c);
    must_eq(s.oldest, 0);
    must(s.residence_p50 >= stay && s.residence_max <= passed);
    must(s.residence_p50 <= s.residence_p90);
    must(s.residence_p90 <= s.residence_p99);
    must(s.residence_p99 <= s.residence_p999);
    must(s.residence_p999 <= s.residence_max);
    must(s.last_recv >= s.last_send + stay);
    must(s.average_send > 0 && s.average_recv > 0);
    must(s.average_send <= passed && s.average_recv <= passed);
    must_eq(s.blocked_send | s.blocked_recv, 0);
    weir_chan_unref(c);
    (void)crew;
}

/* From hand to hand nothing stays; but who waits for it does. */
BEHAVIOUR(waiting_is_timed)
{
    const int64_t pause = 3 * WEIR_MILLISECOND;
    struct waiting w = {.c = timed(1, 0)};
    weir_chan_stats s;
    int v;

    crew_go(crew, wait_to_send, &w);
    await_blocked_sends(w.c, 1);
    must_eq(weir_sleep(pause, NULL), 0);
    must_eq(weir_chan_recv(w.c, &v, NULL), 0);
    crew_wait(crew);
    s = account(w.c);
    must_eq(s.residence_max, 0);
    must(s.average_send > 0);
    crew_go(crew, wait_to_recv, &w);
    await_blocked_recvs(w.c, 1);
    must_eq(weir_sleep(pause, NULL), 0);
    must_eq(send_int(w.c, 1), 0);
    crew_wait(crew);
    s = account(w.c);
    must(s.blocked_send > 0 && s.blocked_recv > 0);
    must(s.average_recv > 0);
    must_eq(s.sent, 2);
    weir_chan_unref(w.c);
}

/* One in N has a clock: the oldest that is timed, wherever it stands. */
BEHAVIOUR(sampled_clocks)
{
    enum { EVERY = 3000, N = 7000 };
    weir_chan *c = timed(EVERY, N);
    weir_chan_stats s;
    int i;

    for (i = 0; i < N; i++)
        must_eq(send_int(c, i), 0);
    must(account(c).oldest > 0);
    must_eq(try_recv_int(c), 0);
    must_eq(weir_sleep(WEIR_MILLISECOND, NULL), 0);
    s = account(c);
    must(s.oldest >= WEIR_MILLISECOND); /* the one at 3000 */
    must(s.residence_max > 0);
    for (i = 1; i <= 2 * EVERY; i++)
        must_eq(try_recv_int(c), i);
    must_eq(account(c).oldest, 0); /* no timed one is left */
    must_eq(account(c).queued, N - 2 * EVERY - 1);
    weir_chan_unref(c);
    (void)crew;
}

/* ---- the histogram --------------------------------------------------------
 */

static int by_size(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Every quantile of random values of all magnitudes: not below the true one,
 * and at most 1/32 above it. */
BEHAVIOUR(quantiles_have_bounded_error)
{
    enum { N = 3000 };
    static const uint64_t parts[] = {0, 1, 10, 500, 900, 990, 999, 1000};
    static struct wr_histogram h;
    static int64_t values[N];
    uint64_t state = 42;
    int round, i;

    for (round = 0; round < 60; round++) {
        memset(&h, 0, sizeof h);
        for (i = 0; i < N; i++) {
            values[i] = (int64_t)(next_random(&state) >> 1) >>
                        (round + (int)(next_random(&state) % 4)) % 63;
            wr_histogram_add(&h, values[i]);
        }
        qsort(values, N, sizeof values[0], by_size);
        must_eq(h.max, values[N - 1]);
        for (i = 0; i < 8; i++) {
            const uint64_t rank = (N * parts[i] + 999) / 1000;
            const int64_t is = values[rank > 0 ? rank - 1 : 0];
            const int64_t told = wr_histogram_quantile(&h, parts[i], 1000);

            must(told >= is);
            must((double)(told - is) <= (double)is / 32);
            must(told <= h.max);
        }
    }
    (void)crew;
}

BEHAVIOUR(histogram_ends)
{
    static struct wr_histogram h;
    int64_t v;

    memset(&h, 0, sizeof h);
    must_eq(wr_histogram_quantile(&h, 50, 100), 0);
    wr_histogram_add(&h, -5);
    must_eq(wr_histogram_quantile(&h, 99, 100), 0);
    wr_histogram_add(&h, INT64_MAX);
    must_eq(wr_histogram_quantile(&h, 100, 100), INT64_MAX);
    must_eq(wr_histogram_quantile(&h, 50, 100), 0);
    memset(&h, 0, sizeof h);
    for (v = 0; v < 64; v++)
        wr_histogram_add(&h, v);
    must_eq(wr_histogram_quantile(&h, 1, 2), 31); /* exact below 64 */
    must_eq(wr_histogram_quantile(&h, 3, 4), 47);
    must_eq(wr_histogram_quantile(&h, 1, 1), 63);
    (void)crew;
}

/* ---- the greatest length ------------------------------------------------- */

static void one_by_one(weir_chan *c, int n)
{
    int64_t v = 0;
    int i;

    for (i = 0; i < n; i++)
        must_eq(weir_chan_send(c, &v, NULL), 0);
}

static void at_once(weir_chan *c, int n)
{
    int64_t v[8] = {0};

    must_eq(weir_chan_send_n(c, v, (size_t)n, NULL), n);
}

static void in_place(weir_chan *c, int n)
{
    void *place;
    int i;

    for (i = 0; i < n; i++) {
        must_eq(weir_chan_reserve(c, &place, NULL), 0);
        must_eq(weir_chan_commit(c), 0);
    }
}

/* It is known also when the channel is empty again before anybody asks, and
 * whichever way the elements came. */
BEHAVIOUR(highest_is_kept_when_it_is_over)
{
    void (*const ways[])(weir_chan *, int) = {one_by_one, at_once, in_place};
    static const int lengths[] = {1, 3, 2, 3, 5, 4, 8, 1};
    int64_t v[8];
    size_t i, k;

    for (i = 0; i < 6; i++) {
        const weir_chan_opts o = {
            .elem_size = i < 3 ? 4 : 8, .capacity = 8, .single_producer = true};
        weir_chan *c = chan_of(&o);
        int highest = 0;

        for (k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
            const int n = lengths[k];

            highest = n > highest ? n : highest;
            ways[i % 3](c, n);
            must_eq(weir_chan_recv_n(c, v, 8, NULL), n);
            must_eq(account(c).highest, highest);
        }
        weir_chan_unref(c);
    }
    (void)crew;
}

BEHAVIOUR(bad_input)
{
    weir_chan *c = weir_chan_new(4, 1);
    weir_chan_stats s;

    must_eq(weir_chan_get_stats(NULL, &s), WEIR_EINVAL);
    must_eq(weir_chan_get_stats(c, NULL), WEIR_EINVAL);
    must_eq(weir_chan_reset_stats(NULL), WEIR_EINVAL);
    weir_chan_unref(c);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(each_field), CHECK_MODES(try_calls_count),
           CHECK_MODES(blocked_calls_count_once),
           CHECK_MODES(ended_calls_count), CHECK_MODES(not_counted_if_so_asked),
           CHECK_MODES(a_reset_begins_anew), CHECK_MODES(resets_amid_traffic),
           CHECK_MODES(residence_and_age), CHECK_MODES(waiting_is_timed),
           CHECK_MODES(sampled_clocks),
           CHECK_LOOP(quantiles_have_bounded_error, 1),
           CHECK_LOOP(histogram_ends, 1),
           CHECK_LOOP(highest_is_kept_when_it_is_over, 1),
           CHECK_LOOP(bad_input, 1))
