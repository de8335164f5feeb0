/* SPDX-License-Identifier: MIT */
/*
 * The mutex: one word, and a queue for those who must wait.
 *
 *   LOCKED    somebody has it
 *   WAITERS   set beside LOCKED only: the unlock must look at the queue
 *
 * and, under the queue's lock, woken: a waiter was popped and is on its way to
 * try again. While one is on its way WAITERS is clear, so the common states
 * are 0 and LOCKED, and lock and unlock are one compare-and-swap each with no
 * load before it.
 *
 * With waiters the mutex is not handed over but freed, and the first waiter
 * woken to compete: a party that locks again at once goes on at full speed,
 * instead of switching at each unlock. One who finds the mutex taken goes back
 * to the head of the queue; after PATIENCE such turns the next unlock hands
 * the mutex to it without freeing it. So nobody is passed by more than
 * PATIENCE times once it is at the head.
 *
 * No wake-up is lost: who queues up either sets WAITERS in the step that finds
 * LOCKED, so the owner's unlock sees it; or somebody is on its way, who under
 * the lock either gets the mutex, with WAITERS if the queue is not empty, or
 * sets WAITERS as it queues up again.
 *
 * unlock's last touch is the step that clears LOCKED or, at a hand-over, the
 * unlocking of the queue before the new owner can run. So who locks the mutex
 * next may free it after its own unlock, if it knows of no other user.
 */
#include <weir/mutex.h>

#include "base/misuse.h"
#include "port/cpu.h"
#include "sync/mutex.h"
#include "sync/park.h"

enum { LOCKED = WR_MUTEX_LOCKED, WAITERS = 2 };

enum {
    LOOKS = 4,    /* the owner may run elsewhere, and soon be done;        */
    PAUSES = 30,  /* each look takes the line from it, so they are rare    */
    PATIENCE = 3, /* lost turns */
};

/* What the owner and a waiter say to each other; under the queue's lock. */
struct turn {
    int lost;
    bool handed;
};

static int looks(void)
{
    static int cached;
    int n = wr_load_rlx(&cached);
    if (n == 0) {
        n = wr_cpu_count() > 1 ? LOOKS : 1;
        wr_store_rlx(&cached, n);
    }
    return n;
}

static uint32_t *woken(weir_mutex *m)
{
    return &m->queue_.pad_;
}

static bool queue_empty(weir_mutex *m)
{
    return wr_queue_of(&m->queue_)->head == NULL;
}

static bool seize(weir_mutex *m)
{
    uint32_t seen = 0;
    return wr_cas(&m->state_, &seen, LOCKED);
}

static bool spin(weir_mutex *m)
{
    for (int i = looks(); i > 0; i--) {
        if (wr_load_rlx(&m->state_) == 0 && seize(m))
            return true;
        for (int k = 0; k < PAUSES; k++)
            wr_pause();
    }
    return false;
}

/* Takes m, or sees to it that somebody will wake the caller, who queues up.
 * Under the queue's lock. */
static bool seize_or_announce(weir_mutex *m)
{
    uint32_t s = wr_load_rlx(&m->state_), want;
    do {
        bool needed = !*woken(m) && (s & LOCKED || !queue_empty(m));
        want = s | LOCKED | (needed ? WAITERS : 0);
    } while (!wr_cas(&m->state_, &s, want));
    return !(s & LOCKED);
}

/* One stay in the queue, which is locked: 0, or ctx's error. */
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
    if (err)
        wr_unlock(lock);
    return err;
}

static WR_NOINLINE int lock_slow(weir_mutex *m, weir_ctx *ctx)
{
    if (spin(m))
        return 0;
    struct turn turn = {0};
    int err = wr_can_wait();
    while (!err) {
        wr_lock(wr_queue_lock(&m->queue_));
        if (turn.lost > 0)
            *woken(m) = 0;
        if (seize_or_announce(m)) {
            wr_unlock(wr_queue_lock(&m->queue_));
            return 0;
        }
        err = wait_turn(m, &turn, ctx);
        if (!err && turn.handed)
            return 0;
        turn.lost++;
    }
    return err;
}

int weir_mutex_lock(weir_mutex *m, weir_ctx *ctx)
{
    if (wr_unlikely(!m))
        return WR_MISUSE("no mutex");
    return wr_likely(seize(m)) ? 0 : lock_slow(m, ctx);
}

int weir_mutex_try_lock(weir_mutex *m)
{
    if (!m)
        return WR_MISUSE("no mutex");
    return seize(m) ? 0 : WEIR_BUSY;
}

/* Pops the first waiter, to be woken. True: it has the mutex now. Nobody but
 * the owner, who calls this, changes the word while it is LOCKED | WAITERS. */
static bool pop_waiter(weir_mutex *m, struct wr_wakes *wakes)
{
    bool handed = false;
    wr_lock(wr_queue_lock(&m->queue_));
    struct wr_node *n = wr_queue_pop(wr_queue_of(&m->queue_), wakes);
    if (n) {
        struct turn *turn = n->elem;
        handed = turn->handed = turn->lost >= PATIENCE;
        *woken(m) = !handed;
    }
    bool more = handed && !queue_empty(m);
    wr_store_rel(&m->state_, more ? LOCKED | WAITERS : LOCKED);
    wr_unlock(wr_queue_lock(&m->queue_));
    return handed;
}

static WR_NOINLINE int unlock_slow(weir_mutex *m, uint32_t seen)
{
    struct wr_wakes wakes = {0};
    if (!(seen & LOCKED))
        return WR_MISUSE("a mutex that is not locked");
    while (!pop_waiter(m, &wakes)) {
        seen = LOCKED;
        if (wr_cas(&m->state_, &seen, 0))
            break;
    }
    wr_wake(&wakes);
    return 0;
}

int weir_mutex_unlock(weir_mutex *m)
{
    uint32_t seen = LOCKED;
    if (wr_unlikely(!m))
        return WR_MISUSE("no mutex");
    if (wr_likely(wr_cas(&m->state_, &seen, 0)))
        return 0;
    return unlock_slow(m, seen);
}
