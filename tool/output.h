/* SPDX-License-Identifier: MIT */
/* Writing, also where a regular file would need a thread that is not to be
 * had. */
#ifndef WEIR_TOOL_OUTPUT_H
#define WEIR_TOOL_OUTPUT_H

#include <sys/uio.h>
#include <weir.h>

/* Once, as weir_writev: the bytes written, or a code. */
ssize_t output_writev(int fd, const struct iovec *v, int n, weir_ctx *ctx);

static inline ssize_t output_write(int fd, const void *data, size_t n,
                                   weir_ctx *ctx)
{
    struct iovec v = {(void *)(uintptr_t)data, n};
    return output_writev(fd, &v, 1, ctx);
}

/* The rest of n buffers: takes what has been written off their front. */
void output_advance(struct iovec **v, int *n, size_t written);

#endif
