/* SPDX-License-Identifier: MIT */
/* How a consumer ends: what was received is finished or given back as asked;
 * a deadline holds; nobody waits for itself. */
#include "consumers.h"
#include "fake.h"

enum { WORKERS = 3 };

/* Each worker has a message, at the gate; `more` are behind them. */
static weir_sub *start_busy(weir_ctx *ctx, int more)
{
    weir_sub *s;
    int i;

    fake_start();
    s = fake_sub(NULL);
    t.gate = ints_new(0);
    t.begun = ints_new(64);
    start_consumer(s, (weir_consumer_opts){.workers = WORKERS, .ctx = ctx});
    fake_feed(WORKERS + more);
    for (i = 0; i < WORKERS; i++)
        get(t.begun);
    must_eq(consumer_counts().running, WORKERS);
    must_eq(consumer_counts().workers, WORKERS);
    return s;
}

static void end_busy(weir_sub *s)
{
    end_consumer();
    weir_sub_free(s);
    fake_end();
}

BEHAVIOUR(idle_workers_end_at_once)
{
    weir_ctx parent = WEIR_CTX_INIT;
    weir_sub *s;
    int way;

    for (way = 0; way < 5; way++) {
        fake_start();
        s = fake_sub(NULL);
        start_consumer(s,
                       (weir_consumer_opts){.workers = WORKERS,
                                            .limit = way % 2,
                                            .ctx = way == 3 ? &parent : NULL});
        settle();
        if (way == 0)
            must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
        if (way == 1)
            must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DISCARD, NULL),
                    WEIR_CANCELED);
        if (way == 2)
            must_eq(weir_sub_close(s, NULL), 0);
        if (way == 3)
            must_eq(weir_ctx_cancel(&parent, -77), 0);
        if (way < 4) /* else the free does it all */
            must_eq(weir_consumer_join(t.c), way == 1   ? WEIR_CANCELED
                                             : way == 3 ? -77
                                                        : 0);
        must_eq(weir_consumer_free(t.c), 0);
        memset(&t, 0, sizeof t);
        weir_sub_free(s);
        fake_end();
    }
    must_eq(weir_ctx_fini(&parent), 0);
    (void)crew;
}

BEHAVIOUR(a_drain_finishes_what_was_received)
{
    weir_sub *s = start_busy(NULL, 5);
    int i;

    must_eq(weir_consumer_close(t.c, WEIR_CONSUMER_DRAIN), 0);
    for (i = 0; i < WORKERS; i++)
        put(t.gate, 0);
    must_eq(weir_consumer_join(t.c), 0);
    must_eq(consumer_counts().received, WORKERS);
    must_eq(consumer_counts().acked, WORKERS);
    must_eq(fake.taken, WORKERS); /* nothing new */
    must_eq(fake.sub_closes, 0);  /* and it is open */
    end_busy(s);
    (void)crew;
}

/* Also after a drain was asked. What is done all the same is settled. */
BEHAVIOUR(a_discard_gives_back)
{
    weir_sub *s = start_busy(NULL, 5);

    must_eq(weir_consumer_close(t.c, WEIR_CONSUMER_DRAIN), 0);
    put(t.gate, 0);
    while (consumer_counts().acked == 0)
        weir_yield();
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DISCARD, NULL),
            WEIR_CANCELED);
    must_eq(weir_consumer_close(t.c, WEIR_CONSUMER_DRAIN), 0);
    must_eq(consumer_counts().acked, 1);
    must_eq(consumer_counts().returned, WORKERS - 1);
    must_eq(fake.given_back, WORKERS - 1);
    must_eq(t.code, WEIR_CANCELED);
    end_busy(s);
    (void)crew;
}

BEHAVIOUR(the_end_of_its_context_discards)
{
    weir_ctx parent = WEIR_CTX_INIT;
    weir_sub *s = start_busy(&parent, 5);

    must_eq(weir_ctx_cancel(&parent, -77), 0);
    must_eq(weir_consumer_join(t.c), -77);
    must_eq(consumer_counts().returned, WORKERS);
    end_busy(s);
    must_eq(weir_ctx_fini(&parent), 0);
    (void)crew;
}

