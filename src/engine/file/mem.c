/* SPDX-License-Identifier: MIT */
/* Memory of the engine, from the system's allocator, with a hook by which
 * tests make the n-th allocation fail. */
#include "engine/file/file.h"

#include <stdlib.h>

static int64_t budget = -1;

static bool granted(void)
{
    int64_t left = __atomic_load_n(&budget, __ATOMIC_RELAXED);
    while (left > 0)
        if (__atomic_compare_exchange_n(&budget, &left, left - 1, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return true;
    return left < 0;
}

void *wr_file_alloc(size_t size)
{
    return granted() ? calloc(1, size) : NULL;
}

char *wr_file_copy(const char *s)
{
    const size_t size = strlen(s) + 1;
    char *to = wr_file_alloc(size);
    return to ? memcpy(to, s, size) : NULL;
}

void wr_file_mem_fail_after(int64_t n)
{
    __atomic_store_n(&budget, n, __ATOMIC_RELAXED);
}
