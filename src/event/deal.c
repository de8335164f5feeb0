/* SPDX-License-Identifier: MIT */
/* A sink that deals its events to several, in turn or by their keys. No lock:
 * whose turn it is, and who is closed, are single words. */
#include <weir/sinks.h>

#include "base/mem.h"
#include "base/misuse.h"

#define MAX_SINKS 65536

struct target {
    weir_sink *sink;
    bool closed; /* atomic, alone */
};

struct deal {
    weir_sink sink; /* first */
    bool by_key;
    size_t turn; /* atomic, alone */
    size_t n;
    struct target to[];
};

static bool is_open(const struct target *t)
{
    return !__atomic_load_n(&t->closed, __ATOMIC_RELAXED);
}

static void set_closed(struct target *t)
{
    __atomic_store_n(&t->closed, true, __ATOMIC_RELAXED);
}

/* ---- who is next --------------------------------------------------------- */

/* The finalizer of MurmurHash3: each bit of x changes half of the result's. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ (x >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ (x >> 33);
}

/* FNV-1a, of 64 bits. */
static uint64_t hash(const unsigned char *key, size_t size)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        h = (h ^ key[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* Rendezvous hashing: each target has a score for the key, and of those that
 * are open the highest wins. */
static struct target *of_key(struct deal *d, uint64_t key)
{
    struct target *best = NULL;
    uint64_t highest = 0;
    for (size_t i = 0; i < d->n; i++) {
        const uint64_t score = mix(key ^ mix(i + 1));
        if (is_open(&d->to[i]) && (!best || score > highest)) {
            best = &d->to[i];
            highest = score;
        }
    }
    return best;
}

/* The first that is open, from the one on whose turn it is. */
static struct target *of_turn(struct deal *d, uint64_t turn)
{
    for (size_t i = 0; i < d->n; i++) {
        struct target *t = &d->to[(turn % d->n + i) % d->n];
        if (is_open(t))
            return t;
    }
    return NULL;
}

/* ---- the sink ------------------------------------------------------------ */

static int deal_write(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    struct deal *d = (struct deal *)s;
    struct target *t;
    const bool by_key = d->by_key && e && e->key_size;
    const uint64_t what =
        by_key ? hash(e->key, e->key_size)
               : __atomic_fetch_add(&d->turn, 1, __ATOMIC_RELAXED);
    while ((t = by_key ? of_key(d, what) : of_turn(d, what))) {
        const int err = weir_sink_write(t->sink, e, ctx);
        if (err != WEIR_CLOSED)
            return err;
        set_closed(t);
    }
    return WEIR_CLOSED;
}

static int deal_close(weir_sink *s, weir_ctx *ctx)
{
    struct deal *d = (struct deal *)s;
    int result = 0;
    for (size_t i = 0; i < d->n; i++) {
        set_closed(&d->to[i]);
        const int err = weir_sink_close(d->to[i].sink, ctx);
        result = result ? result : err;
    }
    return result;
}

static void deal_free(weir_sink *s)
{
    struct deal *d = (struct deal *)s;
    for (size_t i = 0; i < d->n; i++)
        weir_sink_unref(d->to[i].sink);
    wr_free(d);
}

static const weir_sink_ops ops = {deal_write, deal_close, deal_free};

static bool valid(weir_sink *const *to, size_t n)
{
    if (!to || n == 0 || n > MAX_SINKS)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!to[i])
            return false;
    return true;
}

static int deal_new(weir_sink **out, weir_sink *const *to, size_t n,
                    bool by_key)
{
    const bool fits = valid(to, n);
    if (out)
        *out = NULL;
    if (!out || !fits)
        return WR_MISUSE("no place for it, or no sinks");
    struct deal *d = wr_alloc(sizeof(*d) + n * sizeof(d->to[0]));
    if (!d)
        return WEIR_ENOMEM;
    weir_sink_init(&d->sink, &ops);
    d->by_key = by_key;
    d->n = n;
    for (size_t i = 0; i < n; i++)
        d->to[i].sink = weir_sink_ref(to[i]);
    *out = &d->sink;
    return 0;
}

int weir_round_robin_new(weir_sink **out, weir_sink *const *to, size_t n)
{
    return deal_new(out, to, n, false);
}

int weir_by_key_new(weir_sink **out, weir_sink *const *to, size_t n)
{
    return deal_new(out, to, n, true);
}
