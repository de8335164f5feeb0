/* SPDX-License-Identifier: MIT */
#include "tail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "count.h"
#include "input.h"
#include "limits.h"
#include "report.h"

enum { BUFFER_SIZE = 64 * 1024, PATH_SIZE = 4096 };

/* Past the slashes of "/a//b", and past a component and those behind it. */
static const char *first_component(const char *path)
{
    return path + strspn(path, "/");
}

static const char *next_component(const char *path)
{
    return first_component(path + strcspn(path, "/"));
}

int tail_init(struct tail *t, struct watches *watches)
{
    t->fd = -1;
    t->buffer = malloc(BUFFER_SIZE);
    t->poke = weir_chan_new(1, 1);
    const struct watch nowhere = {.among = watches, .poke = t->poke, .wd = -1};
    t->here = t->next = nowhere;
    const char *c = first_component(t->name);
    for (; *c; c = next_component(c))
        t->way_length++;
    t->way = calloc(t->way_length + 1, sizeof *t->way);
    for (size_t i = 0; t->way && i < t->way_length; i++)
        t->way[i] = nowhere;
    return t->buffer && t->poke && t->way ? 0 : WEIR_ENOMEM;
}

void tail_fini(struct tail *t)
{
    free(t->buffer);
    free(t->way);
    weir_chan_unref(t->poke);
}

/* ---- what is said -------------------------------------------------------- */

/* Each state of a file is said once. */
static void say(struct tail *t, int state, const char *what)
{
    if (t->said == state)
        return;
    t->said = state;
    report("%s: %s", t->name, what);
}

static void complain(struct tail *t, const char *what, int code)
{
    char text[192], why[128];
    limit_text(code, why, sizeof why);
    if (code == WEIR_UNSUPPORTED)
        snprintf(text, sizeof text, "is no regular file: %s", what);
    else
        snprintf(text, sizeof text, "%s: %s", what, why);
    say(t, code, text);
    t->failed = true;
}

/* ---- looking: in the blocking pool --------------------------------------- */

/* From the first directory on, so that one that is made meanwhile has been
 * looked for in the one before it. */
static int watch_way(struct tail *t)
{
    char path[PATH_SIZE] = ".";
    const char *c = first_component(t->name);
    for (size_t i = 0; i < t->way_length; i++, c = next_component(c)) {
        size_t before = (size_t)(c - t->name);
        if (before >= sizeof path)
            return -ENAMETOOLONG;
        if (before > 0)
            snprintf(path, sizeof path, "%.*s", (int)before, t->name);
        int code = watch_entry(&t->way[i], path, c, strcspn(c, "/"));
        if (code && code != -ENOENT && code != -ENOTDIR)
            return code;
    }
    return 0;
}

static void leave_way(struct tail *t)
{
    for (size_t i = 0; i < t->way_length; i++)
        watch_clear(&t->way[i]);
}

/* The place of the byte behind the last mark. */
static off_t line_start(const struct tail *t, off_t end)
{
    while (end > 0) {
        off_t from = end > BUFFER_SIZE ? end - BUFFER_SIZE : 0;
        ssize_t n = pread(t->fd, t->buffer, (size_t)(end - from), from);
        if (n <= 0)
            break;
        const char *mark = memrchr(t->buffer, t->mark, (size_t)n);
        if (mark)
            return from + (mark - t->buffer) + 1;
        end = from;
    }
    return 0;
}

static int watch_here(struct tail *t)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", t->fd);
    int code = watch_file(&t->here, path);
    return code == -ENOENT ? watch_file(&t->here, t->name) : code;
}

static int open_it(struct tail *t)
{
    struct stat st;
    int fd = open(t->name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st)) {
        int code = -errno;
        if (fd >= 0)
            close(fd);
        return code;
    }
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        return S_ISDIR(st.st_mode) ? -EISDIR : WEIR_UNSUPPORTED;
    }
    t->fd = fd;
    t->device = st.st_dev;
    t->inode = st.st_ino;
    t->at = t->from_end && !t->begun ? line_start(t, st.st_size) : 0;
    lseek(fd, t->at, SEEK_SET);
    return t->once ? 0 : watch_here(t);
}

