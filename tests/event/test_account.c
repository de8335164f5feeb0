/* SPDX-License-Identifier: MIT */
/* Nothing is lost unsaid, by chance: events go through a broadcaster to legs
 * of several sinks, some of which drop, fail, give up or hang, and all is
 * stopped at some moment in some way. Each event that was taken in has one
 * fate on each leg: it arrived, or its loss was said. */
#include <weir/broadcaster.h>
#include <weir/listener.h>
#include <weir/retry.h>
#include <weir/sinks.h>
#include "events.h"

enum { LEGS = 4, EVENTS = 400, WRITERS = 4 };

struct leg {
    atomic_int fates[EVENTS];
    atomic_uint calls;
    weir_sink *parts[3]; /* the first is added to the broadcaster */
    weir_queue *q;
};

struct world {
    struct leg legs[LEGS];
    weir_broadcaster *b;
    atomic_int next, accepted[EVENTS], written;
    uint64_t seed;
};

static uint64_t draw(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return *seed >> 33;
}

/* ---- fates -----------------------------------------------------------------
 */

static void settle_fate(struct leg *l, const weir_event *e)
{
    must_eq(atomic_fetch_add(&l->fates[number_of(e)], 1), 0);
}

static void lost(weir_event *e, int code, void *leg)
{
    must(code != 0);
    settle_fate(leg, e);
}

static void dead(weir_event *e, int code, uint32_t tries, void *leg)
{
    must_eq(tries, 2);
    lost(e, code, leg);
}

/* Of the broadcaster: no leg has got it, or one has not. */
static void not_broadcast(weir_sink *s, weir_event *e, int code, void *arg)
{
    struct world *w = arg;
    int i;

    must(code != 0);
    for (i = 0; i < LEGS; i++)
        if (s == NULL || s == w->legs[i].parts[0])
            settle_fate(&w->legs[i], e);
}

/* ---- sinks that take an event, or not ---------------------------------------
 */

/* Takes two of three. */
static int take_most(weir_event *e, weir_ctx *ctx, void *leg)
{
    struct leg *l = leg;

    (void)ctx;
    if (atomic_fetch_add(&l->calls, 1) % 3 == 2)
        return -5;
    settle_fate(l, e);
    return 0;
}

/* Waits for ever at every tenth, or until its context ends. */
static int take_or_hang(weir_event *e, weir_ctx *ctx, void *leg)
{
    struct leg *l = leg;
    int err = 0;

    if (atomic_fetch_add(&l->calls, 1) % 10 == 9)
        err = weir_sleep(WEIR_MINUTE, ctx);
    if (err == 0)
        settle_fate(l, e);
    return err;
}

static int take_batches(weir_event *const *events, size_t n, weir_ctx *ctx,
                        void *leg)
{
    struct leg *l = leg;
    size_t i;

    (void)ctx;
    if (atomic_fetch_add(&l->calls, 1) % 4 == 3)
        return -6;
    for (i = 0; i < n; i++)
        settle_fate(l, events[i]);
    return 0;
}

/* ---- legs
 * -------------------------------------------------------------------- */

static void listener(weir_sink **s, int (*fn)(weir_event *, weir_ctx *, void *),
                     void *leg)
{
    must_eq(weir_listener_new(s, &(weir_listener_opts){.fn = fn, .arg = leg}),
            0);
}

/* A queue that drops, a retry that gives up. */
static void make_retry_leg(struct leg *l)
{
    listener(&l->parts[2], take_most, l);
    must_eq(weir_retry_new(&l->parts[1],
                           &(weir_retry_opts){.sink = l->parts[2],
                                              .backoff = {.max = 2000},
                                              .tries = 2,
                                              .on_dead = dead,
                                              .arg = l}),
            0);
    l->q = queue_of((weir_queue_opts){.sink = l->parts[1],
                                      .capacity = 16,
                                      .policy = WEIR_DROP_OLDEST,
                                      .on_loss = lost,
                                      .arg = l});
    l->parts[0] = weir_sink_ref(weir_queue_sink(l->q));
}

