/* SPDX-License-Identifier: MIT */
/*
 * Fans: each element arrives once, or once at each out; shares are fair; the
 * end of either side reaches the other; nothing is lost unsaid, however it
 * ends.
 */
#include "../chan/parties.h"
#include "base/mem.h"

enum { PARTIES = 4, WIDE = 3, MANY = 20 };

static weir_fan_counts counts_of(weir_fan *f)
{
    weir_fan_counts c;

    must_eq(weir_fan_get_counts(f, &c), 0);
    must_eq(c.received + c.copied, c.sent + c.discarded + c.held);
    return c;
}

static void count_discarded(void *elem, void *arg)
{
    must(*(int *)elem > 0);
    atomic_fetch_add((atomic_int *)arg, 1);
}

/* n channels as both kinds of array. */
struct side {
    ints *c[MANY];
    weir_chan *base[MANY];
    int n;
};

static struct side side_of(int n, size_t capacity)
{
    struct side s = {.n = n};
    int i;

    for (i = 0; i < n; i++) {
        s.c[i] = ints_new(capacity);
        s.base[i] = ints_base(s.c[i]);
    }
    return s;
}

static void side_unref(struct side *s)
{
    int i;

    for (i = 0; i < s->n; i++)
        ints_unref(s->c[i]);
}

static void await_held(weir_fan *f, uint64_t n)
{
    while (counts_of(f).held != n)
        weir_yield();
}

/* ---- to one of many
 * ------------------------------------------------------------ */

BEHAVIOUR(out_gives_each_to_one)
{
    ints *in = ints_new(0);
    struct side outs = side_of(WIDE, 0);
    weir_fan *f;
    int i;

    must_eq(weir_fan_out(&f, ints_base(in), outs.base, WIDE, NULL), 0);
    for (i = 1; i <= 9; i++) { /* whichever receives, gets it */
        put(in, i);
        must_eq(get(outs.c[i % WIDE]), i);
    }
    ints_close(in);
    must_eq(weir_fan_join(f), 0);
    for (i = 0; i < WIDE; i++)
        must(weir_chan_is_closed(outs.base[i]));
    must_eq(counts_of(f).sent, 9);
    must_eq(weir_fan_free(f), 0);
    side_unref(&outs);
    ints_unref(in);
    (void)crew;
}

BEHAVIOUR(out_leaves_out_what_is_closed)
{
    ints *in = ints_new(0);
    struct side outs = side_of(WIDE, 1);
    atomic_int discarded = 0;
    weir_fan *f;
    int i;

    must_eq(weir_fan_out(&f, ints_base(in), outs.base, WIDE,
                         &(weir_fan_opts){.close_ins = true,
                                          .discard = count_discarded,
                                          .arg = &discarded}),
            0);
    ints_close(outs.c[0]);
    ints_close(outs.c[2]);
    for (i = 1; i <= 20; i++) {
        put(in, i);
        must_eq(get(outs.c[1]), i);
    }
    ints_close(outs.c[1]);
    put(in, 21);
    must_eq(weir_fan_join(f), WEIR_CLOSED);
    must_eq(discarded, 1);
    must_eq(counts_of(f).sent, 20);
    must(weir_chan_is_closed(ints_base(in)));
    must_eq(weir_fan_free(f), 0);
    side_unref(&outs);
    ints_unref(in);
    (void)crew;
}

/* ---- to all
 * ---------------------------------------------------------------------- */

BEHAVIOUR(copy_gives_each_to_all)
{
    ints *in = ints_new(0);
    struct side outs = side_of(WIDE, 4);
    weir_fan *f;
    int i, k;

    must_eq(weir_fan_copy(&f, ints_base(in), outs.base, WIDE, NULL), 0);
    for (i = 1; i <= 20; i++) {
        put(in, i);
        for (k = 0; k < WIDE; k++)
            must_eq(get(outs.c[k]), i);
    }
    ints_close(outs.c[0]); /* the others go on */
    for (; i <= 40; i++) {
        put(in, i);
        for (k = WIDE - 1; k > 0; k--)
            must_eq(get(outs.c[k]), i);
    }
    ints_close(in);
    must_eq(weir_fan_join(f), 0);
    must_eq(counts_of(f).received, 40);
    must_eq(counts_of(f).sent, 100);
    must_eq(weir_fan_free(f), 0);
    for (k = 0; k < WIDE; k++)
        must(weir_chan_is_closed(outs.base[k]));
    side_unref(&outs);
    ints_unref(in);
    (void)crew;
}

