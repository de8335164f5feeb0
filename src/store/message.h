/* SPDX-License-Identifier: MIT */
/* A message in memory, shared by all who have it, and the one that a reader
 * has in hand: as much of it as has not been read yet. */
#ifndef WR_STORE_MESSAGE_H
#define WR_STORE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>
#include <weir/mutex.h>

struct wr_message {
    size_t size;
    uint32_t refs; /* atomic */
    unsigned char bytes[];
};

/* With a copy of the data (NULL: room for it). NULL: no memory. */
struct wr_message *wr_message_new(const void *data, size_t size);
struct wr_message *wr_message_ref(struct wr_message *m);
void wr_message_unref(struct wr_message *m); /* NULL is allowed */

/* All zero: nothing in hand. */
struct wr_hand {
    weir_mutex turn; /* of the parties that read */
    struct wr_message *message;
    size_t offset; /* of what is left; below its size, or both are 0 */
};

/* Takes the reference. Nothing was in hand. */
void wr_hand_take(struct wr_hand *h, struct wr_message *m);
/* The next bytes of the message in hand, at most size: how many, or a code.
 * fetch(reader) sees to it, with the turn, that there is one: 0, or a code. */
ptrdiff_t wr_hand_read(struct wr_hand *h, void *buf, size_t size,
                       int (*fetch)(void *reader, weir_ctx *ctx), void *reader,
                       weir_ctx *ctx);
/* How many bytes are left. */
ptrdiff_t wr_hand_rest(const struct wr_hand *h);

#endif
