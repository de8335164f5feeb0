/* SPDX-License-Identifier: MIT */
/*
 * What a channel promises at every capacity: who waits and who does not,
 * that everything comes out once and in order, and what remains after close.
 */
#include "parties.h"

static const int capacities[] = {0, 1, 2, 3, 10, 100};

#define EACH_CAPACITY(cap)                                                     \
    for (size_t at_ = 0, cap = 0;                                              \
         at_ < sizeof capacities / sizeof *capacities &&                       \
         (cap = (size_t)capacities[at_], true);                                \
         at_++)

struct one {
    ints *c;
    int value;
    int status;
    atomic_bool back; /* the operation has returned */
};

static void recv_one(void *arg)
{
    struct one *o = arg;

    o->status = ints_recv(o->c, &o->value, NULL);
    atomic_store(&o->back, true);
}

static void recv_one_by_select(void *arg)
{
    struct one *o = arg;
    weir_case cs[] = {ints_recv_case(o->c, &o->value)};

    must_eq(weir_select(cs, 1, NULL), 0);
    o->status = cs[0].status;
    atomic_store(&o->back, true);
}

static void send_one(void *arg)
{
    struct one *o = arg;

    o->status = ints_send(o->c, o->value, NULL);
    atomic_store(&o->back, true);
}

BEHAVIOUR(receive_waits_for_a_send)
{
    EACH_CAPACITY(cap)
    {
        ints *c = ints_new(cap);
        struct one a = {.c = c, .value = -1}, b = {.c = c, .value = -1};

        crew_go(crew, recv_one, &a);
        crew_go(crew, recv_one_by_select, &b);
        settle();
        must(!atomic_load(&a.back) && !atomic_load(&b.back));
        put(c, 7);
        put(c, 8);
        crew_wait(crew);
        must_eq(a.status, 0);
        must_eq(b.status, 0);
        must_eq(a.value + b.value, 15);
        must_eq(ints_len(c), 0);
        ints_unref(c);
    }
}

BEHAVIOUR(send_waits_while_full)
{
    EACH_CAPACITY(cap)
    {
        ints *c = ints_new(cap);
        struct one last = {.c = c, .value = (int)cap};
        int i;

        for (i = 0; i < (int)cap; i++)
            put(c, i);
        crew_go(crew, send_one, &last);
        settle();
        must(!atomic_load(&last.back));
        must_eq(ints_len(c), cap);
        for (i = 0; i <= (int)cap; i++)
            must_eq(get(c), i);
        crew_wait(crew);
        must_eq(last.status, 0);
        ints_unref(c);
    }
}

BEHAVIOUR(buffer_takes_capacity_without_waiting)
{
    EACH_CAPACITY(cap)
    {
        ints *c = ints_new(cap);
        size_t i;

        must_eq(weir_chan_cap(ints_base(c)), cap);
        for (i = 0; i < cap; i++) {
            must_eq(ints_len(c), i);
            must_eq(ints_try_send(c, (int)i), 0);
        }
        must_eq(ints_len(c), cap);
        must_eq(ints_try_send(c, -1), WEIR_FULL);
        for (i = 0; i < cap; i++)
            must_eq(get(c), i);
        ints_unref(c);
    }
    (void)crew;
}

/* A receiver could have had these before the close: it still gets them. */
BEHAVIOUR(closed_channel_drains)
{
    EACH_CAPACITY(cap)
    {
        ints *c = ints_new(cap);
        int i, value = -5;

        for (i = 0; i < (int)cap; i++)
            put(c, i);
        must(!weir_chan_is_closed(ints_base(c)));
        must_eq(ints_close(c), 0);
        must(weir_chan_is_closed(ints_base(c)));
        must_eq(ints_send(c, 1, NULL), WEIR_CLOSED);
        for (i = 0; i < (int)cap; i++) {
            must_eq(ints_len(c), cap - (size_t)i);
            must_eq(get(c), i);
        }
        for (i = 0; i < 3; i++) {
            must_eq(ints_recv(c, &value, NULL), WEIR_CLOSED);
            must_eq(ints_try_recv(c, &value), WEIR_CLOSED);
            must_eq(value, -5);
        }
        ints_unref(c);
    }
    (void)crew;
}

BEHAVIOUR(waiting_receivers_learn_of_the_close)
{
    EACH_CAPACITY(cap)
    {
        ints *c = ints_new(cap);
        struct one a = {.c = c, .value = -1}, b = {.c = c, .value = -1};

        crew_go(crew, recv_one, &a);
        crew_go(crew, recv_one_by_select, &b);
        settle();
        must_eq(ints_close(c), 0);
        crew_wait(crew);
        must_eq(a.status, WEIR_CLOSED);
        must_eq(b.status, WEIR_CLOSED);
        must_eq(a.value, -1);
        must_eq(b.value, -1);
        ints_unref(c);
    }
}

