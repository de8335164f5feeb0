/* SPDX-License-Identifier: MIT */
/*
 * Graceful shutdown: by a signal or on request the parts stop in order, drain
 * in order or side by side, and are reported; a deadline and one more signal
 * cut that short.
 */
#include <signal.h>
#include <unistd.h>
#include "../chan/parties.h"

enum { PARTS = 4 };

static weir_shutdown *shutdown_of(weir_shutdown_opts o)
{
    weir_shutdown *s;

    must_eq(weir_shutdown_new(&s, &o), 0);
    return s;
}

static weir_shutdown_report report_of(weir_shutdown *s, size_t i)
{
    weir_shutdown_report r;

    must_eq(weir_shutdown_get_report(s, i, &r), 0);
    must(r.ended || !r.in_time);
    must(r.took >= 0);
    return r;
}

/* ---- parts --------------------------------------------------------------- */

struct log {
    atomic_int clock;
};

/* A part that notes when it was called. */
struct part {
    struct log *log;
    int stopped, began, ended;
    int stop_code, drain_code;
    atomic_int draining, told;
    weir_barrier *meeting;
    ints *gate;
    uint64_t left;
};

static int tick(struct part *p)
{
    return atomic_fetch_add(&p->log->clock, 1) + 1;
}

static int stop(void *arg)
{
    struct part *p = arg;

    p->stopped = tick(p);
    return p->stop_code;
}

static int drain(void *arg, weir_ctx *ctx)
{
    struct part *p = arg;

    p->began = tick(p);
    must(weir_in_task());
    if (p->meeting)
        must(weir_barrier_wait(p->meeting, ctx) >= 0);
    settle();
    p->ended = tick(p);
    return p->drain_code;
}

static uint64_t left(void *arg)
{
    return ((struct part *)arg)->left;
}

/* Ends when it is told to, and not before. */
static int drain_until_told(void *arg, weir_ctx *ctx)
{
    struct part *p = arg;

    atomic_store(&p->draining, 1);
    return weir_ctx_wait(ctx, NULL);
}

/* Does not end when it is told to, but when the gate is closed. */
static int drain_until_gate(void *arg, weir_ctx *ctx)
{
    struct part *p = arg;
    int none;

    atomic_store(&p->draining, 1);
    (void)weir_ctx_wait(ctx, NULL);
    atomic_store(&p->told, 1);
    must_eq(ints_recv(p->gate, &none, NULL), WEIR_CLOSED);
    return 0;
}

static void add(weir_shutdown *s, struct part *p,
                int (*how)(void *, weir_ctx *), bool beside)
{
    must_eq(weir_shutdown_add(s, &(weir_shutdown_part){.name = "a part",
                                                       .arg = p,
                                                       .stop = stop,
                                                       .drain = how,
                                                       .left = left,
                                                       .beside = beside}),
            0);
}

/* ---- on request ---------------------------------------------------------- */

static void request(void *arg)
{
    must_eq(weir_shutdown_request(arg), 0);
    must_eq(weir_shutdown_request(arg), 0);
}

BEHAVIOUR(parts_stop_and_drain_in_order)
{
    struct log log = {0};
    struct part parts[PARTS] = {{0}};
    weir_shutdown *s = shutdown_of((weir_shutdown_opts){0});
    int i;

    for (i = 0; i < PARTS; i++) {
        parts[i] = (struct part){.log = &log, .left = (uint64_t)i};
        add(s, &parts[i], drain, false);
    }
    must_eq(weir_ctx_err(weir_shutdown_ctx(s)), 0);
    crew_go(crew, request, s);
    must_eq(weir_shutdown_wait(s, NULL), 0);
    must_eq(weir_ctx_err(weir_shutdown_ctx(s)), WEIR_CANCELED);
    must_eq(weir_shutdown_signal(s), 0);
    for (i = 0; i < PARTS; i++) {
        must_eq(parts[i].stopped, i + 1);
        must_eq(parts[i].began, PARTS + 2 * i + 1);
        must_eq(parts[i].ended, PARTS + 2 * i + 2);
        must(report_of(s, (size_t)i).in_time);
        must_eq(report_of(s, (size_t)i).left, i);
    }
    crew_wait(crew);
    must_eq(weir_shutdown_wait(s, NULL), 0);
    must_eq(weir_shutdown_free(s), 0);
}

/* The three in the middle can only meet if they drain at once, and the last
 * one is not before them. */
