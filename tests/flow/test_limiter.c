/* SPDX-License-Identifier: MIT */
/*
 * The limiter: never more inside than the limit of the moment, served in
 * order, and no more in the queue than may wait.
 */
#include "../chan/parties.h"
#include "../sched/child.h"

enum { PARTIES = 6, LIMIT = 4 };

static weir_limiter limiter_of(int64_t limit, int64_t waiting)
{
    weir_limiter l;

    must_eq(weir_limiter_init(
                &l, &(weir_limiter_opts){.limit = limit, .waiting = waiting}),
            0);
    return l;
}

static weir_limiter_state state_of(weir_limiter *l)
{
    weir_limiter_state s;

    must_eq(weir_limiter_get_state(l, &s), 0);
    return s;
}

/* ---- the limit ----------------------------------------------------------- */

struct pool {
    weir_limiter l;
    atomic_int inside;
    int rounds;
};

static void work(void *arg)
{
    struct pool *p = arg;
    int i, n;

    for (i = 0; i < p->rounds; i++) {
        n = i % (LIMIT + 1);
        if (i % 3 != 0)
            must_eq(weir_limiter_acquire(&p->l, n, NULL), 0);
        else if (weir_limiter_try_acquire(&p->l, n) == WEIR_BUSY)
            continue;
        must(atomic_fetch_add(&p->inside, n) + n <= LIMIT);
        if (i % 4 == 0)
            weir_yield();
        atomic_fetch_sub(&p->inside, n);
        must_eq(weir_limiter_release(&p->l, n), 0);
    }
}

BEHAVIOUR(never_more_inside_than_the_limit)
{
    struct pool p = {.l = limiter_of(LIMIT, 0)};
    int i;

    p.rounds = check_scale(crew_many(crew, 3000, 300));
    for (i = 0; i < PARTIES; i++)
        crew_go(crew, work, &p);
    crew_wait(crew);
    must_eq(state_of(&p.l).used, 0);
    must_eq(state_of(&p.l).waiting, 0);
}

/* ---- waiters ------------------------------------------------------------- */

struct request {
    weir_limiter *l;
    int64_t n;
    weir_ctx *ctx;
    int result;
    atomic_bool done;
};

static void ask(void *arg)
{
    struct request *r = arg;

    r->result = weir_limiter_acquire(r->l, r->n, r->ctx);
    atomic_store(&r->done, true);
}

static void await_waiting(weir_limiter *l, int64_t n)
{
    while (state_of(l).waiting != n)
        weir_yield();
}

static void queue_up(struct crew *crew, struct request *r, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        const int64_t before = state_of(r[i].l).waiting;
        crew_go(crew, ask, &r[i]);
        await_waiting(r[i].l, before + 1);
    }
}

BEHAVIOUR(served_in_order_of_coming)
{
    weir_limiter l = limiter_of(4, 0);
    struct request r[] = {{.l = &l, .n = 4}, {.l = &l, .n = 1}, {.l = &l}};

    must_eq(weir_limiter_acquire(&l, 2, NULL), 0);
    queue_up(crew, r, 3);
    must_eq(weir_limiter_try_acquire(&l, 1), WEIR_BUSY);
    must_eq(weir_limiter_try_acquire(&l, 0), WEIR_BUSY);
    must_eq(weir_limiter_release(&l, 1), 0);
    must_eq(state_of(&l).waiting, 3); /* the large one holds the small back */
    must_eq(weir_limiter_release(&l, 1), 0);
    await_waiting(&l, 2);
    must_eq(state_of(&l).used, 4);
    must_eq(weir_limiter_release(&l, 1), 0);
    crew_wait(crew);
    must_eq(state_of(&l).used, 4);
    must_eq(r[0].result | r[1].result | r[2].result, 0);
}

