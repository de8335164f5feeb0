/* SPDX-License-Identifier: MIT */
/*
 * What the tests of flow control share: channels of ints whose hooks write
 * down all that they are told, and a snapshot that must balance.
 */
#ifndef FLOWCTL_H
#define FLOWCTL_H

#include <errno.h>
#include "../chan/parties.h"
#include "chan/chan.h"

enum { HEARD = 256 };

/* What the hooks of one channel heard; all but the counts are of the first
 * HEARD calls. */
struct heard {
    atomic_int drops, blocks, errors, highs, lows, destroyed;
    atomic_int elem[HEARD], reason[HEARD], code[HEARD];
};

static inline void hear_drop(weir_chan *c, const void *elem,
                             enum weir_drop reason, void *arg)
{
    struct heard *h = arg;
    const int n = atomic_fetch_add(&h->drops, 1);

    must(c != NULL);
    if (n < HEARD) {
        h->elem[n] = *(const int *)elem;
        h->reason[n] = (int)reason;
    }
}

static inline void hear_block(weir_chan *c, void *arg)
{
    must(c != NULL);
    atomic_fetch_add(&((struct heard *)arg)->blocks, 1);
}

static inline void hear_error(weir_chan *c, int code, void *arg)
{
    struct heard *h = arg;
    const int n = atomic_fetch_add(&h->errors, 1);

    must(c != NULL && code < 0);
    if (n < HEARD)
        h->code[n] = code;
}

static inline void hear_high(weir_chan *c, void *arg)
{
    must(c != NULL);
    atomic_fetch_add(&((struct heard *)arg)->highs, 1);
}

static inline void hear_low(weir_chan *c, void *arg)
{
    must(c != NULL);
    atomic_fetch_add(&((struct heard *)arg)->lows, 1);
}

/* All hooks but those of the watermarks, which want a buffer. */
static inline weir_chan_hooks hear(struct heard *h)
{
    return (weir_chan_hooks){.on_drop = hear_drop,
                             .on_block = hear_block,
                             .on_error = hear_error,
                             .arg = h};
}

static inline weir_chan_opts opts_of(enum weir_policy policy, size_t capacity,
                                     struct heard *h)
{
    weir_chan_opts o = {
        .elem_size = sizeof(int), .capacity = capacity, .policy = policy};

    if (h != NULL)
        o.hooks = hear(h);
    return o;
}

static inline weir_chan *chan_of(const weir_chan_opts *o)
{
    weir_chan *c = weir_chan_new_with(o);

    must(c != NULL);
    return c;
}

static inline weir_chan_stats account(const weir_chan *c)
{
    weir_chan_stats s;
    uint64_t dropped = 0;
    int i;

    must_eq(weir_chan_get_stats(c, &s), 0);
    for (i = 0; i < WEIR_DROPS; i++)
        dropped += s.dropped_by[i];
    must_eq(s.dropped, dropped);
    must_eq(s.sent, s.received + s.dropped + s.queued);
    must(s.capacity == 0 || s.queued <= s.capacity);
    return s;
}

static inline int send_int(weir_chan *c, int v)
{
    return weir_chan_send(c, &v, NULL);
}

static inline int try_send_int(weir_chan *c, int v)
{
    return weir_chan_try_send(c, &v);
}

/* What is next in the buffer; -1: nothing. */
static inline int try_recv_int(weir_chan *c)
{
    int v = -1;
    const int rc = weir_chan_try_recv(c, &v);

    must(rc == 0 || rc == WEIR_EMPTY || rc == WEIR_CLOSED);
    return rc == 0 ? v : -1;
}

static inline void await_blocked_recvs(const weir_chan *c, uint64_t n)
{
    while (account(c).blocked_recvs < n)
        weir_yield();
}

static inline void await_blocked_sends(const weir_chan *c, uint64_t n)
{
    while (account(c).blocked_sends < n)
        weir_yield();
}

/* Those that lie in the queue: each is counted as blocked a moment before. */
static inline size_t queued_sends(weir_chan *c)
{
    const struct wr_node *node;
    size_t n = 0;

    wr_lock(&c->lock);
    for (node = c->senders.head; node != NULL; node = node->next)
        n++;
    wr_unlock(&c->lock);
    return n;
}

static inline void await_queued_sends(weir_chan *c, size_t n)
{
    while (queued_sends(c) != n)
        weir_yield();
}

#endif
