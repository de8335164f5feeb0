/* SPDX-License-Identifier: MIT */
/*
 * A run of bytes that grows: records, captured output, answers. One owner at
 * a time; all zero is empty. Behind the bytes there is always room for the
 * NUL that bytes_text puts there, so that a record can be an argument.
 */
#ifndef WEIR_TOOL_BYTES_H
#define WEIR_TOOL_BYTES_H

#include <stdbool.h>
#include <stddef.h>

struct bytes {
    char *data;
    size_t len;
    size_t cap; /* bytes at data; len < cap unless data is NULL             */
};

/* Room for n more bytes and a NUL; false: out of memory, nothing changed. */
bool bytes_reserve(struct bytes *b, size_t n);

/* Appends n bytes; false: out of memory, nothing changed. */
bool bytes_add(struct bytes *b, const void *data, size_t n);

/* The bytes as a string: valid until the next change. NULL: out of memory. */
const char *bytes_text(struct bytes *b);

/* Takes n bytes off the front. */
void bytes_drop_front(struct bytes *b, size_t n);

/* Frees the memory; the result is empty and may be used again. */
void bytes_free(struct bytes *b);

#endif
