/* SPDX-License-Identifier: MIT */
/*
 * Owns the list of named channels. Under one lock, which is not held while
 * somebody else's code runs: a walk holds a reference of the channel it is at,
 * so that this one stays in the list and leads to the next.
 */
#include "chan/registry.h"

#include <weir/stats.h>
#include "base/misuse.h"
#include "chan/chan.h"

static struct {
    uint32_t lock;
    weir_chan *oldest, *newest;
} named;

static uint64_t ids;

void wr_registry_add(weir_chan *c)
{
    c->id = wr_add(&ids, 1) + 1;
    if (!c->name[0])
        return;
    wr_lock(&named.lock);
    c->older = named.newest;
    if (named.newest)
        named.newest->newer = c;
    else
        named.oldest = c;
    named.newest = c;
    wr_unlock(&named.lock);
}

void wr_registry_remove(weir_chan *c)
{
    if (!c->name[0])
        return;
    wr_lock(&named.lock);
    if (c->older)
        c->older->newer = c->newer;
    else
        named.oldest = c->newer;
    if (c->newer)
        c->newer->older = c->older;
    else
        named.newest = c->older;
    wr_unlock(&named.lock);
}

/* False: its last reference is gone, it is about to leave. */
static bool try_ref(weir_chan *c)
{
    uint32_t refs = wr_load_rlx(&c->refs);
    while (refs > 0)
        if (wr_cas(&c->refs, &refs, refs + 1))
            return true;
    return false;
}

/* The next one after c that can be held, the first one after NULL. */
static weir_chan *next_held(weir_chan *c)
{
    wr_lock(&named.lock);
    weir_chan *next = c ? c->newer : named.oldest;
    while (next && !try_ref(next))
        next = next->newer;
    wr_unlock(&named.lock);
    return next;
}

ptrdiff_t weir_chan_each(void (*fn)(weir_chan *c, void *arg), void *arg)
{
    if (!fn)
        return WR_MISUSE("no function");
    ptrdiff_t n = 0;
    weir_chan *c = next_held(NULL);
    while (c) {
        fn(c, arg);
        n++;
        weir_chan *next = next_held(c);
        weir_chan_unref(c);
        c = next;
    }
    return n;
}

uint64_t weir_chan_id(const weir_chan *c)
{
    return c ? c->id : 0;
}
