/* SPDX-License-Identifier: MIT */
/* A sink that limits the time of each write to the one behind it. */
#include <weir/sinks.h>

#include "base/mem.h"
#include "base/misuse.h"

struct timeout {
    weir_sink sink; /* first */
    weir_sink *to;
    int64_t timeout;
    bool closed; /* atomic, alone */
};

static int timeout_write(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    struct timeout *t = (struct timeout *)s;
    weir_ctx due;
    if (__atomic_load_n(&t->closed, __ATOMIC_ACQUIRE))
        return WEIR_CLOSED;
    int err = weir_ctx_init_timeout(&due, ctx, t->timeout);
    if (err)
        return err;
    err = weir_sink_write(t->to, e, &due);
    weir_ctx_fini(&due);
    return err;
}

static int timeout_close(weir_sink *s, weir_ctx *ctx)
{
    struct timeout *t = (struct timeout *)s;
    __atomic_store_n(&t->closed, true, __ATOMIC_RELEASE);
    return weir_sink_close(t->to, ctx);
}

static void timeout_free(weir_sink *s)
{
    weir_sink_unref(((struct timeout *)s)->to);
    wr_free(s);
}

static const weir_sink_ops ops = {timeout_write, timeout_close, timeout_free};

int weir_timeout_sink_new(weir_sink **out, weir_sink *to, int64_t timeout)
{
    if (out)
        *out = NULL;
    if (!out || !to || timeout <= 0)
        return WR_MISUSE("no place for it, no sink, or no time");
    struct timeout *t = wr_alloc(sizeof(*t));
    if (!t)
        return WEIR_ENOMEM;
    weir_sink_init(&t->sink, &ops);
    t->to = weir_sink_ref(to);
    t->timeout = timeout;
    *out = &t->sink;
    return 0;
}
