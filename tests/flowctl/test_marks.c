/* SPDX-License-Identifier: MIT */
/*
 * Watermarks: told once on the way up and once on the way down, however often
 * the level comes and goes in between; and good enough to pause a source.
 */
#include "flowctl.h"

static weir_chan *marked(uint32_t high, uint32_t low, size_t cap,
                         struct heard *h)
{
    weir_chan_opts o = opts_of(WEIR_BLOCK, cap, NULL);

    o.high = high;
    o.low = low;
    if (h != NULL)
        o.hooks = (weir_chan_hooks){
            .on_high = hear_high, .on_low = hear_low, .arg = h};
    return chan_of(&o);
}

static void fill(weir_chan *c, int n)
{
    while ((int)weir_chan_len(c) < n)
        must_eq(send_int(c, 1), 0);
}

static void drain(weir_chan *c, int n)
{
    while ((int)weir_chan_len(c) > n)
        must_eq(try_recv_int(c), 1);
}

static void heard(const weir_chan *c, const struct heard *h, int highs,
                  int lows)
{
    must_eq(h->highs, highs);
    must_eq(h->lows, lows);
    must_eq(weir_chan_is_high(c), highs > lows);
}

BEHAVIOUR(hysteresis)
{
    struct heard h = {0};
    weir_chan *c = marked(70, 30, 10, &h);
    int round, i;

    for (round = 0; round < 5; round++) {
        fill(c, 6);
        heard(c, &h, round, round);
        fill(c, 7);
        heard(c, &h, round + 1, round);
        for (i = 0; i < 5; i++) {
            fill(c, 10);
            drain(c, 4);
        }
        heard(c, &h, round + 1, round);
        drain(c, 3);
        heard(c, &h, round + 1, round + 1);
        for (i = 0; i < 5; i++) {
            drain(c, 0);
            fill(c, 6);
        }
        heard(c, &h, round + 1, round + 1);
        drain(c, 0);
    }
    weir_chan_unref(c);
    (void)crew;
}

/* Where it turns, for capacities that percents do not divide. */
BEHAVIOUR(at_every_level)
{
    static const uint32_t marks[][2] = {{100, 0},  {1, 0},   {80, 50},
                                        {100, 99}, {50, 49}, {67, 33}};
    int cap, m, n;

    for (cap = 1; cap <= 12; cap++)
        for (m = 0; m < 6; m++) {
            const int high = (int)marks[m][0], low = (int)marks[m][1];
            weir_chan *c = marked(marks[m][0], marks[m][1], (size_t)cap, NULL);

            for (n = 1; n <= cap; n++) {
                fill(c, n);
                must_eq(weir_chan_is_high(c), n * 100 >= high * cap);
            }
            for (n = cap - 1; n >= 0; n--) {
                drain(c, n);
                must_eq(weir_chan_is_high(c), n * 100 > low * cap);
            }
            weir_chan_unref(c);
        }
    (void)crew;
}

BEHAVIOUR(defaults_of_the_hooks)
{
    struct heard h = {0};
    weir_chan *c = marked(0, 0, 10, &h);

    fill(c, 7);
    heard(c, &h, 0, 0);
    fill(c, 8);
    heard(c, &h, 1, 0);
    drain(c, 6);
    heard(c, &h, 1, 0);
    drain(c, 5);
    heard(c, &h, 1, 1);
    weir_chan_unref(c);
    must(!weir_chan_is_high(NULL));
    (void)crew;
}

/* Without marks it is never high. */
BEHAVIOUR(no_marks)
{
    weir_chan *c = weir_chan_new(sizeof(int), 1);

    must_eq(send_int(c, 1), 0);
    must(!weir_chan_is_high(c));
    weir_chan_unref(c);
    (void)crew;
}

static size_t value_is_size(const void *elem, void *arg)
{
    (void)arg;
    return (size_t)(*(const int *)elem);
}

/* By whichever limit it is fuller; and low only when it is so by both. */
BEHAVIOUR(by_bytes)
{
    struct heard h = {0};
    weir_chan_opts o = opts_of(WEIR_BLOCK, 10, NULL);
    weir_chan *c;
    int i;

    o.hooks =
        (weir_chan_hooks){.on_high = hear_high, .on_low = hear_low, .arg = &h};
    o.high = 80;
    o.low = 20;
    o.max_bytes = 1000;
    o.size_of = value_is_size;
    c = chan_of(&o);
    must_eq(send_int(c, 799), 0);
    heard(c, &h, 0, 0);
    must_eq(send_int(c, 1), 0);
    heard(c, &h, 1, 0);
    must_eq(try_recv_int(c), 799);
    heard(c, &h, 1, 1);
    for (i = 0; i < 7; i++)
        must_eq(send_int(c, 0), 0);
    heard(c, &h, 2, 1);
    must_eq(send_int(c, 900), 0);
    for (i = 0; i < 8; i++)
        (void)try_recv_int(c);
    must_eq(weir_chan_len(c), 1); /* one element, of 900 bytes */
    heard(c, &h, 2, 1);
    must_eq(try_recv_int(c), 900);
    heard(c, &h, 2, 2);
    weir_chan_unref(c);
    (void)crew;
}

