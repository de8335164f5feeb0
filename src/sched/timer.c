/* SPDX-License-Identifier: MIT */
/*
 * Owns the wheels. A wheel has LEVELS rings of SLOTS lists; a tick is 1,024
 * ns. A timer lies in the level of the highest group of bits in which its
 * tick differs from the wheel's, at that group's value:
 *
 *   when  ....|..5..|.....     first group to differ: level 1, slot 5
 *   tick  ....|..2..|.....
 *
 * Invariants, under the wheel's lock
 *   1. A linked timer's tick is later than the wheel's.
 *   2. In each level the timers lie in slots after the wheel's own, so the
 *      lowest level that has any holds the earliest.
 *   3. bits[l] has bit s set exactly when slots[l][s] is not empty.
 *   4. next is at most the instant of the earliest timer.
   5. A timer's wheel is chosen at its first setting and stays.
 */
#include "sched/timer.h"

#include <weir/time.h>
#include "port/clock.h"
#include "port/thread.h"
#include "sched/state.h"

enum {
    WHEELS = 8,
    LEVELS = 9,
    SLOT_BITS = 6,
    SLOTS = 1 << SLOT_BITS,
    TICK_BITS = 10
};

enum { DUE = LEVELS }; /* the level that holds the due calls, in slot 0 */

/* What a timer is doing; the LINKED ones say what firing means. */
enum { IDLE, LINKED_CALL, LINKED_WAIT };

/* A callback that runs right now, on its caller's stack. */
struct running {
    struct running *next;
    struct weir_timer_ *timer;
    const void *who; /* its thread, by the address of a thread-local        */
};

struct slot {
    struct weir_timer_ *first, *last;
};

struct wheel {
    WR_ALIGNED uint32_t lock;
    uint32_t index;
    int64_t tick;
    int64_t next; /* an instant; a glance without the lock */
    uint64_t count;
    uint64_t bits[LEVELS + 1];
    struct running *running;
    struct wr_queue enders; /* who waits for a callback to end */
    struct slot slots[LEVELS + 1][SLOTS];
};

static struct wheel wheels[WHEELS];

static int64_t tick_of(int64_t when)
{
    int64_t round_up = (1 << TICK_BITS) - 1;
    if (when > INT64_MAX - round_up)
        when = INT64_MAX - round_up;
    return (when + round_up) >> TICK_BITS;
}

static struct wheel *my_wheel(void)
{
    struct wr_worker *w = wr_worker_self();
    return &wheels[w ? (unsigned)w->index % WHEELS : 0];
}

/* ---- lists --------------------------------------------------------------- */

static void append(struct wheel *w, struct weir_timer_ *t, int level,
                   unsigned s)
{
    struct slot *slot = &w->slots[level][s];
    t->slot_ = (uint32_t)level << SLOT_BITS | s;
    t->next_ = NULL;
    t->prev_ = slot->last;
    if (slot->last)
        slot->last->next_ = t;
    else
        slot->first = t;
    slot->last = t;
    w->bits[level] |= UINT64_C(1) << s;
}

static void link_timer(struct wheel *w, struct weir_timer_ *t, int64_t tick)
{
    if (tick <= w->tick)
        tick = w->tick + 1;
    int bit = 63 - __builtin_clzll((uint64_t)(tick ^ w->tick));
    int level = bit / SLOT_BITS;
    append(w, t, level, (unsigned)(tick >> (level * SLOT_BITS)) & (SLOTS - 1));
}

static void unlink_timer(struct wheel *w, struct weir_timer_ *t)
{
    unsigned level = t->slot_ >> SLOT_BITS, s = t->slot_ & (SLOTS - 1);
    struct slot *slot = &w->slots[level][s];
    if (t->prev_)
        t->prev_->next_ = t->next_;
    else
        slot->first = t->next_;
    if (t->next_)
        t->next_->prev_ = t->prev_;
    else
        slot->last = t->prev_;
    if (!slot->first)
        w->bits[level] &= ~(UINT64_C(1) << s);
}

/* ---- setting and cancelling ---------------------------------------------- */

/* Somebody sleeps past the new earliest timer: it must look again. */
static void wake_sleeper(int64_t when)
{
    int64_t until = wr_load(&wr_rt.poller_until);
    while (when < until)
        if (wr_cas(&wr_rt.poller_until, &until, when)) {
            wr_poller_kick(&wr_poller);
            return;
        }
}

/* An empty wheel catches up for nothing; a coarse clock will do. */
static void catch_up(struct wheel *w)
{
    struct wr_worker *self = wr_worker_self();
    int64_t tick = self ? self->now >> TICK_BITS : 0;
    if (w->count == 0 && w->tick < tick)
        w->tick = tick;
}

