/* SPDX-License-Identifier: MIT */
/* Writing to standard output, also where a regular file would need a thread
 * that is not to be had. */
#ifndef WEIR_TOOL_OUTPUT_H
#define WEIR_TOOL_OUTPUT_H

#include <sys/uio.h>
#include <weir.h>

/* Once, as weir_writev: the bytes written, or a code. */
ssize_t output_writev(const struct iovec *v, int n, weir_ctx *ctx);

/* The rest of n buffers: takes what has been written off their front. */
void output_advance(struct iovec **v, int *n, size_t written);

#endif
