/* SPDX-License-Identifier: MIT */
/*
 * A line of text built by hand, for places where stdio may not be used: signal
 * handlers, and below the C library. What does not fit is cut off.
 */
#ifndef WR_BASE_LINE_H
#define WR_BASE_LINE_H

#include <stddef.h>
#include <stdint.h>

struct wr_line {
    char *text; /* always ends in a zero byte */
    size_t len, size;
};

static inline struct wr_line wr_line_in(char *text, size_t size)
{
    text[0] = 0;
    return (struct wr_line){text, 0, size};
}

static inline void wr_line_put(struct wr_line *l, const char *s)
{
    while (*s && l->len < l->size - 1)
        l->text[l->len++] = *s++;
    l->text[l->len] = 0;
}

static inline void wr_line_put_number(struct wr_line *l, uint64_t v,
                                      unsigned base)
{
    char digits[24];
    int i = sizeof(digits) - 1;
    digits[i] = 0;
    do
        digits[--i] = "0123456789abcdef"[v % base];
    while ((v /= base) > 0);
    wr_line_put(l, digits + i);
}

static inline void wr_line_put_hex(struct wr_line *l, uint64_t v)
{
    wr_line_put(l, "0x");
    wr_line_put_number(l, v, 16);
}

#endif
