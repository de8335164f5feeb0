/* SPDX-License-Identifier: MIT */
/* Messages: settling each once, and their end. See sub.h. */
#include "base/mem.h"
#include "base/misuse.h"
#include "event/sub.h"

enum { FEW = 32 }; /* settled without memory */

static weir_delivery *delivery_of(weir_message *m)
{
    return (weir_delivery *)m;
}

static uint32_t state_of(const weir_delivery *d)
{
    return __atomic_load_n(&d->state_, __ATOMIC_ACQUIRE);
}

static void set_state(weir_delivery *d, uint32_t state)
{
    __atomic_store_n(&d->state_, state, __ATOMIC_RELEASE);
}

static bool claim(weir_delivery *d)
{
    uint32_t open = WR_OPEN;
    return __atomic_compare_exchange_n(&d->state_, &open, WR_SETTLING, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* ---- settling ------------------------------------------------------------ */

static void count_end(weir_sub *s, unsigned end, uint64_t n)
{
    __atomic_fetch_add(&s->ends[end], n, __ATOMIC_RELEASE);
}

static void settled(weir_sub *s, weir_delivery *const *d, size_t n,
                    enum weir_settle how, const int *codes)
{
    static const unsigned ends[] = {
        [WEIR_SETTLE_ACK] = WR_ACKED,
        [WEIR_SETTLE_NAK] = WR_NAKED,
        [WEIR_SETTLE_TERM] = WR_TERMED,
    };
    uint64_t expired = 0;
    for (size_t i = 0; i < n; i++) {
        expired += codes[i] == WEIR_EXPIRED;
        set_state(d[i], WR_SETTLED);
    }
    count_end(s, WR_EXPIRED, expired);
    count_end(s, ends[how], n - expired);
    wr_sub_release(s, n);
}

/* Of deliveries that have been claimed. */
static int settle(weir_sub *s, weir_delivery *const *d, size_t n,
                  enum weir_settle how, int64_t delay, int *codes,
                  weir_ctx *ctx)
{
    const int err = s->engine->settle(s->self, d, n, how, delay, codes, ctx);
    for (size_t i = 0; i < n && err; i++)
        set_state(d[i], WR_OPEN);
    if (!err)
        settled(s, d, n, how, codes);
    return err;
}

static int settle_one(weir_message *m, enum weir_settle how, int64_t delay,
                      weir_ctx *ctx)
{
    weir_delivery *d = delivery_of(m);
    int code = 0;
    if (!claim(d))
        return WEIR_EMPTY;
    const int err = settle(d->sub_, &d, 1, how, delay, &code, ctx);
    return err ? err : code;
}

int weir_message_ack(weir_message *m, weir_ctx *ctx)
{
    return m ? settle_one(m, WEIR_SETTLE_ACK, 0, ctx) : WR_MISUSE("no message");
}

int weir_message_nak(weir_message *m, int64_t delay, weir_ctx *ctx)
{
    if (!m || delay < 0)
        return WR_MISUSE("no message, or a delay below 0");
    if (delay && !delivery_of(m)->sub_->engine->caps.delay)
        return WEIR_UNSUPPORTED;
    return settle_one(m, WEIR_SETTLE_NAK, delay, ctx);
}

int weir_message_term(weir_message *m, weir_ctx *ctx)
{
    if (!m)
        return WR_MISUSE("no message");
    if (!delivery_of(m)->sub_->engine->caps.dead_letter)
        return WEIR_UNSUPPORTED;
    return settle_one(m, WEIR_SETTLE_TERM, 0, ctx);
}

/* ---- many at once -------------------------------------------------------- */

static bool of_one_sub(weir_message *const *m, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!m[i] || delivery_of(m[i])->sub_ != delivery_of(m[0])->sub_)
            return false;
    return true;
}

static int ack_claimed(weir_message *const *m, size_t n, weir_delivery **d,
                       int *codes, weir_ctx *ctx)
{
    size_t claimed = 0;
    for (size_t i = 0; i < n; i++)
        if (claim(delivery_of(m[i])))
            d[claimed++] = delivery_of(m[i]);
    return claimed
               ? settle(d[0]->sub_, d, claimed, WEIR_SETTLE_ACK, 0, codes, ctx)
               : 0;
}

int weir_message_ack_n(weir_message *const *m, size_t n, weir_ctx *ctx)
{
    struct room {
        weir_delivery *delivery;
        int code;
    };
    if ((n && !m) || !of_one_sub(m, n) || n > SIZE_MAX / sizeof(struct room))
        return WR_MISUSE("no messages, or of more than one subscription");
    if (n <= FEW) {
        weir_delivery *few[FEW];
        int codes[FEW];
        return ack_claimed(m, n, few, codes, ctx);
    }
    weir_delivery **d = wr_alloc(n * sizeof(struct room));
    if (!d)
        return WEIR_ENOMEM;
    const int err = ack_claimed(m, n, d, (int *)(d + n), ctx);
    wr_free(d);
    return err;
}

/* ---- more time ----------------------------------------------------------- */

int wr_sub_renew(weir_sub *s, weir_message *const *m, size_t n, int *codes,
                 weir_ctx *ctx)
{
    return s->engine->settle(s->self, (weir_delivery *const *)m, n,
                             WEIR_SETTLE_IN_PROGRESS, 0, codes, ctx);
}

int weir_message_in_progress(weir_message *m, weir_ctx *ctx)
{
    int code = 0;
    if (!m)
        return WR_MISUSE("no message");
    const weir_delivery *d = delivery_of(m);
    if (!d->sub_->engine->caps.in_progress)
        return WEIR_UNSUPPORTED;
    if (state_of(d) != WR_OPEN)
        return WEIR_EMPTY;
    const int err = wr_sub_renew(d->sub_, &m, 1, &code, ctx);
    if (!err && code && state_of(d) != WR_OPEN)
        return WEIR_EMPTY; /* another party settled it meanwhile */
    return err ? err : code;
}

/* ---- the end ------------------------------------------------------------- */

void weir_message_free(weir_message *m)
{
    if (!m)
        return;
    weir_delivery *d = delivery_of(m);
    weir_sub *s = d->sub_;
    const bool give_back = state_of(d) != WR_SETTLED;
    s->engine->delivery_free(s->self, d, give_back);
    if (give_back) {
        count_end(s, WR_RETURNED, 1);
        wr_sub_release(s, 1);
    }
    wr_sub_unref(s);
}
