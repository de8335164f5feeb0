/* SPDX-License-Identifier: MIT */
/*
 * How waits for a descriptor end without it: a deadline, a cancel,
 * weir_close; and that a number whose file has changed is told apart.
 */
#include <pty.h>
#include <sys/eventfd.h>
#include <termios.h>
#include "fds.h"

/* ---- one of each call, set up so that it must wait ----------------------- */

struct wait {
    int fd, peer;
    struct sockaddr_in at;
    weir_ctx *ctx;
    int result;
    const struct kind *kind;
};

struct kind {
    const char *name;
    void (*open)(struct wait *);
    int (*call)(struct wait *);
};

/* Written from, and read into: what each call moves does not matter. */
static char some[200000], sink[200000];

static void empty_pipe(struct wait *w)
{
    int fd[2];
    must_eq(pipe(fd), 0);
    w->fd = fd[0];
    w->peer = fd[1];
}

static void full_pipe(struct wait *w)
{
    int fd[2];
    must_eq(pipe(fd), 0);
    fds_fill(fd[1]);
    w->fd = fd[1];
    w->peer = fd[0];
}

static void socket_pair(struct wait *w)
{
    int fd[2];
    fds_pair(fd, SOCK_STREAM);
    fds_fill(fd[0]);
    w->fd = fd[0];
    w->peer = fd[1];
}

static void terminal(struct wait *w)
{
    must_eq(openpty(&w->peer, &w->fd, NULL, NULL, NULL), 0);
}

static void event_counter(struct wait *w)
{
    w->fd = eventfd(0, EFD_CLOEXEC);
    w->peer = -1;
}

static void full_event_counter(struct wait *w)
{
    uint64_t most = UINT64_MAX - 1;
    event_counter(w);
    must_eq(write(w->fd, &most, sizeof most), sizeof most);
}

static void listener(struct wait *w)
{
    w->fd = fds_listen(&w->at, 5, 0);
    w->peer = -1;
}

static void nonblocking_listener(struct wait *w)
{
    w->fd = fds_listen(&w->at, 5, O_NONBLOCK);
    w->peer = -1;
}

/* A listener whose backlog is full answers nobody. */
static void deaf_peer(struct wait *w)
{
    int fd = fds_tcp(0);
    w->peer = fds_listen(&w->at, 0, 0);
    must_eq(fds_connect(fd, &w->at, NULL), 0);
    must_eq(weir_wait_fd(w->peer, WEIR_READABLE, NULL), WEIR_READABLE);
    must_eq(close(fd), 0);
}

static void blocking_caller(struct wait *w)
{
    deaf_peer(w);
    w->fd = fds_tcp(0);
}

static void nonblocking_caller(struct wait *w)
{
    deaf_peer(w);
    w->fd = fds_tcp(O_NONBLOCK);
}

static int call_read(struct wait *w)
{
    return (int)weir_read(w->fd, sink, sizeof sink, w->ctx);
}

static int call_readv(struct wait *w)
{
    struct iovec v = {sink, sizeof sink};
    return (int)weir_readv(w->fd, &v, 1, w->ctx);
}

static int call_read_full(struct wait *w)
{
    return (int)weir_read_full(w->fd, sink, sizeof sink, w->ctx);
}

static int call_write(struct wait *w)
{
    return (int)weir_write(w->fd, some, sizeof some, w->ctx);
}

static int call_write_event(struct wait *w)
{
    uint64_t one = 1;
    return (int)weir_write(w->fd, &one, sizeof one, w->ctx);
}

static int call_writev(struct wait *w)
{
    struct iovec v = {some, sizeof some};
    return (int)weir_writev(w->fd, &v, 1, w->ctx);
}

static int call_write_full(struct wait *w)
{
    return (int)weir_write_full(w->fd, some, sizeof some, w->ctx);
}

static int call_recv(struct wait *w)
{
    return (int)weir_recvfrom(w->fd, sink, sizeof sink, 0, NULL, NULL, w->ctx);
}

static int call_send(struct wait *w)
{
    return (int)weir_sendto(w->fd, some, sizeof some, 0, NULL, 0, w->ctx);
}

static int call_accept(struct wait *w)
{
    return weir_accept(w->fd, NULL, NULL, w->ctx);
}

static int call_connect(struct wait *w)
{
    return fds_connect(w->fd, &w->at, w->ctx);
}

static int call_wait_readable(struct wait *w)
{
    return weir_wait_fd(w->fd, WEIR_READABLE, w->ctx);
}

static int call_wait_both(struct wait *w)
{
    return weir_wait_fd(w->fd, WEIR_READABLE | WEIR_WRITABLE, w->ctx);
}