BEHAVIOUR(parts_may_drain_side_by_side)
{
    struct log log = {0};
    weir_barrier meeting = WEIR_BARRIER_INIT(3);
    struct part parts[5] = {{0}};
    weir_shutdown *s = shutdown_of((weir_shutdown_opts){.no_signals = true});
    int i;

    for (i = 0; i < 5; i++) {
        parts[i] = (struct part){.log = &log};
        parts[i].meeting = i > 0 && i < 4 ? &meeting : NULL;
        add(s, &parts[i], drain, i == 2 || i == 3);
    }
    must_eq(weir_shutdown_request(s), 0);
    must_eq(weir_shutdown_wait(s, NULL), 0);
    for (i = 1; i < 4; i++) {
        must(parts[i].began > parts[0].ended);
        must(parts[i].ended < parts[4].began);
    }
    must_eq(weir_shutdown_free(s), 0);
    (void)crew;
}

BEHAVIOUR(the_first_error_is_the_result)
{
    struct log log = {0};
    struct part parts[3] = {{.log = &log},
                            {.log = &log, .drain_code = -8},
                            {.log = &log, .stop_code = -9}};
    weir_shutdown *s = shutdown_of((weir_shutdown_opts){.no_signals = true});
    int i;

    for (i = 0; i < 3; i++)
        add(s, &parts[i], drain, false);
    must_eq(weir_shutdown_request(s), 0);
    must_eq(weir_shutdown_wait(s, NULL), -8);
    must_eq(report_of(s, 1).drained, -8);
    must_eq(report_of(s, 2).stopped, -9);
    must(report_of(s, 2).in_time);
    must_eq(weir_shutdown_wait(s, NULL), -8);
    must_eq(weir_shutdown_free(s), 0);
    (void)crew;
}

BEHAVIOUR(hooks_are_optional)
{
    weir_shutdown *s = shutdown_of((weir_shutdown_opts){.no_signals = true});

    must_eq(weir_shutdown_add(s, &(weir_shutdown_part){.name = "idle"}), 0);
    must_eq(weir_shutdown_request(s), 0);
    must_eq(weir_shutdown_wait(s, NULL), 0);
    must(report_of(s, 0).in_time);
    must_eq(report_of(s, 0).took, 0);
    must_eq(weir_shutdown_free(s), 0);
    (void)crew;
}

/* ---- by signals ---------------------------------------------------------- */

BEHAVIOUR(a_signal_begins_it)
{
    struct log log = {0};
    struct part p = {.log = &log};
    weir_shutdown *s = shutdown_of((weir_shutdown_opts){0});

    add(s, &p, drain, false);
    must_eq(kill(getpid(), SIGTERM), 0);
    must_eq(weir_shutdown_wait(s, NULL), 0);
    must_eq(weir_shutdown_signal(s), SIGTERM);
    must_eq(p.ended, 3);
    must_eq(weir_shutdown_free(s), 0);
    s = shutdown_of((weir_shutdown_opts){.signals = {SIGUSR2, SIGHUP}});
    must_eq(kill(getpid(), SIGHUP), 0);
    must_eq(weir_shutdown_wait(s, NULL), 0);
    must_eq(weir_shutdown_signal(s), SIGHUP);
    must_eq(weir_shutdown_free(s), 0);
    (void)crew;
}

static void signal_again(void *arg)
{
    struct part *p = arg;

    while (atomic_load(&p->draining) == 0)
        weir_yield();
    must_eq(kill(getpid(), SIGINT), 0);
}

/* Neither the part that drains nor the one behind it is waited for long. */
BEHAVIOUR(a_second_signal_cuts_it_short)
{
    struct log log = {0};
    struct part a = {.log = &log}, b = {.log = &log};
    weir_shutdown *s = shutdown_of(
        (weir_shutdown_opts){.deadline = WEIR_FOREVER, .grace = WEIR_FOREVER});

    add(s, &a, drain_until_told, false);
    add(s, &b, drain_until_told, false);
    must_eq(kill(getpid(), SIGTERM), 0);
    crew_go(crew, signal_again, &a);
    must_eq(weir_shutdown_wait(s, NULL), WEIR_CANCELED);
    must_eq(weir_shutdown_signal(s), SIGTERM);
    must(report_of(s, 0).ended && !report_of(s, 0).in_time);
    must_eq(report_of(s, 0).drained, WEIR_CANCELED);
    must(report_of(s, 1).ended && !report_of(s, 1).in_time);
    crew_wait(crew);
    must_eq(weir_shutdown_free(s), 0);
}

static void signal_thrice(void *arg)
{
    struct part *p = arg;

    signal_again(p);
    while (atomic_load(&p->told) == 0)
        weir_yield();
    must_eq(kill(getpid(), SIGINT), 0);
}

BEHAVIOUR(a_third_one_ends_the_grace)
{
    struct log log = {0};
    struct part p = {.log = &log, .gate = ints_new(0), .left = 5};
    weir_shutdown *s = shutdown_of(
        (weir_shutdown_opts){.deadline = WEIR_FOREVER, .grace = WEIR_FOREVER});

    add(s, &p, drain_until_gate, false);
    must_eq(kill(getpid(), SIGTERM), 0);
    crew_go(crew, signal_thrice, &p);
    must_eq(weir_shutdown_wait(s, NULL), WEIR_CANCELED);
    must(!report_of(s, 0).ended);
    must_eq(report_of(s, 0).left, 5);
    ints_close(p.gate);
    crew_wait(crew);
    must_eq(weir_shutdown_free(s), 0);
    ints_unref(p.gate);
}

