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

/* The directory's links are the process's threads and two more. To read it
 * would miss some: the kernel's walk ends at a thread that has just ended. */
int wr_foreign_threads(void)
{
    struct stat st;
    if (stat("/proc/self/task", &st) != 0 || st.st_nlink < 3)
        return 1;
    int n = (int)st.st_nlink - 2;
    return n > our_threads() ? n - our_threads() : 0;
}