/* The one that waits does not keep its neighbour from the same element. */
BEHAVIOUR(tee_is_not_held_up_by_one)
{
    ints *in = ints_new(0), *a = ints_new(0), *b = ints_new(0);
    weir_fan *f;

    must_eq(weir_tee(&f, ints_base(in), ints_base(a), ints_base(b), NULL), 0);
    put(in, 1);
    must_eq(get(b), 1);
    await_held(f, 1);
    must_eq(get(a), 1);
    put(in, 2);
    must_eq(get(a), 2);
    await_held(f, 1);
    must_eq(get(b), 2);
    ints_close(in);
    must_eq(weir_fan_join(f), 0);
    must_eq(weir_fan_free(f), 0);
    ints_unref(a);
    ints_unref(b);
    ints_unref(in);
    (void)crew;
}

WEIR_CHAN(boxes, int *);

struct shop {
    atomic_int copies, discarded;
    int fail_at;
};

static int *box(int value)
{
    int *p = malloc(sizeof *p);

    must(p != NULL);
    *p = value;
    return p;
}

static int copy_box(void *dst, const void *src, void *arg)
{
    struct shop *shop = arg;

    if (atomic_fetch_add(&shop->copies, 1) + 1 == shop->fail_at)
        return 88;
    *(int **)dst = box(**(int *const *)src);
    return 0;
}

static void free_box(void *elem, void *arg)
{
    struct shop *shop = arg;

    free(*(int **)elem);
    atomic_fetch_add(&shop->discarded, 1);
}

static void take_box(boxes *c, int value)
{
    int *p;

    must_eq(boxes_recv(c, &p, NULL), 0);
    must_eq(*p, value);
    free(p);
}

struct shop_of {
    boxes *in, *out[WIDE];
    weir_chan *base[WIDE];
    struct shop shop;
    weir_fan *f;
};

static void shop_open(struct shop_of *s, int fail_at)
{
    int i;

    memset(s, 0, sizeof *s);
    s->in = boxes_new(0);
    for (i = 0; i < WIDE; i++) {
        s->out[i] = boxes_new(0);
        s->base[i] = boxes_base(s->out[i]);
    }
    s->shop.fail_at = fail_at;
    must_eq(weir_fan_copy(&s->f, boxes_base(s->in), s->base, WIDE,
                          &(weir_fan_opts){.copy = copy_box,
                                           .discard = free_box,
                                           .arg = &s->shop}),
            0);
}

static void shop_close(struct shop_of *s)
{
    int i;

    must_eq(counts_of(s->f).held, 0);
    must_eq(counts_of(s->f).discarded, s->shop.discarded);
    must_eq(weir_fan_free(s->f), 0);
    for (i = 0; i < WIDE; i++)
        boxes_unref(s->out[i]);
    boxes_unref(s->in);
}

BEHAVIOUR(what_owns_is_copied)
{
    struct shop_of s;
    int i;

    shop_open(&s, 0);
    must_eq(boxes_send(s.in, box(5), NULL), 0);
    for (i = WIDE - 1; i >= 0; i--)
        take_box(s.out[i], 5);
    must_eq(s.shop.copies, WIDE - 1);

    boxes_close(s.out[1]); /* closed while it waits, and while it has not */
    must_eq(boxes_send(s.in, box(6), NULL), 0);
    take_box(s.out[0], 6);
    await_held(s.f, 1);
    boxes_close(s.out[2]);
    must_eq(boxes_send(s.in, box(7), NULL), 0);
    take_box(s.out[0], 7);
    boxes_close(s.out[0]);
    must_eq(boxes_send(s.in, box(8), NULL), 0);
    must_eq(weir_fan_join(s.f), WEIR_CLOSED);
    must_eq(counts_of(s.f).sent, WIDE + 2);
    shop_close(&s);
    (void)crew;
}

BEHAVIOUR(a_copy_that_fails_ends_it)
{
    struct shop_of s;
    int i;

    shop_open(&s, 4); /* the second copy of the second element */
    must_eq(boxes_send(s.in, box(5), NULL), 0);
    for (i = 0; i < WIDE; i++)
        take_box(s.out[i], 5);
    must_eq(boxes_send(s.in, box(6), NULL), 0);
    must_eq(weir_fan_join(s.f), 88);
    must_eq(s.shop.discarded, 2);
    shop_close(&s);
    (void)crew;
}

