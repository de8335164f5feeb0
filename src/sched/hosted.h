/* SPDX-License-Identifier: MIT */
/* The runtime inside a host's own loop: one worker, the thread that calls
 * weir_run_once first. */
#ifndef WR_SCHED_HOSTED_H
#define WR_SCHED_HOSTED_H

#include <stdbool.h>
#include <stdint.h>

/* Is this the host's thread, outside tasks? The first that asks becomes it. */
bool wr_hosted_is_host(void);
bool wr_hosted_here(void); /* the same, but none becomes it */

int wr_hosted_start(void);
void wr_hosted_stop(void);

/* On the host's thread, outside weir_run_once: runs the runtime until *flag
 * is not 0. Who sets it from another thread then kicks the poller. */
void wr_hosted_until(const uint32_t *flag);

#endif
