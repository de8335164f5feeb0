/* SPDX-License-Identifier: MIT */
/* The listener: a function as a sink, an account of what passes, and an
 * error policy. */
#include <weir/listener.h>
#include "events.h"

enum { WRITERS = 4, EVENTS = 100 };

static weir_sink *listener_of(weir_listener_opts o)
{
    weir_sink *s = NULL;

    must_eq(weir_listener_new(&s, &o), 0);
    must(s != NULL);
    return s;
}

static weir_listener_counts counts_of(weir_sink *s)
{
    weir_listener_counts c;
    uint64_t sum = 0;
    int i;

    must_eq(weir_listener_get_counts(s, &c), 0);
    for (i = 0; i < WEIR_LISTENER_CODES; i++)
        sum += c.by_code[i].n;
    must_eq(c.events, c.taken + c.failed + c.running);
    must_eq(c.failed, sum + c.others);
    return c;
}

/* What a function does: as `result` says, or minus the number if that is 1. */
struct ear {
    atomic_int n, last, result;
    ints *gate;
    weir_sink *self;
    atomic_int closed;
};

static int hear(weir_event *e, weir_ctx *ctx, void *arg)
{
    struct ear *ear = arg;
    int unused;

    ear->last = number_of(e);
    atomic_fetch_add(&ear->n, 1);
    if (ear->gate != NULL)
        return ints_recv(ear->gate, &unused, ctx);
    return ear->result == 1 ? -number_of(e) : ear->result;
}

BEHAVIOUR(a_function_is_a_sink)
{
    struct ear ear = {0};
    weir_sink *s = listener_of((weir_listener_opts){.fn = hear, .arg = &ear});

    must_eq(write_number(s, 5, NULL), 0);
    must_eq(ear.last, 5);
    must_eq(write_number(s, NONE, NULL), 0);
    must_eq(ear.last, NONE);
    must_eq(weir_sink_close(s, NULL), 0);
    must_eq(weir_sink_close(s, NULL), 0);
    must_eq(write_number(s, 6, NULL), WEIR_CLOSED);
    must_eq(ear.n, 2);
    must_eq(counts_of(s).taken, 2);
    must_eq(counts_of(s).bytes, sizeof(int));
    must_eq(counts_of(s).refused, 1);
    weir_sink_unref(s);
    must_eq(alive, 0);
    (void)crew;
}

static void write_many(void *arg)
{
    int i;

    for (i = 0; i < EVENTS; i++)
        must_eq(write_number(arg, i, NULL), 0);
}

/* One before a queue and one behind it: what comes in, and what goes out. */
BEHAVIOUR(ingress_and_egress_of_a_queue)
{
    struct recorder *r = recorder_new();
    struct ear in_ear = {0}, out_ear = {0};
    weir_sink *in, *out;
    weir_queue *q;
    int i;

    r->gate = ints_new(0);
    out = listener_of(
        (weir_listener_opts){.fn = hear, .to = &r->sink, .arg = &out_ear});
    q = queue_of((weir_queue_opts){.sink = out});
    in = listener_of((weir_listener_opts){
        .fn = hear, .to = weir_queue_sink(q), .arg = &in_ear});
    for (i = 0; i < WRITERS; i++)
        crew_go(crew, write_many, in);
    crew_wait(crew);
    must_eq(counts_of(in).taken, WRITERS * EVENTS);
    must_eq(counts_of(out).taken, 0); /* all of them are on their way */
    while (counts_of(out).running == 0)
        weir_yield();
    for (i = 0; i < WRITERS * EVENTS; i++)
        put(r->gate, 0);
    must_eq(weir_sink_close(in, NULL), 0);
    must_eq(counts_of(out).taken, WRITERS * EVENTS);
    must_eq(in_ear.n, WRITERS * EVENTS);
    must_eq(out_ear.n, WRITERS * EVENTS);
    must_eq(r->closed, 1);
    weir_sink_unref(in);
    weir_queue_unref(q);
    weir_sink_unref(out);
    recorder_end(r);
    await_no_events();
}

BEHAVIOUR(results_are_counted_by_code)
{
    struct recorder *r = recorder_new();
    struct ear ear = {.result = 1};
    weir_sink *s = listener_of(
        (weir_listener_opts){.fn = hear, .to = &r->sink, .arg = &ear});
    weir_listener_counts c;
    int i;

    for (i = 0; i <= WEIR_LISTENER_CODES + 2; i++)
        must_eq(write_number(s, i, NULL), -i);
    must_eq(write_number(s, 2, NULL), -2);
    must_eq(r->n, 1); /* what the function refuses goes no further */
    ear.result = 0;
    r->result = -3;
    must_eq(write_number(s, 0, NULL), -3);
    c = counts_of(s);
    must_eq(c.taken, 1);
    must_eq(c.failed, WEIR_LISTENER_CODES + 4);
    for (i = 0; i < WEIR_LISTENER_CODES; i++) {
        must_eq(c.by_code[i].code, -i - 1);
        must_eq(c.by_code[i].n, i == 1 || i == 2 ? 2 : 1);
    }
    must_eq(c.others, 2);
    weir_sink_unref(s);
    recorder_end(r);
    (void)crew;
}

