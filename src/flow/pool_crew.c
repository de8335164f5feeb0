/* SPDX-License-Identifier: MIT */
/* Crews: the start and the end. What a worker does is in pool_worker.c. */
#include "flow/pool_crew.h"

#include <weir/stats.h>
#include <weir/time.h>
#include "base/mem.h"
#include "flow/pool_worker.h"

enum { WINDOW = 4 }; /* places of an ordered crew, for each worker */

/* ---- the end ------------------------------------------------------------- */

/* Nothing comes in from here on, and nothing is left in. */
static void close_and_empty(struct wr_crew *c, void *elem)
{
    weir_chan_close(c->in);
    while (weir_chan_try_recv(c->in, elem) == 0)
        wr_crew_discard(c, elem);
}

static bool sweeper_is(struct wr_crew *c, uint64_t task)
{
    weir_mutex_lock(&c->lock, NULL);
    c->sweeper = task;
    bool aborted = c->aborted;
    weir_mutex_unlock(&c->lock);
    return !aborted;
}

static void sweep(void *arg)
{
    struct wr_crew *c = arg;
    if (sweeper_is(c, weir_task_id()))
        close_and_empty(c, c->spare);
    sweeper_is(c, 0);
    weir_wg_done(&c->ended);
}

void wr_crew_finish(struct wr_crew *c, void *elem)
{
    if (c->in && weir_ctx_after_stop(&c->sweep) > 0)
        weir_wg_done(&c->ended);
    weir_mutex_lock(&c->lock, NULL);
    bool aborted = c->aborted;
    weir_mutex_unlock(&c->lock);
    c->cause = weir_ctx_cause(c->work);
    if (c->in && !aborted)
        close_and_empty(c, elem);
    if (c->out && !aborted && !c->keep_open)
        weir_chan_close(c->out);
}

/* ---- the start ----------------------------------------------------------- */

static int prepare_input(struct wr_crew *c)
{
    weir_chan_stats before;
    int err = weir_chan_get_stats(c->in, &before);
    c->base = before.received;
    c->spare = wr_alloc(c->in_size);
    if (err || !c->spare)
        return err ? err : WEIR_ENOMEM;
    weir_wg_add(&c->ended, 1);
    err = weir_ctx_after_func(&c->sweep, &c->intake, sweep, c);
    if (err)
        weir_wg_done(&c->ended);
    return err;
}

static int add_order(struct wr_crew *c, int workers)
{
    size_t window = c->window ? c->window : (size_t)workers * WINDOW;
    c->order = wr_order_new(window, c->out_size);
    return c->order ? 0 : WEIR_ENOMEM;
}

/* Locked. */
static int hire(struct wr_crew *c, int workers)
{
    int err = 0;
    while (!err && c->staying < workers)
        err = wr_worker_start(c);
    return err;
}

/* Locked. The newest first: they have had the least time to get a job. */
static void send_home(struct wr_crew *c, int workers)
{
    struct wr_worker *w = c->first;
    for (; w && c->staying > workers; w = w->next) {
        if (w->sent_home)
            continue;
        w->sent_home = true;
        c->staying--;
        weir_ctx_cancel(&w->take, 0);
    }
}

/* A thread that waits for the first time needs memory for that. It must have
 * it before there is a worker to be waited for. */
static int able_to_wait(void)
{
    return weir_in_task() ? 0 : weir_sleep(1, NULL);
}

/* The runtime runs by now. */
static int default_workers(void)
{
    int n = weir_workers();
    return n > 0 ? n : 1;
}

int wr_crew_start(struct wr_crew *c, int workers)
{
    weir_ctx_init(&c->intake, c->work);
    int err = able_to_wait();
    if (!err && c->in)
        err = prepare_input(c);
    if (err)
        return err;
    weir_mutex_lock(&c->lock, NULL);
    workers = workers ? workers : default_workers();
    err = c->ordered ? add_order(c, workers) : 0;
    if (!err)
        err = hire(c, workers);
    c->aborted = err != 0;
    bool none = c->live == 0;
    weir_mutex_unlock(&c->lock);
    if (err && none)
        wr_crew_finish(c, NULL);
    if (err)
        wr_crew_abort(c);
    return err;
}

int wr_crew_resize(struct wr_crew *c, int workers)
{
    int err = weir_mutex_lock(&c->lock, NULL);
    if (err)
        return err;
    err = c->live > 0 ? hire(c, workers) : WEIR_CLOSED;
    if (!err)
        send_home(c, workers);
    weir_mutex_unlock(&c->lock);
    return err;
}

/* ---- the rest ------------------------------------------------------------ */

void wr_crew_close(struct wr_crew *c, bool discard)
{
    if (c->in)
        weir_chan_close(c->in);
    if (discard || !c->in)
        weir_ctx_cancel(&c->intake, 0);
}

void wr_crew_abort(struct wr_crew *c)
{
    weir_mutex_lock(&c->lock, NULL);
    c->aborted = true;
    weir_mutex_unlock(&c->lock);
    weir_ctx_cancel(&c->intake, 0);
    weir_wg_wait(&c->ended, NULL);
}

int wr_crew_join(struct wr_crew *c, weir_ctx *ctx)
{
    return weir_wg_wait(&c->ended, ctx);
}

bool wr_crew_has_me(struct wr_crew *c)
{
    uint64_t me = weir_task_id();
    if (me == 0 || weir_mutex_lock(&c->lock, NULL) != 0)
        return false;
    bool found = c->sweeper == me || c->finisher == me;
    for (const struct wr_worker *w = c->first; w && !found; w = w->next)
        found = w->task == me;
    weir_mutex_unlock(&c->lock);
    return found;
}

int wr_crew_count(struct wr_crew *c, struct wr_crew_counts *out)
{
    int err = weir_mutex_lock(&c->lock, NULL);
    if (err)
        return err;
    *out = (struct wr_crew_counts){
        .in = c->made,
        .done = c->done,
        .failed = c->failed,
        .discarded = c->discarded,
        .skipped = c->skipped,
        .unsent = c->unsent,
        .workers = c->live,
    };
    weir_chan_stats st;
    if (c->in && weir_chan_get_stats(c->in, &st) == 0) {
        out->queued = st.queued;
        out->in = st.received - c->base + st.queued;
    }
    weir_mutex_unlock(&c->lock);
    out->running =
        out->in - out->queued - out->done - out->failed - out->discarded;
    return 0;
}

void wr_crew_free(struct wr_crew *c)
{
    weir_ctx_fini(&c->intake);
    wr_order_free(c->order);
    wr_free(c->spare);
    weir_chan_unref(c->in);
    weir_chan_unref(c->out);
}
