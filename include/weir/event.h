/* SPDX-License-Identifier: MIT */
/*
 * Events: what happened, as one immutable record that any number of sinks
 * share without a copy. The envelope is that of CloudEvents and of Kafka's
 * records: a type, a key, a time, headers and a payload.
 *
 * Wherever an event is taken, NULL is an event as well: the null event, which
 * has nothing and costs nothing, and passes through every sink.
 */
#ifndef WEIR_EVENT_H
#define WEIR_EVENT_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_event_header {
    const char *name;
    const char *value; /* NULL stands for ""                                */
} weir_event_header;

/* An event, to be read only. Sizes are in bytes; what has size 0 may be
 * NULL. Lives until its last reference is given back. */
typedef struct weir_event {
    const char *type; /* "" without one                                     */
    const void *key;
    size_t key_size;
    int64_t time; /* ns since 1970, UTC                                     */
    const weir_event_header *headers;
    size_t header_count;
    const void *payload;
    size_t size;
} weir_event;

/* What a new event is made of. Zero means the default. */
typedef struct weir_event_opts {
    const char *type; /* copied; NULL: ""                                   */
    const void *key;  /* copied                                             */
    size_t key_size;
    int64_t time; /* 0: now                                                 */
    const weir_event_header *headers; /* copied, in their order             */
    size_t header_count;
    const void *payload;
    size_t size; /* of the payload                                          */
    /* NULL: the payload is copied, to a multiple of 16. Otherwise the event
     * takes it as it is, and this is called with it when the last reference
     * goes: once, outside every lock, by whoever gave that reference back. */
    void (*destroy)(void *payload, void *arg);
    void *arg;
} weir_event_opts;

/*
 * Makes an event with one reference: 0 and *e; one allocation. WEIR_EINVAL
 * (a size without a place, a header without a name, sizes that overflow),
 * WEIR_ENOMEM: *e is NULL, and the payload is still the caller's.
 * Any task or thread.
 */
WEIR_API int weir_event_new(weir_event **e, const weir_event_opts *o);

/* One more reference; returns e. Any task or thread; NULL is allowed. */
WEIR_API weir_event *weir_event_ref(weir_event *e);

/* One reference less; the last one frees it. NULL is allowed. */
WEIR_API void weir_event_unref(weir_event *e);

/* The same for where an event is kept: a `destroy` for channels of elements of
 * type weir_event *. elem is a weir_event **. */
WEIR_API void weir_event_unref_elem(void *elem);

/* The value of the first header of that name (compared byte by byte), or
 * NULL; also NULL for the null event. Costs a step a header. */
WEIR_API const char *weir_event_get_header(const weir_event *e,
                                           const char *name);

#ifdef __cplusplus
}
#endif
#endif
