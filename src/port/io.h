/* SPDX-License-Identifier: MIT */
/*
 * System calls on descriptors, in the forms that waiting needs: EINTR is
 * retried, a failure is a negated errno. Each reads errno in a function of
 * its own, which no switch can fall into.
 */
#ifndef WR_PORT_IO_H
#define WR_PORT_IO_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

/* The file has no call that is sure not to block. No errno. */
enum { WR_IO_MAY_BLOCK = -6001 };

/* Without blocking: what the call does, -EAGAIN, or WR_IO_MAY_BLOCK. Send is
 * for sockets, -ENOTSOCK of others, and raises no SIGPIPE; nor does the quiet
 * write, which no kernel before Linux 6.18 has (WR_IO_MAY_BLOCK). */
ssize_t wr_io_read_now(int fd, const struct iovec *v, int n);
ssize_t wr_io_send_now(int fd, const struct iovec *v, int n);
ssize_t wr_io_write_now(int fd, const struct iovec *v, int n);
ssize_t wr_io_write_quietly(int fd, const struct iovec *v, int n);

/* The plain calls, which may block. */
ssize_t wr_io_read(int fd, const struct iovec *v, int n);
ssize_t wr_io_write(int fd, const struct iovec *v, int n);

/* The same, of pipes and terminals at most as much as a pipe that polls
 * writable takes at once. */
ssize_t wr_io_write_some(int fd, const struct iovec *v, int n);

ssize_t wr_io_recv(int fd, void *buf, size_t n, int flags,
                   struct sockaddr *addr, socklen_t *len);
ssize_t wr_io_send(int fd, const void *buf, size_t n, int flags,
                   const struct sockaddr *addr, socklen_t len);

/* The new descriptor is close-on-exec and non-blocking. */
int wr_io_accept(int fd, struct sockaddr *addr, socklen_t *len);

/* EINTR is not retried but -EINPROGRESS. Now: without blocking, whatever the
 * socket's mode. There is no flag for that, so a blocking one is made
 * non-blocking for the call: before it is connected nobody can use it. */
int wr_io_connect(int fd, const struct sockaddr *addr, socklen_t len);
int wr_io_connect_now(int fd, const struct sockaddr *addr, socklen_t len);
/* What became of the connection in progress. */
int wr_io_connect_result(int fd);

int wr_io_close(int fd);

/* ---- questions: 1, 0, or a negated errno --------------------------------- */

/* Regular file, directory or block device: never worth polling. */
int wr_io_is_file(int fd);
int wr_io_is_nonblocking(int fd);
int wr_io_is_listening(int fd);
/* A socket of a byte stream; of connections, which include those. */
int wr_io_is_stream(int fd);
int wr_io_has_connections(int fd);

/* Which of POLLIN and POLLOUT in events hold now, as bits; an error or
 * hang-up makes it all of them. */
int wr_io_ready(int fd, short events);

#endif
