/* SPDX-License-Identifier: MIT */
/*
 * Every kind of descriptor: those that epoll takes, those that it refuses,
 * those that have no call which does not block. None has its mode changed.
 */
#include <pty.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <termios.h>
#include "fds.h"

static void make_raw(int tty)
{
    struct termios t;
    must_eq(tcgetattr(tty, &t), 0);
    cfmakeraw(&t);
    must_eq(tcsetattr(tty, TCSANOW, &t), 0);
}

enum { TYPED = 20000 };

static void type(void *arg)
{
    int fd = *(int *)arg;
    unsigned char buf[TYPED];
    size_t i;
    for (i = 0; i < TYPED; i++)
        buf[i] = fds_byte(i);
    must_eq(weir_write_full(fd, buf, TYPED, NULL), TYPED);
}

static void read_typed(int fd)
{
    unsigned char buf[300];
    size_t at = 0, k;
    while (at < TYPED) {
        ssize_t n = weir_read(fd, buf, sizeof buf, NULL);
        must(n > 0);
        for (k = 0; k < (size_t)n; k++)
            must_eq(buf[k], fds_byte(at + k));
        at += (size_t)n;
    }
    must_eq(at, TYPED);
}

static void terminal(struct crew *crew, int flags)
{
    int master, slave;
    must_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
    make_raw(slave);
    must_eq(fcntl(master, F_SETFL, O_RDWR | flags), 0);
    must_eq(fcntl(slave, F_SETFL, O_RDWR | flags), 0);
    crew_go(crew, type, &slave);
    read_typed(master);
    crew_wait(crew);
    crew_go(crew, type, &master);
    read_typed(slave);
    crew_wait(crew);
    must_eq(fcntl(master, F_GETFL) & O_NONBLOCK, flags);
    must_eq(fcntl(slave, F_GETFL) & O_NONBLOCK, flags);
    must_eq(weir_close(slave), 0);
    must_eq(weir_read(master, &slave, 1, NULL), -EIO);
    must_eq(weir_close(master), 0);
}

BEHAVIOUR(terminals)
{
    terminal(crew, 0);
    terminal(crew, O_NONBLOCK);
}

static void add_up(void *arg)
{
    int fd = *(int *)arg;
    uint64_t value, sum = 0;
    while (sum < 1000) {
        must_eq(weir_read(fd, &value, sizeof value, NULL), sizeof value);
        sum += value;
    }
    must_eq(sum, 1000);
}

BEHAVIOUR(eventfds)
{
    uint64_t one = 1, most = UINT64_MAX - 1;
    int i, fd = eventfd(0, EFD_CLOEXEC);
    crew_go(crew, add_up, &fd);
    for (i = 0; i < 1000; i++)
        must_eq(weir_write(fd, &one, sizeof one, NULL), sizeof one);
    crew_wait(crew);
    must_eq(weir_wait_fd(fd, WEIR_READABLE | WEIR_WRITABLE, NULL),
            WEIR_WRITABLE);
    must_eq(weir_write(fd, &most, sizeof most, NULL), sizeof most);
    must_eq(weir_wait_fd(fd, WEIR_READABLE | WEIR_WRITABLE, NULL),
            WEIR_READABLE);
    must_eq(weir_read(fd, &one, 7, NULL), -EINVAL);
    must_eq(weir_close(fd), 0);
}

BEHAVIOUR(timerfds)
{
    uint64_t count = 0;
    struct itimerspec at = {.it_value.tv_nsec = 2000000};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    must_eq(timerfd_settime(fd, 0, &at, NULL), 0);
    must_eq(weir_read(fd, &count, sizeof count, NULL), sizeof count);
    must_eq(count, 1);
    must_eq(weir_close(fd), 0);
    (void)crew;
}

static void count_lines(void *arg)
{
    char line[16];
    int i;
    for (i = 0; i < 100; i++)
        must_eq(weir_write(*(int *)arg, line, sizeof line, NULL), sizeof line);
}

BEHAVIOUR(regular_files)
{
    char name[] = "/tmp/weir-test-XXXXXX", buf[2000];
    struct stat st;
    int i, fd = mkstemp(name);
    must(fd >= 0);
    must_eq(unlink(name), 0);
    must_eq(fcntl(fd, F_SETFL, O_RDWR | O_APPEND), 0);
    for (i = 0; i < 10; i++)
        crew_go(crew, count_lines, &fd);
    crew_wait(crew);
    must_eq(fstat(fd, &st), 0);
    must_eq(st.st_size, 16000);
    must_eq(lseek(fd, 0, SEEK_SET), 0);
    must_eq(weir_wait_fd(fd, WEIR_READABLE, NULL), WEIR_READABLE);
    for (i = 0; i < 8; i++)
        must_eq(weir_read(fd, buf, sizeof buf, NULL), sizeof buf);
    must_eq(weir_read(fd, buf, sizeof buf, NULL), 0);
    must_eq(weir_close(fd), 0);
}

