/* SPDX-License-Identifier: MIT */
#include "port/poller.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 128 };
#define KICK_TOKEN (UINT64_MAX - 1)

static int control(struct wr_poller *p, int op, int fd, uint32_t events,
                   uint64_t token)
{
    struct epoll_event ev = {.events = events, .data.u64 = token};
    return epoll_ctl(p->epoll_fd, op, fd, &ev) ? -errno : 0;
}

int wr_bell_open(void)
{
    int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return bell < 0 ? -errno : bell;
}

void wr_bell_ring(int bell)
{
    int saved = errno;
    uint64_t one = 1;
    ssize_t put = write(bell, &one, sizeof(one));
    (void)put;
    errno = saved;
}

void wr_bell_silence(int bell)
{
    uint64_t count;
    ssize_t got = read(bell, &count, sizeof(count));
    (void)got;
}

static int open_bell(struct wr_poller *p)
{
    p->bell = wr_bell_open();
    if (p->bell < 0)
        return p->bell;
    int err = wr_poller_watch(p, p->bell, EPOLLIN, KICK_TOKEN);
    if (err)
        close(p->bell);
    return err;
}

int wr_poller_open(struct wr_poller *p)
{
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll_fd < 0)
        return -errno;
    int err = open_bell(p);
    if (err)
        close(p->epoll_fd);
    return err;
}

void wr_poller_close(struct wr_poller *p)
{
    close(p->bell);
    close(p->epoll_fd);
}

int wr_poller_arm(struct wr_poller *p, int fd, uint32_t events, uint64_t token)
{
    int err = control(p, EPOLL_CTL_MOD, fd, events | EPOLLONESHOT, token);
    if (err == -ENOENT)
        err = control(p, EPOLL_CTL_ADD, fd, events | EPOLLONESHOT, token);
    return err;
}

int wr_poller_watch(struct wr_poller *p, int fd, uint32_t events,
                    uint64_t token)
{
    return control(p, EPOLL_CTL_ADD, fd, events, token);
}

void wr_poller_forget(struct wr_poller *p, int fd)
{
    control(p, EPOLL_CTL_DEL, fd, 0, 0);
}

/* epoll_pwait2 (Linux 5.11) takes nanoseconds; before it, round up. */
static int wait_ns(int fd, struct epoll_event *ev, int max, int64_t timeout)
{
    struct timespec ts = {timeout / 1000000000, timeout % 1000000000};
#ifdef SYS_epoll_pwait2
    long n = syscall(SYS_epoll_pwait2, fd, ev, max, timeout < 0 ? NULL : &ts,
                     NULL, 0);
    if (n >= 0 || errno != ENOSYS)
        return (int)n;
#endif
    if (timeout < 0)
        return epoll_wait(fd, ev, max, -1);
    int64_t ms = ts.tv_sec * 1000 + (ts.tv_nsec + 999999) / 1000000;
    return epoll_wait(fd, ev, max, ms > INT_MAX ? INT_MAX : (int)ms);
}

int wr_poller_wait(struct wr_poller *p, int64_t timeout,
                   struct wr_poll_event *out, int max)
{
    struct epoll_event ev[BATCH];
    int n = wait_ns(p->epoll_fd, ev, max < BATCH ? max : BATCH, timeout);
    int stored = 0;
    for (int i = 0; i < n; i++) {
        if (ev[i].data.u64 == KICK_TOKEN)
            wr_bell_silence(p->bell);
        else if (ev[i].data.u64 != WR_POLL_SILENT)
            out[stored++] =
                (struct wr_poll_event){ev[i].data.u64, ev[i].events};
    }
    return stored;
}

void wr_poller_kick(struct wr_poller *p)
{
    wr_bell_ring(p->bell);
}
