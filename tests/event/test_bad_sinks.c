/* SPDX-License-Identifier: MIT */
/* A sink that fails, hangs, or closes its own source, behind each of the
 * sinks that stand in front of others: no crash, no hang, and the event is
 * the writer's again, or its loss is said. */
#include <weir/broadcaster.h>
#include <weir/listener.h>
#include <weir/retry.h>
#include <weir/sinks.h>
#include <weir/tee.h>
#include "events.h"

/* ---- those in front -------------------------------------------------------
 */

/* One of them: `is_async` when a write has returned before the sink is written
 * to; then losses are counted. */
struct front {
    weir_sink *s;
    bool is_async;
    weir_queue *q;
    weir_broadcaster *b;
    struct losses lost;
};

typedef void maker(struct front *f, weir_sink *to);

static bool any(weir_event *e, void *arg)
{
    (void)e, (void)arg;
    return true;
}

static void make_filter(struct front *f, weir_sink *to)
{
    must_eq(weir_filter_new(&f->s, to, any, NULL), 0);
}

static void make_timeout(struct front *f, weir_sink *to)
{
    must_eq(weir_timeout_sink_new(&f->s, to, WEIR_MINUTE), 0);
}

static void make_round_robin(struct front *f, weir_sink *to)
{
    must_eq(weir_round_robin_new(&f->s, &to, 1), 0);
}

static void make_by_key(struct front *f, weir_sink *to)
{
    must_eq(weir_by_key_new(&f->s, &to, 1), 0);
}

static void make_listener(struct front *f, weir_sink *to)
{
    must_eq(weir_listener_new(&f->s, &(weir_listener_opts){.to = to}), 0);
}

static void make_retry(struct front *f, weir_sink *to)
{
    must_eq(weir_retry_new(&f->s, &(weir_retry_opts){.sink = to,
                                                     .tries = 1,
                                                     .backoff = {.max = 1000}}),
            0);
}

static void make_tee(struct front *f, weir_sink *to)
{
    weir_stream *st = NULL;

    must_eq(weir_stream_new_mem(NULL, NULL, &st), 0);
    must_eq(weir_tee_new(&f->s, &(weir_tee_opts){.stream = st, .to = to}), 0);
    weir_stream_unref(st);
}

static void make_queue(struct front *f, weir_sink *to)
{
    f->is_async = true;
    f->q = queue_of(
        (weir_queue_opts){.sink = to, .on_loss = lose, .arg = &f->lost});
    f->s = weir_queue_sink(f->q);
}

static void lose_of(weir_sink *s, weir_event *e, int code, void *arg)
{
    lose(e, code, arg);
    (void)s;
}

static void make_broadcaster(struct front *f, weir_sink *to, bool direct)
{
    f->is_async = true;
    must_eq(
        weir_broadcaster_new(&f->b, &(weir_broadcaster_opts){.on_loss = lose_of,
                                                             .arg = &f->lost}),
        0);
    must_eq(weir_broadcaster_add(f->b, to,
                                 &(weir_broadcast_opts){.direct = direct}),
            0);
    f->s = weir_broadcaster_sink(f->b);
}

static void make_direct(struct front *f, weir_sink *to)
{
    make_broadcaster(f, to, true);
}

static void make_isolated(struct front *f, weir_sink *to)
{
    make_broadcaster(f, to, false);
}

static maker *const makers[] = {
    make_filter, make_timeout, make_round_robin, make_by_key, make_listener,
    make_retry,  make_tee,     make_queue,       make_direct, make_isolated};

enum { MAKERS = sizeof makers / sizeof makers[0] };

static void front_end(struct front *f)
{
    if (f->q != NULL)
        weir_queue_unref(f->q);
    else if (f->b != NULL)
        weir_broadcaster_unref(f->b);
    else
        weir_sink_unref(f->s);
}

/* ---- a sink that fails -----------------------------------------------------
 */

