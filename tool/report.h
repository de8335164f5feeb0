/* SPDX-License-Identifier: MIT */
/*
 * Everything that goes to standard error: messages, what commands wrote
 * there, and the progress line. Each call puts out its text whole, taking
 * the progress line away first and leaving the redraw to the next tick.
 */
#ifndef WEIR_TOOL_REPORT_H
#define WEIR_TOOL_REPORT_H

#include <stdbool.h>
#include <stddef.h>

/* What starts each message: "weir map". Kept by reference. */
void report_name(const char *name);

/* "NAME: text\n", from a printf format. Any task or thread. */
__attribute__((format(printf, 1, 2))) void report(const char *format, ...);

/* Bytes as they are, from a command's standard error. */
void report_raw(const char *data, size_t n);

/* The same, each line with a prefix, and a line's end at the end. */
void report_lines(const char *prefix, const char *data, size_t n);

/* The same without waiting for anybody: left out when standard error takes
 * nothing now. For who must not be held up, such as the watch for signals. */
__attribute__((format(printf, 1, 2))) void report_now(const char *format, ...);

/* Draws the progress line in the place of the last; NULL takes it away. */
void report_progress(const char *line);

/* Takes it away before the terminal is written to through another stream. */
void report_clear_for_output(void);

#endif
