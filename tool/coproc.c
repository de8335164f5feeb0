/* SPDX-License-Identifier: MIT */
#include "coproc.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "job.h"
#include "report.h"

enum { READ_SIZE = 4096, ERRORS_KEPT = 1024 * 1024 };

void coproc_init(struct coproc *c, const struct command *command, char mark)
{
    *c = (struct coproc){.command = command, .mark = mark};
}

/* Keeps what it says, up to a bound: a coprocess may live for long. */
static void keep_errors(struct coproc *c)
{
    char text[READ_SIZE];
    for (;;) {
        ssize_t n = weir_read(c->child.err, text, sizeof text, &c->errors_end);
        if (n <= 0)
            return;
        weir_mutex_lock(&c->lock, NULL);
        if (c->errors.len < ERRORS_KEPT)
            bytes_add(&c->errors, text, (size_t)n);
        weir_mutex_unlock(&c->lock);
    }
}

/* Once more when it was told to end: its wait may have ended for that while
 * there was something to read. */
static void read_errors(void *arg)
{
    keep_errors(arg);
    keep_errors(arg);
}

static void take_errors(struct coproc *c, struct bytes *err)
{
    weir_mutex_lock(&c->lock, NULL);
    bytes_add(err, c->errors.data, c->errors.len);
    bytes_free(&c->errors);
    weir_mutex_unlock(&c->lock);
}

static void end_errors(struct coproc *c)
{
    weir_ctx_cancel(&c->errors_end, 0);
    weir_wg_wait(&c->errors_done, NULL);
    weir_ctx_fini(&c->errors_end);
}

int coproc_start(struct coproc *c)
{
    if (c->alive)
        return 0;
    int code = child_open(&c->child, CHILD_IN | CHILD_OUT | CHILD_ERR);
    if (code)
        return code;
    weir_ctx_init(&c->errors_end, NULL);
    code = weir_wg_go(&c->errors_done, read_errors, c);
    if (!code)
        code = child_start(&c->child, c->command->path, c->command->words);
    c->alive = code == 0;
    if (code) {
        end_errors(c);
        child_close(&c->child);
    }
    return code;
}

/* It has ended or is ended here; its wait status. */
static int bury(struct coproc *c)
{
    kill(-c->child.pid, SIGKILL);
    child_exited(&c->child, NULL);
    end_errors(c);
    int status = child_reap(&c->child);
    child_close(&c->child);
    c->alive = false;
    return status;
}

/* Looks whether it is alive and silent, as it should be between records. */
static void check_silence(struct coproc *c)
{
    char stray[READ_SIZE];
    if (!c->alive)
        return;
    ssize_t n = read(c->child.out, stray, sizeof stray);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0)
        report("a coprocess spoke when it was not asked: %zd bytes passed "
               "over, a new one is started",
               n);
    bury(c);
}

struct question {
    struct coproc *coproc;
    const struct bytes *text;
    weir_ctx *limit;
    int code;
};

static void put_question(void *arg)
{
    struct question *q = arg;
    struct iovec parts[2] = {{q->text->data, q->text->len},
                             {&q->coproc->mark, 1}};
    struct iovec *part = q->text->len ? parts : parts + 1;
    while (part < parts + 2 && q->code == 0) {
        ssize_t n = weir_writev(q->coproc->child.in, part,
                                (int)(parts + 2 - part), q->limit);
        if (n < 0) {
            q->code = (int)n;
        } else if ((size_t)n < part->iov_len) {
            part->iov_base = (char *)part->iov_base + n;
            part->iov_len -= (size_t)n;
        } else {
            part += (size_t)n > part->iov_len ? 2 : 1;
        }
    }
}

