/* SPDX-License-Identifier: MIT */
/*
 * Snapshots at full load: in each of a million, over every policy and kind of
 * channel, sent = received + dropped + queued, nothing goes back, and nothing
 * is above its limit; and at the end the sums are those of the parties.
 */
#include "flowctl.h"

enum { SENDERS = 2, RECEIVERS = 2, KINDS = 9, SNAPSHOTS = 1000000 };

/* Each kind with its policy; some with clocks, bytes or watermarks too. */
static weir_chan_opts kind_of(int kind)
{
    static const struct kind {
        enum weir_policy policy;
        size_t capacity;
        uint32_t timed, high;
        bool bytes;
    } kinds[KINDS] = {
        {WEIR_BLOCK, 16, 0, 0, false}, {WEIR_BLOCK, 0, 0, 0, false},
        {WEIR_DROP, 8, 0, 0, false},   {WEIR_DROP_OLDEST, 8, 0, 0, false},
        {WEIR_ERROR, 8, 0, 0, false},  {WEIR_LATEST, 1, 0, 0, false},
        {WEIR_SAMPLE, 8, 0, 0, false}, {WEIR_DROP_OLDEST, 8, 3, 0, true},
        {WEIR_BLOCK, 8, 1, 75, true},
    };
    weir_chan_opts o = opts_of(kinds[kind].policy, kinds[kind].capacity, NULL);

    o.timed_every = kinds[kind].timed;
    o.high = kinds[kind].high;
    if (kinds[kind].bytes)
        o.max_bytes = 20;
    return o;
}

static size_t size_of_int(const void *elem, void *arg)
{
    (void)arg;
    return 1 + (size_t)(*(const int *)elem % 7);
}

struct load {
    weir_chan *c;
    atomic_ullong sent, received;
};

static void note(struct load *l, ptrdiff_t rc)
{
    if (rc > 0)
        atomic_fetch_add(&l->sent, (unsigned long long)rc);
    else if (rc != WEIR_FULL)
        must_eq(rc, WEIR_CLOSED);
}

static void send_all_the_time(void *arg)
{
    struct load *l = arg;
    int i, rc, v[3] = {1, 2, 3};

    for (i = 0; !weir_chan_is_closed(l->c); i++) {
        weir_case cs[] = {WEIR_SEND(l->c, v)};

        v[0] = i & 0xffff;
        if (i % 4 == 0) {
            note(l, weir_chan_send_n(l->c, v, 3, NULL));
        } else if (i % 4 == 1) {
            rc = weir_select(cs, 1, NULL);
            must_eq(rc, 0);
            note(l, cs[0].status == 0 ? 1 : cs[0].status);
        } else {
            rc = i % 4 == 2 ? weir_chan_send(l->c, v, NULL)
                            : weir_chan_try_send(l->c, v);
            note(l, rc == 0 ? 1 : rc);
        }
        if (i % 64 == 0)
            weir_yield();
    }
}

static void receive_all_the_time(void *arg)
{
    struct load *l = arg;
    ptrdiff_t n;
    int v[5];

    while ((n = weir_chan_recv_n(l->c, v, 5, NULL)) != WEIR_CLOSED) {
        must(n > 0);
        atomic_fetch_add(&l->received, (unsigned long long)n);
    }
}

static void never_back(const weir_chan_stats *was, const weir_chan_stats *is)
{
    int i;

    must(is->sent >= was->sent && is->received >= was->received);
    must(is->entered >= was->entered && is->dropped >= was->dropped);
    for (i = 0; i < WEIR_DROPS; i++)
        must(is->dropped_by[i] >= was->dropped_by[i]);
    must(is->refused >= was->refused);
    must(is->blocked_sends >= was->blocked_sends);
    must(is->blocked_recvs >= was->blocked_recvs);
    must(is->highest >= was->highest);
    must(is->highest_bytes >= was->highest_bytes);
}

static void within(const weir_chan_stats *s)
{
    must(s->queued <= s->capacity && s->highest <= s->capacity);
    must(s->queued <= s->highest);
    must(s->entered >= s->received + s->queued && s->entered <= s->sent);
    must(s->bytes <= s->max_bytes && s->bytes <= s->highest_bytes);
    must(s->utilization >= 0 && s->utilization <= 1);
}

static void watch(const struct load *l, int snapshots)
{
    weir_chan_stats was = account(l->c), is;
    int i;

    for (i = 0; i < snapshots; i++) {
        is = account(l->c);
        never_back(&was, &is);
        within(&is);
        was = is;
        if (i % 16 == 0)
            weir_yield();
    }
}

static void at_the_end(const struct load *l)
{
    const weir_chan_stats s = account(l->c);

    must_eq(s.sent, l->sent);
    must_eq(s.received, l->received);
    must_eq(s.queued, 0);
    must_eq(s.dropped, s.sent - s.received);
    must_eq(s.bytes, 0);
}

/* Each of four modes and nine kinds has its share of the million. */
BEHAVIOUR(each_snapshot_balances)
{
    const int share = check_scale(SNAPSHOTS / MODES) / KINDS + 1;
    int kind, i;

    for (kind = 0; kind < KINDS; kind++) {
        weir_chan_opts o = kind_of(kind);
        struct load l = {.sent = 0};

        o.size_of = o.max_bytes > 0 ? size_of_int : NULL;
        l.c = chan_of(&o);
        for (i = 0; i < SENDERS; i++)
            crew_go(crew, send_all_the_time, &l);
        for (i = 0; i < RECEIVERS; i++)
            crew_go(crew, receive_all_the_time, &l);
        watch(&l, share);
        must_eq(weir_chan_close(l.c), 0);
        crew_wait(crew);
        at_the_end(&l);
        weir_chan_unref(l.c);
    }
}

CHECK_MAIN({each_snapshot_balances, MODES, 0, 0, 300})
