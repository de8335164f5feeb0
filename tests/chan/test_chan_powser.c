/* SPDX-License-Identifier: MIT */
/*
 * Power series as streams of coefficients, after McIlroy's "Squinting at
 * power series": each operator is a party of its own, products make new ones
 * as they go, and series that are defined by themselves run in circles.
 *
 * In two forms. On demand: a series is two channels, one to ask for the next
 * coefficient and one that brings it; nothing is computed before it is asked
 * for. Pushed: a series is one channel, and everybody works ahead until the
 * rendezvous holds him. The operators are the same for both.
 *
 * The whole ends by closing: who leaves a series closes its channels, and
 * that ends the party at the other side, which leaves its own series.
 */
#include "parties.h"
#include "rational.h"

WEIR_CHAN(rationals, struct rational);

struct series {
    bool on_demand;
    weir_chan *ask; /* elements of size 0 */
    rationals *out;
    atomic_int sides;
};

struct graph {
    struct crew *crew;
    bool on_demand;
};

struct op {
    struct graph *graph;
    struct series *z;     /* what it makes                    */
    struct series *in[2]; /* what it makes it of; NULL: none  */
    struct series *z2;    /* the second branch of a split     */
    struct rational c;
};

static struct series *series_new(const struct graph *g)
{
    struct series *s = malloc(sizeof *s);

    must(s != NULL);
    s->on_demand = g->on_demand;
    s->ask = weir_chan_new(0, 0);
    s->out = rationals_new(0);
    s->sides = 2;
    return s;
}

/* Each of the two sides leaves once. */
static void series_leave(struct series *s)
{
    if (s == NULL)
        return;
    must_eq(weir_chan_close(s->ask), 0);
    must_eq(rationals_close(s->out), 0);
    if (atomic_fetch_sub(&s->sides, 1) > 1)
        return;
    weir_chan_unref(s->ask);
    rationals_unref(s->out);
    free(s);
}

/* False in all three: the other side has left. */
static bool wanted(struct series *z)
{
    return !z->on_demand || weir_chan_recv(z->ask, NULL, NULL) == 0;
}

static bool emit(struct series *z, struct rational r)
{
    return rationals_send(z->out, r, NULL) == 0;
}

static bool next(struct series *u, struct rational *r)
{
    if (u->on_demand && weir_chan_send(u->ask, NULL, NULL) != 0)
        return false;
    return rationals_recv(u->out, r, NULL) == 0;
}

/* One of each, both asked at once, whichever comes first. */
static bool next_of_both(struct series *in[2], struct rational r[2])
{
    weir_case cs[4];
    int i, at, left;

    for (i = 0; i < 2; i++) {
        cs[i] = WEIR_SEND(in[i]->on_demand ? in[i]->ask : NULL, NULL);
        cs[2 + i] = rationals_recv_case(in[i]->out, &r[i]);
    }
    for (left = in[0]->on_demand ? 4 : 2; left > 0; left--) {
        at = weir_select(cs, 4, NULL);
        must(at >= 0);
        if (cs[at].status != 0)
            return false;
        cs[at].object = NULL;
    }
    return true;
}

static struct series *op_start(void (*run)(void *), struct op op)
{
    struct op *p = malloc(sizeof *p);

    must(p != NULL);
    if (op.z == NULL)
        op.z = series_new(op.graph);
    *p = op;
    crew_go(op.graph->crew, run, p);
    return op.z;
}

static void op_end(struct op *op)
{
    series_leave(op->z);
    series_leave(op->z2);
    series_leave(op->in[0]);
    series_leave(op->in[1]);
    free(op);
}

/* ---- operators ---------------------------------------------------------- */

/* c, 0, 0, ... */
static void constant_run(void *arg)
{
    struct op *op = arg;

    while (wanted(op->z) && emit(op->z, op->c))
        op->c = rational(0, 1);
    op_end(op);
}

static void add_run(void *arg)
{
    struct op *op = arg;
    struct rational r[2];

    while (wanted(op->z) && next_of_both(op->in, r))
        if (!emit(op->z, rational_add(r[0], r[1])))
            break;
    op_end(op);
}

static struct series *add(struct graph *g, struct series *u, struct series *v)
{
    return op_start(add_run, (struct op){.graph = g, .in = {u, v}});
}

static void scale_run(void *arg)
{
    struct op *op = arg;
    struct rational r;

    while (wanted(op->z) && next(op->in[0], &r))
        if (!emit(op->z, rational_mul(op->c, r)))
            break;
    op_end(op);
}

