/* SPDX-License-Identifier: MIT */
/* Descriptors for tests: pairs of them, bytes that tell where they belong,
 * and seeing that a party waits. */
#ifndef FDS_H
#define FDS_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>
#include "../chan/parties.h"
#include "sched/fd.h"

static inline int fds_count(const struct wr_queue *q)
{
    int n = 0;
    for (const struct wr_node *e = q->head; e; e = e->next)
        n++;
    return n;
}

/* How many nodes are queued at the descriptor. */
static inline int fds_waiters(int fd)
{
    struct wr_fd *r = wr_fd_find(fd);
    int n;
    if (!r)
        return 0;
    wr_lock(&r->lock);
    n = fds_count(&r->readers) + fds_count(&r->writers) + fds_count(&r->others);
    wr_unlock(&r->lock);
    return n;
}

static inline void fds_await_waiters(int fd, int n)
{
    while (fds_waiters(fd) < n)
        weir_yield();
}

static inline void fds_pair(int fd[2], int type)
{
    must_eq(socketpair(AF_UNIX, type, 0, fd), 0);
}

/* Writes what fits. How much that was. */
static inline size_t fds_fill(int fd)
{
    static const char chunk[4096];
    int flags = fcntl(fd, F_GETFL);
    size_t total = 0;
    ssize_t n;
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    while ((n = write(fd, chunk, sizeof chunk)) > 0 ||
           (n = write(fd, chunk, 1)) > 0)
        total += (size_t)n;
    fcntl(fd, F_SETFL, flags);
    return total;
}

/* The i-th byte of a stream. */
static inline unsigned char fds_byte(size_t i)
{
    return (unsigned char)(i * 7 + (i >> 8) * 13 + (i >> 16));
}

/* A socket with an address of its own on the loopback; it is in *at. */
static inline int fds_bound(struct sockaddr_in *at, int flags)
{
    socklen_t len = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    must(fd >= 0);
    *at = (struct sockaddr_in){.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    must_eq(bind(fd, (struct sockaddr *)at, sizeof *at), 0);
    must_eq(getsockname(fd, (struct sockaddr *)at, &len), 0);
    return fd;
}

static inline int fds_listen(struct sockaddr_in *at, int backlog, int flags)
{
    int fd = fds_bound(at, flags);
    must_eq(listen(fd, backlog), 0);
    return fd;
}

static inline int fds_tcp(int flags)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    must(fd >= 0);
    return fd;
}

static inline int fds_connect(int fd, const struct sockaddr_in *at,
                              weir_ctx *ctx)
{
    return weir_connect(fd, (const struct sockaddr *)at, sizeof *at, ctx);
}

#endif
