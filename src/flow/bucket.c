/* SPDX-License-Identifier: MIT */
/*
 * The token bucket: a count that is brought up to date when somebody looks,
 * and a queue of those who must wait, all under one mutex.
 *
 * Time. tokens_ + part_ / per_ is what the bucket holds at the instant seen_.
 * Nanoseconds times rate is added to part_ in 128 bits and whole periods
 * carried over: no rounding is ever accumulated, no product overflows.
 *
 * Waiters queue (flow/turn.h). Only the first looks at the clock; it leaves
 * with its tokens or without, and then the next one looks.
 *
 * Reservations are taken from tokens_ at once, also below 0. A waiter who
 * came before one must not feel it: it notes reserved_, the sum of all that is
 * reserved, when it comes, and counts what was reserved since as still there.
 * One that is cancelled is taken from reserved_ and from the notes of those
 * behind it (order tells who), so that they alone profit. It gives back what
 * has not been promised again behind it: two promises must not fall due at
 * once. promised_ is the sum of the promises, from which a cancelled one is
 * struck if it is the last.
 *
 * Invariants, whenever the mutex is free
 *   1. -2 MAX <= tokens_ <= burst_ <= MAX;  0 <= part_ < per_;  part_ is 0 when
 *      the bucket is full
 *   2. wanted_ is the sum of what the queue wants, <= MAX
 *   3. a first waiter either waits with a deadline, or without one while the
 *      rate is 0, or is on its way to look again
 */
#include <weir/bucket.h>
#include <weir/time.h>

#include "base/misuse.h"
#include "flow/turn.h"

#define MAX WEIR_BUCKET_MAX

typedef int wide __attribute__((mode(TI))); /* 128 bits */
typedef unsigned uwide __attribute__((mode(TI)));

static inline uwide widen(int64_t n)
{
    return (uint64_t)n;
}

struct wait {
    struct weir_turn_ turn;
    uint64_t reserved; /* the bucket's reserved_ when it came               */
    uint64_t order;    /* of waiters and reservations                       */
};

static struct wait *wait_of(struct weir_turn_ *t)
{
    return (struct wait *)(void *)t;
}

/* ---- time and tokens, under the lock ------------------------------------- */

static void add(weir_bucket *b, uwide n)
{
    const uint64_t room = (uint64_t)b->burst_ - (uint64_t)b->tokens_;
    if (n < room) {
        b->tokens_ += (int64_t)n;
    } else {
        b->tokens_ = b->burst_;
        b->part_ = 0;
    }
}

static void refill(weir_bucket *b)
{
    const int64_t now = b->now_();
    if (now > b->seen_) {
        const uint64_t ns = (uint64_t)now - (uint64_t)b->seen_;
        const uwide parts = (uwide)ns * widen(b->rate_) + widen(b->part_);
        b->seen_ = now;
        b->part_ = (int64_t)(parts % widen(b->per_));
        add(b, parts / widen(b->per_));
    }
}

/* How long from seen_ until there are n more than there are, of which have
 * are there: the exact time, rounded up to a nanosecond. */
static int64_t time_until(const weir_bucket *b, wide n, wide have)
{
    if (n <= have)
        return 0;
    if (b->rate_ == 0)
        return WEIR_FOREVER;
    const uwide parts = (uwide)(n - have) * widen(b->per_) - widen(b->part_);
    const uwide ns = (parts + widen(b->rate_) - 1) / widen(b->rate_);
    return ns < widen(WEIR_FOREVER) ? (int64_t)ns : WEIR_FOREVER;
}

static int64_t later(int64_t at, int64_t ns)
{
    int64_t sum;
    return __builtin_add_overflow(at, ns, &sum) ? WEIR_FOREVER : sum;
}

/* What a waiter may take, were it the first. */
static wide in_view(const weir_bucket *b, const struct wait *w)
{
    return (wide)b->tokens_ + (wide)(b->reserved_ - w->reserved);
}

/* ---- the queue, under the lock ------------------------------------------- */

/* Waits at most ns (the first) or until something changes: 0, or why not to
 * wait on. */
static int stay(weir_bucket *b, struct wait *w, int64_t ns, weir_ctx *ctx)
{
    if (ns == WEIR_FOREVER)
        return weir_cond_wait(&w->turn.cond, &b->lock_, ctx);
    weir_ctx due;
    int err = weir_ctx_init_timeout(&due, ctx, ns);
    if (err)
        return err;
    err = weir_cond_wait(&w->turn.cond, &b->lock_, &due);
    weir_ctx_fini(&due);
    return err == WEIR_TIMEDOUT || err == WEIR_CANCELED ? weir_ctx_err(ctx)
                                                        : err;
}

/* One look: 0 when the tokens are there; else how long to wait. */
static int64_t look(weir_bucket *b, const struct wait *w)
{
    if (b->first_ != &w->turn)
        return WEIR_FOREVER;
    refill(b);
    return time_until(b, w->turn.n, in_view(b, w));
}

static int wait_turn(weir_bucket *b, int64_t n, weir_ctx *ctx)
{
    struct wait w = {{.n = n}, b->reserved_, b->order_++};
    int64_t ns;
    int err = 0;
    if (b->wanted_ > MAX - n)
        return WEIR_LIMIT;
    b->wanted_ += n;
    wr_turn_join(&b->first_, &b->last_, &w.turn);
    while ((ns = look(b, &w)) > 0 && !err)
        err = stay(b, &w, ns, ctx);
    if (ns == 0)
        b->tokens_ -= n;
    b->wanted_ -= n;
    wr_turn_leave(&b->first_, &b->last_, &w.turn);
    return ns == 0 ? 0 : err;
}

