/* SPDX-License-Identifier: MIT */
#include "flow/pool_worker.h"

#include "base/mem.h"

enum { ALIGN = 16 };

static void count(struct wr_crew *c, uint64_t *one)
{
    weir_mutex_lock(&c->lock, NULL);
    ++*one;
    weir_mutex_unlock(&c->lock);
}

static void throw_away(const struct wr_crew_bin *bin, void *elem)
{
    if (bin->fn)
        bin->fn(elem, bin->arg);
}

void wr_crew_discard(struct wr_crew *c, void *elem)
{
    throw_away(&c->in_bin, elem);
    count(c, &c->discarded);
}

/* ---- one element --------------------------------------------------------- */

static void hand_on(void *arg, void *elem)
{
    struct wr_crew *c = arg;
    int err = weir_chan_send(c->out, elem, c->work);
    if (err)
        throw_away(&c->out_bin, elem);
    weir_mutex_lock(&c->lock, NULL);
    c->done++;
    c->unsent += err != 0;
    weir_mutex_unlock(&c->lock);
    if (err && c->out_required)
        weir_ctx_cancel(c->work, err);
}

/* Without a result that is to be handed on. */
static void settle(struct wr_crew *c, int code)
{
    bool failed = code != 0 && code != WEIR_SKIP;
    weir_mutex_lock(&c->lock, NULL);
    c->failed += failed;
    c->done += !failed;
    c->skipped += code == WEIR_SKIP;
    weir_mutex_unlock(&c->lock);
    if (failed && c->fail_fast)
        weir_ctx_cancel(c->work, code);
}

/* What fn returned has its place. */
static void put(struct wr_worker *w, int code, uint64_t ticket)
{
    struct wr_crew *c = w->crew;
    bool result = code == 0 && c->out;
    if (!result)
        settle(c, code);
    if (c->order)
        wr_order_put(c->order, ticket, result ? w->out : NULL, hand_on, c);
    else if (result)
        hand_on(c, w->out);
}

/* ---- one step: false when there is nothing more to do -------------------- */

/* A channel's own time limit is no end of the input. */
static bool after_no_element(struct wr_worker *w, int err)
{
    bool sent_home = weir_ctx_err(&w->take) != 0;
    if (err == WEIR_TIMEDOUT && !sent_home)
        return true;
    if (err != WEIR_CLOSED && !sent_home)
        weir_ctx_cancel(w->crew->work, err);
    return false;
}

/* work ends before the contexts below it do, and a job that it has woken may
 * be back before they have. */
static bool unwanted(const struct wr_crew *c)
{
    return weir_ctx_err(c->work) != 0 || weir_ctx_err(&c->intake) != 0;
}

static bool take_one(struct wr_worker *w)
{
    struct wr_crew *c = w->crew;
    uint64_t ticket = 0;
    int err = c->order
                  ? wr_order_take(c->order, c->in, w->in, &w->take, &ticket)
                  : weir_chan_recv(c->in, w->in, &w->take);
    if (err)
        return after_no_element(w, err);
    if (!unwanted(c)) {
        put(w, c->fn(w->in, c->out ? w->out : NULL, c->work, c->arg), ticket);
        return true;
    }
    wr_crew_discard(c, w->in);
    if (c->order)
        wr_order_put(c->order, ticket, NULL, hand_on, c);
    return true;
}

static bool make_one(struct wr_worker *w)
{
    struct wr_crew *c = w->crew;
    int code = c->fn(NULL, c->out ? w->out : NULL, &w->take, c->arg);
    bool told = (code == WEIR_CANCELED || code == WEIR_TIMEDOUT) &&
                weir_ctx_err(&w->take) != 0;
    if (code == WEIR_CLOSED || told)
        return false;
    count(c, &c->made);
    put(w, code, 0);
    return true;
}

static bool step(struct wr_worker *w)
{
    if (weir_ctx_err(&w->take) || unwanted(w->crew))
        return false;
    return w->crew->in ? take_one(w) : make_one(w);
}

/* ---- from the start to the end ------------------------------------------- */

/* Locked. Is it the last one? */
static bool unlink_worker(struct wr_worker *w)
{
    struct wr_worker **p = &w->crew->first;
    while (*p != w)
        p = &(*p)->next;
    *p = w->next;
    w->crew->staying -= !w->sent_home;
    return --w->crew->live == 0;
}

static void leave(struct wr_worker *w)
{
    struct wr_crew *c = w->crew;
    weir_mutex_lock(&c->lock, NULL);
    bool last = unlink_worker(w);
    c->finisher = last ? w->task : 0;
    weir_mutex_unlock(&c->lock);
    if (last)
        wr_crew_finish(c, w->in);
    weir_ctx_fini(&w->take);
    wr_free(w);
    weir_wg_done(&c->ended);
}

/* Whoever starts it has the lock until it is sure that the crew will be. */
static void work(void *arg)
{
    struct wr_worker *w = arg;
    weir_mutex_lock(&w->crew->lock, NULL);
    bool aborted = w->crew->aborted;
    w->task = weir_task_id();
    weir_mutex_unlock(&w->crew->lock);
    while (!aborted && step(w))
        continue;
    leave(w);
}

static size_t rounded(size_t size)
{
    return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

int wr_worker_start(struct wr_crew *c)
{
    size_t head = rounded(sizeof(struct wr_worker));
    size_t in = rounded(c->in_size);
    struct wr_worker *w = wr_alloc(head + in + rounded(c->out_size));
    if (!w)
        return WEIR_ENOMEM;
    w->crew = c;
    w->in = (char *)w + head;
    w->out = (char *)w->in + in;
    weir_ctx_init(&w->take, &c->intake);
    w->next = c->first;
    c->first = w;
    c->live++;
    c->staying++;
    weir_wg_add(&c->ended, 1);
    int err = weir_go_with(&c->task, work, w);
    if (!err)
        return 0;
    (void)unlink_worker(w);
    weir_wg_done(&c->ended);
    weir_ctx_fini(&w->take);
    wr_free(w);
    return err;
}
