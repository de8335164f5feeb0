/* SPDX-License-Identifier: MIT */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

#include "child.h"
#include "limits.h"
#include "progress.h"
#include "report.h"

/* A descriptor among the first three that is closed would become one of
 * ours, and a command's output land there. */
static void hold_standard_descriptors(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", fd ? O_RDONLY : O_WRONLY);
}

void tool_setup(void)
{
    hold_standard_descriptors();
    child_setup();
    /* One that comes before there is an account to show is no reason to die. */
    signal(SIGUSR1, SIG_IGN);
}

void tool_say(const char *what, int code)
{
    char why[160];
    limit_text(code, why, sizeof why);
    report("%s: %s", what, why);
}

/* EXIT_WELL, or the status to end with, said. */
static int start_runtime(void)
{
    int code = weir_start(NULL);
    if (!code || code == WEIR_BUSY)
        return EXIT_WELL;
    if (code == WEIR_EINVAL) {
        report("WEIR_WORKERS or WEIR_HOG is not a number in range");
        return EXIT_USAGE;
    }
    tool_say("cannot start", code);
    return EXIT_FAILED;
}

static FILE *open_stats(const char *name)
{
    FILE *file = fopen(name, "we");
    if (!file)
        report("option --stats: cannot write %s: %s", name, strerror(errno));
    return file;
}

static void show_ledgers(void *arg)
{
    const struct tool_run *r = arg;
    char line[LEDGER_LINE];
    for (int i = 0; i < r->count; i++) {
        ledger_line(r->ledgers[i], line, sizeof line);
        report_now("%s", line);
    }
}

static void snapshot(void *arg)
{
    const struct tool_run *r = arg;
    if (r->snapshot)
        r->snapshot(r->arg);
    else
        show_ledgers(arg);
}

static void at_once(void *arg)
{
    const struct tool_run *r = arg;
    if (r->at_once)
        r->at_once(r->arg);
    show_ledgers(arg);
}

/* 0, or why it could not begin; above 0: that has been said. */
static int work(const struct tool_run *r)
{
    struct progress progress;
    int code = r->prepare(r->arg);
    if (!code)
        code = stop_start(r->stop, r->settings->grace, snapshot, at_once,
                          (void *)(uintptr_t)r);
    if (code)
        return code;
    progress_start(&progress, r->show, r->arg);
    code = r->work(r->arg);
    progress_finish(&progress);
    stop_finish(r->stop);
    return code;
}

static bool something_lost(const struct tool_run *r)
{
    for (int i = 0; i < r->count; i++)
        if (ledger_dropped(r->ledgers[i]) + r->ledgers[i]->left > 0)
            return true;
    return false;
}

static int status_of(const struct tool_run *r)
{
    if (r->stop->signal)
        return EXIT_SIGNAL + r->stop->signal;
    int status = r->status(r->arg);
    if (status == EXIT_WELL && r->settings->strict && something_lost(r))
        status = EXIT_DROPPED;
    return status;
}

/* The ledger and the statistics; the status to end with. */
static int close_account(const struct tool_run *r, FILE *stats)
{
    char line[LEDGER_LINE];
    int status = status_of(r);
    for (int i = 0; i < r->count; i++) {
        ledger_end(r->ledgers[i]);
        ledger_line(r->ledgers[i], line, sizeof line);
        report("%s", line);
        if (ledger_balances(r->ledgers[i]))
            continue;
        report("the account above does not balance: this is a fault of weir");
        status = EXIT_FAILED;
    }
    if (stats &&
        !ledger_write(r->ledgers, r->count, stats, r->settings->stats,
                      status) &&
        status == EXIT_WELL)
        status = EXIT_FAILED;
    return status;
}

static int run_with(const struct tool_run *r, FILE *stats)
{
    int status = start_runtime();
    if (status)
        return status;
    int code = work(r);
    if (code > 0) {
        status = code;
    } else if (code) {
        tool_say("cannot start", code);
        status = EXIT_FAILED;
    } else {
        status = close_account(r, stats);
        weir_stop(WEIR_SECOND);
    }
    r->release(r->arg);
    return status;
}

int tool_run(const struct tool_run *r)
{
    FILE *stats = r->settings->stats ? open_stats(r->settings->stats) : NULL;
    int status = EXIT_USAGE;
    if (stats || !r->settings->stats)
        status = run_with(r, stats);
    if (stats)
        fclose(stats);
    return status;
}
