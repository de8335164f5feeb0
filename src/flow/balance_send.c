/* SPDX-License-Identifier: MIT */
/*
 * Sending by a balance. First without waiting: to the chosen target, and if
 * that has no room, in turn and by load, to the others. Then by a select over
 * all that may get it and the set's own end.
 */
#include <weir/select.h>

#include "base/mem.h"
#include "base/misuse.h"
#include "flow/balance.h"

enum { INLINE_CASES = 16 };

/* ---- the choice ---------------------------------------------------------- */

enum { NONE = -1 };

/* Stafford's variant 13 of the finalizer of MurmurHash3. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* A bijection of the id for each key: no two targets score alike. */
static uint64_t score(uint64_t key, uint64_t id)
{
    return mix(mix(key) + id * UINT64_C(0x9e3779b97f4a7c15));
}

ptrdiff_t wr_balance_by_key(const struct wr_targets *s, uint64_t key)
{
    ptrdiff_t best = NONE;
    uint64_t most = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (weir_chan_is_closed(s->t[i].c))
            continue;
        const uint64_t points = score(key, s->t[i].id);
        if (best == NONE || points > most) {
            best = (ptrdiff_t)i;
            most = points;
        }
    }
    return best;
}

/* Is a's part in use smaller than b's? */
static bool less_loaded(const weir_chan *a, const weir_chan *b)
{
    const uint64_t cap_a = weir_chan_cap(a), cap_b = weir_chan_cap(b);
    return weir_chan_len(a) * (cap_b ? cap_b : 1) <
           weir_chan_len(b) * (cap_a ? cap_a : 1);
}

static ptrdiff_t by_load(const struct wr_targets *s, size_t turn)
{
    ptrdiff_t best = NONE;
    for (size_t k = 0; k < s->n; k++) {
        const size_t i = (turn + k) % s->n;
        if (weir_chan_is_closed(s->t[i].c))
            continue;
        if (best == NONE || less_loaded(s->t[i].c, s->t[best].c))
            best = (ptrdiff_t)i;
    }
    return best;
}

/* The order in which the n targets are tried. */
struct order {
    enum weir_balance_by by;
    size_t turn;
    uint64_t key;
};

/* ---- sending ------------------------------------------------------------- */

/* Did this target neither take the element nor refuse it for good? */
static bool is_next(int err)
{
    return err == WEIR_FULL || err == WEIR_CLOSED;
}

/* 0; WEIR_CLOSED: none is open; WEIR_FULL: the open ones have no room. */
static int try_in_turn(const struct wr_targets *s, size_t turn,
                       const void *elem)
{
    int result = WEIR_CLOSED;
    for (size_t k = 0; k < s->n; k++) {
        int err = weir_chan_try_send(s->t[(turn + k) % s->n].c, elem);
        if (!is_next(err))
            return err;
        if (err == WEIR_FULL)
            result = err;
    }
    return result;
}

static int try_by_key(const struct wr_targets *s, uint64_t key,
                      const void *elem)
{
    ptrdiff_t i;
    while ((i = wr_balance_by_key(s, key)) != NONE) {
        int err = weir_chan_try_send(s->t[i].c, elem);
        if (err != WEIR_CLOSED)
            return err;
    }
    return WEIR_CLOSED;
}

static int try_set(const struct wr_targets *s, const struct order *o,
                   const void *elem)
{
    if (o->by == WEIR_BALANCE_BY_KEY)
        return try_by_key(s, o->key, elem);
    const ptrdiff_t best =
        o->by == WEIR_BALANCE_BY_LOAD ? by_load(s, o->turn) : NONE;
    int err = best == NONE ? WEIR_FULL : weir_chan_try_send(s->t[best].c, elem);
    return is_next(err) ? try_in_turn(s, o->turn, elem) : err;
}

/* The cases of those that may get the element: how many. */
static int list(const struct wr_targets *s, const struct order *o,
                const void *elem, weir_case *cases)
{
    int n = 0;
    const ptrdiff_t only =
        o->by == WEIR_BALANCE_BY_KEY ? wr_balance_by_key(s, o->key) : NONE;
    for (size_t i = 0; i < s->n; i++)
        if (only == NONE ? !weir_chan_is_closed(s->t[i].c)
                         : only == (ptrdiff_t)i)
            cases[n++] = WEIR_SEND(s->t[i].c, elem);
    return n;
}

/* 0, or why not; WEIR_CLOSED: the targets are to be looked at again. */
static int wait_on(struct wr_targets *s, const struct order *o,
                   const void *elem, weir_ctx *ctx, weir_case *cases)
{
    const int n = list(s, o, elem, cases);
    if (n == 0)
        return WEIR_CLOSED;
    cases[n] = WEIR_DONE(&s->replaced);
    const int i = weir_select(cases, n + 1, ctx);
    if (i < 0)
        return i;
    return i == n ? WEIR_CLOSED : cases[i].status;
}

static int wait_set(struct wr_targets *s, const struct order *o,
                    const void *elem, weir_ctx *ctx)
{
    weir_case few[INLINE_CASES];
    if (s->n < INLINE_CASES)
        return wait_on(s, o, elem, ctx, few);
    weir_case *cases = wr_alloc((s->n + 1) * sizeof(*cases));
    if (!cases)
        return WEIR_ENOMEM;
    int err = wait_on(s, o, elem, ctx, cases);
    wr_free(cases);
    return err;
}

static struct order order_of(weir_balance *b, const void *elem)
{
    const bool keyed = b->opts.by == WEIR_BALANCE_BY_KEY;
    return (struct order){b->opts.by, 0,
                          keyed ? b->opts.key(elem, b->opts.arg) : 0};
}

static bool can_send(const weir_balance *b, const void *elem)
{
    return b && (elem || b->opts.elem_size == 0);
}

int weir_balance_try_send(weir_balance *b, const void *elem)
{
    struct wr_targets *s;
    if (!can_send(b, elem))
        return WR_MISUSE("no balance, or no element");
    struct order o = order_of(b, elem);
    int err = wr_balance_hold(b, &s, &o.turn);
    if (err)
        return err;
    err = try_set(s, &o, elem);
    wr_balance_drop(b, s);
    return err;
}

int weir_balance_send(weir_balance *b, const void *elem, weir_ctx *ctx)
{
    struct wr_targets *s;
    if (!can_send(b, elem))
        return WR_MISUSE("no balance, or no element");
    struct order o = order_of(b, elem);
    bool again;
    int err;
    do {
        err = wr_balance_hold(b, &s, &o.turn);
        if (err)
            return err;
        err = try_set(s, &o, elem);
        again = err == WEIR_FULL;
        if (again) {
            err = wait_set(s, &o, elem, ctx);
            again = err == WEIR_CLOSED;
        }
        wr_balance_drop(b, s);
    } while (again);
    return err;
}
