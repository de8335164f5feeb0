/* SPDX-License-Identifier: MIT */
/*
 * Fans of every kind: the end of either side reaches the other; nothing is
 * lost unsaid, however it ends; the ends keep their own rules.
 */
#include "fans.h"
#include "base/mem.h"

enum { PARTIES = 4 };

/* ---- ends with rules of their own ---------------------------------------- */

static atomic_int destroyed;

static void count_destroyed(void *elem)
{
    must(*(int *)elem > 0);
    atomic_fetch_add(&destroyed, 1);
}

static weir_chan *out_with(enum weir_policy policy)
{
    weir_chan *c =
        weir_chan_new_with(&(weir_chan_opts){.elem_size = sizeof(int),
                                             .capacity = 2,
                                             .policy = policy,
                                             .destroy = count_destroyed});

    must(c != NULL);
    return c;
}

/* What a full out refuses is discarded; what it drops is its own affair. The
 * others get theirs. */
BEHAVIOUR(an_out_may_refuse)
{
    ints *in = ints_new(10), *plain = ints_new(10);
    weir_chan *outs[] = {out_with(WEIR_ERROR), out_with(WEIR_DROP),
                         ints_base(plain)};
    atomic_int discarded = 0;
    weir_fan *f;
    int i;

    for (i = 1; i <= 10; i++)
        put(in, i);
    ints_close(in);
    must_eq(weir_fan_copy(&f, ints_base(in), outs, 3,
                          &(weir_fan_opts){.discard = count_discarded,
                                           .arg = &discarded}),
            0);
    must_eq(weir_fan_join(f), 0);
    must_eq(discarded, 8);
    must_eq(counts_of(f).sent, 22);
    must_eq(weir_chan_len(outs[0]), 2);
    must_eq(weir_chan_len(outs[1]), 2);
    must_eq(ints_len(plain), 10);
    must_eq(destroyed, 8);
    must_eq(weir_fan_free(f), 0);
    weir_chan_unref(outs[0]);
    weir_chan_unref(outs[1]);
    ints_unref(plain);
    ints_unref(in);
    must_eq(destroyed, 12);
    (void)crew;
}

/* What out refuses of a merge. */
BEHAVIOUR(the_out_of_many_may_refuse)
{
    ints *in = ints_new(10);
    weir_chan *out = out_with(WEIR_ERROR);
    atomic_int discarded = 0;
    weir_fan *f;
    int i;

    for (i = 1; i <= 10; i++)
        put(in, i);
    ints_close(in);
    must_eq(weir_or_done(&f, ints_base(in), out,
                         &(weir_fan_opts){.discard = count_discarded,
                                          .arg = &discarded}),
            0);
    must_eq(weir_fan_join(f), 0);
    must_eq(discarded, 8);
    must_eq(weir_fan_free(f), 0);
    weir_chan_unref(out);
    ints_unref(in);
    must_eq(destroyed, 2);
    (void)crew;
}

/* Timeouts of the ends' own: the in's means nothing, the out's discards. */
BEHAVIOUR(an_end_may_time_out)
{
    weir_chan *in = weir_chan_new_with(&(weir_chan_opts){
        .elem_size = sizeof(int), .recv_timeout = 100 * WEIR_MICROSECOND});
    weir_chan *out = weir_chan_new_with(&(weir_chan_opts){
        .elem_size = sizeof(int), .send_timeout = 100 * WEIR_MICROSECOND});
    atomic_int discarded = 0;
    const weir_fan_opts o = {
        .keep_open = true, .discard = count_discarded, .arg = &discarded};
    const int value = 3;
    weir_fan *f;

    must_eq(weir_fan_out(&f, in, &out, 1, &o), 0);
    weir_sleep(WEIR_MILLISECOND, NULL); /* some timeouts of in, by chance */
    must_eq(weir_chan_send(in, &value, NULL), 0);
    await_held(f, 1);
    must_eq(weir_fan_cancel(f, 8), 0);
    must_eq(weir_fan_join(f), 8);
    must_eq(weir_fan_free(f), 0);

    must_eq(weir_or_done(&f, in, out, &o), 0);
    must_eq(weir_chan_send(in, &value, NULL), 0);
    while (counts_of(f).discarded == 0)
        weir_yield();
    weir_chan_close(in);
    must_eq(weir_fan_join(f), 0);
    must_eq(discarded, 2);
    must_eq(weir_fan_free(f), 0);
    weir_chan_unref(in);
    weir_chan_unref(out);
    (void)crew;
}

/* ---- before its time ----------------------------------------------------- */

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

/* ---- under load ---------------------------------------------------------- */

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

/* ---- wrong use, and no memory -------------------------------------------- */

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
        must_eq(weir_sleep(WEIR_MILLISECOND, NULL), 0); /* it has to wait */
    }
    wr_mem_fail_after(-1);
    close_all(&ins);
    must_eq(weir_fan_join(f), 0);
    must_eq(weir_fan_free(f), 0);
    side_unref(&ins);
    ints_unref(out);
}
END_TEST

CHECK_MAIN(CHECK_MODES(an_out_may_refuse),
           CHECK_MODES(the_out_of_many_may_refuse),
           CHECK_MODES(an_end_may_time_out), CHECK_MODES(cancel_ends_each_wait),
           CHECK_MODES(in_whose_out_is_closed),
           CHECK_MODES(it_cannot_wait_for_itself), CHECK_MODES(nothing_is_lost),
           CHECK_MODES(nothing_is_lost_at_cancel),
           CHECK_TEST(wrong_use_is_refused),
           CHECK_TEST(out_of_memory_at_the_start),
           CHECK_TEST(out_of_memory_when_it_waits))