struct lane {
    ints *in;
    ints *out;
    int n;
};

static void send_rising(void *arg)
{
    const struct lane *l = arg;
    int i;

    for (i = 0; i < l->n; i++)
        put(l->in, i);
}

static void forward_some(void *arg)
{
    const struct lane *l = arg;
    int i;

    for (i = 0; i < l->n; i++)
        put(l->out, get(l->in));
}

BEHAVIOUR(one_sender_arrives_in_order)
{
    EACH_CAPACITY(cap)
    {
        ints *c = ints_new(cap);
        struct lane l = {.in = c, .n = check_scale(500)};
        int i;

        crew_go(crew, send_rising, &l);
        for (i = 0; i < l.n; i++)
            must_eq(get(c), i);
        crew_wait(crew);
        must_eq(ints_len(c), 0);
        ints_unref(c);
    }
}

/* Four send 0..n-1 each, four receive n each: every value arrives four
 * times, whoever gets it. */
BEHAVIOUR(many_to_many_each_once)
{
    enum { SIDES = 4, N = 250 };

    EACH_CAPACITY(cap)
    {
        ints *in = ints_new(cap), *out = ints_new(SIDES * N);
        struct lane l = {.in = in, .out = out, .n = N};
        int seen[N] = {0};
        int i;

        for (i = 0; i < SIDES; i++) {
            crew_go(crew, send_rising, &l);
            crew_go(crew, forward_some, &l);
        }
        crew_wait(crew);
        must_eq(ints_len(out), SIDES * N);
        for (i = 0; i < SIDES * N; i++)
            seen[get(out)]++;
        for (i = 0; i < N; i++)
            must_eq(seen[i], SIDES);
        ints_unref(in);
        ints_unref(out);
    }
}

/* A rendezvous send returns only when its element is with a receiver, so
 * what the receiver did before its receive is visible to the sender. */
struct meeting {
    ints *c;
    int before; /* plain on purpose: the hand-off orders it */
};

static void receive_after_writing(void *arg)
{
    struct meeting *m = arg;

    m->before = 1;
    must_eq(get(m->c), 3);
}

BEHAVIOUR(rendezvous_orders_both_sides)
{
    int i;

    for (i = 0; i < check_scale(300); i++) {
        struct meeting m = {.c = ints_new(0)};

        crew_go(crew, receive_after_writing, &m);
        put(m.c, 3);
        must_eq(m.before, 1);
        crew_wait(crew);
        ints_unref(m.c);
    }
}

/* Elements of all kinds of sizes come out as they went in. */
struct big {
    unsigned char bytes[777];
};

struct bulk {
    weir_chan *c;
    size_t size;
    int n;
};

static void fill_pattern(unsigned char *p, size_t size, int seed)
{
    size_t i;

    for (i = 0; i < size; i++)
        p[i] = (unsigned char)((size_t)seed * 31 + i);
}

static void send_patterns(void *arg)
{
    const struct bulk *b = arg;
    struct big elem;
    int i;

    for (i = 0; i < b->n; i++) {
        fill_pattern(elem.bytes, b->size, i);
        must_eq(weir_chan_send(b->c, &elem, NULL), 0);
    }
}

BEHAVIOUR(any_element_size)
{
    static const size_t sizes[] = {1,  2,  3,  4,  7,  8,   9,
                                   12, 16, 24, 63, 64, 100, sizeof(struct big)};
    struct big got, want;
    size_t s;
    int i;

    for (s = 0; s < 2 * sizeof sizes / sizeof *sizes; s++) {
        struct bulk b = {.size = sizes[s / 2], .n = 20};

        b.c = weir_chan_new(b.size, s % 2 * 3);
        must_eq(weir_chan_elem_size(b.c), b.size);
        crew_go(crew, send_patterns, &b);
        for (i = 0; i < b.n; i++) {
            memset(&got, 0xee, sizeof got);
            memset(&want, 0xee, sizeof want);
            fill_pattern(want.bytes, b.size, i);
            must_eq(weir_chan_recv(b.c, &got, NULL), 0);
            must_eq(memcmp(&got, &want, sizeof got), 0);
        }
        crew_wait(crew);
        weir_chan_unref(b.c);
    }
}

CHECK_MAIN(CHECK_MODES(receive_waits_for_a_send),
           CHECK_MODES(send_waits_while_full),
           CHECK_MODES(buffer_takes_capacity_without_waiting),
           CHECK_MODES(closed_channel_drains),
           CHECK_MODES(waiting_receivers_learn_of_the_close),
           CHECK_MODES(one_sender_arrives_in_order),
           CHECK_MODES(many_to_many_each_once),
           CHECK_MODES(rendezvous_orders_both_sides),
           CHECK_MODES(any_element_size))
