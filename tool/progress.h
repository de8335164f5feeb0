/* SPDX-License-Identifier: MIT */
/* The progress line: drawn a few times a second while standard error is a
 * terminal, and not at all when it is not. */
#ifndef WEIR_TOOL_PROGRESS_H
#define WEIR_TOOL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <weir.h>

struct progress {
    void (*text)(void *arg, char *line, size_t n); /* what it says now      */
    void *arg;
    bool on;
    weir_ctx end;
    weir_wg task;
};

void progress_start(struct progress *p, void (*text)(void *, char *, size_t),
                    void *arg);

/* Takes the line away. */
void progress_finish(struct progress *p);

/* " ETA 1:05" once done of total bytes allow to say so, else "". */
void progress_eta(char *text, size_t n, uint64_t done, uint64_t total,
                  double seconds);

#endif
