/* SPDX-License-Identifier: MIT */
/*
 * Calls on descriptors. How one of them avoids blocking its thread:
 *
 *   sockets, pipes, eventfds   a call that does not block, whatever the mode
 *   others, non-blocking       the plain call
 *   others, blocking           polled first, then the plain call on the pool
 *   files                      the plain call on the pool
 *
 * Nobody's O_NONBLOCK is changed (connect does so for an instant): the open
 * file may be shared with other processes. The price is paid by terminals, by
 * eventfds that are written and by listening sockets in blocking mode: a hop
 * through the pool, and a call there that ends neither by its context nor by
 * weir_close in the rare case that another process was faster than the poll.
 */
#include "base/misuse.h"
#include "sched/io.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <weir/io.h>
#include <weir/task.h>

/* ---- the common part ----------------------------------------------------- */

_Static_assert(WEIR_READABLE == 1 && WEIR_WRITABLE == 2, "bits of an array");

static short poll_bits(int events)
{
    return (short)((events & WEIR_READABLE ? POLLIN : 0) |
                   (events & WEIR_WRITABLE ? POLLOUT : 0));
}

ssize_t wr_io_glance(const struct wr_io *io)
{
    int ready = wr_io_ready(io->fd, poll_bits(io->events));
    return ready > 0 ? WR_IO_MAY_BLOCK : ready == 0 ? -EAGAIN : ready;
}

int wr_io_begin(struct wr_io *io)
{
    if (io->fd < 0)
        return -EBADF;
    struct wr_fd *r = wr_fd_find(io->fd);
    io->file = false;
    if (!r || !wr_load_rlx(&r->not_file)) {
        int file = wr_io_is_file(io->fd);
        if (file < 0)
            return file;
        io->file = file;
        if (!r)
            r = wr_fd_get(io->fd);
        if (!r)
            return WEIR_ENOMEM;
        wr_store_rlx(&r->not_file, !file);
    }
    io->record = r;
    io->generation = wr_fd_generation(r);
    return 0;
}

/* Of several that may block only one goes on what the poll said. */
static ssize_t in_turn(struct wr_io *io)
{
    struct wr_fd *r = io->record;
    uint32_t *turn = &r->turn[io->events == WEIR_WRITABLE];
    wr_lock(turn);
    ssize_t n =
        wr_fd_generation(r) == io->generation ? wr_io_glance(io) : WEIR_CLOSED;
    if (n == WR_IO_MAY_BLOCK)
        n = io->plain(io);
    wr_unlock(turn);
    return n;
}

struct offload {
    struct wr_io *io;
    ssize_t result;
};

static int offload_run(void *arg)
{
    struct offload *o = arg;
    o->result = o->io->file ? o->io->plain(o->io) : in_turn(o->io);
    return 0;
}

static ssize_t offload(struct wr_io *io)
{
    struct offload o = {.io = io};
    int err = weir_blocking(offload_run, &o);
    return err ? err : o.result;
}

/* The guess was wrong: what cannot be polled is always ready. */
static ssize_t refused(struct wr_io *io)
{
    wr_store_rlx(&io->record->not_file, 0);
    io->file = true;
    return io->plain ? offload(io) : -EPERM;
}

/* 1 ms, doubled up to 32. */
static int pause_longer(struct wr_io *io, weir_ctx *ctx)
{
    if (io->pause == 0)
        io->pause = WEIR_MILLISECOND;
    else if (io->pause < 32 * WEIR_MILLISECOND)
        io->pause *= 2;
    return wr_fd_pause(io->record, io->fd, io->generation, io->pause, ctx);
}

static int wait_for_turn(struct wr_io *io, ssize_t answer, weir_ctx *ctx)
{
    if (answer == WR_IO_LATER)
        return pause_longer(io, ctx);
    return wr_fd_wait(io->record, io->fd, io->generation, io->events, ctx);
}

ssize_t wr_io_run(struct wr_io *io, weir_ctx *ctx)
{
    int err = wr_io_begin(io);
    if (err)
        return err;
    ssize_t n = io->attempt(io);
    for (;;) {
        if (n == WR_IO_MAY_BLOCK)
            n = offload(io);
        if ((n != -EAGAIN && n != WR_IO_LATER) || io->file)
            return n;
        err = wait_for_turn(io, n, ctx);
        if (err)
            return err == -EPERM ? refused(io) : err;
        n = io->attempt(io);
        wr_fd_unpin(io->record);
    }
}

/* ---- reading and writing ------------------------------------------------- */

struct rw {
    struct wr_io io;
    const struct iovec *v;
    int n;
};

static ssize_t rw_plain(struct wr_io *io)
{
    struct rw *c = (struct rw *)io;
    if (io->events == WEIR_READABLE)
        return wr_io_read(io->fd, c->v, c->n);
    if (io->file)
        return wr_io_write(io->fd, c->v, c->n);
    return wr_io_write_some(io->fd, c->v, c->n);
}
static bool all_empty(const struct iovec *v, int n)
{
    for (int i = 0; i < n; i++)
        if (v[i].iov_len > 0)
            return false;
    return true;
}

