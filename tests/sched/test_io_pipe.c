/* SPDX-License-Identifier: MIT */
/* Pipes, in blocking mode as programs make them. */
#include "fds.h"
#include <signal.h>

struct pipes {
    int there[2], back[2];
    int rounds;
};

static void answer(void *arg)
{
    struct pipes *p = arg;
    int value;
    while (weir_read_full(p->there[0], &value, sizeof value, NULL) > 0) {
        value++;
        must_eq(weir_write(p->back[1], &value, sizeof value, NULL),
                sizeof value);
    }
}

BEHAVIOUR(what_is_written_is_read)
{
    struct pipes p = {.rounds = check_scale(2000)};
    int i, value;
    must_eq(pipe(p.there), 0);
    must_eq(pipe(p.back), 0);
    crew_go(crew, answer, &p);
    for (i = 0; i < p.rounds; i++) {
        must_eq(weir_write(p.there[1], &i, sizeof i, NULL), sizeof i);
        must_eq(weir_read(p.back[0], &value, sizeof value, NULL), sizeof value);
        must_eq(value, i + 1);
    }
    must_eq(fcntl(p.there[0], F_GETFL) & O_NONBLOCK, 0);
    must_eq(fcntl(p.back[1], F_GETFL) & O_NONBLOCK, 0);
    must_eq(weir_close(p.there[1]), 0);
    crew_wait(crew);
    must_eq(weir_close(p.there[0]), 0);
    must_eq(weir_close(p.back[0]), 0);
    must_eq(weir_close(p.back[1]), 0);
}

enum { STREAM = 3000000 };

static void write_stream(void *arg)
{
    int fd = *(int *)arg;
    unsigned char *bytes = malloc(STREAM);
    size_t i;
    must(bytes != NULL);
    for (i = 0; i < STREAM; i++)
        bytes[i] = fds_byte(i);
    must_eq(weir_write_full(fd, bytes, STREAM, NULL), STREAM);
    free(bytes);
    must_eq(weir_close(fd), 0);
}

BEHAVIOUR(a_write_of_more_than_the_pipe_holds_arrives_in_order)
{
    int fd[2];
    size_t at = 0, k;
    unsigned char buf[7001];
    ssize_t n;
    must_eq(pipe(fd), 0);
    crew_go(crew, write_stream, &fd[1]);
    while ((n = weir_read(fd[0], buf, 1 + at % sizeof buf, NULL)) > 0) {
        for (k = 0; k < (size_t)n; k++)
            must_eq(buf[k], fds_byte(at + k));
        at += (size_t)n;
    }
    must_eq(n, 0);
    must_eq(at, STREAM);
    crew_wait(crew);
    must_eq(weir_close(fd[0]), 0);
}

static void write_parts(void *arg)
{
    int fd = *(int *)arg;
    char a[] = "one", b[] = "two", c[] = "three";
    struct iovec v[] = {{a, 3}, {NULL, 0}, {b, 3}, {c, 5}};
    must_eq(weir_writev(fd, v, 4, NULL), 11);
    must_eq(weir_close(fd), 0);
}

BEHAVIOUR(vectors_gather_and_scatter)
{
    int fd[2];
    char a[4], b[20];
    struct iovec v[] = {{a, sizeof a}, {b, sizeof b}};
    struct iovec none[] = {{a, 0}, {b, 0}};
    must_eq(pipe(fd), 0);
    crew_go(crew, write_parts, &fd[1]);
    must_eq(weir_readv(fd[0], v, 2, NULL), 11);
    must(memcmp(a, "onet", 4) == 0 && memcmp(b, "wothree", 7) == 0);
    must_eq(weir_readv(fd[0], none, 2, NULL), 0);
    must_eq(weir_read_full(fd[0], b, sizeof b, NULL), 0);
    must_eq(weir_readv(fd[0], v, -1, NULL), -EINVAL);
    must_eq(weir_readv(fd[0], v, 1 << 20, NULL), -EINVAL);
    crew_wait(crew);
    must_eq(weir_close(fd[0]), 0);
}

enum { READERS = 8 };

struct shared_pipe {
    int fd[2];
    atomic_int bytes;
};

static void read_bytes(void *arg)
{
    struct shared_pipe *p = arg;
    char c;
    ssize_t n;
    while ((n = weir_read(p->fd[0], &c, 1, NULL)) == 1)
        atomic_fetch_add(&p->bytes, 1);
    must_eq(n, 0);
}

