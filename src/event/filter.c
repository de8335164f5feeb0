/* SPDX-License-Identifier: MIT */
/* A sink that passes on what a predicate accepts. */
#include <weir/sinks.h>

#include "base/mem.h"
#include "base/misuse.h"

struct filter {
    weir_sink sink; /* first */
    weir_sink *to;
    bool (*match)(weir_event *e, void *arg);
    void *arg;
    bool closed; /* atomic, alone */
};

static int filter_write(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    struct filter *f = (struct filter *)s;
    if (__atomic_load_n(&f->closed, __ATOMIC_ACQUIRE))
        return WEIR_CLOSED;
    return f->match(e, f->arg) ? weir_sink_write(f->to, e, ctx) : 0;
}

static int filter_close(weir_sink *s, weir_ctx *ctx)
{
    struct filter *f = (struct filter *)s;
    __atomic_store_n(&f->closed, true, __ATOMIC_RELEASE);
    return weir_sink_close(f->to, ctx);
}

static void filter_free(weir_sink *s)
{
    struct filter *f = (struct filter *)s;
    weir_sink_unref(f->to);
    wr_free(f);
}

static const weir_sink_ops ops = {filter_write, filter_close, filter_free};

int weir_filter_new(weir_sink **out, weir_sink *to,
                    bool (*match)(weir_event *e, void *arg), void *arg)
{
    if (out)
        *out = NULL;
    if (!out || !to || !match)
        return WR_MISUSE("no place for it, no sink, or no predicate");
    struct filter *f = wr_alloc(sizeof(*f));
    if (!f)
        return WEIR_ENOMEM;
    weir_sink_init(&f->sink, &ops);
    f->to = weir_sink_ref(to);
    f->match = match;
    f->arg = arg;
    *out = &f->sink;
    return 0;
}