/* The way that is right for every file. */
static ssize_t write_anyhow(struct rw *c)
{
    uint32_t *writes = &c->io.record->writes;
    ssize_t n = wr_io_send_now(c->io.fd, c->v, c->n);
    if (n != -ENOTSOCK)
        return n;
    n = wr_io_write_now(c->io.fd, c->v, c->n);
    if (n != WR_IO_MAY_BLOCK && wr_load_rlx(writes) == WR_WRITES_ANYHOW)
        wr_store_rlx(writes, WR_WRITES_QUIETLY);
    return n;
}

/* The record may speak of an earlier file. If this is a socket, the quiet call
 * is right too, unless nothing is sent. A pipe's EPIPE comes with a signal. */
static ssize_t write_now(struct rw *c)
{
    uint32_t *writes = &c->io.record->writes;
    if (wr_load_rlx(writes) != WR_WRITES_QUIETLY || all_empty(c->v, c->n))
        return write_anyhow(c);
    ssize_t n = wr_io_write_quietly(c->io.fd, c->v, c->n);
    if (n == WR_IO_MAY_BLOCK)
        wr_store_rlx(writes, WR_WRITES_ALOUD);
    return n == WR_IO_MAY_BLOCK || n == -EPIPE ? write_anyhow(c) : n;
}

static ssize_t rw_attempt(struct wr_io *io)
{
    struct rw *c = (struct rw *)io;
    if (io->file)
        return WR_IO_MAY_BLOCK;
    ssize_t n = io->events == WEIR_READABLE ? wr_io_read_now(io->fd, c->v, c->n)
                                            : write_now(c);
    if (n != WR_IO_MAY_BLOCK)
        return n;
    int nonblocking = wr_io_is_nonblocking(io->fd);
    if (nonblocking < 0)
        return nonblocking;
    return nonblocking ? rw_plain(io) : wr_io_glance(io);
}

static ssize_t rw(int fd, int events, const struct iovec *v, int n,
                  weir_ctx *ctx)
{
    if (n < 0 || n > IOV_MAX || (n > 0 && !v))
        return -EINVAL;
    struct rw c = {.io = {.fd = fd,
                          .events = events,
                          .attempt = rw_attempt,
                          .plain = rw_plain},
                   .v = v,
                   .n = n};
    if (events == WEIR_READABLE && all_empty(v, n))
        return wr_io_read(fd, v, n);
    return wr_io_run(&c.io, ctx);
}

ssize_t weir_readv(int fd, const struct iovec *v, int n, weir_ctx *ctx)
{
    return rw(fd, WEIR_READABLE, v, n, ctx);
}

ssize_t weir_writev(int fd, const struct iovec *v, int n, weir_ctx *ctx)
{
    return rw(fd, WEIR_WRITABLE, v, n, ctx);
}

ssize_t weir_read(int fd, void *buf, size_t n, weir_ctx *ctx)
{
    struct iovec v = {buf, n};
    return rw(fd, WEIR_READABLE, &v, 1, ctx);
}

ssize_t weir_write(int fd, const void *buf, size_t n, weir_ctx *ctx)
{
    struct iovec v = {(void *)(uintptr_t)buf, n};
    return rw(fd, WEIR_WRITABLE, &v, 1, ctx);
}

static ssize_t full(int fd, int events, char *buf, size_t n, weir_ctx *ctx)
{
    size_t done = 0;
    while (done < n) {
        struct iovec v = {buf + done, n - done};
        ssize_t k = rw(fd, events, &v, 1, ctx);
        if (k < 0 && done == 0)
            return k;
        if (k <= 0)
            break;
        done += (size_t)k;
    }
    return (ssize_t)done;
}

ssize_t weir_read_full(int fd, void *buf, size_t n, weir_ctx *ctx)
{
    return n > SSIZE_MAX ? -EINVAL : full(fd, WEIR_READABLE, buf, n, ctx);
}

ssize_t weir_write_full(int fd, const void *buf, size_t n, weir_ctx *ctx)
{
    return n > SSIZE_MAX
               ? -EINVAL
               : full(fd, WEIR_WRITABLE, (char *)(uintptr_t)buf, n, ctx);
}

/* ---- readiness ----------------------------------------------------------- */

static ssize_t ready_attempt(struct wr_io *io)
{
    int ready = wr_io_ready(io->fd, poll_bits(io->events));
    if (ready <= 0)
        return ready ? ready : -EAGAIN;
    return (ready & POLLIN ? WEIR_READABLE : 0) |
           (ready & POLLOUT ? WEIR_WRITABLE : 0);
}

int weir_wait_fd(int fd, int events, weir_ctx *ctx)
{
    if (events < 1 || events > (WEIR_READABLE | WEIR_WRITABLE))
        return WR_MISUSE("no events, or unknown events");
    struct wr_io io = {.fd = fd, .events = events, .attempt = ready_attempt};
    return (int)wr_io_run(&io, ctx);
}
