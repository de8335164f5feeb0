/* SPDX-License-Identifier: MIT */
/*
 * The balance: an immutable set of targets behind a pointer. Who sends holds
 * the set it began with, and takes no lock while it chooses and sends. Who
 * changes the set puts a new one in its place and cancels the old one's
 * context, which is a case in every wait: those who wait begin anew.
 *
 * A set lives until the balance and the last sender have dropped it; each has
 * a reference of its own to every channel. `edit` is held by one who changes
 * the set, `lock` over the pointer, the turn and the counts of holders; no
 * channel is sent to or given back under either.
 */
#include <weir/balance.h>
#include <weir/mutex.h>
#include <weir/select.h>

#include "base/mem.h"
#include "base/misuse.h"

enum { INLINE_CASES = 16 };

struct target {
    weir_chan *c;
    uint64_t id;
};

struct set {
    size_t holders; /* under the balance's lock                             */
    weir_ctx replaced;
    size_t n;
    struct target t[];
};

struct weir_balance {
    weir_balance_opts opts;
    weir_mutex edit;
    weir_mutex lock;
    struct set *set;
    size_t turn; /* where to look first, modulo n                           */
};

/* ---- sets -------------------------------------------------------------------
 */

static struct set *new_set(size_t n)
{
    struct set *s = wr_alloc(sizeof(*s) + n * sizeof(s->t[0]));
    if (s) {
        weir_ctx_init(&s->replaced, NULL);
        s->holders = 1;
    }
    return s;
}

static void put_target(struct set *s, struct target t)
{
    weir_chan_ref(t.c);
    s->t[s->n++] = t;
}

static void free_set(struct set *s)
{
    for (size_t i = 0; i < s->n; i++)
        weir_chan_unref(s->t[i].c);
    weir_ctx_fini(&s->replaced);
    wr_free(s);
}

/* Each turn begins behind the one before, past what is closed. */
static size_t next_turn(weir_balance *b)
{
    const struct set *s = b->set;
    size_t at = s->n ? b->turn % s->n : 0;
    for (size_t i = 0; i < s->n && weir_chan_is_closed(s->t[at].c); i++)
        at = at + 1 < s->n ? at + 1 : 0;
    b->turn = at + 1;
    return at;
}

/* turn is NULL for one who only looks. */
static int hold(weir_balance *b, struct set **s, size_t *turn)
{
    int err = weir_mutex_lock(&b->lock, NULL);
    if (err)
        return err;
    *s = b->set;
    (*s)->holders++;
    if (turn)
        *turn = next_turn(b);
    weir_mutex_unlock(&b->lock);
    return 0;
}

static void drop(weir_balance *b, struct set *s)
{
    weir_mutex_lock(&b->lock, NULL);
    const bool last = --s->holders == 0;
    weir_mutex_unlock(&b->lock);
    if (last)
        free_set(s);
}

/* Under edit; returns the old set, to be dropped. */
static struct set *replace(weir_balance *b, struct set *s)
{
    weir_mutex_lock(&b->lock, NULL);
    struct set *old = b->set;
    b->set = s;
    weir_mutex_unlock(&b->lock);
    weir_ctx_cancel(&old->replaced, 0);
    return old;
}

/* ---- the choice
 * ---------------------------------------------------------------- */

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

static ptrdiff_t by_key(const struct set *s, uint64_t key)
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

static ptrdiff_t by_load(const struct set *s, size_t turn)
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

/* ---- sending
 * ---------------------------------------------------------------------- */

/* Did this target neither take the element nor refuse it for good? */
static bool is_next(int err)
{
    return err == WEIR_FULL || err == WEIR_CLOSED;
}

/* 0; WEIR_CLOSED: none is open; WEIR_FULL: the open ones have no room. */
static int try_in_turn(const struct set *s, size_t turn, const void *elem)
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

static int try_by_key(const struct set *s, uint64_t key, const void *elem)
{
    ptrdiff_t i;
    while ((i = by_key(s, key)) != NONE) {
        int err = weir_chan_try_send(s->t[i].c, elem);
        if (err != WEIR_CLOSED)
            return err;
    }
    return WEIR_CLOSED;
}

static int try_set(const struct set *s, const struct order *o, const void *elem)
{
    if (o->by == WEIR_BALANCE_BY_KEY)
        return try_by_key(s, o->key, elem);
    const ptrdiff_t best =
        o->by == WEIR_BALANCE_BY_LOAD ? by_load(s, o->turn) : NONE;
    int err = best == NONE ? WEIR_FULL : weir_chan_try_send(s->t[best].c, elem);
    return is_next(err) ? try_in_turn(s, o->turn, elem) : err;
}

/* The cases of those that may get the element: how many. */
static int list(const struct set *s, const struct order *o, const void *elem,
                weir_case *cases)
{
    int n = 0;
    const ptrdiff_t only =
        o->by == WEIR_BALANCE_BY_KEY ? by_key(s, o->key) : NONE;
    for (size_t i = 0; i < s->n; i++)
        if (only == NONE ? !weir_chan_is_closed(s->t[i].c)
                         : only == (ptrdiff_t)i)
            cases[n++] = WEIR_SEND(s->t[i].c, elem);
    return n;
}

