/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

ssize_t output_writev(int fd, const struct iovec *v, int n, weir_ctx *ctx)
{
    struct stat st;
    ssize_t put = weir_writev(fd, v, n, ctx);
    if (put == WEIR_ENOMEM && !fstat(fd, &st) && S_ISREG(st.st_mode)) {
        put = writev(fd, v, n);
        if (put < 0)
            put = -errno;
    }
    return put;
}

void output_advance(struct iovec **v, int *n, size_t written)
{
    while (*n > 0 && written >= (*v)->iov_len) {
        written -= (*v)->iov_len;
        ++*v;
        --*n;
    }
    if (*n > 0) {
        (*v)->iov_base = (char *)(*v)->iov_base + written;
        (*v)->iov_len -= written;
    }
}
