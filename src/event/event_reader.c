/* SPDX-License-Identifier: MIT */
/*
 * Events from a stream of frames. What was read and not yet used is in
 * buf[from .. to); nothing is used before a frame is whole, so a wait may end
 * at any time.
 */
#include <weir/tee.h>

#include <errno.h>
#include <string.h>
#include "base/mem.h"
#include "base/misuse.h"
#include "event/frame.h"

enum { SMALLEST = 4096 };

struct weir_event_reader {
    weir_reader *reader;
    uint8_t *buf;
    size_t room, from, to;
    bool lost; /* it has been told, and looks for the next frame */
    int64_t skipped;
};

static size_t there(const weir_event_reader *er)
{
    return er->to - er->from;
}

/* ---- bytes --------------------------------------------------------------- */

/* Room behind `to`, for a frame of `want` bytes in the end; but no more than
 * twice what is there, as what a damaged head wants may be much. */
static int make_room(weir_event_reader *er, size_t want)
{
    const size_t n = there(er), doubled = 2 * n;
    const size_t most = want > SMALLEST ? want : SMALLEST;
    if (er->room > n && er->room / 4 <= most) {
        memmove(er->buf, er->buf + er->from, n);
    } else {
        const size_t room = doubled < SMALLEST ? SMALLEST
                            : doubled < most   ? doubled
                                               : most;
        uint8_t *buf = wr_alloc(room);
        if (!buf)
            return WEIR_ENOMEM;
        if (n)
            memcpy(buf, er->buf + er->from, n);
        wr_free(er->buf);
        er->buf = buf;
        er->room = room;
    }
    er->from = 0;
    er->to = n;
    return 0;
}

/* Reads on: > 0, 0 at the end, or an error. */
static int read_on(weir_event_reader *er, size_t want, weir_ctx *ctx)
{
    if (er->to == er->room || er->from == er->to) {
        int err = make_room(er, want);
        if (err)
            return err;
    }
    const ptrdiff_t n =
        weir_reader_read(er->reader, er->buf + er->to, er->room - er->to, ctx);
    er->to += n > 0 ? (size_t)n : 0;
    return n > 0 ? 1 : (int)n;
}

static void skip(weir_event_reader *er, size_t n)
{
    er->from += n;
    er->skipped += (int64_t)n;
}

/* ---- frames -------------------------------------------------------------- */

/* What is there is no frame: skips to where the next may begin. Tells it once
 * until there is one. */
static int damaged(weir_event_reader *er)
{
    const uint8_t *at = er->buf + er->from;
    const uint8_t *next = memchr(at + 1, 'w', there(er) - 1);
    const bool told = er->lost;
    er->lost = true;
    skip(er, next ? (size_t)(next - at) : there(er));
    return told ? 0 : -EBADMSG;
}

/* 1: *e; 0: more is needed, at least *want bytes in all; -EBADMSG. */
static int next_frame(weir_event_reader *er, size_t *want, weir_event **e)
{
    size_t body;
    int err = 0;
    while (!err && there(er) >= WR_EVENT_FRAME_HEAD) {
        const uint8_t *head = er->buf + er->from;
        if (!wr_event_frame_is_head(head, &body)) {
            err = damaged(er);
            continue;
        }
        *want = WR_EVENT_FRAME_HEAD + body;
        if (there(er) < *want)
            return 0;
        err = wr_event_frame_get(head, body, e);
        if (err == 0) {
            er->from += *want;
            er->lost = false;
            return 1;
        }
        if (err == -EBADMSG)
            err = damaged(er);
    }
    *want = WR_EVENT_FRAME_HEAD;
    return err;
}

/* The stream gives no more, or not what was to come: an unfinished frame goes
 * to nobody. */
static int cut_off(weir_event_reader *er, int code)
{
    const bool torn = there(er) && !er->lost;
    skip(er, there(er));
    er->lost = code == WEIR_LAGGED;
    return code == 0 && torn ? -EBADMSG : code;
}

/* ---- the calls ----------------------------------------------------------- */

int weir_event_reader_new(weir_event_reader **out, weir_reader *r)
{
    if (out)
        *out = NULL;
    if (!out || !r)
        return WR_MISUSE("no place for it, or no reader");
    weir_event_reader *er = wr_alloc(sizeof(*er));
    if (!er)
        return WEIR_ENOMEM;
    er->reader = r;
    *out = er;
    return 0;
}

void weir_event_reader_free(weir_event_reader *er)
{
    if (er)
        wr_free(er->buf);
    wr_free(er);
}

int weir_event_reader_next(weir_event_reader *er, weir_event **e, weir_ctx *ctx)
{
    size_t want;
    if (!er || !e)
        return WR_MISUSE("no reader, or no place for an event");
    for (;;) {
        int n = next_frame(er, &want, e);
        if (n)
            return n;
        n = read_on(er, want, ctx);
        if (n == 0 || n == WEIR_LAGGED)
            return cut_off(er, n);
        if (n < 0)
            return n;
    }
}

int64_t weir_event_reader_skipped(const weir_event_reader *er)
{
    return er ? er->skipped : WR_MISUSE("no reader");
}