/* Which file the name has now, when it is not the one that is open. */
static int look_for_next(struct tail *t)
{
    struct stat st;
    if (stat(t->name, &st))
        return -errno;
    if (st.st_dev == t->device && st.st_ino == t->inode)
        return 0;
    int code = watch_file(&t->next, t->name);
    if (!code && stat(t->name, &st))
        code = -errno;
    if (!code && !S_ISREG(st.st_mode))
        code = S_ISDIR(st.st_mode) ? -EISDIR : WEIR_UNSUPPORTED;
    t->replaced = !code && st.st_size > 0;
    return code;
}

static int look(void *arg)
{
    struct tail *t = arg;
    int code = t->once ? 0 : watch_way(t);
    if (!code)
        code = t->fd < 0 ? open_it(t) : look_for_next(t);
    return code;
}

/* ---- copying ------------------------------------------------------------- */

static bool pass_on(struct tail *t, const char *data, size_t n)
{
    ptrdiff_t put = weir_stream_write(t->stream, data, n, &t->stop->work);
    if (put > 0) {
        t->ledger->in += count_byte(data, (size_t)put, t->mark);
        t->ledger->bytes_in += (size_t)put;
        t->at += put;
        t->open = data[put - 1] != t->mark;
    }
    if (put != (ptrdiff_t)n && put != WEIR_CANCELED && put != WEIR_CLOSED)
        complain(t, "cannot be held", put < 0 ? (int)put : WEIR_ENOMEM);
    return put == (ptrdiff_t)n;
}

/* To the end of what is there. False: the run is over. */
static bool copy(struct tail *t)
{
    weir_ctx *input = &t->stop->input;
    while (!weir_ctx_err(input)) {
        ssize_t n = input_read_fd(t->fd, t->buffer, BUFFER_SIZE, input);
        if (n < 0 && !weir_ctx_err(input))
            complain(t, "cannot read", (int)n);
        if (n <= 0)
            return !weir_ctx_err(input);
        if (!pass_on(t, t->buffer, (size_t)n))
            return false;
    }
    return false;
}

/* The last line of a file needs no mark; its stream gets one. */
static void end_line(struct tail *t)
{
    off_t at = t->at;
    if (t->open && pass_on(t, &t->mark, 1))
        t->ledger->bytes_in--;
    t->at = at;
}

static void shut(struct tail *t)
{
    if (t->fd < 0)
        return;
    end_line(t);
    close(t->fd);
    t->fd = -1;
    t->replaced = false;
    watch_clear(&t->here);
    watch_clear(&t->next);
}

/* Shorter than what was read of it: it is another text. */
static void check_length(struct tail *t)
{
    struct stat st;
    if (fstat(t->fd, &st) || st.st_size >= t->at)
        return;
    end_line(t);
    report("%s: truncated; reading it from its start", t->name);
    lseek(t->fd, 0, SEEK_SET);
    t->at = 0;
}

/* ---- the run ------------------------------------------------------------- */

static void judge(struct tail *t, int code)
{
    bool missing = code == -ENOENT || code == -ENOTDIR;
    if (code == 0)
        t->said = 0;
    else if (missing && t->fd >= 0)
        say(t, code, "has gone; waiting for it to come back");
    else if (missing && !t->once)
        say(t, code, "is not there yet; waiting for it");
    else if (code == -ENOSPC)
        complain(t, "cannot be watched", code);
    else
        complain(t, "cannot be followed", code);
}

static bool look_and_copy(struct tail *t)
{
    int code = weir_blocking(look, t);
    judge(t, code == WEIR_ENOMEM ? look(t) : code);
    t->begun = true;
    if (t->fd < 0)
        return !weir_ctx_err(&t->stop->input);
    check_length(t);
    return copy(t);
}

void tail_run(struct tail *t)
{
    char poke;
    while (look_and_copy(t)) {
        if (t->replaced)
            shut(t);
        else if (t->once || weir_chan_recv(t->poke, &poke, &t->stop->input))
            break;
    }
    if (t->once && !weir_ctx_err(&t->stop->input))
        end_line(t);
    t->open = false; /* a line that is still being written is not cut */
    shut(t);
    leave_way(t);
    weir_stream_close(t->stream);
}
