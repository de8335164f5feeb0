/* SPDX-License-Identifier: MIT */
#include "port/pages.h"

#include <sys/mman.h>
#include <unistd.h>
#include "port/atomic.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

size_t wr_page_size(void)
{
    static size_t known;
    size_t size = wr_load_rlx(&known);
    if (size == 0) {
        size = (size_t)sysconf(_SC_PAGESIZE);
        wr_store_rlx(&known, size);
    }
    return size;
}

void *wr_pages_reserve(size_t size)
{
    void *start = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED)
        return NULL;
    madvise(start, size, MADV_NOHUGEPAGE);
    return start;
}

void wr_pages_release(void *start, size_t size)
{
    munmap(start, size);
}

void wr_pages_discard(void *start, size_t size)
{
    madvise(start, size, MADV_DONTNEED);
}

bool wr_pages_guard_cheap(void *start, size_t size)
{
    return madvise(start, size, MADV_GUARD_INSTALL) == 0;
}

bool wr_pages_guard_split(void *start, size_t size)
{
    return mprotect(start, size, PROT_NONE) == 0;
}