BEHAVIOUR(who_leaves_makes_way)
{
    weir_limiter l = limiter_of(2, 0);
    weir_ctx first = WEIR_CTX_INIT, middle = WEIR_CTX_INIT;
    struct request r[] = {{.l = &l, .n = 9, .ctx = &first},
                          {.l = &l, .n = 1},
                          {.l = &l, .n = 9, .ctx = &middle},
                          {.l = &l, .n = 1}};

    queue_up(crew, r, 4);
    must_eq(weir_ctx_cancel(&middle, 0), 0);
    await_waiting(&l, 3);
    must_eq(weir_ctx_cancel(&first, 0), 0);
    crew_wait(crew);
    must_eq(r[0].result, WEIR_CANCELED);
    must_eq(r[1].result, 0);
    must_eq(r[2].result, WEIR_CANCELED);
    must_eq(r[3].result, 0);
    must_eq(state_of(&l).used, 2);
    must_eq(weir_ctx_fini(&first), 0);
    must_eq(weir_ctx_fini(&middle), 0);
}

BEHAVIOUR(a_context_ends_the_wait)
{
    weir_limiter l = limiter_of(1, 0);
    weir_ctx ctx;

    must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MILLISECOND), 0);
    must_eq(weir_limiter_acquire(&l, 2, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_limiter_acquire(&l, 1, &ctx), 0); /* need not wait */
    must_eq(weir_limiter_acquire(&l, 1, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_ctx_fini(&ctx), 0);
    must_eq(state_of(&l).used, 1);
    must_eq(state_of(&l).waiting, 0);
    (void)crew;
}

BEHAVIOUR(so_many_may_wait)
{
    weir_limiter l = limiter_of(1, 2);
    struct request r[] = {{.l = &l, .n = 1}, {.l = &l, .n = 1}};

    must_eq(weir_limiter_acquire(&l, 1, NULL), 0);
    queue_up(crew, r, 2);
    must_eq(weir_limiter_acquire(&l, 1, NULL), WEIR_FULL);
    must_eq(weir_limiter_release(&l, 1), 0);
    await_waiting(&l, 1);
    must_eq(weir_limiter_release(&l, 1), 0);
    crew_wait(crew);
    must_eq(weir_limiter_release(&l, 1), 0);
    must_eq(r[0].result | r[1].result, 0);
}

/* ---- a new limit --------------------------------------------------------- */

BEHAVIOUR(a_higher_limit_lets_waiters_in)
{
    weir_limiter l = limiter_of(0, 0);
    struct request r[PARTIES];
    int i;

    for (i = 0; i < PARTIES; i++)
        r[i] = (struct request){.l = &l, .n = 1};
    queue_up(crew, r, PARTIES);
    must_eq(weir_limiter_resize(&l, 1), 0);
    await_waiting(&l, PARTIES - 1);
    must_eq(weir_limiter_resize(&l, PARTIES), 0);
    crew_wait(crew);
    must_eq(state_of(&l).used, PARTIES);
}

BEHAVIOUR(a_lower_limit_waits_for_those_inside)
{
    weir_limiter l = limiter_of(4, 0);
    struct request r = {.l = &l, .n = 1};

    must_eq(weir_limiter_acquire(&l, 4, NULL), 0);
    must_eq(weir_limiter_resize(&l, 2), 0);
    must_eq(state_of(&l).used, 4);
    queue_up(crew, &r, 1);
    must_eq(weir_limiter_release(&l, 2), 0);
    must_eq(weir_limiter_try_acquire(&l, 1), WEIR_BUSY);
    must_eq(state_of(&l).waiting, 1);
    must_eq(weir_limiter_release(&l, 1), 0);
    crew_wait(crew);
    must_eq(state_of(&l).used, 2);
    must_eq(weir_limiter_try_acquire(&l, 1), WEIR_BUSY);
}

static void shake(void *arg)
{
    struct pool *p = arg;
    int i;

    for (i = 0; i < p->rounds; i++) {
        must_eq(weir_limiter_resize(&p->l, i % (LIMIT + 1)), 0);
        weir_yield();
    }
    must_eq(weir_limiter_resize(&p->l, LIMIT), 0);
}

BEHAVIOUR(resized_under_load)
{
    struct pool p = {.l = limiter_of(LIMIT, 0)};
    int i;

    p.rounds = check_scale(crew_many(crew, 2000, 200));
    for (i = 0; i < PARTIES; i++)
        crew_go(crew, work, &p);
    crew_go(crew, shake, &p);
    crew_wait(crew);
    must_eq(state_of(&p.l).used, 0);
}

START_TEST(wrong_use_is_refused)
{
    weir_limiter l = limiter_of(1, 0);
    weir_limiter_state s;

    must_eq(weir_limiter_init(NULL, &(weir_limiter_opts){0}), WEIR_EINVAL);
    must_eq(weir_limiter_init(&l, NULL), WEIR_EINVAL);
    must_eq(weir_limiter_init(&l, &(weir_limiter_opts){.limit = -1}),
            WEIR_EINVAL);
    must_eq(weir_limiter_init(&l, &(weir_limiter_opts){.waiting = -1}),
            WEIR_EINVAL);
    must_eq(weir_limiter_acquire(NULL, 1, NULL), WEIR_EINVAL);
    must_eq(weir_limiter_acquire(&l, -1, NULL), WEIR_EINVAL);
    must_eq(weir_limiter_try_acquire(NULL, 1), WEIR_EINVAL);
    must_eq(weir_limiter_try_acquire(&l, -1), WEIR_EINVAL);
    must_eq(weir_limiter_release(NULL, 1), WEIR_EINVAL);
    must_eq(weir_limiter_release(&l, -1), WEIR_EINVAL);
    must_eq(weir_limiter_release(&l, 1), WEIR_EINVAL);
    must_eq(weir_limiter_resize(NULL, 1), WEIR_EINVAL);
    must_eq(weir_limiter_resize(&l, -1), WEIR_EINVAL);
    must_eq(weir_limiter_get_state(NULL, &s), WEIR_EINVAL);
    must_eq(weir_limiter_get_state(&l, NULL), WEIR_EINVAL);
    must_eq(weir_limiter_resize(&l, INT64_MAX), 0);
    must_eq(weir_limiter_acquire(&l, INT64_MAX, NULL), 0);
    must_eq(weir_limiter_resize(&l, 0), 0);
    must_eq(weir_limiter_try_acquire(&l, INT64_MAX), WEIR_BUSY);
    must_eq(weir_limiter_release(&l, INT64_MAX), 0);
    must_eq(state_of(&l).used, 0);
}
END_TEST

static int wait_in_fork(void *arg)
{
    weir_limiter *l = arg;

    must_eq(weir_limiter_acquire(l, 1, NULL), 0);
    must_eq(weir_limiter_acquire(l, 1, NULL), WEIR_FORKED);
    must_eq(state_of(l).waiting, 0);
    return 0;
}

START_TEST(nobody_waits_in_a_fork)
{
    weir_limiter l = limiter_of(1, 0);
    struct child child;

    must_eq(weir_start(NULL), 0);
    child_run(&child, wait_in_fork, &l);
    must_eq(child_exit(&child), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

CHECK_MAIN(CHECK_MODES(never_more_inside_than_the_limit),
           CHECK_MODES(served_in_order_of_coming),
           CHECK_MODES(who_leaves_makes_way),
           CHECK_MODES(a_context_ends_the_wait), CHECK_MODES(so_many_may_wait),
           CHECK_MODES(a_higher_limit_lets_waiters_in),
           CHECK_MODES(a_lower_limit_waits_for_those_inside),
           CHECK_MODES(resized_under_load), CHECK_TEST(wrong_use_is_refused),
           CHECK_TEST(nobody_waits_in_a_fork))
