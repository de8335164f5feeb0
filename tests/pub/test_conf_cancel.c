/* SPDX-License-Identifier: MIT */
/* Contexts that end at any moment: what was not done is not half done, what
 * was received is not lost. Everything that is published with an id comes out
 * once, however often its publisher had to try. */
#include "conf.h"
#include "base/rand.h"

enum { PARTIES = 3, BATCH = 5 };

CONFORMS(what_need_not_wait_is_done)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m = NULL;
    int err = post_with(p, 1, NULL, NULL, ended());

    must(err == 0 || err == WEIR_CANCELED);
    post(p, 2);
    err = weir_sub_recv(s, &m, ended());
    must(err == 0 || (err == WEIR_CANCELED && m == NULL));
    if (err != 0)
        m = take(s);
    err = weir_message_ack(m, ended());
    must(err == 0 || err == WEIR_CANCELED);
    weir_message_free(m); /* acked, or given back, or both in vain */
    weir_sub_free(s);
    weir_pub_free(p);
}

struct waiting {
    weir_sub *s;
    weir_ctx ctx;
};

static void recv_until_cancelled(void *arg)
{
    struct waiting *w = arg;
    weir_message *m = NULL;

    must_eq(weir_sub_recv(w->s, &m, &w->ctx), WEIR_CANCELED);
    must(m == NULL);
}

