/* SPDX-License-Identifier: MIT */
/*
 * A channel's own time limits, beside a context's: the earlier one wins, and
 * the code says which; what need not wait never fails by either.
 */
#include "flowctl.h"

enum { SHORT = 2 * WEIR_MILLISECOND };
static const int64_t never = WEIR_MINUTE * 60;

static weir_chan *limited(int64_t send, int64_t recv, size_t cap)
{
    weir_chan_opts o = opts_of(WEIR_BLOCK, cap, NULL);

    o.send_timeout = send;
    o.recv_timeout = recv;
    return chan_of(&o);
}

/* By each way that waits. The clock says that it did not end early. */
BEHAVIOUR(each_waiting_call_ends)
{
    int v[4] = {0}, cap;

    for (cap = 0; cap < 2; cap++) {
        weir_chan *c = limited(SHORT, SHORT, (size_t)cap);
        const int64_t begin = weir_now();

        must_eq(weir_chan_recv(c, v, NULL), WEIR_TIMEDOUT);
        must_eq(weir_chan_recv_n(c, v, 4, NULL), WEIR_TIMEDOUT);
        must_eq(weir_chan_recv_batch(c, v, 2, 4, 0, NULL), WEIR_TIMEDOUT);
        if (cap == 1)
            must_eq(weir_chan_send(c, v, NULL), 0);
        must_eq(weir_chan_send(c, v, NULL), WEIR_TIMEDOUT);
        must_eq(weir_chan_send_n(c, v, 4, NULL), WEIR_TIMEDOUT);
        must_eq(weir_chan_send_batch(c, v, 2, 4, 0, NULL), WEIR_TIMEDOUT);
        must(weir_now() - begin >= 6 * (int64_t)SHORT);
        must_eq(account(c).timed_out, 6);
        must_eq(account(c).blocked_sends, 3);
        must_eq(account(c).blocked_recvs, 3);
        must_eq(account(c).canceled, 0);
        must_eq(account(c).sent, cap);
        weir_chan_unref(c);
    }
    (void)crew;
}

static void send_soon(void *arg)
{
    settle();
    must_eq(send_int(arg, 3), 0);
}

/* Who is served in time hears nothing of the limit. */
BEHAVIOUR(served_in_time)
{
    int i, v;

    for (i = 0; i < check_scale(50); i++) {
        weir_chan *c = limited(never, never, (size_t)(i % 2));

        crew_go(crew, send_soon, c);
        must_eq(weir_chan_recv(c, &v, NULL), 0);
        must_eq(v, 3);
        crew_wait(crew);
        must_eq(account(c).timed_out, 0);
        weir_chan_unref(c);
    }
}

/* ---- against a context ----------------------------------------------------
 */

static int wait_in(weir_chan *c, bool sends, weir_ctx *ctx)
{
    int v = 1;

    return sends ? weir_chan_send(c, &v, ctx) : weir_chan_recv(c, &v, ctx);
}

BEHAVIOUR(the_earlier_wins)
{
    enum { CAUSE = -777 };
    weir_ctx ctx;
    int sends;

    for (sends = 0; sends < 2; sends++) {
        weir_chan *brief = limited(SHORT, SHORT, 0);
        weir_chan *patient = limited(never, never, 0);

        /* The channel's, while the context lives on. */
        must_eq(weir_ctx_init_timeout(&ctx, NULL, never), 0);
        must_eq(wait_in(brief, sends, &ctx), WEIR_TIMEDOUT);
        must_eq(weir_ctx_err(&ctx), 0);
        must_eq(weir_ctx_cause(&ctx), 0);
        must_eq(weir_ctx_fini(&ctx), 0);
        /* The context's deadline. */
        must_eq(weir_ctx_init_timeout(&ctx, NULL, SHORT), 0);
        must_eq(wait_in(patient, sends, &ctx), WEIR_TIMEDOUT);
        must_eq(weir_ctx_err(&ctx), WEIR_TIMEDOUT);
        must_eq(weir_ctx_cause(&ctx), WEIR_TIMEDOUT);
        must_eq(weir_ctx_fini(&ctx), 0);
        /* A context that has ended already, with its cause. */
        must_eq(weir_ctx_init(&ctx, NULL), 0);
        must_eq(weir_ctx_cancel(&ctx, CAUSE), 0);
        must_eq(wait_in(patient, sends, &ctx), WEIR_CANCELED);
        must_eq(wait_in(brief, sends, &ctx), WEIR_CANCELED);
        must_eq(weir_ctx_cause(&ctx), CAUSE);
        must_eq(weir_ctx_fini(&ctx), 0);
        must_eq(account(brief).timed_out, 1);
        must_eq(account(patient).timed_out, 1);
        must_eq(account(brief).canceled, 1);
        must_eq(account(patient).canceled, 1);
        weir_chan_unref(brief);
        weir_chan_unref(patient);
    }
    (void)crew;
}

