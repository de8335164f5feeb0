/* SPDX-License-Identifier: MIT */
/* Handlers by type: who is called for what, who comes and goes, and what a
 * handler that fails, hangs or closes its own source does to the others. */
#include <errno.h>
#include <weir/handlers.h>
#include <weir/sinks.h>
#include "events.h"

enum { WRITERS = 4 };

static weir_handlers *handlers_of(weir_handlers_opts o)
{
    weir_handlers *h = NULL;

    must_eq(weir_handlers_new(&h, &o), 0);
    must(h != NULL);
    return h;
}

static int write_type(weir_handlers *h, const char *type, weir_ctx *ctx)
{
    weir_event *e = NULL;

    must_eq(weir_event_new(&e, &(weir_event_opts){.type = type}), 0);
    const int err = weir_sink_write(weir_handlers_sink(h), e, ctx);

    weir_event_unref(e);
    return err;
}

static weir_handler_counts counts_of(weir_handlers *h, const char *type)
{
    weir_handler_counts c = {0};

    must_eq(weir_handlers_get_counts(h, type, &c), 0);
    must_eq(c.calls, c.handled + c.failed + c.running);
    return c;
}

/* What a handler of the tests gets and does. */
struct hand {
    atomic_int n, result;
    const char *type; /* that it has to get, if any */
    ints *gate;
    weir_handlers *all;
    atomic_int told;
};

static int handle(weir_event *e, weir_ctx *ctx, void *arg)
{
    struct hand *hand = arg;
    int unused;

    if (hand->type != NULL)
        must(strcmp(e->type, hand->type) == 0);
    atomic_fetch_add(&hand->n, 1);
    if (hand->gate != NULL)
        return ints_recv(hand->gate, &unused, ctx);
    return hand->result;
}

static void on(weir_handlers *h, const char *type, struct hand *hand)
{
    must_eq(weir_handlers_on(h, type, handle, hand), 0);
}

/* ---- by type ------------------------------------------------------------- */

BEHAVIOUR(each_type_has_its_handler)
{
    weir_handlers *h = handlers_of((weir_handlers_opts){0});
    struct hand hands[20] = {0};
    char types[20][8];
    int i, j;

    for (i = 0; i < 20; i++) { /* in no order */
        snprintf(types[i], sizeof types[i], "t%d", i * 7 % 20);
        hands[i].type = types[i];
        on(h, types[i], &hands[i]);
    }
    for (i = 0; i < 20; i++)
        for (j = 0; j <= i; j++)
            must_eq(write_type(h, types[i], NULL), 0);
    for (i = 0; i < 20; i++) {
        must_eq(hands[i].n, i + 1);
        must_eq(counts_of(h, types[i]).handled, i + 1);
    }
    weir_handlers_unref(h);
    (void)crew;
}

BEHAVIOUR(the_null_event_has_the_empty_type)
{
    weir_handlers *h = handlers_of((weir_handlers_opts){0});
    struct hand none = {0};

    on(h, "", &none);
    must_eq(write_number(weir_handlers_sink(h), NONE, NULL), 0);
    must_eq(write_type(h, NULL, NULL), 0);
    must_eq(none.n, 2);
    weir_handlers_unref(h);
    (void)crew;
}

BEHAVIOUR(an_unknown_type_is_an_error)
{
    weir_handlers *h = handlers_of((weir_handlers_opts){0});
    struct hand known = {0};

    on(h, "known", &known);
    must_eq(write_type(h, "know", NULL), WEIR_UNSUPPORTED);
    must_eq(write_type(h, "known ", NULL), WEIR_UNSUPPORTED);
    must_eq(write_type(h, "Known", NULL), WEIR_UNSUPPORTED);
    must_eq(write_number(weir_handlers_sink(h), NONE, NULL), WEIR_UNSUPPORTED);
    must_eq(known.n, 0);
    must_eq(counts_of(h, NULL).failed, 4);
    weir_handlers_unref(h);
    (void)crew;
}

BEHAVIOUR(or_it_is_ignored_and_counted)
{
    weir_handlers *h = handlers_of((weir_handlers_opts){.ignore = true});

    must_eq(write_type(h, "unknown", NULL), 0);
    must_eq(counts_of(h, NULL).handled, 1);
    weir_handlers_unref(h);
    (void)crew;
}

BEHAVIOUR(or_it_goes_to_the_default_handler)
{
    struct hand rest = {.result = -4};
    weir_handlers *h = handlers_of((weir_handlers_opts){
        .otherwise = handle, .arg = &rest, .ignore = true});

    must_eq(write_type(h, "unknown", NULL), -4);
    must_eq(rest.n, 1);
    must_eq(counts_of(h, NULL).failed, 1);
    weir_handlers_unref(h);
    (void)crew;
}

