/* SPDX-License-Identifier: MIT */
#include "keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "span.h"
#include "tool.h"

/* What stays in memory, and the longest record that is kept whole there. */
enum { IN_MEMORY = 64 * 1024 * 1024, RECORD_MOST = 1024 * 1024 };

int keep_init(struct keep *k, int mark, uint64_t most, int wanted)
{
    const weir_stream_opts o = {.spill_above = IN_MEMORY};
    *k = (struct keep){.mark = mark, .most = most, .wanted = wanted};
    return weir_stream_new_mem("kept", &o, &k->stream);
}

void keep_fini(struct keep *k)
{
    weir_stream_unref(k->stream);
    bytes_free(&k->open);
}

static void fail(struct keep *k, int code)
{
    const char *dir = secure_getenv("TMPDIR");
    char what[256];
    k->error = code;
    snprintf(what, sizeof what,
             "the input cannot be kept for late branches in memory and %s",
             dir && *dir ? dir : "/tmp");
    tool_say(what, code);
}

/* The bytes up to and with the last mark; all where there are none. */
static size_t whole_front(const struct keep *k, const char *data, size_t n)
{
    const char *last = k->mark < 0 ? NULL : memrchr(data, k->mark, n);
    if (k->mark < 0)
        return n;
    return last ? (size_t)(last - data) + 1 : 0;
}

/* Whole records, as far as there is room. */
static void append(struct keep *k, const char *data, size_t n)
{
    if (k->most && n > k->most - k->bytes) {
        n = whole_front(k, data, (size_t)(k->most - k->bytes));
        k->full = true;
    }
    while (n > 0 && !k->error) {
        ptrdiff_t put = weir_stream_write(k->stream, data, n, NULL);
        if (put < 0) {
            fail(k, (int)put);
            break;
        }
        k->units += span_count(k->mark, data, (size_t)put);
        k->bytes += (uint64_t)put;
        data += put;
        n -= (size_t)put;
    }
}

static void append_open(struct keep *k)
{
    append(k, k->open.data, k->open.len);
    k->open.len = 0;
}

/* One that becomes very long is not kept whole. */
static void hold(struct keep *k, const char *data, size_t n)
{
    if (!bytes_add(&k->open, data, n))
        fail(k, WEIR_ENOMEM);
    else if (k->open.len > RECORD_MOST)
        append_open(k);
}

void keep_put(struct keep *k, const char *data, size_t n)
{
    size_t first = k->open.len > 0 ? span_record(k->mark, data, n) : 0;
    k->total += span_count(k->mark, data, n);
    if (k->full || k->error || k->wanted == 0)
        return;
    if (first > 0)
        hold(k, data, first);
    if (first > 0 && data[first - 1] == (char)k->mark)
        append_open(k);
    data += first;
    n -= first;
    size_t whole = whole_front(k, data, n);
    if (!k->full)
        append(k, data, whole);
    if (!k->full && n > whole)
        hold(k, data + whole, n - whole);
}

void keep_close(struct keep *k, bool unmarked)
{
    bool going_on = !k->full && !k->error;
    if (going_on)
        append_open(k);
    if (unmarked)
        k->total++;
    if (unmarked && going_on && !k->full && !k->error)
        k->units++;
    if (k->error)
        weir_stream_close_with(k->stream, k->error);
    else
        weir_stream_close(k->stream);
}