static struct series *scale(struct graph *g, struct rational c,
                            struct series *u)
{
    return op_start(scale_run, (struct op){.graph = g, .c = c, .in = {u}});
}

/* c plus the integral of the input from 0. */
static void integrate_run(void *arg)
{
    struct op *op = arg;
    struct rational r;
    int n;

    if (wanted(op->z) && emit(op->z, op->c))
        for (n = 1; wanted(op->z) && next(op->in[0], &r); n++)
            if (!emit(op->z, rational_mul(r, rational(1, n))))
                break;
    op_end(op);
}

static struct series *integrate(struct graph *g, struct rational c,
                                struct series *u)
{
    return op_start(integrate_run, (struct op){.graph = g, .c = c, .in = {u}});
}

static void differentiate_run(void *arg)
{
    struct op *op = arg;
    struct rational r;
    int n;

    if (next(op->in[0], &r))
        for (n = 1; wanted(op->z) && next(op->in[0], &r); n++)
            if (!emit(op->z, rational_mul(r, rational(n, 1))))
                break;
    op_end(op);
}

/* ---- split: one stream becomes two, which may be read at any pace ------- */

/* A series that is fed back to itself has no end of its own: it may run only
 * so far ahead of the branch that leads out. */
enum { QUEUE = 64, AHEAD = 6 };

struct branch {
    struct rational queue[QUEUE]; /* read of the input, not yet given out */
    unsigned head, tail;
    bool asked;
};

static weir_case branch_case(struct branch *b, struct series *z)
{
    const bool ready = b->asked && b->head != b->tail;

    return rationals_send_case(ready ? z->out : NULL,
                               &b->queue[b->head % QUEUE]);
}

/* Has a branch asked, or would take, what is not there yet? */
static bool hungry(const struct branch b[2], bool on_demand)
{
    int i;

    for (i = 0; i < 2; i++)
        if (b[i].asked && b[i].head == b[i].tail &&
            (on_demand || b[1 - i].tail - b[1 - i].head < AHEAD))
            return true;
    return false;
}

static void push(struct branch *b, struct rational r)
{
    must(b->tail - b->head < QUEUE);
    b->queue[b->tail++ % QUEUE] = r;
}

/* All that a split may do at a time is the cases of one select. */
static void split_run(void *arg)
{
    struct op *op = arg;
    struct series *z[2] = {op->z, op->z2}, *u = op->in[0];
    const bool on_demand = u->on_demand;
    struct branch b[2] = {{.asked = !on_demand}, {.asked = !on_demand}};
    bool asking = false;
    struct rational r;
    int at;

    for (;;) {
        const bool reads = hungry(b, on_demand);
        weir_case cs[] = {
            WEIR_RECV(b[0].asked ? NULL : z[0]->ask, NULL),
            WEIR_RECV(b[1].asked ? NULL : z[1]->ask, NULL),
            branch_case(&b[0], z[0]),
            branch_case(&b[1], z[1]),
            WEIR_SEND(on_demand && reads && !asking ? u->ask : NULL, NULL),
            rationals_recv_case(on_demand ? asking ? u->out : NULL
                                : reads   ? u->out
                                          : NULL,
                                &r),
        };

        at = weir_select(cs, 6, NULL);
        must(at >= 0);
        if (cs[at].status != 0)
            break;
        if (at < 2) {
            b[at].asked = true;
        } else if (at < 4) {
            b[at - 2].head++;
            b[at - 2].asked = !on_demand;
        } else if (at == 4) {
            asking = true;
        } else {
            asking = false;
            push(&b[0], r);
            push(&b[1], r);
        }
    }
    op_end(op);
}

static void split(struct graph *g, struct series *u, struct series *z[2])
{
    op_start(split_run,
             (struct op){.graph = g, .in = {u}, .z = z[0], .z2 = z[1]});
}

/* ---- products and quotients --------------------------------------------- */

static void copy_rest(struct series *from, struct series *to)
{
    struct rational r;

    while (wanted(to) && next(from, &r) && emit(to, r))
        ;
    series_leave(from);
}

static struct series *mul(struct graph *g, struct series *u, struct series *v);

