/* SPDX-License-Identifier: MIT */
/* The strategies of the retrying sink that come with it. */
#ifndef WR_EVENT_RETRY_H
#define WR_EVENT_RETRY_H

#include <weir/retry.h>

/* The state of one of them, whose `way` refers to it: it stays where it is. */
struct wr_strategy {
    weir_retry_strategy way;
    weir_backoff backoff;
    weir_breaker breaker;
    uint64_t pass; /* the breaker's, of the try under way                   */
    int64_t opened, open_for;
    int64_t (*now)(void);
};

/* Makes the one that the options ask for. 0, WEIR_EINVAL. */
int wr_strategy_init(struct wr_strategy *s, const weir_retry_opts *o);

#endif
