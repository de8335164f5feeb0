/* SPDX-License-Identifier: MIT */
/*
 * Tee: a sink that appends each event to a stream as well, in frames, and a
 * reader that makes events of them again: a log beside a sink, for as many
 * readers as there are, each at its own pace.
 *
 *   write -> frame -> stream -> reader -> event
 *         -> the sink behind
 *
 * A frame is 16 bytes of head and a body; integers are little-endian:
 *
 *     "weve"  u32 size of the body  u32 hash of the body  u32 hash of these
 *     i64 time  u32 sizes of type, key; u32 headers  u32 0
 *     type\0 key { u32 u32 name\0 value\0 }... payload
 *
 * The null event has no body. So a reader that starts anywhere, or comes
 * where something was dropped or damaged, finds the next frame.
 */
#ifndef WEIR_TEE_H
#define WEIR_TEE_H

#include <weir/sink.h>
#include <weir/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Options of a tee. Zero means the default. */
typedef struct weir_tee_opts {
    weir_stream *stream; /* required; a reference is taken                  */
    weir_sink *to;       /* where events go as well, if anywhere; the same  */
    bool keep_open;      /* the stream is not closed with the sink          */
} weir_tee_opts;

/*
 * Makes one with one reference, which weir_sink_unref gives back. Nobody else
 * writes to the stream. A write appends first, in the order of the writes,
 * waiting as weir_stream_write does, and what that returns is the write's
 * failure; then it writes to `to`, whose result is its own; the event stays in
 * the stream whatever that is. WEIR_LIMIT: an event of more than 1 GiB;
 * WEIR_CLOSED after a close; WEIR_ENOMEM.
 *
 * An append that ends within a frame has failed; the rest of that frame is kept
 * and goes before the next one, or at the close, and if the same event is
 * written next, that was it. A close waits, at most until ctx ends, for the
 * append under way, and closes both in any case; where it could not complete
 * a frame, the readers of the stream get the reason in place of its end. The
 * first error.
 *
 * 0 and *s; WEIR_EINVAL (no stream), WEIR_ENOMEM: *s is NULL.
 */
WEIR_API int weir_tee_new(weir_sink **s, const weir_tee_opts *o);

/* Reads events from a reader of such a stream. One party at a time. */
typedef struct weir_event_reader weir_event_reader;

/* Makes one on r, which stays the caller's, must outlive it, and is read by
 * nobody else. 0 and *er; WEIR_EINVAL, WEIR_ENOMEM: *er is NULL. */
WEIR_API int weir_event_reader_new(weir_event_reader **er, weir_reader *r);

/* Frees it. NULL is allowed. */
WEIR_API void weir_event_reader_free(weir_event_reader *er);

/*
 * The next event: 1, and *e with a reference, the caller's (NULL: the null
 * event); 0 at the end of the stream. Waits for it at most until ctx ends:
 * then nothing of it is lost. -EBADMSG: what comes next is damaged, or the
 * stream ends within a frame; WEIR_LAGGED: bytes were dropped before they were
 * read; the next call goes on with the next whole frame. WEIR_ENOMEM, or as
 * weir_reader_read; WEIR_EINVAL.
 */
WEIR_API int weir_event_reader_next(weir_event_reader *er, weir_event **e,
                                    weir_ctx *ctx);

/* Bytes that were there and were no part of a whole frame. WEIR_EINVAL. */
WEIR_API int64_t weir_event_reader_skipped(const weir_event_reader *er);

#ifdef __cplusplus
}
#endif
#endif