BEHAVIOUR(a_sink_that_fails)
{
    int i, n;

    for (i = 0; i < MAKERS; i++) {
        struct recorder *r = recorder_new();
        struct front f = {.lost.code = -7};

        r->result = -7;
        makers[i](&f, &r->sink);
        for (n = 0; n < 5; n++)
            must_eq(write_number(f.s, n, NULL), f.is_async ? 0 : -7);
        if (f.is_async)
            await(&f.lost.by_code, 5);
        r->result = 0; /* and then it is well again */
        must_eq(write_number(f.s, 5, NULL), 0);
        must_eq(weir_sink_close(f.s, NULL), 0);
        must_eq(r->n, 6);
        must_eq(r->closed, 1);
        must_eq(f.lost.n, f.is_async ? 5 : 0);
        front_end(&f);
        recorder_end(r);
        await_no_events();
    }
    (void)crew;
}

/* ---- a sink that hangs ------------------------------------------------------
 */

struct hung {
    struct front *f;
    weir_ctx *ctx;
};

static void write_till_it_ends(void *arg)
{
    struct hung *h = arg;

    must_eq(write_number(h->f->s, 1, h->ctx),
            h->f->is_async ? 0 : WEIR_CANCELED);
}

/* A close, or the context of the write, ends it, as it heeds that. */
BEHAVIOUR(a_sink_that_hangs)
{
    int i;

    for (i = 0; i < MAKERS; i++) {
        struct recorder *r = recorder_new();
        struct front f = {.lost.code = WEIR_CANCELED};
        weir_ctx ctx = WEIR_CTX_INIT;
        struct hung h = {&f, &ctx};

        r->gate = ints_new(0);
        r->closes_busy = true;
        makers[i](&f, &r->sink);
        crew_go(crew, write_till_it_ends, &h);
        await(&r->n, 1);
        must_eq(weir_ctx_cancel(&ctx, 0), 0);
        if (f.is_async) {
            must_eq(weir_sink_close(f.s, &ctx), WEIR_CANCELED);
            await(&f.lost.by_code, 1); /* its loss is said */
        }
        crew_wait(crew);
        must_eq(weir_sink_close(f.s, NULL), 0);
        must_eq(r->closed, 1);
        front_end(&f);
        must_eq(weir_ctx_fini(&ctx), 0);
        recorder_end(r);
        await_no_events();
    }
}

/* ---- a sink that closes its own source --------------------------------------
 */

struct closer {
    weir_sink sink;
    struct front *f;
    atomic_int n, result, freed;
};

static int close_source(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    struct closer *c = (struct closer *)s;

    c->result = weir_sink_close(c->f->s, NULL);
    atomic_fetch_add(&c->n, 1);
    (void)e, (void)ctx;
    return 0;
}

static void closer_free(weir_sink *s)
{
    atomic_store(&((struct closer *)s)->freed, 1);
}

BEHAVIOUR(a_sink_that_closes_its_own_source)
{
    static const weir_sink_ops ops = {.write = close_source,
                                      .free = closer_free};
    int i;

    for (i = 0; i < MAKERS; i++) {
        struct front f = {0};
        struct closer c = {.f = &f};

        must_eq(weir_sink_init(&c.sink, &ops), 0);
        makers[i](&f, &c.sink);
        must_eq(write_number(f.s, 1, NULL), 0);
        await(&c.n, 1);
        must(c.result == 0 || c.result == WEIR_DEADLOCK);
        must(c.result == WEIR_DEADLOCK || !f.is_async);
        must_eq(weir_sink_close(f.s, NULL), 0); /* it is not stuck */
        must_eq(write_number(f.s, 2, NULL), WEIR_CLOSED);
        must_eq(f.lost.n, 0); /* it had taken the event */
        front_end(&f);
        weir_sink_unref(&c.sink);
        await(&c.freed, 1);
        await_no_events();
    }
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(a_sink_that_fails), CHECK_MODES(a_sink_that_hangs),
           CHECK_MODES(a_sink_that_closes_its_own_source))
