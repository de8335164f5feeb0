/* SPDX-License-Identifier: MIT */
/* The targets of a balance: sets made, held, replaced and freed. */
#include "flow/balance.h"

#include "base/mem.h"
#include "base/misuse.h"

/* ---- sets ---------------------------------------------------------------- */

static struct wr_targets *new_set(size_t n)
{
    struct wr_targets *s = wr_alloc(sizeof(*s) + n * sizeof(s->t[0]));
    if (s) {
        weir_ctx_init(&s->replaced, NULL);
        s->holders = 1;
    }
    return s;
}

static void put_target(struct wr_targets *s, struct wr_target t)
{
    weir_chan_ref(t.c);
    s->t[s->n++] = t;
}

static void free_set(struct wr_targets *s)
{
    for (size_t i = 0; i < s->n; i++)
        weir_chan_unref(s->t[i].c);
    weir_ctx_fini(&s->replaced);
    wr_free(s);
}

/* Each turn begins behind the one before, past what is closed. */
static size_t next_turn(weir_balance *b)
{
    const struct wr_targets *s = b->set;
    size_t at = s->n ? b->turn % s->n : 0;
    for (size_t i = 0; i < s->n && weir_chan_is_closed(s->t[at].c); i++)
        at = at + 1 < s->n ? at + 1 : 0;
    b->turn = at + 1;
    return at;
}

int wr_balance_hold(weir_balance *b, struct wr_targets **s, size_t *turn)
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

void wr_balance_drop(weir_balance *b, struct wr_targets *s)
{
    weir_mutex_lock(&b->lock, NULL);
    const bool last = --s->holders == 0;
    weir_mutex_unlock(&b->lock);
    if (last)
        free_set(s);
}

/* Under edit; returns the old set, to be dropped. */
static struct wr_targets *replace(weir_balance *b, struct wr_targets *s)
{
    weir_mutex_lock(&b->lock, NULL);
    struct wr_targets *old = b->set;
    b->set = s;
    weir_mutex_unlock(&b->lock);
    weir_ctx_cancel(&old->replaced, 0);
    return old;
}

/* ---- the targets --------------------------------------------------------- */

/* The index of an id, or n. */
static size_t find(const struct wr_targets *s, uint64_t id)
{
    size_t i = 0;
    while (i < s->n && s->t[i].id != id)
        i++;
    return i;
}

/* The set with one more, or without the one at `out`. */
static struct wr_targets *changed(const struct wr_targets *s, size_t out,
                                  const struct wr_target *in)
{
    struct wr_targets *next = new_set(s->n + 1);
    for (size_t i = 0; next && i < s->n; i++)
        if (i != out)
            put_target(next, s->t[i]);
    if (next && in)
        put_target(next, *in);
    return next;
}

static int edit(weir_balance *b, size_t out, const struct wr_target *in)
{
    struct wr_targets *next = changed(b->set, out, in);
    struct wr_targets *old = next ? replace(b, next) : NULL;
    weir_mutex_unlock(&b->edit);
    if (!old)
        return WEIR_ENOMEM;
    wr_balance_drop(b, old);
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
    return edit(b, b->set->n, &(struct wr_target){c, id});
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
    struct wr_targets *s;
    if (!b || wr_balance_hold(b, &s, NULL))
        return 0;
    const ptrdiff_t i = wr_balance_by_key(s, key);
    const uint64_t id = i < 0 ? 0 : s->t[i].id;
    wr_balance_drop(b, s);
    return id;
}

size_t weir_balance_count(weir_balance *b)
{
    struct wr_targets *s;
    size_t n = 0;
    if (!b || wr_balance_hold(b, &s, NULL))
        return 0;
    for (size_t i = 0; i < s->n; i++)
        n += !weir_chan_is_closed(s->t[i].c);
    wr_balance_drop(b, s);
    return n;
}

/* ---- made and freed ------------------------------------------------------ */

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
