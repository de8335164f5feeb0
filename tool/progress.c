/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "report.h"
#include "units.h"

#define PERIOD (200 * WEIR_MILLISECOND)

enum { LINE_SIZE = 256 };

static size_t terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

static void draw(struct progress *p)
{
    char line[LINE_SIZE];
    size_t width = terminal_width();
    line[0] = '\r';
    p->text(p->arg, line + 1, sizeof line - 4);
    if (strlen(line) > width)
        line[width] = '\0';
    report_progress(strcat(line, "\033[K"));
}

static void keep_drawing(void *arg)
{
    struct progress *p = arg;
    do {
        draw(p);
    } while (weir_sleep(PERIOD, &p->end) == 0);
    draw(p);
    report_progress(NULL);
}

void progress_start(struct progress *p, void (*text)(void *, char *, size_t),
                    void *arg)
{
    *p = (struct progress){.text = text, .arg = arg};
    if (!isatty(STDERR_FILENO))
        return;
    weir_ctx_init(&p->end, NULL);
    p->on = weir_wg_go(&p->task, keep_drawing, p) == 0;
    if (!p->on)
        weir_ctx_fini(&p->end);
}

void progress_finish(struct progress *p)
{
    if (!p->on)
        return;
    weir_ctx_cancel(&p->end, 0);
    weir_wg_wait(&p->task, NULL);
    weir_ctx_fini(&p->end);
    p->on = false;
}

void progress_eta(char *text, size_t n, uint64_t done, uint64_t total,
                  double seconds)
{
    char clock[32];
    text[0] = '\0';
    if (done == 0 || total < done)
        return;
    units_show_clock(clock, sizeof clock,
                     seconds * (double)(total - done) / (double)done);
    snprintf(text, n, " ETA %s", clock);
}
