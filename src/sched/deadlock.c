/* SPDX-License-Identifier: MIT */
/* Is there a thread that could still wake a task? Asked only when every
 * worker is asleep, so it may cost a look at the system's list. */
#include <dirent.h>
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

int wr_foreign_threads(void)
{
    DIR *d = opendir("/proc/self/task");
    if (!d)
        return 1;
    int n = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(d);
    return n > our_threads() ? n - our_threads() : 0;
}
