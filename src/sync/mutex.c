/* SPDX-License-Identifier: MIT */
/*
 * The mutex: one word, and a queue for those who must wait.
 *
 *   TAKEN     somebody has it; in a byte of its own, the word's first
 *   WAITERS   who frees it must look at the queue
 *   SHARED    somebody has had to wait for it; set for life
 *
 * and, under the queue's lock, woken: a waiter was popped and is on its way to
 * try again. While one is on its way nobody sets WAITERS. To lock is one
 * exchange of the byte, which leaves the marks alone.
 *
 * With waiters the mutex is not handed over but freed, and the first waiter
 * woken to compete: a party that locks again at once goes on at full speed,
 * instead of switching at each unlock. One who finds the mutex taken goes back
 * to the head of the queue; after PATIENCE such turns the next unlock hands
 * the mutex to it without freeing it. So nobody is passed by more than
 * PATIENCE times once it is at the head.
 *
 * A shared mutex is freed by a compare-and-swap, and no wake-up is lost: who
 * queues up either sets WAITERS in the step that finds TAKEN, so the owner's
 * unlock sees it; or somebody is on its way, who under the lock either gets
 * the mutex, with WAITERS if the queue is not empty, or sets WAITERS as it
 * queues up again.
 *
 * One for which nobody has waited yet is freed by a plain store after a look
 * at the word, and WAITERS may come in between. So who is about to wait for
 * such a one is watching: it enters the list of those who do, announces
 * itself, makes all other threads pass a barrier and looks once more. An
 * unlock that has not seen WAITERS either stored before that barrier, and the
 * last look finds the mutex free; or it looks after its store, and so after
 * the barrier, whether anybody is watching, and wakes who waits for this
 * mutex. It knows the mutex by its address only: one in the list has a user,
 * another is not touched any more.
 *
 * unlock's last touch is the step that clears TAKEN or, where it wakes, the
 * unlocking of the queue before the woken one can run. So who locks the mutex
 * next may free it after its own unlock, if it knows of no other user.
 */
#include <weir/mutex.h>

#include "base/misuse.h"
#include "port/cpu.h"
#include "port/futex.h"
#include "sync/mutex.h"
#include "sync/park.h"

enum { TAKEN = WR_MUTEX_TAKEN, WAITERS = 1 << 8, SHARED = 1 << 9 };

