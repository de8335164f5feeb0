/* SPDX-License-Identifier: MIT */
/* The interface of sinks: counted references, and two calls that go on. */
#include <weir/sink.h>

#include "base/misuse.h"

int weir_sink_init(weir_sink *s, const weir_sink_ops *ops)
{
    if (!s || !ops || !ops->write)
        return WR_MISUSE("no sink, or one that cannot write");
    *s = (weir_sink){.ops_ = ops, .refs_ = 1};
    return 0;
}

weir_sink *weir_sink_ref(weir_sink *s)
{
    if (s)
        __atomic_fetch_add(&s->refs_, 1, __ATOMIC_RELAXED);
    return s;
}

void weir_sink_unref(weir_sink *s)
{
    if (s && __atomic_sub_fetch(&s->refs_, 1, __ATOMIC_ACQ_REL) == 0 &&
        s->ops_->free)
        s->ops_->free(s);
}

int weir_sink_write(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    return s ? s->ops_->write(s, e, ctx) : WR_MISUSE("no sink");
}

int weir_sink_close(weir_sink *s, weir_ctx *ctx)
{
    if (!s)
        return WR_MISUSE("no sink");
    return s->ops_->close ? s->ops_->close(s, ctx) : 0;
}
