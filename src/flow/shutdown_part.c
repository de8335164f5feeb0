/* SPDX-License-Identifier: MIT */
/* The parts that a shutdown knows by itself, and what it has to say of all. */
#include "flow/shutdown.h"

#include <errno.h>
#include "base/misuse.h"

/* ---- a pool -------------------------------------------------------------- */

static weir_pool_counts pool_counts(const struct wr_part *p)
{
    weir_pool_counts n = {0};
    (void)weir_pool_get_counts(p->object, &n);
    return n;
}

static int stop_pool(void *arg)
{
    struct wr_part *p = arg;
    weir_pool_counts n = pool_counts(p);
    p->base = n.discarded + n.unsent;
    return weir_pool_close(p->object, WEIR_POOL_DRAIN);
}

static int drain_pool(void *arg, weir_ctx *ctx)
{
    struct wr_part *p = arg;
    return weir_pool_stop(p->object, WEIR_POOL_DRAIN, ctx);
}

static uint64_t pool_left(void *arg)
{
    const struct wr_part *p = arg;
    weir_pool_counts n = pool_counts(p);
    return n.discarded + n.unsent - p->base + n.queued + n.running;
}

int weir_shutdown_add_pool(weir_shutdown *s, const char *name, weir_pool *pool)
{
    const weir_shutdown_part part = {.name = name,
                                     .stop = stop_pool,
                                     .drain = drain_pool,
                                     .left = pool_left};
    if (!s || !name || !pool)
        return WR_MISUSE("no shutdown, no name, or no pool");
    return wr_shutdown_add(s, &part, pool);
}

/* ---- a pipeline ---------------------------------------------------------- */

static weir_pipeline_counts pipeline_counts(const struct wr_part *p)
{
    weir_pipeline_counts n = {0};
    (void)weir_pipeline_get_counts(p->object, -1, &n);
    return n;
}

static int stop_pipeline(void *arg)
{
    struct wr_part *p = arg;
    p->base = pipeline_counts(p).left;
    return weir_pipeline_close(p->object);
}

static int drain_pipeline(void *arg, weir_ctx *ctx)
{
    struct wr_part *p = arg;
    return weir_pipeline_stop(p->object, ctx);
}

static uint64_t pipeline_left(void *arg)
{
    const struct wr_part *p = arg;
    weir_pipeline_counts n = pipeline_counts(p);
    return n.left - p->base + n.inside;
}

int weir_shutdown_add_pipeline(weir_shutdown *s, const char *name,
                               weir_pipeline *p)
{
    const weir_shutdown_part part = {.name = name,
                                     .stop = stop_pipeline,
                                     .drain = drain_pipeline,
                                     .left = pipeline_left};
    if (!s || !name || !p)
        return WR_MISUSE("no shutdown, no name, or no pipeline");
    return wr_shutdown_add(s, &part, p);
}

/* ---- a channel ----------------------------------------------------------- */

static int stop_chan(void *arg)
{
    return weir_chan_close(((struct wr_part *)arg)->object);
}

static uint64_t chan_left(void *arg)
{
    return weir_chan_len(((struct wr_part *)arg)->object);
}

int weir_shutdown_add_chan(weir_shutdown *s, const char *name, weir_chan *c)
{
    const weir_shutdown_part part = {
        .name = name, .stop = stop_chan, .left = chan_left};
    if (!s || !name || !c)
        return WR_MISUSE("no shutdown, no name, or no channel");
    return wr_shutdown_add(s, &part, c);
}

/* ---- what became of them ------------------------------------------------- */

static int state_of(weir_shutdown *s)
{
    int err = weir_mutex_lock(&s->lock, NULL);
    if (err)
        return err;
    int state = s->state;
    weir_mutex_unlock(&s->lock);
    return state == WR_OVER ? 0 : WEIR_BUSY;
}

int weir_shutdown_get_report(weir_shutdown *s, size_t i,
                             weir_shutdown_report *out)
{
    if (!s || !out)
        return WR_MISUSE("no shutdown, or nowhere to put the report");
    int err = state_of(s);
    if (err)
        return err;
    const struct wr_part *p = s->first;
    for (; p && i > 0; i--)
        p = p->next;
    if (!p)
        return WEIR_EINVAL;
    *out = p->report;
    return 0;
}

int weir_shutdown_signal(weir_shutdown *s)
{
    if (!s)
        return WR_MISUSE("no shutdown");
    int err = weir_mutex_lock(&s->lock, NULL);
    if (err)
        return err;
    int signal = s->signal;
    weir_mutex_unlock(&s->lock);
    return signal;
}

static bool print_code(FILE *out, const char *what, int code)
{
    return code == 0 ||
           fprintf(out, ", %s: %s", what, weir_strerror(code)) >= 0;
}

static bool print_part(FILE *out, const weir_shutdown_report *r)
{
    const char *how = r->in_time ? "ended after"
                      : r->ended ? "ended late, after"
                                 : "still runs after";
    return fprintf(out, "%s: %s %.3f s, %llu left", r->name, how,
                   (double)r->took / (double)WEIR_SECOND,
                   (unsigned long long)r->left) >= 0 &&
           print_code(out, "stop", r->stopped) &&
           print_code(out, "drain", r->drained) && fputc('\n', out) != EOF;
}

int weir_shutdown_print(weir_shutdown *s, FILE *out)
{
    if (!s || !out)
        return WR_MISUSE("no shutdown, or nowhere to write to");
    int err = state_of(s);
    for (const struct wr_part *p = s->first; p && !err; p = p->next) {
        errno = 0;
        if (!print_part(out, &p->report))
            err = errno ? -errno : -EIO;
    }
    return err;
}