/* ---- an error policy ----------------------------------------------------- */

static int judge(weir_event *e, int code, void *arg)
{
    (void)e, (void)arg;
    return code == -5 ? 0 : code == -6 ? WEIR_CLOSED : -7;
}

BEHAVIOUR(an_error_is_forgiven_changed_or_fatal)
{
    struct recorder *r = recorder_new();
    weir_sink *s =
        listener_of((weir_listener_opts){.to = &r->sink, .on_error = judge});

    r->result = -5;
    must_eq(write_number(s, 1, NULL), 0);
    r->result = -4;
    must_eq(write_number(s, 2, NULL), -7);
    r->result = -6;
    must_eq(write_number(s, 3, NULL), WEIR_CLOSED);
    r->result = 0;
    must_eq(write_number(s, 4, NULL), WEIR_CLOSED); /* it is fatal */
    must_eq(r->n, 3);
    must_eq(counts_of(s).forgiven, 1);
    must_eq(counts_of(s).failed, 3);
    must_eq(counts_of(s).refused, 1);
    must_eq(weir_sink_close(s, NULL), 0);
    must_eq(r->closed, 1);
    weir_sink_unref(s);
    recorder_end(r);
    (void)crew;
}

/* ---- the end ------------------------------------------------------------- */

static void write_one(void *arg)
{
    must_eq(write_number(arg, 1, NULL), 0);
}

struct closer {
    weir_sink *s;
    atomic_int done;
};

static void close_it(void *arg)
{
    struct closer *c = arg;

    must_eq(weir_sink_close(c->s, NULL), 0);
    atomic_store(&c->done, 1);
}

BEHAVIOUR(a_close_waits_for_the_functions)
{
    struct ear ear = {.gate = ints_new(0)};
    struct closer c = {0};
    weir_ctx ended = WEIR_CTX_INIT;

    c.s = listener_of((weir_listener_opts){.fn = hear, .arg = &ear});
    crew_go(crew, write_one, c.s);
    crew_go(crew, write_one, c.s);
    await(&ear.n, 2);
    must_eq(weir_ctx_cancel(&ended, 0), 0);
    must_eq(weir_sink_close(c.s, &ended), WEIR_CANCELED);
    crew_go(crew, close_it, &c);
    put(ear.gate, 0);
    settle();
    must_eq(c.done, 0);
    put(ear.gate, 0);
    crew_wait(crew);
    must_eq(counts_of(c.s).taken, 2);
    weir_sink_unref(c.s);
    ints_unref(ear.gate);
    must_eq(weir_ctx_fini(&ended), 0);
}

static int close_self(weir_event *e, weir_ctx *ctx, void *arg)
{
    struct ear *ear = arg;

    ear->closed = weir_sink_close(ear->self, NULL);
    (void)e, (void)ctx;
    return 0;
}

BEHAVIOUR(a_function_that_closes_its_own_listener_does_not_hang)
{
    struct recorder *r = recorder_new();
    struct ear ear = {0};

    ear.self = listener_of(
        (weir_listener_opts){.fn = close_self, .to = &r->sink, .arg = &ear});
    must_eq(write_number(ear.self, 1, NULL), 0);
    must_eq(ear.closed, WEIR_DEADLOCK);
    must_eq(r->closed, 1);
    must_eq(write_number(ear.self, 2, NULL), WEIR_CLOSED);
    must_eq(weir_sink_close(ear.self, NULL), 0);
    must_eq(r->closed, 1);
    weir_sink_unref(ear.self);
    recorder_end(r);
    (void)crew;
}

START_TEST(wrong_use_is_refused)
{
    struct recorder *r = recorder_new();
    weir_listener_counts c;
    weir_sink *s = &r->sink;

    must_eq(weir_listener_new(&s, &(weir_listener_opts){0}), WEIR_EINVAL);
    must(s == NULL);
    must_eq(weir_listener_new(&s, NULL), WEIR_EINVAL);
    must_eq(weir_listener_new(NULL, &(weir_listener_opts){.fn = hear}),
            WEIR_EINVAL);
    must_eq(weir_listener_get_counts(NULL, &c), WEIR_EINVAL);
    must_eq(weir_listener_get_counts(&r->sink, &c), WEIR_EINVAL);
    wr_mem_fail_after(0);
    must_eq(weir_listener_new(&s, &(weir_listener_opts){.fn = hear}),
            WEIR_ENOMEM);
    wr_mem_fail_after(-1);
    s = listener_of((weir_listener_opts){.fn = hear});
    must_eq(weir_listener_get_counts(s, NULL), WEIR_EINVAL);
    weir_sink_unref(s);
    recorder_end(r);
}
END_TEST

CHECK_MAIN(CHECK_MODES(a_function_is_a_sink),
           CHECK_MODES(ingress_and_egress_of_a_queue),
           CHECK_MODES(results_are_counted_by_code),
           CHECK_MODES(an_error_is_forgiven_changed_or_fatal),
           CHECK_MODES(a_close_waits_for_the_functions),
           CHECK_MODES(a_function_that_closes_its_own_listener_does_not_hang),
           CHECK_TEST(wrong_use_is_refused))
