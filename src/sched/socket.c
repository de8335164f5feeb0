/* SPDX-License-Identifier: MIT */
/* Calls on sockets: accept, and datagrams and messages with their flags. */
#include <errno.h>
#include <weir/io.h>
#include "sched/io.h"

/* ---- accept -------------------------------------------------------------- */

struct accept {
    struct wr_io io;
    struct sockaddr *addr;
    socklen_t *len;
};

static ssize_t accept_plain(struct wr_io *io)
{
    struct accept *c = (struct accept *)io;
    return wr_io_accept(io->fd, c->addr, c->len);
}

/* The call has no flag against blocking; only the socket's mode counts. On
 * what does not listen it fails at once. */
static ssize_t accept_attempt(struct wr_io *io)
{
    int nonblocking = wr_io_is_nonblocking(io->fd);
    int listening = nonblocking ? nonblocking : wr_io_is_listening(io->fd);
    if (listening < 0)
        return listening;
    return nonblocking || !listening ? accept_plain(io) : wr_io_glance(io);
}

int weir_accept(int fd, struct sockaddr *addr, socklen_t *len, weir_ctx *ctx)
{
    struct accept c = {.io = {.fd = fd,
                              .events = WEIR_READABLE,
                              .attempt = accept_attempt,
                              .plain = accept_plain},
                       .addr = addr,
                       .len = len};
    return (int)wr_io_run(&c.io, ctx);
}

/* ---- receive ------------------------------------------------------------- */

struct message {
    struct wr_io io;
    char *buf;
    size_t n;
    int flags;
    struct sockaddr *addr;
    socklen_t *len; /* of receive */
    socklen_t addr_len;
};

/* What the system answers at once even for a blocking socket. */
enum { NEVER_WAITS = MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB };

static ssize_t recv_attempt(struct wr_io *io)
{
    struct message *c = (struct message *)io;
    return wr_io_recv(io->fd, c->buf, c->n, c->flags | MSG_DONTWAIT, c->addr,
                      c->len);
}

static ssize_t recv_some(struct message *c, weir_ctx *ctx)
{
    c->io.attempt = recv_attempt;
    c->io.events = WEIR_READABLE;
    return wr_io_run(&c->io, ctx);
}

/* MSG_WAITALL on a stream: until the buffer is full, as the system does. */
static ssize_t recv_all(struct message *c, weir_ctx *ctx)
{
    size_t done = 0, want = c->n;
    char *buf = c->buf;
    do {
        c->buf = buf + done;
        c->n = want - done;
        ssize_t k = recv_some(c, ctx);
        if (k < 0 && done == 0)
            return k;
        if (k <= 0)
            break;
        done += (size_t)k;
    } while (done < want);
    return (ssize_t)done;
}

ssize_t weir_recvfrom(int fd, void *buf, size_t n, int flags,
                      struct sockaddr *addr, socklen_t *len, weir_ctx *ctx)
{
    struct message c = {.io = {.fd = fd},
                        .buf = buf,
                        .n = n,
                        .flags = flags & ~MSG_WAITALL,
                        .addr = addr,
                        .len = len};
    if (flags & NEVER_WAITS)
        return wr_io_recv(fd, buf, n, flags, addr, len);
    if (flags & MSG_WAITALL && !(flags & MSG_PEEK) && wr_io_is_stream(fd) == 1)
        return recv_all(&c, ctx);
    return recv_some(&c, ctx);
}

/* ---- send ---------------------------------------------------------------- */

/*
 * A datagram to a Unix socket that we are not connected to: the sender polls
 * writable while the receiver's queue is full, and nothing tells when it is
 * not.
 */
static bool peer_is_full(const struct message *c)
{
    return c->addr && c->addr->sa_family == AF_UNIX &&
           wr_io_glance(&c->io) == WR_IO_MAY_BLOCK;
}

static ssize_t send_attempt(struct wr_io *io)
{
    struct message *c = (struct message *)io;
    ssize_t k =
        wr_io_send(io->fd, c->buf, c->n, c->flags | MSG_DONTWAIT | MSG_NOSIGNAL,
                   c->addr, c->addr_len);
    return k == -EAGAIN && peer_is_full(c) ? WR_IO_LATER : k;
}

ssize_t weir_sendto(int fd, const void *buf, size_t n, int flags,
                    const struct sockaddr *addr, socklen_t len, weir_ctx *ctx)
{
    struct message c = {
        .io = {.fd = fd, .events = WEIR_WRITABLE, .attempt = send_attempt},
        .buf = (char *)(uintptr_t)buf,
        .n = n,
        .flags = flags,
        .addr = (struct sockaddr *)(uintptr_t)addr,
        .addr_len = len};
    if (flags & NEVER_WAITS & ~MSG_OOB)
        return wr_io_send(fd, buf, n, flags | MSG_NOSIGNAL, addr, len);
    return wr_io_run(&c.io, ctx);
}
