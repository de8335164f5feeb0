/* SPDX-License-Identifier: MIT */
/* What ends a retrying sink, and the waits in it: its sink's word, a close, a
 * context; and a sink that turns upon the one before it. */
#include "retry.h"

enum { WRITERS = 4 };

/* ---- what ends it -------------------------------------------------------- */

BEHAVIOUR(closed_is_final)
{
    struct flaky *f = flaky_new(0, 0);
    weir_sink *s =
        retry_of((weir_retry_opts){.sink = &f->sink, .backoff = an_hour});

    f->to->result = WEIR_CLOSED;
    must_eq(write_number(s, 1, NULL), WEIR_CLOSED);
    f->to->result = 0;
    must_eq(write_number(s, 2, NULL), WEIR_CLOSED); /* nobody is asked */
    must_eq(f->to->n, 1);
    must_eq(counts_of(s).tries, 1);
    must_eq(weir_sink_close(s, NULL), 0);
    weir_sink_unref(s);
    flaky_end(f);
    (void)crew;
}

static void write_till_closed(void *arg)
{
    must_eq(write_number(arg, 3, NULL), WEIR_CLOSED);
}

/* One waits an hour for its next try, the others for their turn. */
BEHAVIOUR(a_close_ends_the_waits)
{
    struct flaky *f = flaky_new(100, -5);
    weir_sink *s =
        retry_of((weir_retry_opts){.sink = &f->sink, .backoff = an_hour});
    int i;

    for (i = 0; i < WRITERS; i++)
        crew_go(crew, write_till_closed, s);
    await(&f->failed, 1);
    while (counts_of(s).running < WRITERS)
        weir_yield();
    settle();
    must_eq(weir_sink_close(s, NULL), 0);
    crew_wait(crew);
    must_eq(f->to->closed, 1);
    must_eq(f->failed, 1);
    must_eq(counts_of(s).failed, WRITERS);
    weir_sink_unref(s);
    flaky_end(f);
    must_eq(alive, 0);
}

BEHAVIOUR(a_close_ends_a_try)
{
    struct flaky *f = flaky_new(0, 0);
    weir_sink *s =
        retry_of((weir_retry_opts){.sink = &f->sink, .backoff = an_hour});

    f->to->gate = ints_new(0);
    crew_go(crew, write_till_closed, s);
    await(&f->to->n, 1);
    must_eq(weir_sink_close(s, NULL), 0);
    crew_wait(crew);
    weir_sink_unref(s);
    flaky_end(f);
    must_eq(alive, 0);
}

/* The sink does not heed its context. */
static void write_deaf(void *arg)
{
    must_eq(write_number(arg, 3, NULL), 0);
}

BEHAVIOUR(a_close_has_a_deadline)
{
    struct flaky *f = flaky_new(0, 0);
    weir_sink *s =
        retry_of((weir_retry_opts){.sink = &f->sink, .backoff = an_hour});
    struct recorder *r = f->to;
    weir_ctx ended = WEIR_CTX_INIT;

    r->gate = ints_new(0);
    r->deaf = r->closes_busy = true;
    crew_go(crew, write_deaf, s);
    await(&r->n, 1);
    must_eq(weir_ctx_cancel(&ended, 0), 0);
    must_eq(weir_sink_close(s, &ended), WEIR_CANCELED);
    must_eq(r->closed, 1); /* all the same */
    put(r->gate, 0);
    crew_wait(crew);
    must_eq(weir_sink_close(s, NULL), 0);
    must_eq(r->closed, 1);
    must_eq(weir_ctx_fini(&ended), 0);
    weir_sink_unref(s);
    flaky_end(f);
    must_eq(alive, 0);
}

struct interrupted {
    weir_sink *s;
    weir_ctx ctx;
};

static void write_till_cancelled(void *arg)
{
    struct interrupted *i = arg;

    must_eq(write_number(i->s, 3, &i->ctx), WEIR_CANCELED);
}

BEHAVIOUR(a_context_ends_the_waits)
{
    struct flaky *f = flaky_new(1, -5);
    struct interrupted w = {.ctx = WEIR_CTX_INIT};
    weir_ctx soon;
    int i;

    w.s = retry_of((weir_retry_opts){.sink = &f->sink, .backoff = an_hour});
    for (i = 0; i < WRITERS; i++)
        crew_go(crew, write_till_cancelled, &w);
    await(&f->failed, 1);
    must_eq(weir_ctx_cancel(&w.ctx, 0), 0);
    crew_wait(crew);
    must_eq(weir_ctx_init_timeout(&soon, NULL, WEIR_MILLISECOND), 0);
    must_eq(write_number(w.s, 4, &soon), WEIR_TIMEDOUT);
    must_eq(weir_ctx_fini(&soon), 0);
    must_eq(f->to->n, 0);
    must_eq(counts_of(w.s).failed, WRITERS + 1);
    must_eq(weir_ctx_fini(&w.ctx), 0);
    weir_sink_unref(w.s);
    flaky_end(f);
    must_eq(alive, 0);
}

/* ---- a sink that uses the one before it ---------------------------------- */

struct looper {
    weir_sink sink;
    weir_sink *source;
    atomic_int written, closed, closes;
};

static int looper_write(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    struct looper *l = (struct looper *)s;

    l->written = weir_sink_write(l->source, e, NULL);
    l->closed = weir_sink_close(l->source, NULL);
    (void)ctx;
    return 0;
}

static int looper_close(weir_sink *s, weir_ctx *ctx)
{
    atomic_fetch_add(&((struct looper *)s)->closes, 1);
    (void)ctx;
    return 0;
}

BEHAVIOUR(a_sink_that_closes_its_own_source_does_not_hang)
{
    static const weir_sink_ops ops = {.write = looper_write,
                                      .close = looper_close};
    struct looper l = {0};

    must_eq(weir_sink_init(&l.sink, &ops), 0);
    l.source = retry_of((weir_retry_opts){.sink = &l.sink, .backoff = an_hour});
    must_eq(write_number(l.source, 1, NULL), 0); /* it was taken */
    must_eq(l.written, WEIR_DEADLOCK);
    must_eq(l.closed, WEIR_DEADLOCK);
    must_eq(l.closes, 1);
    must_eq(write_number(l.source, 1, NULL), WEIR_CLOSED);
    must_eq(weir_sink_close(l.source, NULL), 0);
    must_eq(l.closes, 1);
    weir_sink_unref(l.source);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(closed_is_final), CHECK_MODES(a_close_ends_the_waits),
           CHECK_MODES(a_close_ends_a_try), CHECK_MODES(a_close_has_a_deadline),
           CHECK_MODES(a_context_ends_the_waits),
           CHECK_MODES(a_sink_that_closes_its_own_source_does_not_hang))