static void make_batch_leg(struct leg *l)
{
    l->q = queue_of((weir_queue_opts){.flush = take_batches,
                                      .batch = 7,
                                      .linger = 1000,
                                      .capacity = 20,
                                      .on_loss = lost,
                                      .arg = l});
    l->parts[0] = weir_sink_ref(weir_queue_sink(l->q));
}

/* A sink that hangs, with a limit of time. */
static void make_timeout_leg(struct leg *l)
{
    listener(&l->parts[1], take_or_hang, l);
    must_eq(weir_timeout_sink_new(&l->parts[0], l->parts[1],
                                  100 * WEIR_MICROSECOND),
            0);
}

static void make_plain_leg(struct leg *l)
{
    listener(&l->parts[0], take_most, l);
}

static void make_legs(struct world *w)
{
    int i;

    make_retry_leg(&w->legs[0]);
    make_batch_leg(&w->legs[1]);
    make_timeout_leg(&w->legs[2]);
    make_plain_leg(&w->legs[3]);
    must_eq(weir_broadcaster_new(
                &w->b,
                &(weir_broadcaster_opts){.on_loss = not_broadcast, .arg = w}),
            0);
    for (i = 0; i < LEGS; i++) {
        const weir_broadcast_opts o = {.direct = draw(&w->seed) % 2 == 0};

        must_eq(weir_broadcaster_add(w->b, w->legs[i].parts[0], &o), 0);
    }
}

static void end_legs(struct world *w)
{
    int i, j;

    weir_broadcaster_unref(w->b);
    for (i = 0; i < LEGS; i++) {
        for (j = 0; j < 3; j++)
            weir_sink_unref(w->legs[i].parts[j]);
        weir_queue_unref(w->legs[i].q);
    }
}

/* ---- a run
 * -------------------------------------------------------------------- */

static void write_till_closed(void *arg)
{
    struct world *w = arg;
    int n, err;

    while ((n = atomic_fetch_add(&w->next, 1)) < EVENTS) {
        err = write_number(weir_broadcaster_sink(w->b), n, NULL);
        must(err == 0 || err == WEIR_CLOSED);
        w->accepted[n] = err == 0;
        atomic_fetch_add(&w->written, 1);
        weir_yield();
    }
}

/* Stops it at some moment: what is still to be done arrives, or is discarded,
 * or arrives as far as a deadline allows. Where that cut short the closing of
 * a leg, that has to be waited for, too. */
static void stop(struct world *w)
{
    const uint64_t how = draw(&w->seed) % 3;
    const int moment = (int)(draw(&w->seed) % EVENTS);
    weir_ctx soon;

    await(&w->written, moment);
    must_eq(weir_ctx_init_timeout(&soon, NULL, 200 * WEIR_MICROSECOND), 0);
    (void)weir_broadcaster_stop(
        w->b, how == 0 ? WEIR_QUEUE_DISCARD : WEIR_QUEUE_DRAIN,
        how == 2 ? &soon : NULL);
    must_eq(weir_broadcaster_stop(w->b, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(weir_queue_stop(w->legs[0].q, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(weir_queue_stop(w->legs[1].q, WEIR_QUEUE_DRAIN, NULL), 0);
    must_eq(weir_ctx_fini(&soon), 0);
}

static void run(struct crew *crew, uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    int i, n;

    must(w != NULL);
    w->seed = seed;
    make_legs(w);
    for (i = 0; i < WRITERS; i++)
        crew_go(crew, write_till_closed, w);
    stop(w);
    crew_wait(crew);
    for (i = 0; i < LEGS; i++)
        for (n = 0; n < EVENTS; n++)
            if (w->legs[i].fates[n] != w->accepted[n])
                ck_abort_msg("leg %d, event %d: %d fates, not %d%s", i, n,
                             w->legs[i].fates[n], w->accepted[n], party_note());
    end_legs(w);
    await_no_events();
    free(w);
}

BEHAVIOUR(each_event_has_one_fate)
{
    const int rounds = check_scale(crew_many(crew, 60, 20));
    static uint64_t seed;
    int i;

    party_seed = &seed;
    for (i = 0; i < rounds; i++) {
        seed = (uint64_t)(1000 * crew->mode + i);
        run(crew, seed);
    }
}

CHECK_MAIN(CHECK_MODES(each_event_has_one_fate))