BEHAVIOUR(what_has_no_end_or_no_bottom)
{
    char buf[1000];
    int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR);
    (void)crew;
    must_eq(weir_write(null, buf, sizeof buf, NULL), sizeof buf);
    must_eq(weir_read(null, buf, sizeof buf, NULL), 0);
    must_eq(weir_wait_fd(null, WEIR_WRITABLE, NULL), WEIR_WRITABLE);
    must_eq(weir_read(zero, buf, sizeof buf, NULL), sizeof buf);
    must_eq(buf[999], 0);
    must_eq(weir_close(null), 0);
    must_eq(weir_close(zero), 0);
}

BEHAVIOUR(generated_files_and_directories)
{
    char buf[100];
    int fd = open("/proc/self/status", O_RDONLY);
    (void)crew;
    must(fd >= 0);
    must_eq(weir_read_full(fd, buf, 5, NULL), 5);
    must(memcmp(buf, "Name:", 5) == 0);
    must_eq(weir_close(fd), 0);
    fd = open("/", O_RDONLY | O_DIRECTORY);
    must_eq(weir_read(fd, buf, sizeof buf, NULL), -EISDIR);
    must_eq(weir_write(fd, buf, sizeof buf, NULL), -EBADF);
    must_eq(weir_close(fd), 0);
}

static void all_give(int fd, int want)
{
    char buf[4];
    struct iovec v = {buf, sizeof buf};
    struct sockaddr_in at = {.sin_family = AF_INET};
    must_eq(weir_read(fd, buf, 4, NULL), want);
    must_eq(weir_read(fd, buf, 0, NULL), want);
    must_eq(weir_write(fd, buf, 4, NULL), want);
    must_eq(weir_readv(fd, &v, 1, NULL), want);
    must_eq(weir_writev(fd, &v, 1, NULL), want);
    must_eq(weir_read_full(fd, buf, 4, NULL), want);
    must_eq(weir_write_full(fd, buf, 4, NULL), want);
    must_eq(weir_accept(fd, NULL, NULL, NULL), want);
    must_eq(fds_connect(fd, &at, NULL), want);
    must_eq(weir_recvfrom(fd, buf, 4, 0, NULL, NULL, NULL), want);
    must_eq(weir_sendto(fd, buf, 4, 0, NULL, 0, NULL), want);
    must_eq(weir_wait_fd(fd, WEIR_READABLE, NULL), want);
    must_eq(weir_close(fd), want);
}

BEHAVIOUR(numbers_without_a_file)
{
    int fd = dup(0);
    (void)crew;
    all_give(-1, -EBADF);
    must_eq(close(fd), 0);
    all_give(fd, -EBADF);
    all_give(1 << 30, -EBADF);
}

BEHAVIOUR(what_is_no_socket)
{
    char c;
    struct sockaddr_in at = {.sin_family = AF_INET};
    int fd[2];
    (void)crew;
    must_eq(pipe(fd), 0);
    must_eq(weir_accept(fd[0], NULL, NULL, NULL), -ENOTSOCK);
    must_eq(fds_connect(fd[0], &at, NULL), -ENOTSOCK);
    must_eq(weir_recvfrom(fd[0], &c, 1, 0, NULL, NULL, NULL), -ENOTSOCK);
    must_eq(weir_sendto(fd[1], &c, 1, 0, NULL, 0, NULL), -ENOTSOCK);
    must_eq(weir_read(fd[1], &c, 1, NULL), -EBADF);
    must_eq(weir_write(fd[0], &c, 1, NULL), -EBADF);
    must_eq(weir_wait_fd(fd[0], 0, NULL), WEIR_EINVAL);
    must_eq(weir_wait_fd(fd[0], 4, NULL), WEIR_EINVAL);
    must_eq(weir_close(fd[0]), 0);
    must_eq(weir_close(fd[1]), 0);
}

CHECK_MAIN(CHECK_MODES(terminals), CHECK_MODES(eventfds), CHECK_MODES(timerfds),
           CHECK_MODES(regular_files),
           CHECK_MODES(what_has_no_end_or_no_bottom),
           CHECK_MODES(generated_files_and_directories),
           CHECK_MODES(numbers_without_a_file), CHECK_MODES(what_is_no_socket))