/* (u + xU)(v + xV) = uv + x(uV + vU) + xx UV. */
static void mul_tail(struct op *op, const struct rational r[2])
{
    struct graph *g = op->graph;
    struct series *u[2] = {series_new(g), series_new(g)};
    struct series *v[2] = {series_new(g), series_new(g)};
    struct series *middle;
    struct rational w;

    split(g, op->in[0], u);
    split(g, op->in[1], v);
    op->in[0] = op->in[1] = NULL;
    middle = add(g, scale(g, r[0], v[0]), scale(g, r[1], u[0]));
    if (wanted(op->z) && next(middle, &w) && emit(op->z, w)) {
        copy_rest(add(g, middle, mul(g, u[1], v[1])), op->z);
        return;
    }
    series_leave(middle);
    series_leave(u[1]);
    series_leave(v[1]);
}

static void mul_run(void *arg)
{
    struct op *op = arg;
    struct rational r[2];

    if (wanted(op->z) && next_of_both(op->in, r) &&
        emit(op->z, rational_mul(r[0], r[1])))
        mul_tail(op, r);
    op_end(op);
}

static struct series *mul(struct graph *g, struct series *u, struct series *v)
{
    return op_start(mul_run, (struct op){.graph = g, .in = {u, v}});
}

/* R = 1 / (u + xU): its head is 1/u, its tail -1/u U R. */
static void reciprocal_run(void *arg)
{
    struct op *op = arg;
    struct series *u = op->in[0], *r = op->in[1];
    struct rational head;

    if (wanted(op->z) && next(u, &head) &&
        emit(op->z, rational(head.den, head.num))) {
        op->in[0] = op->in[1] = NULL;
        copy_rest(scale(op->graph, rational(-head.den, head.num),
                        mul(op->graph, u, r)),
                  op->z);
    }
    op_end(op);
}

static struct series *reciprocal(struct graph *g, struct series *u)
{
    struct series *z[2] = {series_new(g), series_new(g)};

    split(g, op_start(reciprocal_run, (struct op){.graph = g, .in = {u, z[1]}}),
          z);
    return z[0];
}

/* ---- series that are defined by themselves ------------------------------ */

/* exp = 1 + integral of exp. */
static struct series *exponential(struct graph *g)
{
    struct series *z[2] = {series_new(g), series_new(g)};

    split(g, integrate(g, rational(1, 1), z[1]), z);
    return z[0];
}

/* tan = integral of 1 + tan tan. */
static struct series *tangent(struct graph *g)
{
    struct series *z[2] = {series_new(g), series_new(g)};
    struct series *both[2] = {series_new(g), series_new(g)};
    struct series *one =
        op_start(constant_run, (struct op){.graph = g, .c = rational(1, 1)});
    struct series *square = mul(g, both[0], both[1]);

    split(g, z[1], both);
    split(g, integrate(g, rational(0, 1), add(g, one, square)), z);
    return z[0];
}

/* ---- the tests ---------------------------------------------------------- */

enum { TERMS = 10 };

static void must_begin(struct series *s, const struct rational *expected)
{
    struct rational r;
    int i;

    for (i = 0; i < TERMS; i++) {
        must(next(s, &r));
        if (!rational_eq(r, expected[i]))
            ck_abort_msg("term %d is %lld/%lld, not %lld/%lld", i,
                         (long long)r.num, (long long)r.den,
                         (long long)expected[i].num,
                         (long long)expected[i].den);
    }
    series_leave(s);
}

/* The coefficients of exp(ax). */
static void exponential_of(int a, struct rational *out)
{
    int i;

    out[0] = rational(1, 1);
    for (i = 1; i < TERMS; i++)
        out[i] = rational_mul(out[i - 1], rational(a, i));
}

static void many_series(struct graph *g)
{
    static const struct rational tan[TERMS] = {
        {0, 1},  {1, 1}, {0, 1},    {1, 3}, {0, 1},
        {2, 15}, {0, 1}, {17, 315}, {0, 1}, {62, 2835}};
    struct rational expected[TERMS];
    struct op derive = {.graph = g};

    exponential_of(1, expected);
    must_begin(exponential(g), expected);
    derive.in[0] = exponential(g);
    must_begin(op_start(differentiate_run, derive), expected);
    exponential_of(2, expected);
    must_begin(mul(g, exponential(g), exponential(g)), expected);
    exponential_of(-1, expected);
    must_begin(reciprocal(g, exponential(g)), expected);
    must_begin(tangent(g), tan);
    crew_wait(g->crew);
}

BEHAVIOUR(series_on_demand)
{
    struct graph g = {crew, true};

    many_series(&g);
}

BEHAVIOUR(series_pushed)
{
    struct graph g = {crew, false};

    many_series(&g);
}

CHECK_MAIN(CHECK_MODES(series_on_demand), CHECK_MODES(series_pushed))
