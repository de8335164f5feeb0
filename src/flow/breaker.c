/* SPDX-License-Identifier: MIT */
/*
 * The circuit breaker: a small state machine under a mutex, which is never
 * held while a function of the caller's runs.
 *
 * Eras. Each change of state begins a new one; a pass is the era in which its
 * call began. A report from another era changes nothing but the count of late
 * ones: a slow failure of before cannot open what has just recovered, and a
 * probe's place is its era's.
 *
 * The window is a ring of WEIR_BREAKER_SLOTS_ counts, each for a tenth of it.
 * slot_ is the number, since the clock's zero, of the tenth in which somebody
 * last looked; what lies a window or more behind it has been cleared.
 *
 * Invariants, whenever the mutex is free
 *   CLOSED     in_a_row_ < failures
 *   HALF_OPEN  passed_ < probes;  flying_ + passed_ <= probes
 *   flying_ is the number of this era's calls without a report
 */
#include <weir/breaker.h>
#include <weir/time.h>

#include <string.h>

#include "base/misuse.h"

enum { SLOTS = WEIR_BREAKER_SLOTS_ };

/* A change to tell of once the mutex is free. */
struct change {
    bool made;
    enum weir_breaker_state from, to;
};

const char *weir_breaker_state_name(enum weir_breaker_state s)
{
    switch (s) {
    case WEIR_BREAKER_CLOSED:
        return "closed";
    case WEIR_BREAKER_OPEN:
        return "open";
    case WEIR_BREAKER_HALF_OPEN:
        return "half-open";
    }
    return "?";
}

/* ---- under the lock ------------------------------------------------------ */

static void forget_window(weir_breaker *b)
{
    memset(b->calls_, 0, sizeof(b->calls_));
    memset(b->failed_, 0, sizeof(b->failed_));
}

static struct change go_to(weir_breaker *b, enum weir_breaker_state to)
{
    struct change change = {true, b->counts_.state, to};
    b->counts_.state = to;
    b->era_++;
    b->in_a_row_ = b->passed_ = 0;
    b->flying_ = 0;
    if (to == WEIR_BREAKER_OPEN) {
        b->opened_at_ = b->opts_.now();
        b->counts_.opened++;
    } else if (to == WEIR_BREAKER_CLOSED) {
        forget_window(b);
    }
    return change;
}

/* The slot of this instant, with those between the last one and it cleared. */
static size_t slot_now(weir_breaker *b)
{
    const int64_t slot = b->opts_.now() / (b->opts_.window / SLOTS);
    if (slot > b->slot_) {
        const uint64_t passed = (uint64_t)slot - (uint64_t)b->slot_;
        if (passed >= SLOTS)
            forget_window(b);
        else
            for (int64_t s = b->slot_ + 1; s <= slot; s++) {
                const size_t i = (uint64_t)s % SLOTS;
                b->calls_[i] = b->failed_[i] = 0;
            }
        b->slot_ = slot;
    }
    return (uint64_t)b->slot_ % SLOTS;
}

static bool too_large_a_share(const weir_breaker *b)
{
    uint64_t calls = 0, failed = 0;
    for (int i = 0; i < SLOTS; i++) {
        calls += b->calls_[i];
        failed += b->failed_[i];
    }
    return b->opts_.percent && calls >= (uint64_t)b->opts_.min_calls &&
           failed * 100 >= calls * (uint64_t)b->opts_.percent;
}

static struct change count_closed(weir_breaker *b, bool failed)
{
    const size_t slot = slot_now(b);
    b->calls_[slot]++;
    b->failed_[slot] += failed;
    b->in_a_row_ = failed ? b->in_a_row_ + 1 : 0;
    if (failed && (b->in_a_row_ >= b->opts_.failures || too_large_a_share(b)))
        return go_to(b, WEIR_BREAKER_OPEN);
    return (struct change){0};
}

static struct change count_probe(weir_breaker *b, bool failed)
{
    if (failed)
        return go_to(b, WEIR_BREAKER_OPEN);
    if (++b->passed_ == b->opts_.probes)
        return go_to(b, WEIR_BREAKER_CLOSED);
    return (struct change){0};
}

static bool open_is_over(const weir_breaker *b)
{
    const int64_t now = b->opts_.now();
    return now > b->opened_at_ && (uint64_t)now - (uint64_t)b->opened_at_ >=
                                      (uint64_t)b->opts_.open_for;
}

/* 0, or why not. */
static int admit(weir_breaker *b, struct change *change)
{
    if (b->counts_.state == WEIR_BREAKER_OPEN) {
        if (!open_is_over(b))
            return WEIR_LIMIT;
        *change = go_to(b, WEIR_BREAKER_HALF_OPEN);
    }
    /* No more than can still be of use. */
    if (b->counts_.state == WEIR_BREAKER_HALF_OPEN &&
        b->flying_ + (uint64_t)b->passed_ == (uint64_t)b->opts_.probes)
        return WEIR_BUSY;
    b->flying_++;
    return 0;
}

