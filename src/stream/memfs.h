/* SPDX-License-Identifier: MIT */
#ifndef WR_STREAM_MEMFS_H
#define WR_STREAM_MEMFS_H

#include <weir/stream.h>

/* weir_memfs_new whose files keep spill_above bytes (0: all) in memory. */
weir_fs *wr_memfs_new(size_t segment, size_t spill_above, weir_fs *spill_to);

#endif
