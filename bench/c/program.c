/* SPDX-License-Identifier: MIT */
/* Two whole programs that the field measures: sieve and skynet. */
#include "bench.h"

/* ---- sieve: a chain of filters grows by a task for each prime ----------- */

struct filter {
    weir_chan *in, *out;
    int64_t prime;
};

struct numbers {
    weir_chan *out;
    int64_t last;
};

static void generate(void *arg)
{
    const struct numbers *n = arg;
    for (int64_t i = 2; i <= n->last; i++)
        chan_send(n->out, i);
    must(weir_chan_close(n->out));
}

static void filter(void *arg)
{
    const struct filter *f = arg;
    int64_t v;
    while (weir_chan_recv(f->in, &v, NULL) == 0)
        if (v % f->prime != 0)
            chan_send(f->out, v);
    must(weir_chan_close(f->out));
}

/* The numbers to a, the last of which is the prime number ops. */
static void sieve(const struct row *row, int64_t ops)
{
    size_t n = (size_t)ops;
    struct filter *fs = new_array(n, sizeof *fs);
    weir_wg wg = WEIR_WG_INIT;
    weir_chan *c = new_chan(0);
    struct numbers from = {c, row->a};
    must(weir_wg_go(&wg, generate, &from));
    for (size_t i = 0; i < n; i++) {
        fs[i] = (struct filter){c, new_chan(0), chan_recv(c)};
        must(weir_wg_go(&wg, filter, &fs[i]));
        c = fs[i].out;
    }
    expect("the last prime", fs[n - 1].prime, row->a);
    expect("after it", weir_chan_recv(c, NULL, NULL), WEIR_CLOSED);
    must(weir_wg_wait(&wg, NULL));
    for (size_t i = 0; i < n; i++)
        weir_chan_unref(fs[i].in);
    weir_chan_unref(c);
    free(fs);
}

/* ---- skynet: a tree of tasks that adds the numbers of its leaves -------- */

struct node {
    weir_chan *parent;
    int64_t first, leaves;
};

static void node(void *arg)
{
    const struct node *n = arg;
    if (n->leaves == 1) {
        chan_send(n->parent, n->first);
        return;
    }
    weir_chan *c = new_chan(0);
    int64_t part = n->leaves / 10;
    for (int64_t i = 0; i < 10; i++) {
        struct node child = {c, n->first + i * part, part};
        must(weir_go_copy(node, &child, sizeof child));
    }
    int64_t sum = 0;
    for (int i = 0; i < 10; i++)
        sum += chan_recv(c);
    weir_chan_unref(c);
    chan_send(n->parent, sum);
}

/* ops leaves, a power of ten. */
static void skynet(const struct row *row, int64_t ops)
{
    (void)row;
    weir_chan *c = new_chan(0);
    struct node root = {c, 0, ops};
    must(weir_go_copy(node, &root, sizeof root));
    expect("sum", chan_recv(c), ops * (ops - 1) / 2);
    weir_chan_unref(c);
}

const struct row program_rows[] = {
    {"sieve", sieve, 37813, 0, FROM_TASK},
    {"skynet", skynet, 0, 0, FROM_TASK},
    {NULL, NULL, 0, 0, FROM_TASK},
};
