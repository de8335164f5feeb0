/* SPDX-License-Identifier: MIT */
/*
 * Handlers: a function for each type of event, and one for the rest. In place
 * of the `switch event.Type` in a Go worker; here handlers come and go while
 * events arrive, an unknown type is an error and not silence, and each has an
 * account.
 *
 *   write -> by its type -> a handler
 *                        -> the one for all others, or WEIR_UNSUPPORTED
 *
 * As a sink it stands behind a queue, a retry or a subscription. Handlers are
 * called by those who write, several at a time if they are several. A handler
 * that takes too long: put a timeout sink before it.
 *
 * Any task or thread; NULL for the handlers is WEIR_EINVAL, unless it is said
 * to be allowed.
 */
#ifndef WEIR_HANDLERS_H
#define WEIR_HANDLERS_H

#include <weir/sink.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_handlers weir_handlers;

/* Handles an event, which is lent. Its result is the write's. Outside every
 * lock; it may use the handlers. */
typedef int weir_handler_fn(weir_event *e, weir_ctx *ctx, void *arg);

/* Options of handlers. Zero means the default. */
typedef struct weir_handlers_opts {
    weir_handler_fn *otherwise; /* for types without a handler              */
    void *arg;                  /* its                                      */
    bool ignore; /* without it: such events are swallowed, which is success;
                    else their write is WEIR_UNSUPPORTED                     */
} weir_handlers_opts;

/* Makes them with one reference: 0 and *h; o may be NULL. WEIR_EINVAL,
 * WEIR_ENOMEM: *h is NULL. */
WEIR_API int weir_handlers_new(weir_handlers **h, const weir_handlers_opts *o);

/* The handlers as a sink: WEIR_CLOSED once closed. A close waits, at most until
 * ctx ends, for the handlers under way: 0, ctx's error; WEIR_DEADLOCK: from a
 * handler, it is closed, only not waited for. Not a reference of its own. NULL
 * for NULL. */
WEIR_API weir_sink *weir_handlers_sink(weir_handlers *h);

/* One reference less; the last one frees them. NULL is allowed. */
WEIR_API void weir_handlers_unref(weir_handlers *h);

/* From now on fn is called for events of that type, compared byte by byte; "",
 * which is also the null event's, is one. The type is copied. 0; -EEXIST: it
 * has a handler; WEIR_EINVAL (no type, no function), WEIR_ENOMEM, WEIR_CLOSED.
 * Costs a step a type; an event costs their logarithm. */
WEIR_API int weir_handlers_on(weir_handlers *h, const char *type,
                              weir_handler_fn *fn, void *arg);

/* The type has no handler any more. Waits, at most until ctx ends, until none
 * of its calls is under way, so that its arg may go. 0; WEIR_EMPTY: it has
 * none; ctx's error, and WEIR_DEADLOCK from a handler while it is running: it
 * is off, but was not waited for; WEIR_EINVAL. */
WEIR_API int weir_handlers_off(weir_handlers *h, const char *type,
                               weir_ctx *ctx);

/* The account of one: calls = handled + failed + running. */
typedef struct weir_handler_counts {
    uint64_t calls;
    uint64_t handled; /* with the result 0                                  */
    uint64_t failed;
    uint64_t running;
} weir_handler_counts;

/* Of a type's handler since it is on; of NULL: of all events that had none,
 * those refused or ignored included. 0; WEIR_EMPTY: no such handler;
 * WEIR_EINVAL. */
WEIR_API int weir_handlers_get_counts(weir_handlers *h, const char *type,
                                      weir_handler_counts *out);

#ifdef __cplusplus
}
#endif
#endif