BEHAVIOUR(a_stop_has_a_deadline)
{
    weir_sub *s = start_busy(NULL, 5);
    weir_ctx soon;

    must_eq(weir_ctx_init_timeout(&soon, NULL, 2 * WEIR_MILLISECOND), 0);
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, &soon), WEIR_TIMEDOUT);
    must_eq(weir_consumer_join(t.c), WEIR_TIMEDOUT); /* they were told */
    must_eq(consumer_counts().returned, WORKERS);
    must_eq(weir_ctx_fini(&soon), 0);
    end_busy(s);
    (void)crew;
}

static int hang(const weir_message *m, weir_ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    put(t.begun, (int)m->seq);
    return get(t.gate); /* whatever its context says */
}

BEHAVIOUR(a_handler_that_hangs_does_not_hold_up_a_stop)
{
    weir_ctx soon;
    weir_sub *s;

    fake_start();
    s = fake_sub(NULL);
    t.gate = ints_new(0);
    t.begun = ints_new(0);
    start_consumer(s, (weir_consumer_opts){.workers = 2, .fn = hang});
    fake_feed(1);
    get(t.begun);
    must_eq(weir_ctx_init_timeout(&soon, NULL, 2 * WEIR_MILLISECOND), 0);
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, &soon), WEIR_TIMEDOUT);
    must_eq(consumer_counts().running, 1);
    must_eq(consumer_counts().received, 1);
    put(t.gate, 0); /* it comes to its end after all, and counts */
    must_eq(weir_consumer_join(t.c), WEIR_TIMEDOUT);
    must_eq(consumer_counts().acked, 1);
    must_eq(weir_ctx_fini(&soon), 0);
    end_consumer();
    weir_sub_free(s);
    fake_end();
    (void)crew;
}

/* The subscription is closed by another: it waits for what is handled. */
BEHAVIOUR(the_close_of_its_subscription_drains)
{
    weir_sub *s = start_busy(NULL, 5);
    weir_ctx over = WEIR_CTX_INIT;
    int i;

    weir_ctx_cancel(&over, 0);
    must_eq(weir_sub_close(s, &over), WEIR_CANCELED);
    for (i = 0; i < WORKERS; i++)
        put(t.gate, 0);
    must_eq(weir_sub_close(s, NULL), 0);
    must_eq(weir_consumer_join(t.c), 0);
    must_eq(consumer_counts().acked, WORKERS);
    end_busy(s);
    (void)crew;
}

/* A subscription that was freed before lives for its consumers. */
BEHAVIOUR(the_subscription_is_kept)
{
    weir_sub *s = start_busy(NULL, 0);
    int i;

    weir_sub_free(s);
    must_eq(fake.subs, 1);
    for (i = 0; i < WORKERS; i++)
        put(t.gate, 0);
    must_eq(weir_consumer_join(t.c), 0);
    must_eq(consumer_counts().acked, WORKERS);
    end_consumer();
    fake_end();
    (void)crew;
}

/* ---- from within --------------------------------------------------------- */

enum way { STOP, DISCARD, JOIN, FREE, CLOSE_SUB, FREE_SUB, WAYS };

static int end_from_within(const weir_message *m, weir_ctx *ctx, void *arg)
{
    const enum way way = *(enum way *)arg;
    int err = WEIR_DEADLOCK;

    if (way == STOP)
        err = weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, ctx);
    else if (way == DISCARD)
        err = weir_consumer_stop(t.c, WEIR_CONSUMER_DISCARD, NULL);
    else if (way == JOIN)
        err = weir_consumer_join(t.c);
    else if (way == FREE)
        err = weir_consumer_free(t.c);
    else if (way == CLOSE_SUB)
        err = weir_sub_close(t.sub, NULL);
    else
        weir_sub_free(t.sub);
    must_eq(err, WEIR_DEADLOCK);
    atomic_fetch_add(&t.handled, 1);
    (void)m;
    return 0;
}

