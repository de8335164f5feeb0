/* SPDX-License-Identifier: MIT */
/*
 * The input: standard input or files one after the other. A file that cannot
 * be read is reported, remembered and passed over.
 */
#ifndef WEIR_TOOL_INPUT_H
#define WEIR_TOOL_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir.h>

struct input {
    char *const *names; /* "-": standard input                              */
    int count;
    int next; /* index of the name to open next                             */
    int fd;   /* -1: between files                                          */
    const char *name;
    uint64_t total;        /* bytes of all, 0 when that is not known      */
    _Atomic uint64_t read; /* bytes read so far                           */
    bool unreadable;       /* some file could not be read to its end      */
};

/* No names: standard input alone. */
void input_init(struct input *in, char *const *names, int count);

/* Opens the next one that can be opened. False: there is none, or ctx ended
 * while a FIFO waited for its writer. */
bool input_open(struct input *in, weir_ctx *ctx);

/* Reads from the open one. 0: it is at its end (or could not be read on) and
 * closed. WEIR_CANCELED: ctx ended. */
ssize_t input_read(struct input *in, void *data, size_t n, weir_ctx *ctx);

void input_close(struct input *in);

/* Reads fd; where a regular file would need a thread that is not to be had,
 * in place. As weir_read. */
ssize_t input_read_fd(int fd, void *data, size_t n, weir_ctx *ctx);

/* The bytes that fd still has to give, 0 when that is not known. */
uint64_t input_size(int fd);

#endif
