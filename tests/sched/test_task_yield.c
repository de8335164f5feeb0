/* SPDX-License-Identifier: MIT */
/*
 * Yield: who yields lets others run and gets its turn again; and so does
 * everybody else who is ready, whatever the others do.
 */
#include "../chan/parties.h"

static const weir_opts one_worker = {.workers = 1};

enum { TAKERS = 16 };

struct turns {
    atomic_bool stop;
    atomic_int here;
    int most;
    int n[TAKERS];
};

struct taker {
    struct turns *t;
    int who;
};

static void take_turns(void *arg)
{
    const struct taker *me = arg;

    atomic_fetch_add(&me->t->here, 1);
    while (atomic_load(&me->t->here) < TAKERS)
        weir_yield();
    while (!atomic_load(&me->t->stop)) {
        if (++me->t->n[me->who] == me->t->most)
            atomic_store(&me->t->stop, true);
        weir_yield();
    }
}

/* On one worker none may have many turns while another has none. */
START_TEST(turns_are_shared)
{
    struct turns t = {.most = check_scale(10000)};
    struct taker takers[TAKERS];
    int i;

    must_eq(weir_start(&one_worker), 0);
    for (i = 0; i < TAKERS; i++) {
        takers[i] = (struct taker){&t, i};
        must_eq(weir_go(take_turns, &takers[i]), 0);
    }
    must_eq(weir_stop(WEIR_FOREVER), 0);
    for (i = 0; i < TAKERS; i++)
        must(t.n[i] >= t.most / 4);
}
END_TEST

/* Tasks that only yield do not keep out one that was just started, one that
 * was woken by a channel, one from a plain thread, or a timer. */
static void yield_until(void *arg)
{
    while (!atomic_load((atomic_bool *)arg))
        weir_yield();
}

static void raise_flag(void *arg)
{
    atomic_store((atomic_bool *)arg, true);
}

struct waker {
    ints *c;
    atomic_bool *flag;
};

static void raise_when_woken(void *arg)
{
    const struct waker *w = arg;

    must_eq(get(w->c), 1);
    raise_flag(w->flag);
}

static void raise_after_sleep(void *arg)
{
    must_eq(weir_sleep(WEIR_MILLISECOND, NULL), 0);
    raise_flag(arg);
}

START_TEST(yielders_keep_nobody_out)
{
    atomic_bool started = false, woken = false, slept = false;
    ints *c = ints_new(0);
    struct waker w = {c, &woken};

    must_eq(weir_start(&one_worker), 0);
    must_eq(weir_go(raise_when_woken, &w), 0);
    must_eq(weir_go(raise_after_sleep, &slept), 0);
    must_eq(weir_go(yield_until, &woken), 0);
    must_eq(weir_go(yield_until, &slept), 0);
    must_eq(weir_go(yield_until, &started), 0);
    must_eq(weir_go(raise_flag, &started), 0);
    put(c, 1);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    ints_unref(c);
}
END_TEST

/* Nor do pinned ones that only yield, of which several share a worker. */
START_TEST(pinned_yielders_keep_nobody_out)
{
    const weir_task_opts pinned = {.pinned = true};
    atomic_bool started = false, woken = false;
    ints *c = ints_new(0);
    struct waker w = {c, &woken};

    must_eq(weir_start(&one_worker), 0);
    must_eq(weir_go_with(&pinned, yield_until, &woken), 0);
    must_eq(weir_go_with(&pinned, yield_until, &started), 0);
    must_eq(weir_go_with(&pinned, yield_until, &woken), 0);
    must_eq(weir_go(raise_flag, &started), 0);
    must_eq(weir_go(raise_when_woken, &w), 0);
    put(c, 1);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    ints_unref(c);
}
END_TEST

/* Two that wake each other without end do not keep out a third. */
struct rally {
    ints *to;
    ints *fro;
    atomic_bool *stop;
};

static void hit(void *arg)
{
    const struct rally *r = arg;

    while (!atomic_load(r->stop)) {
        put(r->to, 1);
        if (ints_recv(r->fro, NULL, NULL) != 0)
            return;
    }
    must_eq(ints_close(r->to), 0);
}

static void hit_back(void *arg)
{
    const struct rally *r = arg;

    while (ints_recv(r->to, NULL, NULL) == 0)
        put(r->fro, 1);
    must_eq(ints_close(r->fro), 0);
}

START_TEST(a_rally_keeps_nobody_out)
{
    atomic_bool stop = false;
    struct rally r = {ints_new(0), ints_new(0), &stop};

    must_eq(weir_start(&one_worker), 0);
    must_eq(weir_go(hit, &r), 0);
    must_eq(weir_go(hit_back, &r), 0);
    must_eq(weir_go(raise_after_sleep, &stop), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    ints_unref(r.to);
    ints_unref(r.fro);
}
END_TEST

/* One that starts tasks without end, each of which starts the next. */
struct spawner {
    atomic_bool stop;
    weir_wg wg;
};

static void start_the_next(void *arg)
{
    struct spawner *s = arg;

    if (!atomic_load(&s->stop))
        must_eq(weir_wg_go(&s->wg, start_the_next, s), 0);
}

START_TEST(a_chain_of_spawns_keeps_nobody_out)
{
    struct spawner s = {false, WEIR_WG_INIT};

    must_eq(weir_start(&one_worker), 0);
    must_eq(weir_wg_go(&s.wg, start_the_next, &s), 0);
    must_eq(weir_go(raise_flag, &s.stop), 0);
    must_eq(weir_wg_wait(&s.wg, NULL), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

START_TEST(a_thread_may_yield)
{
    atomic_bool flag = false;

    weir_yield();
    must_eq(weir_workers(), 0);
    must_eq(weir_go(raise_flag, &flag), 0);
    while (!atomic_load(&flag))
        weir_yield();
    must_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

/* Work that only sits in one worker's queue gets to the idle ones: each of
 * the tasks waits, on its worker, for all the others to have begun. */
static void begin_together(void *arg)
{
    atomic_int *begun = arg;

    atomic_fetch_add(begun, 1);
    while (atomic_load(begun) < 3)
        sched_yield();
}

static void start_three(void *arg)
{
    int i;

    for (i = 0; i < 3; i++)
        must_eq(weir_go(begin_together, arg), 0);
}

START_TEST(idle_workers_take_over)
{
    const weir_opts three_workers = {.workers = 3};
    atomic_int begun = 0;
    int i;

    must_eq(weir_start(&three_workers), 0);
    for (i = 0; i < check_scale(200); i++) {
        atomic_store(&begun, 0);
        must_eq(weir_go(start_three, &begun), 0);
        while (weir_tasks() > 0)
            weir_yield();
        must_eq(begun, 3);
    }
    must_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

CHECK_MAIN(CHECK_TEST(turns_are_shared), CHECK_TEST(yielders_keep_nobody_out),
           CHECK_TEST(pinned_yielders_keep_nobody_out),
           CHECK_TEST(a_rally_keeps_nobody_out),
           CHECK_TEST(a_chain_of_spawns_keeps_nobody_out),
           CHECK_TEST(a_thread_may_yield), CHECK_TEST(idle_workers_take_over))