static const struct kind kinds[] = {
    {"read pipe", empty_pipe, call_read},
    {"readv pipe", empty_pipe, call_readv},
    {"read_full pipe", empty_pipe, call_read_full},
    {"write pipe", full_pipe, call_write},
    {"writev pipe", full_pipe, call_writev},
    {"write_full pipe", full_pipe, call_write_full},
    {"read socket", socket_pair, call_read},
    {"write socket", socket_pair, call_write},
    {"recvfrom", socket_pair, call_recv},
    {"sendto", socket_pair, call_send},
    {"read terminal", terminal, call_read},
    {"read eventfd", event_counter, call_read},
    {"write eventfd", full_event_counter, call_write_event},
    {"accept", listener, call_accept},
    {"accept non-blocking", nonblocking_listener, call_accept},
    {"connect", blocking_caller, call_connect},
    {"connect non-blocking", nonblocking_caller, call_connect},
    {"wait readable", empty_pipe, call_wait_readable},
    {"wait both", socket_pair, call_wait_both},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static void open_kind(struct wait *w, int k)
{
    *w = (struct wait){.kind = &kinds[k]};
    w->kind->open(w);
}

static void shut(struct wait *w)
{
    must_eq(weir_close(w->fd), 0);
    if (w->peer >= 0)
        must_eq(weir_close(w->peer), 0);
}

static void expect(const struct wait *w, int want)
{
    if (w->result != want)
        ck_abort_msg("%s: %s, not %s", w->kind->name, weir_errname(w->result),
                     weir_errname(want));
}

static void call(void *arg)
{
    struct wait *w = arg;
    w->result = w->kind->call(w);
}

/* ---- the ways to end ----------------------------------------------------- */

BEHAVIOUR(a_deadline_ends_each_call)
{
    int k;
    (void)crew;
    for (k = 0; k < KINDS; k++) {
        struct wait w;
        weir_ctx ctx;
        open_kind(&w, k);
        must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MILLISECOND), 0);
        w.ctx = &ctx;
        call(&w);
        expect(&w, WEIR_TIMEDOUT);
        call(&w);
        expect(&w, WEIR_TIMEDOUT);
        must_eq(weir_ctx_fini(&ctx), 0);
        shut(&w);
    }
}

BEHAVIOUR(a_cancel_ends_each_call)
{
    int k;
    for (k = 0; k < KINDS; k++) {
        struct wait w;
        weir_ctx ctx = WEIR_CTX_INIT;
        open_kind(&w, k);
        w.ctx = &ctx;
        crew_go(crew, call, &w);
        fds_await_waiters(w.fd, 1);
        must_eq(weir_ctx_cancel(&ctx, 0), 0);
        crew_wait(crew);
        expect(&w, WEIR_CANCELED);
        must_eq(weir_ctx_fini(&ctx), 0);
        shut(&w);
    }
}

BEHAVIOUR(a_close_ends_each_call)
{
    int k;
    for (k = 0; k < KINDS; k++) {
        struct wait w;
        open_kind(&w, k);
        crew_go(crew, call, &w);
        fds_await_waiters(w.fd, 1);
        must_eq(weir_close(w.fd), 0);
        crew_wait(crew);
        expect(&w, WEIR_CLOSED);
        must(w.peer < 0 || weir_close(w.peer) == 0);
    }
}

BEHAVIOUR(an_ended_context_ends_only_what_must_wait)
{
    int k, fd[2];
    char c;
    weir_ctx ctx = WEIR_CTX_INIT;
    (void)crew;
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    for (k = 0; k < KINDS; k++) {
        struct wait w;
        open_kind(&w, k);
        w.ctx = &ctx;
        call(&w);
        expect(&w, WEIR_CANCELED);
        shut(&w);
    }
    fds_pair(fd, SOCK_STREAM);
    must_eq(weir_write(fd[0], "x", 1, &ctx), 1);
    must_eq(weir_wait_fd(fd[1], WEIR_READABLE, &ctx), WEIR_READABLE);
    must_eq(weir_read(fd[1], &c, 1, &ctx), 1);
    must_eq(weir_close(fd[0]), 0);
    must_eq(weir_close(fd[1]), 0);
    must_eq(weir_ctx_fini(&ctx), 0);
}

BEHAVIOUR(a_failure_after_some_bytes_gives_their_count)
{
    weir_ctx ctx;
    char buf[10];
    int fd[2];
    (void)crew;
    must_eq(pipe(fd), 0);
    must_eq(weir_write(fd[1], "abc", 3, NULL), 3);
    must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MILLISECOND), 0);
    must_eq(weir_read_full(fd[0], buf, sizeof buf, &ctx), 3);
    must_eq(weir_read_full(fd[0], buf, sizeof buf, &ctx), WEIR_TIMEDOUT);
    must(weir_write_full(fd[1], some, sizeof some, &ctx) > 0);
    must_eq(weir_write_full(fd[1], some, sizeof some, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_ctx_fini(&ctx), 0);
    must_eq(weir_close(fd[0]), 0);
    must_eq(weir_close(fd[1]), 0);
}

