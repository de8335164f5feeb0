/* SPDX-License-Identifier: MIT */
/* The runtime inside a host's own loop: one worker, the thread that calls
 * weir_run_once first. */
#ifndef WR_SCHED_HOSTED_H
#define WR_SCHED_HOSTED_H

int wr_hosted_start(void);
void wr_hosted_stop(void);

#endif