BEHAVIOUR(cancel_hands_copies_back)
{
    struct shop_of s;

    shop_open(&s, 0);
    must_eq(boxes_send(s.in, box(5), NULL), 0);
    take_box(s.out[1], 5);
    await_held(s.f, WIDE - 1);
    must_eq(weir_fan_cancel(s.f, 9), 0);
    must_eq(weir_fan_join(s.f), 9);
    must_eq(s.shop.discarded, WIDE - 1);
    shop_close(&s);
    (void)crew;
}

/* ---- many to one
 * --------------------------------------------------------------------- */

static void fill(struct side *s, int n)
{
    int i, k;

    for (i = 0; i < s->n; i++)
        for (k = 0; k < n; k++)
            put(s->c[i], i + 1);
}

static void close_all(struct side *s)
{
    int i;

    for (i = 0; i < s->n; i++)
        ints_close(s->c[i]);
}

BEHAVIOUR(in_merges_until_all_have_ended)
{
    struct side ins = side_of(WIDE, 4);
    ints *out = ints_new(0);
    weir_fan *f;
    int v;

    must_eq(weir_fan_in(&f, ins.base, WIDE, ints_base(out), NULL), 0);
    put(ins.c[1], 5);
    must_eq(get(out), 5);
    ints_close(ins.c[1]);
    put(ins.c[0], 6);
    must_eq(get(out), 6);
    put(ins.c[2], 7);
    ints_close(ins.c[2]);
    ints_close(ins.c[0]);
    must_eq(get(out), 7);
    must_eq(ints_recv(out, &v, NULL), WEIR_CLOSED);
    must_eq(weir_fan_join(f), 0);
    must_eq(weir_fan_free(f), 0);
    side_unref(&ins);
    ints_unref(out);
    (void)crew;
}

BEHAVIOUR(in_takes_turns)
{
    struct side ins = side_of(WIDE, 10);
    ints *out = ints_new(0);
    weir_fan *f;
    int round, i, seen;

    fill(&ins, 10);
    close_all(&ins);
    must_eq(weir_fan_in(&f, ins.base, WIDE, ints_base(out), NULL), 0);
    for (round = 0; round < 10; round++) {
        for (i = 0, seen = 0; i < WIDE; i++)
            seen |= 1 << get(out);
        must_eq(seen, 2 + 4 + 8);
    }
    must_eq(weir_fan_join(f), 0);
    must_eq(weir_fan_free(f), 0);
    side_unref(&ins);
    ints_unref(out);
    (void)crew;
}

BEHAVIOUR(in_shares_by_weight)
{
    const uint32_t weights[WIDE] = {1, 2, 5};
    struct side ins = side_of(WIDE, 100);
    ints *out = ints_new(0);
    weir_fan *f;
    int i, share[WIDE + 1] = {0};

    fill(&ins, 100);
    must_eq(weir_fan_in(&f, ins.base, WIDE, ints_base(out),
                        &(weir_fan_opts){.weights = weights}),
            0);
    for (i = 0; i < 80; i++)
        share[get(out)]++;
    for (i = 0; i < WIDE; i++) /* of 80: 10, 20, 50, one more or less */
        must(abs(share[i + 1] - 10 * (int)weights[i]) <= 1);
    must_eq(weir_fan_free(f), 0);
    side_unref(&ins);
    ints_unref(out);
    (void)crew;
}

BEHAVIOUR(idle_time_is_no_claim)
{
    const uint32_t weights[2] = {1, 1};
    struct side ins = side_of(2, 200);
    ints *out = ints_new(0);
    weir_fan *f;
    int i, share[3] = {0};

    for (i = 0; i < 200; i++)
        put(ins.c[0], 1);
    must_eq(weir_fan_in(&f, ins.base, 2, ints_base(out),
                        &(weir_fan_opts){.weights = weights}),
            0);
    for (i = 0; i < 100; i++)
        must_eq(get(out), 1);
    for (i = 0; i < 100; i++)
        put(ins.c[1], 2);
    for (i = 0; i < 40; i++)
        share[get(out)]++;
    must(abs(share[1] - share[2]) <= 2);
    must_eq(weir_fan_free(f), 0);
    side_unref(&ins);
    ints_unref(out);
    (void)crew;
}

