/* SPDX-License-Identifier: MIT */
#include "limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <weir.h>

bool limit_is(int code)
{
    return code == -EMFILE || code == -ENFILE || code == -EAGAIN ||
           code == -ENOMEM;
}

/* " (ulimit -v is 1024)" behind what is there, when the limit is set. */
static size_t add_limit(char *text, size_t n, size_t at, int resource,
                        const char *flag, unsigned unit)
{
    struct rlimit r;
    if (at >= n || getrlimit((__rlimit_resource_t)resource, &r) ||
        r.rlim_cur == RLIM_INFINITY)
        return at;
    return at + (size_t)snprintf(text + at, n - at, " (ulimit -%s is %ju)",
                                 flag, (uintmax_t)r.rlim_cur / unit);
}

void limit_text(int code, char *text, size_t n)
{
    size_t at = 0;
    if (code == -EMFILE) {
        at = (size_t)snprintf(text, n, "the limit of open files is reached");
        add_limit(text, n, at, RLIMIT_NOFILE, "n", 1);
    } else if (code == -ENFILE) {
        snprintf(text, n, "the system's limit of open files is reached");
    } else if (code == -EAGAIN) {
        at = (size_t)snprintf(text, n, "the limit of processes is reached");
        add_limit(text, n, at, RLIMIT_NPROC, "u", 1);
    } else if (code == -ENOMEM) {
        at = (size_t)snprintf(text, n, "out of memory or threads");
        at = add_limit(text, n, at, RLIMIT_AS, "v", 1024);
        at = add_limit(text, n, at, RLIMIT_DATA, "d", 1024);
        add_limit(text, n, at, RLIMIT_NPROC, "u", 1);
    } else {
        snprintf(text, n, "%s", weir_strerror(code));
    }
}
