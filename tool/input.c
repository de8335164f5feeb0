/* SPDX-License-Identifier: MIT */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "limits.h"
#include "report.h"

static char standard_input[] = "-";
static char *const only_standard_input[] = {standard_input};

uint64_t input_size(int fd)
{
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return 0;
    off_t at = lseek(fd, 0, SEEK_CUR);
    return at >= 0 && at < st.st_size ? (uint64_t)(st.st_size - at) : 0;
}

/* Sets *known to false for what has no size, such as a pipe. What is not
 * there has none to add. */
static uint64_t size_of(const char *name, bool *known)
{
    struct stat st;
    if (strcmp(name, "-") == 0) {
        uint64_t size = input_size(STDIN_FILENO);
        *known = *known && size > 0;
        return size;
    }
    if (stat(name, &st))
        return 0;
    *known = *known && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
    return S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

void input_init(struct input *in, char *const *names, int count)
{
    bool known = true;
    if (count == 0) {
        names = only_standard_input;
        count = 1;
    }
    *in = (struct input){.names = names, .count = count, .fd = -1};
    for (int i = 0; i < count; i++)
        in->total += size_of(names[i], &known);
    if (!known)
        in->total = 0;
}

static void give_up(struct input *in, int code)
{
    char why[128];
    limit_text(code, why, sizeof why);
    report("cannot read %s: %s", in->name, why);
    in->unreadable = true;
}

/* In the blocking pool. A FIFO is opened without waiting for its writer. */
static int open_name(void *arg)
{
    int fd = open(arg, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

static int open_next(struct input *in)
{
    char *name = in->names[in->next++];
    bool standard = strcmp(name, "-") == 0;
    in->name = standard ? "standard input" : name;
    if (standard)
        return STDIN_FILENO;
    int fd = weir_blocking(open_name, name);
    return fd == WEIR_ENOMEM ? open_name(name) : fd;
}

/* A FIFO that no writer has opened yet reads as if it were at its end, but
 * does not poll so. */
static bool await_writer(int fd, weir_ctx *ctx)
{
    struct stat st;
    return fstat(fd, &st) || !S_ISFIFO(st.st_mode) ||
           weir_wait_fd(fd, WEIR_READABLE, ctx) != WEIR_CANCELED;
}

bool input_open(struct input *in, weir_ctx *ctx)
{
    while (in->next < in->count) {
        int fd = open_next(in);
        if (fd < 0) {
            give_up(in, fd);
            continue;
        }
        in->fd = fd;
        if (fd == STDIN_FILENO || await_writer(fd, ctx))
            return true;
        input_close(in);
        return false;
    }
    return false;
}

ssize_t input_read_fd(int fd, void *data, size_t n, weir_ctx *ctx)
{
    struct stat st;
    ssize_t got = weir_read(fd, data, n, ctx);
    if (got == WEIR_ENOMEM && !fstat(fd, &st) && S_ISREG(st.st_mode)) {
        got = read(fd, data, n);
        if (got < 0)
            got = -errno;
    }
    return got;
}

ssize_t input_read(struct input *in, void *data, size_t n, weir_ctx *ctx)
{
    ssize_t got = input_read_fd(in->fd, data, n, ctx);
    if (got == WEIR_TIMEDOUT)
        got = WEIR_CANCELED;
    if (got > 0) {
        in->read += (uint64_t)got;
        return got;
    }
    if (got != WEIR_CANCELED) {
        if (got < 0)
            give_up(in, (int)got);
        input_close(in);
        return 0;
    }
    return got;
}

void input_close(struct input *in)
{
    if (in->fd > STDERR_FILENO)
        weir_close(in->fd);
    in->fd = -1;
}