/* Batches, selects and what policies drop move the level as well. */
BEHAVIOUR(by_every_way)
{
    struct heard h = {0};
    weir_chan *c = marked(50, 0, 4, &h);
    int v[4] = {1, 1, 1, 1}, i;

    for (i = 1; i <= 20; i++) {
        weir_case in[] = {WEIR_SEND(c, v)}, out[] = {WEIR_RECV(c, v)};

        if (i % 2 == 0) {
            must_eq(weir_chan_send_n(c, v, 4, NULL), 4);
            heard(c, &h, i, i - 1);
            must_eq(weir_chan_recv_n(c, v, 4, NULL), 4);
        } else {
            must_eq(weir_select(in, 1, NULL), 0);
            must_eq(weir_select(in, 1, NULL), 0);
            heard(c, &h, i, i - 1);
            must_eq(weir_select(out, 1, NULL), 0);
            must_eq(weir_select(out, 1, NULL), 0);
        }
        heard(c, &h, i, i);
    }
    weir_chan_unref(c);
    (void)crew;
}

/* ---- hooks that use the channel -------------------------------------------
 */

struct emptied {
    int calls;
};

static void empty_it(weir_chan *c, void *arg)
{
    struct emptied *e = arg;

    e->calls++;
    must(weir_chan_is_high(c));
    while (try_recv_int(c) >= 0)
        continue;
    must(!weir_chan_is_high(c));
    account(c);
}

BEHAVIOUR(a_high_hook_empties)
{
    struct emptied e = {0};
    weir_chan_opts o = opts_of(WEIR_BLOCK, 4, NULL);
    weir_chan *c;
    int i;

    o.hooks = (weir_chan_hooks){.on_high = empty_it, .arg = &e};
    o.high = 100;
    o.low = 50;
    c = chan_of(&o);
    for (i = 0; i < 40; i++)
        must_eq(send_int(c, 1), 0); /* never waits */
    must_eq(e.calls, 10);
    weir_chan_unref(c);
    (void)crew;
}

static void close_it(weir_chan *c, void *arg)
{
    hear_low(c, arg);
    must_eq(weir_chan_close(c), 0);
}

BEHAVIOUR(a_low_hook_closes)
{
    struct heard h = {0};
    weir_chan_opts o = opts_of(WEIR_BLOCK, 4, NULL);
    weir_chan *c;

    o.hooks =
        (weir_chan_hooks){.on_high = hear_high, .on_low = close_it, .arg = &h};
    o.high = 100;
    o.low = 50;
    c = chan_of(&o);
    fill(c, 4);
    must_eq(try_recv_int(c), 1);
    must_eq(try_recv_int(c), 1);
    must(weir_chan_is_closed(c));
    must_eq(try_recv_int(c), 1);
    must_eq(try_recv_int(c), 1);
    must_eq(try_recv_int(c), -1);
    heard(c, &h, 1, 1);
    weir_chan_unref(c);
    (void)crew;
}

/* ---- a source that pauses -------------------------------------------------
 */

struct source {
    weir_chan *c;
    weir_chan *go; /* a LATEST channel: the level was low again */
    int n;
    atomic_int pauses;
};

static void resume(weir_chan *c, void *arg)
{
    struct source *s = arg;

    must(c == s->c);
    must_eq(send_int(s->go, 1), 0);
}

/* Sends only while it is not high: so the buffer never is full, and the
 * source never waits in a send. */
static void run_source(void *arg)
{
    struct source *s = arg;
    int i, v;

    for (i = 0; i < s->n; i++) {
        while (weir_chan_is_high(s->c)) {
            atomic_fetch_add(&s->pauses, 1);
            must_eq(weir_chan_recv(s->go, &v, NULL), 0);
        }
        must_eq(try_send_int(s->c, i), 0);
    }
    must_eq(weir_chan_close(s->c), 0);
}

BEHAVIOUR(a_source_pauses)
{
    const weir_chan_opts latest = opts_of(WEIR_LATEST, 1, NULL);
    struct source s = {.go = chan_of(&latest), .n = check_scale(2000)};
    weir_chan_opts o = opts_of(WEIR_BLOCK, 10, NULL);
    int i, v;

    o.hooks = (weir_chan_hooks){.on_low = resume, .arg = &s};
    o.high = 60;
    o.low = 20;
    s.c = chan_of(&o);
    crew_go(crew, run_source, &s);
    while (atomic_load(&s.pauses) == 0)
        weir_yield();
    for (i = 0; i < s.n; i++) {
        must_eq(weir_chan_recv(s.c, &v, NULL), 0);
        must_eq(v, i);
    }
    must_eq(weir_chan_recv(s.c, &v, NULL), WEIR_CLOSED);
    crew_wait(crew);
    must_eq(account(s.c).highest, 6);
    must_eq(account(s.c).refused, 0);
    weir_chan_unref(s.c);
    weir_chan_unref(s.go);
}

/* ---- both sides at once ---------------------------------------------------
 */

static void send_ones(void *arg)
{
    int i;

    for (i = 0; i < 500; i++)
        must_eq(send_int(arg, 1), 0);
}

BEHAVIOUR(in_turn_amid_traffic)
{
    struct heard h = {0};
    weir_chan *c = marked(75, 25, 8, &h);
    int i, v;

    for (i = 0; i < 3; i++)
        crew_go(crew, send_ones, c);
    for (i = 0; i < 1500; i++)
        must_eq(weir_chan_recv(c, &v, NULL), 0);
    crew_wait(crew);
    must_eq(h.highs, h.lows);
    must(!weir_chan_is_high(c));
    weir_chan_unref(c);
}

CHECK_MAIN(CHECK_MODES(hysteresis), CHECK_MODES(at_every_level),
           CHECK_MODES(defaults_of_the_hooks), CHECK_MODES(no_marks),
           CHECK_MODES(by_bytes), CHECK_MODES(by_every_way),
           CHECK_MODES(a_high_hook_empties), CHECK_MODES(a_low_hook_closes),
           CHECK_MODES(a_source_pauses), CHECK_MODES(in_turn_amid_traffic))
