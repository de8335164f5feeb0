/* SPDX-License-Identifier: MIT */
/* The public operations on one element. */
#include "base/misuse.h"
#include "chan/flow.h"

#define NO_ELEMENT      "no channel, or no element"
#define SECOND_PRODUCER "a second producer on a single_producer channel"
#define SECOND_CONSUMER "a second consumer on a single_consumer channel"

int weir_chan_send(weir_chan *c, const void *elem, weir_ctx *ctx)
{
    if (wr_unlikely(!wr_elem_ok(c, elem)))
        return WR_MISUSE(NO_ELEMENT);
    if (!wr_sole_enter(WR_PRODUCER(c)))
        return WR_MISUSE(SECOND_PRODUCER);
    int rc = wr_send(c, elem, ctx, WR_WAIT);
    wr_sole_leave(WR_PRODUCER(c));
    return rc;
}

int weir_chan_try_send(weir_chan *c, const void *elem)
{
    if (wr_unlikely(!wr_elem_ok(c, elem)))
        return WR_MISUSE(NO_ELEMENT);
    if (!wr_sole_enter(WR_PRODUCER(c)))
        return WR_MISUSE(SECOND_PRODUCER);
    int rc = wr_send(c, elem, NULL, WR_TRY);
    wr_sole_leave(WR_PRODUCER(c));
    return rc;
}

int weir_chan_recv(weir_chan *c, void *elem, weir_ctx *ctx)
{
    if (wr_unlikely(!c))
        return WR_MISUSE("no channel");
    if (!wr_sole_enter(WR_CONSUMER(c)))
        return WR_MISUSE(SECOND_CONSUMER);
    int rc = wr_recv(c, elem, ctx, WR_WAIT);
    wr_sole_leave(WR_CONSUMER(c));
    return rc;
}

int weir_chan_try_recv(weir_chan *c, void *elem)
{
    if (wr_unlikely(!c))
        return WR_MISUSE("no channel");
    if (!wr_sole_enter(WR_CONSUMER(c)))
        return WR_MISUSE(SECOND_CONSUMER);
    int rc = wr_recv(c, elem, NULL, WR_TRY);
    wr_sole_leave(WR_CONSUMER(c));
    return rc;
}