CONFORMS(a_wait_for_a_message_is_ended)
{
    weir_pub *p = pub_on("");
    struct waiting w[PARTIES];
    weir_sub *s = worker();

    for (int i = 0; i < PARTIES; i++) {
        w[i].s = s;
        must_eq(weir_ctx_init(&w[i].ctx, NULL), 0);
        go(recv_until_cancelled, &w[i]);
    }
    settle();
    for (int i = 0; i < PARTIES; i++)
        must_eq(weir_ctx_cancel(&w[i].ctx, 0), 0);
    wait_all();
    for (int i = 0; i < PARTIES; i++)
        must_eq(weir_ctx_fini(&w[i].ctx), 0);
    posts(p, 0, 3); /* they took nothing with them */
    expect(s, 0, 3);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* ---- a wake-up and the end of a context at the same moment --------------- */

struct pair {
    weir_pub *p;
    weir_sub *s;
    weir_ctx ctx;
    atomic_int done;
};

static void recv_or_give_up(void *arg)
{
    struct pair *pair = arg;
    weir_message *m;
    const int err = weir_sub_recv(pair->s, &m, &pair->ctx);

    must(err == 0 || err == WEIR_CANCELED);
    if (err == 0) {
        ack(m);
        atomic_fetch_add(&pair->done, 1);
    }
}

static void recv_for_sure(void *arg)
{
    struct pair *pair = arg;

    ack(take(pair->s));
    atomic_fetch_add(&pair->done, 1);
}

static void cancel(void *arg)
{
    must_eq(weir_ctx_cancel(&((struct pair *)arg)->ctx, 0), 0);
}

/* Two wait, and a message comes while one of them gives up: whichever of the
 * two was woken, somebody gets it. */
CONFORMS(a_wake_up_is_not_lost_with_who_gives_up)
{
    const int rounds = conf_many(check_scale(100));
    struct pair pair = {.p = pub_on(""), .s = worker()};

    for (int i = 1; i <= rounds; i++) {
        must_eq(weir_ctx_init(&pair.ctx, NULL), 0);
        go(recv_or_give_up, &pair);
        go(recv_for_sure, &pair);
        settle();
        go(cancel, &pair);
        post(pair.p, i);
        while (atomic_load(&pair.done) < 1)
            weir_yield();
        if (weir_sub_try_recv(pair.s, &(weir_message *){NULL}) == 0)
            ck_abort_msg("a message came twice%s", party_note());
        post(pair.p, i); /* if it was the other one that got the first */
        wait_all();
        must_eq(weir_ctx_fini(&pair.ctx), 0);
        if (atomic_exchange(&pair.done, 0) == 1)
            ack(take(pair.s));
        expect_nothing(pair.s);
    }
    weir_sub_free(pair.s);
    weir_pub_free(pair.p);
}

/* The same with a message whose time runs out while they wait: who goes may be
 * the one who would have looked at the clock. */
CONFORMS(a_time_is_not_lost_with_who_gives_up)
{
    struct pair pair = {.p = pub_on(""), .s = worker()};
    weir_sub *hasty = sub_on(
        (weir_sub_opts){.group = "workers", .ack_wait = 20 * WEIR_MILLISECOND});

    for (int i = 0; i < 4; i++) {
        weir_message *m;

        post(pair.p, i);
        m = take(hasty);
        must_eq(weir_ctx_init(&pair.ctx, NULL), 0);
        go(recv_or_give_up, &pair);
        settle();
        go(recv_for_sure, &pair);
        settle();
        cancel(&pair);
        while (atomic_load(&pair.done) < 1)
            weir_yield();
        post(pair.p, i);
        wait_all();
        must_eq(weir_ctx_fini(&pair.ctx), 0);
        if (atomic_exchange(&pair.done, 0) == 1)
            ack(take(pair.s));
        weir_message_free(m);
    }
    expect_nothing(pair.s);
    weir_sub_free(hasty);
    weir_sub_free(pair.s);
    weir_pub_free(pair.p);
}

static void publish_or_give_up(void *arg)
{
    struct pair *pair = arg;
    const int err = post_with(pair->p, 1, NULL, NULL, &pair->ctx);

    must(err == 0 || err == WEIR_CANCELED);
}

static void publish_for_sure(void *arg)
{
    struct pair *pair = arg;

    post(pair->p, 1);
}

/* The same for two that wait for room. */
CONFORMS_IF(block, room_is_not_lost_with_who_gives_up)
{
    const int rounds = conf_many(check_scale(100));
    struct pair pair = {.p = pub_on("max_messages=1"), .s = worker()};

    post(pair.p, 1);
    for (int i = 0; i < rounds; i++) {
        must_eq(weir_ctx_init(&pair.ctx, NULL), 0);
        go(publish_or_give_up, &pair);
        go(publish_for_sure, &pair);
        settle();
        go(cancel, &pair);
        ack(take(pair.s));
        ack(take(pair.s)); /* of either, also one that gave up as it came */
        wait_all();
        must_eq(weir_ctx_fini(&pair.ctx), 0);
        if (counts_of(pair.s).waiting == 0)
            post(pair.p, 1);
    }
    expect(pair.s, 1, 2);
    weir_sub_free(pair.s);
    weir_pub_free(pair.p);
}

/* ---- at random ----------------------------------------------------------- */

static struct {
    weir_pub *p;
    weir_sub *s;
    int each;
    uint64_t seed;
    atomic_int party, left;
    atomic_bool *seen;
} run;

/* A context that ends soon, later, or has ended. */
static void soon(weir_ctx *ctx, uint64_t *r)
{
    const int64_t ns = (int64_t)wr_rand_below(r, 200) * WEIR_MICROSECOND;

    must_eq(weir_ctx_init_timeout(ctx, NULL, ns), 0);
}

static bool is_end(int err)
{
    return err == WEIR_TIMEDOUT || err == WEIR_CANCELED;
}

static void publish_stubbornly(void *arg)
{
    const int from = (int)(intptr_t)arg * run.each;
    uint64_t r;
    char id[16];

    r = run.seed + (uint64_t)atomic_fetch_add(&run.party, 1);
    for (int i = from; i < from + run.each; i++) {
        int err = -1;

        snprintf(id, sizeof id, "%d", i);
        for (int tries = 0; err < 0; tries++) {
            weir_ctx ctx;

            soon(&ctx, &r);
            err = post_with(run.p, i, NULL, id, tries < 50 ? &ctx : NULL);
            must(err >= 0 || is_end(err));
            must_eq(weir_ctx_fini(&ctx), 0);
        }
    }
}

/* Takes some, acks them for as long as it takes. */
static void settle_stubbornly(weir_message *m, uint64_t *r)
{
    int err = -1;

    for (int tries = 0; err != 0 && err != WEIR_EMPTY; tries++) {
        weir_ctx ctx;

        soon(&ctx, r);
        err = weir_message_ack(m, tries < 50 ? &ctx : NULL);
        must(err == 0 || is_end(err) || err == WEIR_EMPTY ||
             err == WEIR_EXPIRED);
        must_eq(weir_ctx_fini(&ctx), 0);
        if (err == WEIR_EXPIRED) /* an ended try had been stored */
            break;
    }
    must(!atomic_exchange(&run.seen[number(m)], true));
    weir_message_free(m);
    if (atomic_fetch_sub(&run.left, 1) == 1)
        close_now(run.s);
}

static void consume_stubbornly(void *arg)
{
    uint64_t r;
    ptrdiff_t n;

    r = run.seed + (uint64_t)atomic_fetch_add(&run.party, 1);
    do {
        weir_message *m[BATCH];
        weir_ctx ctx;

        soon(&ctx, &r);
        n = weir_sub_recv_n(run.s, m, 1 + wr_rand_below(&r, BATCH), &ctx);
        must_eq(weir_ctx_fini(&ctx), 0);
        must(n > 0 || is_end((int)n) || n == WEIR_CLOSED);
        for (ptrdiff_t i = 0; i < n; i++)
            settle_stubbornly(m[i], &r);
    } while (n != WEIR_CLOSED);
    (void)arg;
}

CONFORMS_IF_BOTH(dedup, block, nothing_is_lost_or_doubled_by_contexts_that_end)
{
    run.each = conf_many(check_scale(100));
    run.seed = (uint64_t)weir_now();
    party_seed = &run.seed;
    run.left = PARTIES * run.each;
    run.seen = calloc((size_t)run.left, sizeof *run.seen);
    must(run.seen != NULL);
    run.p = pub_on("max_messages=10");
    run.s = worker();
    for (intptr_t i = 0; i < PARTIES; i++) {
        go(publish_stubbornly, (void *)i);
        go(consume_stubbornly, NULL);
    }
    wait_all();
    for (int i = 0; i < PARTIES * run.each; i++)
        must(run.seen[i]);
    weir_sub_free(run.s);
    run.s = worker();
    expect_nothing(run.s);
    must_eq(counts_of(run.s).waiting + counts_of(run.s).pending, 0);
    must_eq(counts_of(run.s).lost, 0);
    party_seed = NULL;
    free(run.seen);
    weir_sub_free(run.s);
    weir_pub_free(run.p);
}

CONF_MAIN(CHECK_ENGINES(what_need_not_wait_is_done),
          CHECK_ENGINES(a_wait_for_a_message_is_ended),
          CHECK_ENGINES(a_wake_up_is_not_lost_with_who_gives_up),
          CHECK_ENGINES(a_time_is_not_lost_with_who_gives_up),
          CHECK_ENGINES(room_is_not_lost_with_who_gives_up),
          CHECK_ENGINES(nothing_is_lost_or_doubled_by_contexts_that_end))