BEHAVIOUR(each_byte_goes_to_one_of_many_readers)
{
    struct shared_pipe p = {.bytes = 0};
    int i, n = check_scale(3000);
    must_eq(pipe(p.fd), 0);
    for (i = 0; i < READERS; i++)
        crew_go(crew, read_bytes, &p);
    fds_await_waiters(p.fd[0], READERS);
    for (i = 0; i < n; i++)
        must_eq(weir_write(p.fd[1], "x", 1, NULL), 1);
    must_eq(weir_close(p.fd[1]), 0);
    crew_wait(crew);
    must_eq(p.bytes, n);
    must_eq(weir_close(p.fd[0]), 0);
}

static void write_to_nobody(void *arg)
{
    int fd = *(int *)arg;
    char one = 1;
    must_eq(weir_write(fd, &one, 1, NULL), -EPIPE);
    must_eq(weir_write_full(fd, &one, 1, NULL), -EPIPE);
}

BEHAVIOUR(a_writer_learns_that_the_reader_went_away)
{
    int fd[2];
    signal(SIGPIPE, SIG_IGN);
    must_eq(pipe(fd), 0);
    fds_fill(fd[1]);
    crew_go(crew, write_to_nobody, &fd[1]);
    fds_await_waiters(fd[1], 1);
    must_eq(weir_close(fd[0]), 0);
    crew_wait(crew);
    must_eq(weir_close(fd[1]), 0);
}

static volatile sig_atomic_t signals;

static void count_signal(int sig)
{
    (void)sig;
    signals++;
}

/* As the system's: SIGPIPE for a pipe and none for a socket, also if that has
 * come under the number of a pipe that was written to. */
START_TEST(only_pipes_raise_the_signal)
{
    int i, p[2], s[2];
    signal(SIGPIPE, count_signal);
    must_eq(pipe(p), 0);
    for (i = 0; i < 3; i++)
        must_eq(weir_write(p[1], "x", 1, NULL), 1);
    must_eq(close(p[0]), 0);
    for (i = 1; i <= 3; i++) {
        must_eq(weir_write(p[1], "x", 1, NULL), -EPIPE);
        must_eq(signals, i);
    }
    must_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
    must_eq(dup2(s[1], p[1]), p[1]);
    must_eq(weir_write(p[1], "x", 1, NULL), 1);
    must_eq(close(s[0]), 0);
    for (i = 0; i < 3; i++)
        must_eq(weir_write(p[1], "x", 1, NULL), -EPIPE);
    must_eq(signals, 3);
    must_eq(weir_close(s[1]), 0);
    must_eq(weir_close(p[1]), 0);
}
END_TEST

/* An empty message is one, whatever was under the number before. */
START_TEST(an_empty_message_where_a_pipe_was)
{
    int p[2], s[2];
    char c;
    must_eq(pipe(p), 0);
    must_eq(weir_write(p[1], "x", 1, NULL), 1);
    must_eq(weir_write(p[1], "", 0, NULL), 0);
    must_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, s), 0);
    must_eq(dup2(s[1], p[1]), p[1]);
    must_eq(weir_write(p[1], "", 0, NULL), 0);
    must_eq(weir_write(p[1], "x", 1, NULL), 1);
    must_eq(recv(s[0], &c, 1, MSG_DONTWAIT), 0);
    must_eq(recv(s[0], &c, 1, MSG_DONTWAIT), 1);
    must_eq(weir_close(s[0]), 0);
    must_eq(weir_close(s[1]), 0);
    must_eq(weir_close(p[0]), 0);
    must_eq(weir_close(p[1]), 0);
}
END_TEST

static void read_to_end(void *arg)
{
    char buf[100];
    must_eq(weir_read_full(*(int *)arg, buf, sizeof buf, NULL), 0);
}

BEHAVIOUR(a_reader_learns_that_the_writer_went_away)
{
    int fd[2];
    must_eq(pipe(fd), 0);
    crew_go(crew, read_to_end, &fd[0]);
    fds_await_waiters(fd[0], 1);
    must_eq(close(fd[1]), 0);
    crew_wait(crew);
    must_eq(weir_close(fd[0]), 0);
}

CHECK_MAIN(CHECK_MODES(what_is_written_is_read),
           CHECK_MODES(a_write_of_more_than_the_pipe_holds_arrives_in_order),
           CHECK_MODES(vectors_gather_and_scatter),
           CHECK_MODES(each_byte_goes_to_one_of_many_readers),
           CHECK_MODES(a_writer_learns_that_the_reader_went_away),
           CHECK_TEST(only_pipes_raise_the_signal),
           CHECK_TEST(an_empty_message_where_a_pipe_was),
           CHECK_MODES(a_reader_learns_that_the_writer_went_away))