/* Links t, under the lock. True: the earliest instant has moved up. */
static bool insert(struct wheel *w, struct weir_timer_ *t, int64_t when,
                   uint32_t kind)
{
    catch_up(w);
    w->count++;
    t->state_ = kind;
    t->when_ = when;
    link_timer(w, t, tick_of(when));
    if (when >= wr_load_rlx(&w->next))
        return false;
    wr_store(&w->next, when);
    return true;
}

static void detach(struct wheel *w, struct weir_timer_ *t)
{
    unlink_timer(w, t);
    w->count--;
    t->state_ = IDLE;
}

static void wheels_open(void) __attribute__((constructor));
static void wheels_open(void)
{
    for (int i = 0; i < WHEELS; i++)
        wheels[i].next = WEIR_FOREVER;
}

/* The wheel of t, locked; the first to ask chooses it. */
static struct wheel *lock_home(struct weir_timer_ *t)
{
    void *home = wr_load_acq(&t->wheel_);
    if (!home) {
        struct wheel *mine = my_wheel();
        if (wr_cas(&t->wheel_, &home, (void *)mine))
            home = mine;
    }
    struct wheel *w = home;
    wr_lock(&w->lock);
    return w;
}

bool wr_timer_set(struct weir_timer_ *t, int64_t when,
                  void (*fire)(struct weir_timer_ *))
{
    struct wheel *w = lock_home(t);
    bool was = t->state_ != IDLE;
    if (was)
        detach(w, t);
    t->fire_ = fire;
    bool earlier = insert(w, t, when, LINKED_CALL);
    wr_unlock(&w->lock);
    if (earlier)
        wake_sleeper(when);
    return was;
}

/* What runs a callback: the thread; tasks do not, and must not ask which one
 * it is either, for they go on on another after a wait. */
static __thread char here;

static const void *runner_self(void)
{
    return wr_task_self() ? NULL : &here;
}

/* In the child of a fork nothing runs elsewhere. */
static bool runs_elsewhere(const struct wheel *w, const struct weir_timer_ *t)
{
    if (wr_forked())
        return false;
    for (const struct running *r = w->running; r; r = r->next)
        if (r->timer == t && r->who != runner_self())
            return true;
    return false;
}

/* A thread that has nothing to sleep on: a look now and then, for a callback
 * that must not wait itself. */
static void let_it_run(struct wheel *w)
{
    wr_unlock(&w->lock);
    wr_thread_yield();
    wr_lock(&w->lock);
}

/* Sleeps until some callback has returned. The lock is free meanwhile. */
static void await_an_end(struct wheel *w, struct weir_timer_ *t)
{
    struct wr_waiter me;
    struct wr_node n;
    if (wr_can_wait() != 0) {
        let_it_run(w);
        return;
    }
    wr_waiter_init(&me);
    wr_node_init(&n, &me, &w->enders, &w->lock, 0, NULL);
    wr_queue_push(&n);
    wr_unlock(&w->lock);
    wr_node_leave(&n, wr_park(&me, WR_ON_TIMER, t));
    wr_lock(&w->lock);
}

bool wr_timer_cancel(struct weir_timer_ *t)
{
    bool was = false;
    if (!wr_load_acq(&t->wheel_))
        return false;
    struct wheel *w = lock_home(t);
    for (;;) {
        /* A callback that runs may have set its timer again. */
        if (t->state_ != IDLE) {
            detach(w, t);
            was = true;
        }
        if (wr_likely(!runs_elsewhere(w, t)))
            break;
        await_an_end(w, t);
    }
    wr_unlock(&w->lock);
    return was;
}

void wr_deadline_set(struct wr_deadline *d, struct wr_waiter *w, uint32_t index,
                     int64_t when)
{
    d->timer = (struct weir_timer_){0};
    d->waiter = w;
    d->index = index;
    struct wheel *home = lock_home(&d->timer);
    bool earlier = insert(home, &d->timer, when, LINKED_WAIT);
    wr_unlock(&home->lock);
    if (earlier)
        wake_sleeper(when);
}

void wr_deadline_leave(struct wr_deadline *d, uint32_t winner)
{
    if (d->index == winner)
        return;
    struct wheel *w = lock_home(&d->timer);
    if (d->timer.state_ != IDLE)
        detach(w, &d->timer);
    wr_unlock(&w->lock);
}

/* ---- firing -------------------------------------------------------------- */

