/* SPDX-License-Identifier: MIT */
/*
 * Connecting: the call is made without blocking, and the socket polls writable
 * when it is through. A Unix socket is refused (EAGAIN) while the listener's
 * backlog is full, and nothing tells when it is not; then it is tried again
 * after a growing pause.
 *
 * Rejected: the blocking call on the blocking pool. So many peers that do not
 * answer as the pool has threads would hold up whatever else needs it, such
 * as the accept that they wait for.
 */
#include <errno.h>
#include <weir/io.h>
#include "sched/io.h"

struct connect {
    struct wr_io io;
    const struct sockaddr *addr;
    socklen_t len;
};

static ssize_t progress_attempt(struct wr_io *io)
{
    ssize_t n = wr_io_glance(io);
    return n == WR_IO_MAY_BLOCK ? wr_io_connect_result(io->fd) : n;
}

static ssize_t connect_attempt(struct wr_io *io)
{
    struct connect *c = (struct connect *)io;
    int err = wr_io_connect_now(io->fd, c->addr, c->len);
    if (err == -EAGAIN)
        return WR_IO_LATER;
    if (err != -EINPROGRESS && err != -EALREADY)
        return err;
    io->attempt = progress_attempt;
    return progress_attempt(io);
}

int weir_connect(int fd, const struct sockaddr *addr, socklen_t len,
                 weir_ctx *ctx)
{
    struct connect c = {
        .io = {.fd = fd, .events = WEIR_WRITABLE, .attempt = connect_attempt},
        .addr = addr,
        .len = len};
    if (!addr || len > sizeof(struct sockaddr_storage))
        return -EINVAL;
    int waits = wr_io_has_connections(fd);
    if (waits < 0)
        return waits;
    return waits ? (int)wr_io_run(&c.io, ctx) : wr_io_connect(fd, addr, len);
}
