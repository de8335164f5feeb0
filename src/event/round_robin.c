/* SPDX-License-Identifier: MIT */
/* A sink that writes to several in turn. No lock: whose turn it is, and who is
 * closed, are single words. */
#include <weir/sinks.h>

#include "base/mem.h"
#include "base/misuse.h"

#define MAX_SINKS 65536

struct target {
    weir_sink *sink;
    bool closed; /* atomic, alone */
};

struct round_robin {
    weir_sink sink; /* first */
    size_t turn;    /* atomic, alone */
    size_t n;
    struct target to[];
};

static int robin_write(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    struct round_robin *r = (struct round_robin *)s;
    const size_t turn = __atomic_fetch_add(&r->turn, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < r->n; i++) {
        struct target *t = &r->to[(turn % r->n + i) % r->n];
        if (__atomic_load_n(&t->closed, __ATOMIC_RELAXED))
            continue;
        const int err = weir_sink_write(t->sink, e, ctx);
        if (err != WEIR_CLOSED)
            return err;
        __atomic_store_n(&t->closed, true, __ATOMIC_RELAXED);
    }
    return WEIR_CLOSED;
}

static int robin_close(weir_sink *s, weir_ctx *ctx)
{
    struct round_robin *r = (struct round_robin *)s;
    int result = 0;
    for (size_t i = 0; i < r->n; i++) {
        __atomic_store_n(&r->to[i].closed, true, __ATOMIC_RELAXED);
        const int err = weir_sink_close(r->to[i].sink, ctx);
        result = result ? result : err;
    }
    return result;
}

static void robin_free(weir_sink *s)
{
    struct round_robin *r = (struct round_robin *)s;
    for (size_t i = 0; i < r->n; i++)
        weir_sink_unref(r->to[i].sink);
    wr_free(r);
}

static const weir_sink_ops ops = {robin_write, robin_close, robin_free};

static bool valid(weir_sink *const *to, size_t n)
{
    if (!to || n == 0 || n > MAX_SINKS)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!to[i])
            return false;
    return true;
}

int weir_round_robin_new(weir_sink **out, weir_sink *const *to, size_t n)
{
    const bool fits = valid(to, n);
    if (out)
        *out = NULL;
    if (!out || !fits)
        return WR_MISUSE("no place for it, or no sinks");
    struct round_robin *r = wr_alloc(sizeof(*r) + n * sizeof(r->to[0]));
    if (!r)
        return WEIR_ENOMEM;
    weir_sink_init(&r->sink, &ops);
    r->n = n;
    for (size_t i = 0; i < n; i++)
        r->to[i].sink = weir_sink_ref(to[i]);
    *out = &r->sink;
    return 0;
}
