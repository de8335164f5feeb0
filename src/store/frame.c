/* SPDX-License-Identifier: MIT */
/* Reading goes by a window, so that many small messages cost one read of the
 * stream; of a message that is larger only the ends go through it. Memory is
 * taken when the message is there, not when its head says how large it is. */
#include "store/frame.h"

#include <string.h>
#include <weir/store.h>

#include "base/crc64.h"

enum { SIZE = 4, CHECK = 8 };

static void put(unsigned char *at, uint64_t value, int n)
{
    for (int i = 0; i < n; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t get(const unsigned char *at, int n)
{
    uint64_t value = 0;
    for (int i = 0; i < n; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

static uint64_t check(const void *data, size_t size, bool checked)
{
    return checked ? wr_crc64(0, data, size) : 0;
}

/* The size that a head has, WEIR_CORRUPT if it is none. */
static int64_t size_in(const unsigned char *head)
{
    const uint64_t size = get(head, SIZE);
    const bool good =
        size == get(head + SIZE, SIZE) && size <= WEIR_STORE_MESSAGE_MAX;
    return good ? (int64_t)size : WEIR_CORRUPT;
}

void wr_frame_head(unsigned char *at, size_t size)
{
    put(at, size, SIZE);
    put(at + SIZE, size, SIZE);
}

void wr_frame_tail(unsigned char *at, const void *data, size_t size,
                   unsigned char kind, bool checked)
{
    put(at, check(data, size, checked), CHECK);
    at[CHECK] = kind;
}

/* ---- what is torn -------------------------------------------------------- */

/* Of a size that is not all there, the missing bytes are zero. */
int wr_torn_set(struct wr_torn *t, const unsigned char *head, int64_t n)
{
    const size_t there = n < WR_FRAME_HEAD ? (size_t)n : WR_FRAME_HEAD;
    const uint64_t size = get(head, there < SIZE ? (int)there : SIZE);
    struct wr_torn torn = {.have = n};
    wr_frame_head(torn.head, (size_t)size);
    torn.whole = WR_FRAME_REST + (int64_t)size;
    if (size_in(torn.head) < 0 || memcmp(head, torn.head, there) != 0)
        return WEIR_CORRUPT;
    *t = torn;
    return 0;
}

size_t wr_torn_next(const struct wr_torn *t, const void **bytes)
{
    static const unsigned char zeros[4096];
    const int64_t missing = t->whole - t->have;
    if (t->have < WR_FRAME_HEAD) {
        *bytes = t->head + t->have;
        return t->whole ? (size_t)(WR_FRAME_HEAD - t->have) : 0;
    }
    *bytes = zeros;
    return missing < (int64_t)sizeof(zeros) ? (size_t)missing : sizeof(zeros);
}

/* ---- reading ------------------------------------------------------------- */

static bool in_window(const struct wr_frames *f, size_t n, int64_t off)
{
    return off >= f->start && off + (int64_t)n <= f->start + (int64_t)f->n;
}

/* What it means that of n bytes at off only `got` came: the end, or a file that
 * is shorter than its stream. */
static int shortage(const struct wr_frames *f, ptrdiff_t got, size_t n,
                    int64_t off, weir_ctx *ctx)
{
    char more;
    if (got < 0 || (size_t)got == n)
        return got < 0 ? (int)got : 0;
    got = weir_reader_read_at(f->from, &more, 1, off + got, 1, ctx);
    return got < 0 ? (int)got : WEIR_CLOSED;
}

/* Reads ahead from off on, and waits for n bytes. 0, WEIR_CLOSED, ... */
static int read_ahead(struct wr_frames *f, size_t n, int64_t off, weir_ctx *ctx)
{
    f->n = 0;
    f->start = off;
    const ptrdiff_t got =
        weir_reader_read_at(f->from, f->window, sizeof(f->window), off, n, ctx);
    f->n = got < 0 ? 0 : (size_t)got;
    return f->n < n ? shortage(f, got, n, off, ctx) : 0;
}

/* The n bytes at off, at most those of the window. NULL: see *err. */
static const unsigned char *look(struct wr_frames *f, size_t n, int64_t off,
                                 int *err, weir_ctx *ctx)
{
    *err = off + (int64_t)n > f->until ? WEIR_EMPTY
           : in_window(f, n, off)      ? 0
                                       : read_ahead(f, n, off, ctx);
    return *err ? NULL : f->window + (off - f->start);
}

/* All n bytes at off, which are there. */
static int copy(struct wr_frames *f, void *buf, size_t n, int64_t off,
                weir_ctx *ctx)
{
    if (in_window(f, n, off)) {
        memcpy(buf, f->window + (off - f->start), n);
        return 0;
    }
    const ptrdiff_t got = weir_reader_read_at(f->from, buf, n, off, n, ctx);
    return shortage(f, got, n, off, ctx);
}

static bool is_kind(unsigned char kind)
{
    return kind == WR_FRAME_VOID || kind == WR_FRAME_MESSAGE ||
           kind == WR_FRAME_END;
}

int wr_frames_look(struct wr_frames *f, size_t *size, bool *is_message,
                   weir_ctx *ctx)
{
    int err;
    const unsigned char *at = look(f, WR_FRAME_HEAD, f->off, &err, ctx);
    if (!at)
        return err;
    if (size_in(at) < 0)
        return WEIR_CORRUPT;
    *size = (size_t)size_in(at);
    const size_t total = *size + WR_FRAME_REST;
    const size_t part = total <= sizeof(f->window) ? total : 1;
    at = look(f, part, f->off + (int64_t)(total - part), &err, ctx);
    if (!at)
        return err;
    *is_message = at[part - 1] == WR_FRAME_MESSAGE;
    return is_kind(at[part - 1]) ? 0 : WEIR_CORRUPT;
}

void wr_frames_pass(struct wr_frames *f, size_t size)
{
    f->off += WR_FRAME_REST + (int64_t)size;
}

/* The message at f->off, checked. */
static int take(struct wr_frames *f, struct wr_message *m, weir_ctx *ctx)
{
    unsigned char tail[WR_FRAME_TAIL];
    const int64_t off = f->off + WR_FRAME_HEAD;
    int err = copy(f, m->bytes, m->size, off, ctx);
    if (!err)
        err = copy(f, tail, sizeof(tail), off + (int64_t)m->size, ctx);
    if (err)
        return err;
    const bool good = get(tail, CHECK) == check(m->bytes, m->size, f->checked);
    return good ? 0 : WEIR_CORRUPT;
}

int wr_frames_next(struct wr_frames *f, struct wr_message **out, weir_ctx *ctx)
{
    size_t size;
    bool is_message;
    int err;
    while (!(err = wr_frames_look(f, &size, &is_message, ctx)) && !is_message)
        wr_frames_pass(f, size);
    if (err)
        return err;
    struct wr_message *m = wr_message_new(NULL, size);
    if (!m)
        return WEIR_ENOMEM;
    err = take(f, m, ctx);
    if (!err || err == WEIR_CORRUPT)
        wr_frames_pass(f, size);
    if (err)
        wr_message_unref(m);
    else
        *out = m;
    return err;
}
