/* SPDX-License-Identifier: MIT */
/*
 * A client of service.c: sends the lines of its standard input and prints the
 * answers, without waiting for one before it sends the next.
 *
 *     service_client SOCKET < EVENTS > ANSWERS
 *
 * Its exit status is 0 when every line was answered, and 1 when the service
 * went away before that.
 */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "must.h"

enum { BLOCK = 16384 };

static int connection;
static size_t sent, answered;

/* Copies until the end of one or the other. Counts the lines that went
 * through. */
static size_t copy(int from, int to)
{
    char block[BLOCK];
    size_t lines = 0;
    ssize_t n;

    while ((n = weir_read(from, block, sizeof block, NULL)) > 0 &&
           weir_write_full(to, block, (size_t)n, NULL) == n)
        for (ssize_t i = 0; i < n; i++)
            lines += block[i] == '\n';
    return lines;
}

static void send_all(void *unused)
{
    (void)unused;
    sent = copy(STDIN_FILENO, connection);
    shutdown(connection, SHUT_WR); /* the service answers what it has */
}

static int connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    if (strlen(path) >= sizeof to.sun_path)
        return -ENAMETOOLONG;
    strcpy(to.sun_path, path);
    const int err = weir_connect(fd, (struct sockaddr *)&to, sizeof to, NULL);
    return err < 0 ? err : fd;
}

int main(int argc, char **argv)
{
    weir_wg sender = WEIR_WG_INIT;

    if (argc != 2) {
        fprintf(stderr, "usage: %s SOCKET\n", argv[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    connection = connect_to(argv[1]);
    if (connection < 0) {
        fprintf(stderr, "%s: %s\n", argv[1], weir_strerror(connection));
        return EXIT_FAILURE;
    }
    must(weir_wg_go(&sender, send_all, NULL));
    answered = copy(connection, STDOUT_FILENO);
    must(weir_wg_wait(&sender, NULL));
    must(weir_stop(WEIR_FOREVER));
    return answered == sent ? EXIT_SUCCESS : EXIT_FAILURE;
}