/* The tick at which the earliest slot begins; false: the wheel is empty. */
static bool earliest(const struct wheel *w, int64_t *tick)
{
    for (int l = 0; l < LEVELS; l++) {
        if (!w->bits[l])
            continue;
        int shift = l * SLOT_BITS;
        int64_t s = __builtin_ctzll(w->bits[l]);
        int64_t above = (w->tick >> shift >> SLOT_BITS) << SLOT_BITS;
        *tick = (above | s) << shift;
        return true;
    }
    return false;
}

/* A due timer: a waiter is won here and now, a call gets in line. */
static void fire(struct wheel *w, struct weir_timer_ *t, struct wr_wakes *wakes)
{
    if (t->state_ == LINKED_CALL) {
        append(w, t, DUE, 0);
        return;
    }
    struct wr_deadline *d = (struct wr_deadline *)(void *)t;
    w->count--;
    t->state_ = IDLE;
    wr_win(d->waiter, d->index, wakes);
}

/* Moves the wheel to the tick; what lies in the slot that begins there fires
 * or falls to a lower level. */
static void open_slot(struct wheel *w, int64_t tick, struct wr_wakes *wakes)
{
    int l = 0;
    while (!w->bits[l])
        l++;
    int s = __builtin_ctzll(w->bits[l]);
    struct weir_timer_ *t = w->slots[l][s].first;
    w->slots[l][s] = (struct slot){NULL, NULL};
    w->bits[l] &= ~(UINT64_C(1) << s);
    w->tick = tick;
    while (t) {
        struct weir_timer_ *next = t->next_;
        if (tick_of(t->when_) <= tick)
            fire(w, t, wakes);
        else
            link_timer(w, t, tick_of(t->when_));
        t = next;
    }
}

static void running_remove(struct wheel *w, const struct running *r)
{
    struct running **at = &w->running;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
}

/* Calls what is due, each outside the lock, which is held around. */
static void call_due(struct wheel *w)
{
    struct weir_timer_ *t;
    while ((t = w->slots[DUE][0].first) != NULL) {
        struct running me = {w->running, t, &here};
        struct wr_wakes wakes = {0};
        void (*fn)(struct weir_timer_ *) = t->fire_;
        w->running = &me;
        detach(w, t);
        wr_unlock(&w->lock);
        fn(t);
        wr_lock(&w->lock);
        running_remove(w, &me);
        wr_queue_pop_all(&w->enders, 0, &wakes);
        if (wakes.head) {
            wr_unlock(&w->lock);
            wr_wake(&wakes);
            wr_lock(&w->lock);
        }
    }
}

/* Waits that are due end; calls get in line, and stay due unless the caller
 * makes them. */
static void turn_wheel(struct wheel *w, int64_t now, bool calls)
{
    struct wr_wakes wakes = {0};
    int64_t tick, last = now >> TICK_BITS, next = WEIR_FOREVER;
    wr_lock(&w->lock);
    while (earliest(w, &tick) && tick <= last)
        open_slot(w, tick, &wakes);
    if (w->tick < last)
        w->tick = last;
    if (!calls && w->bits[DUE])
        next = last << TICK_BITS;
    else if (earliest(w, &tick))
        next = tick << TICK_BITS;
    wr_store(&w->next, next);
    wr_unlock(&w->lock);
    wr_wake(&wakes);
}

static void run_wheel(struct wheel *w, int64_t now)
{
    turn_wheel(w, now, true);
    wr_lock(&w->lock);
    call_due(w);
    wr_unlock(&w->lock);
}

void wr_timers_run(int64_t now)
{
    for (int i = 0; i < WHEELS; i++)
        if (wr_load_rlx(&wheels[i].next) <= now)
            run_wheel(&wheels[i], now);
}

void wr_timers_end_waits(int64_t now)
{
    for (int i = 0; i < WHEELS; i++)
        if (wr_load_rlx(&wheels[i].next) <= now)
            turn_wheel(&wheels[i], now, false);
}

int64_t wr_timers_next(void)
{
    int64_t next = WEIR_FOREVER;
    for (int i = 0; i < WHEELS; i++) {
        int64_t n = wr_load(&wheels[i].next);
        if (n < next)
            next = n;
    }
    return next;
}

bool wr_timers_pending(void)
{
    bool any = false;
    for (int i = 0; i < WHEELS; i++) {
        wr_lock(&wheels[i].lock);
        any = any || wheels[i].count > 0 || wheels[i].running;
        wr_unlock(&wheels[i].lock);
    }
    return any;
}

int64_t weir_now(void)
{
    return wr_clock();
}
