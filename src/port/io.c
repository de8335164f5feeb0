/* SPDX-License-Identifier: MIT */
#include "port/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>
#include "port/atomic.h"

#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x100 /* Linux 6.18 */
#endif

#define RETRY(call)                                                            \
    do                                                                         \
        r = (call);                                                            \
    while (r < 0 && errno == EINTR)

#define RESULT_OF(call)                                                        \
    do {                                                                       \
        ssize_t r;                                                             \
        RETRY(call);                                                           \
        return r < 0 ? -errno : r;                                             \
    } while (0)

/* ---- reading and writing ------------------------------------------------- */

static WR_NOINLINE ssize_t read_nowait(int fd, const struct iovec *v, int n)
{
    RESULT_OF(preadv2(fd, v, n, -1, RWF_NOWAIT));
}

static WR_NOINLINE ssize_t write_nowait(int fd, const struct iovec *v, int n,
                                        int flags)
{
    RESULT_OF(pwritev2(fd, v, n, -1, RWF_NOWAIT | flags));
}

static struct msghdr message(const struct iovec *v, int n)
{
    struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)v,
                       .msg_iovlen = (size_t)n};
    return m;
}

static WR_NOINLINE ssize_t recv_nowait(int fd, const struct iovec *v, int n)
{
    struct msghdr m = message(v, n);
    RESULT_OF(recvmsg(fd, &m, MSG_DONTWAIT));
}

WR_NOINLINE ssize_t wr_io_send_now(int fd, const struct iovec *v, int n)
{
    struct msghdr m = message(v, n);
    RESULT_OF(sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static bool refused(ssize_t r)
{
    return r == -EOPNOTSUPP || r == -ENOSYS;
}

ssize_t wr_io_read_now(int fd, const struct iovec *v, int n)
{
    ssize_t r = read_nowait(fd, v, n);
    if (refused(r))
        r = recv_nowait(fd, v, n);
    return r == -ENOTSOCK ? WR_IO_MAY_BLOCK : r;
}

ssize_t wr_io_write_now(int fd, const struct iovec *v, int n)
{
    ssize_t r = write_nowait(fd, v, n, 0);
    return refused(r) ? WR_IO_MAY_BLOCK : r;
}

ssize_t wr_io_write_quietly(int fd, const struct iovec *v, int n)
{
    ssize_t r = write_nowait(fd, v, n, RWF_NOSIGNAL);
    return refused(r) ? WR_IO_MAY_BLOCK : r;
}

WR_NOINLINE ssize_t wr_io_read(int fd, const struct iovec *v, int n)
{
    RESULT_OF(readv(fd, v, n));
}

WR_NOINLINE ssize_t wr_io_write(int fd, const struct iovec *v, int n)
{
    RESULT_OF(writev(fd, v, n));
}

static bool takes_pieces(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 &&
           (S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(fd)));
}

ssize_t wr_io_write_some(int fd, const struct iovec *v, int n)
{
    while (n > 1 && v->iov_len == 0)
        v++, n--;
    if (n < 1 || !takes_pieces(fd))
        return wr_io_write(fd, v, n);
    struct iovec some = *v;
    if (some.iov_len > PIPE_BUF)
        some.iov_len = PIPE_BUF;
    return wr_io_write(fd, &some, 1);
}

/* ---- sockets ------------------------------------------------------------- */

WR_NOINLINE ssize_t wr_io_recv(int fd, void *buf, size_t n, int flags,
                               struct sockaddr *addr, socklen_t *len)
{
    RESULT_OF(recvfrom(fd, buf, n, flags, addr, len));
}

WR_NOINLINE ssize_t wr_io_send(int fd, const void *buf, size_t n, int flags,
                               const struct sockaddr *addr, socklen_t len)
{
    RESULT_OF(sendto(fd, buf, n, flags, addr, len));
}

WR_NOINLINE int wr_io_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
    int r;
    RETRY(accept4(fd, addr, len, SOCK_CLOEXEC | SOCK_NONBLOCK));
    return r < 0 ? -errno : r;
}

WR_NOINLINE int wr_io_connect(int fd, const struct sockaddr *addr,
                              socklen_t len)
{
    if (connect(fd, addr, len) == 0)
        return 0;
    return errno == EINTR ? -EINPROGRESS : -errno;
}

WR_NOINLINE int wr_io_connect_now(int fd, const struct sockaddr *addr,
                                  socklen_t len)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -errno;
    if (flags & O_NONBLOCK)
        return wr_io_connect(fd, addr, len);
    if (fcntl(fd, F_SETFL, flags | O_NONBLOCK))
        return -errno;
    int err = wr_io_connect(fd, addr, len);
    fcntl(fd, F_SETFL, flags);
    return err;
}

static WR_NOINLINE int option(int fd, int name)
{
    int value = 0;
    socklen_t len = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, name, &value, &len) ? -errno : value;
}

int wr_io_connect_result(int fd)
{
    int err = option(fd, SO_ERROR);
    return err > 0 ? -err : err;
}

/* Not to be retried: the number is free even after EINTR. */
WR_NOINLINE int wr_io_close(int fd)
{
    return close(fd) ? -errno : 0;
}

/* ---- questions ----------------------------------------------------------- */

WR_NOINLINE int wr_io_is_file(int fd)
{
    struct stat st;
    if (fstat(fd, &st))
        return -errno;
    return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode);
}

WR_NOINLINE int wr_io_is_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -errno : (flags & O_NONBLOCK) != 0;
}

int wr_io_is_listening(int fd)
{
    return option(fd, SO_ACCEPTCONN);
}

int wr_io_is_stream(int fd)
{
    int type = option(fd, SO_TYPE);
    return type < 0 ? type : type == SOCK_STREAM;
}

int wr_io_has_connections(int fd)
{
    int type = option(fd, SO_TYPE);
    return type < 0 ? type : type == SOCK_STREAM || type == SOCK_SEQPACKET;
}

WR_NOINLINE int wr_io_ready(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    int r;
    RETRY(poll(&p, 1, 0));
    if (r < 0)
        return -errno;
    if (p.revents & POLLNVAL)
        return -EBADF;
    return p.revents & (POLLERR | POLLHUP) ? events : p.revents & events;
}
