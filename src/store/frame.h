/* SPDX-License-Identifier: MIT */
/*
 * Messages in a stream of bytes. Numbers are little-endian.
 *
 *   size, twice   message   check                 kind
 *   4, 4          size      8: CRC-64, or 0       1: a message; the end; void
 *
 * Streams only grow, so what failed halfway cannot be taken back. The last
 * byte is what makes a frame a message: one that was torn is completed with
 * zeros, and so says of itself that it is void. Whatever part of its head is
 * there, there is a size that completes it; and bytes of zero, as a disk may
 * have for those it has lost, are void frames.
 *
 * The size is there twice, for a wrong one would swallow what follows.
 *
 * Invariant of a stream: frames one after the other from its first byte on;
 * of the last one there may be a part.
 */
#ifndef WR_STORE_FRAME_H
#define WR_STORE_FRAME_H

#include <weir/stream.h>

#include "store/message.h"

enum {
    WR_FRAME_HEAD = 8,
    WR_FRAME_TAIL = 9,
    WR_FRAME_REST = WR_FRAME_HEAD + WR_FRAME_TAIL,
    WR_FRAME_VOID = 0, /* kinds */
    WR_FRAME_MESSAGE = 'm',
    WR_FRAME_END = 0xff & ~'m' /* no bit that is wrong makes one the other */
};

/* What comes before and after the message. checked: with the CRC. */
void wr_frame_head(unsigned char *at, size_t size);
void wr_frame_tail(unsigned char *at, const void *data, size_t size,
                   unsigned char kind, bool checked);

/* A frame of which a part was written: its head, as it is to be, and how much
 * of the whole is there. All zero, or have == whole: it is not torn. */
struct wr_torn {
    unsigned char head[WR_FRAME_HEAD];
    int64_t have, whole;
};

/* n (> 0) bytes are there, which begin as head does. WEIR_CORRUPT: they are no
 * part of a frame. */
int wr_torn_set(struct wr_torn *t, const unsigned char *head, int64_t n);

/* The next bytes that complete it, at most so many: how many, 0 at its end. */
size_t wr_torn_next(const struct wr_torn *t, const void **bytes);

/* A place in a stream, and what was read ahead there. */
struct wr_frames {
    weir_reader *from;
    bool checked;
    int64_t off;   /* of the next frame                                     */
    int64_t until; /* frames that end after that are not looked at          */
    int64_t start; /* where the window is                                   */
    size_t n;
    unsigned char window[4096];
};

/*
 * Waits until the next frame is whole: 0, the size of its message and whether
 * it is one. WEIR_EMPTY: it ends after `until`; WEIR_CLOSED: the stream has
 * ended without it; WEIR_CORRUPT: there is no frame; or as
 * weir_reader_read_at.
 */
int wr_frames_look(struct wr_frames *f, size_t *size, bool *is_message,
                   weir_ctx *ctx);

/* Goes on behind it. */
void wr_frames_pass(struct wr_frames *f, size_t size);

/* The next message, behind which it goes on, also when it is damaged. The same,
 * and WEIR_ENOMEM. */
int wr_frames_next(struct wr_frames *f, struct wr_message **out, weir_ctx *ctx);

#endif
