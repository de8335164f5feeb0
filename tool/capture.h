/* SPDX-License-Identifier: MIT */
/*
 * Runs a command to its end with its standard output and error captured
 * whole. The end is, as with $(...), when the command has ended and nobody
 * it has left behind holds its output open. What it does not read of its
 * input is not written.
 */
#ifndef WEIR_TOOL_CAPTURE_H
#define WEIR_TOOL_CAPTURE_H

#include <weir.h>

#include "bytes.h"

struct capture {
    struct bytes *out; /* appended to                                       */
    struct bytes *err;
    const void *in; /* its standard input; NULL: /dev/null                  */
    size_t in_size;
    char *const *env; /* NULL: ours                                         */
    int status;   /* the wait status, when the command ran to its end       */
    bool started; /* a process was made                                     */
};

/*
 * 0: it ran to its end. WEIR_TIMEDOUT: it did not within timeout ns
 * (WEIR_FOREVER: no limit) and was ended. WEIR_CANCELED: work ended, and so
 * did it. Otherwise a negated errno: it could not be started, or its output
 * not be held.
 */
int capture_run(struct capture *c, const char *path, char *const *args,
                int64_t timeout, weir_ctx *work);

/* Reads fd to its end, appending; 0 or why not. */
int capture_drain(int fd, struct bytes *b, weir_ctx *ctx);

#endif
