/* SPDX-License-Identifier: MIT */
#include "capture.h"

#include <errno.h>

#include "child.h"

enum { READ_SIZE = 4096, READ_MOST = 256 * 1024 };

#define LAST_LOOK (100 * WEIR_MILLISECOND)

int capture_drain(int fd, struct bytes *b, weir_ctx *ctx)
{
    size_t size = READ_SIZE;
    for (;;) {
        if (!bytes_reserve(b, size))
            return -ENOMEM;
        ssize_t n = weir_read(fd, b->data + b->len, size, ctx);
        if (n <= 0)
            return (int)n;
        b->len += (size_t)n;
        if ((size_t)n == size && size < READ_MOST)
            size *= 2;
    }
}

/* The task that reads standard error while its owner reads the output. */
struct errors {
    int fd;
    struct bytes *text;
    weir_ctx ctx; /* cancelled: take what is there and end                  */
    weir_wg done;
};

static void read_errors(void *arg)
{
    struct errors *e = arg;
    char waste[READ_SIZE];
    int code = capture_drain(e->fd, e->text, &e->ctx);
    /* The wait may have ended for the context while there was more. */
    if (code == WEIR_CANCELED)
        code = capture_drain(e->fd, e->text, &e->ctx);
    /* A command must not stand still because its words cannot be kept. */
    if (code == -ENOMEM)
        while (weir_read(e->fd, waste, sizeof waste, &e->ctx) > 0)
            continue;
}

/* The task that writes standard input meanwhile. */
struct feed {
    int *fd;
    const void *data;
    size_t n;
    weir_ctx ctx;
    weir_wg done;
};

static void write_input(void *arg)
{
    struct feed *f = arg;
    if (f->n > 0)
        weir_write_full(*f->fd, f->data, f->n, &f->ctx);
    weir_close(*f->fd);
    *f->fd = -1;
}

static int start_feed(struct feed *f, int *fd, const struct capture *c)
{
    *f = (struct feed){.fd = fd, .data = c->in, .n = c->in_size};
    weir_ctx_init(&f->ctx, NULL);
    return c->in ? weir_wg_go(&f->done, write_input, f) : 0;
}

static void finish_feed(struct feed *f)
{
    weir_ctx_cancel(&f->ctx, 0);
    weir_wg_wait(&f->done, NULL);
    weir_ctx_fini(&f->ctx);
}

static int start_errors(struct errors *e, int fd, struct bytes *text)
{
    *e = (struct errors){.fd = fd, .text = text};
    weir_ctx_init(&e->ctx, NULL);
    int code = weir_wg_go(&e->done, read_errors, e);
    if (code)
        weir_ctx_fini(&e->ctx);
    return code;
}

static void finish_errors(struct errors *e)
{
    weir_ctx_cancel(&e->ctx, 0);
    weir_wg_wait(&e->done, NULL);
    weir_ctx_fini(&e->ctx);
}

/* To the end of both streams and of the process. */
static int follow(struct child *child, struct errors *e, struct bytes *out,
                  weir_ctx *limit)
{
    int code = capture_drain(child->out, out, limit);
    if (!code)
        code = child_exited(child, limit);
    if (!code)
        code = weir_wg_wait(&e->done, limit);
    return code;
}

/* Its time is over. When it has ended for all that, we stood still meanwhile:
 * what it said is there, and needs no more than to be read. */
static int look_again(struct child *child, struct errors *e, struct bytes *out,
                      weir_ctx *work)
{
    weir_ctx limit;
    if (!child_is_dead(child))
        return WEIR_TIMEDOUT;
    weir_ctx_init_timeout(&limit, work, LAST_LOOK);
    int code = follow(child, e, out, &limit);
    weir_ctx_fini(&limit);
    return code;
}

/* The child runs, its errors are being read. */
static int run_started(struct capture *c, struct child *child, struct errors *e,
                       int64_t timeout, weir_ctx *work)
{
    weir_ctx limit;
    struct feed feed;
    if (timeout == WEIR_FOREVER)
        weir_ctx_init(&limit, work);
    else
        weir_ctx_init_timeout(&limit, work, timeout);
    int code = start_feed(&feed, &child->in, c);
    if (!code)
        code = follow(child, e, c->out, &limit);
    if (code == WEIR_TIMEDOUT)
        code = look_again(child, e, c->out, work);
    if (code && weir_ctx_err(work))
        code = WEIR_CANCELED;
    if (code)
        child_end(child, code == WEIR_TIMEDOUT);
    weir_ctx_fini(&limit);
    finish_feed(&feed);
    finish_errors(e);
    c->status = child_reap(child);
    return code;
}

int capture_run(struct capture *c, const char *path, char *const *args,
                int64_t timeout, weir_ctx *work)
{
    struct child child;
    struct errors errors;
    c->started = false;
    int code =
        child_open(&child, CHILD_OUT | CHILD_ERR | (c->in ? CHILD_IN : 0));
    if (code)
        return code;
    child.env = c->env;
    code = start_errors(&errors, child.err, c->err);
    if (code) {
        child_close(&child);
        return code;
    }
    code = child_start(&child, path, args);
    c->started = code == 0;
    if (c->started)
        code = run_started(c, &child, &errors, timeout, work);
    else
        finish_errors(&errors);
    child_close(&child);
    return code;
}
