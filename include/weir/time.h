/* SPDX-License-Identifier: MIT */
/*
 * Time: the clock, sleep, timers and tickers. Instants are on the monotonic
 * clock. Nothing fires early; how late depends on the load. Setting and
 * stopping a timer costs no system call.
 */
#ifndef WEIR_TIME_H
#define WEIR_TIME_H

#include <weir/chan.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Now, in ns on the monotonic clock. */
WEIR_API int64_t weir_now(void);

/* Waits ns nanoseconds (zero or less: returns at once). 0, or WEIR_CANCELED
 * or WEIR_TIMEDOUT when ctx ended first. */
WEIR_API int weir_sleep(int64_t ns, weir_ctx *ctx);

/*
 * A channel (capacity 1, elements int64_t) that gets the time once, after ns
 * nanoseconds. The caller unrefs it; doing so before the time stops the
 * timer. NULL: out of memory.
 */
WEIR_API weir_chan *weir_after(int64_t ns);

/* A timer that calls back. Caller-owned; all zero is an idle timer. */
typedef struct weir_timer {
    struct weir_timer_ timer_;
    void (*fn_)(void *);
    void *arg_;
    uint32_t state_;
} weir_timer;

#define WEIR_TIMER_INIT                                                        \
    {                                                                          \
        {NULL, NULL, 0, NULL, NULL, 0, 0}, NULL, NULL, 0                       \
    }

/*
 * Sets (or sets anew) the timer: fn(arg) is called in ns nanoseconds, on a
 * worker, outside every lock; it must not wait (start a task for that).
 * Returns 1 if the timer was pending and has been moved, 0 if it was idle;
 * WEIR_EINVAL; WEIR_ENOMEM when the runtime cannot start.
 */
WEIR_API int weir_timer_set(weir_timer *t, int64_t ns, void (*fn)(void *),
                            void *arg);

/* Stops it: 1 it was pending and will not fire, 0 it was idle or has fired.
 * When it returns, fn does not run (unless called from fn itself) and the
 * memory may be reused. */
WEIR_API int weir_timer_stop(weir_timer *t);

/* A channel that gets the time (int64_t) every period. */
typedef struct weir_ticker weir_ticker;

/* Ticks every ns nanoseconds (> 0). A tick that finds the last one unread is
 * merged with it. NULL: out of memory, or ns <= 0. */
WEIR_API weir_ticker *weir_ticker_new(int64_t ns);
/* Its channel, capacity 1; owned by the ticker. */
WEIR_API weir_chan *weir_ticker_chan(weir_ticker *t);
/* A new period, counted from now; drops an unread tick. 0, WEIR_EINVAL. */
WEIR_API int weir_ticker_reset(weir_ticker *t, int64_t ns);
/* Stops and frees it; its channel is closed. NULL is allowed. */
WEIR_API void weir_ticker_free(weir_ticker *t);

#ifdef __cplusplus
}
#endif
#endif
