/* SPDX-License-Identifier: MIT */
/* Calling a channel's hooks: outside every lock, and never from themselves. */
#include "chan/flow.h"

bool wr_hook_inside(const weir_chan *c)
{
    return wr_inside_has_me(c->flow->inside);
}

bool wr_hook_around(weir_chan *c)
{
    if (!c->flow)
        return false;
    wr_lock(&c->lock);
    bool inside = wr_hook_inside(c);
    wr_unlock(&c->lock);
    return inside;
}

/* False: the caller is inside one already. */
static bool enter(weir_chan *c, struct wr_inside *in)
{
    wr_lock(&c->lock);
    bool allowed = !wr_hook_inside(c);
    if (allowed)
        wr_inside_enter(&c->flow->inside, in);
    wr_unlock(&c->lock);
    return allowed;
}

static void leave(weir_chan *c, struct wr_inside *in)
{
    wr_lock(&c->lock);
    wr_inside_leave(&c->flow->inside, in);
    wr_unlock(&c->lock);
}

void wr_hook_block(weir_chan *c)
{
    const weir_chan_hooks *h = &c->flow->hooks;
    struct wr_inside in;
    if (!h->on_block || !enter(c, &in))
        return;
    h->on_block(c, h->arg);
    leave(c, &in);
}

void wr_hook_error(weir_chan *c, int code)
{
    const weir_chan_hooks *h = &c->flow->hooks;
    struct wr_inside in;
    if (!h->on_error || !enter(c, &in))
        return;
    h->on_error(c, code, h->arg);
    leave(c, &in);
}

void wr_hook_level(weir_chan *c, bool high)
{
    const weir_chan_hooks *h = &c->flow->hooks;
    void (*hook)(weir_chan *, void *) = high ? h->on_high : h->on_low;
    struct wr_inside in;
    if (!hook || !enter(c, &in))
        return;
    hook(c, h->arg);
    leave(c, &in);
}

void wr_hook_dropped(weir_chan *c, void *elem, enum weir_drop reason)
{
    const weir_chan_hooks *h = &c->flow->hooks;
    struct wr_inside in;
    if ((!h->on_drop && !c->destroy) || !enter(c, &in))
        return;
    if (h->on_drop)
        h->on_drop(c, elem, reason, h->arg);
    if (c->destroy)
        c->destroy(elem);
    leave(c, &in);
}
