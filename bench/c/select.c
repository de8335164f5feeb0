/* SPDX-License-Identifier: MIT */
/* Select over a receive cases: one of them ready, and none of them ready. */
#include "bench.h"

enum { CASES_MAX = 64 };

struct set {
    int n;
    int64_t ops;
    weir_chan *c[CASES_MAX];
    weir_case cases[CASES_MAX];
    int64_t in; /* what the chosen case received */
};

static void set_init(struct set *s, int n, size_t capacity, int64_t ops)
{
    s->n = n;
    s->ops = ops;
    for (int i = 0; i < n; i++) {
        s->c[i] = new_chan(capacity);
        s->cases[i] = WEIR_RECV(s->c[i], &s->in);
    }
}

static inline int next(const struct set *s, int k)
{
    return k + 1 < s->n ? k + 1 : 0;
}

static void set_fini(struct set *s)
{
    for (int i = 0; i < s->n; i++)
        weir_chan_unref(s->c[i]);
}

/* An operation is the send that makes a case ready, and the select. */
static void ready(const struct row *row, int64_t ops)
{
    struct set s;
    set_init(&s, row->a, 1, ops);
    int64_t sum = 0;
    int k = 0;
    for (int64_t i = 0; i < ops; i++, k = next(&s, k)) {
        chan_send(s.c[k], i);
        expect("chosen case", weir_select(s.cases, s.n, NULL), k);
        sum += s.in;
    }
    expect("sum", sum, ops * (ops - 1) / 2);
    set_fini(&s);
}

static void send_in_turn(void *arg)
{
    const struct set *s = arg;
    int k = 0;
    for (int64_t i = 0; i < s->ops; i++, k = next(s, k))
        chan_send(s->c[k], i);
}

/* One task sends to the channels in turn, the main task selects. */
static void blocking(const struct row *row, int64_t ops)
{
    struct set s;
    set_init(&s, row->a, 0, ops);
    weir_wg wg = WEIR_WG_INIT;
    must(weir_wg_go(&wg, send_in_turn, &s));
    int64_t sum = 0;
    int k = 0;
    for (int64_t i = 0; i < ops; i++, k = next(&s, k)) {
        expect("chosen case", weir_select(s.cases, s.n, NULL), k);
        sum += s.in;
    }
    expect("sum", sum, ops * (ops - 1) / 2);
    must(weir_wg_wait(&wg, NULL));
    set_fini(&s);
}

const struct row select_rows[] = {
    {"select-ready-2", ready, 2, 0, FROM_TASK},
    {"select-ready-8", ready, 8, 0, FROM_TASK},
    {"select-ready-64", ready, 64, 0, FROM_TASK},
    {"select-block-2", blocking, 2, 0, FROM_TASK},
    {"select-block-8", blocking, 8, 0, FROM_TASK},
    {"select-block-64", blocking, 64, 0, FROM_TASK},
    {NULL, NULL, 0, 0, FROM_TASK},
};
