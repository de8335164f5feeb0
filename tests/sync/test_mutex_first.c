/* SPDX-License-Identifier: MIT */
/*
 * The first wait for a mutex. Until then it is freed by a plain store, and an
 * unlock that is amid its few instructions when somebody begins to wait must
 * still wake. So each round has a mutex of its own, in the same place, and
 * what is slow (the barrier that the waiter sends) meets what is quick again
 * and again, at another instant.
 */
#include <linux/membarrier.h>
#include "base/rand.h"
#include "port/atomic.h"
#include "port/futex.h"
#include "queued.h"
#include "sync/mutex.h"
#include "syscalls.h"

struct meeting {
    weir_mutex m;
    int rounds;
    atomic_int taken, done; /* the last round in which it was */
    long sum;               /* under m                        */
};

static void pause_for(uint32_t n)
{
    while (n-- > 0)
        wr_pause();
}

static void own(void *arg)
{
    struct meeting *g = arg;
    uint64_t seed = 1;

    for (int i = 1; i <= g->rounds; i++) {
        while (atomic_load(&g->done) != i - 1)
            weir_yield();
        g->m = (weir_mutex)WEIR_MUTEX_INIT;
        must_eq(weir_mutex_lock(&g->m, NULL), 0);
        atomic_store(&g->taken, i);
        pause_for(wr_rand_below(&seed, 1u << wr_rand_below(&seed, 12)));
        g->sum++;
        must_eq(weir_mutex_unlock(&g->m), 0);
    }
}

static void come(void *arg)
{
    struct meeting *g = arg;

    for (int i = 1; i <= g->rounds; i++) {
        while (atomic_load(&g->taken) != i)
            weir_yield();
        must_eq(weir_mutex_lock(&g->m, NULL), 0);
        g->sum++;
        must_eq(weir_mutex_unlock(&g->m), 0);
        atomic_store(&g->done, i);
    }
}

static void meet(struct crew *crew, int rounds)
{
    struct meeting g = {.rounds = rounds};

    crew_go(crew, own, &g);
    crew_go(crew, come, &g);
    crew_wait(crew);
    must_eq(g.sum, 2L * g.rounds);
    must_eq(weir_mutex_unlock(&g.m), WEIR_EINVAL);
}

BEHAVIOUR(an_unlock_that_has_not_seen_it_wakes_it)
{
    meet(crew, check_scale(4000));
}

static void meet_some(struct crew *crew)
{
    meet(crew, check_scale(500));
}

START_TEST(so_it_does_when_the_barrier_has_been_taken_away)
{
    wr_barrier_refuse();
    crew_run(_i, meet_some);
}
END_TEST

/* ---- the barrier --------------------------------------------------------- */

static weir_mutex m;
static atomic_int barriers; /* that were sent when somebody had announced    */

static void look_at(long number, const long *args)
{
    if (number == SYS_membarrier &&
        args[0] == MEMBARRIER_CMD_PRIVATE_EXPEDITED && wr_mutex_locked(&m) &&
        wr_load_rlx(&m.state_) != WR_MUTEX_TAKEN)
        atomic_fetch_add(&barriers, 1);
}

static void lock_it(void *arg)
{
    (void)arg;
    must_eq(weir_mutex_lock(&m, NULL), 0);
    must_eq(weir_mutex_unlock(&m), 0);
}

/* The instant in which it counts is too short to be met by chance (a store
 * must outlast a system call), so the call itself is looked for. */
BEHAVIOUR(the_first_wait_sends_a_barrier)
{
    if (!wr_barrier_others())
        return;
    must_eq(weir_mutex_lock(&m, NULL), 0);
    crew_go(crew, lock_it, NULL);
    await_queued(&m.queue_, 1);
    must(atomic_load(&barriers) > 0);
    must_eq(weir_mutex_unlock(&m), 0);
    crew_wait(crew);
}

CHECK_MAIN(CHECK_MODES(an_unlock_that_has_not_seen_it_wakes_it),
           CHECK_MODES(so_it_does_when_the_barrier_has_been_taken_away),
           CHECK_MODES(the_first_wait_sends_a_barrier))