enum {
    LOOKS = 4,    /* the owner may run elsewhere, and soon be done;        */
    PAUSES = 30,  /* each look takes the line from it, so they are rare    */
    PATIENCE = 3, /* lost turns */
    BLIND_SLEEP = 100000 /* ns; no store stays in a processor for so long  */
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

static uint8_t *taken(weir_mutex *m)
{
    return (uint8_t *)&m->state_;
}

static bool seize(weir_mutex *m)
{
    return wr_xchg_acq(taken(m), 1) == 0;
}

static bool spin(weir_mutex *m)
{
    for (int i = looks(); i > 0; i--) {
        if (wr_load_rlx(taken(m)) == 0 && seize(m))
            return true;
        for (int k = 0; k < PAUSES; k++)
            wr_pause();
    }
    return false;
}

/* ---- watching ------------------------------------------------------------ */

struct watch {
    const weir_mutex *on;
    struct watch *next, *prev;
};

static uint32_t watches_lock;
static struct watch *watches; /* under the lock */

/* How many they are; and one more until the barrier is known to work: an
 * unlock that sees any is a compare-and-swap. */
static WR_ALIGNED uint32_t watching = 1;

static void learn(void) __attribute__((constructor));

static void learn(void)
{
    if (wr_barrier_others())
        wr_store(&watching, 0);
}

static void watch_begin(struct watch *w, const weir_mutex *m)
{
    wr_lock(&watches_lock);
    *w = (struct watch){.on = m, .next = watches};
    if (watches)
        watches->prev = w;
    watches = w;
    wr_add(&watching, 1);
    wr_unlock(&watches_lock);
}

static void watch_end(const struct watch *w)
{
    wr_lock(&watches_lock);
    if (w->prev)
        w->prev->next = w->next;
    else
        watches = w->next;
    if (w->next)
        w->next->prev = w->prev;
    wr_sub(&watching, 1);
    wr_unlock(&watches_lock);
}

/* m was freed by a store and may be gone, unless somebody is watching it. */
static WR_NOINLINE void wake_watcher(weir_mutex *m)
{
    struct wr_wakes wakes = {0};
    wr_lock(&watches_lock);
    const struct watch *w = watches;
    while (w && w->on != m)
        w = w->next;
    if (w) {
        wr_lock(wr_queue_lock(&m->queue_));
        if (wr_queue_pop(wr_queue_of(&m->queue_), &wakes))
            *woken(m) = 1;
        wr_unlock(wr_queue_lock(&m->queue_));
    }
    wr_unlock(&watches_lock);
    wr_wake(&wakes);
}

/* ---- waiting ------------------------------------------------------------- */

/* Takes m, or sees to it that somebody will wake the caller, who queues up.
 * Under the queue's lock. */
static bool seize_or_announce(weir_mutex *m)
{
    uint32_t s = wr_load_rlx(&m->state_), want;
    do {
        bool needed = !*woken(m) && (s & TAKEN || !queue_empty(m));
        want = s | TAKEN | (needed ? WAITERS : 0);
        if (!(s & TAKEN))
            want |= SHARED;
    } while (!wr_cas(&m->state_, &s, want));
    return !(s & TAKEN);
}

/* The same, also while m is freed by a store. */
static bool seize_or_watch(weir_mutex *m)
{
    uint32_t taken_away = 0;
    if (seize_or_announce(m))
        return true;
    if (wr_load_rlx(&m->state_) & SHARED)
        return false;
    if (!wr_barrier_others()) /* a filter, since the program began */
        wr_futex_wait(&taken_away, 0, BLIND_SLEEP);
    return seize_or_announce(m);
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

static int queue_up(weir_mutex *m, weir_ctx *ctx)
{
    struct turn turn = {0};
    int err;
    do {
        wr_lock(wr_queue_lock(&m->queue_));
        if (turn.lost > 0)
            *woken(m) = 0;
        if (seize_or_watch(m)) {
            wr_unlock(wr_queue_lock(&m->queue_));
            return 0;
        }
        err = wait_turn(m, &turn, ctx);
        turn.lost++;
    } while (!err && !turn.handed);
    return err;
}

static WR_NOINLINE int lock_slow(weir_mutex *m, weir_ctx *ctx)
{
    if (spin(m))
        return 0;
    int err = wr_can_wait();
    if (err)
        return err;
    if (wr_load_rlx(&m->state_) & SHARED)
        return queue_up(m, ctx);
    struct watch watch;
    watch_begin(&watch, m);
    err = queue_up(m, ctx);
    watch_end(&watch);
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

/* ---- unlocking ----------------------------------------------------------- */

/* Pops the first waiter, to be woken. True: it has the mutex now. Nobody but
 * the owner, who calls this, frees it, and marks are set under the lock. */
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
    wr_store_rel(&m->state_, TAKEN | SHARED | (more ? WAITERS : 0));
    wr_unlock(wr_queue_lock(&m->queue_));
    return handed;
}

static WR_NOINLINE int unlock_slow(weir_mutex *m, uint32_t seen)
{
    struct wr_wakes wakes = {0};
    if (!(seen & TAKEN))
        return WR_MISUSE("a mutex that is not locked");
    while (!pop_waiter(m, &wakes)) {
        seen = TAKEN | SHARED;
        if (wr_cas(&m->state_, &seen, SHARED))
            break;
    }
    wr_wake(&wakes);
    return 0;
}

int weir_mutex_unlock(weir_mutex *m)
{
    if (wr_unlikely(!m))
        return WR_MISUSE("no mutex");
    uint32_t seen = wr_load_rlx(&m->state_);
    if (wr_likely(seen == TAKEN && wr_load_rlx(&watching) == 0)) {
        wr_store_rel(taken(m), 0);
        wr_compiler_barrier();
        if (wr_unlikely(wr_load_rlx(&watching) != 0))
            wake_watcher(m);
        return 0;
    }
    if (seen == TAKEN || seen == (TAKEN | SHARED))
        if (wr_cas(&m->state_, &seen, seen & ~(uint32_t)TAKEN))
            return 0;
    return unlock_slow(m, seen);
}
