/* SPDX-License-Identifier: MIT */
/*
 * Ten thousand connections open at once, each echoed by a task of its own.
 * The clients are a process of their own, for a connection takes a descriptor
 * at either end and a process may have only so many; but not under a
 * sanitizer, where there are fewer and a fork may not start threads.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "fds.h"

enum { CONNECTIONS = 10000, SPARE = 64, ROUNDS = 3 };

/* As many as the limit on descriptors has room for. Both ends in one process
 * are so few that it always has. */
static int how_many(void)
{
    struct rlimit r;
    int want = check_is_slow() ? CONNECTIONS / 10 : CONNECTIONS;
    must_eq(getrlimit(RLIMIT_NOFILE, &r), 0);
    r.rlim_cur = r.rlim_max;
    must_eq(setrlimit(RLIMIT_NOFILE, &r), 0);
    if (r.rlim_cur >= (rlim_t)(want + SPARE))
        return want;
    int n = (int)r.rlim_cur - SPARE;
    printf("only %d connections: the limit on descriptors is %d\n", n,
           (int)r.rlim_cur);
    return n;
}

/* ---- the clients --------------------------------------------------------- */

static struct {
    struct sockaddr_in at;
    weir_barrier all_open;
} clients;

static void client(void *arg)
{
    int i, mark = (int)(intptr_t)arg, value, fd = fds_tcp(O_NONBLOCK);
    must_eq(fds_connect(fd, &clients.at, NULL), 0);
    must(weir_barrier_wait(&clients.all_open, NULL) >= 0);
    for (i = 0; i < ROUNDS; i++, mark += CONNECTIONS) {
        must_eq(weir_write_full(fd, &mark, sizeof mark, NULL), sizeof mark);
        must_eq(weir_read_full(fd, &value, sizeof value, NULL), sizeof value);
        must_eq(value, mark);
    }
    must(weir_barrier_wait(&clients.all_open, NULL) >= 0);
    must_eq(weir_close(fd), 0);
}

static int clients_main(void *arg)
{
    int i, n = *(int *)arg;
    for (i = 0; i < n; i++)
        must_eq(weir_go(client, (void *)(intptr_t)i), 0);
    return 0;
}

static pid_t fork_clients(int n)
{
    pid_t child = fork();
    must(child >= 0);
    if (child > 0)
        return child;
    _exit(weir_run(clients_main, &n) == 0 ? 0 : 1);
}

/* ---- the server ---------------------------------------------------------- */

static atomic_int open_now, most_open;

static void echo(void *arg)
{
    int fd = (int)(intptr_t)arg, now = atomic_fetch_add(&open_now, 1) + 1;
    int most = most_open;
    char buf[100];
    ssize_t n;
    while (most < now && !atomic_compare_exchange_weak(&most_open, &most, now))
        ;
    while ((n = weir_read(fd, buf, sizeof buf, NULL)) > 0)
        must_eq(weir_write_full(fd, buf, (size_t)n, NULL), n);
    must_eq(n, 0);
    must_eq(weir_close(fd), 0);
    atomic_fetch_sub(&open_now, 1);
}

struct server {
    int listener, n;
    bool alone; /* the clients are elsewhere */
};

static int server_main(void *arg)
{
    struct server *s = arg;
    int i;
    if (!s->alone)
        must_eq(clients_main(&s->n), 0);
    for (i = 0; i < s->n; i++) {
        int fd = weir_accept(s->listener, NULL, NULL, NULL);
        must(fd >= 0);
        must_eq(weir_go(echo, (void *)(intptr_t)fd), 0);
    }
    return weir_close(s->listener);
}

static void reap(pid_t child)
{
    int status;
    must_eq(waitpid(child, &status, 0), child);
    must(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

START_TEST(ten_thousand_connections_echo)
{
    struct server s = {.n = how_many(), .alone = !check_is_slow()};
    s.listener = fds_listen(&clients.at, 4096, O_NONBLOCK);
    clients.all_open = (weir_barrier)WEIR_BARRIER_INIT((uint32_t)s.n);
    pid_t child = s.alone ? fork_clients(s.n) : 0;
    must_eq(weir_run(server_main, &s), 0);
    if (child)
        reap(child);
    must_eq(most_open, s.n);
}
END_TEST

CHECK_MAIN(CHECK_LONG(ten_thousand_connections_echo, 300))
