/* SPDX-License-Identifier: MIT */
#include "printer.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"
#include "report.h"
#include "tool.h"

/* The first reason counts. */
static void give_up(struct printer *p, int code)
{
    int none = 0;
    if (weir_ctx_err(&p->stop->work))
        code = WEIR_CANCELED;
    if (atomic_compare_exchange_strong(&p->error, &none, code) &&
        printer_failed(p))
        tool_say("cannot write standard output", code);
    weir_ctx_cancel(&p->stop->work, 0);
}

/* The end of a pipe that is written to is never readable; it is in error when
 * the other end is closed. */
static void watch_reader(void *arg)
{
    struct printer *p = arg;
    struct pollfd out = {.fd = STDOUT_FILENO};
    if (weir_wait_fd(STDOUT_FILENO, WEIR_READABLE, &p->end) > 0 &&
        poll(&out, 1, 0) == 1 && (out.revents & POLLERR))
        give_up(p, -EPIPE);
}

void printer_start(struct printer *p, struct stop *stop)
{
    struct stat st;
    *p = (struct printer){.stop = stop, .turn = WEIR_MUTEX_INIT};
    weir_ctx_init(&p->end, NULL);
    if (fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode))
        weir_wg_go(&p->watcher, watch_reader, p);
}

void printer_finish(struct printer *p)
{
    weir_ctx_cancel(&p->end, 0);
    weir_wg_wait(&p->watcher, NULL);
    weir_ctx_fini(&p->end);
}

size_t printer_write(struct printer *p, const void *data, size_t n)
{
    const char *at = data;
    size_t sum = 0;
    weir_mutex_lock(&p->turn, NULL);
    if (n > 0 && isatty(STDOUT_FILENO))
        report_clear_for_output();
    while (sum < n && !p->error) {
        ssize_t put =
            output_write(STDOUT_FILENO, at + sum, n - sum, &p->stop->work);
        if (put < 0)
            give_up(p, (int)put);
        else
            sum += (size_t)put;
    }
    weir_mutex_unlock(&p->turn);
    return sum;
}

bool printer_failed(const struct printer *p)
{
    int error = p->error;
    return error && error != -EPIPE && error != WEIR_CANCELED;
}