BEHAVIOUR(a_handler_that_ends_its_own_source)
{
    enum way way;
    weir_sub *s;

    for (way = STOP; way < WAYS; way++) {
        const bool ends = way != JOIN && way != FREE;

        fake_start();
        s = fake_sub(NULL);
        must_eq(weir_mutex_lock(&fake.lock, NULL), 0); /* until t.c is set */
        start_consumer(s, (weir_consumer_opts){.workers = 2,
                                               .limit = WEIR_FOREVER,
                                               .fn = end_from_within,
                                               .arg = &way});
        must_eq(weir_mutex_unlock(&fake.lock), 0);
        fake_feed(1);
        if (!ends) {
            while (consumer_counts().acked == 0)
                weir_yield();
            must_eq(weir_consumer_close(t.c, WEIR_CONSUMER_DRAIN), 0);
        }
        must_eq(weir_consumer_join(t.c), way == DISCARD ? WEIR_CANCELED : 0);
        must_eq(consumer_counts().acked, 1);
        if (way != FREE_SUB)
            weir_sub_free(s);
        end_consumer();
        fake_end();
    }
    (void)crew;
}

static void stop_on_error(const weir_message *m, enum weir_consumer_step step,
                          int code, void *arg)
{
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), WEIR_DEADLOCK);
    must_eq(weir_sub_close(t.sub, NULL), WEIR_DEADLOCK);
    atomic_fetch_add(&t.errors, 1);
    (void)m, (void)step, (void)code, (void)arg;
}

/* Of a worker, and of the task that extends the time. */
BEHAVIOUR(a_callback_that_ends_the_consumer)
{
    weir_consumer_opts o = {.fn = handle_as_told,
                            .arg = &t,
                            .workers = 1,
                            .limit = WEIR_FOREVER,
                            .on_error = stop_on_error};
    weir_sub *s;
    int keeper;

    for (keeper = 0; keeper < 2; keeper++) {
        fake_start();
        s = fake_sub(&(weir_sub_opts){.ack_wait = keeper ? 1 : WEIR_SECOND});
        o.sub = t.sub = s;
        t.gate = ints_new(0);
        must_eq(weir_consumer_start(&t.c, &o), 0);
        fake.lapsed = true;
        fake_feed(1);
        if (keeper)
            while (t.errors == 0)
                weir_yield();
        put(t.gate, keeper ? 0 : -1);
        must_eq(weir_consumer_join(t.c), 0);
        must(t.errors > 0);
        weir_sub_free(s);
        end_consumer();
        fake_end();
    }
    (void)crew;
}

/* ---- bad input, no memory ------------------------------------------------ */