/* ---- deadlines ----------------------------------------------------------- */

/* One that heeds its context ends late, one that does not still runs. */
BEHAVIOUR(a_deadline_cuts_it_short)
{
    struct log log = {0};
    struct part a = {.log = &log, .gate = ints_new(0)}, b = {.log = &log},
                c = {.log = &log};
    weir_shutdown *s = shutdown_of((weir_shutdown_opts){
        .deadline = WEIR_MILLISECOND, .grace = 50 * WEIR_MILLISECOND});

    add(s, &a, drain_until_gate, false);
    add(s, &b, drain_until_told, true);
    add(s, &c, NULL, false);
    must_eq(weir_shutdown_request(s), 0);
    must_eq(weir_shutdown_wait(s, NULL), WEIR_TIMEDOUT);
    must(!report_of(s, 0).ended);
    must_eq(report_of(s, 0).drained, 0);
    must(!report_of(s, 1).in_time);
    must(report_of(s, 2).in_time);
    ints_close(a.gate);
    must_eq(weir_shutdown_free(s), 0);
    ints_unref(a.gate);
    (void)crew;
}

BEHAVIOUR(it_may_be_cut_at_once)
{
    struct log log = {0};
    struct part p = {.log = &log};
    weir_shutdown *s = shutdown_of((weir_shutdown_opts){.no_signals = true});

    add(s, &p, drain_until_told, false);
    must_eq(weir_shutdown_cut(s), 0);
    must_eq(weir_shutdown_wait(s, NULL), WEIR_CANCELED);
    must_eq(p.stopped, 1);
    must_eq(atomic_load(&p.draining), 1);
    must_eq(weir_shutdown_free(s), 0);
    (void)crew;
}

/* ---- who waits ----------------------------------------------------------- */

struct late {
    weir_shutdown *s;
    weir_ctx ctx;
    atomic_int result;
};

static void wait_for_it(void *arg)
{
    struct late *l = arg;

    atomic_store(&l->result, weir_shutdown_wait(l->s, &l->ctx));
}

BEHAVIOUR(one_party_waits_and_may_give_up)
{
    struct late l = {.result = 1};
    struct log log = {0};
    struct part p = {.log = &log};
    weir_shutdown_report r;

    l.s = shutdown_of((weir_shutdown_opts){0});
    add(l.s, &p, drain, false);
    crew_go(crew, wait_for_it, &l);
    while (weir_shutdown_add(l.s, &(weir_shutdown_part){.name = "late"}) == 0)
        weir_yield();
    must_eq(weir_shutdown_add(l.s, &(weir_shutdown_part){.name = "late"}),
            WEIR_BUSY);
    must_eq(weir_shutdown_wait(l.s, NULL), WEIR_BUSY);
    must_eq(weir_shutdown_get_report(l.s, 0, &r), WEIR_BUSY);
    must_eq(weir_shutdown_print(l.s, stderr), WEIR_BUSY);
    must_eq(weir_ctx_cancel(&l.ctx, 0), 0);
    crew_wait(crew);
    must_eq(atomic_load(&l.result), WEIR_CANCELED);
    must_eq(p.stopped, 0);
    must_eq(weir_shutdown_request(l.s), 0);
    must_eq(weir_shutdown_wait(l.s, NULL), 0);
    must_eq(p.stopped, 1);
    must_eq(weir_shutdown_free(l.s), 0);
    must_eq(weir_ctx_fini(&l.ctx), 0);
}

BEHAVIOUR(it_need_not_take_place)
{
    struct log log = {0};
    struct part p = {.log = &log};
    weir_shutdown *s = shutdown_of((weir_shutdown_opts){0});

    add(s, &p, drain, false);
    must_eq(weir_shutdown_free(s), 0);
    must_eq(atomic_load(&log.clock), 0);
    must_eq(weir_shutdown_free(NULL), 0);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(parts_stop_and_drain_in_order),
           CHECK_MODES(parts_may_drain_side_by_side),
           CHECK_MODES(the_first_error_is_the_result),
           CHECK_MODES(hooks_are_optional), CHECK_MODES(a_signal_begins_it),
           CHECK_MODES(a_second_signal_cuts_it_short),
           CHECK_MODES(a_third_one_ends_the_grace),
           CHECK_MODES(a_deadline_cuts_it_short),
           CHECK_MODES(it_may_be_cut_at_once),
           CHECK_MODES(one_party_waits_and_may_give_up),
           CHECK_MODES(it_need_not_take_place))
