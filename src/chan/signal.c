/* SPDX-License-Identifier: MIT */
/* Signals as channel values. */
#include <signal.h>
#include <stdarg.h>
#include <weir/signal.h>
#include "base/mem.h"
#include "chan/chan.h"
#include "sched/runtime.h"
#include "sched/signal.h"

enum { ENOUGH = 16 };

/*
 * A burst of one signal must not keep another out: behind ENOUGH elements only
 * a signal enters that is not among them. So there is room for each, with one
 * less than there are signals beyond ENOUGH.
 */
struct signal_chan {
    struct wr_signal_sub sub;
    uint32_t lock;   /* one delivery at a time */
    weir_chan *chan; /* a reference of its own: the address stays taken */
    struct signal_chan *next;
};

static struct signal_chan *all;
static uint32_t lock; /* of the list */

/* May be merged with what is there. */
static bool is_enough(weir_chan *c, int sig)
{
    struct wr_wakes none = {0};
    bool found = false;
    wr_lock(&c->lock);
    wr_chan_freeze(c);
    uint64_t n = wr_count(wr_load_rlx(&c->head));
    uint64_t end = wr_count(wr_load_rlx(&c->tail));
    for (bool enough = end - n >= ENOUGH; enough && !found && n < end; n++)
        found = !memcmp(wr_slot_at(c, n) + c->elem_offset, &sig, sizeof(sig));
    (void)wr_chan_done(c, 0, &none);
    return found;
}

static void deliver(struct wr_signal_sub *s, int sig, uint32_t count)
{
    struct signal_chan *sc = (struct signal_chan *)s;
    wr_lock(&sc->lock);
    while (count > 0 && !is_enough(sc->chan, sig) &&
           weir_chan_try_send(sc->chan, &sig) == 0)
        count--;
    wr_unlock(&sc->lock);
}

static void release(struct wr_signal_sub *s)
{
    struct signal_chan *sc = (struct signal_chan *)s;
    weir_chan_unref(sc->chan);
    wr_free(sc);
}

static struct signal_chan *make(uint64_t mask)
{
    weir_chan_opts opts = {.elem_size = sizeof(int),
                           .capacity =
                               ENOUGH - 1 + (size_t)__builtin_popcountll(mask),
                           .name = "signals"};
    struct signal_chan *sc = wr_alloc(sizeof(*sc));
    if (!sc)
        return NULL;
    sc->sub.mask = mask;
    sc->sub.deliver = deliver;
    sc->sub.release = release;
    sc->chan = weir_chan_new_with(&opts);
    if (!sc->chan || wr_signal_add(&sc->sub) != 0) {
        release(&sc->sub);
        return NULL;
    }
    return sc;
}

weir_chan *weir_signal_chan(int sig, ...)
{
    uint64_t mask = 0;
    bool valid = sig != 0;
    va_list rest;
    va_start(rest, sig);
    for (; sig != 0 && valid; sig = va_arg(rest, int)) {
        valid = wr_signal_valid(sig);
        mask |= valid ? UINT64_C(1) << (sig - 1) : 0;
    }
    va_end(rest);
    struct signal_chan *sc =
        valid && wr_runtime_need() == 0 ? make(mask) : NULL;
    if (!sc)
        return NULL;
    wr_outside_enter();
    wr_lock(&lock);
    sc->next = all;
    all = sc;
    weir_chan *c = weir_chan_ref(sc->chan);
    wr_unlock(&lock);
    return c;
}

static struct signal_chan *take(const weir_chan *c)
{
    wr_lock(&lock);
    struct signal_chan **p = &all;
    while (*p && (*p)->chan != c)
        p = &(*p)->next;
    struct signal_chan *sc = *p;
    if (sc)
        *p = sc->next;
    wr_unlock(&lock);
    return sc;
}

int weir_signal_stop(weir_chan *c)
{
    if (wr_forked())
        return WEIR_FORKED;
    struct signal_chan *sc = c ? take(c) : NULL;
    if (!sc)
        return WEIR_EINVAL;
    wr_signal_remove(&sc->sub);
    wr_outside_leave();
    weir_chan_close(c);
    weir_chan_unref(c);
    return 0;
}
