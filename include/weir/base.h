/* SPDX-License-Identifier: MIT */
/*
 * What every other header builds on: result codes, time units, and the
 * private queue that caller-owned objects embed.
 */
#ifndef WEIR_BASE_H
#define WEIR_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_VERSION_MAJOR 0
#define WEIR_VERSION_MINOR 1
#define WEIR_VERSION_PATCH 0

#if defined(__GNUC__)
#define WEIR_API __attribute__((visibility("default")))
#else
#define WEIR_API
#endif

/*
 * Results. Zero or a positive count is success, a negative value a failure.
 * A failure that the system reported is its errno, negated, and so lies in
 * -4095..-1; weir's own conditions lie below that and collide with none.
 */
enum {
    WEIR_OK = 0,
    WEIR_EINVAL = -22,        /* an argument is wrong; nothing was done       */
    WEIR_ENOMEM = -12,        /* out of memory, mappings or threads           */
    WEIR_CLOSED = -5001,      /* the channel or descriptor is closed          */
    WEIR_FULL = -5002,        /* try: no room, and no receiver waits          */
    WEIR_EMPTY = -5003,       /* try: nothing there, and no sender waits      */
    WEIR_TIMEDOUT = -5004,    /* the deadline passed first                    */
    WEIR_CANCELED = -5005,    /* the context was cancelled first              */
    WEIR_BUSY = -5006,        /* try: somebody else holds it                  */
    WEIR_DEADLOCK = -5007,    /* all tasks are asleep: none can run again     */
    WEIR_FORKED = -5008,      /* this process is a fork; its runtime is dead  */
    WEIR_STOPPED = -5009,     /* the runtime is stopping or stopped           */
    WEIR_LIMIT = -5010,       /* a configured limit is reached                */
    WEIR_UNSUPPORTED = -5011, /* this kind of object cannot do that          */
    WEIR_LAGGED = -5012,      /* what it would have read is no longer kept    */
    WEIR_REMOVING = -5013,    /* it is being removed: nobody new comes in     */
    WEIR_EXPIRED = -5014,     /* the time was over; it is somebody else's now */
    WEIR_INCOMPLETE = -5015,  /* a file whose writing was cut off             */
    WEIR_CORRUPT = -5016,     /* a file that is damaged, or of another kind   */
    WEIR_TERM = -5017         /* a handler: nobody can ever handle this one   */
};

/* A sentence for a code, weir's or a negated errno. The text is static.
 * Safe from any thread, task or signal handler. */
WEIR_API const char *weir_strerror(int code);

/* The code's name: "WEIR_CLOSED". Static; "WEIR_UNKNOWN" for other values. */
WEIR_API const char *weir_errname(int code);

/* "major.minor.patch" of the library in use. */
WEIR_API const char *weir_version(void);

/* Durations and instants are int64_t nanoseconds. */
#define WEIR_NANOSECOND  INT64_C(1)
#define WEIR_MICROSECOND INT64_C(1000)
#define WEIR_MILLISECOND INT64_C(1000000)
#define WEIR_SECOND      INT64_C(1000000000)
#define WEIR_MINUTE      (60 * WEIR_SECOND)
#define WEIR_FOREVER     INT64_MAX

/*
 * Private: the queue of waiters inside caller-owned objects (contexts, wait
 * groups, mutexes, ...). All zero is the empty queue. Never touch its fields.
 */
struct weir_queue_ {
    uint32_t lock_;
    uint32_t pad_;
    void *head_;
    void *tail_;
};

/* Private: a timer's fields. */
struct weir_timer_ {
    struct weir_timer_ *next_, *prev_;
    int64_t when_;
    void (*fire_)(struct weir_timer_ *);
    void *wheel_;
    uint32_t slot_;
    uint32_t state_;
};

#ifdef __cplusplus
}
#endif
#endif
