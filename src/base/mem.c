/* SPDX-License-Identifier: MIT */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include "port/atomic.h"

static int64_t budget = -1;

static bool granted(void)
{
    if (wr_likely(wr_load_rlx(&budget) < 0))
        return true;
    int64_t left = wr_load_rlx(&budget);
    while (left > 0)
        if (wr_cas(&budget, &left, left - 1))
            return true;
    return left < 0;
}

void *wr_alloc(size_t size)
{
    return granted() ? calloc(1, size ? size : 1) : NULL;
}

void *wr_alloc_line(size_t size)
{
    if (size > SIZE_MAX - WR_CACHE_LINE || !granted())
        return NULL;
    size = (size + WR_CACHE_LINE - 1) & ~(size_t)(WR_CACHE_LINE - 1);
    void *p = aligned_alloc(WR_CACHE_LINE, size);
    return p ? memset(p, 0, size) : NULL;
}

void *wr_alloc_unset(size_t size)
{
    return granted() ? malloc(size ? size : 1) : NULL;
}

void wr_free(void *p)
{
    free(p);
}

void wr_mem_fail_after(int64_t n)
{
    wr_store(&budget, n);
}
