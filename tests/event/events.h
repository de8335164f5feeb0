/* SPDX-License-Identifier: MIT */
/* What the tests of events share: numbered events, whose ends are counted,
 * and a sink that records what it gets and does as it is told. */
#ifndef EVENTS_H
#define EVENTS_H

#include <weir/queue.h>
#include "../chan/parties.h"
#include "base/mem.h"

enum { NONE = -1, RECORDED = 100000 };

/* Events that have been made and not freed. */
static atomic_int alive;

static inline void numbered_end(void *payload, void *arg)
{
    atomic_fetch_sub(&alive, 1);
    free(payload);
    (void)arg;
}

/* An event with a number, which is its payload and, as bytes, its key. */
static inline weir_event *numbered(int n)
{
    weir_event *e = NULL;
    int *payload = malloc(sizeof *payload);

    must(payload != NULL);
    *payload = n;
    must_eq(weir_event_new(&e, &(weir_event_opts){.key = &n,
                                                  .key_size = sizeof n,
                                                  .payload = payload,
                                                  .size = sizeof n,
                                                  .destroy = numbered_end}),
            0);
    atomic_fetch_add(&alive, 1);
    return e;
}

/* NONE: the null event, or one that has no number. */
static inline int number_of(const weir_event *e)
{
    return e == NULL || e->size != sizeof(int) ? NONE
                                               : *(const int *)e->payload;
}

/* Writes n to a sink, the null event for NONE. */
static inline int write_number(weir_sink *s, int n, weir_ctx *ctx)
{
    weir_event *e = n == NONE ? NULL : numbered(n);
    const int err = weir_sink_write(s, e, ctx);

    weir_event_unref(e);
    return err;
}

/*
 * Records the numbers it gets, in order, and the closes. With a gate each
 * write waits for a number to come through it, and returns that; `deaf` does
 * so whatever its context says. Without one it returns `result`, or `odd` for
 * odd numbers. It tells `events`, if there is such a channel, of each write
 * that has begun. No close comes during a write, unless it `closes_busy`.
 */
struct recorder {
    weir_sink sink;
    ints *gate, *events;
    bool deaf, closes_busy;
    atomic_int result, odd;
    atomic_int n, closed, freed, busy;
    int got[RECORDED];
};

static inline int recorder_write(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    struct recorder *r = (struct recorder *)s;
    int result = number_of(e) % 2 == 1 && r->odd ? r->odd : r->result, err = 0;
    const int at = atomic_load(&r->n);

    must_eq(atomic_fetch_add(&r->busy, 1), 0); /* one at a time */
    r->got[at % RECORDED] = number_of(e);
    atomic_store(&r->n, at + 1);
    if (r->events != NULL)
        put(r->events, number_of(e));
    if (r->gate != NULL)
        err = ints_recv(r->gate, &result, r->deaf ? NULL : ctx);
    atomic_fetch_sub(&r->busy, 1);
    return err ? err : result;
}

static inline int recorder_close(weir_sink *s, weir_ctx *ctx)
{
    struct recorder *r = (struct recorder *)s;

    must(r->busy == 0 || r->closes_busy);
    atomic_fetch_add(&r->closed, 1);
    (void)ctx;
    return 0;
}

static inline void recorder_free(weir_sink *s)
{
    atomic_fetch_add(&((struct recorder *)s)->freed, 1);
}

static inline struct recorder *recorder_new(void)
{
    static const weir_sink_ops ops = {recorder_write, recorder_close,
                                      recorder_free};
    struct recorder *r = calloc(1, sizeof *r);

    must(r != NULL);
    must_eq(weir_sink_init(&r->sink, &ops), 0);
    return r;
}

/* The test's reference was the last but those of tasks on their way out. */
static inline void recorder_end(struct recorder *r)
{
    weir_sink_unref(&r->sink);
    while (atomic_load(&r->freed) == 0)
        weir_yield();
    ints_unref(r->gate);
    ints_unref(r->events);
    free(r);
}

static inline void await(atomic_int *count, int n)
{
    while (atomic_load(count) < n)
        weir_yield();
}

/* on_loss: counts by code, and remembers the last. */
struct losses {
    atomic_int n, by_code, code; /* by_code: those with `code`             */
    atomic_int last_code, last;
};

static inline void lose(weir_event *e, int code, void *arg)
{
    struct losses *l = arg;

    atomic_store(&l->last, number_of(e));
    atomic_store(&l->last_code, code);
    if (code == atomic_load(&l->code))
        atomic_fetch_add(&l->by_code, 1);
    atomic_fetch_add(&l->n, 1);
}

static inline weir_queue *queue_of(weir_queue_opts o)
{
    weir_queue *q = NULL;

    must_eq(weir_queue_new(&q, &o), 0);
    must(q != NULL);
    return q;
}

static inline weir_queue_counts queue_counts(weir_queue *q)
{
    weir_queue_counts c;

    must_eq(weir_queue_get_counts(q, &c), 0);
    must_eq(c.enqueued, c.delivered + c.failed + c.dropped + c.discarded +
                            c.queued + c.running);
    return c;
}

/* Every event that was made has ended; with tasks that let go last. */
static inline void await_no_events(void)
{
    while (atomic_load(&alive) != 0)
        weir_yield();
}

#endif