struct waiting {
    weir_chan *c;
    weir_ctx *ctx;
    bool sends;
    int result;
};

static void wait_there(void *arg)
{
    struct waiting *w = arg;

    w->result = wait_in(w->c, w->sends, w->ctx);
}

static void await_waiting(const struct waiting *w)
{
    if (w->sends)
        await_blocked_sends(w->c, 1);
    else
        await_blocked_recvs(w->c, 1);
}

BEHAVIOUR(cancelled_while_it_waits)
{
    int i;

    for (i = 0; i < check_scale(40); i++) {
        weir_ctx ctx, child;
        struct waiting w = {limited(never, never, 0), &child, i % 2, 1};

        must_eq(weir_ctx_init(&ctx, NULL), 0);
        must_eq(weir_ctx_init(&child, &ctx), 0);
        crew_go(crew, wait_there, &w);
        await_waiting(&w);
        must_eq(weir_ctx_cancel(&ctx, -4242), 0);
        crew_wait(crew);
        must_eq(w.result, WEIR_CANCELED);
        must_eq(weir_ctx_cause(&child), -4242);
        must_eq(account(w.c).canceled, 1);
        must_eq(account(w.c).timed_out, 0);
        must_eq(weir_ctx_fini(&child), 0);
        must_eq(weir_ctx_fini(&ctx), 0);
        weir_chan_unref(w.c);
    }
}

BEHAVIOUR(closed_while_it_waits)
{
    int i;

    for (i = 0; i < check_scale(40); i++) {
        struct waiting w = {limited(never, never, 0), NULL, i % 2, 1};

        crew_go(crew, wait_there, &w);
        await_waiting(&w);
        must_eq(weir_chan_close(w.c), 0);
        crew_wait(crew);
        must_eq(w.result, WEIR_CLOSED);
        must_eq(account(w.c).timed_out, 0);
        weir_chan_unref(w.c);
    }
}

/* ---- what need not wait ---------------------------------------------------
 */

BEHAVIOUR(no_wait_no_limit)
{
    weir_chan *c = limited(1, 1, 2);
    weir_ctx ended;
    int v = 4, i;

    must_eq(weir_ctx_init(&ended, NULL), 0);
    must_eq(weir_ctx_cancel(&ended, 0), 0);
    for (i = 0; i < 100; i++) {
        must_eq(weir_chan_send(c, &v, i % 2 ? &ended : NULL), 0);
        must_eq(weir_chan_recv(c, &v, i % 2 ? &ended : NULL), 0);
    }
    must_eq(account(c).timed_out + account(c).canceled, 0);
    must_eq(weir_chan_try_recv(c, &v), WEIR_EMPTY);
    must_eq(weir_ctx_fini(&ended), 0);
    weir_chan_unref(c);
    (void)crew;
}

/* The limit of one side is not the other's. */
BEHAVIOUR(each_side_has_its_own)
{
    weir_chan *c = limited(0, SHORT, 1);
    struct waiting w = {c, NULL, true, 1};
    int v;

    must_eq(weir_chan_recv(c, &v, NULL), WEIR_TIMEDOUT);
    must_eq(send_int(c, 1), 0);
    crew_go(crew, wait_there, &w);
    await_waiting(&w);
    must_eq(weir_sleep(2 * SHORT, NULL), 0);
    must_eq(weir_chan_recv(c, &v, NULL), 0);
    crew_wait(crew);
    must_eq(w.result, 0);
    weir_chan_unref(c);
}

/* A limit so long that the clock cannot reach it. */
BEHAVIOUR(absurdly_long)
{
    weir_chan *c = limited(WEIR_FOREVER, WEIR_FOREVER, 0);
    int v;

    crew_go(crew, send_soon, c);
    must_eq(weir_chan_recv(c, &v, NULL), 0);
    crew_wait(crew);
    weir_chan_unref(c);
}

CHECK_MAIN(CHECK_MODES(each_waiting_call_ends), CHECK_MODES(served_in_time),
           CHECK_MODES(the_earlier_wins), CHECK_MODES(cancelled_while_it_waits),
           CHECK_MODES(closed_while_it_waits), CHECK_MODES(no_wait_no_limit),
           CHECK_MODES(each_side_has_its_own), CHECK_MODES(absurdly_long))
