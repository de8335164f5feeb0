/* SPDX-License-Identifier: MIT */
/* The log of a persistent path: what was written, as far back as the limits
 * go. Messages have numbers; a reader is the number of its next message. */

#include "base/mem.h"
#include "store/path.h"

enum { FIRST_ROOM = 16 };

static struct wr_message **place(const struct wr_log *log, uint64_t number)
{
    return &log->ring[number & (log->room - 1)];
}

static int grow(struct wr_log *log)
{
    struct wr_log wide = *log;
    wide.room = log->room ? 2 * log->room : FIRST_ROOM;
    wide.ring = wr_alloc(wide.room * sizeof(*wide.ring));
    if (!wide.ring)
        return WEIR_ENOMEM;
    for (uint64_t i = log->first; i < log->end; i++)
        *place(&wide, i) = *place(log, i);
    wr_free(log->ring);
    *log = wide;
    return 0;
}

/* The oldest message, out of the log. */
static struct wr_message *trim(struct wr_log *log)
{
    struct wr_message *m = *place(log, log->first++);
    log->bytes -= m->size;
    return m;
}

static bool fits(const struct wr_path *p, size_t size)
{
    const struct wr_log *log = &p->log;
    return log->end - log->first < p->opts.keep_messages &&
           log->bytes + size <= p->opts.keep_bytes;
}

/* Locked. WEIR_BUSY: v is full, and m is not in yet. */
static int append(struct wr_path *p, struct wr_message *m, struct wr_victims *v)
{
    struct wr_log *log = &p->log;
    const uint64_t n = log->end - log->first;
    if (p->ended)
        return WEIR_CLOSED;
    if (m->size > p->opts.keep_bytes)
        return WEIR_LIMIT;
    if (!fits(p, m->size) && wr_inside_has_me(p->reporting))
        return WEIR_FULL;
    if (n == log->room && n < p->opts.keep_messages && grow(log))
        return WEIR_ENOMEM;
    while (!fits(p, m->size) && !wr_victims_full(v))
        v->list[v->n++] = trim(log);
    if (!fits(p, m->size))
        return WEIR_BUSY;
    *place(log, log->end++) = wr_message_ref(m);
    log->bytes += m->size;
    return 0;
}

int wr_log_append(struct wr_path *p, struct wr_message *m)
{
    struct wr_victims v = {.n = 0};
    int err;
    do {
        err = weir_mutex_lock(&p->lock, NULL);
        if (err)
            return err;
        err = append(p, m, &v);
        if (!err)
            weir_cond_broadcast(&p->news);
        weir_mutex_unlock(&p->lock);
        wr_victims_tell(p, &v, WEIR_DROP_FIRST);
    } while (err == WEIR_BUSY);
    return err;
}

/* Locked. WEIR_EMPTY: it has to wait. */
static int take(struct wr_reader *r, struct wr_message **m)
{
    const struct wr_path *p = r->path;
    if (r->closed)
        return WEIR_CLOSED;
    if (r->position < p->log.first) {
        r->position = p->log.first;
        return WEIR_LAGGED;
    }
    if (r->position == p->log.end)
        return p->ended ? WEIR_CLOSED : WEIR_EMPTY;
    *m = wr_message_ref(*place(&p->log, r->position++));
    return 0;
}

int wr_log_next(struct wr_reader *r, struct wr_message **m, weir_ctx *ctx)
{
    struct wr_path *p = r->path;
    int err = weir_mutex_lock(&p->lock, NULL);
    if (err)
        return err;
    while ((err = take(r, m)) == WEIR_EMPTY) {
        err = weir_cond_wait(&p->news, &p->lock, ctx);
        if (err)
            break;
    }
    weir_mutex_unlock(&p->lock);
    return err;
}

void wr_log_free(struct wr_log *log)
{
    while (log->first < log->end)
        wr_message_unref(trim(log));
    wr_free(log->ring);
}
