/* SPDX-License-Identifier: MIT */
/* Sockets: streams both ways at once, datagrams, accept and connect in
 * blocking and in non-blocking mode, and the errors they report. */
#include <sys/resource.h>
#include <sys/stat.h>
#include "fds.h"

/* ---- streams ------------------------------------------------------------- */

struct end {
    int fd;
    size_t total;
};

static void send_all(void *arg)
{
    struct end *e = arg;
    unsigned char buf[5000];
    size_t at = 0, k;
    while (at < e->total) {
        size_t n = e->total - at < sizeof buf ? e->total - at : sizeof buf;
        for (k = 0; k < n; k++)
            buf[k] = fds_byte(at + k);
        must_eq(weir_write_full(e->fd, buf, n, NULL), n);
        at += n;
    }
    must_eq(shutdown(e->fd, SHUT_WR), 0);
}

static void recv_all(void *arg)
{
    struct end *e = arg;
    unsigned char buf[7000];
    size_t at = 0, k;
    ssize_t n;
    while ((n = weir_read(e->fd, buf, sizeof buf, NULL)) > 0) {
        for (k = 0; k < (size_t)n; k++)
            must_eq(buf[k], fds_byte(at + k));
        at += (size_t)n;
    }
    must_eq(n, 0);
    must_eq(at, e->total);
}

BEHAVIOUR(both_directions_at_once)
{
    int fd[2];
    size_t total = (size_t)check_scale(2000) * 1000;
    fds_pair(fd, SOCK_STREAM);
    struct end e[2] = {{fd[0], total}, {fd[1], total}};
    crew_go(crew, send_all, &e[0]);
    crew_go(crew, recv_all, &e[1]);
    crew_go(crew, send_all, &e[1]);
    crew_go(crew, recv_all, &e[0]);
    crew_wait(crew);
    must_eq(weir_close(fd[0]), 0);
    must_eq(weir_close(fd[1]), 0);
}

BEHAVIOUR(a_peer_that_went_away_is_an_error_and_no_signal)
{
    int fd[2];
    char c[4] = {0};
    struct iovec v[] = {{c, 2}, {c + 2, 2}};
    (void)crew;
    fds_pair(fd, SOCK_STREAM);
    must_eq(weir_close(fd[1]), 0);
    must_eq(weir_write(fd[0], c, 1, NULL), -EPIPE);
    must_eq(weir_writev(fd[0], v, 2, NULL), -EPIPE);
    must_eq(weir_sendto(fd[0], c, 1, 0, NULL, 0, NULL), -EPIPE);
    must_eq(weir_sendto(fd[0], c, 1, MSG_DONTWAIT, NULL, 0, NULL), -EPIPE);
    must_eq(weir_read(fd[0], c, 1, NULL), 0);
    must_eq(weir_wait_fd(fd[0], WEIR_READABLE, NULL), WEIR_READABLE);
    must_eq(weir_close(fd[0]), 0);
}

static void send_in_pieces(void *arg)
{
    struct end *e = arg;
    size_t i;
    for (i = 0; i < e->total; i++) {
        must_eq(weir_sendto(e->fd, "p", 1, 0, NULL, 0, NULL), 1);
        settle();
    }
}

BEHAVIOUR(flags_of_receive)
{
    int fd[2];
    char buf[10];
    struct end e = {.total = 10};
    fds_pair(fd, SOCK_STREAM);
    e.fd = fd[0];
    must_eq(weir_recvfrom(fd[1], buf, 1, MSG_DONTWAIT, NULL, NULL, NULL),
            -EAGAIN);
    crew_go(crew, send_in_pieces, &e);
    must_eq(weir_recvfrom(fd[1], buf, 10, MSG_WAITALL, NULL, NULL, NULL), 10);
    crew_wait(crew);
    must_eq(weir_write(fd[0], "xy", 2, NULL), 2);
    must_eq(weir_recvfrom(fd[1], buf, 10, MSG_PEEK, NULL, NULL, NULL), 2);
    must_eq(weir_read(fd[1], buf, 10, NULL), 2);
    must_eq(weir_write(fd[0], "z", 1, NULL), 1);
    must_eq(weir_close(fd[0]), 0);
    must_eq(weir_recvfrom(fd[1], buf, 10, MSG_WAITALL, NULL, NULL, NULL), 1);
    must_eq(weir_recvfrom(fd[1], buf, 10, MSG_WAITALL, NULL, NULL, NULL), 0);
    must_eq(weir_close(fd[1]), 0);
}

