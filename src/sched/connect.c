/* SPDX-License-Identifier: MIT */
/*
 * Connecting. A non-blocking socket starts to connect and polls writable when
 * it is through. The call on a blocking one blocks, and its mode is not ours
 * to change; so it is made on the blocking pool, through a descriptor of its
 * own. Whoever gives up on it shuts the socket down, which ends the call, and
 * leaves the rest to the pool: the job is freed by who drops it last.
 */
#include <errno.h>
#include <string.h>
#include <weir/io.h>
#include "base/mem.h"
#include "sched/blocking.h"
#include "sched/io.h"
#include "sched/runtime.h"
#include "sync/ctx.h"

/* ---- non-blocking -------------------------------------------------------- */

static ssize_t progress_attempt(struct wr_io *io)
{
    ssize_t n = wr_io_glance(io);
    return n == WR_IO_MAY_BLOCK ? wr_io_connect_result(io->fd) : n;
}

static int connect_polled(struct wr_io *io, const struct sockaddr *addr,
                          socklen_t len, weir_ctx *ctx)
{
    int err = wr_io_connect(io->fd, addr, len);
    if (err != -EINPROGRESS && err != -EALREADY)
        return err;
    io->attempt = progress_attempt;
    return (int)wr_io_run(io, ctx);
}

/* ---- blocking ------------------------------------------------------------ */

struct connect_job {
    struct wr_job job;
    uint32_t users; /* the party and the pool                               */
    uint32_t given_up; /* by the party: the call is not to be made */
    int fd; /* of its own                                                   */
    socklen_t len;
    struct sockaddr_storage addr;
};

static void job_unref(struct connect_job *c)
{
    if (wr_sub(&c->users, 1) != 1)
        return;
    wr_io_close(c->fd);
    wr_free(c);
}

static int job_run(struct wr_job *j)
{
    struct connect_job *c = (struct connect_job *)j;
    if (wr_load(&c->given_up))
        return -ECANCELED;
    return wr_io_connect(c->fd, (struct sockaddr *)&c->addr, c->len);
}

static void job_end(struct wr_job *j)
{
    job_unref((struct connect_job *)j);
}

static int job_new(struct connect_job **out, int fd,
                   const struct sockaddr *addr, socklen_t len)
{
    struct connect_job *c = *out = wr_alloc(sizeof(*c));
    if (!c)
        return WEIR_ENOMEM;
    c->job.run = job_run;
    c->job.end = job_end;
    c->users = 2;
    c->len = len;
    memcpy(&c->addr, addr, len);
    c->fd = wr_io_dup(fd);
    int err = c->fd < 0 ? c->fd : 0;
    if (err)
        wr_free(c);
    return err;
}

enum { BY_JOB, BY_CLOSE, BY_CTX };

/* One waiter, three nodes: the job's end, weir_close, the context. */
struct connect_wait {
    struct wr_waiter waiter;
    struct wr_node job, close, end;
};

static int watch_close(struct wr_node *n, struct wr_io *io)
{
    wr_lock(n->lock);
    bool open = io->record->generation == io->generation;
    if (open)
        wr_queue_push(n);
    wr_unlock(n->lock);
    return open ? 0 : WEIR_CLOSED;
}

static void unwatch(struct wr_node *n)
{
    wr_lock(n->lock);
    wr_queue_remove(n);
    wr_unlock(n->lock);
}

/* Posts the job and waits. Whoever wins but the job: it is given up. */
static int await_job(struct connect_wait *x, struct connect_job *c, int fd)
{
    wr_outside_enter();
    wr_blocking_post(&c->job, &x->job);
    uint32_t won =
        wr_park(&x->waiter, WR_ON_FD_WRITE, (const void *)(intptr_t)fd);
    wr_outside_leave();
    unwatch(&x->job);
    unwatch(&x->close);
    if (won == BY_JOB)
        return c->job.result;
    wr_store(&c->given_up, 1);
    wr_io_shutdown(c->fd);
    return won == BY_CLOSE ? WEIR_CLOSED : x->end.status;
}

static int connect_watched(struct connect_wait *x, struct wr_io *io,
                           const struct sockaddr *addr, socklen_t len)
{
    struct wr_fd *r = io->record;
    struct connect_job *c;
    int err = job_new(&c, io->fd, addr, len);
    if (err)
        return err;
    wr_node_init(&x->close, &x->waiter, &r->others, &r->lock, BY_CLOSE, NULL);
    wr_node_init(&x->job, &x->waiter, &c->job.waiters, wr_blocking_lock(),
                 BY_JOB, NULL);
    err = watch_close(&x->close, io);
    if (err)
        job_unref(c);
    else
        err = await_job(x, c, io->fd);
    job_unref(c);
    return err;
}

static int connect_pooled(struct wr_io *io, const struct sockaddr *addr,
                          socklen_t len, weir_ctx *ctx)
{
    struct connect_wait x;
    weir_ctx *live = wr_ctx_live(ctx);
    int err = wr_io_begin(io);
    if (!err)
        err = wr_runtime_need();
    if (!err)
        err = wr_can_wait();
    if (err)
        return err;
    wr_waiter_init(&x.waiter);
    if (live && (err = wr_ctx_watch(live, &x.end, &x.waiter, BY_CTX)) != 0)
        return err;
    err = connect_watched(&x, io, addr, len);
    if (live)
        unwatch(&x.end);
    return err;
}

int weir_connect(int fd, const struct sockaddr *addr, socklen_t len,
                 weir_ctx *ctx)
{
    struct wr_io io = {.fd = fd, .events = WEIR_WRITABLE};
    if (!addr || len > sizeof(struct sockaddr_storage))
        return -EINVAL;
    int nonblocking = wr_io_is_nonblocking(fd);
    int waits = nonblocking ? nonblocking : wr_io_has_connections(fd);
    if (waits < 0)
        return waits;
    if (nonblocking)
        return connect_polled(&io, addr, len, ctx);
    return waits ? connect_pooled(&io, addr, len, ctx)
                 : wr_io_connect(fd, addr, len);
}
