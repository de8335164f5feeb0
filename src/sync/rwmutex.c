/* SPDX-License-Identifier: MIT */
/*
 * The reader-writer mutex: one word, and a queue for each side under one lock.
 *
 *   WRITER    a writer has it
 *   WAITERS   a queue is not empty; written under the lock
 *   readers   the rest of the word, in units of READER
 *
 * Without waiters each operation is one compare-and-swap. With WAITERS set
 * nobody gets in past the queues, and whoever leaves last hands over:
 *
 *   a writer leaves        all waiting readers get in, else the first writer
 *   the last reader leaves the first writer gets in, else all readers
 *
 * So the sides alternate while both wait (a phase-fair lock, after Brandenburg
 * and Anderson, 2010): a reader waits for one writer at most, a writer for the
 * writers before it and one turn of readers before each of them.
 *
 * Invariants, whenever the lock is free
 *   1. Readers wait only while WRITER is set or a writer waits.
 *   2. Writers wait only while WRITER is set or readers are in.
 *   3. WAITERS is set exactly when somebody waits.
 * While WAITERS is set the word changes only under the lock, but for readers
 * that leave and are not the last.
 */
#include <weir/rwmutex.h>

#include "sync/park.h"
#include "base/misuse.h"

enum { WRITER = 1, WAITERS = 2, READER = 4 };

#define READERS_MAX (UINT32_MAX - READER)

static struct wr_queue *readers(weir_rwmutex *m)
{
    return wr_queue_of(&m->queue_);
}

static struct wr_queue *writers(weir_rwmutex *m)
{
    return wr_queue_of(&m->writers_);
}

/* ---- under the lock ------------------------------------------------------ */

static void note_waiters(weir_rwmutex *m)
{
    if (readers(m)->head || writers(m)->head)
        wr_or(&m->state_, WAITERS);
    else
        wr_and(&m->state_, ~(uint32_t)WAITERS);
}

static bool admit_readers(weir_rwmutex *m, struct wr_wakes *wakes)
{
    uint32_t n = 0;
    while (wr_queue_pop(readers(m), wakes))
        n++;
    wr_add(&m->state_, n * READER);
    return n > 0;
}

static bool admit_writer(weir_rwmutex *m, struct wr_wakes *wakes)
{
    if (!wr_queue_pop(writers(m), wakes))
        return false;
    wr_or(&m->state_, WRITER);
    return true;
}

/* A waiter has left without getting in: restores invariants 1 and 3. */
static void settle(weir_rwmutex *m, struct wr_wakes *wakes)
{
    if (!writers(m)->head && !(wr_load(&m->state_) & WRITER))
        admit_readers(m, wakes);
    note_waiters(m);
}

/* ---- getting in ---------------------------------------------------------- */

/* The word in which a party may get in past nobody, or 0 if it may not; s is
 * the word as it is. */
static uint32_t enter_as(uint32_t s, bool writer)
{
    if (writer)
        return s == 0 ? WRITER : 0;
    return s & (WRITER | WAITERS) || s > READERS_MAX ? 0 : s + READER;
}

/* Leaves false with WAITERS set in the same step that found no way in. */
static bool enter_or_announce(weir_rwmutex *m, bool writer)
{
    uint32_t s = wr_load(&m->state_);
    for (;;) {
        uint32_t in = enter_as(s, writer);
        if (wr_cas(&m->state_, &s, in ? in : s | WAITERS))
            return in != 0;
    }
}

static WR_NOINLINE int enter_slow(weir_rwmutex *m, bool writer, weir_ctx *ctx)
{
    uint32_t *lock = wr_queue_lock(&m->queue_);
    struct wr_wakes wakes = {0};
    wr_lock(lock);
    if (enter_or_announce(m, writer)) {
        wr_unlock(lock);
        return 0;
    }
    int err = wr_wait_in(writer ? writers(m) : readers(m), lock, NULL, ctx,
                         WR_ON_RWMUTEX, m);
    if (!err)
        return 0;
    settle(m, &wakes);
    wr_unlock(lock);
    wr_wake(&wakes);
    return err;
}

static inline bool try_enter(weir_rwmutex *m, bool writer)
{
    uint32_t in, s = wr_load_rlx(&m->state_);
    while ((in = enter_as(s, writer)) != 0)
        if (wr_cas(&m->state_, &s, in))
            return true;
    return false;
}

int weir_rwmutex_lock(weir_rwmutex *m, weir_ctx *ctx)
{
    if (!m)
        return WR_MISUSE("no mutex");
    return try_enter(m, true) ? 0 : enter_slow(m, true, ctx);
}

int weir_rwmutex_rlock(weir_rwmutex *m, weir_ctx *ctx)
{
    if (!m)
        return WR_MISUSE("no mutex");
    return try_enter(m, false) ? 0 : enter_slow(m, false, ctx);
}

int weir_rwmutex_try_lock(weir_rwmutex *m)
{
    if (!m)
        return WR_MISUSE("no mutex");
    return try_enter(m, true) ? 0 : WEIR_BUSY;
}

int weir_rwmutex_try_rlock(weir_rwmutex *m)
{
    if (!m)
        return WR_MISUSE("no mutex");
    return try_enter(m, false) ? 0 : WEIR_BUSY;
}

/* ---- getting out --------------------------------------------------------- */

/* s: the word; own: what the party holds of it. */
static bool last_with_waiters(uint32_t s, uint32_t own)
{
    return s & WAITERS && s < own + READER;
}

/* Under the lock, with WAITERS set: gives own away. False: all waiters are
 * about to leave without getting in, and own is kept. */
static bool give(weir_rwmutex *m, uint32_t own, struct wr_wakes *wakes)
{
    bool given;
    wr_sub(&m->state_, own);
    if (own == WRITER)
        given = admit_readers(m, wakes) || admit_writer(m, wakes);
    else
        given = admit_writer(m, wakes) || admit_readers(m, wakes);
    if (!given)
        wr_add(&m->state_, own);
    note_waiters(m);
    return given;
}

/* The last one out of its side hands over. False: nobody waits any more, and
 * it is to leave by the short way, so that this is its last touch of m. */
static WR_NOINLINE bool hand_over(weir_rwmutex *m, uint32_t own)
{
    struct wr_wakes wakes = {0};
    wr_lock(wr_queue_lock(&m->queue_));
    bool given =
        last_with_waiters(wr_load(&m->state_), own) && give(m, own, &wakes);
    wr_unlock(wr_queue_lock(&m->queue_));
    wr_wake(&wakes);
    return given;
}

static inline int leave(weir_rwmutex *m, uint32_t own)
{
    uint32_t s = wr_load_rlx(&m->state_);
    for (;;) {
        if (own == WRITER ? !(s & WRITER) : s < READER)
            return WR_MISUSE("a lock that is not held");
        if (last_with_waiters(s, own)) {
            if (hand_over(m, own))
                return 0;
            s = wr_load_rlx(&m->state_);
        } else if (wr_cas(&m->state_, &s, s - own)) {
            return 0;
        }
    }
}

int weir_rwmutex_unlock(weir_rwmutex *m)
{
    return m ? leave(m, WRITER) : WR_MISUSE("no mutex");
}

int weir_rwmutex_runlock(weir_rwmutex *m)
{
    return m ? leave(m, READER) : WR_MISUSE("no mutex");
}