START_TEST(bad_options)
{
    weir_consumer *c = (weir_consumer *)&t;
    weir_consumer_counts n;
    weir_sub *s;

    fake_start();
    s = fake_sub(NULL);
    const weir_consumer_opts bad[] = {
        {.fn = handle_as_told},
        {.sub = s},
        {.sub = s, .fn = handle_as_told, .workers = -1},
        {.sub = s, .fn = handle_as_told, .workers = WEIR_POOL_MAX_WORKERS + 1},
        {.sub = s, .fn = handle_as_told, .limit = -1},
        {.sub = s, .fn = handle_as_told, .retry = {.base = -1}},
        {.sub = s, .fn = handle_as_told, .task = {.stack_size = SIZE_MAX}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        must_eq(weir_consumer_start(&c, &bad[i]), WEIR_EINVAL);
        must(c == NULL);
    }
    must_eq(weir_consumer_start(&c, NULL), WEIR_EINVAL);
    must_eq(weir_consumer_start(NULL, &bad[0]), WEIR_EINVAL);
    must_eq(weir_consumer_close(NULL, WEIR_CONSUMER_DRAIN), WEIR_EINVAL);
    must_eq(weir_consumer_stop(NULL, WEIR_CONSUMER_DRAIN, NULL), WEIR_EINVAL);
    must_eq(weir_consumer_join(NULL), WEIR_EINVAL);
    must_eq(weir_consumer_get_counts(NULL, &n), WEIR_EINVAL);
    must_eq(weir_consumer_free(NULL), 0);
    start_consumer(s, (weir_consumer_opts){.workers = 1});
    must_eq(weir_consumer_close(t.c, (enum weir_consumer_end)2), WEIR_EINVAL);
    must_eq(weir_consumer_get_counts(t.c, NULL), WEIR_EINVAL);
    must_eq(weir_consumer_free(t.c), 0);
    weir_sub_free(s);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    fake_end();
}
END_TEST

/* Each allocation fails in turn: all of it starts, or nothing does. */
BEHAVIOUR(starting_without_memory)
{
    weir_consumer_opts o = {
        .fn = handle_as_told, .arg = &t, .workers = 4, .limit = WEIR_FOREVER};
    int n, err = WEIR_ENOMEM;

    fake_start();
    o.sub = fake_sub(NULL);
    weir_sleep(1, NULL); /* the runtime runs */
    for (n = 0; err; n++) {
        wr_mem_fail_after(n);
        err = weir_consumer_start(&t.c, &o);
        wr_mem_fail_after(-1);
        must(err == 0 || err == WEIR_ENOMEM);
        must((err == 0) == (t.c != NULL));
    }
    must(n > 3);
    must_eq(weir_consumer_stop(t.c, WEIR_CONSUMER_DRAIN, NULL), 0);
    must_eq(consumer_counts().received, 0);
    end_consumer();
    weir_sub_free(o.sub);
    fake_end();
    (void)crew;
}

/* ---- whenever it comes --------------------------------------------------- */

static int quick(const weir_message *m, weir_ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    if (m->seq % 3 == 0)
        weir_yield();
    atomic_fetch_add(&t.handled, 1);
    return m->seq % 5 ? 0 : -1;
}

static void stop_it(void *arg)
{
    const enum weir_consumer_end how =
        arg ? WEIR_CONSUMER_DISCARD : WEIR_CONSUMER_DRAIN;
    const int err = weir_consumer_stop(t.c, how, NULL);

    must(err == 0 || err == WEIR_CANCELED);
}

BEHAVIOUR(an_end_in_the_middle_of_all)
{
    const int rounds = check_scale(crew_many(crew, 100, 30));
    weir_sub *s;
    int round, i;

    for (round = 0; round < rounds; round++) {
        fake_start();
        s = fake_sub(&(weir_sub_opts){.max_in_flight = 2,
                                      .ack_wait = 20 * WEIR_MICROSECOND});
        start_consumer(
            s, (weir_consumer_opts){.workers = 4,
                                    .fn = quick,
                                    .limit = round % 2 ? WEIR_FOREVER : 0});
        for (i = 0; i < round % 20; i++)
            fake_feed(3);
        crew_go(crew, stop_it, round % 3 == 0 ? &t : NULL);
        stop_it(NULL);
        crew_wait(crew);
        must_eq(consumer_counts().received, fake.taken);
        must_eq(counts_of(s).in_flight, 0);
        end_busy(s);
    }
}

CHECK_MAIN(CHECK_MODES(idle_workers_end_at_once),
           CHECK_MODES(a_drain_finishes_what_was_received),
           CHECK_MODES(a_discard_gives_back),
           CHECK_MODES(the_end_of_its_context_discards),
           CHECK_MODES(a_stop_has_a_deadline),
           CHECK_MODES(a_handler_that_hangs_does_not_hold_up_a_stop),
           CHECK_MODES(the_close_of_its_subscription_drains),
           CHECK_MODES(the_subscription_is_kept),
           CHECK_MODES(a_handler_that_ends_its_own_source),
           CHECK_MODES(a_callback_that_ends_the_consumer),
           CHECK_TEST(bad_options), CHECK_MODES(starting_without_memory),
           CHECK_MODES(an_end_in_the_middle_of_all))