/* ---- or done
 * ----------------------------------------------------------------------------
 */

BEHAVIOUR(or_done_ends_with_either)
{
    weir_ctx ctx = WEIR_CTX_INIT;
    ints *in = ints_new(0), *out = ints_new(0);
    weir_fan *f;
    int v;

    must_eq(weir_or_done(&f, ints_base(in), ints_base(out), NULL), 0);
    put(in, 4);
    must_eq(get(out), 4);
    ints_close(in);
    must_eq(ints_recv(out, &v, NULL), WEIR_CLOSED);
    must_eq(weir_fan_join(f), 0);
    must_eq(weir_fan_free(f), 0);
    ints_unref(in);
    ints_unref(out);

    in = ints_new(0);
    out = ints_new(0);
    must_eq(weir_or_done(&f, ints_base(in), ints_base(out),
                         &(weir_fan_opts){.ctx = &ctx}),
            0);
    put(in, 4);
    must_eq(get(out), 4);
    must_eq(weir_ctx_cancel(&ctx, 31), 0);
    must_eq(ints_recv(out, &v, NULL), WEIR_CLOSED);
    must_eq(weir_fan_join(f), 31);
    must(!weir_chan_is_closed(ints_base(in)));
    must_eq(weir_fan_free(f), 0);
    must_eq(weir_ctx_fini(&ctx), 0);
    ints_unref(in);
    ints_unref(out);
    (void)crew;
}

/* ---- before its time
 * ------------------------------------------------------------------------ */

/* It holds an element that nobody takes; it waits for one. */
BEHAVIOUR(cancel_ends_each_wait)
{
    atomic_int discarded = 0;
    const weir_fan_opts o = {
        .keep_open = true, .discard = count_discarded, .arg = &discarded};
    struct side outs = side_of(WIDE, 0);
    ints *in = ints_new(1);
    weir_fan *f;
    int round;

    for (round = 0; round < 6; round++) {
        must_eq(round < 2 ? weir_fan_out(&f, ints_base(in), outs.base, WIDE, &o)
                : round < 4
                    ? weir_fan_copy(&f, ints_base(in), outs.base, WIDE, &o)
                    : weir_or_done(&f, ints_base(in), outs.base[0], &o),
                0);
        if (round % 2 == 0) {
            put(in, 1);
            while (counts_of(f).held == 0)
                weir_yield();
            settle();
        }
        must_eq(weir_fan_cancel(f, 4), 0);
        must_eq(weir_fan_join(f), 4);
        must_eq(counts_of(f).held, 0);
        must(!weir_chan_is_closed(outs.base[0]));
        must_eq(weir_fan_free(f), 0);
    }
    must_eq(discarded, 1 + WIDE + 1);
    side_unref(&outs);
    ints_unref(in);
    (void)crew;
}

BEHAVIOUR(in_whose_out_is_closed)
{
    atomic_int discarded = 0;
    struct side ins = side_of(MANY, 1);
    ints *out = ints_new(0);
    weir_fan *f;

    must_eq(weir_fan_in(&f, ins.base, MANY, ints_base(out),
                        &(weir_fan_opts){.close_ins = true,
                                         .discard = count_discarded,
                                         .arg = &discarded}),
            0);
    put(ins.c[MANY - 1], 1);
    must_eq(get(out), 1);
    ints_close(out);
    put(ins.c[3], 2);
    must_eq(weir_fan_join(f), WEIR_CLOSED);
    must_eq(discarded, 1);
    must(weir_chan_is_closed(ins.base[7]));
    must_eq(weir_fan_free(f), 0);
    side_unref(&ins);
    ints_unref(out);
    (void)crew;
}

struct selfish {
    weir_fan *f;
    ints *go;
    int join, end;
};

static void end_itself(void *elem, void *arg)
{
    struct selfish *s = arg;

    must_eq(get(s->go), 1);
    s->join = weir_fan_join(s->f);
    s->end = weir_fan_free(s->f);
    (void)elem;
}

