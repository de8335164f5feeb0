/* SPDX-License-Identifier: MIT */
/* A path's life from its first opening to its last reader. */
#include "store/path.h"

#include <string.h>

#include "base/mem.h"

#define DEFAULT_MESSAGES ((size_t)65536)
#define DEFAULT_BYTES    ((size_t)64 << 20)

/* ---- its life ------------------------------------------------------------ */

struct wr_path *wr_path_new(const char *name, const weir_store_channel_opts *o)
{
    const size_t size = strlen(name) + 1;
    struct wr_path *p = wr_alloc(sizeof(*p) + size);
    if (!p)
        return NULL;
    p->refs = 1;
    p->opts = *o;
    if (!o->keep_messages)
        p->opts.keep_messages = DEFAULT_MESSAGES;
    if (!o->keep_bytes)
        p->opts.keep_bytes = DEFAULT_BYTES;
    p->named.name = memcpy(p->name, name, size);
    if (o->persistent || wr_lane_add(p) == 0)
        return p;
    wr_free(p);
    return NULL;
}

struct wr_path *wr_path_ref(struct wr_path *p)
{
    __atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
    return p;
}

void wr_path_unref(struct wr_path *p)
{
    if (__atomic_fetch_sub(&p->refs, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    wr_lanes_free(p);
    wr_log_free(&p->log);
    wr_free(p);
}

int wr_path_enter(struct wr_path *p)
{
    int err = weir_mutex_lock(&p->lock, NULL);
    if (err)
        return err;
    if (p->ended)
        err = WEIR_CLOSED;
    else
        p->writers++;
    weir_mutex_unlock(&p->lock);
    return err;
}

bool wr_path_has_ended(struct wr_path *p)
{
    weir_mutex_lock(&p->lock, NULL);
    const bool ended = p->ended;
    weir_mutex_unlock(&p->lock);
    return ended;
}

void wr_path_end(struct wr_path *p)
{
    weir_mutex_lock(&p->lock, NULL);
    p->ended = true;
    wr_lanes_close(p);
    weir_cond_broadcast(&p->news);
    weir_mutex_unlock(&p->lock);
}

/* ---- writing ------------------------------------------------------------- */

static void count(struct wr_path *p, const struct wr_message *m)
{
    __atomic_fetch_add(&p->written, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&p->bytes, m->size, __ATOMIC_RELAXED);
}

int wr_path_write(struct wr_path *p, struct wr_message *m, weir_ctx *ctx)
{
    int err =
        p->opts.persistent ? wr_log_append(p, m) : wr_lanes_send(p, m, ctx);
    if (!err)
        count(p, m);
    return err;
}

static int offer(struct wr_path *p, struct wr_message *m, bool drop_oldest,
                 size_t *dropped)
{
    if (p->opts.persistent)
        return wr_log_append(p, m);
    if (wr_path_has_ended(p))
        return WEIR_CLOSED;
    return wr_lanes_offer(p, m, drop_oldest && !wr_drop_inside(p), dropped);
}

int wr_path_offer(struct wr_path *p, struct wr_message *m, bool drop_oldest,
                  size_t *dropped)
{
    int err = offer(p, m, drop_oldest, dropped);
    if (!err)
        count(p, m);
    return err;
}

/* ---- the account --------------------------------------------------------- */

static void log_stats(const struct wr_path *p, weir_chan_stats *s)
{
    const struct wr_log *log = &p->log;
    s->sent = s->entered = log->end;
    s->dropped = s->dropped_by[WEIR_DROP_FIRST] = log->first;
    s->queued = log->end - log->first;
    s->bytes = log->bytes;
    s->capacity = p->opts.keep_messages;
    s->max_bytes = p->opts.keep_bytes;
    s->utilization = (double)s->queued / (double)s->capacity;
}

int wr_path_stats(struct wr_path *p, weir_store_stats *out)
{
    int err = weir_mutex_lock(&p->lock, NULL);
    if (err)
        return err;
    *out = (weir_store_stats){
        .written = __atomic_load_n(&p->written, __ATOMIC_RELAXED),
        .bytes = __atomic_load_n(&p->bytes, __ATOMIC_RELAXED),
        .kept = p->log.end - p->log.first,
        .kept_bytes = p->log.bytes,
        .writers = p->writers,
        .readers = p->readers,
        .ended = p->ended,
    };
    if (p->opts.persistent)
        log_stats(p, &out->queue);
    else
        wr_lanes_stats(p, &out->queue);
    weir_mutex_unlock(&p->lock);
    return 0;
}