static int read_answer(struct coproc *c, struct bytes *answer, weir_ctx *limit)
{
    for (;;) {
        if (!bytes_reserve(answer, READ_SIZE))
            return -ENOMEM;
        char *at = answer->data + answer->len;
        ssize_t n =
            weir_read(c->child.out, at, answer->cap - answer->len - 1, limit);
        if (n <= 0)
            return n == 0 ? COPROC_DIED : (int)n;
        answer->len += (size_t)n;
        const char *mark = memchr(at, c->mark, (size_t)n);
        if (mark)
            return mark + 1 == at + n ? 0 : COPROC_TALKS;
    }
}

/* A question that a pipe may not hold is put by a task of its own: the answer
 * may begin before the question has been read to its end. */
static int exchange(struct coproc *c, const struct bytes *text,
                    struct bytes *answer, weir_ctx *limit)
{
    weir_wg asked = WEIR_WG_INIT;
    weir_ctx asking;
    struct question q = {c, text, &asking, 0};
    int code = 0;
    weir_ctx_init(&asking, limit);
    if (text->len < PIPE_BUF)
        put_question(&q);
    else
        code = weir_wg_go(&asked, put_question, &q);
    if (!code && !q.code)
        code = read_answer(c, answer, limit);
    /* One that came while we stood still is there, and needs no time. */
    if (code == WEIR_TIMEDOUT)
        code = read_answer(c, answer, limit);
    if (code)
        weir_ctx_cancel(&asking, 0);
    weir_wg_wait(&asked, NULL);
    weir_ctx_fini(&asking);
    if (q.code && !code)
        code = q.code;
    return code == -EPIPE ? COPROC_DIED : code;
}

/* What has closed its pipes is about to end, and by its own exit status, or
 * is at fault. */
static int await_end(struct coproc *c, weir_ctx *work)
{
    weir_ctx limit;
    weir_ctx_init_timeout(&limit, work, WEIR_SECOND);
    int code = child_exited(&c->child, &limit);
    weir_ctx_fini(&limit);
    return code ? COPROC_SHUT : COPROC_DIED;
}

int coproc_ask(struct coproc *c, const struct bytes *question,
               struct bytes *answer, struct bytes *err, int64_t timeout,
               weir_ctx *work, int *detail)
{
    weir_ctx limit;
    check_silence(c);
    *detail = coproc_start(c);
    if (*detail)
        return COPROC_START;
    if (timeout == WEIR_FOREVER)
        weir_ctx_init(&limit, work);
    else
        weir_ctx_init_timeout(&limit, work, timeout);
    int code = exchange(c, question, answer, &limit);
    if (code && code != COPROC_DIED && weir_ctx_err(work))
        code = WEIR_CANCELED;
    weir_ctx_fini(&limit);
    if (code == COPROC_DIED)
        code = await_end(c, work);
    if (code == WEIR_TIMEDOUT)
        child_end(&c->child, true);
    if (code)
        *detail = bury(c);
    take_errors(c, err);
    return code;
}

bool coproc_finish(struct coproc *c, int64_t patience, weir_ctx *work)
{
    struct bytes rest = {0};
    weir_ctx limit;
    int status = 0;
    int code = 0;
    if (c->alive) {
        weir_ctx_init_timeout(&limit, work, patience);
        weir_close(c->child.in);
        c->child.in = -1;
        code = capture_drain(c->child.out, &rest, &limit);
        if (!code)
            code = child_exited(&c->child, &limit);
        weir_ctx_fini(&limit);
        if (code)
            child_end(&c->child, true);
        status = bury(c);
    }
    if (c->errors.len > 0)
        report_raw(c->errors.data, c->errors.len);
    if (rest.len > 0)
        report("a coprocess said %zu bytes more at its end", rest.len);
    bytes_free(&c->errors);
    bytes_free(&rest);
    if ((code == 0 && status == 0) || weir_ctx_err(work))
        return true;
    char text[64];
    job_show_status(status, text, sizeof text);
    report("a coprocess %s: %s",
           code ? "did not end with its input" : "ended badly", text);
    return false;
}
