/* SPDX-License-Identifier: MIT */
#include "port/futex.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WATCHED 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define WATCHED 1
#endif

/*
 * The thread sanitizer holds a signal's handler back until its thread calls a
 * function that it intercepts, which futex(2) is not. So under it nobody
 * sleeps for long, and calls one before.
 */
static int64_t bounded(int64_t timeout)
{
#if defined(WATCHED)
    const int64_t longest = 20000000;
    usleep(0);
    if (timeout < 0 || timeout > longest)
        return longest;
#endif
    return timeout;
}

void wr_futex_wait(uint32_t *word, uint32_t expected, int64_t timeout)
{
    int saved = errno;
    timeout = bounded(timeout);
    struct timespec ts = {timeout / 1000000000, timeout % 1000000000};
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected,
            timeout < 0 ? NULL : &ts, NULL, 0);
    errno = saved;
}

void wr_futex_wake(uint32_t *word, int count)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static bool refused; /* constant once threads run */

void wr_barrier_refuse(void)
{
    refused = true;
}

static bool membarrier(int command)
{
    return syscall(SYS_membarrier, command, 0, 0) == 0;
}

bool wr_barrier_others(void)
{
    if (refused)
        return false;
    int saved = errno;
    bool passed = membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) ||
                  (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) &&
                   membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED));
    errno = saved;
    return passed;
}
