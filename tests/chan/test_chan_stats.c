/* SPDX-License-Identifier: MIT */
/*
 * The account: sent = received + queued, in every snapshot, also in those
 * taken amid the traffic; and the counts are those that the parties counted.
 */
#include "parties.h"

static weir_chan_stats stats_of(ints *c)
{
    weir_chan_stats st;

    must_eq(weir_chan_get_stats(ints_base(c), &st), 0);
    must_eq(st.sent, st.received + st.queued);
    return st;
}

BEHAVIOUR(each_operation_counts)
{
    ints *c = ints_new(3);
    int v[4] = {1, 2, 3, 4};
    weir_chan_stats st = stats_of(c);

    must_eq(st.sent, 0);
    put(c, 1);
    must_eq(ints_send_n(c, v, 2, NULL), 2);
    must_eq(ints_try_send(c, 9), WEIR_FULL);
    st = stats_of(c);
    must_eq(st.sent, 3);
    must_eq(st.queued, 3);
    must_eq(get(c), 1);
    st = stats_of(c);
    must_eq(st.received, 1);
    must_eq(st.queued, 2);
    must_eq(ints_close(c), 0);
    must_eq(ints_try_send(c, 9), WEIR_CLOSED);
    must_eq(ints_recv_n(c, v, 4, NULL), 2);
    must_eq(ints_try_recv(c, v), WEIR_CLOSED);
    st = stats_of(c);
    must_eq(st.sent, 3);
    must_eq(st.received, 3);
    ints_unref(c);
    (void)crew;
}

struct counted {
    ints *c;
    int n;
    atomic_bool over;
};

static void send_counted(void *arg)
{
    struct counted *x = arg;
    int i, v[3] = {1, 1, 1};

    for (i = 0; i < x->n; i++) {
        weir_case cs[] = {ints_send_case(x->c, v)};

        if (i % 3 == 0)
            put(x->c, 1);
        else if (i % 3 == 1)
            must_eq(ints_send_n(x->c, v, 3, NULL), 3);
        else
            must_eq(weir_select(cs, 1, NULL), 0);
    }
}

static void receive_counted(void *arg)
{
    struct counted *x = arg;
    int v[2], i;

    for (i = 0;; i++) {
        weir_case cs[] = {ints_recv_case(x->c, v)};

        if (i % 3 == 0 && ints_recv(x->c, v, NULL) != 0)
            break;
        if (i % 3 == 1 && ints_recv_n(x->c, v, 2, NULL) < 0)
            break;
        if (i % 3 == 2 && (weir_select(cs, 1, NULL), cs[0].status) != 0)
            break;
    }
}

static void watch(void *arg)
{
    struct counted *x = arg;
    weir_chan_stats last = stats_of(x->c), st;

    while (!atomic_load(&x->over)) {
        st = stats_of(x->c);
        must(st.sent >= last.sent && st.received >= last.received);
        must(st.queued <= weir_chan_cap(ints_base(x->c)));
        last = st;
        weir_yield();
    }
}

BEHAVIOUR(every_snapshot_balances)
{
    static const size_t caps[] = {0, 1, 7, 128};
    size_t k;
    int i;

    for (k = 0; k < 4; k++) {
        struct crew senders = CREW(crew->mode);
        struct counted x = {ints_new(caps[k]), 3 * check_scale(300), false};
        weir_chan_stats st;

        for (i = 0; i < 2; i++) {
            crew_go(&senders, send_counted, &x);
            crew_go(crew, receive_counted, &x);
            crew_go(crew, watch, &x);
        }
        crew_wait(&senders);
        must_eq(ints_close(x.c), 0);
        atomic_store(&x.over, true);
        crew_wait(crew);
        st = stats_of(x.c);
        must_eq(st.sent, 2 * x.n / 3 * 5);
        must_eq(st.queued, 0);
        ints_unref(x.c);
    }
}

/* What was not sent is not counted: ended, refused and closed sends. */
BEHAVIOUR(failures_do_not_count)
{
    ints *c = ints_new(1);
    weir_ctx ctx;
    int v = 2;
    weir_case cs[] = {ints_send_case(c, &v), WEIR_TIMEOUT(WEIR_MICROSECOND)};

    put(c, 1);
    must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MICROSECOND), 0);
    must_eq(ints_send(c, 2, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_select(cs, 2, NULL), 1);
    must_eq(ints_try_send(c, 2), WEIR_FULL);
    must_eq(stats_of(c).sent, 1);
    must_eq(ints_close(c), 0);
    must_eq(ints_send(c, 2, NULL), WEIR_CLOSED);
    must_eq(stats_of(c).sent, 1);
    must_eq(weir_ctx_fini(&ctx), 0);
    ints_unref(c);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(each_operation_counts),
           CHECK_MODES(every_snapshot_balances),
           CHECK_MODES(failures_do_not_count))