/* ---- the calls ----------------------------------------------------------- */

static void tell(weir_breaker *b, struct change change)
{
    if (change.made && b->opts_.on_change)
        b->opts_.on_change(b, change.from, change.to, b->opts_.arg);
}

static bool in_range(const weir_breaker_opts *o)
{
    return o->failures >= 0 && o->percent >= 0 && o->percent <= 100 &&
           (o->window == 0 || o->window >= SLOTS) && o->min_calls >= 0 &&
           o->open_for >= 0 && o->probes >= 0;
}

int weir_breaker_init(weir_breaker *b, const weir_breaker_opts *o)
{
    if (!b || (o && !in_range(o)))
        return WR_MISUSE("no breaker, or a number out of range");
    *b = (weir_breaker){0};
    weir_breaker_opts *set = &b->opts_;
    if (o)
        *set = *o;
    set->failures = set->failures ? set->failures : 5;
    set->window = set->window ? set->window : 10 * WEIR_SECOND;
    set->min_calls = set->min_calls ? set->min_calls : 20;
    set->open_for = set->open_for ? set->open_for : 5 * WEIR_SECOND;
    set->probes = set->probes ? set->probes : 1;
    set->now = set->now ? set->now : weir_now;
    b->slot_ = INT64_MIN;
    return 0;
}

int weir_breaker_allow(weir_breaker *b, uint64_t *pass)
{
    struct change change = {0};
    if (!b || !pass)
        return WR_MISUSE("no breaker, or no pass");
    int err = weir_mutex_lock(&b->lock_, NULL);
    if (err)
        return err;
    err = admit(b, &change);
    if (err)
        b->counts_.refused++;
    else
        b->counts_.allowed++;
    *pass = b->era_;
    weir_mutex_unlock(&b->lock_);
    tell(b, change);
    return err;
}

enum report { SUCCESS, FAILURE, FORGET };

static struct change count(weir_breaker *b, enum report report)
{
    const bool half = b->counts_.state == WEIR_BREAKER_HALF_OPEN;
    b->flying_--;
    if (report == FORGET) {
        b->counts_.forgotten++;
        return (struct change){0};
    }
    if (report == FAILURE)
        b->counts_.failures++;
    else
        b->counts_.successes++;
    return half ? count_probe(b, report == FAILURE)
                : count_closed(b, report == FAILURE);
}

static int report_as(weir_breaker *b, uint64_t pass, enum report report)
{
    struct change change = {0};
    int err = weir_mutex_lock(&b->lock_, NULL);
    if (err)
        return err;
    const bool refused = pass > b->era_ || (pass == b->era_ && !b->flying_);
    if (pass < b->era_)
        b->counts_.late++;
    else if (!refused)
        change = count(b, report);
    weir_mutex_unlock(&b->lock_);
    tell(b, change);
    return refused ? WR_MISUSE("a report without a call") : 0;
}

int weir_breaker_success(weir_breaker *b, uint64_t pass)
{
    return b ? report_as(b, pass, SUCCESS) : WR_MISUSE("no breaker");
}

int weir_breaker_failure(weir_breaker *b, uint64_t pass)
{
    return b ? report_as(b, pass, FAILURE) : WR_MISUSE("no breaker");
}

int weir_breaker_forget(weir_breaker *b, uint64_t pass)
{
    return b ? report_as(b, pass, FORGET) : WR_MISUSE("no breaker");
}

static enum report judge(const weir_breaker *b, int result)
{
    if (b->opts_.is_failure)
        return b->opts_.is_failure(result, b->opts_.arg) ? FAILURE : SUCCESS;
    return result == WEIR_CANCELED ? FORGET : result < 0 ? FAILURE : SUCCESS;
}

int weir_breaker_call(weir_breaker *b, int (*fn)(void *), void *arg)
{
    uint64_t pass;
    if (!b || !fn)
        return WR_MISUSE("no breaker, or no function");
    int err = weir_breaker_allow(b, &pass);
    if (err)
        return err;
    const int result = fn(arg);
    report_as(b, pass, judge(b, result));
    return result;
}

enum weir_breaker_state weir_breaker_state(weir_breaker *b)
{
    weir_breaker_counts counts = {0};
    if (b)
        weir_breaker_get_counts(b, &counts);
    return counts.state;
}

int weir_breaker_get_counts(weir_breaker *b, weir_breaker_counts *out)
{
    if (!b || !out)
        return WR_MISUSE("no breaker, or no place for its counts");
    int err = weir_mutex_lock(&b->lock_, NULL);
    if (err)
        return err;
    *out = b->counts_;
    weir_mutex_unlock(&b->lock_);
    return 0;
}
