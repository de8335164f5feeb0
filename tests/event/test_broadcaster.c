/* SPDX-License-Identifier: MIT */
/* Broadcasting: who gets what, in which order, and who holds up nobody. */
#include <weir/broadcaster.h>
#include "events.h"

enum { SINKS = 5, EVENTS = 100, PARTIES = 4 };

static weir_broadcaster *broadcaster_of(weir_broadcaster_opts o)
{
    weir_broadcaster *b = NULL;

    must_eq(weir_broadcaster_new(&b, &o), 0);
    must(b != NULL);
    return b;
}

static void publish(weir_broadcaster *b, int from, int to)
{
    int i;

    for (i = from; i < to; i++)
        must_eq(write_number(weir_broadcaster_sink(b), i, NULL), 0);
}

static void add(weir_broadcaster *b, struct recorder *r, bool direct)
{
    const weir_broadcast_opts o = {.direct = direct};

    must_eq(weir_broadcaster_add(b, &r->sink, &o), 0);
}

static void expect(const struct recorder *r, int from, int to)
{
    int i;

    must_eq(r->n, to - from);
    for (i = from; i < to; i++)
        must_eq(r->got[i - from], i);
}

static void finish(weir_broadcaster *b)
{
    must_eq(weir_broadcaster_stop(b, WEIR_QUEUE_DRAIN, NULL), 0);
    weir_broadcaster_unref(b);
}

static weir_broadcaster_counts counts_of(weir_broadcaster *b)
{
    weir_broadcaster_counts c;

    must_eq(weir_broadcaster_get_counts(b, &c), 0);
    return c;
}

