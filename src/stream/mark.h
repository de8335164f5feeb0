/* SPDX-License-Identifier: MIT */
/*
 * The form of a marked file. All numbers are little-endian.
 *
 *   head      block       mark  block       mark      last block  mark
 *   [48 bytes][65504 bytes][32 ][65504 bytes][32 ] ... [1..65504  ][32 ]
 *
 *   head      "weir-s1\n", id, bytes of a block, check; start, check
 *   mark      length, checksum of all bytes before it, state, check
 *
 * - A mark counts the bytes of the stream before it and chains their checksum,
 *   so any mark with the block after it can be checked by itself. Its own
 *   check includes the file's id: what a stream carries is no mark.
 * - The file ends with a mark, after each write. The next write puts its bytes
 *   over it, unless the block is full.
 * - The last mark's state is COMPLETE when the stream was closed; it is put
 *   there when all before it is safe.
 * - start is the first byte that was kept when the stream was closed, at the
 *   start of a block; the mark before it stays. Until then the hole tells it.
 */
#ifndef WR_STREAM_MARK_H
#define WR_STREAM_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WR_HEAD_SIZE = 48,
    WR_MARK_SIZE = 32,
    WR_MARK_STRIDE = 64 << 10,
    WR_MARK_BLOCK = WR_MARK_STRIDE - WR_MARK_SIZE,
    WR_HEAD_START = 32 /* where its start is: 16 bytes */
};

struct wr_mark {
    int64_t length;
    uint64_t crc;
    bool complete;
};

/* Where the byte at off lies, and how many of its block follow from there. */
static inline int64_t wr_mark_byte_at(int64_t off)
{
    return WR_HEAD_SIZE + off / WR_MARK_BLOCK * WR_MARK_STRIDE +
           off % WR_MARK_BLOCK;
}

static inline size_t wr_mark_left(int64_t off)
{
    return (size_t)(WR_MARK_BLOCK - off % WR_MARK_BLOCK);
}

/* Where the mark after length bytes lies. */
static inline int64_t wr_mark_at(int64_t length)
{
    return length ? wr_mark_byte_at(length - 1) + 1 : WR_HEAD_SIZE;
}

void wr_head_put(char *head, uint64_t id);
/* The id, or 0: it is no head. */
uint64_t wr_head_get(const char *head);

/* The 16 bytes at WR_HEAD_START. */
void wr_start_put(char *at, uint64_t id, int64_t start);
/* -1 if it is damaged. */
int64_t wr_start_get(const char *at, uint64_t id);

void wr_mark_put(char *at, uint64_t id, const struct wr_mark *m);
bool wr_mark_get(const char *at, uint64_t id, struct wr_mark *m);

#endif