/* 0, or why not; WEIR_CLOSED: the targets are to be looked at again. */
static int wait_on(struct set *s, const struct order *o, const void *elem,
                   weir_ctx *ctx, weir_case *cases)
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

static int wait_set(struct set *s, const struct order *o, const void *elem,
                    weir_ctx *ctx)
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
    struct set *s;
    if (!can_send(b, elem))
        return WR_MISUSE("no balance, or no element");
    struct order o = order_of(b, elem);
    int err = hold(b, &s, &o.turn);
    if (err)
        return err;
    err = try_set(s, &o, elem);
    drop(b, s);
    return err;
}

int weir_balance_send(weir_balance *b, const void *elem, weir_ctx *ctx)
{
    struct set *s;
    if (!can_send(b, elem))
        return WR_MISUSE("no balance, or no element");
    struct order o = order_of(b, elem);
    bool again;
    int err;
    do {
        err = hold(b, &s, &o.turn);
        if (err)
            return err;
        err = try_set(s, &o, elem);
        again = err == WEIR_FULL;
        if (again) {
            err = wait_set(s, &o, elem, ctx);
            again = err == WEIR_CLOSED;
        }
        drop(b, s);
    } while (again);
    return err;
}

/* ---- the targets
 * ----------------------------------------------------------------------- */

/* The index of an id, or n. */
static size_t find(const struct set *s, uint64_t id)
{
    size_t i = 0;
    while (i < s->n && s->t[i].id != id)
        i++;
    return i;
}

/* The set with one more, or without the one at `out`. */
static struct set *changed(const struct set *s, size_t out,
                           const struct target *in)
{
    struct set *next = new_set(s->n + 1);
    for (size_t i = 0; next && i < s->n; i++)
        if (i != out)
            put_target(next, s->t[i]);
    if (next && in)
        put_target(next, *in);
    return next;
}

static int edit(weir_balance *b, size_t out, const struct target *in)
{
    struct set *next = changed(b->set, out, in);
    struct set *old = next ? replace(b, next) : NULL;
    weir_mutex_unlock(&b->edit);
    if (!old)
        return WEIR_ENOMEM;
    drop(b, old);
    return 0;
}

int weir_balance_add(weir_balance *b, weir_chan *c, uint64_t id)
{
    if (!b || !c || id == 0 || weir_chan_elem_size(c) != b->opts.elem_size)
        return WR_MISUSE("no balance, a channel that does not fit, or no id");
    int err = weir_mutex_lock(&b->edit, NULL);
    if (err)
        return err;
    if (find(b->set, id) < b->set->n)
        err = WR_MISUSE("an id in use");
    else if (b->set->n == WEIR_BALANCE_MAX)
        err = WEIR_LIMIT;
    if (err) {
        weir_mutex_unlock(&b->edit);
        return err;
    }
    return edit(b, b->set->n, &(struct target){c, id});
}

int weir_balance_remove(weir_balance *b, uint64_t id)
{
    if (!b)
        return WR_MISUSE("no balance");
    int err = weir_mutex_lock(&b->edit, NULL);
    if (err)
        return err;
    const size_t i = find(b->set, id);
    if (i == b->set->n) {
        weir_mutex_unlock(&b->edit);
        return WR_MISUSE("an id that is not there");
    }
    return edit(b, i, NULL);
}

uint64_t weir_balance_target(weir_balance *b, uint64_t key)
{
    struct set *s;
    if (!b || hold(b, &s, NULL))
        return 0;
    const ptrdiff_t i = by_key(s, key);
    const uint64_t id = i == NONE ? 0 : s->t[i].id;
    drop(b, s);
    return id;
}

size_t weir_balance_count(weir_balance *b)
{
    struct set *s;
    size_t n = 0;
    if (!b || hold(b, &s, NULL))
        return 0;
    for (size_t i = 0; i < s->n; i++)
        n += !weir_chan_is_closed(s->t[i].c);
    drop(b, s);
    return n;
}

/* ---- made and freed
 * ------------------------------------------------------------------------ */

weir_balance *weir_balance_new(const weir_balance_opts *o)
{
    if (!o || o->by > WEIR_BALANCE_BY_KEY ||
        (o->by == WEIR_BALANCE_BY_KEY && !o->key)) {
        (void)WR_MISUSE("no options, an unknown way, or no key");
        return NULL;
    }
    weir_balance *b = wr_alloc(sizeof(*b));
    if (!b)
        return NULL;
    b->opts = *o;
    b->set = new_set(0);
    if (!b->set) {
        wr_free(b);
        return NULL;
    }
    return b;
}

void weir_balance_free(weir_balance *b)
{
    if (!b)
        return;
    free_set(b->set);
    wr_free(b);
}
