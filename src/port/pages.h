/* SPDX-License-Identifier: MIT */
/* Address space, page by page. Sizes are multiples of wr_page_size(). */
#ifndef WR_PORT_PAGES_H
#define WR_PORT_PAGES_H

#include <stdbool.h>
#include <stddef.h>

size_t wr_page_size(void);

/* Zeroed address space that costs no memory until it is touched, and never
 * huge pages. NULL: none left, or a limit was reached. */
void *wr_pages_reserve(size_t size);
void wr_pages_release(void *start, size_t size);

/* Gives the memory back, keeps the address space and its guards. */
void wr_pages_discard(void *start, size_t size);

/* Makes any access to the pages a fault. Markers in the page tables where
 * the kernel has them (Linux 6.13): no mapping is split. */
bool wr_pages_guard_cheap(void *start, size_t size);

/* The same by splitting the mapping in two more. */
bool wr_pages_guard_split(void *start, size_t size);

#endif
