/* SPDX-License-Identifier: MIT */
/* A worker of a consumer: receive, handle, settle, until there is an end. See
 * event/consumer.h. */
#include "event/consumer.h"

#include <weir/time.h>

/* ---- settling ------------------------------------------------------------ */

/* The count for a message by how its settle ended; NULL: the engine could not,
 * which is told. */
static uint64_t *count_of(weir_consumer *c, const weir_message *m, int err,
                          uint64_t *done)
{
    if (err == 0)
        return done;
    if (err == WEIR_EXPIRED)
        return &c->counts.expired;
    wr_consumer_error(c, m, WEIR_CONSUMER_SETTLE, err);
    return NULL;
}

/* As a failure, also what could not be settled otherwise: trouble that came
 * back at once would be a loop. */
static uint64_t *give_back(weir_consumer *c, weir_message *m)
{
    const bool delays = c->opts.sub->engine->caps.delay;
    const int64_t delay =
        delays ? weir_backoff_after(&c->backoff, m->deliveries) : 0;
    uint64_t *count =
        count_of(c, m, weir_message_nak(m, delay, NULL), &c->counts.naked);
    return count ? count : &c->counts.returned;
}

/* By what the handler returned. Which count it is for. */
static uint64_t *settle(weir_consumer *c, weir_message *m, int code)
{
    uint64_t *count = NULL;
    if (code >= 0)
        count = count_of(c, m, weir_message_ack(m, NULL), &c->counts.acked);
    else if (code == WEIR_TERM)
        count = count_of(c, m, weir_message_term(m, NULL), &c->counts.termed);
    else if (code == WEIR_CLOSED || weir_ctx_err(&c->work))
        count = &c->counts.returned;
    return count ? count : give_back(c, m);
}

/* ---- handling ------------------------------------------------------------ */

static int64_t later(int64_t ns)
{
    const int64_t now = weir_now();
    return ns < WEIR_FOREVER - now ? now + ns : WEIR_FOREVER;
}

static void take(struct wr_consumer_worker *w, weir_message *m)
{
    weir_consumer *c = w->consumer;
    const int64_t until = c->opts.limit ? later(c->opts.limit) : 0;
    weir_mutex_lock(&c->lock, NULL);
    w->message = m;
    w->until = until;
    c->counts.received++;
    c->counts.running++;
    weir_mutex_unlock(&c->lock);
}

/* From here on the keeper leaves its message alone. */
static void take_from_keeper(struct wr_consumer_worker *w)
{
    weir_consumer *c = w->consumer;
    weir_mutex_lock(&c->lock, NULL);
    w->until = 0;
    while (w->renewing)
        weir_cond_wait(&c->renewed, &c->lock, NULL);
    w->message = NULL;
    weir_mutex_unlock(&c->lock);
}

static int call_limited(weir_consumer *c, const weir_message *m)
{
    weir_ctx limit;
    if (c->opts.limit == 0 || c->opts.limit == WEIR_FOREVER)
        return c->opts.fn(m, &c->work, c->opts.arg);
    int code = weir_ctx_init_timeout(&limit, &c->work, c->opts.limit);
    if (code)
        return code;
    code = c->opts.fn(m, &limit, c->opts.arg);
    weir_ctx_fini(&limit);
    return code;
}

static void note_closed(weir_consumer *c)
{
    weir_mutex_lock(&c->lock, NULL);
    c->cause = WEIR_CLOSED;
    weir_mutex_unlock(&c->lock);
    wr_consumer_shut(c, WEIR_CONSUMER_DRAIN, WEIR_CLOSED);
}

/* What a discard found between the receive and the call is not handled. */
static int handle(struct wr_consumer_worker *w, const weir_message *m)
{
    weir_consumer *c = w->consumer;
    if (weir_ctx_err(&c->work))
        return WEIR_CANCELED;
    const int code = call_limited(c, m);
    if (code < 0)
        wr_consumer_error(c, m, WEIR_CONSUMER_HANDLE, code);
    if (code == WEIR_CLOSED)
        note_closed(c);
    return code;
}

static void consume(struct wr_consumer_worker *w, weir_message *m)
{
    weir_consumer *c = w->consumer;
    take(w, m);
    const int code = handle(w, m);
    take_from_keeper(w);
    uint64_t *count = settle(c, m, code);
    weir_message_free(m);
    weir_mutex_lock(&c->lock, NULL);
    c->counts.running--;
    ++*count;
    weir_mutex_unlock(&c->lock);
}

/* ---- receiving ----------------------------------------------------------- */

/* work ends before intake, which is below it, does; and a handler that it has
 * woken may be back before that. */
static bool ends(const weir_consumer *c)
{
    return weir_ctx_err(&c->work) || weir_ctx_err(&c->intake);
}

/* Is it worth trying again? */
static bool after_no_message(struct wr_consumer_worker *w, int err)
{
    weir_consumer *c = w->consumer;
    if (err == WEIR_CLOSED || ends(c))
        return false;
    wr_consumer_error(c, NULL, WEIR_CONSUMER_RECV, err);
    if (err == WEIR_LAGGED)
        return true;
    const int64_t delay = weir_backoff_after(&c->backoff, ++w->troubles);
    return weir_sleep(delay, &c->intake) == 0;
}

static bool step(struct wr_consumer_worker *w)
{
    weir_consumer *c = w->consumer;
    weir_message *m;
    if (ends(c))
        return false;
    const int err = weir_sub_recv(c->opts.sub, &m, &c->intake);
    if (err)
        return after_no_message(w, err);
    w->troubles = 0;
    consume(w, m);
    return true;
}

/* ---- from the start to the end ------------------------------------------- */

static void leave(struct wr_consumer_worker *w)
{
    weir_consumer *c = w->consumer;
    wr_consumer_leave(c, &w->inside, &w->handler);
    weir_mutex_lock(&c->lock, NULL);
    const bool last = --c->counts.workers == 0;
    if (last && weir_ctx_err(&c->work))
        c->cause = weir_ctx_cause(&c->work);
    weir_mutex_unlock(&c->lock);
    if (last)
        weir_ctx_cancel(&c->keep, 0);
    weir_wg_done(&c->ended);
}

void wr_consumer_work(void *arg)
{
    struct wr_consumer_worker *w = arg;
    wr_consumer_enter(w->consumer, &w->inside, &w->handler);
    while (!w->consumer->aborted && step(w))
        continue;
    leave(w);
}
