/* SPDX-License-Identifier: MIT */
#include "port/futex.h"

#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void wr_futex_wait(uint32_t *word, uint32_t expected, int64_t timeout)
{
    struct timespec ts = {timeout / 1000000000, timeout % 1000000000};
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected,
            timeout < 0 ? NULL : &ts, NULL, 0);
}

void wr_futex_wake(uint32_t *word, int count)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

bool wr_barrier_others(void)
{
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0)
        return true;
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0,
                   0) == 0 &&
           syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}