/* ---- datagrams ----------------------------------------------------------- */

static int udp(struct sockaddr_in *at)
{
    socklen_t len = sizeof *at;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    *at = (struct sockaddr_in){.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    must_eq(bind(fd, (struct sockaddr *)at, sizeof *at), 0);
    must_eq(getsockname(fd, (struct sockaddr *)at, &len), 0);
    return fd;
}

enum { BYE = 255 };

static void mirror(void *arg)
{
    unsigned char buf[300];
    struct sockaddr_in from;
    ssize_t n;
    do {
        socklen_t len = sizeof from;
        n = weir_recvfrom(*(int *)arg, buf, sizeof buf, 0,
                          (struct sockaddr *)&from, &len, NULL);
        must(n >= 0);
        must_eq(len, sizeof from);
        must_eq(weir_sendto(*(int *)arg, buf, (size_t)n, 0,
                            (struct sockaddr *)&from, len, NULL),
                n);
    } while (n != BYE);
}

BEHAVIOUR(datagrams_keep_their_bounds_and_senders)
{
    struct sockaddr_in here, there, from;
    int i, a = udp(&here), b = udp(&there);
    char buf[400] = {0};
    crew_go(crew, mirror, &b);
    for (i = 0; i <= BYE; i++) {
        socklen_t len = sizeof from;
        must_eq(weir_sendto(a, buf, (size_t)i, 0, (struct sockaddr *)&there,
                            sizeof there, NULL),
                i);
        must_eq(weir_recvfrom(a, buf, sizeof buf, 0, (struct sockaddr *)&from,
                              &len, NULL),
                i);
        must_eq(from.sin_port, there.sin_port);
    }
    crew_wait(crew);
    must_eq(fds_connect(a, &there, NULL), 0);
    must_eq(fds_connect(b, &there, NULL), 0); /* it hears itself alone */
    must_eq(weir_write(a, buf, 1, NULL), 1);
    must_eq(weir_read(a, buf, 1, NULL), -ECONNREFUSED);
    must_eq(weir_close(a), 0);
    must_eq(weir_close(b), 0);
}

static int unix_bound(int type, struct sockaddr_un *at)
{
    static atomic_int count;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    *at = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(at->sun_path + 1, sizeof at->sun_path - 1, "weir-test-%d-%d",
             (int)getpid(), atomic_fetch_add(&count, 1));
    must_eq(bind(fd, (struct sockaddr *)at, sizeof *at), 0);
    return fd;
}

struct flood {
    int fd;
    struct sockaddr_un at;
    int count;
};

static void send_flood(void *arg)
{
    struct flood *f = arg;
    int i;
    for (i = 0; i < f->count; i++)
        must_eq(weir_sendto(f->fd, &i, sizeof i, 0, (struct sockaddr *)&f->at,
                            sizeof f->at, NULL),
                sizeof i);
}

BEHAVIOUR(a_full_receiver_of_datagrams_holds_its_senders)
{
    struct flood f = {.count = 500};
    int i, value, to = unix_bound(SOCK_DGRAM, &f.at);
    weir_ctx ctx;
    f.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    crew_go(crew, send_flood, &f);
    for (i = 0; i < f.count; i++) {
        must_eq(weir_read(to, &value, sizeof value, NULL), sizeof value);
        must_eq(value, i);
    }
    crew_wait(crew);
    must_eq(weir_ctx_init_timeout(&ctx, NULL, 20 * WEIR_MILLISECOND), 0);
    while (
        (i = (int)weir_sendto(f.fd, &i, sizeof i, 0, (struct sockaddr *)&f.at,
                              sizeof f.at, &ctx)) == sizeof i)
        ;
    must_eq(i, WEIR_TIMEDOUT);
    must_eq(weir_ctx_fini(&ctx), 0);
    must_eq(weir_close(f.fd), 0);
    must_eq(weir_close(to), 0);
}

/* ---- accept and connect -------------------------------------------------- */

struct client {
    struct sockaddr_in at;
    int flags, count;
};

static void connect_some(void *arg)
{
    struct client *c = arg;
    int i, value;
    for (i = 0; i < c->count; i++) {
        int fd = fds_tcp(c->flags);
        must_eq(fds_connect(fd, &c->at, NULL), 0);
        must_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, c->flags);
        must_eq(weir_write(fd, &i, sizeof i, NULL), sizeof i);
        must_eq(weir_read_full(fd, &value, sizeof value, NULL), sizeof value);
        must_eq(value, i + 1);
        must_eq(weir_close(fd), 0);
    }
}

