/* SPDX-License-Identifier: MIT */
/* Channels between two and a thousand tasks, and calls that do not wait. */
#include "bench.h"

struct link {
    weir_chan *in, *out;
    int64_t times;
};

static void relay(void *arg)
{
    const struct link *l = arg;
    for (int64_t i = 0; i < l->times; i++)
        chan_send(l->out, chan_recv(l->in) + 1);
}

static void ping_pong(const struct row *row, int64_t ops)
{
    (void)row;
    struct link l = {new_chan(0), new_chan(0), ops};
    weir_wg wg = WEIR_WG_INIT;
    must(weir_wg_go(&wg, relay, &l));
    int64_t v = 0;
    for (int64_t i = 0; i < ops; i++) {
        chan_send(l.in, v);
        v = chan_recv(l.out);
    }
    expect("replies", v, ops);
    must(weir_wg_wait(&wg, NULL));
    weir_chan_unref(l.in);
    weir_chan_unref(l.out);
}

static void send_numbers(void *arg)
{
    const struct link *l = arg;
    for (int64_t i = 0; i < l->times; i++)
        chan_send(l->out, i);
}

static void stream(const struct row *row, int64_t ops)
{
    (void)row;
    struct link l = {NULL, new_chan(0), ops};
    weir_wg wg = WEIR_WG_INIT;
    must(weir_wg_go(&wg, send_numbers, &l));
    int64_t sum = 0;
    for (int64_t i = 0; i < ops; i++)
        sum += chan_recv(l.out);
    expect("sum", sum, ops * (ops - 1) / 2);
    must(weir_wg_wait(&wg, NULL));
    weir_chan_unref(l.out);
}

/* n relays in a row, each with `times` to do; l[n].in is the far end. */
static struct link *start_relays(weir_wg *wg, size_t n, int64_t times)
{
    struct link *l = new_array(n + 1, sizeof *l);
    l[0].in = new_chan(0);
    for (size_t i = 0; i < n; i++) {
        l[i].out = l[i + 1].in = new_chan(0);
        l[i].times = times;
        must(weir_wg_go(wg, relay, &l[i]));
    }
    return l;
}

static void end_relays(weir_wg *wg, struct link *l, size_t n)
{
    must(weir_wg_wait(wg, NULL));
    for (size_t i = 0; i <= n; i++)
        weir_chan_unref(l[i].in);
    free(l);
}

/* One token; the main task closes the ring of a tasks. */
static void ring(const struct row *row, int64_t ops)
{
    size_t n = (size_t)row->a - 1;
    int64_t laps = ops / row->a;
    weir_wg wg = WEIR_WG_INIT;
    struct link *l = start_relays(&wg, n, laps);
    int64_t token = 0;
    for (int64_t i = 0; i < laps; i++) {
        chan_send(l[0].in, token + 1);
        token = chan_recv(l[n].in);
    }
    expect("hops", token, ops);
    end_relays(&wg, l, n);
}

/* All stages are busy at once; a stage's hop counts as one operation. */
static void pipeline(const struct row *row, int64_t ops)
{
    size_t n = (size_t)row->a;
    int64_t messages = ops / row->a;
    weir_wg wg = WEIR_WG_INIT;
    struct link *l = start_relays(&wg, n, messages);
    struct link source = {NULL, l[0].in, messages};
    must(weir_wg_go(&wg, send_numbers, &source));
    int64_t sum = 0;
    for (int64_t i = 0; i < messages; i++)
        sum += chan_recv(l[n].in);
    expect("sum", sum, messages * (messages - 1) / 2 + ops);
    end_relays(&wg, l, n);
}

static void try_pair(const struct row *row, int64_t ops)
{
    (void)row;
    weir_chan *c = new_chan(128);
    int64_t sum = 0;
    for (int64_t i = 0; i < ops; i++) {
        int64_t v;
        must(weir_chan_try_send(c, &i));
        must(weir_chan_try_recv(c, &v));
        sum += v;
    }
    expect("sum", sum, ops * (ops - 1) / 2);
    weir_chan_unref(c);
}

static void try_empty(const struct row *row, int64_t ops)
{
    (void)row;
    weir_chan *c = new_chan(128);
    int64_t empty = 0;
    for (int64_t i = 0; i < ops; i++) {
        int64_t v;
        empty += weir_chan_try_recv(c, &v) == WEIR_EMPTY;
    }
    expect("found empty", empty, ops);
    weir_chan_unref(c);
}

const struct row chan_rows[] = {
    {"ping-pong", ping_pong, 0, 0, FROM_TASK},
    {"stream", stream, 0, 0, FROM_TASK},
    {"ring-1000", ring, 1000, 0, FROM_TASK},
    {"pipeline-1000", pipeline, 1000, 0, FROM_TASK},
    {"try-pair", try_pair, 0, 0, FROM_TASK},
    {"try-empty", try_empty, 0, 0, FROM_TASK},
    {NULL, NULL, 0, 0, FROM_TASK},
};
