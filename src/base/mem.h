/* SPDX-License-Identifier: MIT */
/* Memory from the system's allocator, with a hook by which tests make the
 * n-th allocation fail. */
#ifndef WR_BASE_MEM_H
#define WR_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed memory, aligned to 16; NULL when there is none. */
void *wr_alloc(size_t size);
/* The same aligned to a cache line. */
void *wr_alloc_line(size_t size);
/* As wr_alloc, but with whatever was there: for what is written before it is
 * read. All end with wr_free. */
void *wr_alloc_unset(size_t size);
void wr_free(void *p);

/* Lets n allocations succeed and fails those after; negative: no limit. */
void wr_mem_fail_after(int64_t n);

#endif
