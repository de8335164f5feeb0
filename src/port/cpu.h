/* SPDX-License-Identifier: MIT */
/* How many processors the process may use. */
#ifndef WR_PORT_CPU_H
#define WR_PORT_CPU_H

/* At least 1: the affinity mask, cut by the cgroup's quota (v2 and v1). */
int wr_cpu_count(void);

#endif
