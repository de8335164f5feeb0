/* SPDX-License-Identifier: MIT */
/*
 * Circuit breaker: stops calling what keeps failing, and finds out with a few
 * probes when it works again. After Nygard's "Release It!"; the two-step form
 * is Sony's gobreaker's, the window that of resilience4j.
 *
 *              failures in a row, or their share in the window
 *     CLOSED --------------------------------------------------> OPEN
 *        ^                                                      |    ^
 *        | `probes` successes                  open_for is over |    | a
 *        |                                      and one asks    v    | failure
 *        +------------------------------------------------- HALF_OPEN
 *
 * CLOSED lets every call through, OPEN none, HALF_OPEN at most `probes` at a
 * time. A call that began before a change of state no longer counts after it.
 *
 * Any task or thread. NULL is WEIR_EINVAL everywhere, unless said otherwise.
 */
#ifndef WEIR_BREAKER_H
#define WEIR_BREAKER_H

#include <weir/mutex.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_breaker_state {
    WEIR_BREAKER_CLOSED,
    WEIR_BREAKER_OPEN,
    WEIR_BREAKER_HALF_OPEN
};

/* "closed", "open", "half-open"; "?" for other values. Static. */
WEIR_API const char *weir_breaker_state_name(enum weir_breaker_state s);

typedef struct weir_breaker weir_breaker;

/* Options of a breaker. Zero means the default. */
typedef struct weir_breaker_opts {
    int failures;     /* so many in a row open it; 0: 5                      */
    int percent;      /* as does this share, 1..100, of the calls in the
                         window, looked at when one fails; 0: no share does  */
    int64_t window;   /* how far back calls count, ns, kept in tenths;
                         0: 10 s; at least 10 ns                             */
    int min_calls;    /* before the share counts; 0: 20                      */
    int64_t open_for; /* how long it is open before a probe, ns; 0: 5 s      */
    int probes;       /* at most so many at a time when half open, and so
                         many successes close it; 0: 1                       */
    /* Does this result of weir_breaker_call count as a failure? NULL: a
     * negative one does, but WEIR_CANCELED counts as no call at all. */
    bool (*is_failure)(int result, void *arg);
    /* Told of each change by the party whose call made it, outside every
     * lock, before that call returns; two may run at the same time. It may
     * use the breaker. */
    void (*on_change)(weir_breaker *b, enum weir_breaker_state from,
                      enum weir_breaker_state to, void *arg);
    void *arg; /* for both                                                   */
    /* Another clock than weir_now, in ns, for tests and simulations. It is
     * called under the breaker's lock: it must not use the breaker. */
    int64_t (*now)(void);
} weir_breaker_opts;

/* Counts since init. allowed = successes + failures + forgotten + late +
 * those that are under way. */
typedef struct weir_breaker_counts {
    uint64_t allowed;   /* calls that were let through                      */
    uint64_t refused;   /* calls that were not                              */
    uint64_t successes; /* reported, and counted                            */
    uint64_t failures;
    uint64_t forgotten; /* reported as no call at all                       */
    uint64_t late;      /* reported after the state had changed             */
    uint64_t opened;    /* times it went to OPEN                            */
    enum weir_breaker_state state;
} weir_breaker_counts;

enum { WEIR_BREAKER_SLOTS_ = 10 };

/* Caller-owned. Fields are private; weir_breaker_init it. Nothing is to be
 * given back, but no call may be under way when its memory goes. */
struct weir_breaker {
    weir_mutex lock_;
    weir_breaker_opts opts_;
    weir_breaker_counts counts_;
    uint64_t era_;
    int64_t opened_at_;
    uint64_t flying_;
    int in_a_row_, passed_;
    int64_t slot_;
    uint64_t calls_[WEIR_BREAKER_SLOTS_], failed_[WEIR_BREAKER_SLOTS_];
};

/* A closed breaker; o may be NULL. 0, WEIR_EINVAL (a number out of range). */
WEIR_API int weir_breaker_init(weir_breaker *b, const weir_breaker_opts *o);

/*
 * May a call be made? 0: yes, and exactly one of the three reports below must
 * follow, with *pass; WEIR_LIMIT: no, it is open; WEIR_BUSY: no, it is half
 * open and its probes are under way; WEIR_EINVAL.
 */
WEIR_API int weir_breaker_allow(weir_breaker *b, uint64_t *pass);

/* How the call went; forget: it was not made, or says nothing. 0,
 * WEIR_EINVAL (also, as far as can be told, a second report of a call). */
WEIR_API int weir_breaker_success(weir_breaker *b, uint64_t pass);
WEIR_API int weir_breaker_failure(weir_breaker *b, uint64_t pass);
WEIR_API int weir_breaker_forget(weir_breaker *b, uint64_t pass);

/* All in one: fn(arg), if a call may be made, and its result, which is also
 * reported; else the code of weir_breaker_allow. */
WEIR_API int weir_breaker_call(weir_breaker *b, int (*fn)(void *), void *arg);

/* A glance at the state: OPEN until somebody asks after open_for. CLOSED on
 * NULL. */
WEIR_API enum weir_breaker_state weir_breaker_state(weir_breaker *b);

/* A consistent snapshot. 0, WEIR_EINVAL. */
WEIR_API int weir_breaker_get_counts(weir_breaker *b, weir_breaker_counts *out);

#ifdef __cplusplus
}
#endif
#endif
