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
    struct wr_sole sole = wr_producer(c);
    if (!wr_sole_enter(sole))
        return WR_MISUSE(SECOND_PRODUCER);
    int rc = wr_send(c, elem, ctx, WR_WAIT);
    wr_sole_leave(sole);
    return rc;
}

int weir_chan_try_send(weir_chan *c, const void *elem)
{
    if (wr_unlikely(!wr_elem_ok(c, elem)))
        return WR_MISUSE(NO_ELEMENT);
    struct wr_sole sole = wr_producer(c);
    if (!wr_sole_enter(sole))
        return WR_MISUSE(SECOND_PRODUCER);
    int rc = wr_send(c, elem, NULL, WR_TRY);
    wr_sole_leave(sole);
    return rc;
}

int weir_chan_recv(weir_chan *c, void *elem, weir_ctx *ctx)
{
    if (wr_unlikely(!c))
        return WR_MISUSE("no channel");
    struct wr_sole sole = wr_consumer(c);
    if (!wr_sole_enter(sole))
        return WR_MISUSE(SECOND_CONSUMER);
    int rc = wr_recv(c, elem, ctx, WR_WAIT);
    wr_sole_leave(sole);
    return rc;
}

int weir_chan_try_recv(weir_chan *c, void *elem)
{
    if (wr_unlikely(!c))
        return WR_MISUSE("no channel");
    struct wr_sole sole = wr_consumer(c);
    if (!wr_sole_enter(sole))
        return WR_MISUSE(SECOND_CONSUMER);
    int rc = wr_recv(c, elem, NULL, WR_TRY);
    wr_sole_leave(sole);
    return rc;
}