BEHAVIOUR(every_sink_gets_all_in_order)
{
    weir_broadcaster *b = broadcaster_of((weir_broadcaster_opts){0});
    struct recorder *r[SINKS];
    int i;

    for (i = 0; i < SINKS; i++) {
        r[i] = recorder_new();
        add(b, r[i], i % 2 == 0);
    }
    publish(b, 0, EVENTS);
    must_eq(write_number(weir_broadcaster_sink(b), NONE, NULL), 0);
    must_eq(weir_broadcaster_stop(b, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(write_number(weir_broadcaster_sink(b), 1, NULL), WEIR_CLOSED);
    must_eq(weir_broadcaster_add(b, &r[0]->sink, NULL), WEIR_CLOSED);
    for (i = 0; i < SINKS; i++) {
        must_eq(r[i]->got[EVENTS], NONE); /* a null event is allowed */
        r[i]->n--;
        expect(r[i], 0, EVENTS);
        must_eq(r[i]->closed, 1);
    }
    must_eq(counts_of(b).front.delivered, EVENTS + 1);
    must_eq(counts_of(b).sinks, 0);
    weir_broadcaster_unref(b);
    for (i = 0; i < SINKS; i++)
        recorder_end(r[i]);
    await_no_events();
    (void)crew;
}

BEHAVIOUR(a_stuck_sink_delays_nobody_else)
{
    weir_broadcaster *b = broadcaster_of((weir_broadcaster_opts){0});
    struct recorder *stuck = recorder_new(), *free_one = recorder_new();

    stuck->gate = ints_new(0);
    add(b, stuck, false);
    add(b, free_one, false);
    publish(b, 0, EVENTS);
    await(&free_one->n, EVENTS); /* nothing has come through the gate */
    expect(free_one, 0, EVENTS);
    must_eq(stuck->n <= 1, 1);
    ints_close(stuck->gate);
    finish(b);
    must_eq(stuck->n, 1); /* its gate said that it is closed */
    recorder_end(stuck);
    recorder_end(free_one);
    await_no_events();
    (void)crew;
}

BEHAVIOUR(stop_has_a_deadline)
{
    struct recorder *stuck = recorder_new(), *other = recorder_new();
    weir_broadcaster *b = broadcaster_of((weir_broadcaster_opts){0});
    weir_ctx soon;

    stuck->gate = ints_new(0);
    stuck->deaf = true;
    add(b, stuck, false);
    add(b, other, false);
    publish(b, 0, 3);
    await(&stuck->n, 1);
    await(&other->n, 3);
    must_eq(weir_ctx_init_timeout(&soon, NULL, 5 * WEIR_MILLISECOND), 0);
    must_eq(weir_broadcaster_stop(b, WEIR_QUEUE_DRAIN, &soon), WEIR_TIMEDOUT);
    must_eq(weir_ctx_fini(&soon), 0);
    while (counts_of(b).lost < 2) /* what waited for the stuck one */
        weir_yield();
    put(stuck->gate, 0);
    must_eq(weir_broadcaster_stop(b, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(stuck->n, 1);
    must_eq(stuck->closed, 1);
    must_eq(other->closed, 1);
    must_eq(counts_of(b).lost, 2);
    weir_broadcaster_unref(b);
    recorder_end(stuck);
    recorder_end(other);
    await_no_events();
    (void)crew;
}

/* ---- members that go ----------------------------------------------------- */

struct removals {
    atomic_int n, code, lost;
};

static void removed(weir_sink *s, int code, void *arg)
{
    struct removals *r = arg;

    atomic_store(&r->code, code);
    atomic_fetch_add(&r->n, 1);
    (void)s;
}

static void count_loss(weir_sink *s, weir_event *e, int code, void *arg)
{
    struct removals *r = arg;

    must(s != NULL && code != 0);
    atomic_fetch_add(&r->lost, 1);
    (void)e;
}

/* The middle one of three says CLOSED at the first event. */
static void closed_sink(bool direct)
{
    struct removals gone = {0};
    weir_broadcaster *b = broadcaster_of((weir_broadcaster_opts){
        .on_removed = removed, .on_loss = count_loss, .arg = &gone});
    struct recorder *r[3];
    int i;

    for (i = 0; i < 3; i++) {
        r[i] = recorder_new();
        add(b, r[i], direct);
    }
    r[1]->result = WEIR_CLOSED;
    publish(b, 0, EVENTS);
    await(&gone.n, 1);
    must_eq(gone.code, WEIR_CLOSED);
    finish(b);
    expect(r[0], 0, EVENTS);
    must_eq(r[1]->n, 1);
    must_eq(r[1]->closed, 0); /* it is closed already */
    expect(r[2], 0, EVENTS);  /* the next one was not skipped */
    must(gone.lost >= 1);
    must_eq(gone.n, 1);
    for (i = 0; i < 3; i++)
        recorder_end(r[i]);
    await_no_events();
}

BEHAVIOUR(a_sink_that_is_closed_is_removed)
{
    closed_sink(false);
    (void)crew;
}

BEHAVIOUR(the_next_sink_is_not_skipped)
{
    closed_sink(true);
    (void)crew;
}

BEHAVIOUR(an_error_policy)
{
    struct removals gone = {0};
    weir_broadcaster *b = broadcaster_of((weir_broadcaster_opts){
        .on_removed = removed, .on_loss = count_loss, .arg = &gone});
    struct recorder *stays = recorder_new(), *goes = recorder_new();

    stays->odd = -9; /* never twice in a row */
    goes->result = -9;
    must_eq(weir_broadcaster_add(
                b, &stays->sink,
                &(weir_broadcast_opts){.direct = true, .failures = 2}),
            0);
    must_eq(weir_broadcaster_add(
                b, &goes->sink,
                &(weir_broadcast_opts){.direct = true, .failures = 3}),
            0);
    publish(b, 0, 10);
    finish(b);
    expect(stays, 0, 10);
    expect(goes, 0, 3);
    must_eq(gone.n, 1);
    must_eq(gone.code, -9);
    must_eq(gone.lost, 5 + 3);
    recorder_end(stays);
    recorder_end(goes);
    (void)crew;
}

BEHAVIOUR(remove_and_configure)
{
    weir_broadcaster *b = broadcaster_of((weir_broadcaster_opts){0});
    struct recorder *r = recorder_new(), *other = recorder_new();
    const weir_broadcast_opts keep = {.direct = true, .keep_open = true};

    must_eq(weir_broadcaster_configure(b, &r->sink, &keep), WEIR_EMPTY);
    add(b, r, true);
    add(b, r, true); /* twice is once */
    add(b, other, true);
    must_eq(counts_of(b).sinks, 2);
    must_eq(weir_broadcaster_configure(b, &r->sink, NULL), WEIR_UNSUPPORTED);
    must_eq(weir_broadcaster_configure(b, &r->sink, &keep), 0);
    publish(b, 0, 5);
    await(&other->n, 5);
    must_eq(weir_broadcaster_remove(b, &other->sink), 0);
    must_eq(weir_broadcaster_remove(b, &other->sink), 0);
    publish(b, 5, 10);
    finish(b);
    expect(r, 0, 10);
    expect(other, 0, 5);
    must_eq(r->closed, 0);
    must_eq(other->closed, 0);
    recorder_end(r);
    recorder_end(other);
    await_no_events();
    (void)crew;
}

/* ---- from within a sink -------------------------------------------------- */

/* At its first event it adds `other`, at its third it removes itself, and it
 * tries to stop the broadcaster before that. */
struct meddler {
    weir_sink sink;
    weir_broadcaster *b;
    struct recorder *other;
    atomic_int n, stop_result, freed;
};

static int meddle(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    struct meddler *m = (struct meddler *)s;
    const int n = atomic_fetch_add(&m->n, 1);

    if (n == 0)
        add(m->b, m->other, true);
    if (n == 2)
        must_eq(weir_broadcaster_remove(m->b, s), 0);
    if (number_of(e) == 99)
        m->stop_result = weir_broadcaster_stop(m->b, WEIR_QUEUE_DRAIN, NULL);
    (void)ctx;
    return 0;
}

static void meddler_free(weir_sink *s)
{
    atomic_store(&((struct meddler *)s)->freed, 1);
}

static const weir_sink_ops meddler_ops = {.write = meddle,
                                          .free = meddler_free};

static void meddle_with(bool direct)
{
    weir_broadcaster *b = broadcaster_of((weir_broadcaster_opts){0});
    struct recorder *first = recorder_new(), *last = recorder_new();
    struct meddler m = {.b = b, .other = recorder_new()};
    int i;

    must_eq(weir_sink_init(&m.sink, &meddler_ops), 0);
    add(b, first, true);
    must_eq(weir_broadcaster_add(b, &m.sink,
                                 &(weir_broadcast_opts){.direct = direct}),
            0);
    add(b, last, true);
    for (i = 0; i < 3; i++) {
        publish(b, i, i + 1);
        await(&m.n, i + 1);
    }
    publish(b, 3, 10);
    finish(b);
    must_eq(m.n, 3);
    expect(first, 0, 10);
    expect(last, 0, 10);
    if (direct)
        expect(m.other, 1, 10); /* not the one that was going round */
    recorder_end(first);
    recorder_end(last);
    recorder_end(m.other);
    weir_sink_unref(&m.sink);
    await(&m.freed, 1);
    await_no_events();
}

BEHAVIOUR(add_and_remove_from_within_a_sink)
{
    meddle_with(true);
    meddle_with(false);
    (void)crew;
}

/* Takes the next one off the list, which is the one that the event would go to
 * now. */
static int remove_other(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    struct meddler *m = (struct meddler *)s;

    must_eq(weir_broadcaster_remove(m->b, &m->other->sink), 0);
    atomic_fetch_add(&m->n, 1);
    (void)e, (void)ctx;
    return 0;
}

BEHAVIOUR(a_sink_may_remove_the_next_one)
{
    static const weir_sink_ops ops = {.write = remove_other,
                                      .free = meddler_free};
    weir_broadcaster *b = broadcaster_of((weir_broadcaster_opts){0});
    struct recorder *last = recorder_new();
    struct meddler m = {.b = b, .other = recorder_new()};

    must_eq(weir_sink_init(&m.sink, &ops), 0);
    must_eq(weir_broadcaster_add(b, &m.sink,
                                 &(weir_broadcast_opts){.direct = true}),
            0);
    add(b, m.other, true);
    add(b, last, true);
    publish(b, 0, 2);
    finish(b);
    must_eq(m.n, 2);
    must_eq(m.other->n, 0);
    expect(last, 0, 2);
    recorder_end(last);
    recorder_end(m.other);
    weir_sink_unref(&m.sink);
    await(&m.freed, 1);
    await_no_events();
    (void)crew;
}

BEHAVIOUR(stop_from_within_a_sink_does_not_hang)
{
    int direct;

    for (direct = 0; direct < 2; direct++) {
        weir_broadcaster *b = broadcaster_of((weir_broadcaster_opts){0});
        struct meddler m = {.b = b, .n = 10};

        must_eq(weir_sink_init(&m.sink, &meddler_ops), 0);
        must_eq(weir_broadcaster_add(
                    b, &m.sink, &(weir_broadcast_opts){.direct = direct == 1}),
                0);
        publish(b, 99, 100);
        while (m.stop_result == 0)
            weir_yield();
        must_eq(m.stop_result, WEIR_DEADLOCK);
        finish(b);
        weir_sink_unref(&m.sink);
        await(&m.freed, 1);
    }
    (void)crew;
}

/* ---- under load ---------------------------------------------------------- */

struct load {
    weir_broadcaster *b;
    int n;
};

static void publish_many(void *arg)
{
    struct load *l = arg;

    publish(l->b, 0, l->n);
}

static void come_and_go(void *arg)
{
    struct load *l = arg;
    struct recorder *r = recorder_new();
    int i;

    for (i = 0; i < 20; i++) {
        add(l->b, r, i % 2 == 0);
        weir_yield();
        must_eq(weir_broadcaster_remove(l->b, &r->sink), 0);
        weir_yield();
        while (r->busy != 0) /* one at a time, and no write on its way */
            weir_yield();
        weir_sink_unref(&r->sink);
        await(&r->freed, 1);
        free(r);
        r = recorder_new();
    }
    recorder_end(r);
}

BEHAVIOUR(sinks_come_and_go_under_load)
{
    struct load l = {.b = broadcaster_of((weir_broadcaster_opts){
                         .capacity = 16, .policy = WEIR_BLOCK})};
    struct recorder *stays[2] = {recorder_new(), recorder_new()};
    int i;

    l.n = check_scale(crew_many(crew, 1000, 100));
    add(l.b, stays[0], true);
    add(l.b, stays[1], false);
    for (i = 0; i < PARTIES; i++) {
        crew_go(crew, publish_many, &l);
        crew_go(crew, come_and_go, &l);
    }
    crew_wait(crew);
    must_eq(weir_broadcaster_stop(l.b, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(stays[0]->n, PARTIES * l.n);
    must_eq(stays[1]->n, PARTIES * l.n);
    must(memcmp(stays[0]->got, stays[1]->got,
                sizeof(int) * (size_t)(PARTIES * l.n)) == 0); /* one order */
    weir_broadcaster_unref(l.b);
    recorder_end(stays[0]);
    recorder_end(stays[1]);
    await_no_events();
}

/* ---- wrong use, and no memory -------------------------------------------- */

START_TEST(wrong_use_is_refused)
{
    struct recorder *r = recorder_new();
    weir_broadcaster_counts c;
    weir_broadcaster *b = (weir_broadcaster *)(void *)&c;

    must_eq(weir_broadcaster_new(NULL, NULL), WEIR_EINVAL);
    must_eq(
        weir_broadcaster_new(&b, &(weir_broadcaster_opts){.policy = WEIR_DROP}),
        WEIR_EINVAL);
    must(b == NULL);
    must(weir_broadcaster_sink(NULL) == NULL);
    weir_broadcaster_unref(NULL);
    must_eq(weir_broadcaster_add(NULL, &r->sink, NULL), WEIR_EINVAL);
    must_eq(weir_broadcaster_remove(NULL, &r->sink), WEIR_EINVAL);
    must_eq(weir_broadcaster_configure(NULL, &r->sink, NULL), WEIR_EINVAL);
    must_eq(weir_broadcaster_stop(NULL, WEIR_QUEUE_DRAIN, NULL), WEIR_EINVAL);
    must_eq(weir_broadcaster_get_counts(NULL, &c), WEIR_EINVAL);
    b = broadcaster_of((weir_broadcaster_opts){0});
    must_eq(weir_broadcaster_add(b, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_broadcaster_add(b, &r->sink,
                                 &(weir_broadcast_opts){.policy = WEIR_ERROR}),
            WEIR_EINVAL);
    must_eq(weir_broadcaster_remove(b, NULL), WEIR_EINVAL);
    must_eq(weir_broadcaster_configure(b, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_broadcaster_stop(b, (enum weir_queue_end)5, NULL),
            WEIR_EINVAL);
    must_eq(weir_broadcaster_get_counts(b, NULL), WEIR_EINVAL);
    finish(b);
    recorder_end(r);
}
END_TEST

START_TEST(out_of_memory)
{
    struct recorder *r = recorder_new();
    weir_broadcaster *b = NULL;
    int fails, err = WEIR_ENOMEM;

    for (fails = 0; err == WEIR_ENOMEM && fails < 1000; fails++) {
        wr_mem_fail_after(fails);
        err = weir_broadcaster_new(&b, NULL);
        wr_mem_fail_after(-1);
        must(err == 0 || (err == WEIR_ENOMEM && b == NULL));
    }
    must(fails > 1);
    err = WEIR_ENOMEM;
    for (fails = 0; err == WEIR_ENOMEM && fails < 1000; fails++) {
        wr_mem_fail_after(fails);
        err = weir_broadcaster_add(b, &r->sink, NULL);
        wr_mem_fail_after(-1);
        must_eq(counts_of(b).sinks, err == 0 ? 1 : 0);
    }
    must_eq(err, 0);
    must(fails > 1);
    publish(b, 0, 3);
    finish(b);
    expect(r, 0, 3);
    recorder_end(r);
}
END_TEST

CHECK_MAIN(CHECK_MODES(every_sink_gets_all_in_order),
           CHECK_MODES(a_stuck_sink_delays_nobody_else),
           CHECK_MODES(stop_has_a_deadline),
           CHECK_MODES(a_sink_that_is_closed_is_removed),
           CHECK_MODES(the_next_sink_is_not_skipped),
           CHECK_MODES(an_error_policy), CHECK_MODES(remove_and_configure),
           CHECK_MODES(add_and_remove_from_within_a_sink),
           CHECK_MODES(a_sink_may_remove_the_next_one),
           CHECK_MODES(stop_from_within_a_sink_does_not_hang),
           CHECK_MODES(sinks_come_and_go_under_load),
           CHECK_TEST(wrong_use_is_refused), CHECK_TEST(out_of_memory))
