/* SPDX-License-Identifier: MIT */
/*
 * The weighted semaphore: permits are neither lost nor made up, requests are
 * served in order, and one that leaves holds nobody back.
 */
#include "queued.h"

enum { PARTIES = 6, PERMITS = 4 };

struct pool {
    weir_sem sem;
    atomic_int out;
    int rounds;
};

static void borrow(void *arg)
{
    struct pool *p = arg;
    int i, n;

    for (i = 0; i < p->rounds; i++) {
        n = i % (PERMITS + 1);
        must_eq(weir_sem_acquire(&p->sem, n, NULL), 0);
        must(atomic_fetch_add(&p->out, n) + n <= PERMITS);
        if (i % 4 == 0)
            weir_yield();
        atomic_fetch_sub(&p->out, n);
        must_eq(weir_sem_release(&p->sem, n), 0);
    }
}

BEHAVIOUR(never_more_out_than_there_are)
{
    struct pool p = {.sem = WEIR_SEM_INIT(PERMITS)};
    int i;

    p.rounds = check_scale(crew_many(crew, 3000, 300));
    for (i = 0; i < PARTIES; i++)
        crew_go(crew, borrow, &p);
    crew_wait(crew);
    must_eq(weir_sem_try_acquire(&p.sem, PERMITS), 0);
    must_eq(weir_sem_try_acquire(&p.sem, 1), WEIR_BUSY);
}

/* ---- order --------------------------------------------------------------- */

struct request {
    weir_sem *sem;
    weir_ctx *ctx;
    int64_t n;
    int result;
    atomic_int *served;
    int place;
};

static void request(void *arg)
{
    struct request *r = arg;

    r->result = weir_sem_acquire(r->sem, r->n, r->ctx);
    r->place = r->result == 0 ? atomic_fetch_add(r->served, 1) : -1;
}

static void queue_up(struct crew *crew, weir_sem *sem, struct request *r, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        r[i].sem = sem;
        crew_go(crew, request, &r[i]);
        await_queued(&sem->queue_, i + 1);
    }
}

BEHAVIOUR(served_in_order_of_coming)
{
    weir_sem sem = WEIR_SEM_INIT(0);
    atomic_int served = 0;
    struct request r[PARTIES];
    int i;

    for (i = 0; i < PARTIES; i++)
        r[i] = (struct request){.n = i + 1, .served = &served};
    queue_up(crew, &sem, r, PARTIES);
    must_eq(weir_sem_try_acquire(&sem, 0), WEIR_BUSY); /* not past them */
    for (i = 0; i < PARTIES; i++) {
        must_eq(weir_sem_release(&sem, i), 0); /* one short */
        must_eq(queued(&sem.queue_), PARTIES - i);
        must_eq(weir_sem_release(&sem, 1), 0);
        while (atomic_load(&served) != i + 1)
            weir_yield();
    }
    crew_wait(crew);
    for (i = 0; i < PARTIES; i++)
        must_eq(r[i].place, i);
}

BEHAVIOUR(a_large_request_is_not_passed)
{
    weir_sem sem = WEIR_SEM_INIT(2);
    atomic_int served = 0;
    struct request r[] = {{.n = 3, .served = &served},
                          {.n = 1, .served = &served}};

    queue_up(crew, &sem, r, 2);
    must_eq(weir_sem_try_acquire(&sem, 1), WEIR_BUSY);
    must_eq(weir_sem_release(&sem, 1), 0);
    must_eq(queued(&sem.queue_), 1);
    must_eq(weir_sem_release(&sem, 1), 0);
    crew_wait(crew);
    must_eq(r[0].result, 0);
    must_eq(r[1].result, 0);
}

/* ---- contexts ------------------------------------------------------------ */

BEHAVIOUR(cancelled_head_lets_the_others_go)
{
    weir_sem sem = WEIR_SEM_INIT(2);
    weir_ctx ctx = WEIR_CTX_INIT;
    atomic_int served = 0;
    struct request r[] = {{.n = 100, .served = &served, .ctx = &ctx},
                          {.n = 1, .served = &served},
                          {.n = 1, .served = &served},
                          {.n = 1, .served = &served}};

    queue_up(crew, &sem, r, 4);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    while (atomic_load(&served) != 2)
        weir_yield();
    await_queued(&sem.queue_, 1);
    must_eq(weir_sem_release(&sem, 1), 0);
    crew_wait(crew);
    must_eq(r[0].result, WEIR_CANCELED);
    must_eq(atomic_load(&served), 3);
    must_eq(weir_sem_try_acquire(&sem, 1), WEIR_BUSY);
    must_eq(weir_ctx_fini(&ctx), 0);
}

BEHAVIOUR(deadline_ends_the_wait)
{
    weir_sem sem = WEIR_SEM_INIT(1);
    weir_ctx ctx;

    must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MILLISECOND), 0);
    must_eq(weir_sem_acquire(&sem, 2, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_sem_acquire(&sem, 2, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_sem_acquire(&sem, 1, &ctx), 0); /* need not wait */
    must_eq(weir_ctx_fini(&ctx), 0);
    (void)crew;
}

START_TEST(wrong_use_is_refused)
{
    weir_sem sem = WEIR_SEM_INIT(1);

    ck_assert_int_eq(weir_sem_acquire(NULL, 1, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_sem_try_acquire(NULL, 1), WEIR_EINVAL);
    ck_assert_int_eq(weir_sem_release(NULL, 1), WEIR_EINVAL);
    ck_assert_int_eq(weir_sem_acquire(&sem, -1, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_sem_try_acquire(&sem, -1), WEIR_EINVAL);
    ck_assert_int_eq(weir_sem_release(&sem, -1), WEIR_EINVAL);
    ck_assert_int_eq(weir_sem_release(&sem, INT64_MAX), WEIR_EINVAL);
    ck_assert_int_eq(weir_sem_acquire(&sem, 1, NULL), 0);
    ck_assert_int_eq(weir_sem_release(&sem, INT64_MAX), 0);
    ck_assert_int_eq(weir_sem_acquire(&sem, INT64_MAX, NULL), 0);
}
END_TEST

CHECK_MAIN(CHECK_MODES(never_more_out_than_there_are),
           CHECK_MODES(served_in_order_of_coming),
           CHECK_MODES(a_large_request_is_not_passed),
           CHECK_MODES(cancelled_head_lets_the_others_go),
           CHECK_MODES(deadline_ends_the_wait),
           CHECK_TEST(wrong_use_is_refused))
