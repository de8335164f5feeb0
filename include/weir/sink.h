/* SPDX-License-Identifier: MIT */
/*
 * Sinks: where events go. An interface of two calls, write and close, after
 * docker/go-events; here a write has a context, and so has a close.
 *
 * What stands in front of another sink is a sink itself (queues, filters,
 * broadcasters, ...), so they are put together at will. Such a sink holds a
 * reference to those behind it, and its close closes them, too.
 *
 *     struct mine {
 *         weir_sink sink;                       first, or found from it
 *         ...
 *     };
 *     static const weir_sink_ops ops = {.write = my_write};
 *     weir_sink_init(&m->sink, &ops);
 */
#ifndef WEIR_SINK_H
#define WEIR_SINK_H

#include <weir/ctx.h>
#include <weir/event.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_sink weir_sink;

/* What a sink does. Static, the same for all sinks of a kind. */
typedef struct weir_sink_ops {
    /*
     * Takes one event. The event is lent: who keeps it takes a reference.
     * ctx (may be NULL) ends the waiting in it. 0: it is taken; WEIR_CLOSED:
     * this sink takes nothing, now and for ever; anything else negative: it
     * failed, and the event stays the caller's. May be called by several
     * parties at once, unless what stands in front of it says otherwise.
     * Required.
     */
    int (*write)(weir_sink *s, weir_event *e, weir_ctx *ctx);
    /*
     * Takes no more, and ends what it holds open, waiting at most until ctx
     * (may be NULL) ends. 0 or an error. May come again, and several at a
     * time: each waits for the same end. It must not close what stands before
     * it. NULL: there is nothing to close, and writes go on.
     */
    int (*close)(weir_sink *s, weir_ctx *ctx);
    /* The last reference was given back: frees it. NULL: the memory is
     * somebody else's. */
    void (*free)(weir_sink *s);
} weir_sink_ops;

/* Embedded in each sink; fields are private. */
struct weir_sink {
    const weir_sink_ops *ops_;
    uint32_t refs_;
};

/* Makes s a sink with one reference. 0; WEIR_EINVAL (NULL, no write). */
WEIR_API int weir_sink_init(weir_sink *s, const weir_sink_ops *ops);

/* One more reference; returns s. One less; the last one calls free. Any task
 * or thread; NULL is allowed. */
WEIR_API weir_sink *weir_sink_ref(weir_sink *s);
WEIR_API void weir_sink_unref(weir_sink *s);

/* The sink's own write and close. What they return, or WEIR_EINVAL for a NULL
 * sink. e and ctx may be NULL. The caller holds a reference meanwhile. */
WEIR_API int weir_sink_write(weir_sink *s, weir_event *e, weir_ctx *ctx);
WEIR_API int weir_sink_close(weir_sink *s, weir_ctx *ctx);

#ifdef __cplusplus
}
#endif
#endif
