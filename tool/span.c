/* SPDX-License-Identifier: MIT */
#include "span.h"

#include <string.h>

#include "count.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t span_count(int mark, const char *data, size_t n)
{
    return mark < 0 ? n : count_byte(data, n, (char)mark);
}

size_t span_record(int mark, const char *data, size_t n)
{
    const char *at = memchr(data, mark, n);
    return at ? (size_t)(at - data) + 1 : n;
}

struct piece span_front(int mark, const struct span *s, uint64_t bytes,
                        uint64_t units)
{
    struct piece p = {0, 0};
    size_t n = span_length(s);
    if (n <= bytes && s->units <= units)
        return (struct piece){n, s->units};
    if (mark < 0) {
        p.units = least(least(bytes, units), n);
        p.bytes = (size_t)p.units;
        return p;
    }
    while (p.bytes < n && p.units < units) {
        size_t len = span_record(mark, span_at(s, p.bytes), n - p.bytes);
        if (p.bytes + len > bytes)
            break;
        p.bytes += len;
        p.units++;
    }
    return p;
}

struct piece span_raw_front(int mark, const struct span *s, uint64_t bytes,
                            uint64_t units)
{
    struct span within = *s;
    if (span_length(s) <= bytes && s->units <= units)
        return (struct piece){span_length(s), s->units};
    if (span_length(s) > bytes) {
        within.end = within.start + (size_t)bytes;
        within.units = span_count(mark, span_at(&within, 0), (size_t)bytes);
    }
    return span_front(mark, &within, bytes, units);
}

struct piece span_reaching(int mark, const struct span *s, uint64_t bytes,
                           uint64_t units)
{
    struct piece p = {0, 0};
    size_t n = span_length(s);
    if (n <= bytes || s->units <= units)
        return (struct piece){n, s->units};
    if (mark < 0) {
        p.units = most(bytes, units);
        p.bytes = (size_t)p.units;
        return p;
    }
    while (p.bytes < bytes || p.units < units) {
        p.bytes += span_record(mark, span_at(s, p.bytes), n - p.bytes);
        p.units++;
    }
    return p;
}

struct span span_cut(struct span *s, struct piece p)
{
    struct span front = {s->block, s->start, s->start + p.bytes, p.units};
    s->start += p.bytes;
    s->units -= p.units;
    return front;
}
