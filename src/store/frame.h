/* SPDX-License-Identifier: MIT */
/*
 * Messages in a stream of bytes. Numbers are little-endian.
 *
 *   size   message   check                  kind
 *   4      size      8: CRC-64, or 0        1: 'm', or 0: void
 *
 * Streams only grow, so what failed halfway cannot be taken back. The last
 * byte is what makes a frame a message: one that was torn is completed with
 * zeros, and so says of itself that it is none. Whatever its first bytes are,
 * it has a size that can be completed.
 *
 * Invariant of a stream: frames one after the other from its first byte on;
 * of the last one there may be a part.
 */
#ifndef WR_STORE_FRAME_H
#define WR_STORE_FRAME_H

#include <weir/stream.h>

#include "store/message.h"

enum {
    WR_FRAME_HEAD = 4,
    WR_FRAME_TAIL = 9,
    WR_FRAME_REST = WR_FRAME_HEAD + WR_FRAME_TAIL
};

/* What comes before and after the message. checked: with the CRC. */
void wr_frame_head(unsigned char *at, size_t size);
void wr_frame_tail(unsigned char *at, const void *data, size_t size,
                   bool checked);

/* How many bytes complete a frame of which the first n (> 0) are there, and
 * whose message has that size if n takes in all of the head. WEIR_CORRUPT. */
int64_t wr_frame_owed(const unsigned char *head, int64_t n);

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
 * it is void. WEIR_EMPTY: it ends after `until`; WEIR_CLOSED: the stream has
 * ended without it; WEIR_CORRUPT: there is no frame; or as
 * weir_reader_read_at.
 */
int wr_frames_look(struct wr_frames *f, size_t *size, bool *is_void,
                   weir_ctx *ctx);

/* Goes on behind it. */
void wr_frames_pass(struct wr_frames *f, size_t size);

/* The next message, behind which it goes on. The same, and WEIR_ENOMEM. */
int wr_frames_next(struct wr_frames *f, struct wr_message **out, weir_ctx *ctx);

#endif
