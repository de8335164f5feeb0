/* SPDX-License-Identifier: MIT */
/*
 * Fans to many: each element arrives once, or once at each out, as a copy that
 * owns what it has; no out holds another up; a closed one is left out.
 */
#include "fans.h"

/* ---- to one of many ------------------------------------------------------ */

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

/* ---- to all -------------------------------------------------------------- */

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

CHECK_MAIN(CHECK_MODES(out_gives_each_to_one),
           CHECK_MODES(out_leaves_out_what_is_closed),
           CHECK_MODES(copy_gives_each_to_all),
           CHECK_MODES(tee_is_not_held_up_by_one),
           CHECK_MODES(what_owns_is_copied),
           CHECK_MODES(a_copy_that_fails_ends_it),
           CHECK_MODES(cancel_hands_copies_back))
