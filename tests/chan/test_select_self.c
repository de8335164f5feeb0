/* SPDX-License-Identifier: MIT */
/*
 * Send and receive on one and the same channel as two cases of one select.
 * A select never meets itself: at a rendezvous the value is always another's.
 */
#include "parties.h"

struct mirror {
    ints *c;
    int self;
    int rounds;
    int sent;
    int received;
};

static void select_round(struct mirror *m, bool send_first)
{
    int got = -1, at;
    weir_case cs[2];

    cs[!send_first] = ints_send_case(m->c, &m->self);
    cs[send_first] = ints_recv_case(m->c, &got);
    at = weir_select(cs, 2, NULL);
    must(at == 0 || at == 1);
    must_eq(cs[at].status, 0);
    if (cs[at].kind == WEIR_CASE_SEND_) {
        must_eq(got, -1);
        m->sent++;
        return;
    }
    must(got == 0 || got == 1);
    must(weir_chan_cap(ints_base(m->c)) > 0 || got != m->self);
    m->received++;
}

static void mirror_run(void *arg)
{
    struct mirror *m = arg;
    int i;

    for (i = 0; i < m->rounds; i++)
        select_round(m, m->self == 0 || i % 2 == 0);
}

static void two_mirrors(struct crew *crew, size_t cap)
{
    const int n = crew_many(crew, check_scale(50000), check_scale(5000));
    ints *c = ints_new(cap);
    struct mirror m[2] = {{c, 0, n, 0, 0}, {c, 1, n, 0, 0}};

    crew_go(crew, mirror_run, &m[0]);
    crew_go(crew, mirror_run, &m[1]);
    crew_wait(crew);
    must_eq(m[0].sent + m[1].sent,
            m[0].received + m[1].received + (int)ints_len(c));
    if (cap == 0)
        must_eq(m[0].sent, m[1].received);
    ints_unref(c);
}

BEHAVIOUR(rendezvous_with_the_other_only)
{
    two_mirrors(crew, 0);
}

BEHAVIOUR(buffer_takes_from_and_gives_to_both)
{
    two_mirrors(crew, 1);
    two_mirrors(crew, 10);
}

BEHAVIOUR(alone_it_does_not_go)
{
    ints *c = ints_new(0);
    int v = 1, got = 0;
    weir_case cs[] = {ints_send_case(c, &v), ints_recv_case(c, &got)};
    weir_ctx ended;

    must_eq(weir_try_select(cs, 2), WEIR_EMPTY);
    must_eq(weir_ctx_init(&ended, NULL), 0);
    must_eq(weir_ctx_cancel(&ended, 0), 0);
    must_eq(weir_select(cs, 2, &ended), WEIR_CANCELED);
    must_eq(weir_ctx_fini(&ended), 0);
    must_eq(got, 0);
    ints_unref(c);
    (void)crew;
}

/* One that waits on both directions is there for a sender as for a receiver,
 * and for each only once. */
static void select_both_ways(void *arg)
{
    struct mirror *m = arg;

    select_round(m, true);
}

BEHAVIOUR(waits_in_both_directions)
{
    int i;

    for (i = 0; i < check_scale(400); i++) {
        struct mirror m = {.c = ints_new(0), .self = 1};

        crew_go(crew, select_both_ways, &m);
        if (i % 3 == 0)
            settle();
        if (i % 2)
            put(m.c, 0);
        else
            must_eq(get(m.c), 1);
        crew_wait(crew);
        must_eq(m.sent, i % 2 == 0);
        must_eq(m.received, i % 2);
        must_eq(ints_try_send(m.c, 2), WEIR_FULL);
        must_eq(weir_chan_try_recv(ints_base(m.c), NULL), WEIR_EMPTY);
        ints_unref(m.c);
    }
}

CHECK_MAIN(CHECK_MODES(rendezvous_with_the_other_only),
           CHECK_MODES(buffer_takes_from_and_gives_to_both),
           CHECK_MODES(alone_it_does_not_go),
           CHECK_MODES(waits_in_both_directions))
