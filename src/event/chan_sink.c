/* SPDX-License-Identifier: MIT */
/* A sink into a channel. Its done signal is a context, so a write waits for
 * room and for the close at once, in one select. */
#include <weir/sinks.h>

#include <weir/select.h>
#include "base/mem.h"
#include "base/misuse.h"

struct chan_sink {
    weir_sink sink; /* first */
    weir_chan *chan;
    weir_ctx done;
};

static int chan_write(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    struct chan_sink *c = (struct chan_sink *)s;
    if (weir_ctx_err(&c->done))
        return WEIR_CLOSED;
    weir_case cs[] = {WEIR_SEND(c->chan, &e), WEIR_DONE(&c->done)};
    weir_event_ref(e);
    const int chosen = weir_select(cs, 2, ctx);
    int err = chosen < 0 ? chosen : cs[chosen].status;
    if (chosen == 1)
        err = WEIR_CLOSED;
    if (err)
        weir_event_unref(e);
    return err;
}

static int chan_close(weir_sink *s, weir_ctx *ctx)
{
    (void)ctx;
    return weir_ctx_cancel(&((struct chan_sink *)s)->done, WEIR_CLOSED);
}

static void chan_free(weir_sink *s)
{
    struct chan_sink *c = (struct chan_sink *)s;
    weir_ctx_fini(&c->done);
    weir_chan_unref(c->chan);
    wr_free(c);
}

static const weir_sink_ops ops = {chan_write, chan_close, chan_free};

int weir_chan_sink_new(weir_sink **out, weir_chan *chan)
{
    if (out)
        *out = NULL;
    if (!out || !chan || weir_chan_elem_size(chan) != sizeof(weir_event *))
        return WR_MISUSE("no place for it, or no channel of events");
    struct chan_sink *c = wr_alloc(sizeof(*c));
    if (!c)
        return WEIR_ENOMEM;
    weir_sink_init(&c->sink, &ops);
    weir_ctx_init(&c->done, NULL);
    c->chan = weir_chan_ref(chan);
    *out = &c->sink;
    return 0;
}

weir_ctx *weir_chan_sink_done(weir_sink *s)
{
    return s && s->ops_ == &ops ? &((struct chan_sink *)s)->done : NULL;
}
