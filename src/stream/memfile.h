/* SPDX-License-Identifier: MIT */
/*
 * Files in memory: segments of one size, found through a ring of pointers.
 * Growing adds a segment, and now and then a ring twice as large; no byte of a
 * file is ever moved, unless to disk.
 *
 *   spilled      ring [ . . first ... last-1 . . ]    segment i holds the bytes
 *   [kept, first)                                     from i * size on, at
 *                                                     ring[i % room]
 *
 * - A file lives while it has a name or a handle; handles and names are under
 *   the file system's lock, the rest of a file under its own.
 * - A segment lives while it is in the ring or pinned, by a read, a loan or on
 *   its way to disk; so bytes are copied without the lock. The ring's place is
 *   a pin.
 * - Bytes below len never change. Those after it are the one writer's, and the
 *   segment they lie in ends after len, where no trim comes.
 * - kept <= first <= last. What lies between kept and first is in the spill's
 *   file; without one kept = first.
 */
#ifndef WR_STREAM_MEMFILE_H
#define WR_STREAM_MEMFILE_H

#include <weir/mutex.h>
#include <weir/stream.h>
#include "stream/spill.h"

struct wr_segment {
    size_t pins;
    char data[];
};

struct wr_mem {
    struct wr_mem *next; /* of those whose names hash alike */
    char *name;
    uint64_t hash, id;
    size_t users; /* handles, and the name */
    size_t size;  /* of a segment          */
    bool writing; /* one handle writes     */

    weir_mutex lock;
    struct wr_segment **ring;
    size_t room; /* of the ring; 0 or a power of two */
    int64_t kept, first, last, len;
    struct wr_segment *spare; /* the one let go last, for the next write */
    bool complete;
    int64_t changed;
    struct wr_spill spill;
};

/* A handle. */
struct wr_mem_file {
    weir_file base;
    struct wr_mem *mem;
    struct wr_memfs *fs;
    bool writes;
};

/* Its ops, but for close. */
ptrdiff_t wr_mem_write(weir_file *f, const void *buf, size_t n);
ptrdiff_t wr_mem_read_at(weir_file *f, void *buf, size_t n, int64_t off);
void wr_mem_trim(weir_file *f, int64_t upto);
int wr_mem_borrow(weir_file *f, int64_t off, size_t max, weir_loan *loan);
void wr_mem_give_back(weir_file *f, weir_loan *loan);
int wr_mem_finish(weir_file *f);
int wr_mem_info(weir_file *f, weir_file_info *out);
int wr_mem_verify(weir_file *f, weir_ctx *ctx);

/* Frees it; nobody has a handle. */
void wr_mem_free(struct wr_mem *m);

#endif
