/* SPDX-License-Identifier: MIT */
/*
 * Where a file in memory moves its older part: a file of another file system,
 * made at the first need, which nobody finds by name.
 *
 * - The writer appends, one segment after the other; `written` and `part` are
 *   its own.
 * - A byte at off lies at off - shift of the file. shift is under the memory
 *   file's lock and changes only while nothing that is kept is spilled.
 */
#ifndef WR_STREAM_SPILL_H
#define WR_STREAM_SPILL_H

#include <weir/stream.h>

struct wr_spill {
    size_t above; /* bytes that may stay in memory; 0: all */
    weir_fs *fs;  /* NULL: a directory for temporary files */
    weir_fs *own; /* that one, once it is open             */
    weir_file *out, *in;
    int64_t shift;
    int64_t written;   /* to the file                              */
    size_t part;       /* of the segment that did not wholly go in */
    int64_t part_from; /* where that one begins                    */
};

/* Makes the file, if there is none. */
int wr_spill_open(struct wr_spill *s);
/* Appends the n bytes of the file in memory from off on: where they begin in
 * *at, or an error, after which the same may be tried again. */
int wr_spill_write(struct wr_spill *s, const char *data, size_t n, int64_t off,
                   int64_t *at);
void wr_spill_close(struct wr_spill *s);

#endif
