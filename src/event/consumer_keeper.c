/* SPDX-License-Identifier: MIT */
/* The keeper of a consumer: extends the time of what is being handled, of all
 * messages in one call of the engine. See event/consumer.h. */
#include "event/consumer.h"

#include <weir/time.h>

/* Locked. Those whose time is to be extended; marks their workers. */
static size_t collect(weir_consumer *c, int64_t now)
{
    size_t n = 0;
    for (size_t i = 0; i < c->count; i++) {
        struct wr_consumer_worker *w = &c->workers[i];
        w->renewing = w->until > now;
        if (w->renewing)
            c->due[n++] = w->message;
    }
    return n;
}

static void let_go(weir_consumer *c, uint64_t renewed)
{
    weir_mutex_lock(&c->lock, NULL);
    for (size_t i = 0; i < c->count; i++)
        c->workers[i].renewing = false;
    c->counts.renewed += renewed;
    weir_cond_broadcast(&c->renewed);
    weir_mutex_unlock(&c->lock);
}

static uint64_t renew(weir_consumer *c, size_t n)
{
    uint64_t renewed = 0;
    const int err = wr_sub_renew(c->opts.sub, c->due, n, c->codes, &c->keep);
    if (err)
        wr_consumer_error(c, NULL, WEIR_CONSUMER_RENEW, err);
    for (size_t i = 0; i < n && !err; i++) {
        renewed += c->codes[i] == 0;
        if (c->codes[i])
            wr_consumer_error(c, c->due[i], WEIR_CONSUMER_RENEW, c->codes[i]);
    }
    return renewed;
}

void wr_consumer_keep(void *arg)
{
    weir_consumer *c = arg;
    const int64_t period = c->opts.sub->ack_wait / 3 + 1;
    wr_consumer_enter(c, &c->keeper, &c->keeping);
    while (weir_sleep(period, &c->keep) == 0) {
        weir_mutex_lock(&c->lock, NULL);
        const size_t n = collect(c, weir_now());
        weir_mutex_unlock(&c->lock);
        if (n)
            let_go(c, renew(c, n));
    }
    wr_consumer_leave(c, &c->keeper, &c->keeping);
    weir_wg_done(&c->ended);
}
