/* SPDX-License-Identifier: MIT */
/* Round robin: each event to one of several sinks, in turn. */
#include <weir/sinks.h>
#include "events.h"

enum { SINKS = 3 };

struct ring {
    weir_sink *s;
    struct recorder *r[SINKS];
};

static struct ring ring_new(void)
{
    struct ring ring = {0};
    weir_sink *to[SINKS];
    int i;

    for (i = 0; i < SINKS; i++) {
        ring.r[i] = recorder_new();
        to[i] = &ring.r[i]->sink;
    }
    must_eq(weir_round_robin_new(&ring.s, to, SINKS), 0);
    return ring;
}

static void ring_end(struct ring *ring)
{
    int i;

    weir_sink_unref(ring->s);
    for (i = 0; i < SINKS; i++)
        recorder_end(ring->r[i]);
    must_eq(alive, 0);
}

BEHAVIOUR(each_in_its_turn)
{
    struct ring ring = ring_new();
    int i;

    for (i = 0; i < 8; i++)
        must_eq(write_number(ring.s, i, NULL), 0);
    must_eq(write_number(ring.s, NONE, NULL), 0);
    for (i = 0; i < SINKS; i++) {
        must_eq(ring.r[i]->n, 3);
        must_eq(ring.r[i]->got[1], SINKS + i);
    }
    must_eq(ring.r[2]->got[2], NONE);
    must_eq(weir_sink_close(ring.s, NULL), 0);
    for (i = 0; i < SINKS; i++)
        must_eq(ring.r[i]->closed, 1);
    must_eq(write_number(ring.s, 1, NULL), WEIR_CLOSED);
    ring_end(&ring);
    (void)crew;
}

BEHAVIOUR(a_closed_one_is_left_out)
{
    struct ring ring = ring_new();
    int i;

    ring.r[1]->result = WEIR_CLOSED;
    for (i = 0; i < 6; i++)
        must_eq(write_number(ring.s, i, NULL), 0);
    must_eq(ring.r[1]->n, 1); /* asked once, and no event is lost */
    must_eq(ring.r[0]->n + ring.r[2]->n, 6);
    ring.r[0]->result = -4;
    must_eq(write_number(ring.s, 6, NULL), -4); /* a failure is no close */
    ring.r[0]->result = ring.r[2]->result = WEIR_CLOSED;
    must_eq(write_number(ring.s, 7, NULL), WEIR_CLOSED);
    ring_end(&ring);
    (void)crew;
}

START_TEST(wrong_use_is_refused)
{
    struct recorder *r = recorder_new();
    weir_sink *const to[] = {&r->sink, NULL};
    weir_sink *s = &r->sink;

    must_eq(weir_round_robin_new(&s, to, 2), WEIR_EINVAL);
    must(s == NULL);
    must_eq(weir_round_robin_new(&s, to, 0), WEIR_EINVAL);
    must_eq(weir_round_robin_new(&s, NULL, 1), WEIR_EINVAL);
    must_eq(weir_round_robin_new(&s, to, SIZE_MAX), WEIR_EINVAL);
    must_eq(weir_round_robin_new(NULL, to, 1), WEIR_EINVAL);
    wr_mem_fail_after(0);
    must_eq(weir_round_robin_new(&s, to, 1), WEIR_ENOMEM);
    wr_mem_fail_after(-1);
    must(s == NULL);
    recorder_end(r);
}
END_TEST

static void write_many(void *arg)
{
    struct ring *ring = arg;
    int i;

    for (i = 0; i < 100; i++)
        must_eq(write_number(ring->s, i, NULL), 0);
}

BEHAVIOUR(shared_evenly_by_many)
{
    struct ring ring = {0};
    struct recorder *r[SINKS];
    weir_queue *q[SINKS];
    weir_sink *to[SINKS];
    int i;

    for (i = 0; i < SINKS; i++) {
        r[i] = recorder_new();
        q[i] = queue_of((weir_queue_opts){.sink = &r[i]->sink});
        to[i] = weir_queue_sink(q[i]);
    }
    must_eq(weir_round_robin_new(&ring.s, to, SINKS), 0);
    for (i = 0; i < SINKS; i++)
        crew_go(crew, write_many, &ring);
    crew_wait(crew);
    must_eq(weir_sink_close(ring.s, NULL), 0);
    weir_sink_unref(ring.s);
    for (i = 0; i < SINKS; i++) {
        must_eq(r[i]->n, 100);
        weir_queue_unref(q[i]);
        recorder_end(r[i]);
    }
    await_no_events();
}

CHECK_MAIN(CHECK_MODES(each_in_its_turn), CHECK_MODES(a_closed_one_is_left_out),
           CHECK_MODES(shared_evenly_by_many), CHECK_TEST(wrong_use_is_refused))
