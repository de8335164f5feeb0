/* SPDX-License-Identifier: MIT */
/* Is there a thread that could still wake a task? Asked only when every
 * worker is asleep, so it may cost a system call. */
#include <sys/stat.h>
#include "sched/blocking.h"
#include "sched/state.h"

/* The workers, the monitor, and the caller of weir_run. */
static int our_threads(void)
{
    int n = wr_rt.nworkers + 2 + wr_blocking_threads();
#if defined(WR_TSAN)
    n++; /* the sanitizer's own */
#endif
    return n;
}

/* How often threads have gone to sleep and been woken: moves with each. */
static uint64_t sleeps_and_wakes(void)
{
    return wr_load(&wr_rt.threads_slept) + wr_load(&wr_rt.threads_woken);
}

/*
 * The directory's links are the process's threads and two more. To read it
 * would miss some: the kernel's walk ends at a thread that has just ended.
 * Nobody slept or was woken meanwhile, so those who are asleep were so at the
 * instant of the count.
 */
int wr_foreign_threads(void)
{
    struct stat st;
    uint64_t before = sleeps_and_wakes();
    int asleep =
        (int)(wr_load(&wr_rt.threads_slept) - wr_load(&wr_rt.threads_woken));
    if (stat("/proc/self/task", &st) != 0 || st.st_nlink < 3 ||
        sleeps_and_wakes() != before)
        return 1;
    int n = (int)st.st_nlink - 2 - asleep;
    return n > our_threads() ? n - our_threads() : 0;
}