BEHAVIOUR(a_close_ends_all_who_wait)
{
    enum { EACH = 10 };
    struct wait w[2 * EACH];
    int i;
    open_kind(&w[0], 6);
    for (i = 0; i < 2 * EACH; i++) {
        w[i] = w[0];
        w[i].kind = &kinds[6 + i % 2];
        crew_go(crew, call, &w[i]);
    }
    fds_await_waiters(w[0].fd, 2 * EACH);
    must_eq(weir_close(w[0].fd), 0);
    crew_wait(crew);
    for (i = 0; i < 2 * EACH; i++)
        expect(&w[i], WEIR_CLOSED);
    must_eq(weir_close(w[0].peer), 0);
    must_eq(weir_close(w[0].peer), -EBADF);
}

/* ---- the other direction ------------------------------------------------- */

BEHAVIOUR(an_event_of_one_direction_leaves_the_other_waiting)
{
    struct wait reader, writer;
    char c = 'x';
    open_kind(&reader, 6);
    writer = reader;
    writer.kind = &kinds[7];
    crew_go(crew, call, &reader);
    crew_go(crew, call, &writer);
    fds_await_waiters(reader.fd, 2);
    must_eq(weir_write(reader.peer, &c, 1, NULL), 1);
    while (fds_waiters(reader.fd) != 1)
        weir_yield();
    while (recv(reader.peer, &c, 1, MSG_DONTWAIT) > 0)
        ;
    crew_wait(crew);
    must_eq(reader.result, 1);
    must(writer.result > 0);
    shut(&reader);
}

/* ---- the number lives on, the file does not ------------------------------ */

static void a_wait_works(struct crew *crew, int fd, int peer)
{
    struct wait w = {.fd = fd, .kind = &kinds[0]};
    crew_go(crew, call, &w);
    fds_await_waiters(fd, 1);
    must_eq(write(peer, "x", 1), 1);
    crew_wait(crew);
    must_eq(w.result, 1);
}

BEHAVIOUR(a_number_closed_plainly_serves_the_next_file)
{
    int i, fd[2], again[2], kept;
    must_eq(pipe(fd), 0);
    for (i = 0; i < 20; i++) {
        a_wait_works(crew, fd[0], fd[1]);
        must_eq(pipe(again), 0);
        kept = i % 2 ? dup(fd[0]) : -1; /* the poller still knows the file */
        must_eq(close(fd[1]), 0);
        must_eq(dup2(again[0], fd[0]), fd[0]);
        must_eq(close(again[0]), 0);
        fd[1] = again[1];
        a_wait_works(crew, fd[0], fd[1]);
        if (kept >= 0)
            must_eq(close(kept), 0);
    }
    must_eq(weir_close(fd[0]), 0);
    must_eq(weir_close(fd[1]), 0);
}

/* Pairs come and go under the same few numbers. A pair carries only its own
 * mark, and its end is closed while one reads there: he sees that mark, or
 * that it was closed, but never the mark of the pair that comes next. */
struct churn {
    atomic_int marks;
    int rounds;
};

struct reading {
    int fd;
    int mark;
};

static void read_mark(void *arg)
{
    struct reading *r = arg;
    int value;
    ssize_t n = weir_read(r->fd, &value, sizeof value, NULL);
    if (n == sizeof value)
        must_eq(value, r->mark);
    else
        must_eq(n, WEIR_CLOSED);
}

static void churn_pairs(void *arg)
{
    struct churn *c = arg;
    int i;
    for (i = 0; i < c->rounds; i++) {
        int fd[2];
        struct crew crew = CREW(i % 4);
        struct reading r = {.mark = atomic_fetch_add(&c->marks, 1)};
        fds_pair(fd, SOCK_STREAM);
        r.fd = fd[0];
        crew_go(&crew, read_mark, &r);
        fds_await_waiters(r.fd, 1);
        must_eq(weir_write(fd[1], &r.mark, sizeof r.mark, NULL), sizeof r.mark);
        if (i % 2)
            weir_yield();
        must_eq(weir_close(fd[0]), 0);
        crew_wait(&crew);
        must_eq(weir_close(fd[1]), 0);
    }
}

BEHAVIOUR(nobody_reads_the_next_file_of_his_number)
{
    struct churn c = {.rounds = check_scale(2000)};
    int i;
    for (i = 0; i < 4; i++)
        crew_go(crew, churn_pairs, &c);
    crew_wait(crew);
}

CHECK_MAIN(CHECK_MODES(a_deadline_ends_each_call),
           CHECK_MODES(a_cancel_ends_each_call),
           CHECK_MODES(a_close_ends_each_call),
           CHECK_MODES(an_ended_context_ends_only_what_must_wait),
           CHECK_MODES(a_failure_after_some_bytes_gives_their_count),
           CHECK_MODES(a_close_ends_all_who_wait),
           CHECK_MODES(an_event_of_one_direction_leaves_the_other_waiting),
           CHECK_MODES(a_number_closed_plainly_serves_the_next_file),
           CHECK_MODES(nobody_reads_the_next_file_of_his_number))