static void serve_one(int listener)
{
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    int value, fd = weir_accept(listener, (struct sockaddr *)&from, &len, NULL);
    must(fd >= 0);
    must_eq(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    must(fcntl(fd, F_GETFL) & O_NONBLOCK);
    must(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    must_eq(weir_read_full(fd, &value, sizeof value, NULL), sizeof value);
    value++;
    must_eq(weir_write(fd, &value, sizeof value, NULL), sizeof value);
    must_eq(weir_read(fd, &value, sizeof value, NULL), 0);
    must_eq(weir_close(fd), 0);
}

static void connections(struct crew *crew, int server_flags, int client_flags)
{
    struct client c = {.flags = client_flags, .count = 30};
    int i, listener = fds_listen(&c.at, 5, server_flags);
    crew_go(crew, connect_some, &c);
    for (i = 0; i < c.count; i++)
        serve_one(listener);
    crew_wait(crew);
    must_eq(fcntl(listener, F_GETFL) & O_NONBLOCK, server_flags);
    must_eq(weir_close(listener), 0);
}

BEHAVIOUR(connections_in_either_mode)
{
    connections(crew, 0, 0);
    connections(crew, 0, O_NONBLOCK);
    connections(crew, O_NONBLOCK, 0);
    connections(crew, O_NONBLOCK, O_NONBLOCK);
}

struct acceptors {
    int fd;
    atomic_int left;
};

static void accept_some(void *arg)
{
    struct acceptors *a = arg;
    while (atomic_fetch_sub(&a->left, 1) > 0)
        serve_one(a->fd);
}

static void many_acceptors(struct crew *crew, int flags)
{
    enum { EACH = 10, PARTIES = 4 };
    struct client c = {.flags = O_NONBLOCK, .count = EACH};
    struct acceptors a = {.left = EACH * PARTIES};
    int i;
    a.fd = fds_listen(&c.at, 64, flags);
    for (i = 0; i < PARTIES; i++)
        crew_go(crew, accept_some, &a);
    fds_await_waiters(a.fd, PARTIES);
    for (i = 0; i < PARTIES; i++)
        crew_go(crew, connect_some, &c);
    crew_wait(crew);
    must_eq(weir_close(a.fd), 0);
}

BEHAVIOUR(many_accept_on_one_listener)
{
    many_acceptors(crew, 0);
    many_acceptors(crew, O_NONBLOCK);
}

/* By an address that is taken, so that no other process listens there. */
BEHAVIOUR(a_refused_connection)
{
    struct sockaddr_in at;
    int flags, taken = fds_bound(&at, 0);
    (void)crew;
    for (flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
        int fd = fds_tcp(flags);
        must_eq(fds_connect(fd, &at, NULL), -ECONNREFUSED);
        must_eq(weir_accept(fd, NULL, NULL, NULL), -EINVAL);
        must_eq(weir_connect(fd, NULL, 0, NULL), -EINVAL);
        must_eq(weir_close(fd), 0);
    }
    must_eq(weir_close(taken), 0);
}

struct knock {
    struct sockaddr_un at;
    atomic_int inside;
    int fd;
};

static void knock(void *arg)
{
    struct knock *k = arg;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must_eq(weir_connect(fd, (struct sockaddr *)&k->at, sizeof k->at, NULL), 0);
    atomic_fetch_add(&k->inside, 1);
    must_eq(weir_close(fd), 0);
}

/* More of them than the blocking pool has threads, one of which accept needs.
 */
BEHAVIOUR(a_full_backlog_holds_who_connects)
{
    enum { CALLERS = 70 };
    struct knock k = {.inside = 0};
    int i, listener = unix_bound(SOCK_STREAM, &k.at);
    must_eq(listen(listener, 2), 0);
    for (i = 0; i < CALLERS; i++)
        crew_go(crew, knock, &k);
    for (i = 0; i < CALLERS; i++) {
        int fd = weir_accept(listener, NULL, NULL, NULL);
        must(fd >= 0);
        must_eq(weir_close(fd), 0);
    }
    crew_wait(crew);
    must_eq(k.inside, CALLERS);
    must_eq(weir_close(listener), 0);
}

/* In a pause between two tries, which no event ends. */
static void knock_in_vain(void *arg)
{
    struct knock *k = arg;
    must_eq(weir_connect(k->fd, (struct sockaddr *)&k->at, sizeof k->at, NULL),
            WEIR_CLOSED);
}

BEHAVIOUR(a_close_ends_who_waits_for_a_place)
{
    struct knock k = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    int listener = unix_bound(SOCK_STREAM, &k.at);
    must_eq(listen(listener, 0), 0);
    knock(&k);
    crew_go(crew, knock_in_vain, &k);
    fds_await_waiters(k.fd, 1);
    must_eq(weir_close(k.fd), 0);
    crew_wait(crew);
    must_eq(weir_close(listener), 0);
}

static void accept_at_the_limit(int flags)
{
    struct sockaddr_in at;
    struct rlimit old, none;
    int listener = fds_listen(&at, 5, flags), client = fds_tcp(O_NONBLOCK);
    must_eq(fds_connect(client, &at, NULL), 0);
    must_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = old.rlim_max};
    must_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    must_eq(weir_accept(listener, NULL, NULL, NULL), -EMFILE);
    must_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    int fd = weir_accept(listener, NULL, NULL, NULL);
    must(fd >= 0);
    must_eq(weir_close(fd), 0);
    must_eq(weir_close(client), 0);
    must_eq(weir_close(listener), 0);
}

BEHAVIOUR(at_the_limit_of_descriptors_no_connection_is_lost)
{
    (void)crew;
    accept_at_the_limit(0);
    accept_at_the_limit(O_NONBLOCK);
}

CHECK_MAIN(CHECK_MODES(both_directions_at_once),
           CHECK_MODES(a_peer_that_went_away_is_an_error_and_no_signal),
           CHECK_MODES(flags_of_receive),
           CHECK_MODES(datagrams_keep_their_bounds_and_senders),
           CHECK_MODES(a_full_receiver_of_datagrams_holds_its_senders),
           CHECK_MODES(connections_in_either_mode),
           CHECK_MODES(many_accept_on_one_listener),
           CHECK_MODES(a_refused_connection),
           CHECK_MODES(a_full_backlog_holds_who_connects),
           CHECK_MODES(a_close_ends_who_waits_for_a_place),
           CHECK_MODES(at_the_limit_of_descriptors_no_connection_is_lost))
