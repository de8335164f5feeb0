/* SPDX-License-Identifier: MIT */
#include "branch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/backoff.h>

#include "job.h"
#include "limits.h"
#include "report.h"
#include "stream.h"
#include "tool.h"

static char shell[] = "sh";
static char shell_flag[] = "-c";

/* ---- ends ---------------------------------------------------------------- */

/* How it ended. A failure is also said. */
__attribute__((format(printf, 3, 4))) static void end(struct branch *b,
                                                      int status,
                                                      const char *format, ...)
{
    struct ledger *l = &b->ledger;
    va_list args;
    va_start(args, format);
    vsnprintf(l->end, sizeof l->end, format, args);
    va_end(args);
    l->status = status;
    if (status == EXIT_FAILED)
        report("%s: %s", b->name, l->end);
}

static void fail(struct branch *b, const char *what, int code)
{
    char why[96];
    limit_text(code, why, sizeof why);
    end(b, EXIT_FAILED, "%s: %s", what, why);
}

void branch_fail(struct branch *b, int code)
{
    fail(b, "cannot start", code);
    queue_refuse(&b->queue, &b->ledger.failed);
    ledger_end(&b->ledger);
}

/* ---- opening ------------------------------------------------------------- */

static int open_file(void *arg)
{
    const struct branch *b = arg;
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY;
    int fd = open(b->name, flags | (b->append ? O_APPEND : O_TRUNC), 0666);
    return fd < 0 ? -errno : fd;
}

/* Lets go one that is waiting for a FIFO's reader, by being that reader. */
struct release {
    const char *name;
    _Atomic int fd;
};

