/* SPDX-License-Identifier: MIT */
/*
 * The mutex: one word, and a queue for those who must wait.
 *
 *   LOCKED    somebody has it
 *   WAITERS   the queue is not empty; written under the queue's lock
 *   WOKEN     one waiter was popped and is on its way to try again
 *
 * Without waiters lock and unlock are one compare-and-swap each. With waiters
 * the mutex is not handed over but freed, and the first waiter woken to
 * compete: a party that locks again at once goes on at full speed, instead of
 * switching at each unlock. At most one waiter is on its way at any time. One
 * who finds the mutex taken goes back to the head of the queue; after PATIENCE
 * such turns the next unlock hands the mutex to it without freeing it. So
 * nobody is passed by more than PATIENCE times once it is at the head.
 *
 * No wake-up is lost: a waiter sets WAITERS in the same step that finds LOCKED
 * set, so the owner's unlock sees the flag; and a waiter that is on its way
 * takes WOKEN back in the same step in which it either gets the mutex or finds
 * it LOCKED, by an owner whose unlock then sees WAITERS without WOKEN.
 *
 * unlock's last touch is the step that clears LOCKED or, at a hand-over, the
 * unlocking of the queue before the new owner can run. So who locks the mutex
 * next may free it after its own unlock, if it knows of no other user.
 */
#include <weir/mutex.h>

#include "port/cpu.h"
#include "sync/mutex.h"
#include "sync/park.h"

enum { LOCKED = WR_MUTEX_LOCKED, WAITERS = 2, WOKEN = 4 };

enum {
    SPINS = 30,  /* about a microsecond: the owner may run elsewhere */
    PATIENCE = 3 /* lost turns */
};

/* What the owner and a waiter say to each other; under the queue's lock. */
struct turn {
    int lost;
    bool handed;
};

static int spins(void)
{
    static int cached;
    int n = wr_load_rlx(&cached);
    if (n == 0) {
        n = wr_cpu_count() > 1 ? SPINS : 1;
        wr_store_rlx(&cached, n);
    }
    return n;
}

/* Takes m if it is free, whatever its other bits. */
static bool seize(weir_mutex *m, uint32_t drop)
{
    uint32_t s = wr_load_rlx(&m->state_);
    while (!(s & LOCKED))
        if (wr_cas(&m->state_, &s, (s & ~drop) | LOCKED))
            return true;
    return false;
}

static bool spin(weir_mutex *m)
{
    for (int i = spins(); i > 0; i--) {
        if (seize(m, 0))
            return true;
        wr_pause();
    }
    return false;
}

/* Takes m, or leaves word that somebody waits. Under the queue's lock. */
static bool seize_or_announce(weir_mutex *m, uint32_t drop)
{
    uint32_t s = wr_load_rlx(&m->state_);
    for (;;) {
        uint32_t want = (s & ~drop) | (s & LOCKED ? WAITERS : LOCKED);
        if (wr_cas(&m->state_, &s, want))
            return !(s & LOCKED);
    }
}

/* Under the queue's lock, after a pop or a withdrawal. */
static void note_empty(weir_mutex *m)
{
    if (!wr_queue_of(&m->queue_)->head)
        wr_and(&m->state_, ~(uint32_t)WAITERS);
}

/* One stay in the queue: 0, or ctx's error. */
static int wait_turn(weir_mutex *m, struct turn *turn, weir_ctx *ctx)
{
    struct wr_wait p;
    uint32_t *lock = wr_queue_lock(&m->queue_);
    wr_wait_init(&p, wr_queue_of(&m->queue_), lock, turn);
    p.waiter.alone = !wr_ctx_live(ctx);
    if (turn->lost > 0)
        wr_queue_push_front(&p.node);
    else
        wr_queue_push(&p.node);
    wr_unlock(lock);
    int err = wr_wait_park(&p, ctx, WR_ON_MUTEX, m);
    if (err) {
        note_empty(m);
        wr_unlock(lock);
    }
    return err;
}

static WR_NOINLINE int lock_slow(weir_mutex *m, weir_ctx *ctx)
{
    if (spin(m))
        return 0;
    struct turn turn = {0};
    int err = wr_can_wait();
    for (uint32_t drop = 0; !err; drop = WOKEN) {
        uint32_t *lock = wr_queue_lock(&m->queue_);
        wr_lock(lock);
        if (seize_or_announce(m, drop)) {
            wr_unlock(lock);
            return 0;
        }
        err = wait_turn(m, &turn, ctx);
        if (!err && (turn.handed || seize(m, WOKEN)))
            return 0;
        turn.lost++;
    }
    return err;
}

int weir_mutex_lock(weir_mutex *m, weir_ctx *ctx)
{
    if (wr_unlikely(!m))
        return WEIR_EINVAL;
    return wr_likely(seize(m, 0)) ? 0 : lock_slow(m, ctx);
}

int weir_mutex_try_lock(weir_mutex *m)
{
    if (!m)
        return WEIR_EINVAL;
    return seize(m, 0) ? 0 : WEIR_BUSY;
}

/* Pops the first waiter, to be woken. True: it has the mutex now. */
static bool pop_waiter(weir_mutex *m, struct wr_wakes *wakes)
{
    bool handed = false;
    wr_lock(wr_queue_lock(&m->queue_));
    struct wr_node *n = wr_queue_pop(wr_queue_of(&m->queue_), wakes);
    note_empty(m);
    if (n) {
        struct turn *turn = n->elem;
        handed = turn->handed = turn->lost >= PATIENCE;
        if (!handed)
            wr_or(&m->state_, WOKEN);
    }
    wr_unlock(wr_queue_lock(&m->queue_));
    return handed;
}

static WR_NOINLINE int unlock_slow(weir_mutex *m)
{
    struct wr_wakes wakes = {0};
    uint32_t s = wr_load_rlx(&m->state_);
    if (!(s & LOCKED))
        return WEIR_EINVAL;
    for (;;) {
        if ((s & (WAITERS | WOKEN)) == WAITERS) {
            if (pop_waiter(m, &wakes))
                break;
            s = wr_load_rlx(&m->state_);
        } else if (wr_cas(&m->state_, &s, s & ~(uint32_t)LOCKED)) {
            break;
        }
    }
    wr_wake(&wakes);
    return 0;
}

int weir_mutex_unlock(weir_mutex *m)
{
    if (wr_unlikely(!m))
        return WEIR_EINVAL;
    uint32_t s = wr_load_rlx(&m->state_);
    bool nobody_to_wake = (s & (WAITERS | WOKEN)) != WAITERS;
    if (wr_likely(s & LOCKED && nobody_to_wake) &&
        wr_likely(wr_cas(&m->state_, &s, s & ~(uint32_t)LOCKED)))
        return 0;
    return unlock_slow(m);
}
