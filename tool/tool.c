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

int tool_start(void)
{
    char why[160];
    int code = weir_start(NULL);
    if (!code || code == WEIR_BUSY)
        return EXIT_WELL;
    if (code == WEIR_EINVAL) {
        report("WEIR_WORKERS or WEIR_HOG is not a number in range");
        return EXIT_USAGE;
    }
    limit_text(code, why, sizeof why);
    report("cannot start: %s", why);
    return EXIT_FAILED;
}

FILE *tool_open_stats(const char *name)
{
    FILE *file = fopen(name, "we");
    if (!file)
        report("option --stats: cannot write %s: %s", name, strerror(errno));
    return file;
}

int tool_finish(const struct ledger *l, FILE *stats, const char *stats_name,
                int status)
{
    char line[512];
    ledger_line(l, line, sizeof line);
    report("%s", line);
    if (!ledger_balances(l)) {
        report("the account above does not balance: this is a fault of weir");
        status = EXIT_FAILED;
    }
    if (stats && !ledger_write(l, stats, stats_name, status) &&
        status == EXIT_WELL)
        status = EXIT_FAILED;
    weir_stop(WEIR_SECOND);
    return status;
}

void tool_last_words(const struct ledger *l)
{
    char line[512];
    ledger_line(l, line, sizeof line);
    report_now("%s", line);
}