static void be_reader(void *arg)
{
    struct release *r = arg;
    struct stat st;
    if (stat(r->name, &st) == 0 && S_ISFIFO(st.st_mode))
        r->fd = open(r->name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

/* In the blocking pool: a FIFO waits for its reader. */
static int open_file_until(struct branch *b)
{
    weir_ctx until;
    weir_ctx_after after;
    struct release r = {.name = b->name, .fd = -1};
    weir_ctx_init(&until, b->work);
    int code = weir_ctx_after_func(&after, &until, be_reader, &r);
    int fd = weir_blocking(open_file, b);
    if (fd == WEIR_ENOMEM)
        fd = open_file(b);
    if (!code)
        weir_ctx_after_stop(&after);
    weir_ctx_fini(&until);
    if (r.fd >= 0)
        close(r.fd);
    return fd;
}

static int open_command(struct branch *b)
{
    char *words[] = {shell, shell_flag, (char *)(uintptr_t)(b->name + 1), NULL};
    int code = child_open(&b->child, CHILD_IN);
    if (!code)
        code = child_start(&b->child, "/bin/sh", words);
    if (code) {
        child_close(&b->child);
        return code;
    }
    return b->child.in;
}

/* False: it cannot be, and that is its end. */
static bool open_branch(struct branch *b)
{
    bool command = b->name[0] == '|';
    if (command)
        b->fd = open_command(b);
    else if (strcmp(b->name, "-") == 0)
        b->fd = STDOUT_FILENO;
    else
        b->fd = open_file_until(b);
    if (b->fd >= 0) {
        stream_widen_pipe(b->fd);
        return true;
    }
    fail(b, command ? "cannot run" : "cannot open", b->fd);
    return false;
}

/* ---- closing ------------------------------------------------------------- */

/* The command's wait status, when it has ended or has been made to. */
static int finish_command(struct branch *b)
{
    child_close(&b->child);
    if (child_exited(&b->child, b->work))
        child_end(&b->child, true);
    return child_reap(&b->child);
}

static int close_file(void *arg)
{
    const struct branch *b = arg;
    return close(b->fd) ? -errno : 0;
}

/* Some file systems tell only here that there is no space. */
static void close_branch(struct branch *b)
{
    if (b->fd <= STDERR_FILENO)
        return;
    int code = weir_blocking(close_file, b);
    if (code == WEIR_ENOMEM)
        code = close_file(b);
    if (code && b->ledger.status == EXIT_WELL)
        fail(b, "cannot write", code);
}

static void judge_outlet(struct branch *b, enum outlet_end how)
{
    if (how == OUTLET_BROKEN)
        fail(b, "cannot write", b->outlet.error);
    else if (how == OUTLET_GONE)
        end(b, b->required ? EXIT_FAILED : EXIT_WELL,
            "takes no more, before the end");
    else if (how == OUTLET_ENDED)
        end(b, EXIT_WELL, "broken off");
    else if (b->queue.overrun)
        end(b, EXIT_DROPPED, "the buffer was full: ended");
    else if (b->late.keep && b->late.keep->full)
        end(b, EXIT_DROPPED, "more came than --keep holds");
    else
        end(b, EXIT_WELL, "done");
}

static bool is_sigpipe(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE;
}

/* A command that fails says more than that it has stopped to read. One that
 * was broken off with the run has not failed, nor has one whose own reader
 * went away. */
static void judge_command(struct branch *b, int status, enum outlet_end how)
{
    char text[64];
    job_show_status(status, text, sizeof text);
    bool broken_off = how == OUTLET_ENDED || weir_ctx_err(b->work);
    b->command_failed = status != 0 && !broken_off && !is_sigpipe(status);
    if (status == 0)
        return;
    if (broken_off)
        end(b, EXIT_WELL, "broken off, %s", text);
    else if (is_sigpipe(status))
        end(b, b->required ? EXIT_FAILED : EXIT_WELL, "%s", text);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        end(b, EXIT_FAILED, "%s (command not found)", text);
    else
        end(b, EXIT_FAILED, "%s", text);
}

/* ---- again --------------------------------------------------------------- */

#define FIRST_PAUSE   (100 * WEIR_MILLISECOND)
#define LONGEST_PAUSE (5 * WEIR_SECOND)

/* Is what is kept to be given once more, from its start? */
static bool wants_again(const struct branch *b, enum outlet_end how, int status)
{
    if (!b->late.keep || weir_ctx_err(b->work))
        return false;
    if (b->name[0] == '|')
        return status != 0 && !is_sigpipe(status) &&
               b->late.passes <= b->late.retries;
    return how == OUTLET_GONE && b->fd != STDOUT_FILENO;
}

static void say_again(struct branch *b, int status)
{
    char text[64] = "its reader has gone; for the next one";
    if (b->name[0] == '|')
        job_show_status(status, text, sizeof text);
    report("%s: %s, from the start again", b->name, text);
    b->ledger.retried++;
}

/* A command that fails at once is not started again at once. */
static void pause_before(const struct branch *b)
{
    weir_backoff backoff;
    const weir_backoff_opts o = {.factor = FIRST_PAUSE,
                                 .max = LONGEST_PAUSE,
                                 .jitter = WEIR_JITTER_NONE};
    weir_backoff_init(&backoff, &o);
    if (b->name[0] == '|')
        weir_sleep(weir_backoff_after(&backoff, b->late.passes), b->work);
}

/* ---- the run ------------------------------------------------------------- */

/* It cannot be, which has been said. */
static void give_up(struct branch *b)
{
    queue_refuse(&b->queue, &b->ledger.failed);
}

/* Once from the start to its end. True: again. */
static bool run_once(struct branch *b)
{
    bool command = b->name[0] == '|', late = b->late.keep != NULL;
    if (!open_branch(b)) {
        give_up(b);
        return false;
    }
    int code = late ? late_begin(&b->late, &b->queue, b->work) : 0;
    if (code) {
        give_up(b);
        late = false;
    }
    b->outlet.fd = b->fd;
    enum outlet_end how = code ? OUTLET_BROKEN : outlet_run(&b->outlet);
    if (late)
        code = late_end(&b->late);
    int status = command ? finish_command(b) : 0;
    bool again = !code && wants_again(b, how, status);
    if (again)
        say_again(b, status);
    else if (code)
        fail(b, "cannot get what was kept", code);
    else
        judge_outlet(b, how);
    if (!command)
        close_branch(b);
    else if (!again && !code)
        judge_command(b, status, how);
    return again;
}

void branch_run(struct branch *b)
{
    while (run_once(b))
        pause_before(b);
    ledger_end(&b->ledger);
}

void branch_settle(struct branch *b)
{
    struct ledger *l = &b->ledger;
    if (b->late.keep)
        late_settle(&b->late, l, l->status == EXIT_FAILED);
    if (b->command_failed) {
        l->failed += l->left;
        l->left = 0;
    }
}
