/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

#include "bytes.h"

#define ERASE_LINE "\r\033[K"

static const char *name = "weir";

/* Keeps each write to standard error in one piece. */
static weir_mutex lock = WEIR_MUTEX_INIT;
/* The cursor stands behind a progress line. Changed under the lock;
 * report_now reads it without. */
static atomic_bool drawn;

void report_name(const char *text)
{
    name = text;
}

/* Nobody is left to tell when standard error itself fails. Where a regular
 * file would need a thread that is not to be had, writes in place. */
static void put(const char *data, size_t n)
{
    while (n > 0) {
        ssize_t done = weir_write(STDERR_FILENO, data, n, NULL);
        if (done == WEIR_ENOMEM)
            done = write(STDERR_FILENO, data, n);
        if (done <= 0)
            return;
        data += done;
        n -= (size_t)done;
    }
}

static void begin(void)
{
    weir_mutex_lock(&lock, NULL);
    if (drawn)
        put(ERASE_LINE, strlen(ERASE_LINE));
    drawn = false;
}

static void end(void)
{
    weir_mutex_unlock(&lock);
}

void report(const char *format, ...)
{
    char room[512];
    char *text = room;
    int at = snprintf(room, sizeof room, "%s: ", name);
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(room + at, sizeof room - (size_t)at, format, args) + at;
    if (n + 1 >= (int)sizeof room && (text = malloc((size_t)n + 2)) != NULL) {
        at = sprintf(text, "%s: ", name);
        vsnprintf(text + at, (size_t)(n - at) + 1, format, again);
    } else if (!text) {
        text = room;
        n = (int)sizeof room - 2;
    }
    va_end(again);
    va_end(args);
    text[n] = '\n';
    report_raw(text, (size_t)n + 1);
    if (text != room)
        free(text);
}

void report_raw(const char *data, size_t n)
{
    if (n == 0)
        return;
    begin();
    put(data, n);
    end();
}

void report_lines(const char *prefix, const char *data, size_t n)
{
    struct bytes text = {0};
    bool whole = true;
    for (size_t at = 0; at < n && whole;) {
        const char *stop = memchr(data + at, '\n', n - at);
        size_t len = stop ? (size_t)(stop - data) - at : n - at;
        whole = bytes_add(&text, prefix, strlen(prefix)) &&
                bytes_add(&text, data + at, len) && bytes_add(&text, "\n", 1);
        at += len + 1;
    }
    if (whole)
        report_raw(text.data, text.len);
    else
        report_raw(data, n);
    bytes_free(&text);
}

void report_now(const char *format, ...)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    char line[1024];
    va_list args;
    int at =
        snprintf(line, sizeof line, "%s%s: ", drawn ? ERASE_LINE : "", name);
    size_t room = sizeof line - (size_t)at;
    va_start(args, format);
    int n = vsnprintf(line + at, room, format, args);
    va_end(args);
    n = at + (n < (int)room - 1 ? n : (int)room - 2);
    line[n++] = '\n';
    if (poll(&p, 1, 0) == 1 && write(STDERR_FILENO, line, (size_t)n) < 0)
        return;
}

void report_progress(const char *line)
{
    begin();
    if (line) {
        put(line, strlen(line));
        drawn = true;
    }
    end();
}

void report_clear_for_output(void)
{
    begin();
    end();
}
