/* SPDX-License-Identifier: MIT */
/*
 * File descriptors: the system's calls, made so that only the calling task
 * waits. Sockets, pipes, ttys, eventfds; a descriptor that epoll refuses
 * (regular files, directories, some devices) goes through the blocking pool.
 * A descriptor need not be non-blocking, and its mode is not changed.
 *
 * Each returns what the system call does, or a negative code: a negated
 * errno, WEIR_CANCELED or WEIR_TIMEDOUT (ctx ended first), WEIR_CLOSED
 * (weir_close ended the wait), WEIR_STOPPED (a thread's wait when the runtime
 * stops), WEIR_FORKED, WEIR_ENOMEM. ctx may be NULL. EINTR is retried. A write
 * may be short, also on a blocking descriptor: weir_write_full is not.
 */
#ifndef WEIR_IO_H
#define WEIR_IO_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <weir/ctx.h>

#ifdef __cplusplus
extern "C" {
#endif

WEIR_API ssize_t weir_read(int fd, void *buf, size_t n, weir_ctx *ctx);
WEIR_API ssize_t weir_write(int fd, const void *buf, size_t n, weir_ctx *ctx);
WEIR_API ssize_t weir_readv(int fd, const struct iovec *v, int n,
                            weir_ctx *ctx);
WEIR_API ssize_t weir_writev(int fd, const struct iovec *v, int n,
                             weir_ctx *ctx);

/* All n bytes: the count is below n only at the end of the input (read) or
 * when a failure came after some bytes; none at all: the failure. */
WEIR_API ssize_t weir_read_full(int fd, void *buf, size_t n, weir_ctx *ctx);
WEIR_API ssize_t weir_write_full(int fd, const void *buf, size_t n,
                                 weir_ctx *ctx);

/* The new descriptor is close-on-exec and non-blocking. */
WEIR_API int weir_accept(int fd, struct sockaddr *addr, socklen_t *len,
                         weir_ctx *ctx);
/* Waits until the connection stands or has failed. A blocking socket is made
 * non-blocking while the connection is begun. When ctx ends first, it goes on
 * in the background; another weir_connect waits for it again. */
WEIR_API int weir_connect(int fd, const struct sockaddr *addr, socklen_t len,
                          weir_ctx *ctx);
WEIR_API ssize_t weir_recvfrom(int fd, void *buf, size_t n, int flags,
                               struct sockaddr *addr, socklen_t *len,
                               weir_ctx *ctx);
WEIR_API ssize_t weir_sendto(int fd, const void *buf, size_t n, int flags,
                             const struct sockaddr *addr, socklen_t len,
                             weir_ctx *ctx);

enum { WEIR_READABLE = 1, WEIR_WRITABLE = 2 };

/* Waits until fd is ready for one of the events; the ready ones are the
 * result. An error or hang-up makes it ready for all. */
WEIR_API int weir_wait_fd(int fd, int events, weir_ctx *ctx);

/* Closes fd; whoever waits on it returns with WEIR_CLOSED. Use it in place of
 * close(2) for a descriptor that others may be waiting on. */
WEIR_API int weir_close(int fd);

#ifdef __cplusplus
}
#endif
#endif
