/* SPDX-License-Identifier: MIT */
#include "flow/pool_order.h"

#include <string.h>
#include "base/mem.h"

enum { OPEN, NOTHING, RESULT }; /* a slot */

struct wr_order *wr_order_new(size_t window, size_t size)
{
    struct wr_order *o = wr_alloc(sizeof(*o));
    size_t bytes;
    if (!o || __builtin_mul_overflow(window, size, &bytes)) {
        wr_free(o);
        return NULL;
    }
    o->window = window;
    o->size = size;
    o->states = wr_alloc(window);
    o->elems = wr_alloc(bytes);
    if (o->states && o->elems)
        return o;
    wr_order_free(o);
    return NULL;
}

void wr_order_free(struct wr_order *o)
{
    if (!o)
        return;
    wr_free(o->states);
    wr_free(o->elems);
    wr_free(o);
}

static int wait_room(struct wr_order *o, weir_ctx *ctx)
{
    int err = 0;
    weir_mutex_lock(&o->lock, NULL);
    while (!err && o->taken - o->gone >= o->window)
        err = weir_cond_wait(&o->room, &o->lock, ctx);
    weir_mutex_unlock(&o->lock);
    return err;
}

int wr_order_take(struct wr_order *o, weir_chan *in, void *elem, weir_ctx *ctx,
                  uint64_t *ticket)
{
    int err = weir_mutex_lock(&o->turn, ctx);
    if (err)
        return err;
    err = wait_room(o, ctx);
    if (!err)
        err = weir_chan_recv(in, elem, ctx);
    if (!err)
        *ticket = o->taken++;
    weir_mutex_unlock(&o->turn);
    return err;
}

/* Lets go of the first slot, whose result is there. Locked; not while it
 * sends, when the slot is the sender's. */
static void let_go(struct wr_order *o, void (*send)(void *, void *), void *arg)
{
    size_t slot = (size_t)(o->gone % o->window);
    if (o->states[slot] == RESULT) {
        weir_mutex_unlock(&o->lock);
        send(arg, o->elems + slot * o->size);
        weir_mutex_lock(&o->lock, NULL);
    }
    o->states[slot] = OPEN;
    o->gone++;
    weir_cond_signal(&o->room);
}

void wr_order_put(struct wr_order *o, uint64_t ticket, const void *elem,
                  void (*send)(void *arg, void *elem), void *arg)
{
    size_t slot = (size_t)(ticket % o->window);
    weir_mutex_lock(&o->lock, NULL);
    if (elem)
        memcpy(o->elems + slot * o->size, elem, o->size);
    o->states[slot] = elem ? RESULT : NOTHING;
    if (!o->sending) {
        o->sending = true;
        while (o->states[o->gone % o->window] != OPEN)
            let_go(o, send, arg);
        o->sending = false;
    }
    weir_mutex_unlock(&o->lock);
}