BEHAVIOUR(it_cannot_wait_for_itself)
{
    ints *in = ints_new(1), *out = ints_new(1);
    struct selfish s = {.go = ints_new(1)};

    ints_close(out);
    must_eq(weir_or_done(&s.f, ints_base(in), ints_base(out),
                         &(weir_fan_opts){.discard = end_itself, .arg = &s}),
            0);
    put(in, 1);
    put(s.go, 1);
    must_eq(weir_fan_join(s.f), WEIR_CLOSED);
    must_eq(s.join, WEIR_DEADLOCK);
    must_eq(s.end, WEIR_DEADLOCK);
    must_eq(weir_fan_free(s.f), 0);
    ints_unref(in);
    ints_unref(out);
    ints_unref(s.go);
    (void)crew;
}

/* ---- under load
 * -----------------------------------------------------------------------------
 */

struct end {
    ints *c;
    int n;
    atomic_int *sent, *sum;
};

static void produce(void *arg)
{
    struct end *e = arg;
    int i;

    for (i = 1; i <= e->n; i++) {
        if (ints_send(e->c, i, NULL))
            return;
        atomic_fetch_add(e->sent, 1);
    }
    ints_close(e->c);
}

static void consume(void *arg)
{
    struct end *e = arg;
    int v;

    while (ints_recv(e->c, &v, NULL) == 0)
        atomic_fetch_add(e->sum, 1);
}

/* Producers -> fan-in -> fan-out -> consumers, with a tee on one of them. */
static void load(struct crew *crew, bool cancelled)
{
    struct side ins = side_of(PARTIES, 2), outs = side_of(PARTIES, 3);
    ints *middle = ints_new(5), *a = ints_new(1), *b = ints_new(0);
    struct end from[PARTIES], to[PARTIES + 1];
    atomic_int sent = 0, sum = 0, twice = 0, discarded = 0;
    const weir_fan_opts o = {
        .close_ins = true, .discard = count_discarded, .arg = &discarded};
    weir_fan *f[3];
    const int n = check_scale(crew_many(crew, 3000, 300));
    int i;

    must_eq(weir_fan_in(&f[0], ins.base, PARTIES, ints_base(middle), &o), 0);
    must_eq(weir_fan_out(&f[1], ints_base(middle), outs.base, PARTIES, &o), 0);
    must_eq(weir_tee(&f[2], outs.base[0], ints_base(a), ints_base(b), &o), 0);
    for (i = 0; i < PARTIES; i++) {
        from[i] = (struct end){.c = ins.c[i], .n = n, .sent = &sent};
        to[i] = (struct end){.c = i ? outs.c[i] : a, .sum = &sum};
    }
    to[PARTIES] = (struct end){.c = b, .sum = &twice};
    for (i = 0; i < PARTIES; i++)
        crew_go(crew, produce, &from[i]);
    for (i = 0; i <= PARTIES; i++)
        crew_go(crew, consume, &to[i]);
    if (cancelled) {
        while (atomic_load(&sum) < 10)
            weir_yield();
        must_eq(weir_fan_cancel(f[1], 3), 0);
    }
    crew_wait(crew);
    const int why = weir_fan_join(f[1]);
    must(why == 0 || (cancelled && why == 3));
    weir_fan_join(f[0]);
    must_eq(weir_fan_join(f[2]), 0);
    size_t left = ints_len(middle);
    for (i = 0; i < PARTIES; i++)
        left += ints_len(ins.c[i]) + ints_len(outs.c[i]);
    must_eq(atomic_load(&sent), (size_t)(sum + discarded) + left);
    must_eq(counts_of(f[2]).received, twice);
    if (!cancelled)
        must_eq(sum, PARTIES * n);
    for (i = 0; i < 3; i++) {
        must_eq(counts_of(f[i]).held, 0);
        must_eq(weir_fan_free(f[i]), 0);
    }
    side_unref(&ins);
    side_unref(&outs);
    ints_unref(middle);
    ints_unref(a);
    ints_unref(b);
}

BEHAVIOUR(nothing_is_lost)
{
    load(crew, false);
}

BEHAVIOUR(nothing_is_lost_at_cancel)
{
    load(crew, true);
}

/* ---- wrong use, and no memory
 * ------------------------------------------------------------------ */