BEHAVIOUR(handlers_come_and_go)
{
    weir_handlers *h = handlers_of((weir_handlers_opts){0});
    struct hand a = {0}, b = {0}, again = {0};

    on(h, "a", &a);
    on(h, "b", &b);
    must_eq(weir_handlers_on(h, "a", handle, &again), -EEXIST);
    must_eq(weir_handlers_off(h, "a", NULL), 0);
    must_eq(weir_handlers_off(h, "a", NULL), WEIR_EMPTY);
    must_eq(write_type(h, "a", NULL), WEIR_UNSUPPORTED);
    must_eq(write_type(h, "b", NULL), 0);
    on(h, "a", &again);
    must_eq(write_type(h, "a", NULL), 0);
    must_eq(a.n, 0);
    must_eq(b.n, 1);
    must_eq(again.n, 1);
    weir_handlers_unref(h);
    (void)crew;
}

/* ---- handlers that fail, hang, or close their own source ------------------
 */

/* Behind a queue, as in a worker: the loss is reported, the rest goes on. */
BEHAVIOUR(a_handler_that_fails)
{
    weir_handlers *h = handlers_of((weir_handlers_opts){0});
    struct losses lost = {.code = -3};
    struct hand good = {0}, bad = {.result = -3};
    weir_queue *q = queue_of((weir_queue_opts){
        .sink = weir_handlers_sink(h), .on_loss = lose, .arg = &lost});
    int i;

    on(h, "", &good);
    on(h, "bad", &bad);
    for (i = 0; i < 10; i++) {
        weir_event *e = NULL;

        must_eq(
            weir_event_new(&e, &(weir_event_opts){.type = i % 2 ? "bad" : "",
                                                  .payload = &i,
                                                  .size = sizeof i}),
            0);
        must_eq(weir_queue_enqueue(q, e, NULL), 0);
        weir_event_unref(e);
    }
    must_eq(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(good.n, 5);
    must_eq(lost.by_code, 5);
    must_eq(counts_of(h, "bad").failed, 5);
    must_eq(write_type(h, "", NULL), WEIR_CLOSED); /* with the queue */
    weir_queue_unref(q);
    weir_handlers_unref(h);
    (void)crew;
}

/* It heeds its context, so a timeout before it is enough. */
BEHAVIOUR(a_handler_that_hangs)
{
    weir_handlers *h = handlers_of((weir_handlers_opts){0});
    struct hand stuck = {.gate = ints_new(0)};
    weir_sink *s = NULL;
    weir_event *e = NULL;

    on(h, "stuck", &stuck);
    must_eq(weir_timeout_sink_new(&s, weir_handlers_sink(h), WEIR_MILLISECOND),
            0);
    must_eq(weir_event_new(&e, &(weir_event_opts){.type = "stuck"}), 0);
    must_eq(weir_sink_write(s, e, NULL), WEIR_TIMEDOUT);
    must_eq(counts_of(h, "stuck").failed, 1);
    weir_event_unref(e);
    weir_sink_unref(s);
    weir_handlers_unref(h);
    ints_unref(stuck.gate);
    (void)crew;
}

static void write_stuck(void *arg)
{
    must_eq(write_type(arg, "stuck", NULL), 0);
}

/* It does not: who closes, or takes it off, has a deadline. */
BEHAVIOUR(a_handler_that_hangs_holds_nobody_up)
{
    weir_handlers *h = handlers_of((weir_handlers_opts){0});
    struct hand stuck = {.gate = ints_new(0)}, other = {0};
    weir_ctx ended = WEIR_CTX_INIT;

    must_eq(weir_ctx_cancel(&ended, 0), 0);
    on(h, "stuck", &stuck);
    on(h, "other", &other);
    crew_go(crew, write_stuck, h);
    await(&stuck.n, 1);
    must_eq(write_type(h, "other", NULL), 0);
    must_eq(weir_handlers_off(h, "other", NULL), 0);
    must_eq(weir_handlers_off(h, "stuck", &ended), WEIR_CANCELED);
    must_eq(write_type(h, "stuck", NULL), WEIR_UNSUPPORTED);
    must_eq(weir_sink_close(weir_handlers_sink(h), &ended), WEIR_CANCELED);
    must_eq(write_type(h, "other", NULL), WEIR_CLOSED);
    must_eq(weir_handlers_on(h, "new", handle, &other), WEIR_CLOSED);
    put(stuck.gate, 0);
    crew_wait(crew);
    must_eq(weir_sink_close(weir_handlers_sink(h), NULL), 0);
    weir_handlers_unref(h);
    ints_unref(stuck.gate);
    must_eq(weir_ctx_fini(&ended), 0);
}

static int close_own(weir_event *e, weir_ctx *ctx, void *arg)
{
    struct hand *hand = arg;

    hand->told = weir_sink_close(weir_handlers_sink(hand->all), NULL);
    (void)e, (void)ctx;
    return 0;
}

static int take_own_off(weir_event *e, weir_ctx *ctx, void *arg)
{
    struct hand *hand = arg;

    must_eq(weir_handlers_off(hand->all, "other", NULL), 0);
    hand->told = weir_handlers_off(hand->all, "self", NULL);
    (void)e, (void)ctx;
    return 0;
}

BEHAVIOUR(a_handler_that_closes_its_own_source)
{
    struct hand self = {0}, other = {0};

    self.all = handlers_of((weir_handlers_opts){0});
    must_eq(weir_handlers_on(self.all, "self", take_own_off, &self), 0);
    on(self.all, "other", &other);
    must_eq(write_type(self.all, "self", NULL), 0);
    must_eq(self.told, WEIR_DEADLOCK);
    must_eq(write_type(self.all, "self", NULL), WEIR_UNSUPPORTED);
    must_eq(weir_handlers_on(self.all, "self", close_own, &self), 0);
    must_eq(write_type(self.all, "self", NULL), 0);
    must_eq(self.told, WEIR_DEADLOCK);
    must_eq(write_type(self.all, "self", NULL), WEIR_CLOSED);
    weir_handlers_unref(self.all);
    (void)crew;
}

/* ---- under load ---------------------------------------------------------- */

struct load {
    weir_handlers *h;
    struct hand steady;
    int n;
};

static void write_many(void *arg)
{
    struct load *l = arg;
    int i, err;

    for (i = 0; i < l->n; i++) {
        must_eq(write_type(l->h, "steady", NULL), 0);
        err = write_type(l->h, "now and then", NULL);
        must(err == 0 || err == WEIR_UNSUPPORTED);
    }
}

static void come_and_go(void *arg)
{
    struct load *l = arg;
    int i;

    for (i = 0; i < l->n; i++) {
        struct hand *h = calloc(1, sizeof *h);

        on(l->h, "now and then", h);
        weir_yield();
        must_eq(weir_handlers_off(l->h, "now and then", NULL), 0);
        free(h); /* nobody is in it any more */
    }
}

BEHAVIOUR(handlers_come_and_go_under_load)
{
    struct load l = {.n = check_scale(crew_many(crew, 500, 100))};
    int i;

    l.h = handlers_of((weir_handlers_opts){0});
    on(l.h, "steady", &l.steady);
    for (i = 0; i < WRITERS; i++)
        crew_go(crew, write_many, &l);
    crew_go(crew, come_and_go, &l);
    crew_wait(crew);
    must_eq(l.steady.n, WRITERS * l.n);
    must_eq(counts_of(l.h, "steady").handled, WRITERS * l.n);
    weir_handlers_unref(l.h);
}

/* ---- wrong use, and no memory -------------------------------------------- */

START_TEST(wrong_use_is_refused)
{
    weir_handlers *h = handlers_of((weir_handlers_opts){0});
    weir_handler_counts c;

    must_eq(weir_handlers_new(NULL, NULL), WEIR_EINVAL);
    must(weir_handlers_sink(NULL) == NULL);
    weir_handlers_unref(NULL);
    must_eq(weir_handlers_on(NULL, "a", handle, NULL), WEIR_EINVAL);
    must_eq(weir_handlers_on(h, NULL, handle, NULL), WEIR_EINVAL);
    must_eq(weir_handlers_on(h, "a", NULL, NULL), WEIR_EINVAL);
    must_eq(weir_handlers_off(NULL, "a", NULL), WEIR_EINVAL);
    must_eq(weir_handlers_off(h, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_handlers_get_counts(NULL, "a", &c), WEIR_EINVAL);
    must_eq(weir_handlers_get_counts(h, "a", NULL), WEIR_EINVAL);
    must_eq(weir_handlers_get_counts(h, "a", &c), WEIR_EMPTY);
    weir_handlers_unref(h);
}
END_TEST

START_TEST(out_of_memory)
{
    weir_handlers *h = NULL;
    struct hand hand = {0};
    int fails, err = WEIR_ENOMEM;

    for (fails = 0; err == WEIR_ENOMEM; fails++) {
        wr_mem_fail_after(fails);
        err = weir_handlers_new(&h, NULL);
        wr_mem_fail_after(-1);
        must(err == 0 || (err == WEIR_ENOMEM && h == NULL));
    }
    must_eq(fails, 3);
    err = WEIR_ENOMEM;
    for (fails = 0; err == WEIR_ENOMEM; fails++) {
        wr_mem_fail_after(fails);
        err = weir_handlers_on(h, "a", handle, &hand);
        wr_mem_fail_after(-1);
    }
    must_eq(err, 0);
    must_eq(fails, 3);
    must_eq(write_type(h, "a", NULL), 0);
    weir_handlers_unref(h);
}
END_TEST

CHECK_MAIN(CHECK_MODES(each_type_has_its_handler),
           CHECK_MODES(the_null_event_has_the_empty_type),
           CHECK_MODES(an_unknown_type_is_an_error),
           CHECK_MODES(or_it_is_ignored_and_counted),
           CHECK_MODES(or_it_goes_to_the_default_handler),
           CHECK_MODES(handlers_come_and_go), CHECK_MODES(a_handler_that_fails),
           CHECK_MODES(a_handler_that_hangs),
           CHECK_MODES(a_handler_that_hangs_holds_nobody_up),
           CHECK_MODES(a_handler_that_closes_its_own_source),
           CHECK_MODES(handlers_come_and_go_under_load),
           CHECK_TEST(wrong_use_is_refused), CHECK_TEST(out_of_memory))