/* ---- the calls ----------------------------------------------------------- */

int weir_bucket_init(weir_bucket *b, const weir_bucket_opts *o)
{
    if (!b || !o || o->rate < 0 || o->per < 0 || o->burst < 0)
        return WR_MISUSE("no bucket or options, or a negative number");
    const int64_t burst = o->burst ? o->burst : o->rate ? o->rate : 1;
    if (burst > MAX)
        return WR_MISUSE("a burst beyond WEIR_BUCKET_MAX");
    *b = (weir_bucket){
        .now_ = o->now ? o->now : weir_now,
        .rate_ = o->rate,
        .per_ = o->per ? o->per : WEIR_SECOND,
        .burst_ = burst,
        .tokens_ = o->empty ? 0 : burst,
    };
    b->seen_ = b->now_();
    return 0;
}

/* Locks b for a call that asks for n. */
static int enter(weir_bucket *b, int64_t n)
{
    return n > b->burst_ ? WEIR_LIMIT : weir_mutex_lock(&b->lock_, NULL);
}

static int take(weir_bucket *b, int64_t n)
{
    if (b->first_)
        return WEIR_EMPTY;
    refill(b);
    if (n > b->tokens_)
        return WEIR_EMPTY;
    b->tokens_ -= n;
    return 0;
}

int weir_bucket_wait(weir_bucket *b, int64_t n, weir_ctx *ctx)
{
    if (!b || n < 0)
        return WR_MISUSE("no bucket, or a negative count");
    int err = enter(b, n);
    if (err)
        return err;
    err = n ? take(b, n) : 0;
    if (err)
        err = wait_turn(b, n, ctx);
    weir_mutex_unlock(&b->lock_);
    return err;
}

int weir_bucket_allow(weir_bucket *b, int64_t n)
{
    if (!b || n < 0)
        return WR_MISUSE("no bucket, or a negative count");
    int err = enter(b, n);
    if (err)
        return err;
    err = n ? take(b, n) : 0;
    weir_mutex_unlock(&b->lock_);
    return err;
}

static int promise(weir_bucket *b, int64_t n, weir_bucket_reservation *r)
{
    refill(b);
    if (b->tokens_ < n - MAX)
        return WEIR_LIMIT;
    r->delay = n ? time_until(b, (wide)b->wanted_ + n, b->tokens_) : 0;
    r->due = later(b->seen_, r->delay);
    b->tokens_ -= n;
    b->reserved_ += (uint64_t)n;
    r->n_ = n;
    r->order_ = b->order_++;
    r->promised_ = b->promised_ += (uint64_t)n;
    return 0;
}

int weir_bucket_reserve(weir_bucket *b, int64_t n, weir_bucket_reservation *r)
{
    if (!b || n < 0 || !r)
        return WR_MISUSE("no bucket or reservation, or a negative count");
    int err = enter(b, n);
    if (err)
        return err;
    err = promise(b, n, r);
    weir_mutex_unlock(&b->lock_);
    return err;
}

/* What of r was not promised again, it gives back to those behind it. */
static int64_t undo(weir_bucket *b, const weir_bucket_reservation *r)
{
    refill(b);
    const uint64_t behind = b->promised_ - r->promised_;
    if (b->seen_ >= r->due || behind >= (uint64_t)r->n_)
        return 0;
    if (behind == 0)
        b->promised_ -= (uint64_t)r->n_;
    const int64_t n = r->n_ - (int64_t)behind;
    add(b, widen(n));
    b->reserved_ -= (uint64_t)n;
    for (struct weir_turn_ *t = b->last_; t; t = t->prev) {
        if (wait_of(t)->order < r->order_)
            break;
        wait_of(t)->reserved -= (uint64_t)n;
    }
    wr_turn_signal(b->first_);
    return n;
}

int64_t weir_bucket_cancel(weir_bucket *b, weir_bucket_reservation *r)
{
    if (!b || !r)
        return WR_MISUSE("no bucket or reservation");
    int err = enter(b, 0);
    if (err)
        return err;
    const int64_t n = undo(b, r);
    r->n_ = 0;
    weir_mutex_unlock(&b->lock_);
    return n;
}

int weir_bucket_set_rate(weir_bucket *b, int64_t rate, int64_t per)
{
    if (!b || rate < 0 || per < 0)
        return WR_MISUSE("no bucket, or a negative rate or period");
    int err = enter(b, 0);
    if (err)
        return err;
    refill(b);
    const int64_t was = b->per_;
    b->rate_ = rate;
    b->per_ = per ? per : WEIR_SECOND;
    b->part_ = (int64_t)(widen(b->part_) * widen(b->per_) / widen(was));
    wr_turn_signal(b->first_);
    weir_mutex_unlock(&b->lock_);
    return 0;
}

int64_t weir_bucket_tokens(weir_bucket *b)
{
    if (!b || weir_mutex_lock(&b->lock_, NULL))
        return 0;
    refill(b);
    const int64_t n = b->tokens_;
    weir_mutex_unlock(&b->lock_);
    return n;
}