START_TEST(wrong_use_is_refused)
{
    weir_chan *a = weir_chan_new(4, 1), *b = weir_chan_new(8, 1);
    weir_chan *same[] = {a, a}, *mixed[] = {a, b}, *missing[] = {a, NULL};
    const uint32_t none[] = {1, 0}, heavy[] = {1, WEIR_FAN_MAX + 1};
    weir_fan_counts c;
    weir_fan *f = (weir_fan *)&c;

    must_eq(weir_fan_out(&f, NULL, same, 2, NULL), WEIR_EINVAL);
    must(f == NULL);
    must_eq(weir_fan_out(NULL, a, same, 2, NULL), WEIR_EINVAL);
    must_eq(weir_fan_out(&f, a, NULL, 2, NULL), WEIR_EINVAL);
    must_eq(weir_fan_out(&f, a, same, 0, NULL), WEIR_EINVAL);
    must_eq(weir_fan_out(&f, a, same, WEIR_FAN_MAX + 1, NULL), WEIR_EINVAL);
    must_eq(weir_fan_out(&f, a, mixed, 2, NULL), WEIR_EINVAL);
    must_eq(weir_fan_copy(&f, a, missing, 2, NULL), WEIR_EINVAL);
    must_eq(weir_fan_in(&f, same, 2, b, NULL), WEIR_EINVAL);
    must_eq(weir_fan_in(&f, same, 2, a, &(weir_fan_opts){.weights = none}),
            WEIR_EINVAL);
    must_eq(weir_fan_in(&f, same, 2, a, &(weir_fan_opts){.weights = heavy}),
            WEIR_EINVAL);
    must_eq(weir_fan_cancel(NULL, 0), WEIR_EINVAL);
    must_eq(weir_fan_join(NULL), WEIR_EINVAL);
    must_eq(weir_fan_get_counts(NULL, &c), WEIR_EINVAL);
    must_eq(weir_fan_free(NULL), 0);
    weir_chan_unref(a);
    weir_chan_unref(b);
}
END_TEST

START_TEST(out_of_memory_at_the_start)
{
    struct side outs = side_of(WIDE, 1);
    ints *in = ints_new(1);
    weir_fan *f = NULL;
    int fails, err = WEIR_ENOMEM;

    for (fails = 0; err == WEIR_ENOMEM && fails < 1000; fails++) {
        wr_mem_fail_after(fails);
        err = weir_fan_copy(&f, ints_base(in), outs.base, WIDE, NULL);
        wr_mem_fail_after(-1);
        must(err == 0 || (err == WEIR_ENOMEM && f == NULL));
    }
    must(fails > 4);
    ints_close(in);
    must_eq(weir_fan_join(f), 0);
    must_eq(weir_fan_free(f), 0);
    side_unref(&outs);
    ints_unref(in);
}
END_TEST

/* So wide that waiting takes memory: without any it goes on, slower. */
START_TEST(out_of_memory_when_it_waits)
{
    struct side ins = side_of(MANY, 1);
    ints *out = ints_new(0);
    weir_fan *f;
    int i;

    must_eq(weir_fan_in(&f, ins.base, MANY, ints_base(out), NULL), 0);
    must_eq(weir_sleep(1, NULL), 0); /* this thread has waited before, too */
    wr_mem_fail_after(0);
    for (i = 1; i <= 5; i++) {
        put(ins.c[3 * i], i);
        must_eq(get(out), i);
    }
    wr_mem_fail_after(-1);
    close_all(&ins);
    must_eq(weir_fan_join(f), 0);
    must_eq(weir_fan_free(f), 0);
    side_unref(&ins);
    ints_unref(out);
}
END_TEST

CHECK_MAIN(
    CHECK_MODES(out_gives_each_to_one),
    CHECK_MODES(out_leaves_out_what_is_closed),
    CHECK_MODES(copy_gives_each_to_all), CHECK_MODES(tee_is_not_held_up_by_one),
    CHECK_MODES(what_owns_is_copied), CHECK_MODES(a_copy_that_fails_ends_it),
    CHECK_MODES(cancel_hands_copies_back),
    CHECK_MODES(in_merges_until_all_have_ended), CHECK_MODES(in_takes_turns),
    CHECK_MODES(in_shares_by_weight), CHECK_MODES(idle_time_is_no_claim),
    CHECK_MODES(or_done_ends_with_either), CHECK_MODES(cancel_ends_each_wait),
    CHECK_MODES(in_whose_out_is_closed), CHECK_MODES(it_cannot_wait_for_itself),
    CHECK_MODES(nothing_is_lost), CHECK_MODES(nothing_is_lost_at_cancel),
    CHECK_TEST(wrong_use_is_refused), CHECK_TEST(out_of_memory_at_the_start),
    CHECK_TEST(out_of_memory_when_it_waits))
