/* SPDX-License-Identifier: MIT */
/* Reading goes by a window, so that many small messages cost one read of the
 * stream; of a message that is larger only the ends go through it. Memory is
 * taken when the message is there, not when its head says how large it is. */
#include "store/frame.h"

#include <string.h>
#include <weir/store.h>

#include "stream/crc64.h"

enum { MESSAGE = 'm', CHECK = 8, KIND = 8 /* in the tail */ };

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

void wr_frame_head(unsigned char *at, size_t size)
{
    put(at, size, WR_FRAME_HEAD);
}

void wr_frame_tail(unsigned char *at, const void *data, size_t size,
                   bool checked)
{
    put(at, check(data, size, checked), CHECK);
    at[KIND] = MESSAGE;
}

int64_t wr_frame_owed(const unsigned char *head, int64_t n)
{
    const int there = n < WR_FRAME_HEAD ? (int)n : WR_FRAME_HEAD;
    const int64_t size = (int64_t)get(head, there);
    if (size > (int64_t)WEIR_STORE_MESSAGE_MAX)
        return WEIR_CORRUPT;
    return WR_FRAME_REST + size - n;
}

/* ---- reading ------------------------------------------------------------- */

static bool in_window(const struct wr_frames *f, size_t n, int64_t off)
{
    return off >= f->start && off + (int64_t)n <= f->start + (int64_t)f->n;
}

/* Reads ahead from off on, and waits for n bytes. 0, WEIR_CLOSED, ... */
static int read_ahead(struct wr_frames *f, size_t n, int64_t off, weir_ctx *ctx)
{
    f->n = 0;
    f->start = off;
    const ptrdiff_t got =
        weir_reader_read_at(f->from, f->window, sizeof(f->window), off, n, ctx);
    if (got < 0)
        return (int)got;
    f->n = (size_t)got;
    return f->n < n ? WEIR_CLOSED : 0;
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
    if (got < 0)
        return (int)got;
    return (size_t)got < n ? WEIR_CLOSED : 0;
}

int wr_frames_look(struct wr_frames *f, size_t *size, bool *is_void,
                   weir_ctx *ctx)
{
    int err;
    const unsigned char *at = look(f, WR_FRAME_HEAD, f->off, &err, ctx);
    if (!at)
        return err;
    *size = (size_t)get(at, WR_FRAME_HEAD);
    if (*size > WEIR_STORE_MESSAGE_MAX)
        return WEIR_CORRUPT;
    const size_t total = *size + WR_FRAME_REST;
    const size_t part = total <= sizeof(f->window) ? total : 1;
    at = look(f, part, f->off + (int64_t)(total - part), &err, ctx);
    if (!at)
        return err;
    *is_void = at[part - 1] == 0;
    return *is_void || at[part - 1] == MESSAGE ? 0 : WEIR_CORRUPT;
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
    bool is_void;
    int err;
    while (!(err = wr_frames_look(f, &size, &is_void, ctx)) && is_void)
        wr_frames_pass(f, size);
    if (err)
        return err;
    struct wr_message *m = wr_message_new(NULL, size);
    if (!m)
        return WEIR_ENOMEM;
    err = take(f, m, ctx);
    if (err) {
        wr_message_unref(m);
        return err;
    }
    wr_frames_pass(f, size);
    *out = m;
    return 0;
}
