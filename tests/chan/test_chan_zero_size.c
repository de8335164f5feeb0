/* SPDX-License-Identifier: MIT */
/*
 * Elements of size zero: a channel that carries nothing but the event. NULL
 * is a good element then, capacity still counts, and all else is the same.
 */
#include "parties.h"

BEHAVIOUR(capacity_still_counts)
{
    weir_chan *c = weir_chan_new(0, 3);

    must(c != NULL);
    must_eq(weir_chan_elem_size(c), 0);
    must_eq(weir_chan_try_recv(c, NULL), WEIR_EMPTY);
    must_eq(weir_chan_try_send(c, NULL), 0);
    must_eq(weir_chan_send(c, NULL, NULL), 0);
    must_eq(weir_chan_send_n(c, NULL, 1, NULL), 1);
    must_eq(weir_chan_try_send(c, NULL), WEIR_FULL);
    must_eq(weir_chan_len(c), 3);
    must_eq(weir_chan_recv(c, NULL, NULL), 0);
    must_eq(weir_chan_recv_n(c, NULL, 5, NULL), 2);
    must_eq(weir_chan_close(c), 0);
    must_eq(weir_chan_recv(c, NULL, NULL), WEIR_CLOSED);
    weir_chan_unref(c);
    (void)crew;
}

BEHAVIOUR(huge_capacity_costs_nothing)
{
    weir_chan *c = weir_chan_new(0, (size_t)1 << 20);
    size_t n;

    must(c != NULL);
    for (n = 0; n < (size_t)1 << 20; n += 1024)
        must_eq(weir_chan_try_send_n(c, NULL, 1024), 1024);
    must_eq(weir_chan_try_send_n(c, NULL, 1024), WEIR_FULL);
    must_eq(weir_chan_len(c), n);
    weir_chan_unref(c);
    (void)crew;
}

struct events {
    weir_chan *c;
    int n;
    atomic_int seen;
};

static void raise_events(void *arg)
{
    struct events *e = arg;
    int i;

    for (i = 0; i < e->n; i++) {
        weir_case cs[] = {WEIR_SEND(e->c, NULL)};

        if (i % 2)
            must_eq(weir_select(cs, 1, NULL), 0);
        else
            must_eq(weir_chan_send(e->c, NULL, NULL), 0);
    }
}

static void count_events(void *arg)
{
    struct events *e = arg;

    for (;;) {
        weir_case cs[] = {WEIR_RECV(e->c, NULL)};

        must_eq(weir_select(cs, 1, NULL), 0);
        if (cs[0].status == WEIR_CLOSED)
            break;
        atomic_fetch_add(&e->seen, 1);
    }
}

/* An element's memory is not touched, not even one byte of it. */
BEHAVIOUR(memory_is_not_touched)
{
    weir_chan *c = weir_chan_new(0, 1);
    unsigned char guard[2] = {0xaa, 0x55};

    must_eq(weir_chan_send(c, guard, NULL), 0);
    must_eq(weir_chan_recv(c, guard + 1, NULL), 0);
    must_eq(guard[0], 0xaa);
    must_eq(guard[1], 0x55);
    weir_chan_unref(c);
    (void)crew;
}

BEHAVIOUR(events_are_counted_at_every_capacity)
{
    static const size_t caps[] = {0, 1, 5, 100};
    size_t k;
    int i;

    for (k = 0; k < 4; k++) {
        struct crew senders = CREW(crew->mode);
        struct events e = {weir_chan_new(0, caps[k]), check_scale(500), 0};

        for (i = 0; i < 3; i++) {
            crew_go(&senders, raise_events, &e);
            crew_go(crew, count_events, &e);
        }
        crew_wait(&senders);
        must_eq(weir_chan_close(e.c), 0);
        crew_wait(crew);
        must_eq(e.seen, 3 * e.n);
        weir_chan_unref(e.c);
    }
}

CHECK_MAIN(CHECK_MODES(capacity_still_counts),
           CHECK_MODES(huge_capacity_costs_nothing),
           CHECK_MODES(memory_is_not_touched),
           CHECK_MODES(events_are_counted_at_every_capacity))
